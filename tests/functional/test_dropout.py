"""Dropout by its statistics, and the streams that it draws from."""

import numpy as np
import pytest
from helpers import host

import minirad as mr
import minirad.nn.functional as F


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_mean(p):
    x = mr.ones(100, 1000)
    y = host(F.dropout(x, p))
    assert abs((y == 0).mean() - p) < 0.01  # 6 standard errors at most
    assert set(np.unique(y)) == {0, np.float32(1 / (1 - p))}
    assert abs(y.mean() - 1) < 0.05


def test_dropout_of_everything_and_of_nothing():
    x = mr.tensor([1.0, 2.0, np.inf], requires_grad=True)
    assert F.dropout(x, 0) is x
    assert F.dropout(x, 0.5, training=False) is x
    y = F.dropout(x[:2], 1)
    assert host(y).tolist() == [0, 0]
    y.sum().backward()
    assert host(x.grad).tolist() == [0, 0, 0]


def test_dropout_passes_the_gradient_where_it_passed_the_value():
    x = mr.ones(50, requires_grad=True)
    y = F.dropout(x, 0.3)
    y.sum().backward()
    np.testing.assert_array_equal(host(x.grad), host(y))


def test_dropout_gradient_by_differences():
    x = mr.randn(4, 3, dtype="float64", requires_grad=True)
    assert mr.gradcheck(lambda x: F.dropout(x, 0.5, generator=np.random.default_rng(0)), x)


@pytest.mark.parametrize("p", [np.float64(0.5), np.float32(0.5), 0.5], ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropout_keeps_the_dtype(p, dtype):
    assert F.dropout(mr.ones(3, dtype=dtype), p).dtype == dtype


def test_dropout_draws_from_its_own_stream():
    draws = []
    for more in (False, True):
        mr.manual_seed(3)
        if more:
            mr.randn(10)
            mr.nn.Linear(3, 2)
        draws.append(host(F.dropout(mr.ones(100))))
    np.testing.assert_array_equal(*draws)
    assert (host(F.dropout(mr.ones(100))) != draws[0]).any()  # the next ones are others


def test_dropout_draws_from_a_given_generator():
    a, b = (host(F.dropout(mr.ones(100), generator=np.random.default_rng(7))) for _ in range(2))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), "a", None])
def test_dropout_refuses(p):
    with pytest.raises(ValueError, match=r"dropout: p must lie in \[0, 1\], got"):
        F.dropout(mr.ones(3), p)
    with pytest.raises(TypeError, match="dropout: needs float32 or float64, got int64"):
        F.dropout(mr.tensor([1]), 0.5)
