"""Adam-2k: both variants, written plainly; and how much of a warmup the paper's hides."""

from math import sqrt

import numpy as np
import pytest
from helpers import device, host
from optim.parity_table import drawn
from optim.plain import Plain, plains

from minirad.optim import Adam, Adam2k


def gradients(kind, steps, size=6):
    rng = np.random.default_rng(11)
    return np.array([drawn(kind, size, rng) for _ in range(steps)])


def path(optimizer, p, gradients):
    """theta after each step."""
    result = []
    for g in gradients:
        p.grad = device(g, str(p.data.dtype))
        optimizer.step()
        result.append(host(p.data).copy())
    return np.array(result)


def of_the_paper(theta, gradients, lr, betas, eps, weight_decay, frozen):
    """One number. The corrections of m and v both count from the first step."""
    (beta1, beta2), m, v = betas, 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        g = g + weight_decay * theta
        v = beta2 * v + (1 - beta2) * g * g
        if t > frozen:
            m = beta1 * m + (1 - beta1) * g
            m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
            theta = theta - lr * m_hat / (sqrt(v_hat) + eps)
        yield theta


def of_its_idea(theta, gradients, lr, betas, eps, weight_decay, frozen):
    """One number. v is Adam's; m begins when the freeze ends, and is corrected from there."""
    (beta1, beta2), m, v = betas, 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        g = g + weight_decay * theta
        v = beta2 * v + (1 - beta2) * g * g
        if t > frozen:
            m = beta1 * m + (1 - beta1) * g
            m_hat, v_hat = m / (1 - beta1 ** (t - frozen)), v / (1 - beta2**t)
            theta = theta - lr * m_hat / (sqrt(v_hat) + eps)
        yield theta


@pytest.mark.parametrize("frozen", [0, 1, 100])
@pytest.mark.parametrize("kind", ["normal", "sparse", "huge"])
@pytest.mark.parametrize(
    ("betas", "eps", "weight_decay"), [((0.9, 0.999), 1e-8, 0.0), ((0.5, 0.9), 1e-3, 0.1), ((0.0, 0.99), 1e-8, 0.0)]
)
@pytest.mark.parametrize("original", [of_the_paper, of_its_idea], ids=lambda original: original.__name__)
def test_both_variants_written_plainly(original, betas, eps, weight_decay, kind, frozen):
    settings = {"lr": 0.01, "betas": betas, "eps": eps, "weight_decay": weight_decay, "frozen": frozen}
    start, g = np.linspace(-1, 2, 6), gradients(kind, 400)
    p = Plain(start)
    result = path(Adam2k([p], hidden_warmup=original is of_the_paper, **settings), p, g)
    expected = np.array([list(original(*one, **settings)) for one in zip(start.tolist(), g.T.tolist(), strict=True)]).T
    assert abs(result - expected).max() <= 1e-12 * abs(expected).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_while_frozen_only_v_changes(dtype):
    p = Plain(np.linspace(-1, 2, 6), dtype=dtype)
    before = host(p.data).copy()
    optimizer = Adam2k([p], lr=0.1, betas=(0.9, 0.99), weight_decay=0.1, frozen=20)
    result = path(optimizer, p, gradients("normal", 20))
    assert all(np.array_equal(theta, before) for theta in result)
    state = optimizer.state_dict()["state"]["0"]
    assert not state["m"].any()
    assert (state["v"] > 0).all()
    assert state["t"] == 20
    optimizer.step()
    assert (host(p.data) != before).all()


def test_v_is_adams():
    """It has seen as many gradients: that is what the frozen steps are for."""
    p, q = Plain(np.zeros(6)), Plain(np.zeros(6))
    frozen, adam = Adam2k([p], betas=(0.9, 0.99), frozen=30), Adam([q], betas=(0.9, 0.99))
    g = gradients("normal", 50)
    path(frozen, p, g)
    path(adam, q, g)
    assert np.array_equal(frozen.state_dict()["state"]["0"]["v"], adam.state_dict()["state"]["0"]["v"])


@pytest.mark.parametrize("beta1", [0.9, 0.5, 0.0])
@pytest.mark.parametrize("frozen", [5, 500])
def test_the_warmup_that_the_paper_hides(beta1, frozen):
    """The k-th step after the freeze is (1 - beta1^k) / (1 - beta1^(frozen + k)) as long as in the other variant.

    Both have the same m and v, and divide m by 1 - beta1^(frozen + k) and by 1 - beta1^k. After a long freeze the
    first of these is 1, and the paper's steps are 1 - beta1^k as long as they should be: 0.1, 0.19, 0.271, ...
    """
    g = gradients("normal", frozen + 60)
    steps = {}
    for hidden_warmup in (True, False):
        p = Plain(np.zeros(6))
        optimizer = Adam2k([p], lr=1.0, betas=(beta1, 0.999), frozen=frozen, hidden_warmup=hidden_warmup)
        path(optimizer, p, g[:frozen])
        taken = []
        for one in g[frozen:]:
            p.data[...] = 0.0  # so that a step is read off without rounding
            taken.append(path(optimizer, p, [one])[0])
        steps[hidden_warmup] = np.array(taken)
    for k in range(1, 61):
        share = (1 - beta1**k) / (1 - beta1 ** (frozen + k))
        assert steps[True][k - 1] == pytest.approx(share * steps[False][k - 1], rel=1e-13)
        if frozen == 500:
            assert share == pytest.approx(1 - beta1**k, rel=1e-15)


def test_nothing_frozen_is_adam_to_the_bit():
    g = gradients("normal", 30)
    settings = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-3, "weight_decay": 0.1}
    p, q, r = (Plain(np.linspace(-1, 2, 6)) for _ in range(3))
    expected = path(Adam([q], **settings), q, g)
    assert np.array_equal(path(Adam2k([p], frozen=0, **settings), p, g), expected)
    assert path(Adam2k([r], frozen=0, hidden_warmup=False, **settings), r, g) == pytest.approx(expected, rel=1e-14)


def test_a_group_may_ask_for_amsgrad():
    """It is no argument, but a setting that comes with Adam."""
    g = gradients("normal", 30)
    p, q = Plain(np.zeros(6)), Plain(np.zeros(6))
    frozen, adam = Adam2k([{"params": [p], "amsgrad": True}], frozen=0), Adam([q], amsgrad=True)
    assert np.array_equal(path(frozen, p, g), path(adam, q, g))


def test_defaults_are_the_papers():
    settings = Adam2k(plains((3,))).param_groups[0]
    expected = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "frozen": 2000}
    assert {key: settings[key] for key in expected} == expected
    assert settings["hidden_warmup"] is True
