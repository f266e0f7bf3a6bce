"""simulation.py: the integrals against 30 digits and against closed forms; the simulation against the integrals."""

import json
from math import exp, gamma, inf, lgamma, log, nan, pi, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.backend import manual_seed
from minirad.variance import ema_moments, mean, rectification, simulate, variance

REFERENCES = json.loads(Path(__file__).with_name("variance_references.json").read_text(encoding="utf-8"))


# ---- the moments of the exponential average


@pytest.mark.parametrize(("t", "beta2", "mu", "m", "var"), REFERENCES["exponential"])
def test_the_moments_to_30_digits(t, beta2, mu, m, var):
    """Var = E[psi^2] - E[psi]^2, where the two are ever closer as mu or t grows: 1e-15 of them is what may be lost."""
    m, var = float(m), float(var)
    assert ema_moments(t, beta2, mu)[0] == pytest.approx(m, rel=1e-14)
    assert ema_moments(t, beta2, mu)[1] == pytest.approx(var, rel=1e-14 * (1 + m * m / var), abs=0)


@pytest.mark.parametrize("beta2", [0.01, 0.3, 0.9, 0.99, 0.999])
def test_two_steps_are_an_elliptic_integral(beta2):
    """E[psi_2] = sqrt(pi/2) sqrt(1 + beta2) / agm(1, sqrt(beta2)): the mean over the angle of (g_1, g_2) is one.

    The variance is infinite.
    """
    a, b = 1.0, sqrt(beta2)
    while abs(a - b) > 1e-15:
        a, b = (a + b) / 2, sqrt(a * b)
    assert ema_moments(2, beta2) == (pytest.approx(sqrt(pi / 2) * sqrt(1 + beta2) / a, rel=1e-13), inf)


@pytest.mark.parametrize("t", [3, 4, 5, 10, 30])
def test_where_all_weights_are_alike_it_is_the_papers_plain_average(t):
    """beta2 -> 1: eqs. (7) and (2) at rho = t. The weights differ by 1e-6, which counts in the square only."""
    m, var = ema_moments(t, 1 - 1e-6)
    assert m == pytest.approx(mean(t), rel=1e-9)
    assert var == pytest.approx(variance(t), rel=1e-8)


@pytest.mark.parametrize("t", [3, 5, 10])
@pytest.mark.parametrize("mu", [0.3, 1.0, 3.0])
def test_where_all_weights_are_alike_and_the_mean_is_not_zero(t, mu):
    """t Q is noncentral chi-squared: a chi-squared with t + 2k degrees of freedom, where k is Poisson."""
    half = t * mu * mu / 2
    m = square = 0.0
    for k in range(200):
        share = exp(k * log(half) - half - lgamma(k + 1))
        m += share * sqrt(t / 2) * exp(lgamma((t + 2 * k - 1) / 2) - lgamma((t + 2 * k) / 2))
        square += share * t / (t + 2 * k - 2)
    assert ema_moments(t, 1 - 1e-6, mu) == (pytest.approx(m, rel=1e-9), pytest.approx(square - m * m, rel=1e-7))


@given(st.floats(0.05, 0.999), st.integers(3, 20), st.floats(-3, 3))
def test_the_sign_of_mu_does_not_matter(beta2, t, mu):
    assert ema_moments(t, beta2, mu) == ema_moments(t, beta2, -mu)


def test_in_the_long_run_t_does_not_matter():
    """And a million weights, most of them 0, are no trouble."""
    assert ema_moments(10**6, 0.9) == pytest.approx(ema_moments(1000, 0.9), rel=1e-12)


def test_where_the_moments_do_not_exist():
    assert ema_moments(1, 0.9) == (inf, inf)
    assert ema_moments(2, 0.9)[1] == inf
    assert ema_moments(100, 0.0) == (inf, inf)  # psi is 1/|g| at every step


@pytest.mark.parametrize("beta2", [-0.1, 1.0, nan])
def test_moments_of_a_beta2_out_of_range(beta2):
    with pytest.raises(ValueError, match=rf"ema_moments: beta2 must lie in \[0, 1\), got {beta2}"):
        ema_moments(5, beta2)


@pytest.mark.parametrize("t", [0, -1])
def test_moments_of_no_step(t):
    with pytest.raises(ValueError, match=f"ema_moments: t must be at least 1, got {t}"):
        ema_moments(t, 0.9)


# ---- the simulation


def standard_error(t, beta2, mu, trajectories):
    """Of a sample variance, from the exact moments of psi: sqrt((mu4 - sigma^4 (n-3)/(n-1)) / n). Finite for t >= 5.

    E[psi^k] = int s^(k/2 - 1) E[e^(-s Q)] ds / Gamma(k/2), as in ema_moments.
    """
    u = np.arange(-75.0, 150.0, 0.05)
    x = np.exp(u)[:, None] * (beta2 ** np.arange(t) * (1 - beta2) / (1 - beta2**t))
    transform = -0.5 * np.log1p(2 * x).sum(1) - mu * mu * (x / (1 + 2 * x)).sum(1)
    e1, e2, e3, e4 = (np.exp(k / 2 * u + transform).sum() * 0.05 / gamma(k / 2) for k in (1, 2, 3, 4))
    fourth = e4 - 4 * e3 * e1 + 6 * e2 * e1**2 - 3 * e1**4
    n = trajectories
    return sqrt((fourth - (e2 - e1**2) ** 2 * (n - 3) / (n - 1)) / n)


