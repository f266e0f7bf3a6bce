import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.experiments.statistics import fraction_interval, mean_interval, paired_difference

scipy_stats = pytest.importorskip("scipy.stats", reason="needs SciPy")

numbers = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))


@given(st.lists(numbers, min_size=2, max_size=30), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_against_scipy(values, confidence):
    mean, half_width = mean_interval(values, confidence)
    assert mean == pytest.approx(np.mean(values), rel=1e-9, abs=1e-9)
    error = scipy_stats.sem(values)
    if error == 0:
        assert half_width == pytest.approx(0, abs=1e-9)
    else:
        low, high = scipy_stats.t.interval(confidence, len(values) - 1, loc=np.mean(values), scale=error)
        assert half_width == pytest.approx((high - low) / 2, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("n", "confidence"), [(2, 0.95), (5, 0.95), (5, 0.8), (20, 0.95)])
def test_it_holds_the_truth_as_often_as_it_says(n, confidence):
    rng, runs = np.random.default_rng(0), 2000
    held = 0
    for _ in range(runs):
        mean, half_width = mean_interval(rng.normal(3, 2, size=n).tolist(), confidence)
        held += abs(mean - 3) <= half_width
    assert held / runs == pytest.approx(confidence, abs=4 * math.sqrt(confidence * (1 - confidence) / runs))


def test_a_single_value_has_no_interval():
    mean, half_width = mean_interval([0.25])
    assert mean == 0.25
    assert math.isnan(half_width)


def test_one_of_numpys_values_gives_a_number_of_python():
    assert type(mean_interval([np.float32(0.25)])[0]) is float


def test_a_known_case():
    # t of 4 degrees of freedom at 97.5%, from any table: 2.776. The standard deviation of 1 ... 5 is sqrt(2.5).
    assert mean_interval([1, 2, 3, 4, 5]) == pytest.approx((3, 2.776 * math.sqrt(2.5 / 5)), rel=1e-3)


def test_not_finite_values_show():
    assert all(map(math.isnan, mean_interval([1.0, math.nan, 2.0])))


@pytest.mark.parametrize("kind", [float, np.float64])
def test_large_values_do_not_overflow(kind):
    mean, half_width = mean_interval([kind(1e200), kind(-1e200)])
    assert mean == 0
    assert half_width == pytest.approx(mean_interval([1.0, -1.0])[1] * 1e200)
    assert mean_interval([math.inf, 1.0])[0] == math.inf
    assert math.isnan(mean_interval([math.inf, 1.0])[1])


def test_no_values():
    with pytest.raises(ValueError, match="mean_interval: needs at least one value"):
        mean_interval([])


@pytest.mark.parametrize("confidence", [0, 1, 95, math.nan])
def test_a_confidence_out_of_range(confidence):
    words = f"confidence must lie between 0 and 1, got {confidence}"
    for function, args in (
        (mean_interval, [[1.0, 2.0]]),
        (paired_difference, [{1: 1.0, 2: 2.0}] * 2),
        (fraction_interval, [1, 2]),
    ):
        with pytest.raises(ValueError, match=f": {words}"):
            function(*args, confidence)


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match=r"minirad\[lab\]"):
        mean_interval([1.0, 2.0])


# ---- paired differences

pairs = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=20)


def by_seed(values):
    return {100 + i: value for i, value in enumerate(values)}


@given(pairs, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_paired_difference_against_scipy(values, confidence):
    a, b = (by_seed(column) for column in zip(*values, strict=True))
    ours = paired_difference(a, b, confidence)
    differences = np.subtract(*np.array(values).T)
    assert ours.mean == pytest.approx(differences.mean(), rel=1e-9, abs=1e-9)
    assert ours.sd == pytest.approx(differences.std(ddof=1), rel=1e-9, abs=1e-9)
    assert ours.n == len(values)
    if differences.std() > 1e-9 * abs(differences).max():
        theirs = scipy_stats.ttest_1samp(differences, 0)
        low, high = theirs.confidence_interval(confidence)
        assert ours.half_width == pytest.approx((high - low) / 2, rel=1e-6)
        assert ours.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)


@given(pairs)
def test_the_other_way_round(values):
    a, b = (by_seed(column) for column in zip(*values, strict=True))
    one, other = paired_difference(a, b), paired_difference(b, a)
    assert other.mean == pytest.approx(-one.mean, rel=1e-12, abs=1e-12)
    assert (other.half_width, other.p) == pytest.approx((one.half_width, one.p), rel=1e-6, abs=1e-12)


@given(pairs)
def test_the_interval_leaves_zero_out_where_p_is_small(values):
    ours = paired_difference(*(by_seed(column) for column in zip(*values, strict=True)), 0.9)
    if abs(ours.p - 0.1) > 1e-9:
        assert (abs(ours.mean) > ours.half_width) == (ours.p < 0.1)


def test_seeds_are_paired_by_name_not_by_place():
    a = {100: 1.0, 101: 5.0, 102: 9.0}
    b = {102: 8.0, 100: 0.0, 101: 4.0}
    ours = paired_difference(a, b)
    assert (ours.mean, ours.half_width, ours.p) == (1.0, 0.0, 0.0)  # each pair differs by 1


def test_no_difference_at_all():
    assert paired_difference({1: 3.0, 2: 4.0}, {1: 3.0, 2: 4.0}).p == 1.0


