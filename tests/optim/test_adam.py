"""Adam: its formulas, worked out by hand. test_recorded.py and test_parity.py have the long runs."""

import pytest
from helpers import host
from optim.plain import Plain, descend

from minirad.optim import Adam


@pytest.mark.parametrize("g", [1e-3, 1.0, -5.0, 1e6])
def test_a_constant_gradient_moves_by_lr(g):
    """m_hat = g and v_hat = g^2 at every step."""
    p = Plain(0.0, g)
    optimizer = Adam([p], lr=0.1, eps=0.0)
    for t in range(1, 6):
        optimizer.step()
        assert host(p.data) == pytest.approx(-0.1 * t * (1 if g > 0 else -1), rel=1e-12)


def test_two_steps_by_hand():
    """beta1 = beta2 = 1/2 and g = 2, 4: m_hat = 2, 10/3 and v_hat = 4, 12."""
    p = Plain(0.0)
    optimizer = Adam([p], lr=1.0, betas=(0.5, 0.5), eps=0.5)
    p.grad = Plain(2.0).data
    optimizer.step()
    assert host(p.data) == -2 / 2.5
    p.grad = Plain(4.0).data
    optimizer.step()
    assert host(p.data) == pytest.approx(-2 / 2.5 - (10 / 3) / (12**0.5 + 0.5), rel=1e-14)


def test_weight_decay_is_in_the_gradient():
    """With the gradient 0, only the decay moves theta: as if the gradient were weight_decay theta."""
    decayed, plain = Plain(2.0, 0.0), Plain(2.0)
    optimizers = Adam([decayed], lr=0.1, weight_decay=0.5), Adam([plain], lr=0.1)
    for _ in range(3):
        plain.grad = 0.5 * plain.data
        for optimizer in optimizers:
            optimizer.step()
        assert host(decayed.data) == host(plain.data)
    assert host(plain.data) < 1.71


def test_defaults_are_those_of_pytorch():
    optimizer = Adam([Plain(0.0)])
    settings = {key: optimizer.param_groups[0][key] for key in ("lr", "betas", "eps", "weight_decay")}
    assert settings == {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}


def test_it_converges():
    p = Plain([5.0, -3.0, 0.1])
    descend(Adam([p], lr=0.1), [p], 500)
    assert abs(host(p.data)).max() < 1e-3