def test_the_standard_error_by_hand():
    """Where all weights are alike and t = 5: E[psi^k] = (5/2)^(k/2) Gamma((5-k)/2) / Gamma(5/2)."""
    e1, e2, e3, e4 = (2.5 ** (k / 2) * gamma((5 - k) / 2) / gamma(2.5) for k in (1, 2, 3, 4))
    fourth, sigma2 = e4 - 4 * e3 * e1 + 6 * e2 * e1**2 - 3 * e1**4, e2 - e1**2
    expected = sqrt((fourth - sigma2**2 * 4997 / 4999) / 5000)  # 0.0213, around 0.252
    assert standard_error(5, 1 - 1e-6, 0.0, 5000) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("beta2", [0.5, 0.9, 0.999])
@pytest.mark.parametrize("mu", [0.0, 1.0])
def test_the_simulation_finds_the_exact_variance(beta2, mu):
    sample = simulate(beta2, 50, 20_000, mu, np.random.default_rng(1))
    assert sample.shape == (50,)
    for t in (5, 6, 10, 20, 50):
        error = standard_error(t, beta2, mu, 20_000)
        assert abs(sample[t - 1] - ema_moments(t, beta2, mu)[1]) < 4 * error, f"t = {t}"
    assert error < 0.02 * sample[-1]  # so that the bound says something


@pytest.mark.slow
def test_figure_9_at_its_full_size():
    """5,000 trajectories of 6,000 steps for each of the paper's mu. How long it takes is not judged."""
    mus = [0.0, 0.001, 0.01, 0.1, 1.0, 10.0]
    sample = simulate(0.999, 6000, 5000, mus, np.random.default_rng(0))
    assert sample.shape == (6, 6000)
    for i, mu in enumerate(mus):
        for t in (5, 10, 100, 1400, 6000):
            error = standard_error(t, 0.999, mu, 5000)
            assert abs(sample[i, t - 1] - ema_moments(t, 0.999, mu)[1]) < 5 * error, f"mu = {mu}, t = {t}"


def test_what_figure_9_shows():
    """The rectified variance as a share of the last one: r_t from eq. (5) overdoes it early, most for mu = 10."""

    def rectified(t, mu):
        limit = ema_moments(30_000, 0.999, mu)[1]
        return rectification(t, 0.999) ** 2 * ema_moments(t, 0.999, mu)[1] / limit

    assert 1 / rectified(5, 0.0) == pytest.approx(3.3, abs=0.05)
    assert rectified(10, 0.0) == pytest.approx(0.72, abs=0.01)
    assert rectified(1400, 0.0) == pytest.approx(0.895, abs=0.01)
    assert 1 / rectified(5, 10.0) == pytest.approx(8, abs=0.5)
    assert 1 / rectified(10, 10.0) == pytest.approx(2, abs=0.1)


class Given:
    """A generator whose numbers are known."""

    def __init__(self, *rows):
        self.rows = [np.array(row) for row in rows]

    def standard_normal(self, size):
        row = self.rows.pop(0)
        assert size == len(row)
        return row


def test_two_trajectories_by_hand():
    """beta2 = 1/2, g = 1, 2 and then 2, 6: v_hat = 1, 4 and (0.25 + 2)/0.75 = 3, (1 + 18)/0.75 = 76/3."""
    psi = [1, 1 / 2], [1 / sqrt(3), 1 / sqrt(76 / 3)]
    expected = [(a - b) ** 2 / 2 for a, b in psi]
    assert simulate(0.5, 2, 2, 0.0, Given([1.0, 2.0], [2.0, 6.0])) == pytest.approx(expected, rel=1e-14)
    assert simulate(0.5, 2, 2, 0.5, Given([0.5, 1.5], [1.5, 5.5])) == pytest.approx(expected, rel=1e-14)


def test_one_step_without_an_average_by_hand():
    """beta2 = 0: psi = 1/|g|, from the gradients 1 and -2."""
    assert simulate(0.0, 1, 2, 0.0, Given([1.0, -2.0])).tolist() == [0.125]


def test_several_mu_share_their_noise():
    together = simulate(0.9, 30, 100, [0.0, 0.5, 2.0], np.random.default_rng(4))
    apart = [simulate(0.9, 30, 100, mu, np.random.default_rng(4)) for mu in (0.0, 0.5, 2.0)]
    assert together.shape == (3, 30)
    assert np.array_equal(together, apart)
    assert np.array_equal(simulate(0.9, 30, 100, (0.5,), np.random.default_rng(4)), [apart[1]])


def test_the_same_generator_gives_the_same_bits():
    first, second, other = (simulate(0.9, 20, 50, 0.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_without_a_generator_it_draws_from_the_stream_called_noise():
    first = simulate(0.9, 20, 50)
    second = simulate(0.9, 20, 50)
    manual_seed(0)
    assert np.array_equal(first, simulate(0.9, 20, 50))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, simulate(0.9, 20, 50, 0.0, np.random.default_rng([0, 3])))  # the fourth of the streams


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 5, 5), r"beta2 must lie in \[0, 1\), got 1.0"),
        ((-0.5, 5, 5), r"beta2 must lie in \[0, 1\), got -0.5"),
        ((nan, 5, 5), r"beta2 must lie in \[0, 1\), got nan"),
        ((0.9, 0, 5), "needs steps >= 1 and trajectories >= 2, got 0 and 5"),
        ((0.9, -3, 5), "needs steps >= 1 and trajectories >= 2, got -3 and 5"),
        ((0.9, 5, 1), "needs steps >= 1 and trajectories >= 2, got 5 and 1"),
    ],
)
def test_what_can_not_be_simulated(arguments, message):
    """And no number has been drawn for it."""
    with pytest.raises(ValueError, match=f"simulate: {message}"):
        simulate(*arguments, generator=Given())
