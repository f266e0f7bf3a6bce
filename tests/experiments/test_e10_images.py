"""E10: how rates are tuned, what is planned, what decides, and the exhibit from end to end on few steps."""

import json

import pytest
from image_exhibits import TINY_SETTINGS, inline, made_up, saved

from minirad.experiments import e10_images as e10
from minirad.experiments import task_images
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, NOT_RUN, SUPPORTED
from minirad.experiments.task_images import PAPER_STEPS

TINY = e10.EXHIBIT.at("quick") | TINY_SETTINGS | {"fewer seeds": 2, "half decades": [-4, -3]}
CLAIMS = e10.EXHIBIT.claims


def test_from_end_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr(e10.rates, "MOST", 0)
    numbers = json.loads(json.dumps(e10.run(TINY, inline), sort_keys=True))
    assert all(len(values) == 2 for kind in e10.GROUPS for values in numbers[kind].values())
    assert numbers["curves"]["radam"]["scored"] == [1, 2, 3, 4]
    assert all(claim.judge(numbers) for claim in CLAIMS)
    said = e10.lines(numbers)
    assert len(said) == 1 + 2 + 1 + 10
    saved(e10, numbers, tmp_path)
    numbers |= {"other": "cifar10-jpeg", "beside": numbers["tuned"]}
    assert len(e10.lines(numbers)) == 17
    saved(e10, numbers, tmp_path)


def best_at(training):
    """An accuracy as if SGD liked 0.1, Adam 0.003, which is an edge, and RAdam 0.03."""
    return 0.9 - 0.01 * abs(training.lr - {"sgd": 0.1, "adam": 0.003}.get(training.arm, 0.03))


@pytest.fixture
def planned(monkeypatch):
    monkeypatch.setattr(task_images, "there", lambda name: True)
    asked = []
    return e10.run(e10.EXHIBIT.at("laptop"), made_up(asked, best_at)), asked


def test_rates_are_tuned_alike(planned):
    """On validation images and other seeds; where the best is at an edge, the grid grows for all."""
    numbers, asked = planned
    tuning = [t for t in asked if t.validation]
    assert {t.seed for t in tuning} == {200, 201, 202}
    for data, beta2, arms in (
        ("fashion-mnist", 0.999, e10.RULES), ("cifar10-jpeg", 0.999, e10.RULES), ("fashion-mnist", 0.99, e10.RULES[1:]),
    ):  # fmt: skip
        own = [t for t in tuning if (t.data, t.beta2) == (data, beta2)]
        assert {(t.arm, t.lr) for t in own} == {(a, lr) for a in arms for lr in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)}
        assert len(own) == 18 * len(arms)
    assert numbers["rates"]["tuned"] == {"sgd": 0.1, "adam": 0.003, "radam": 0.03}
    assert numbers["tuning"]["tuned"]["sgd"].keys() == {"0.001", "0.003", "0.01", "0.03", "0.1", "0.3"}


def test_the_plan(planned):
    _, asked = planned
    runs = [t for t in asked if not t.validation]
    assert {t.steps for t in asked} == {1200}
    own = [t for t in runs if t.data == "fashion-mnist" and t.beta2 == 0.999]
    counts = {(t.arm, t.lr): sum((u.arm, u.lr) == (t.arm, t.lr) for u in own) for t in own}
    controls = dict.fromkeys([("adam", 0.03), *((arm, 0.03) for arm in e10.CONTROLS), ("radam", 0.003)], 5)
    assert counts == {("sgd", 0.1): 10, ("adam", 0.003): 10, ("radam", 0.03): 10} | controls
    assert {t.seed for t in own} == set(range(100, 110))
    assert {(t.arm, t.seed) for t in runs if t.beta2 == 0.99} == {
        (a, s) for a in e10.RULES[1:] for s in range(100, 105)
    }
    assert {(t.arm, t.seed) for t in runs if t.data == "cifar10-jpeg"} == {
        (arm, seed) for arm in e10.RULES for seed in range(100, 105)
    }


def test_the_scale_of_the_paper():
    paper = e10.EXHIBIT.at("paper")
    assert (paper["data"], paper["steps"], paper["beta2"]) == ("cifar10", PAPER_STEPS, 0.999)


A, B = [0.90, 0.91, 0.92], [0.95, 0.97, 0.96]
SAME = [0.901, 0.909, 0.920]
NOISY = [0.88, 0.91, 0.95]


@pytest.mark.parametrize(
    ("claim", "a", "b"),
    [
        (0, ("tuned", "radam"), ("tuned", "adam")),
        (1, ("tuned", "sgd"), ("tuned", "radam")),
        (2, ("at Adam's rate", "radam"), ("tuned", "adam")),
        (3, ("tuned", "radam"), ("at RAdam's rate", "adam")),
        (4, ("tuned", "radam"), ("at RAdam's rate", "adam-mean-rate")),
        (7, ("fitted", "radam"), ("fitted", "adam")),
    ],
)
def test_what_decides(claim, a, b):
    def word(x, y):
        numbers = {kind: {} for kind in e10.GROUPS}
        numbers[a[0]][a[1]], numbers[b[0]][b[1]] = x, y
        return CLAIMS[claim].judge(numbers).word

    assert [word(B, A), word(A, B), word(A, SAME), word([], A)] == [SUPPORTED, CONTRADICTED, INCONCLUSIVE, NOT_RUN]


@pytest.mark.parametrize(("claim", "arm"), [(5, "adam-r"), (6, "adam-untuned-linear")])
def test_what_decides_that_two_are_alike(claim, arm):
    found = [
        CLAIMS[claim].judge({"at RAdam's rate": {arm: values}, "tuned": {"radam": A}}) for values in (SAME, B, NOISY)
    ]
    assert [verdict.word for verdict in found] == [SUPPORTED, CONTRADICTED, INCONCLUSIVE]
    assert found[0].numbers["margin"] == 0.005


def test_one_claim_is_primary():
    assert [claim.primary for claim in CLAIMS] == [True] + [False] * 7


def test_arms_that_all_failed(tmp_path):
    """They are as good as a guess, and have no curves."""
    numbers = e10.run(TINY, made_up([], failed=True))
    assert numbers["curves"] == {}
    assert numbers["tuned"]["radam"] == [0.1, 0.1]
    saved(e10, numbers, tmp_path)
