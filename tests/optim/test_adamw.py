"""AdamW: Adam, and the decay beside it."""

import numpy as np
import pytest
from helpers import host
from optim.parity_table import problem
from optim.plain import Plain, plains

from minirad.optim import Adam, AdamW


def test_the_decay_is_decoupled():
    """With the gradient 0 nothing else moves theta, and neither m nor v sees it."""
    p = Plain(2.0, 0.0)
    optimizer = AdamW([p], lr=0.1, weight_decay=0.5)
    for t in range(1, 9):
        optimizer.step()
        assert host(p.data) == pytest.approx(2 * 0.95**t, rel=1e-14)
    state = optimizer.state_dict()["state"]["0"]
    assert (state["m"], state["v"]) == (0, 0)


def test_a_step_by_hand():
    """From theta = 2, decay 0.5 and lr 0.1: 2 - 0.1, and the first step of Adam, which is lr."""
    p = Plain(2.0, 7.0)
    AdamW([p], lr=0.1, eps=0.0, weight_decay=0.5).step()
    assert host(p.data) == pytest.approx(2 - 0.1 * 0.5 * 2 - 0.1, rel=1e-15)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_without_decay_it_is_adam_to_the_bit(amsgrad):
    start, gradients = problem("normal", "float64")
    p, q = Plain(start), Plain(start)
    settings = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.0, "amsgrad": amsgrad}
    ours, adam = AdamW([p], **settings), Adam([q], **settings)
    for g in gradients[:50]:
        for parameter, optimizer in ((p, ours), (q, adam)):
            parameter.grad = Plain(g).data
            optimizer.step()
        assert np.array_equal(host(p.data), host(q.data))


def test_large_gradients_do_not_hide_the_decay():
    """What the paper of AdamW is about: in the gradient, the decay of a large gradient is divided away."""
    thetas = {}
    for rule in (Adam, AdamW):
        p = Plain(1.0)
        optimizer = rule([p], lr=0.01, weight_decay=0.1)
        for t in range(1000):
            p.grad = Plain(1e6 * (-1) ** t).data
            optimizer.step()
        thetas[rule] = float(host(p.data))
    assert thetas[Adam] > 0.95
    assert thetas[AdamW] == pytest.approx(0.999**1000, rel=0.05)


def test_defaults_are_those_of_pytorch():
    settings = AdamW(plains((3,))).param_groups[0]
    expected = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2, "amsgrad": False}
    assert {key: settings[key] for key in expected} == expected
