"""E12: how the worst warmup is chosen, what is planned, what decides, and the exhibit from end to end on few steps."""

import json

import pytest
from image_exhibits import TINY_SETTINGS, inline, made_up, saved

from minirad.experiments import e12_warmup_lengths as e12
from minirad.experiments import task_images
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, NOT_RUN, SUPPORTED
from minirad.experiments.task_images import PAPER_STEPS

TINY = e12.EXHIBIT.at("quick") | TINY_SETTINGS | {"steps": 2, "warmups": [1, 2, 3, 4], "tuning seeds": [200]}
CLAIMS = e12.EXHIBIT.claims


def test_from_end_to_end(tmp_path):
    numbers = json.loads(json.dumps(e12.run(TINY, inline), sort_keys=True))
    assert numbers["arms"] == ["1", "2", "3", "4"]
    assert numbers["own"].keys() == {"1", "2", "3", "4", "radam"}
    assert all([len(seeds) for seeds in table] == [2] * 4 for table in numbers["own"].values())
    assert {numbers["worst"], numbers["best"]} <= set(numbers["arms"])
    assert all(claim.judge(numbers) for claim in CLAIMS)
    assert len(e12.lines(numbers)) == 1 + 5 + 2
    saved(e12, numbers, tmp_path)
    numbers |= {"other": "cifar10-jpeg", "beside": numbers["own"]}
    assert len(e12.lines(numbers)) == 13
    saved(e12, numbers, tmp_path)


def longer_is_better(training):
    """At least for the tuning; with the seeds that count it is the other way round."""
    return 0.8 + training.warmup * (1e-4 if training.seed >= 200 else -1e-4)


def test_the_plan(monkeypatch):
    """The worst warmup is chosen on validation images and other seeds: those that count have no say."""
    monkeypatch.setattr(task_images, "there", lambda name: True)
    asked = []
    numbers = e12.run(e12.EXHIBIT.at("laptop"), made_up(asked, longer_is_better))
    assert (numbers["worst"], numbers["best"]) == ("12", "120")
    assert {t.steps for t in asked} == {1200}
    choice = [(t.arm, t.warmup, t.lr, t.seed) for t in asked if t.validation]
    assert choice == [("adam", steps, 0.1, seed) for steps in (12, 24, 60, 120) for seed in (200, 201, 202)]
    arms = [("adam", 12), ("adam", 24), ("adam", 60), ("adam", 120), ("radam", 0)]
    for data, beta2, of, rates, n in (
        ("fashion-mnist", 0.999, arms, e12.RATES, 5), ("fashion-mnist", 0.99, [arms[0], arms[-1]], (0.1,), 5),
        ("cifar10-jpeg", 0.999, arms, e12.RATES, 2),
    ):  # fmt: skip
        own = [
            (t.arm, t.warmup, t.lr, t.seed) for t in asked if (t.data, t.beta2, t.validation) == (data, beta2, False)
        ]
        assert own == [(*arm, lr, seed) for arm in of for lr in rates for seed in range(100, 100 + n)]
    paper = e12.EXHIBIT.at("paper")
    assert (paper["data"], paper["steps"], paper["warmups"]) == ("cifar10", PAPER_STEPS, [100, 200, 500, 1000])


A, B = [0.90, 0.91, 0.92], [0.95, 0.97, 0.96]
SAME = [0.901, 0.909, 0.920]
NOISY = [0.88, 0.91, 0.95]
LOW = [[0.1] * 3] * 3  # at the other rates, which have no say


def numbers_of(radam, worst, best):
    return {
        "own": {"radam": [*LOW, radam], "12": [*LOW, worst], "60": [*LOW, best]},
        "fitted": {"radam": radam, "12": worst},
        "worst": "12",
        "best": "60",
    }


@pytest.mark.parametrize("claim", [0, 2])
def test_what_decides_against_the_worst(claim):
    found = [CLAIMS[claim].judge(numbers_of(a, b, A)) for a, b in ((B, A), (A, B), (A, SAME), (A, []))]
    assert [verdict.word for verdict in found] == [SUPPORTED, CONTRADICTED, INCONCLUSIVE, NOT_RUN]
    if claim == 0:
        assert "that of 12 steps" in found[0].note


def test_what_decides_against_the_best():
    found = [CLAIMS[1].judge(numbers_of(a, B, A)) for a in (SAME, B, NOISY)]
    assert [verdict.word for verdict in found] == [SUPPORTED, CONTRADICTED, INCONCLUSIVE]
    assert found[0].numbers["margin"] == 0.005
    assert "that of 60 steps" in found[0].note


def test_one_claim_is_primary():
    assert [claim.primary for claim in CLAIMS] == [True, False, False]


def test_runs_that_all_failed(tmp_path):
    numbers = e12.run(TINY, made_up([], failed=True))
    assert CLAIMS[0].judge(numbers).word == INCONCLUSIVE
    saved(e12, numbers, tmp_path)
