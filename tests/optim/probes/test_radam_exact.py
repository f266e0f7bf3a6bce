"""RAdamExact: RAdam with eq. (2) in place of eq. (5), from the third step on."""

from math import exp, lgamma, log, nextafter, pi, sqrt

import numpy as np
import pytest
from helpers import host
from optim.parity_table import problem
from optim.plain import Plain

from minirad.optim import RAdam, RAdamExact

# r_t at beta2 = 0.999 from the exact variance: 40 digits, rounded.
R = {
    3: 0.0151480056765404521957153572287,
    4: 0.0241430637526177661723207395608,
    5: 0.0315100557005572083316247925856,
    6: 0.0378456081194715099728913182115,
    7: 0.0434594526055456297854331052026,
    10: 0.057525212186431390382891793378,
    100: 0.21776778358485093422263216148,
}


def variance(rho):
    """Eq. (8): rho/(rho-2) - rho 2^(2 rho - 5) / pi B((rho-1)/2, (rho-1)/2)^2."""
    log_beta = 2 * lgamma((rho - 1) / 2) - lgamma(rho - 1)
    return rho / (rho - 2) - rho / pi * exp((2 * rho - 5) * log(2) + 2 * log_beta)


def exactly(theta, gradients, lr, betas, eps, weight_decay):
    """One number, by Algorithm 2 with the variance itself."""
    (beta1, beta2), m, v = betas, 0.0, 0.0
    rho_inf = 2 / (1 - beta2) - 1
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        theta = theta - lr * weight_decay * theta
        if rho > 2:
            r = sqrt(variance(rho_inf) / variance(rho))
            theta = theta - lr * r * m / (1 - beta1**t) * sqrt(1 - beta2**t) / (sqrt(v) + eps)
        else:
            theta = theta - lr * m / (1 - beta1**t)
        yield theta


@pytest.mark.parametrize("kind", ["normal", "sparse", "huge"])
@pytest.mark.parametrize(
    ("betas", "eps", "weight_decay"),
    [((0.9, 0.9), 1e-8, 0.0), ((0.5, 0.5), 1e-3, 0.1), ((0.9, 0.3), 1e-8, 0.1), ((0.8, 0.95), 1e-8, 0.0)],
)
def test_the_exact_variance_written_plainly(betas, eps, weight_decay, kind):
    """Eq. (8) loses digits as rho grows: at 39, where the largest beta2 here ends, its relative error is 1e-12."""
    settings = {"lr": 0.01, "betas": betas, "eps": eps, "weight_decay": weight_decay}
    start, gradients = problem(kind, "float64")
    p = Plain(start)
    optimizer = RAdamExact([p], **settings)
    expected = np.array([list(exactly(*one, **settings)) for one in zip(start, gradients.T, strict=True)]).T
    furthest = 0.0
    for g, theta in zip(gradients, expected, strict=True):
        p.grad = Plain(g).data
        optimizer.step()
        furthest = max(furthest, abs(host(p.data) - theta).max())
    assert furthest <= 1e-11 * abs(expected).max()


@pytest.mark.parametrize("rule", [RAdamExact, RAdam])
def test_the_first_adaptive_step_is_the_third(rule):
    """With g = 1e6, a step without 1/sqrt(v) is lr 1e6, one with it lr r_t. RAdam has to wait until the fifth."""
    p = Plain([0.0], [1e6])
    optimizer = rule([p], lr=1.0)
    steps = {}
    for t in range(1, 101):
        p.data[...] = 0.0
        optimizer.step()
        steps[t] = -host(p.data).item()
    assert [t for t in steps if steps[t] > 1e5] == ([1, 2] if rule is RAdamExact else [1, 2, 3, 4])
    if rule is RAdamExact:
        assert [steps[t] for t in R] == pytest.approx(list(R.values()), rel=1e-10)
    else:
        assert all(steps[t] < r for t, r in R.items() if t >= 5)  # eq. (5) overstates the early variance


@pytest.mark.parametrize("beta2", [0.3, nextafter(1 / 3, 1)])  # the second one's rho_inf is 2.0
def test_a_beta2_that_never_gets_past_rho_2(beta2):
    """rho_inf <= 2 for beta2 <= 1/3: descent with an averaged gradient for ever, also where rho_t is 2 at last."""
    p = Plain([0.0], [1e6])
    optimizer = RAdamExact([p], lr=1.0, betas=(0.9, beta2))
    for _ in range(50):
        optimizer.step()
    assert host(p.data) == pytest.approx([-50e6])


def test_it_prints_and_saves_as_what_it_is():
    p = Plain(np.zeros(3), np.ones(3))
    optimizer = RAdamExact([p])
    optimizer.step()
    assert repr(optimizer).startswith("RAdamExact(")
    assert optimizer.state_dict()["state"]["0"].keys() == {"t", "m", "v"}
