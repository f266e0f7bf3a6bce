import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.experiments.statistics import paired_difference
from minirad.experiments.statistics_tests import equivalence, holm, smallest_effect

scipy_stats = pytest.importorskip("scipy.stats", reason="needs SciPy")

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
pairs = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=20)
margins = st.floats(0.01, 1e3)


def by_seed(values):
    return {100 + i: float(value) for i, value in enumerate(values)}


def arms(values):
    return [by_seed(column) for column in zip(*values, strict=True)]


# ---- equivalence


@given(pairs, margins)
def test_two_one_sided_tests(values, margin):
    ours = equivalence(*arms(values), margin)
    differences = np.subtract(*np.array(values).T)
    if differences.std() > 1e-9 * abs(differences).max():
        above = scipy_stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
        below = scipy_stats.ttest_1samp(differences, margin, alternative="less").pvalue
        assert ours.p == pytest.approx(max(above, below), rel=1e-6, abs=1e-12)
    assert ours.equivalent == (ours.p < 0.05)


@given(pairs, margins, st.sampled_from([0.01, 0.05, 0.2]))
def test_equivalent_is_an_interval_within_the_margin(values, margin, alpha):
    ours = equivalence(*arms(values), margin, alpha)
    assert ours.half_width == paired_difference(*arms(values), 1 - 2 * alpha).half_width
    if abs(ours.p - alpha) > 1e-9:
        assert ours.equivalent == (abs(ours.mean) + ours.half_width < margin)


@given(pairs, margins, st.floats(1, 10))
def test_a_wider_margin_is_easier(values, margin, factor):
    assert equivalence(*arms(values), factor * margin).p <= equivalence(*arms(values), margin).p + 1e-12


@given(pairs, margins)
def test_the_order_of_the_arms_does_not_matter(values, margin):
    a, b = arms(values)
    assert equivalence(a, b, margin).p == pytest.approx(equivalence(b, a, margin).p, rel=1e-6, abs=1e-12)


def test_too_few_seeds_are_neither_different_nor_equivalent():
    a, b = by_seed([0.0, 1.0, 2.0]), by_seed([1.0, 0.0, 2.5])
    assert paired_difference(a, b).p > 0.5
    assert not equivalence(a, b, 0.5).equivalent


@pytest.mark.parametrize("n", [5, 10])
def test_at_the_margin_it_is_claimed_as_rarely_as_it_says(n):
    rng, runs = np.random.default_rng(0), 2000
    claimed = sum(
        equivalence(by_seed(rng.normal(1, 0.4, n)), by_seed(np.zeros(n)), 1.0).equivalent for _ in range(runs)
    )
    assert claimed / runs == pytest.approx(0.05, abs=0.02)


def test_values_that_do_not_differ():
    same = equivalence(by_seed([1, 2]), by_seed([1, 2]), 0.1)
    assert (same.mean, same.half_width, same.p, same.equivalent) == (0, 0, 0, True)
    apart = equivalence(by_seed([3, 4]), by_seed([1, 2]), 0.5)
    assert (apart.p, apart.equivalent) == (1.0, False)
    on_the_edge = equivalence(by_seed([1.5, 2.5]), by_seed([1, 2]), 0.5)
    assert (on_the_edge.p, on_the_edge.equivalent) == (0.5, False)


def test_a_run_that_diverged_is_never_equivalent():
    ours = equivalence(by_seed([1, math.nan, 1]), by_seed([1, 1, 1]), 1.0)
    assert math.isnan(ours.p)
    assert not ours.equivalent


@pytest.mark.parametrize("margin", [0, -1.0, math.nan, math.inf])
def test_margins_that_make_no_sense(margin):
    with pytest.raises(ValueError, match=f"equivalence: margin must be positive and finite, got {margin}"):
        equivalence({1: 1.0, 2: 2.0}, {1: 1.0, 2: 2.0}, margin)


@pytest.mark.parametrize("alpha", [0, 0.5, 1.0, math.nan])
def test_levels_that_make_no_sense(alpha):
    with pytest.raises(ValueError, match=f"equivalence: alpha must lie between 0 and 0.5, got {alpha}"):
        equivalence({1: 1.0, 2: 2.0}, {1: 1.0, 2: 2.0}, 1.0, alpha)


def test_seeds_that_do_not_pair():
    with pytest.raises(ValueError, match="must have the same seeds"):
        equivalence({1: 1.0, 2: 2.0}, {1: 1.0}, 1.0)


# ---- Holm

p_values = st.dictionaries(st.sampled_from([f"E{i}" for i in range(7, 17)]), st.floats(0, 1), max_size=8)


def step_down(p_values, alpha):
    """The claims that fall, as Holm's paper has it: from the smallest p on, until the first that does not."""
    fallen = set()
    for i, name in enumerate(sorted(p_values, key=p_values.get)):
        if p_values[name] > alpha / (len(p_values) - i):
            break
        fallen.add(name)
    return fallen


@given(p_values, st.floats(0.001, 0.5))
def test_holm_against_the_procedure(p_values, alpha):
    corrected = holm(p_values)
    if all(abs(p - alpha) > 1e-9 for p in corrected.values()):
        assert {name for name, p in corrected.items() if p <= alpha} == step_down(p_values, alpha)


