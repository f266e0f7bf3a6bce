"""Initial values: bounds, spread, the stream that they come from."""

from math import sqrt

import numpy as np
import pytest
from helpers import host

import minirad as mr
from minirad.nn import Parameter, init


def test_uniform():
    x = init.uniform_(mr.zeros(200, 500), -2, 3)
    values = host(x)
    assert values.min() >= -2
    assert values.max() <= 3
    assert abs(values.mean() - 0.5) < 0.03
    assert abs(values.std() - 5 / sqrt(12)) < 0.02


@pytest.mark.parametrize("a", [0.0, 1.0, sqrt(5)])
def test_kaiming_uniform(a):
    weight = Parameter(mr.zeros(200, 50, 2))
    assert init.kaiming_uniform_(weight, a) is weight
    bound = sqrt(6 / ((1 + a**2) * 100))
    assert weight.requires_grad
    assert 0.99 * bound < np.abs(host(weight)).max() <= np.float32(bound)
    assert abs(host(weight).std() - bound / sqrt(3)) < 0.02 * bound


@pytest.mark.parametrize("a", [0, sqrt(5)])
def test_kaiming_uniform_spreads_as_in_pytorch(torch, a):
    ours, theirs = (
        init.kaiming_uniform_(mr.zeros(300, 100), a),
        torch.nn.init.kaiming_uniform_(torch.zeros(300, 100), a),
    )
    assert abs(host(ours).std() / theirs.std().item() - 1) < 0.02
    assert abs(np.abs(host(ours)).max() / theirs.abs().max().item() - 1) < 0.01


def test_the_stream_is_init():
    mr.manual_seed(1)
    first = host(init.uniform_(mr.zeros(10)))
    mr.manual_seed(1)
    mr.randn(5)
    mr.nn.functional.dropout(mr.ones(5))
    np.testing.assert_array_equal(host(init.uniform_(mr.zeros(10))), first)
    assert (host(init.uniform_(mr.zeros(10))) != first).any()


def test_a_generator_of_its_own():
    for fill in (init.uniform_, init.kaiming_uniform_):
        first, again = (host(fill(mr.zeros(2, 3), generator=np.random.default_rng(1))) for _ in range(2))
        np.testing.assert_array_equal(first, again)


def test_the_same_draws_in_both_dtypes():
    single, double = (
        init.uniform_(mr.zeros(5, dtype=dtype), generator=np.random.default_rng(0)) for dtype in ("float32", "float64")
    )
    np.testing.assert_array_equal(host(single), host(double).astype("float32"))


def test_fan_in_needs_a_weight():
    with pytest.raises(ValueError, match=r"fan_in: a weight needs at least 2 axes, got shape \(3,\)"):
        init.kaiming_uniform_(mr.zeros(3))
