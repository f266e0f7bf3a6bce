"""variance.py against numbers computed with 60 digits from the paper's formulas."""

import json
from math import inf, isnan, nan, pi, sqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.variance import (
    first_step,
    mean,
    mean_square,
    rectification,
    sma_length,
    sma_limit,
    variance,
    variance_first_order,
)

# rho: E[psi], E[psi^2] and Var[psi] at tau = 1 with 30 digits, for rho from 2.001 to 10^6: make_variance_references.py
MOMENTS = json.loads(Path(__file__).with_name("variance_references.json").read_text(encoding="utf-8"))["plain"]

# Var[psi] of eq. (2) at tau = 1.
VARIANCE = {
    2.01: 197.885912617726394535991655708,
    2.1: 18.1062361604807928632550422924,
    2.5: 2.71526709477768187312516688726,
    3: 1.09014068289725597077339483953,
    4: 0.42920367320510338076867830836,
    5: 0.251956061405374793165477658911,
    6: 0.174640599267,
    7.3: 0.123324033188632109942517509698,
    8: 0.106148703025,
    10: 0.0755459592750559334970891892952,
    20: 0.0304240847301150031299067168942,
    50: 0.0107935997506126874079747950037,
    100: 0.00519281574929218418960046013685,
    199.9: 0.00254882988782761536287465583702,
    200: 0.0025475313627903519599447363157,
    200.1: 0.00254623416005109434355447130889,
    500: 0.00100754170152419042787831189264,
    1999: 0.000250594931830330632358311467587,
    3999: 0.000125148585095,
    1e6: 0.000000500001875005187512539090480528,
    1e9: 5.00000001875000005187500012539e-10,
}

# rho_t of eq. (4), by beta2 and t.
LENGTH = {
    (0.5, 2): 1.66666666666666666666666666667,
    (0.5, 100): 2.99999999999999999999999999984,
    (0.7, 5): 3.6464245789910208791605062926,
    (0.7, 6): 4.06663674660084252185354807781,
    (0.8, 5): 4.12613041408852927177534507377,
    (0.9, 5): 4.5805719030060315987399575102,
    (0.99, 100): 83.5264939828789123329969250849,
    (0.999, 1): 1,
    (0.999, 2): 1.99949974987493746873436718359,
    (0.999, 3): 2.99866599977777785192597533334,
    (0.999, 4): 3.99749874987543796898436705847,
    (0.999, 5): 4.99599800040160119999911911976,
    (0.999, 6): 5.99416375165671731865634051894,
    (0.999, 10_000): 1998.09649226599156577505034088,
    (0.9999, 2): 1.99994999749987499374968748437,
    (0.9999, 6): 5.99941663750165317154820407657,
    (0.9999, 10_000): 8360.38654777901486378275776532,
}

# r_t by beta2 and t: with eq. (5), and with the exact variance.
RECTIFICATION = {
    (0.8, 5): (0.129276807333446431037289896815, 0.472532363386515587369721445441),
    (0.9, 3): (None, 0.15574683953172848306705797468),
    (0.9, 6): (0.255176806546686503123080383144, 0.387703469302922972499486683757),
    (0.9, 100): (0.999806454677178095971909761264, 0.999829752621862351883387636734),
    (0.95, 6): (0.182378708478, None),
    (0.98, 6): (0.115523211636, None),
    (0.99, 6): (0.0816791957820086477820253775053, 0.119968853076356356973828463525),
    (0.99, 1000): (0.999776371903152567160759366832, 0.999778900049912051248641465139),
    (0.999, 3): (None, 0.0151480056765404521957153572287),
    (0.999, 4): (None, 0.0241430637526177661723207395608),
    (0.999, 5): (0.0173115031663795562509812490184, 0.0315100557005572083316247925856),
    (0.999, 6): (0.0258211128018652163778435144492, 0.0378456081194715099728913182115),
    (0.999, 7): (0.0327388144100594697573621627612, 0.0434594526055456297854331052026),
    (0.999, 10): (0.048998013447140177878690696787, 0.057525212186431390382891793378),
    (0.999, 100): (0.215335436538200095914530773733, 0.21776778358485093422263216148),
    (0.999, 1000): (0.645325652338065377388461774796, 0.645833665734038184467118881397),
    (0.999, 2000): (0.828390060971902237391811998818, 0.828603097269037621986222337452),
    (0.9999, 6): (0.00816500540133092741795013934418, 0.011964903948528155433520873343),
    (0.9999, 20_000): (0.828789083522964674754918763683, 0.828810334013552998680454337785),
}

