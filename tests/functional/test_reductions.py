"""Reductions: every dim, both spellings, ties, and PyTorch's corrections."""

import numpy as np
import pytest
from helpers import host
from hypothesis import given
from hypothesis import strategies as st
from ops import SHAPES, Op, check_op, check_torch, compare, reduced

import minirad as mr


@st.composite
def corrected(draw):
    """A reduction over more elements than the correction."""
    (shape,), options = draw(reduced().filter(lambda case: case[0][0] != ()))
    n = np.ones(shape).sum(axis=options["dim"], keepdims=True).size
    room = int(np.prod(shape) // n)
    return (shape,), {**options, "correction": draw(st.integers(0, room - 1))}


def numpy_softmax(x, dim):
    return np.exp(x) / np.exp(x).sum(axis=dim if x.ndim else (), keepdims=True)


ONE_DIM = reduced(SHAPES, several=False, keepdim=False, everything=False)
OVER_SOME = ONE_DIM.filter(lambda case: case[0][0] == () or case[0][0][case[1]["dim"]] > 0)
OPS = [
    Op("sum", mr.sum, lambda x, dim, keepdim: np.sum(x, dim, keepdims=keepdim), "sum", reduced(SHAPES)),
    Op("mean", mr.mean, lambda x, dim, keepdim: np.mean(x, dim, keepdims=keepdim), "mean", reduced()),
    Op(
        "var",
        mr.var,
        lambda x, dim, keepdim, correction: np.var(x, dim, ddof=correction, keepdims=keepdim),
        "var",
        corrected(),
    ),
    Op(
        "std",
        mr.std,
        lambda x, dim, keepdim, correction: np.std(x, dim, ddof=correction, keepdims=keepdim),
        "std",
        corrected().filter(lambda case: np.ones(case[0][0]).sum(case[1]["dim"]).flat[0] > 1),
    ),
    Op("softmax", mr.softmax, numpy_softmax, "softmax", ONE_DIM),
    Op("log_softmax", mr.log_softmax, lambda x, dim: np.log(numpy_softmax(x, dim)), "log_softmax", OVER_SOME),
]


@pytest.mark.parametrize("op", OPS, ids=str)
@given(data=st.data())
def test_value_and_gradient(op, data):
    check_op(op, *data.draw(op.cases))


@pytest.mark.parity
@pytest.mark.parametrize("op", OPS, ids=str)
@given(data=st.data())
def test_as_in_pytorch(op, data):
    check_torch(op, *data.draw(op.cases))


# ---- sums, means, variances


@pytest.mark.parametrize("dtype", ["int64", "int32", "bool"])
def test_sums_of_integers_are_integers(dtype):
    total = mr.tensor(np.array([1, 0, 1], dtype)).sum()
    assert (total.item(), total.dtype) == (2, "int64")


def test_lists_of_dims_are_tuples():
    x = mr.tensor(np.arange(24.0).reshape(2, 3, 4))
    np.testing.assert_array_equal(host(x.sum([0, -1])), host(x.sum((0, -1))))


@pytest.mark.parametrize("name", ["mean", "var", "std", "softmax"])
def test_integers_have_none(name):
    with pytest.raises(TypeError, match="needs float32 or float64, got int64; convert with"):
        getattr(mr.tensor([1, 2]), name)(dim=0)


def test_var_needs_more_elements_than_its_correction():
    with pytest.raises(ValueError, match=r"var: shape \(1, 3\) over dim 0 leaves no more than correction=1 elements"):
        mr.ones(1, 3).var(0)
    assert mr.ones(1, 3).var(0, correction=0).shape == (3,)
    with pytest.raises(ValueError, match="var: shape"):
        mr.ones(0).var()


def test_the_gradient_of_std_at_equal_elements(torch):
    data = [[1.0, 1.0], [0.0, 2.0]]
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    compare(x.std(1), x_torch.std(1), [x], [x_torch], 1e-6)


def test_a_correction_keeps_the_dtype():
    x = mr.tensor([1.0, 2.0, 4.0], requires_grad=True)
    y = x.var(correction=np.int64(1))
    y.backward()
    assert (y.dtype, x.grad.dtype) == ("float32", "float32")


# ---- softmax


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_far_out(torch, name):
    data = [[1000.0, 0.0, -1000.0], [-np.inf, 0.0, 1.0]]
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    compare(getattr(x, name)(1), getattr(x_torch, name)(1), [x], [x_torch], 1e-6)


# ---- the two spellings


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "max", "min", "argmax", "softmax", "log_softmax"])
def test_two_spellings(name):
    x = mr.tensor(np.random.default_rng(0).standard_normal((3, 4)))
    function = getattr(mr, name)
    both = [function(x, dim=1), function(x, axis=1)]
    if "softmax" not in name:
        both += [function(x, 1, keepdim=True), function(x, axis=1, keepdims=True)]
    for a, b in zip(both[::2], both[1::2], strict=True):
        a, b = (part.values if isinstance(part, tuple) else part for part in (a, b))
        np.testing.assert_array_equal(host(a), host(b), strict=True)
    with pytest.raises(TypeError, match=f"{name}: dim and axis are the same; give one"):
        function(x, dim=1, axis=1)
    with pytest.raises(TypeError, match=rf"{name}\(\) got multiple values for argument 'dim'"):
        function(x, 1, axis=1)
    if "softmax" not in name:
        with pytest.raises(TypeError, match=f"{name}: keepdim and keepdims are the same"):
            function(x, dim=1, keepdim=True, keepdims=True)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "max", "argmax", "softmax"])
def test_dims_out_of_range(name):
    x = mr.ones(2, 3)
    for dim in (2, -3):
        with pytest.raises(ValueError, match=rf"{name}: dim {dim} is out of range for shape \(2, 3\)"):
            getattr(x, name)(dim=dim)
    with pytest.raises(TypeError, match=f"{name}: dim must be .* or None, got 0.5"):
        getattr(x, name)(dim=0.5)


def test_a_dim_given_twice():
    with pytest.raises(ValueError, match=r"sum: dim \(0, -2\) names an axis twice"):
        mr.ones(2, 3).sum((0, -2))
