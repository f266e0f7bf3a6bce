"""lengths.py: the other two answers to how long v's average is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.variance import sma_length, sma_length_float32, sma_limit, variance_matched_length

BETA2 = st.floats(0.01, 0.99999)


def test_n_eff_is_longer_on_the_way():
    """At t = 1000 and beta2 = 0.999: matched variances against the paper's matched centres of mass."""
    assert variance_matched_length(1000, 0.999) == pytest.approx(924.1654413624362, rel=1e-12)
    assert sma_length(1000, 0.999) == pytest.approx(835.9673756107934, rel=1e-12)


@given(BETA2, st.integers(1, 300))
def test_n_eff_averages_as_much_noise_away_as_the_moving_average(beta2, t):
    """What it means: a weighted mean of independent numbers has sum(w^2) of their variance, a plain one 1/n."""
    weights = [beta2**age for age in range(t)]
    n = sum(weights) ** 2 / sum(w * w for w in weights)
    assert variance_matched_length(t, beta2) == pytest.approx(n, rel=1e-9)


@given(BETA2, st.integers(1, 10_000))
def test_n_eff_lies_between_rho_and_the_limit(beta2, t):
    n, limit = variance_matched_length(t, beta2), sma_limit(beta2)
    assert sma_length(t, beta2) <= n * (1 + 1e-9)
    assert n <= min(t, limit) * (1 + 1e-9)


def test_n_eff_at_the_edges():
    assert [variance_matched_length(t, 0) for t in (1, 2, 1000)] == [1, 1, 1]
    assert variance_matched_length(1, 0.999) == pytest.approx(1, rel=1e-12)
    assert variance_matched_length(10**9, 0.9) == sma_limit(0.9)


def test_what_float32_makes_of_rho():
    """rho_t is 1, 2, 3, 4, 5, 6 there, up to 1e-3."""
    lengths = [sma_length_float32(t, 0.9999) for t in range(1, 7)]
    assert lengths == [1.0, 3.0, 5.0, 4.01953125, 4.23046875, 5.0390625]
    assert [sma_length(t, 0.9999) for t in range(1, 7)] == pytest.approx([1, 2, 3, 4, 5, 6], abs=1e-3)


def test_in_float32_a_rule_turns_adaptive_too_early_and_off_again():
    adaptive = [sma_length_float32(t, 0.9999) >= 5 for t in range(1, 7)]
    assert adaptive == [False, False, True, False, False, True]
    assert [sma_length(t, 0.9999) >= 5 for t in range(1, 7)] == [False] * 5 + [True]


@pytest.mark.parametrize("beta2", [0.0, 0.5, 0.9])
def test_in_float32_a_small_beta2_is_no_hazard(beta2):
    for t in (1, 2, 5, 10, 100, 1000):
        assert sma_length_float32(t, beta2) == pytest.approx(sma_length(t, beta2), rel=1e-4)


@pytest.mark.parametrize("function", [variance_matched_length, sma_length_float32])
@pytest.mark.parametrize(("t", "beta2"), [(0, 0.9), (-1, 0.9), (1, 1.0), (1, -0.1), (5, float("nan")), (5, 2.0)])
def test_bad_input(function, t, beta2):
    message = rf"{function.__name__}: needs t >= 1 and beta2 in \[0, 1\), got {t} and {beta2}"
    with pytest.raises(ValueError, match=message):
        function(t, beta2)