BETA2 = st.floats(0, 0.99999)


@pytest.mark.parametrize(("rho", "expected"), VARIANCE.items())
def test_variance(rho, expected):
    assert variance(rho) == pytest.approx(expected, rel=1e-10, abs=0)


@pytest.mark.parametrize("rho", MOMENTS)
def test_the_moments_to_30_digits(rho):
    """The variance loses most near rho = 200, where the mean and the mean square have grown close: 5e-11."""
    expected_mean, expected_square, expected_variance = map(float, MOMENTS[rho])
    assert mean(float(rho)) == pytest.approx(expected_mean, rel=1e-12, abs=0)
    assert mean_square(float(rho)) == pytest.approx(expected_square, rel=1e-12, abs=0)
    assert variance(float(rho)) == pytest.approx(expected_variance, rel=1e-9, abs=0)


@given(st.floats(2.001, 1e6), st.floats(0.1, 10))
def test_the_variance_is_the_mean_square_less_the_squared_mean(rho, tau2):
    total = mean(rho, tau2) ** 2 + variance(rho, tau2)
    assert total == pytest.approx(mean_square(rho, tau2), rel=1e-12, abs=0)


def test_variance_in_closed_form():
    closed = {3: 3 - 6 / pi, 4: 2 - pi / 2, 5: 5 / 3 - 40 / (9 * pi), 6: 3 / 2 - 27 * pi / 64}
    assert [variance(rho) for rho in closed] == pytest.approx(list(closed.values()), rel=1e-13, abs=0)


def test_variance_scales_with_tau_squared():
    assert variance(7.3, tau2=4.0) == 4 * variance(7.3)
    assert variance(1e4, tau2=4.0) == 4 * variance(1e4)
    assert variance_first_order(7.3, tau2=4.0) == 4 * variance_first_order(7.3)
    for rho in (7.3, 1e4):
        assert mean_square(rho, tau2=4.0) == pytest.approx(4 * mean_square(rho), rel=1e-15)
        assert mean(rho, tau2=4.0) == pytest.approx(2 * mean(rho), rel=1e-15)


def test_where_the_variance_does_not_exist():
    """Infinite up to rho = 2, and below 1 there is not even a mean."""
    assert [variance(rho) for rho in (1.5, 2)] == [inf, inf]
    assert all(isnan(variance(rho)) for rho in (-1, 0, 1))
    assert all(isnan(variance_first_order(rho)) for rho in (1, 2, 3, 4))
    assert variance(2 + 1e-9) > 1e8
    assert variance(inf) == 0


def test_where_the_mean_and_the_mean_square_do_not_exist():
    """E[psi] from rho = 1 on, E[psi^2] from rho = 2 on. E[psi] at rho = 2 is sqrt(pi)."""
    assert [mean(rho) for rho in (0.5, 1)] == [inf, inf]
    assert [mean_square(rho) for rho in (0.5, 1, 2)] == [inf] * 3
    assert mean(2) == pytest.approx(sqrt(pi), rel=1e-14)
    assert mean(1 + 1e-9) > 1e8


def test_the_average_of_all_squares_is_the_variance_of_g():
    """rho -> infinity: psi is tau."""
    assert [mean(1e12, 4.0), mean_square(1e12, 4.0)] == pytest.approx([2, 4], rel=1e-11)
    assert [mean(inf, 4.0), mean_square(inf, 4.0)] == [2, 4]


@given(st.floats(2.001, 1e9), st.floats(1.001, 10))
def test_theorem_1_variance_decreases(rho, factor):
    assert variance(rho * factor) < variance(rho)


@given(st.floats(4.001, 1e6), st.floats(1.001, 10))
def test_first_order_variance_decreases_and_lies_above(rho, factor):
    assert variance_first_order(rho * factor) < variance_first_order(rho)
    assert variance_first_order(rho) > variance(rho)


