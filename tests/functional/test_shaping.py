"""Reshaping and indexing: any index, any axis, and gradients that sum where elements repeat."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from helpers import device, host
from hypothesis import given, settings
from hypothesis import strategies as st
from ops import SHAPES, Op, check_op, check_torch

import minirad as mr
from minirad.functional import flatten, permute, squeeze, transpose, unsqueeze


@st.composite
def reshaped(draw):
    shape = draw(SHAPES)
    n = int(np.prod(shape))
    new = [n] if n == 0 else draw(st.permutations(shape))
    new = [*new, *[1] * draw(st.integers(0, 2))]
    if n and new and draw(st.booleans()):
        new[draw(st.integers(0, len(new) - 1))] = -1
    return (shape,), {"shape": tuple(new)}


@st.composite
def with_dims(draw, *names, new=0):
    """A shape and, for each name, an axis of it, or of one with ``new`` more axes."""
    shape = draw(SHAPES.filter(lambda found: len(found) + new > 0))
    n = len(shape) + new
    return (shape,), {name: draw(st.integers(-n, n - 1)) for name in names}


@st.composite
def flattened(draw):
    shape = draw(SHAPES)
    start, end = sorted(draw(st.tuples(*[st.integers(0, max(0, len(shape) - 1))] * 2)))
    return (shape,), {"start_dim": start, "end_dim": draw(st.sampled_from([end, end - max(1, len(shape))]))}


@st.composite
def permuted(draw):
    shape = draw(SHAPES)
    dims = draw(st.permutations(range(len(shape))))
    return (shape,), {"dims": tuple(d - draw(st.sampled_from([0, len(shape)])) for d in dims)}


@st.composite
def squeezed(draw):
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=2))
    dims = [st.none()] + ([hnp.valid_tuple_axes(len(shape)), st.integers(-len(shape), len(shape) - 1)] if shape else [])
    return (shape,), {"dim": draw(st.one_of(dims))}


def numpy_squeeze(x, dim):
    axes = range(x.ndim) if dim is None else np.atleast_1d(np.array(dim, int)) % max(1, x.ndim)
    return x.squeeze(tuple(int(axis) for axis in axes if x.shape[axis] == 1))


def torch_squeeze(x, dim):
    return x.squeeze() if dim is None else x.squeeze(dim)


def to_shape(x, shape):
    return x.reshape(shape)


def numpy_flatten(x, start_dim, end_dim):
    end = end_dim % max(1, x.ndim)
    middle = int(np.prod(x.shape[start_dim : end + 1]))
    return x.reshape(x.shape[:start_dim] + (middle,) + x.shape[end + 1 :])


OPS = [
    Op("reshape", to_shape, to_shape, to_shape, reshaped()),
    Op("flatten", flatten, numpy_flatten, "flatten", flattened()),
    Op("squeeze", squeeze, numpy_squeeze, torch_squeeze, squeezed()),
    Op("unsqueeze", unsqueeze, lambda x, dim: np.expand_dims(x, dim), "unsqueeze", with_dims("dim", new=1)),
    Op("permute", lambda x, dims: permute(x, dims), lambda x, dims: x.transpose(dims), "permute", permuted()),
    Op("transpose", transpose, lambda x, dim0, dim1: x.swapaxes(dim0, dim1), "transpose", with_dims("dim0", "dim1")),
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


# ---- indexing


@st.composite
def indexed(draw, as_in_torch=False):
    """A shape and an index for it: from the front and, behind an Ellipsis, from the back, with new axes anywhere."""
    shape = draw(SHAPES)
    mask = draw(st.integers(0, len(shape)))  # the axes below this one are chosen by a mask
    front = draw(st.integers(mask, len(shape)))
    back = draw(st.integers(front, len(shape)))
    kinds = draw(st.sampled_from(["int", "array"])) if as_in_torch else "int array"
    if mask:
        kinds = "int" if not as_in_torch else ""
    common = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))  # of all integer arrays

    def item(n):
        choices = [st.slices(n).filter(lambda part: part.step is None or part.step > 0 or not as_in_torch)]
        if n and "int" in kinds:
            choices.append(st.integers(-n, n - 1))
        if n and "array" in kinds:
            choices.append(hnp.arrays("int64", common, elements=st.integers(-n, n - 1)))
        return draw(st.one_of(choices))

    index = [draw(hnp.arrays(bool, shape[:mask]))] if mask else []
    index += [item(n) for n in shape[mask:front]]
    if back < len(shape) or draw(st.booleans()):
        index += [..., *(item(n) for n in shape[back:])]
    for _ in range(draw(st.integers(0, 2))):
        index.insert(draw(st.integers(0, len(index))), None)
    return (shape,), {"index": tuple(index)}


def with_tensors(index, make=mr.tensor):
    return tuple(make(part) if isinstance(part, np.ndarray) else part for part in index)


def torch_getitem(x, index):
    return x[with_tensors(index, lambda array: x.new_tensor(array).to({"b": bool, "i": int}[array.dtype.kind]))]


GETITEM = Op("getitem", lambda x, index: x[with_tensors(index)], lambda x, index: x[index], torch_getitem)


@settings(max_examples=200)
@given(case=indexed())
def test_any_index(case):
    check_op(GETITEM, *case)


@pytest.mark.parity
@settings(max_examples=200)
@given(case=indexed(as_in_torch=True))
def test_any_index_as_in_pytorch(case):
    check_torch(GETITEM, *case)


@pytest.mark.parametrize(
    "index",
    [2, -1, [2, 0, 2], [[0, 0], [1, 1]], [True, False, True], [], True, np.int64(1), slice(None, None, -1)],
    ids=repr,
)
def test_plain_python_as_an_index(index):
    check_op(Op("getitem", lambda x: x[index], lambda x: x[index], ""), ((3, 2),), {})


def test_arrays_of_the_backend_as_an_index():
    x = mr.tensor([1.0, 2.0, 3.0])
    assert host(x[device([2, 0])]).tolist() == [3, 1]
    assert host(x[device([True, False, True])]).tolist() == [1, 3]


def test_repeated_elements_sum_their_gradients():
    x = mr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x[mr.tensor([0, 2, 0, -3])] * mr.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    assert host(x.grad).tolist() == [1101, 0, 10]


def test_a_row_for_each_label():
    x = mr.tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    x[mr.arange(3), mr.tensor([0, 1, 1])].sum().backward()
    assert host(x.grad).tolist() == [[1, 0], [0, 1], [0, 1]]


@pytest.mark.parametrize("index", [0.5, [0.5], 1j, np.ones(1)], ids=repr)
def test_no_index(index):
    with pytest.raises(TypeError, match="index: arrays must be integers or bool, got"):
        mr.ones(3)[index]


def test_indices_out_of_range():
    with pytest.raises(IndexError):
        mr.ones(3)[3]
    with pytest.raises(IndexError):
        mr.ones(3)[0, 0]


# ---- the shapes that do not fit


def test_reshape_refuses():
    x = mr.ones(2, 3)
    for shape in ((4,), (-1, 4), (-1, -1), (-1, 0)):
        with pytest.raises(ValueError, match=r"reshape: 6 elements of shape \(2, 3\) do not fit the shape"):
            x.reshape(shape)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.flatten(1, 0), "flatten: start_dim 1 lies behind end_dim 0"),
        (lambda x: x.flatten(2), "flatten: dim 2 is out of range for 2 axes"),
        (lambda x: x.permute(0), r"permute: dims must name each of the 2 axes once, got \(0,\)"),
        (lambda x: x.permute(0, -2), r"permute: dims must name each of the 2 axes once, got \(0, 0\)"),
        (lambda x: x.transpose(0, 2), "transpose: dim 2 is out of range for 2 axes"),
        (lambda x: x.squeeze(-3), "squeeze: dim -3 is out of range for 2 axes"),
        (lambda x: x.unsqueeze(3), "unsqueeze: dim 3 is out of range for 3 axes"),
    ],
)
def test_values_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(mr.ones(2, 3))


def test_types_refused():
    x = mr.ones(2, 3)
    with pytest.raises(TypeError, match=r"transpose: dim must be an integer, got 0\.0"):
        x.transpose(0.0, 1)


def test_shapes_as_numbers_or_as_one_tuple():
    x = mr.tensor(np.arange(6.0).reshape(1, 2, 3))
    assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == x.reshape([3, -1]).shape == (3, 2)
    assert x.permute(2, 0, 1).shape == x.permute((2, 0, 1)).shape == (3, 1, 2)
    np.testing.assert_array_equal(host(x.T), host(x).T)


def test_axis_is_dim():
    x = mr.ones(2, 1)
    assert x.squeeze(axis=1).shape == (2,)
    assert x.unsqueeze(axis=0).shape == (1, 2, 1)
    with pytest.raises(TypeError, match="squeeze: dim and axis are the same"):
        x.squeeze(dim=1, axis=1)