@given(p_values)
def test_holm_keeps_the_order_and_makes_nothing_smaller(p_values):
    corrected = holm(p_values)
    assert list(corrected) == list(p_values)
    for name, p in p_values.items():
        assert p <= corrected[name] <= min(1.0, len(p_values) * p)  # never worse than Bonferroni
        for other, q in p_values.items():
            assert (p < q) <= (corrected[name] <= corrected[other])
            assert (p == q) <= (corrected[name] == corrected[other])


@given(p_values.filter(bool), st.floats(0, 1))
def test_a_smaller_p_makes_no_corrected_one_larger(p_values, factor):
    name = next(iter(p_values))
    before, after = holm(p_values), holm({**p_values, name: factor * p_values[name]})
    assert all(after[key] <= before[key] + 1e-12 for key in p_values)


def test_a_known_case_of_holm():
    assert holm({"b": 0.04, "a": 0.01, "c": 0.03}) == pytest.approx({"b": 0.06, "a": 0.03, "c": 0.06})
    assert holm({"a": 0.2}) == {"a": 0.2}
    assert holm({}) == {}


def test_the_chance_of_any_false_claim_is_as_small_as_it_says():
    rng, runs = np.random.default_rng(0), 4000
    wrong = sum(min(holm(dict(zip("abcdefgh", rng.random(8), strict=True))).values()) < 0.05 for _ in range(runs))
    assert wrong / runs == pytest.approx(1 - (1 - 0.05 / 8) ** 8, abs=0.015)


def test_holm_counts_what_diverged_as_nothing_shown():
    assert holm({"a": math.nan, "b": 0.01, "c": 0.04}) == pytest.approx({"a": 1, "b": 0.03, "c": 0.08})


@pytest.mark.parametrize("p", [-0.1, 1.1, math.inf])
def test_p_values_that_are_none(p):
    with pytest.raises(ValueError, match=re.escape(f"holm: the p-value of 'E9' must lie in [0, 1], got {p}")):
        holm({"E7": 0.5, "E9": p})


# ---- the smallest effect


def chance(n, effect, alpha):
    """P(t > critical) with the density of s = sd(sample) / sd integrated by hand: no noncentral t distribution."""
    critical = scipy_stats.t.isf(alpha / 2, n - 1)
    q = np.linspace(0.0005, 0.9995, 1000)
    s = np.sqrt(scipy_stats.chi2.ppf(q, n - 1) / (n - 1))
    return scipy_stats.norm.sf(critical * s - effect * math.sqrt(n)).mean()


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_the_smallest_effect_is_found_as_often_as_it_says(n, power, alpha):
    assert chance(n, smallest_effect(n, power=power, alpha=alpha), alpha) == pytest.approx(power, abs=2e-4)


def test_the_smallest_effect_by_simulation():
    n, sd, runs = 5, 0.3, 2000
    rng, effect = np.random.default_rng(0), smallest_effect(n, sd)
    found = sum(
        paired_difference(by_seed(rng.normal(effect, sd, n)), by_seed(np.zeros(n))).p < 0.05 for _ in range(runs)
    )
    assert found / runs == pytest.approx(0.8, abs=0.035)


def test_textbook_cases():
    """From tables of the power of the t test: 34 pairs for an effect of half a standard deviation, 10 for one."""
    assert smallest_effect(34) <= 0.5 < smallest_effect(33)
    assert smallest_effect(10) <= 1.0 < smallest_effect(9)


@given(st.integers(2, 200), st.floats(0, 100), st.floats(0.1, 0.98), st.sampled_from([0.01, 0.05, 0.1]))
def test_more_seeds_see_more(n, sd, power, alpha):
    effect = smallest_effect(n, sd, power, alpha)
    assert effect >= 0
    assert smallest_effect(n + 1, sd, power, alpha) <= effect
    assert smallest_effect(n, sd, power + 0.01, alpha) >= effect
    assert smallest_effect(n, 2 * sd, power, alpha) == pytest.approx(2 * effect)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((1,), "n must be at least 2, got 1"),
        ((5, -1.0), "sd must be finite and at least 0, got -1.0"),
        ((np.int64(1),), "n must be at least 2, got 1"),
        ((5, math.nan), "sd must be finite and at least 0, got nan"),
        ((5, 1.0, 0.8, 0.0), "alpha must lie between 0 and 1, got 0.0"),
        ((5, 1.0, 1.0), "power must lie between alpha / 2 = 0.025 and 1, got 1.0"),
        ((5, 1.0, 0.01), "power must lie between alpha / 2 = 0.025 and 1, got 0.01"),
    ],
)
def test_designs_that_make_no_sense(args, words):
    with pytest.raises(ValueError, match=re.escape(f"smallest_effect: {words}")):
        smallest_effect(*args)


@pytest.mark.parametrize("n", [5.0, "5", True])
def test_seeds_that_are_no_integer(n):
    with pytest.raises(TypeError, match=f"smallest_effect: n must be an integer, got {n!r}"):
        smallest_effect(n)
