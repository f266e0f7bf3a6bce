import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.experiments.statistics import mean_interval

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


def test_a_known_case():
    # t of 4 degrees of freedom at 97.5%, from any table: 2.776. The standard deviation of 1 ... 5 is sqrt(2.5).
    assert mean_interval([1, 2, 3, 4, 5]) == pytest.approx((3, 2.776 * math.sqrt(2.5 / 5)), rel=1e-3)


def test_not_finite_values_show():
    assert all(map(math.isnan, mean_interval([1.0, math.nan, 2.0])))


def test_no_values():
    with pytest.raises(ValueError, match="mean_interval: needs at least one value"):
        mean_interval([])


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match=r"minirad\[lab\]"):
        mean_interval([1.0, 2.0])
