"""E11: the width of a band of rates, what is planned, what decides, and the exhibit from end to end on few steps."""

import json

import pytest
from image_exhibits import TINY_SETTINGS, inline, made_up, saved

from minirad.experiments import e11_learning_rates as e11
from minirad.experiments import task_images
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, NOT_RUN, SUPPORTED
from minirad.experiments.task_images import PAPER_STEPS

TINY = e11.EXHIBIT.at("quick") | TINY_SETTINGS | {"half decades": [-4, -3], "fitted seeds": 2}
CLAIMS = e11.EXHIBIT.claims
DECADES = [0.001, 0.01, 0.1, 1.0]


@pytest.mark.parametrize(
    ("accuracies", "decades", "cut"),
    [
        ([0.5, 0.9, 0.88, 0.5], 0.025 + 0.5, False),  # 0.01 of 0.4 to the left, half of a decade to the right
        ([0.89, 0.9, 0.895, 0.7], 2 + 0.005 / 0.195, True),
        ([0.9, 0.9, 0.9, 0.9], 3, True),
        ([0.1, 0.1, 0.1, 0.9], 0.0125, True),  # the best is at the edge
        ([0.9, 0.88, 0.899, 0.5], 0.5, True),  # beyond a dip it does not count
        ([0.1, 0.9, 0.1, 0.1], 0.025, False),
    ],
)
def test_the_width(accuracies, decades, cut):
    assert e11.width(DECADES, accuracies) == (pytest.approx(decades), cut)


def test_the_width_is_in_decades():
    assert e11.width([0.01, 0.1, 1], [0.5, 0.9, 0.5]) == (pytest.approx(0.05), False)
    assert e11.width([1, 100, 10_000], [0.5, 0.9, 0.5]) == (pytest.approx(0.1), False)


def test_a_shift_leaves_the_width_alone():
    hill = [0.1, 0.5, 0.88, 0.9, 0.895, 0.7, 0.2, 0.1]
    rates = [10.0**k for k in range(8)]
    assert e11.width(rates, hill)[0] == pytest.approx(e11.width(rates, [0.1, *hill[:-1]])[0])


def test_the_spread_is_that_of_the_rates_of_the_paper():
    assert e11.spread([0.001, 0.003, 0.01, 0.03, 0.1, 1.0], [0.1, 0.7, 0.8, 0.9, 0.85, 0.2]) == pytest.approx(0.2)


def test_from_end_to_end(tmp_path):
    numbers = json.loads(json.dumps(e11.run(TINY, inline), sort_keys=True))
    assert numbers["rates"] == [0.01, 0.03]
    assert all([len(seeds) for seeds in table] == [2, 2] for table in numbers["own"].values())
    assert numbers["own"].keys() == set(e11.RULES)
    assert numbers["fitted"].keys() == {"adam", "radam"}
    assert all(claim.judge(numbers) for claim in CLAIMS)
    assert len(e11.lines(numbers)) == 1 + 3 + 2
    saved(e11, numbers, tmp_path)
    numbers |= {"other": "cifar10-jpeg", "beside": numbers["own"]}
    assert len(e11.lines(numbers)) == 9
    saved(e11, numbers, tmp_path)


def test_the_plan(monkeypatch):
    monkeypatch.setattr(task_images, "there", lambda name: True)
    asked = []
    numbers = e11.run(e11.EXHIBIT.at("laptop"), made_up(asked, lambda t: t.lr / 100 + t.seed / 10_000))
    rates = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
    assert numbers["rates"] == rates
    assert numbers["own"]["adam"] == [pytest.approx([lr / 100 + s / 10_000 for s in range(100, 105)]) for lr in rates]
    assert {t.steps for t in asked} == {1200}
    assert not any(t.validation for t in asked)
    for data, beta2, rules, n in (
        ("fashion-mnist", 0.999, e11.RULES, 5), ("fashion-mnist", 0.99, e11.RULES[1:], 3),
        ("cifar10-jpeg", 0.999, e11.RULES, 2),
    ):  # fmt: skip
        own = [(t.arm, t.lr, t.seed) for t in asked if (t.data, t.beta2) == (data, beta2)]
        assert own == [(rule, lr, seed) for rule in rules for lr in rates for seed in range(100, 100 + n)]
    paper = e11.EXHIBIT.at("paper")
    assert (paper["data"], paper["steps"], paper["beta2"]) == ("cifar10", PAPER_STEPS, 0.999)


def table(*seeds):
    """Accuracies as in the numbers, by rate and seed, from those by seed and rate."""
    return [list(accuracies) for accuracies in zip(*seeds, strict=True)]


WIDE = table([0.5, 0.9, 0.9, 0.5], [0.5, 0.91, 0.905, 0.5], [0.5, 0.9, 0.895, 0.6])
NARROW = table([0.5, 0.9, 0.5, 0.1], [0.5, 0.91, 0.6, 0.1], [0.5, 0.9, 0.7, 0.1])
MIXED = table([0.5, 0.9, 0.9, 0.5], [0.5, 0.91, 0.5, 0.1], [0.5, 0.9, 0.8, 0.5])


@pytest.mark.parametrize(("claim", "kind", "other"), [(0, "own", "adam"), (1, "own", "sgd"), (4, "fitted", "adam")])
def test_what_decides_on_widths(claim, kind, other):
    def verdict(radam, against):
        return CLAIMS[claim].judge({"rates": DECADES, kind: {"radam": radam, other: against}})

    found = [verdict(a, b).word for a, b in ((WIDE, NARROW), (NARROW, WIDE), (MIXED, NARROW))]
    assert found == [SUPPORTED, CONTRADICTED, INCONCLUSIVE]
    numbers = verdict([*WIDE[1:], WIDE[0]], NARROW).numbers
    assert (numbers["cut off, radam"], numbers[f"cut off, {other}"]) == (3, 0)
    assert CLAIMS[claim].judge({"rates": DECADES}).word == NOT_RUN


@pytest.mark.parametrize(("claim", "other"), [(2, "adam"), (3, "sgd")])
def test_what_decides_on_spreads(claim, other):
    rates = [0.003, 0.01, 0.03, 0.1]
    flat, steep = (table(*([0.9 - x - s * x, 0.9, 0.9, 0.9 - x] for s in (0, 0.1, 0.2))) for x in (0.02, 0.2))
    mixed = table(*([0.9 - x, 0.9, 0.9, 0.9] for x in (0.02, 0.05, 0.03)))

    def word(radam, against):
        return CLAIMS[claim].judge({"rates": rates, "own": {"radam": radam, other: against}}).word

    assert [word(flat, steep), word(steep, flat), word(mixed, flat)] == [SUPPORTED, CONTRADICTED, INCONCLUSIVE]


def test_one_claim_is_primary():
    assert [claim.primary for claim in CLAIMS] == [True] + [False] * 4


def test_runs_that_all_failed(tmp_path):
    numbers = e11.run(TINY, made_up([], failed=True))
    assert numbers["own"]["radam"] == [[0.1, 0.1]] * 2
    assert CLAIMS[0].judge(numbers).word == INCONCLUSIVE
    saved(e11, numbers, tmp_path)
