"""The arms of the exhibits: each one's path and rates against plain formulas, and what its controls have in common."""

import re
from math import exp, sqrt

import numpy as np
import pytest
from helpers import device, host

from minirad import nn
from minirad.experiments.arms import ARMS, EPSILONS, WARMUPS, Setup, constant, mean_rate, optimizer_of, r

STEPS, LR = 20, 0.1
GRADIENTS = np.random.default_rng(0).normal(0.3, 1.0, (STEPS, 3))
START = np.array([1.0, -2.0, 0.5])


def trained(arm, beta2=0.9, weight_decay=0.0, decay=None):
    """theta before step 1, 2, ... and after the last, and the rate of each step. The gradients are given."""
    w = nn.Parameter(device(START))
    setup = Setup(LR, STEPS, beta2, weight_decay, decay or constant)
    optimizer, scheduler = optimizer_of(arm, [("w", w)], setup)
    thetas, rates = [host(w).copy()], []
    for g in GRADIENTS:
        w.grad = device(g)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        thetas.append(host(w).copy())
    return np.array(thetas), np.array(rates)


def plain_r(t, beta2):
    """r_t as Algorithm 2 prints it; None where rho_t <= 4."""
    end = 2 / (1 - beta2) - 1
    rho = end - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= 4:
        return None
    return sqrt((rho - 4) * (rho - 2) * end / ((end - 4) * (end - 2) * rho))


def plain_rule(arm, t, beta2, decay):
    """What the arm does at step t: the rule, where it has epsilon, and what multiplies the rate."""
    r_t = plain_r(t, beta2)
    radam = ("sgd", 1.0) if r_t is None else ("adam before", r_t)
    if percent := re.fullmatch(r"adam-warmup-(\d+)", arm):
        return "adam after", min(1.0, t / max(1, round(int(percent[1]) * STEPS / 100)))
    first, second = ("adam before", 1.0), ("sgd", 1.0)
    phases = {
        "radam": (radam, radam, radam),
        "adam-radam-radam": (first, radam, radam),
        "sgd-adam-radam": (second, first, radam),
        "skip-radam-radam": (("skip", 0.0), radam, radam),
    }
    if arm in phases:
        return phases[arm][0 if t <= 4 else 1 if t <= 8 else 2]
    if arm == "radam-5":
        return second if t <= 5 else radam
    if arm.startswith("adam-eps-"):
        return "adam before", 1.0
    weights = {k: decay(k) if decay else 1.0 for k in range(1, STEPS + 1)}
    mean = sum(weight * (plain_r(k, beta2) or 0.0) for k, weight in weights.items()) / sum(weights.values())
    return "adam after", {
        "adam": 1.0,
        "adam-mean-rate": mean,
        "adam-r": r_t or 0.0,
        "adam-untuned-linear": min(1.0, (1 - beta2) / 2 * t),
        "adam-untuned-exponential": 1 - exp(-(1 - beta2) * t),
    }[arm]


def plain(arm, beta2, weight_decay, decay=None):
    """theta before step 1, 2, ... and after the last, without any of the library."""
    theta, m, v, thetas = START.copy(), 0.0, 0.0, [START.copy()]
    eps = float(arm.removeprefix("adam-eps-")) if arm.startswith("adam-eps-") else 1e-8
    frozen = 5 if arm.startswith("adam-2k") else 0  # a quarter of the run

    def step(theta, m_hat, v, t, lr):
        kind, share = ("adam after", 1.0) if frozen else plain_rule(arm, t, beta2, decay)
        if kind == "skip":
            return theta
        if kind == "adam after":  # a schedule, with which the decay goes too; it does not go with r_t
            lr = lr * share
        theta = theta * (1 - lr * weight_decay)
        if kind == "sgd":
            return theta - lr * m_hat
        if kind == "adam before":
            return theta - lr * share * m_hat * sqrt(1 - beta2**t) / (np.sqrt(v) + eps)
        return theta - lr * m_hat / (np.sqrt(v / (1 - beta2**t)) + eps)

    for t, g in enumerate(GRADIENTS, 1):
        lr = LR * decay(t) if decay else LR
        if arm == "sgd":
            m = 0.9 * m + g + weight_decay * theta
            theta = theta - lr * m
        else:
            v = beta2 * v + (1 - beta2) * g**2
            if t > frozen:
                m = 0.9 * m + 0.1 * g
                theta = step(theta, m / (1 - 0.9 ** (t - frozen * (arm == "adam-2k-bare"))), v, t, lr)
        thetas.append(theta)
    return np.array(thetas)


def test_the_arms_that_there_are():
    assert {f"adam-warmup-{p}" for p in WARMUPS} | {f"adam-eps-{eps}" for eps in EPSILONS} < ARMS.keys()
    assert len({arm.title for arm in ARMS.values()}) == len(ARMS)