def test_the_two_branches_of_the_variance_meet():
    """Gamma functions up to 200, a series above: no step that could be seen as one in a plot or a derivative."""
    below, above = variance(200), variance(200 + 1e-9)
    assert below == pytest.approx(above, rel=1e-10, abs=0)


@pytest.mark.parametrize("rho", [rho for rho in MOMENTS if float(rho) > 500])
def test_the_series_is_off_by_its_next_term_and_no_more(rho):
    """244 / rho^6, which is 1.6e-14 at rho = 500."""
    assert variance(float(rho)) == pytest.approx(float(MOMENTS[rho][2]), rel=2e-14, abs=0)


@pytest.mark.parametrize(("rho", "ratio"), [(5, 3.31), (6, 2.15), (7, 1.76), (10, 1.38), (20, 1.14)])
def test_how_much_the_first_order_overstates(rho, ratio):
    assert variance_first_order(rho) / variance(rho) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize(("share", "first"), [(0.10, 27), (0.01, 230)])
def test_from_where_on_the_first_order_is_good(share, first):
    ratios = [variance_first_order(rho) / variance(rho) for rho in range(5, 400)]
    assert next(rho for rho, ratio in enumerate(ratios, 5) if ratio <= 1 + share) == first


@pytest.mark.parametrize(("case", "expected"), LENGTH.items())
def test_sma_length(case, expected):
    beta2, t = case
    assert sma_length(t, beta2) == pytest.approx(expected, rel=1e-12, abs=0)


@given(BETA2, st.integers(1, 200))
def test_sma_length_has_the_average_age_of_the_moving_average(beta2, t):
    """What eq. (4) means: a plain average over rho_t gradients is (rho_t - 1) / 2 steps old on average."""
    weights = [beta2**age for age in range(t)]
    mean_age = sum(age * w for age, w in enumerate(weights)) / sum(weights)
    assert sma_length(t, beta2) == pytest.approx(2 * mean_age + 1, rel=1e-9, abs=1e-9 * sma_limit(beta2))


@given(st.floats(0.01, 0.999), st.integers(1, 10_000))
def test_sma_length_grows_towards_its_limit(beta2, t):
    now, after, limit = sma_length(t, beta2), sma_length(t + 1, beta2), sma_limit(beta2)
    assert 1 - 1e-9 <= now <= min(after, t + 1e-9) + 1e-9
    assert after <= limit


def test_sma_length_at_the_edges():
    assert sma_limit(0) == 1
    assert sma_limit(0.999) == pytest.approx(1999, rel=1e-12, abs=0)
    assert [sma_length(t, 0) for t in (1, 2, 1000)] == [1, 1, 1]
    assert sma_length(10**9, 0.9) == sma_limit(0.9)


@pytest.mark.parametrize(
    ("beta2", "first"), [(0.7, 6), (0.8, 5), (0.9, 5), (0.95, 5), (0.99, 5), (0.999, 5), (0.9999, 5)]
)
def test_the_first_adaptive_step(beta2, first):
    assert next(t for t in range(1, 20) if sma_length(t, beta2) > 4) == first
    assert first_step(0, beta2) == first


@pytest.mark.parametrize(("beta2", "first"), [(0.7, 10), (0.8, 7), (0.9, 6), (0.99, 6), (0.999, 6), (0.9999, 6)])
def test_with_a_threshold_of_5_it_is_later(beta2, first):
    """Whether rho_t = 5 itself counts or not."""
    lengths = [sma_length(t, beta2) for t in range(1, 20)]
    assert next(t for t, rho in enumerate(lengths, 1) if rho > 5) == first
    assert next(t for t, rho in enumerate(lengths, 1) if rho >= 5) == first


@pytest.mark.parametrize(
    ("r", "beta2", "first"), [(0.9, 0.999, 2737), (0.99, 0.999, 5654), (0.9, 0.99, 277), (0.99, 0.99, 567)]
)
def test_when_the_rectification_is_over(r, beta2, first):
    assert first_step(r, beta2) == first


def test_the_first_step_is_a_whole_number_and_includes_r_itself():
    for t in (5, 100, 128, 2737):
        first = first_step(rectification(t, 0.999), 0.999)
        assert (first, type(first)) == (t, int)


