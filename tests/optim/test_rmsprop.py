"""RMSprop: its formulas, worked out by hand."""

import pytest
from helpers import host
from optim.plain import Plain, plains

from minirad.optim import RMSprop


def steps(gradients, **settings):
    """What each step subtracts from theta = 0."""
    p = Plain(0.0)
    optimizer = RMSprop([p], lr=1.0, **settings)
    result = []
    for g in gradients:
        p.data[...], p.grad = 0.0, Plain(g).data
        optimizer.step()
        result.append(-float(host(p.data)))
    return result


def test_the_mean_square():
    """v = 8, 4.5: nothing corrects it for its start at 0, and so the first step is sqrt(2), not 1."""
    assert steps([4.0, 1.0], alpha=0.5, eps=0.0) == pytest.approx([2**0.5, 1 / 4.5**0.5], rel=1e-15)


def test_epsilon_is_added_to_the_root():
    assert steps([4.0], alpha=0.75, eps=1.0) == pytest.approx([4 / 3], rel=1e-15)


def test_momentum_sums_up_the_divided_gradients():
    """m = 4/sqrt(8), then 0.5 m + 1/sqrt(4.5)."""
    m = 4 / 8**0.5
    assert steps([4.0, 1.0], alpha=0.5, eps=0.0, momentum=0.5) == pytest.approx([m, 0.5 * m + 1 / 4.5**0.5], rel=1e-15)


def test_centered_divides_by_the_standard_deviation():
    """mean = 2, 1.5 and v = 8, 4.5: the variances are 4, 2.25."""
    assert steps([4.0, 1.0], alpha=0.5, eps=0.0, centered=True) == pytest.approx([4 / 2, 1 / 1.5], rel=1e-15)


def test_the_mean_has_the_sign_of_the_gradients():
    p = Plain(0.0, -4.0)
    optimizer = RMSprop([p], alpha=0.5, centered=True)
    optimizer.step()
    assert optimizer.state_dict()["state"]["0"]["mean"] == -2


def test_weight_decay_is_in_the_gradient():
    """From theta = 2: g + 0.5 theta = 4, v = 8."""
    p = Plain(2.0, 3.0)
    RMSprop([p], lr=1.0, alpha=0.5, eps=0.0, weight_decay=0.5).step()
    assert host(p.data) == pytest.approx(2 - 2**0.5, rel=1e-15)


@pytest.mark.parametrize(
    ("options", "vectors"),
    [
        ({}, {"v"}),
        ({"momentum": 0.5}, {"v", "m"}),
        ({"centered": True}, {"v", "mean"}),
        ({"momentum": 0.5, "centered": True}, {"v", "m", "mean"}),
    ],
    ids=["plain", "momentum", "centered", "both"],
)
def test_only_the_vectors_that_are_needed(options, vectors):
    optimizer = RMSprop(plains((3,)), **options)
    optimizer.step()
    assert optimizer.state_dict()["state"]["0"].keys() == {"t"} | vectors


def test_defaults_are_those_of_pytorch():
    settings = RMSprop(plains((3,))).param_groups[0]
    expected = {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0, "centered": False}
    assert {key: settings[key] for key in expected} == expected
