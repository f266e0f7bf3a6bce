"""Adam: its formulas, worked out by hand. test_recorded.py and test_parity.py have the long runs."""

import pytest
from helpers import host
from optim.plain import Plain, descend, plains

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


def test_amsgrad_divides_by_the_largest_v_so_far():
    """beta1 = 0, beta2 = 1/2 and g = 4, 1, 8: v = 8, 4.5, 34.25, of which the largest are 8, 8, 34.25."""
    p = Plain(0.0)
    optimizer = Adam([p], lr=1.0, betas=(0.0, 0.5), eps=0.0, amsgrad=True)
    steps = []
    for g in (4.0, 1.0, 8.0):
        p.data[...], p.grad = 0.0, Plain(g).data
        optimizer.step()
        steps.append(-float(host(p.data)))
    expected = [4 * (0.5 / 8) ** 0.5, 1 * (0.75 / 8) ** 0.5, 8 * (0.875 / 34.25) ** 0.5]
    assert steps == pytest.approx(expected, rel=1e-14)
    state = optimizer.state_dict()["state"]["0"]
    assert (state["v"], state["v_max"]) == (34.25, 34.25)


def test_only_amsgrad_keeps_the_largest_v():
    parameters = plains((3,), (3,))
    optimizer = Adam([{"params": parameters[:1]}, {"params": parameters[1:], "amsgrad": True}])
    optimizer.step()
    assert optimizer.state_dict()["state"]["0"].keys() == {"t", "m", "v"}
    assert optimizer.state_dict()["state"]["1"].keys() == {"t", "m", "v", "v_max"}


def test_amsgrad_may_be_switched_on_later():
    """It then remembers from there: v = 8, 4.5 as above, and 4.5 is the largest it has seen."""
    p = Plain(0.0, 4.0)
    optimizer = Adam([p], lr=1.0, betas=(0.0, 0.5), eps=0.0)
    optimizer.step()
    optimizer.param_groups[0]["amsgrad"] = True
    p.grad = Plain(1.0).data
    optimizer.step()
    assert optimizer.state_dict()["state"]["0"]["v_max"] == 4.5


def test_defaults_are_those_of_pytorch():
    optimizer = Adam([Plain(0.0)])
    settings = {key: optimizer.param_groups[0][key] for key in ("lr", "betas", "eps", "weight_decay", "amsgrad")}
    assert settings == {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False}


def test_it_converges():
    p = Plain([5.0, -3.0, 0.1])
    descend(Adam([p], lr=0.1), [p], 500)
    assert abs(host(p.data)).max() < 1e-3
