"""The demonstration of figure 1: its arms, what is recorded, what is said of it."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import host

from minirad import optim
from minirad.experiments import e07_demonstration as e7

for needed in ("matplotlib", "num2words"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

TINY = e7.Training("Adam", 100, layers=1, width=8, steps=4, pairs=200)  # 180 pairs are three batches


@pytest.fixture
def seen(monkeypatch):
    """The learning rate of each step, and the parameters' first values, of each training."""
    found = []

    def spied(kind):
        class Spy(kind):
            def __init__(self, params, **settings):
                params = list(params)
                self.own = {"first": [host(p.data).copy() for _, p in params], "lr": [], "settings": settings}
                found.append(self.own)
                super().__init__(params, **settings)

            def step(self, *args, **kwargs):
                self.own["lr"].append(self.param_groups[0]["lr"])
                return super().step(*args, **kwargs)

        return Spy

    for arm, (kind, *others) in list(e7.ARMS.items()):
        monkeypatch.setitem(e7.ARMS, arm, (spied(kind), *others))
    return found


def test_the_arms():
    assert list(e7.ARMS) == ["Adam", "Adam with warmup", "RAdam", "Adam at a fifth of the rate"]
    assert [kind for kind, *_ in e7.ARMS.values()] == [optim.Adam, optim.Adam, optim.RAdam, optim.Adam]


def test_the_rates(seen):
    """One rate, a warmup over a quarter of the steps, and a fifth of the rate."""
    for arm in e7.ARMS:
        e7.train(replace(TINY, arm=arm, steps=8))
    rates = [own["lr"] for own in seen]
    assert rates[0] == rates[2] == [3e-3] * 8
    assert rates[1] == pytest.approx([1.5e-3] + [3e-3] * 7)
    assert rates[3] == pytest.approx([6e-4] * 8)
    assert all(own["settings"]["betas"] == (0.9, 0.999) for own in seen)


def test_the_arms_of_a_seed_start_alike(seen):
    eight = replace(TINY, steps=8)
    losses = [e7.train(replace(eight, arm=arm))[0]["loss"] for arm in e7.ARMS]
    assert len({loss[0] for loss in losses}) == 1  # the same weights, the same first batch
    assert len({tuple(loss) for loss in losses}) == 4
    for own in seen[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(own["first"], seen[0]["first"], strict=True))
    assert e7.train(replace(eight, seed=101))[0]["loss"][0] != losses[0][0]


def test_the_rows():
    rows = e7.train(TINY)
    assert rows == e7.train(TINY)
    row, end = rows
    assert row.keys() == {"loss", "validation_loss"}
    assert end == {"stopped": None}
    assert len(row["loss"]) == 4
    assert all(2 < x < 8 for x in [*row["loss"], row["validation_loss"]])


def test_a_training_that_diverges():
    with np.errstate(all="ignore"):
        row, end = e7.train(replace(TINY, lr=1e30, steps=20))
    assert row["validation_loss"] is None
    assert row["loss"][-1] is None
    assert len(row["loss"]) < 20
    assert end["stopped"].endswith(f"at step {len(row['loss'])}")


def done(experiment, trainings):
    """Made-up rows: RAdam's second seed diverged."""
    return [
        [{"loss": [3.0, None], "validation_loss": None}, {"stopped": "the loss is nan at step 2"}]
        if (training.arm, training.seed) == ("RAdam", 101)
        else [{"loss": [3.0, 2.0, 1.0], "validation_loss": training.lr}, {"stopped": None}]
        for training in trainings
    ]


def test_what_is_said_and_drawn(tmp_path):
    numbers = e7.run({"seeds": 2, "steps": 200}, done)
    assert numbers["arms"]["Adam"]["validation_loss"] == [3e-3, 3e-3]
    assert numbers["arms"]["RAdam"]["validation_loss"] == [3e-3, None]
    assert numbers["mean r_t"] == pytest.approx(0.2, abs=0.005)
    said = "\n".join(e7.lines(numbers))
    assert "RAdam's mean r_t over the run is 0.20" in said
    assert [line.split()[-2:] for line in said.splitlines() if line.startswith("  RAdam")] == [["0.003", "diverged"]]
    e7.draw(numbers).savefig(tmp_path / "figure.png")


def test_which_trainings():
    """Seeds from 100 on, never the pilots', seed by seed; all else but the arm alike."""
    asked = []
    e7.run({"seeds": 2}, lambda experiment, trainings: asked.extend(trainings) or done(experiment, trainings))
    assert [(t.arm, t.seed) for t in asked] == [(arm, seed) for seed in (100, 101) for arm in e7.ARMS]
    assert {replace(t, arm="", seed=0) for t in asked} == {e7.Training("", 0)}


def test_it_decides_nothing():
    assert e7.EXHIBIT.claims == ()