@pytest.mark.parametrize("beta2", [0, 0.3, 0.5, 0.6])
def test_small_beta2_has_no_first_step(beta2):
    assert [first_step(r, beta2) for r in (0, 0.5)] == [inf, inf]


def test_the_first_step_with_the_exact_variance():
    """rho_t > 2, and so the third; never for beta2 <= 1/3."""
    assert [first_step(0, beta2, exact=True) for beta2 in (0.5, 0.6, 0.9, 0.999)] == [3] * 4
    assert [first_step(0, beta2, exact=True) for beta2 in (0, 0.3, 1 / 3)] == [inf] * 3


@given(st.floats(0, 0.99), st.floats(0.61, 0.9999), st.booleans())
def test_the_first_step_is_the_inverse_of_the_rectification(r, beta2, exact):
    first = first_step(r, beta2, exact)
    assert rectification(first, beta2, exact) >= r
    assert not rectification(first - 1, beta2, exact) >= r  # nan, where there is none


@pytest.mark.parametrize("r", [-0.1, 1, 1.5, nan, inf])
def test_the_first_step_of_an_r_out_of_range(r):
    with pytest.raises(ValueError, match=rf"first_step: r must lie in \[0, 1\), got {r}"):
        first_step(r, 0.9)


@given(st.floats(0, 0.6))
def test_small_beta2_is_never_adaptive(beta2):
    assert sma_limit(beta2) <= 4 * (1 + 1e-15)
    assert all(isnan(rectification(t, beta2)) for t in (1, 5, 100, 10_000))


@pytest.mark.parametrize(("case", "expected"), RECTIFICATION.items())
def test_rectification(case, expected):
    beta2, t = case
    first_order, exact = expected
    if first_order is not None:
        assert rectification(t, beta2) == pytest.approx(first_order, rel=3e-12, abs=0)
    if exact is not None:
        assert rectification(t, beta2, exact=True) == pytest.approx(exact, rel=1e-10, abs=0)


def test_where_the_rectification_is_undefined():
    """From eq. (5) it needs rho_t > 4, with the exact variance rho_t > 2."""
    assert [isnan(rectification(t, 0.999)) for t in (1, 2, 3, 4, 5)] == [True] * 4 + [False]
    assert [isnan(rectification(t, 0.999, exact=True)) for t in (1, 2, 3, 4, 5)] == [True] * 2 + [False] * 3
    assert isnan(rectification(1000, 0.2, exact=True))  # rho_inf = 1.5


@given(st.floats(0.7, 0.9999), st.integers(5, 5000), st.booleans())
def test_rectification_grows_towards_one(beta2, t, exact):
    now, after = rectification(t, beta2, exact), rectification(t + 1, beta2, exact)
    assert isnan(now) or 0 < now <= after * (1 + 1e-9) <= 1 + 2e-9


@given(st.floats(0.7, 0.9999), st.integers(6, 5000))
def test_rectification_makes_up_for_the_variance(beta2, t):
    """What it is for: r_t psi_t has the variance of the last step's psi."""
    r = rectification(t, beta2, exact=True)
    assert r**2 * variance(sma_length(t, beta2)) == pytest.approx(variance(sma_limit(beta2)), rel=1e-12, abs=0)
    r, rho, limit = rectification(t, beta2), sma_length(t, beta2), sma_limit(beta2)
    if rho > 4:
        assert r == pytest.approx(sqrt(variance_first_order(limit) / variance_first_order(rho)), rel=1e-12, abs=0)


@pytest.mark.parametrize("beta2", [-0.1, 1.0, 1.5, float("nan"), inf])
def test_beta2_out_of_range(beta2):
    with pytest.raises(ValueError, match=r"sma_limit: beta2 must lie in \[0, 1\), got"):
        sma_limit(beta2)
    for function in (sma_length, rectification, first_step):
        with pytest.raises(ValueError, match=rf"{function.__name__}: beta2 must lie in \[0, 1\), got"):
            function(1 if function is not first_step else 0.5, beta2)


@pytest.mark.parametrize("function", [sma_length, rectification])
@pytest.mark.parametrize("t", [0, -1])
def test_t_out_of_range(function, t):
    with pytest.raises(ValueError, match=f"{function.__name__}: t must be at least 1, got {t}"):
        function(t, 0.9)
