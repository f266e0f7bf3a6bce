"""E14: the arms, what is planned, what decides, and the exhibit from end to end on few steps."""

import json

import pytest
from image_exhibits import TINY_SETTINGS, inline, made_up, saved

from minirad.experiments import e14_first_steps as e14
from minirad.experiments import task_images
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, NOT_RUN, SUPPORTED
from minirad.experiments.task_images import PAPER_STEPS

TINY = e14.EXHIBIT.at("quick") | TINY_SETTINGS | {"fitted seeds": 2}


def test_from_end_to_end(tmp_path):
    numbers = json.loads(json.dumps(e14.run(TINY, inline), sort_keys=True))
    assert numbers["accuracy"].keys() == {*e14.TABLE, *e14.MORE}
    assert all(len(values) == 2 for values in numbers["accuracy"].values())
    assert numbers["fitted"].keys() == {"radam", "adam-radam-radam"}
    assert all(claim.judge(numbers) for claim in e14.EXHIBIT.claims)
    said = e14.lines(numbers)
    assert len(said) == 1 + 5 + 2
    assert said[1].startswith("  RAdam throughout ")
    saved(e14, numbers, tmp_path)
    saved(e14, numbers | {"other": "cifar10-jpeg", "beside": numbers["accuracy"]}, tmp_path)


def test_the_plan(monkeypatch):
    monkeypatch.setattr(task_images, "there", lambda name: True)
    asked = []
    numbers = e14.run(e14.EXHIBIT.at("laptop"), made_up(asked))
    assert {t.lr for t in asked} == {0.1}
    assert {t.steps for t in asked} == {1200}
    own = [t for t in asked if t.data == "fashion-mnist" and t.beta2 == 0.999]
    assert {(t.arm, t.seed) for t in own} == {(arm, s) for arm in e14.TABLE + e14.MORE for s in range(100, 110)}
    assert len([t for t in asked if t.beta2 == 0.99]) == 10
    assert {t.arm for t in asked if t.data == "cifar10-jpeg"} == set(e14.TABLE)
    assert not any(t.validation for t in asked)
    assert numbers["other"] == "cifar10-jpeg"
    assert (e14.EXHIBIT.at("paper")["data"], e14.EXHIBIT.at("paper")["steps"]) == ("cifar10", PAPER_STEPS)


A, B = [0.90, 0.91, 0.92], [0.95, 0.97, 0.96]
SAME = [0.901, 0.909, 0.920]


@pytest.mark.parametrize(
    ("claim", "kind", "a", "b"),
    [
        (0, "accuracy", "radam", "adam-radam-radam"),
        (1, "accuracy", "radam", "sgd-adam-radam"),
        (4, "fitted", "radam", "adam-radam-radam"),
    ],
)
def test_what_decides(claim, kind, a, b):
    judge = e14.EXHIBIT.claims[claim].judge
    assert [judge({kind: {a: x, b: y}}).word for x, y in ((B, A), (A, B), (A, SAME))] == [
        SUPPORTED,
        CONTRADICTED,
        INCONCLUSIVE,
    ]
    assert judge({kind: {}}).word == NOT_RUN


@pytest.mark.parametrize(("claim", "arm"), [(2, "skip-radam-radam"), (3, "radam-5")])
def test_what_decides_that_two_are_alike(claim, arm):
    judge = e14.EXHIBIT.claims[claim].judge
    noisy = [0.88, 0.91, 0.95]
    found = [judge({"accuracy": {arm: other, "radam": A}}) for other in (SAME, B, noisy)]
    assert [verdict.word for verdict in found] == [SUPPORTED, CONTRADICTED, INCONCLUSIVE]
    assert found[0].numbers["margin"] == 0.005


def test_one_claim_is_primary():
    assert [claim.primary for claim in e14.EXHIBIT.claims] == [True] + [False] * 4


def test_arms_that_all_failed_early(tmp_path):
    numbers = e14.run(TINY, made_up([], failed=True))
    assert numbers["early loss"]["radam"] == []
    saved(e14, numbers, tmp_path)
