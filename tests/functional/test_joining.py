"""cat and stack, along any axis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops import SHAPES, Op, check_op, check_torch

import minirad as mr


@st.composite
def joined(draw, along_new=False):
    """Shapes that agree (except along dim, if that is no new axis)."""
    shape = draw(SHAPES if along_new else SHAPES.filter(len))
    n = len(shape) + along_new
    dim = draw(st.integers(-n, n - 1))
    lengths = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    if along_new:
        return (shape,) * len(lengths), {"dim": dim}
    axis = dim % n
    return tuple((*shape[:axis], length, *shape[axis + 1 :]) for length in lengths), {"dim": dim}


OPS = [
    Op("cat", mr.cat, lambda xs, dim: np.concatenate(xs, dim), "cat", joined(), listed=True),
    Op("stack", mr.stack, lambda xs, dim: np.stack(xs, dim), "stack", joined(along_new=True), listed=True),
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


def test_numbers_are_stacked_too():
    assert mr.stack([1.0, mr.tensor(2.0)]).detach().numpy().tolist() == [1, 2]


def test_axis_is_dim():
    x = mr.ones(2, 1)
    assert mr.cat([x, x], axis=1).shape == (2, 2)
    assert mr.stack([x, x], axis=-1).shape == (2, 1, 2)
    with pytest.raises(TypeError, match="cat: dim and axis are the same"):
        mr.cat([x, x], dim=0, axis=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: mr.cat([]), "cat: needs at least one tensor"),
        (lambda x: mr.cat([x, x[0]]), r"cat: shapes must agree outside dim 0, got \[\(2, 3\), \(3,\)\]"),
        (lambda x: mr.cat([x, x.T], 1), "cat: shapes must agree outside dim 1"),
        (lambda x: mr.cat([x, x], 2), "cat: dim 2 is out of range for 2 axes"),
        (lambda x: mr.stack([x, x.T]), "stack: tensors must have one shape"),
        (lambda x: mr.stack([x, x], -4), "stack: dim -4 is out of range for 3 axes"),
    ],
)
def test_values_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(mr.ones(2, 3))


def test_dtypes_must_agree():
    with pytest.raises(TypeError, match=r"cat: tensors have different dtypes, \['float32', 'float64'\]"):
        mr.cat([mr.ones(2), mr.ones(2, dtype="float64")])
