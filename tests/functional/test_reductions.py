"""Reductions: every dim, both spellings, ties, and PyTorch's corrections."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from helpers import host
from hypothesis import given
from hypothesis import strategies as st
from ops import FULL_SHAPES, SHAPES, Op, check_op, check_torch, compare

import minirad as mr


@st.composite
def reduced(draw, shapes=FULL_SHAPES, several=True, keepdim=True, everything=True, **options):
    """A shape, a dim of it (None, negative and tuples too), keepdim."""
    shape = draw(shapes)
    choices = [st.none()] if everything else []
    if shape:
        choices.append(st.integers(-len(shape), len(shape) - 1))
        choices += [hnp.valid_tuple_axes(len(shape), min_size=1)] if several else []
    elif not everything:
        choices.append(st.sampled_from([-1, 0]))
    found = {"dim": draw(st.one_of(choices)), **({"keepdim": draw(st.booleans())} if keepdim else {})}
    return (shape,), found | {name: draw(strategy) for name, strategy in options.items()}


@st.composite
def corrected(draw):
    """A reduction over more elements than the correction."""
    (shape,), options = draw(reduced().filter(lambda case: case[0][0] != ()))
    n = np.ones(shape).sum(axis=options["dim"], keepdims=True).size
    room = int(np.prod(shape) // n)
    return (shape,), {**options, "correction": draw(st.integers(0, room - 1))}


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


def numpy_softmax(x, dim):
    return np.exp(x) / np.exp(x).sum(axis=dim if x.ndim else (), keepdims=True)


ONE_DIM = reduced(SHAPES, several=False, keepdim=False, everything=False)
OVER_SOME = ONE_DIM.filter(lambda case: case[0][0] == () or case[0][0][case[1]["dim"]] > 0)
EXTREME = reduced(FULL_SHAPES.filter(len), several=False)
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
    Op("max", extreme("max"), numpy_extreme("max"), torch_extreme("max"), EXTREME),
    Op("min", extreme("min"), numpy_extreme("min"), torch_extreme("min"), EXTREME),
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


# ---- max, min, argmax


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
