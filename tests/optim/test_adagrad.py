"""Adagrad: its formulas, worked out by hand."""

import pytest
from helpers import host
from optim.plain import Plain, plains

from minirad.optim import Adagrad


def steps(gradients, **settings):
    """What each step subtracts from theta = 0."""
    p = Plain(0.0)
    optimizer = Adagrad([p], **settings)
    result = []
    for g in gradients:
        p.data[...], p.grad = 0.0, Plain(g).data
        optimizer.step()
        result.append(-float(host(p.data)))
    return result


def test_the_sum_of_squares():
    """v = 9, 25, 169: every step is g over 3, 5, 13."""
    assert steps([3.0, 4.0, 12.0], lr=1.0, eps=0.0) == pytest.approx([1, 4 / 5, 12 / 13], rel=1e-15)


def test_epsilon_is_added_to_the_root():
    assert steps([3.0, 4.0], lr=1.0, eps=1.0) == pytest.approx([3 / 4, 4 / 6], rel=1e-15)


def test_the_rate_falls():
    """lr / (1 + (t - 1) / 2): by 1, 1.5, 2."""
    result = steps([3.0, 4.0, 12.0], lr=1.0, eps=0.0, lr_decay=0.5)
    assert result == pytest.approx([1, 4 / 5 / 1.5, 12 / 13 / 2], rel=1e-15)


def test_where_the_sum_starts():
    """v = 16 + 9, 25 + 144."""
    assert steps([3.0, 12.0], lr=1.0, eps=0.0, initial_accumulator_value=16.0) == pytest.approx([3 / 5, 12 / 13])


def test_the_sum_starts_with_a_parameters_own_first_step():
    a, b = Plain(0.0, 3.0), Plain(0.0)
    optimizer = Adagrad([a, b], lr=1.0, eps=0.0, initial_accumulator_value=16.0)
    optimizer.step()
    b.grad = Plain(3.0).data
    optimizer.step()
    assert [float(optimizer.state_dict()["state"][name]["v"]) for name in ("0", "1")] == [34, 25]


def test_weight_decay_is_in_the_gradient():
    """From theta = 2: g + 0.5 theta = 4, so v = 16 and the step is 1; then 3.5, v = 28.25."""
    p = Plain(2.0, 3.0)
    optimizer = Adagrad([p], lr=1.0, eps=0.0, weight_decay=0.5)
    optimizer.step()
    assert host(p.data) == 1
    optimizer.step()
    assert host(p.data) == pytest.approx(1 - 3.5 / 28.25**0.5, rel=1e-15)


def test_defaults_are_those_of_pytorch():
    settings = Adagrad(plains((3,))).param_groups[0]
    expected = {"lr": 1e-2, "lr_decay": 0, "weight_decay": 0, "initial_accumulator_value": 0, "eps": 1e-10}
    assert {key: settings[key] for key in expected} == expected
