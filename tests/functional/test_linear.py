"""The affine map in one op against the same written plainly; dropout by its statistics."""

import numpy as np
import pytest
from helpers import host
from hypothesis import given
from hypothesis import strategies as st
from ops import SHAPES, Op, check_op, check_torch

import minirad as mr
import minirad.nn.functional as F


@st.composite
def affine(draw):
    """x (..., n_in), weight (n_out, n_in) and perhaps bias (n_out,)."""
    rows = draw(SHAPES.filter(lambda shape: len(shape) < 3))
    n_in, n_out = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    shapes = ((*rows, n_in), (n_out, n_in))
    return (*shapes, (n_out,)) if draw(st.booleans()) else shapes, {}


def plain(x, weight, bias=None):
    y = x @ weight.T
    return y if bias is None else y + bias


LINEAR = Op("linear", F.linear, plain, "nn.functional.linear", affine())


@given(affine())
def test_value_and_gradient(case):
    check_op(LINEAR, *case)


@pytest.mark.parity
@given(affine())
def test_as_in_pytorch(case):
    check_torch(LINEAR, *case)


@given(affine())
def test_linear_is_what_it_replaces(case):
    results = []
    for function in (F.linear, plain):
        inputs = [mr.tensor(array, requires_grad=True) for array in LINEAR.arrays(case[0])]
        y = function(*inputs)
        (y * y).sum().backward()
        results.append([host(y), *(host(x.grad) for x in inputs)])
    for fused, written_out in zip(*results, strict=True):
        np.testing.assert_allclose(fused, written_out, rtol=1e-12, atol=1e-12, strict=True)


@pytest.mark.parametrize("wanted", [(True, False, False), (False, True, False), (False, False, True)], ids=str)
def test_a_gradient_that_no_one_needs_is_not_computed(wanted):
    inputs = [
        mr.tensor(np.ones(shape), requires_grad=yes) for shape, yes in zip([(4, 3), (2, 3), (2,)], wanted, strict=True)
    ]
    y = F.linear(*inputs)
    gradients = y.vjp(mr.ones(4, 2, dtype="float64").data)
    assert [g is not None for g in gradients] == list(wanted)


def test_linear_refuses():
    x, weight = mr.ones(2, 3), mr.ones(4, 3)
    for wrong in (mr.ones(2, 4), mr.tensor(1.0)):
        with pytest.raises(
            ValueError, match=r"linear: x of shape .* does not fit weight \(n_out, n_in\) of shape \(4, 3\)"
        ):
            F.linear(wrong, weight)
    with pytest.raises(ValueError, match=r"linear: bias must have shape \(4,\), got \(3,\)"):
        F.linear(x, weight, mr.ones(3))
    with pytest.raises(TypeError, match="linear: operands have different dtypes, float64 and float32"):
        F.linear(x.double(), weight)
    with pytest.raises(TypeError, match="linear: operands have different dtypes, float32 and float64"):
        F.linear(x, weight, mr.ones(4, dtype="float64"))


# ---- dropout


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


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_dropout_refuses(p):
    with pytest.raises(ValueError, match=r"dropout: p must lie in \[0, 1\], got"):
        F.dropout(mr.ones(3), p)
    with pytest.raises(TypeError, match="dropout: needs float32 or float64, got int64"):
        F.dropout(mr.tensor([1]), 0.5)