@pytest.mark.parametrize("beta2", [0.5, 0.9, 0.999])
@pytest.mark.parametrize("arm", ARMS)
def test_each_path_against_plain_formulas(arm, beta2):
    np.testing.assert_allclose(trained(arm, beta2)[0], plain(arm, beta2, 0.0), rtol=1e-11)
    decayed = trained(arm, beta2, weight_decay=0.1, decay=lambda t: 1 / t)[0]
    np.testing.assert_allclose(decayed, plain(arm, beta2, 0.1, lambda t: 1 / t), rtol=1e-11)


@pytest.mark.parametrize(
    ("arm", "rates"),
    [
        ("sgd", [1.0] * 5),
        ("radam", [1.0] * 5),
        ("adam-warmup-1", [1.0] * 5),
        ("adam-warmup-10", [0.5, 1, 1, 1, 1]),
        ("adam-warmup-25", [0.2, 0.4, 0.6, 0.8, 1]),
        ("adam-warmup-50", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("adam-untuned-linear", [0.05, 0.1, 0.15, 0.2, 0.25]),
        ("adam-untuned-exponential", [1 - exp(-0.1 * t) for t in range(1, 6)]),
        ("adam-r", [0, 0, 0, 0, plain_r(5, 0.9)]),
    ],
)
def test_rates(arm, rates):
    np.testing.assert_allclose(trained(arm)[1][:5], LR * np.array(rates), rtol=1e-12, atol=1e-16)
    halved = trained(arm, decay=lambda t: 0.5 if t > 2 else 1.0)[1][:5]  # what all arms share comes on top
    np.testing.assert_allclose(halved, LR * np.array(rates) * [1, 1, 0.5, 0.5, 0.5], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("beta2", [0.9, 0.99, 0.999])
def test_radam_without_its_sgd_steps_is_adam_times_r(beta2):
    """With the same gradients. Not to the last digit: epsilon stands before the bias correction, or after it."""
    radam, adam_r, skip = (trained(arm, beta2)[0] for arm in ("radam", "adam-r", "skip-radam-radam"))
    sgd_steps = radam[4] - radam[0]
    assert np.abs(sgd_steps).min() > 0.01
    assert np.array_equal(adam_r[4], adam_r[0])
    np.testing.assert_allclose(radam[4:] - sgd_steps, adam_r[4:], atol=1e-7)
    np.testing.assert_allclose(skip, adam_r, atol=1e-7)
    assert np.abs(radam[-1] - radam[4]).max() > 1e-2


def test_where_there_is_no_r_the_control_stands_still():
    """beta2 <= 0.6: RAdam is SGD throughout."""
    assert np.array_equal(trained("adam-r", 0.6)[0], np.tile(START, (STEPS + 1, 1)))
    assert not trained("adam-mean-rate", 0.6)[1].any()
    assert mean_rate(STEPS, 0.6) == 0.0


@pytest.mark.parametrize("beta2", [0.9, 0.99, 0.999])
def test_the_mean_rate_is_radams(beta2):
    """Over the steps of the whole run, with those before the fifth as 0, as in "adam-r"."""
    constant, rectified = trained("adam-mean-rate", beta2)[1], trained("adam-r", beta2)[1]
    assert np.ptp(constant) == 0
    assert constant.mean() == pytest.approx(rectified.mean(), rel=1e-12)
    assert constant[0] / LR == pytest.approx(sum(r(t, Setup(1, 1, beta2)) for t in range(1, STEPS + 1)) / STEPS)


@pytest.mark.parametrize("beta2", [0.9, 0.99, 0.999])
def test_the_mean_rate_goes_as_far_as_radam_under_a_schedule_too(beta2):
    """Steps at a small rate count little: r_t grows, so the mean is below the plain one where the rate falls."""
    constant, rectified = (trained(arm, beta2, decay=lambda t: 1 / t)[1] for arm in ("adam-mean-rate", "adam-r"))
    assert constant.sum() == pytest.approx(rectified.sum(), rel=1e-12)
    np.testing.assert_allclose(constant * np.arange(1, STEPS + 1), constant[0], rtol=1e-12)
    assert constant[0] < LR * mean_rate(STEPS, beta2)


def test_a_mean_rate_with_weights():
    assert mean_rate(50, 0.99, lambda t: 7.0) == pytest.approx(mean_rate(50, 0.99))
    assert mean_rate(5, 0.999, lambda t: t == 5) == pytest.approx(0.017311503166)
    assert mean_rate(4, 0.999) == 0


def test_a_known_mean_rate():
    assert mean_rate(200, 0.999) == pytest.approx(0.2, abs=0.005)  # the confound of figure 1's small version


def test_an_unknown_arm():
    with pytest.raises(KeyError, match="lion"):
        optimizer_of("lion", [("w", nn.Parameter(device(START)))], Setup(0.1, 1))
