"""Adam-eps: epsilon where eq. (1) has it. Times r_t, it is RAdam."""

from math import sqrt

import numpy as np
import pytest
from helpers import host
from optim.parity_table import problem
from optim.plain import Plain, plains

from minirad.optim import Adam, AdamEps, RAdam
from minirad.variance import rectification


def equation_1(theta, gradients, lr, betas, eps, weight_decay):
    """One number: lr m_hat sqrt(1 - beta2^t) / (eps + sqrt(v))."""
    (beta1, beta2), m, v = betas, 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        g = g + weight_decay * theta
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        phi, psi = m / (1 - beta1**t), sqrt(1 - beta2**t) / (eps + sqrt(v))
        theta = theta - lr * phi * psi
        yield theta


@pytest.mark.parametrize("kind", ["normal", "sparse", "huge", "tiny"])
@pytest.mark.parametrize(
    ("betas", "eps", "weight_decay"),
    [((0.9, 0.999), 1e-4, 0.0), ((0.5, 0.9), 1e-2, 0.1), ((0.0, 0.9999), 1e-8, 0.0), ((0.9, 0.0), 1.0, 0.0)],
)
def test_equation_1_written_plainly(betas, eps, weight_decay, kind):
    settings = {"lr": 0.01, "betas": betas, "eps": eps, "weight_decay": weight_decay}
    start, gradients = problem(kind, "float64")
    p = Plain(start)
    optimizer = AdamEps([p], **settings)
    expected = np.array([list(equation_1(*one, **settings)) for one in zip(start, gradients.T, strict=True)]).T
    furthest = 0.0
    for g, theta in zip(gradients, expected, strict=True):
        p.grad = Plain(g).data
        optimizer.step()
        furthest = max(furthest, abs(host(p.data) - theta).max())
    assert furthest <= 1e-12 * abs(expected).max()


def steps(rule, gradients, **settings):
    """Each step of a rule, read off without rounding: from theta = 0."""
    p = Plain(np.zeros(gradients.shape[1]))
    optimizer = rule([p], **settings)
    result = []
    for g in gradients:
        p.data[...], p.grad = 0.0, Plain(g).data
        optimizer.step()
        result.append(host(p.data).copy())
    return np.array(result)


def test_without_epsilon_it_is_adam_to_the_bit():
    _, gradients = problem("normal", "float64")
    adam, ours = (steps(rule, gradients[:50], lr=0.1, eps=0.0) for rule in (Adam, AdamEps))
    assert np.array_equal(adam, ours)


@pytest.mark.parametrize("eps", [1e-8, 1e-4, 0.1])
@pytest.mark.parametrize("beta2", [0.8, 0.9, 0.99, 0.999, 0.9999])
def test_radam_is_this_times_r(beta2, eps):
    """From step 5 on. So RAdam is Adam on a schedule that no gradient has a part in."""
    _, gradients = problem("normal", "float64")
    adam, radam = (steps(rule, gradients[:300], lr=0.1, betas=(0.9, beta2), eps=eps) for rule in (AdamEps, RAdam))
    for t in range(5, 301):
        assert radam[t - 1] == pytest.approx(rectification(t, beta2) * adam[t - 1], rel=1e-12, abs=0)
    assert not np.allclose(radam[:4], adam[:4])


def test_far_below_epsilon_it_descends():
    """Where sqrt(v) is nothing to eps, all that is left of psi is sqrt(1 - beta2^t) / eps."""
    [step, *_] = steps(AdamEps, np.array([[1e-9, -3e-9]]), lr=1.0, betas=(0.9, 0.999), eps=1e-2)
    assert step == pytest.approx(-np.array([1e-9, -3e-9]) * sqrt(1 - 0.999) / 1e-2, rel=1e-6)


def test_defaults_are_the_papers():
    settings = AdamEps(plains((3,))).param_groups[0]
    expected = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-4, "weight_decay": 0}
    assert {key: settings[key] for key in expected} == expected
