"""Tuned learning rates: which trials are done, which rate wins, and when the grid grows."""

from dataclasses import dataclass

import pytest

from minirad.experiments.rates import MOST, SEEDS, rate, tuned


@dataclass(frozen=True)
class Trial:
    arm: str
    lr: float
    seed: int


@pytest.fixture
def tune():
    """Tune two arms whose scores a function gives. The rates, the table, and the plans that were done."""

    def run(score, half_decades=(-2, -1, 0), **more):
        plans = []

        def do(experiment, trials):
            assert experiment == "the experiment"
            plans.append(trials)
            return [[{"score": score(trial)}] for trial in trials]

        best, table = tuned(
            do, "the experiment", Trial, ("adam", "radam"), half_decades, lambda rows: rows[-1]["score"], **more
        )
        return best, table, plans

    return run


def peak(**at):
    """The best rate of each arm."""
    return lambda trial: -abs(trial.lr - at[trial.arm])


def test_rates():
    assert [rate(k) for k in range(-4, 3)] == [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]


def test_within_the_grid(tune):
    best, table, (plan,) = tune(peak(adam=0.3, radam=0.3))
    assert best == {"adam": 0.3, "radam": 0.3}
    assert list(table) == ["adam", "radam"]
    assert all(list(own) == ["0.1", "0.3", "1"] for own in table.values())
    assert table["adam"]["1"] == pytest.approx(-0.7)
    # Each arm has the same trials, and none of a seed that counts.
    assert sorted((t.arm, t.lr, t.seed) for t in plan) == sorted(
        (arm, lr, seed) for arm in table for lr in (0.1, 0.3, 1.0) for seed in (200, 201, 202)
    )
    assert SEEDS == (200, 201, 202)


def test_the_grid_grows_for_all_arms(tune):
    best, table, plans = tune(peak(adam=0.03, radam=0.3))
    assert best == {"adam": 0.03, "radam": 0.3}
    assert [{trial.lr for trial in plan} for plan in plans] == [{0.1, 0.3, 1.0}, {0.03}, {0.01}]
    assert all(len([t for t in plan if t.arm == arm]) % 3 == 0 for plan in plans for arm in table)
    assert {tuple(own) for own in table.values()} == {("0.01", "0.03", "0.1", "0.3", "1")}


def test_it_grows_on_both_sides(tune):
    best, _, plans = tune(peak(adam=0.03, radam=3.0))
    assert best == {"adam": 0.03, "radam": 3.0}
    assert [{trial.lr for trial in plan} for plan in plans] == [{0.1, 0.3, 1.0}, {0.03, 3.0}, {0.01, 10.0}]


def test_it_does_not_grow_for_ever(tune):
    best, table, plans = tune(lambda trial: trial.lr)
    assert len(plans) == 1 + MOST
    assert best["adam"] == max(map(float, table["adam"])) == rate(MOST)


def test_of_equal_rates_the_smaller(tune):
    assert tune(lambda trial: trial.lr in (0.3, 1.0, 3.0))[0]["adam"] == 0.3
    best, *_ = tune(lambda trial: -1e9 if trial.lr > 0.3 else 0.0)  # all fail but the smallest: those are equal
    assert best["adam"] < 0.1


def test_the_mean_over_seeds_decides(tune):
    """At the rate 1, one seed is excellent and one fails."""

    def score(trial):
        return {0.3: 1.0, 1.0: {200: 9.0, 201: 1.5, 202: -100.0}.get(trial.seed, 0)}.get(trial.lr, 0.0)

    best, table, _ = tune(score)
    assert best["adam"] == 0.3
    assert table["adam"]["1"] == pytest.approx((9 + 1.5 - 100) / 3)
    assert tune(score, seeds=(200,))[0]["adam"] == 1.0


def test_the_order_in_which_rates_are_named_does_not_matter(tune):
    assert tune(peak(adam=0.3, radam=0.1), (0, -2, -1))[:2] == tune(peak(adam=0.3, radam=0.1), (-2, -1, 0))[:2]
