"""E16: where its margin is from, its theory, each verdict on made-up numbers, a tiny run from end to end."""

import json
from dataclasses import replace

import pytest

from minirad.experiments import e07_failure as e7
from minirad.experiments import e16_untuned_warmup as e16
from minirad.experiments import rates
from minirad.experiments import task_translation as task
from minirad.experiments.exhibit import CONTRADICTED, CORRECTED, FAILS, HOLDS, INCONCLUSIVE, SUPPORTED
from minirad.experiments.task_translation import Training

for needed in ("matplotlib", "num2words", "scipy"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

NET = {"layers": 1, "width": 8, "feed_forward": 16, "pairs": 60, "steps": 4}
TINY = e16.QUICK | {"task": NET, "long task": NET | {"steps": 6}, "grid": [-5], "trajectories": 200}


def inline(experiment, trainings):
    return [json.loads(json.dumps(experiment.run(training))) for training in trainings]


def made_up(experiment, trainings):
    """In E7 Adam ends at 0.3 and warmup at 0.1; in E16 all at about 0.05."""
    rows = []
    for t in trainings:
        loss = {"adam": 0.3, "adam-warmup-25": 0.1}.get(t.arm, 0.2) if experiment.name == "E7" else 0.05
        loss += 1e-4 * (t.seed % 7) + abs(t.lr - 3e-3)
        losses = {"validation_loss": loss, "test_loss": loss, "unigram": 2.8, "nothing": 3.5}
        rows.append([{"step": [1], "loss": [3.0], "stopped": None, **losses}])
    return rows


def test_from_end_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr(rates, "MOST", 1)
    numbers = json.loads(json.dumps(e16.run(TINY, inline), sort_keys=True, allow_nan=False))
    for claim in e16.EXHIBIT.claims:
        claim.judge(numbers)
    assert numbers["margin"] == 0.05
    assert "E7 was not asked" in "\n".join(e16.lines(numbers))
    e16.draw(numbers).savefig(tmp_path / "figure.png")


def test_the_margin_is_half_of_e7s_gap(tmp_path):
    """And E7's trainings are E7's own, so that those that are recorded are found."""
    asked = []
    own = e16.LAPTOP | {"trajectories": 100}
    numbers = e16.run(own, lambda experiment, runs: asked.append((experiment.name, runs)) or made_up(experiment, runs))
    assert numbers["gap"] == pytest.approx(0.2)
    assert numbers["margin"] == pytest.approx(0.1)
    wanted: list[Training] = []
    e7.run(e7.LAPTOP, lambda experiment, runs: wanted.extend(runs) or made_up(experiment, runs))
    asked_of_e7 = {t for name, runs in asked if name == "E7" for t in runs}
    assert asked_of_e7
    assert asked_of_e7 <= set(wanted)
    (claim,) = [claim for claim in e16.EXHIBIT.claims if claim.primary]
    assert claim.judge(numbers).word == SUPPORTED
    assert "half of E7's gap of 0.2000" in "\n".join(e16.lines(numbers))
    e16.draw(numbers).savefig(tmp_path / "figure.png")


def test_which_trainings():
    asked = []
    own = e16.LAPTOP | {"trajectories": 100}
    e16.run(own, lambda experiment, runs: _kept(asked, experiment, runs))
    main = [t for t in asked if t.steps == 600]
    assert {t.seed for t in main} == set(range(100, 110)) | set(rates.SEEDS)
    assert {replace(t, arm="", seed=0, lr=0.0) for t in main} == {Training("", 0.0, 0, 0.99, steps=600)}
    assert all(t.steps * (1 - t.beta2) / 2 >= 3 - 1e-9 for t in asked)
    assert {t.seed for t in asked if t.steps == 6000} == {100, 101, 102}


def _kept(asked, experiment, runs):
    asked.extend(runs if experiment.name == "E16" else [])
    return made_up(experiment, runs)


NEAR, ALSO, FAR, WILD = [0.10, 0.11, 0.12], [0.101, 0.110, 0.119], [0.3, 0.31, 0.33], [0.1, 0.6, 0.05]


@pytest.mark.parametrize(
    "claim", [claim for claim in e16.EXHIBIT.claims if claim.judge.__class__.__name__ == "partial"]
)
@pytest.mark.parametrize("other", [ALSO, FAR, WILD])
def test_each_claim_about_trainings(claim, other):
    arm = claim.judge.args[-1]
    numbers = {"margin": 0.05, "tuned": {"losses": {"radam": NEAR, arm: other}}}
    numbers |= {part: {"radam": NEAR, arm: other} for part in ("matched", "long")}
    smaller = claim.judge.args[0] is e16.smaller
    words = {"ALSO": INCONCLUSIVE if smaller else SUPPORTED, "FAR": SUPPORTED if smaller else CONTRADICTED}
    expected = words["ALSO"] if other is ALSO else words["FAR"] if other is FAR else INCONCLUSIVE
    assert claim.judge(numbers).word == expected
    if smaller:
        assert claim.judge({"tuned": {"losses": {"radam": FAR, arm: NEAR}}}).word == CONTRADICTED


@pytest.mark.parametrize("margin", [0.0, -0.01])
def test_without_a_gap_there_is_no_verdict(margin):
    verdict = e16.equivalent(("matched",), e16.LINEAR, {"margin": margin, "matched": {"radam": NEAR, e16.LINEAR: NEAR}})
    assert verdict.word == INCONCLUSIVE
    assert verdict.numbers == {"margin": margin, "p": None}
    assert "worth nothing" in verdict.note


def test_what_is_taken_from_the_rate():
    found = e16.taken(0.999)
    assert found["radam"] == pytest.approx(1033.3, abs=0.1)
    assert found[e16.LINEAR] == pytest.approx(999.5)
    assert found[e16.EXPONENTIAL] == pytest.approx(999.5, abs=0.01)


@pytest.mark.parametrize(("r_t", "word"), [(1033.0, HOLDS), (1100.0, CORRECTED), (500.0, FAILS)])
def test_as_much_taken(r_t, word):
    assert e16.as_much_taken({"taken": {"0.999": {"radam": r_t, e16.LINEAR: 999.5}}}).word == word


def test_the_update_on_noise():
    found = e16.update_on_noise(20_000)
    expected = {1: 1.0, 2: 0.708, 3: 0.580, 4: 0.502, 10: 0.330, 2000: 0.229}
    assert {t: x for t, x in zip(found["t"], found["formula"], strict=True) if t in expected} == pytest.approx(
        expected, abs=3e-3
    )
    assert e16.largest_first({"update": found}).word == HOLDS


@pytest.mark.parametrize(("simulated", "word"), [([1.0, 0.71], HOLDS), ([1.0, 0.5], CORRECTED), ([0.7, 0.71], FAILS)])
def test_largest_first(simulated, word):
    assert e16.largest_first({"update": {"t": [1, 2], "simulated": simulated, "formula": [1.0, 0.708]}}).word == word


def test_what_is_refused_early(monkeypatch):
    asked = []
    monkeypatch.setattr(task, "before", asked.append)
    e16.EXHIBIT.before(e16.LAPTOP)
    assert [t.steps for t in asked] == [600, 200]  # its own and E7's; Multi30k is not needed
    e16.EXHIBIT.before(e16.QUICK)
    assert len(asked) == 3


def test_the_papers_scale_starts(monkeypatch):
    few = task.load("number-words", pairs=20)
    monkeypatch.setattr(task, "pairs_of", lambda training: few)
    own = e16.PAPER
    few_steps = own["task"] | {"layers": 1, "steps": 2, "max_tokens": 40}  # E7's test builds the whole net
    training = Training("adam-untuned-linear", own["lr"], 0, own["beta2"], **few_steps)
    (row,) = e16.EXPERIMENT.run(training)
    assert len(row["loss"]) == 2