def test_a_known_paired_case():
    """Differences 1 ... 5: t = 3 / sqrt(2.5 / 5) = 4.243 with 4 degrees of freedom, p = 0.0132 (any table)."""
    ours = paired_difference(by_seed([2, 4, 6, 8, 10]), by_seed([1, 2, 3, 4, 5]))
    assert ours.error == pytest.approx(math.sqrt(0.5))
    assert ours.p == pytest.approx(0.0132, abs=5e-5)


def test_pairing_takes_away_what_the_runs_of_a_seed_share():
    rng = np.random.default_rng(0)
    shared = 100 * rng.normal(size=10)
    a, b = shared + rng.normal(1, 0.1, 10), shared + rng.normal(0, 0.1, 10)
    assert paired_difference(by_seed(a), by_seed(b)).half_width < 0.2 < mean_interval(list(a))[1]


def test_a_run_that_diverged_shows_in_the_difference():
    ours = paired_difference({1: math.nan, 2: 1.0, 3: 2.0}, {1: 1.0, 2: 1.0, 3: 1.0})
    assert all(map(math.isnan, (ours.mean, ours.half_width, ours.p)))


@pytest.mark.parametrize("n", [3, 10])
def test_the_paired_interval_holds_the_truth_as_often_as_it_says(n):
    rng, runs, held, found = np.random.default_rng(1), 2000, 0, 0
    for _ in range(runs):
        shared = 5 * rng.normal(size=n)
        a, b = by_seed(shared + rng.normal(0.5, 1, n)), by_seed(shared + rng.normal(0.5, 1, n))
        ours = paired_difference(a, b)
        held += abs(ours.mean) <= ours.half_width
        found += ours.p < 0.05
    assert held / runs == pytest.approx(0.95, abs=0.02)
    assert found == runs - held  # the interval and the p-value are one


@pytest.mark.parametrize(
    ("a", "b", "got"),
    [
        ({1: 1.0, 2: 2.0}, {1: 1.0, 3: 2.0}, r"\[1, 2\] and \[1, 3\]"),
        ({1: 1.0, 2: 2.0}, {1: 1.0}, r"\[1, 2\] and \[1\]"),
        ({1: 1.0}, {1: 1.0}, r"\[1\] and \[1\]"),
        ({}, {}, r"\[\] and \[\]"),
    ],
)
def test_seeds_that_do_not_pair(a, b, got):
    with pytest.raises(
        ValueError, match=f"paired_difference: a and b must have the same seeds, at least two, got {got}"
    ):
        paired_difference(a, b)


# ---- fractions

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.8, 0.95, 0.99])


@given(counts, levels)
def test_a_fraction_against_the_binomial_tails(count_of, confidence):
    """The ends are the fractions at which so many runs, or so few, become as rare as the level says."""
    count, n = count_of
    fraction, low, high = fraction_interval(count, n, confidence)
    rare = (1 - confidence) / 2
    assert 0 <= low <= fraction <= high <= 1
    assert fraction == count / n

    def tail(p, ks):
        return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in ks)

    assert low == 0 if count == 0 else tail(low, range(count, n + 1)) == pytest.approx(rare, rel=1e-6)
    assert high == 1 if count == n else tail(high, range(count + 1)) == pytest.approx(rare, rel=1e-6)


@given(counts, levels)
def test_a_fraction_against_scipy(count_of, confidence):
    count, n = count_of
    theirs = scipy_stats.binomtest(count, n).proportion_ci(confidence, method="exact")
    assert fraction_interval(count, n, confidence)[1:] == pytest.approx(tuple(theirs), rel=1e-6, abs=1e-9)


@given(counts)
def test_the_fraction_of_the_others(count_of):
    count, n = count_of
    _, low, high = fraction_interval(count, n)
    assert fraction_interval(n - count, n)[1:] == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize("n", [1, 5, 12, 30])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_fraction_is_never_held_less_often_than_it_says(n, confidence):
    """Exactly, for each true fraction: the probability of the counts whose interval holds it."""
    intervals = [fraction_interval(k, n, confidence)[1:] for k in range(n + 1)]
    for p in np.linspace(0, 1, 101):
        held = sum(
            math.comb(n, k) * p**k * (1 - p) ** (n - k) for k, (low, high) in enumerate(intervals) if low <= p <= high
        )
        assert held >= confidence - 1e-9


def test_none_of_ten():
    """The rule that it follows: (1 - p)^10 = 0.025."""
    assert fraction_interval(0, 10) == pytest.approx((0, 0, 1 - 0.025**0.1))


@pytest.mark.parametrize(("count", "n"), [(-1, 5), (6, 5), (0, 0), (0, -3)])
def test_counts_that_make_no_sense(count, n):
    words = f"fraction_interval: needs 0 <= count <= n and n >= 1, got {count} of {n}"
    with pytest.raises(ValueError, match=words):
        fraction_interval(count, n)


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_counts_of_numpy(kind):
    assert fraction_interval(kind(3), kind(10)) == fraction_interval(3, 10)


@pytest.mark.parametrize(("count", "n", "name"), [(1.0, 5, "count must be an integer, got 1.0"), (1, "5", "n must be"),
                                                  (True, 5, "count must be an integer, got True")])  # fmt: skip
def test_counts_that_are_no_integers(count, n, name):
    with pytest.raises(TypeError, match=f"fraction_interval: {name}"):
        fraction_interval(count, n)
