"""max, min, argmax, maximum, minimum, where: which element is chosen, and who gets the gradient where they tie."""

import numpy as np
import pytest
from helpers import host
from hypothesis import given
from hypothesis import strategies as st
from ops import FULL_SHAPES, Op, broadcastable, check_op, check_torch, compare, reduced

import minirad as mr


def torch_extreme(name):
    """max and min take no dim=None in PyTorch, and return a pair for a dim."""

    def call(x, dim, keepdim):
        return getattr(x, name)() if dim is None else getattr(x, name)(dim, keepdim).values

    return call


def extreme(name):
    def call(x, dim, keepdim):
        found = getattr(x, name)(dim, keepdim)
        return found if dim is None else found.values

    return call


def numpy_extreme(name):
    def call(x, dim, keepdim):
        x = x.reshape(1) if dim is not None and not x.ndim else x
        found = getattr(x, name)(axis=dim, keepdims=keepdim and dim is not None)
        return found.reshape(()) if x.size == 1 == x.ndim and dim is not None and not keepdim else found

    return call


EXTREME = reduced(FULL_SHAPES.filter(len), several=False)
OPS = [
    Op("max", extreme("max"), numpy_extreme("max"), torch_extreme("max"), EXTREME),
    Op("min", extreme("min"), numpy_extreme("min"), torch_extreme("min"), EXTREME),
    Op("maximum", mr.maximum, np.maximum, "maximum", broadcastable(2)),
    Op("minimum", mr.minimum, np.minimum, "minimum", broadcastable(2)),
    Op(
        "where",
        lambda c, a, b: mr.where(c > 0, a, b),
        lambda c, a, b: np.where(c > 0, a, b),
        lambda c, a, b: a.where(c > 0, b),
        broadcastable(3),
    ),
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


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("dim", [None, 0, -1])
def test_ties(torch, name, dim):
    data = np.array([[3.0, 1.0, 3.0], [1.0, 1.0, 3.0]])
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    if dim is None:
        compare(getattr(x, name)(), getattr(x_torch, name)(), [x], [x_torch])
        return
    (values, indices), peer = getattr(x, name)(dim), getattr(x_torch, name)(dim)
    assert indices.dtype == "int64"
    assert not indices.requires_grad
    np.testing.assert_array_equal(host(indices), peer.indices.numpy(), strict=True)
    compare(values, peer.values, [x], [x_torch])


@given(case=reduced(FULL_SHAPES.filter(len), several=False))
def test_indices_point_to_the_values(case):
    (shape,), options = case
    data = np.random.default_rng(0).standard_normal(shape)
    x = mr.tensor(data)
    dim = options["dim"]
    np.testing.assert_array_equal(host(x.argmax(**options)), data.argmax(dim, keepdims=options["keepdim"]))
    if dim is not None:
        found = x.min(**options)
        assert found.indices.shape == found.values.shape
        np.testing.assert_array_equal(host(found.indices), data.argmin(dim, keepdims=options["keepdim"]))


def test_a_single_number_is_its_own_extreme(torch):
    for dim in (0, -1):
        x, x_torch = mr.tensor(2.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
        found = x.max(dim)
        assert (found.indices.item(), found.indices.dtype) == (0, "int64")
        compare(found.values, x_torch.max(dim).values, [x], [x_torch])
        assert x.argmax(dim).item() == 0


def test_nan_wins_in_both(torch):
    data = [1.0, np.nan, 2.0]
    assert mr.tensor(data).max(0).indices.item() == torch.tensor(data).max(0).indices.item() == 1
    assert np.isnan(mr.tensor(data).min().item())


@pytest.mark.parametrize("name", ["max", "min", "argmax"])
def test_no_extreme_among_no_elements(name):
    with pytest.raises(ValueError, match=rf"{name}: shape \(2, 0\) has no elements over dim 1"):
        getattr(mr.zeros(2, 0), name)(dim=1)
    assert host(getattr(mr.zeros(0, 2), name)(dim=1)[0 if name != "argmax" else ...]).shape == (0,)


@pytest.mark.parametrize("name", ["max", "min", "argmax"])
def test_an_extreme_over_one_dim_only(name):
    with pytest.raises(TypeError, match=rf"{name}: dim must be an integer or None, got \(0, 1\)"):
        getattr(mr.ones(2, 2), name)(dim=(0, 1))


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_ties_share_the_gradient(torch, name):
    data = ([1.0, 2.0, 3.0, np.inf], [2.0, 2.0, 2.0, np.inf])
    ours = [mr.tensor(part, requires_grad=True) for part in data]
    theirs = [torch.tensor(part, requires_grad=True) for part in data]
    compare(getattr(mr, name)(*ours), getattr(torch, name)(*theirs), ours, theirs, 0)


def test_an_infinite_gradient_stays_on_its_side():
    a, b = mr.tensor([3.0], requires_grad=True), mr.tensor([1.0], requires_grad=True)
    mr.maximum(a, b).backward([np.inf])
    assert host(a.grad).tolist() == [np.inf]
    x, y = mr.tensor([3.0], requires_grad=True), mr.tensor([1.0], requires_grad=True)
    mr.where(x > y, x, y).backward([np.inf])
    assert host(y.grad).tolist() == [0]


def test_where_takes_numbers_and_needs_a_mask():
    mask = mr.tensor([True, False])
    assert host(mr.where(mask, 1.0, mr.tensor([5.0, 6.0]))).tolist() == [1, 6]
    assert mr.where(mask, 1.0, 0.0).dtype == "float32"
    with pytest.raises(TypeError, match="where: condition must be a bool mask, got float32"):
        mr.where(mr.tensor([1.0, 0.0]), 1.0, 0.0)
