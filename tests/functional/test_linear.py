"""The affine map in one op against the same written plainly."""

import numpy as np
import pytest
from helpers import device, host
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


@pytest.mark.parametrize("turned", [False, True])
def test_large_ones_too(turned):
    """Where threads share the rows; also for inputs of three axes that lie in memory in another order."""
    results = []
    for function in (F.linear, plain):
        arrays = LINEAR.arrays(((2, 300, 120), (250, 120), (250,)))
        inputs = [mr.Tensor(device(array.T.copy()).T if turned else device(array)) for array in arrays]
        for x in inputs:
            x.requires_grad = True
        y = function(*inputs)
        (y * y).sum().backward()
        results.append([host(y), *(host(x.grad) for x in inputs)])
    for fused, written_out in zip(*results, strict=True):
        np.testing.assert_allclose(fused, written_out, rtol=1e-9, atol=1e-9, strict=True)


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
