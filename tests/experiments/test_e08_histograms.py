"""E8: what is counted, each verdict on made-up numbers, a tiny run from end to end."""

import json
from dataclasses import replace

import numpy as np
import pytest

from minirad.experiments import e07_failure as e7
from minirad.experiments import e08_histograms as e8
from minirad.experiments import task_translation as task
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from minirad.experiments.task_translation import Training

for needed in ("matplotlib", "num2words", "scipy"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

TINY = {"layers": 1, "width": 8, "feed_forward": 16, "pairs": 200, "steps": 12}
ONE = Training("adam", 3e-3, 100, **TINY)


def inline(experiment, trainings):
    return [json.loads(json.dumps(experiment.run(training))) for training in trainings]


def test_from_end_to_end(tmp_path):
    settings = e8.EXHIBIT.at("laptop") | {"task": TINY, "seeds": 2}
    numbers = json.loads(json.dumps(e8.run(settings, inline), sort_keys=True, allow_nan=False))
    assert numbers["steps"] == [1, 5, 10]
    for claim in e8.EXHIBIT.claims:
        claim.judge(numbers)
    assert len(e8.lines(numbers)) == 7
    e8.draw(numbers).savefig(tmp_path / "figure.png")
    starts = {tuple(own[key][0][:1] + own[key][1][:1]) for own in numbers["arms"].values() for key in ("median",)}
    assert len(starts) == 1  # step 1 is the same for all arms
    assert numbers["arms"]["adam-2k"]["distance"][0][0] == 0
    for own in numbers["arms"].values():
        assert np.allclose(np.sum(own["share"], axis=1), 1, atol=1e-3)


def test_every_parameter_is_counted_once():
    pairs = task.pairs_of(ONE)
    model, _, _ = task.trained(ONE, pairs)
    first, *_ = e8.histograms(ONE)
    assert sum(first["counts"]) == sum(p.data.size for p in model.parameters())


def test_the_numbers_of_a_step():
    """By hand: two gradients fall by two powers of ten, one vanishes."""
    start = np.log10([1e-3, 1e-2, 1e-1, 1.0])
    now = np.sort([-16.0, -5.0, -4.0, 0.0])
    row = e8.numbers_of(now, start)
    assert row["median"] == -4.5
    assert row["tiny"] == 0.25
    assert row["distance"] == (13 + 3 + 3 + 0) / 4
    assert (sum(row["counts"]), row["counts"][0], len(row["counts"])) == (4, 1, 90)


def test_zero_and_what_is_not_finite_count():
    class Net:
        def parameters(self):
            return [type("P", (), {"grad": g}) for g in (np.array([0.0, 1e-30, np.nan, 0.1], np.float32), None)]

    assert e8.sorted_logs(Net()) == pytest.approx([-16, -16, -16, -1])


def test_nothing_is_trained_beyond_the_last_step(monkeypatch):
    seen = []
    real = task.optimizer_of

    def spied(*arguments):
        optimizer, schedule = real(*arguments)
        step = optimizer.step
        optimizer.step = lambda: seen.append(1) or step()
        return optimizer, schedule

    monkeypatch.setattr(task, "optimizer_of", spied)
    monkeypatch.setattr(e8, "AT", (1, 3))
    assert [row["step"] for row in e8.histograms(ONE)] == [1, 3]
    assert len(seen) == 2


def test_a_run_that_diverges_keeps_its_last_numbers():
    settings = e8.EXHIBIT.at("laptop") | {"task": TINY, "seeds": 1, "lr": 1e30}
    numbers = e8.run(settings, inline)
    for own in numbers["arms"].values():
        assert [len(own[key][0]) for key in ("median", "tiny", "distance")] == [3, 3, 3]


def test_the_setting_is_that_of_e7():
    assert e8.EXHIBIT.at("laptop") == {
        "task": e7.LAPTOP["task"],
        "lr": e7.LAPTOP["lr"],
        "beta2": e7.LAPTOP["beta2"],
        "seeds": 10,
    }


LOW, HIGH, MIXED = [-2.0, -2.1, -1.9], [-1.0, -1.2, -0.9], [-3.0, -1.0, -0.1]


@pytest.mark.parametrize(
    ("adam", "warmup", "word"), [(LOW, HIGH, SUPPORTED), (HIGH, LOW, CONTRADICTED), (LOW, MIXED, INCONCLUSIVE)]
)
def test_the_primary_claim(adam, warmup, word):
    (claim,) = [claim for claim in e8.EXHIBIT.claims if claim.primary]
    arms = {
        arm: {"median": [[5.0, 0.0, 5.0 + shift] for shift in shifts]}
        for arm, shifts in (("adam", adam), ("adam-warmup-25", warmup))
    }
    assert claim.judge({"steps": [1, 5, 10], "arms": arms}).word == word


@pytest.mark.parametrize("claim", e8.EXHIBIT.claims[1:])
@pytest.mark.parametrize(
    ("a", "b", "word"), [(HIGH, LOW, SUPPORTED), (LOW, HIGH, CONTRADICTED), (LOW, MIXED, INCONCLUSIVE)]
)
def test_the_other_claims(claim, a, b, word):
    _, key, step, first, then = claim.judge.args
    arms = {
        arm: {key: [[0.0, x, 0.0] if step else [0.0, 0.0, x] for x in values]}
        for arm, values in ((first, a), (then, b))
    }
    assert claim.judge({"steps": [1, 10, 25], "arms": arms}).word == word


def test_the_papers_scale_starts(monkeypatch):
    monkeypatch.setattr(e8, "AT", (1, 2))
    few = task.load("number-words", pairs=20)
    monkeypatch.setattr(task, "pairs_of", lambda training: few)
    own = e8.EXHIBIT.at("paper")
    rows = e8.histograms(replace(Training("radam", own["lr"], 0, **own["task"]), layers=1, max_tokens=40))
    assert [row["step"] for row in rows] == [1, 2]
