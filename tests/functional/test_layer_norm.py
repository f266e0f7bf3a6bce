"""Layer normalisation against the same written plainly, and against PyTorch."""

from typing import Any

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st
from ops import Op, check_op, check_torch

import minirad as mr
import minirad.nn.functional as F


@st.composite
def normalised(draw):
    """x (..., *shape), perhaps weight and bias of that shape; no examples at all too."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    rows = tuple(draw(st.lists(st.integers(0, 3), max_size=2)))
    added = [name for name in ("weight", "bias") if draw(st.booleans())]
    options = {"added": added, "normalized_shape": shape, "eps": draw(st.sampled_from([1e-5, 0.5]))}
    return ((*rows, *shape), *[shape] * len(added)), options


def layer_norm(x, *affine, added, normalized_shape, eps):
    return F.layer_norm(x, normalized_shape, **dict(zip(added, affine, strict=True)), eps=eps)


def plain(x, *affine, added, normalized_shape, eps):
    """The ops that it replaces, one after the other."""
    given = dict(zip(added, affine, strict=True))
    dims = tuple(range(-len(normalized_shape), 0))
    mean, var = x.mean(dims, keepdim=True), x.var(dims, correction=0, keepdim=True)
    y = (x - mean) / (var + eps).sqrt()
    y = y * given["weight"] if "weight" in given else y
    return y + given["bias"] if "bias" in given else y


def reference(*arrays, **options):
    return host(plain(*(mr.tensor(array) for array in arrays), **options))


def torch_layer_norm(x, *affine, added, normalized_shape, eps):
    import torch

    return torch.nn.functional.layer_norm(x, normalized_shape, **dict(zip(added, affine, strict=True)), eps=eps)


LAYER_NORM = Op("layer_norm", layer_norm, reference, torch_layer_norm, normalised())


@given(LAYER_NORM.cases)
def test_value_and_gradient(case):
    check_op(LAYER_NORM, *case)


@pytest.mark.parity
@given(LAYER_NORM.cases)
def test_as_in_pytorch(case):
    check_torch(LAYER_NORM, *case)


@given(LAYER_NORM.cases, st.booleans())
def test_layer_norm_is_what_it_replaces(case, turned):
    """Also where the inputs and the cotangent lie in memory the other way round."""
    shapes, options = case
    arrays = LAYER_NORM.arrays(shapes)
    fused = [stored(array, turned) for array in arrays]
    written_out = [mr.tensor(array) for array in arrays]
    for x in (*fused, *written_out):
        x.requires_grad = True
    y, z = plain(*written_out, **options), layer_norm(*fused, **options)
    cotangent = np.random.default_rng(0).standard_normal(y.shape)
    y.backward(mr.tensor(cotangent))
    z.backward(stored(cotangent, turned))
    for ours, expected in ((z, y), *((a.grad, b.grad) for a, b in zip(fused, written_out, strict=True))):
        np.testing.assert_allclose(host(ours), host(expected), rtol=1e-10, atol=1e-10, strict=True)


def stored(array, turned):
    return mr.Tensor(device(array.T.copy()).T if turned else device(array))


@pytest.mark.parametrize("shape", [4, (4,), [4], (3, 4), [2, 3, 4]], ids=str)
def test_each_example_gets_mean_0_and_variance_1(shape):
    x = mr.tensor(np.random.default_rng(0).normal(5, 3, (2, 3, 4)))
    y = host(F.layer_norm(x, shape, eps=0))
    axes = tuple(range(-np.size(shape), 0))
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose((y**2).mean(axes), 1, rtol=1e-12)


@pytest.mark.parametrize("features", [3, 512])
def test_float32_keeps_its_digits_far_from_zero(features):
    """Means of 1000 with deviations of 1: the mean of squares minus the square of the mean would lose them all."""
    rng = np.random.default_rng(0)
    data, cotangent = rng.normal(1000, 1, (64, features)).astype("float32"), rng.standard_normal((64, features))
    results = []
    for dtype in ("float32", "float64"):
        x = mr.tensor(data, dtype=dtype, requires_grad=True)
        y = F.layer_norm(x, features)
        y.backward(mr.tensor(cotangent, dtype=dtype))
        results.append((host(y), host(x.grad)))
    single, double = results
    # 1000 is exact to 6e-5, so its deviations are too, and 1 / std with them. With 3 features a std may be 0.1.
    scale = 1 / data.astype("float64").std(1, keepdims=True)
    assert (np.abs(single[0] - double[0]) < 16 * 6e-5 * scale).all()
    assert (np.abs(single[1] - double[1]) < 64 * 6e-5 * scale**2).all()


def test_a_constant_example_becomes_the_bias():
    x = mr.tensor(np.full((2, 4), 3.0), requires_grad=True)
    y = F.layer_norm(x, 4, mr.tensor([1.0, 2.0, 3.0, 4.0]).double(), mr.tensor([0.5, 0.0, -1.0, 2.0]).double())
    assert host(y).tolist() == [[0.5, 0, -1, 2]] * 2
    y.backward(mr.ones(2, 4, dtype="float64"))
    assert np.isfinite(host(x.grad)).all()


@pytest.mark.parametrize("wanted", [(True, False, False), (False, True, False), (False, False, True)], ids=str)
def test_a_gradient_that_no_one_needs_is_not_computed(wanted):
    x, weight, bias = (
        mr.tensor(np.ones(shape), requires_grad=yes) for shape, yes in zip([(4, 3), (3,), (3,)], wanted, strict=True)
    )
    y = F.layer_norm(x, 3, weight, bias)
    assert y.vjp is not None
    gradients = y.vjp(mr.ones(4, 3, dtype="float64").data)
    assert [g is not None for g in gradients] == list(wanted)


def test_the_same_bits_each_time():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype("float32") for shape in ((64, 300), (300,), (300,))]
    runs = []
    for _ in range(2):
        x, weight, bias = inputs = [mr.tensor(array, requires_grad=True) for array in arrays]
        y = F.layer_norm(x, 300, weight, bias)
        y.backward(mr.tensor(arrays[0] ** 2))
        runs.append([host(y), *(host(x.grad) for x in inputs)])
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_example(value):
    data = np.random.default_rng(0).standard_normal((3, 4))
    data[1, 2] = value
    x = mr.tensor(data, requires_grad=True)
    with np.errstate(all="ignore"):
        y = F.layer_norm(x, 4)
        (y * y * y).sum().backward()
    for array in (host(y), host(x.grad)):
        assert (np.isfinite(array) == [[True], [False], [True]]).all()


def test_no_examples():
    """The gradients of weight and bias are sums over nothing, as in PyTorch."""
    x, weight, bias = (mr.tensor(np.ones(shape), requires_grad=True) for shape in ((0, 2, 3), (3,), (3,)))
    F.layer_norm(x, 3, weight, bias).sum().backward()
    for leaf in (x, weight, bias):
        np.testing.assert_array_equal(host(leaf.grad), np.zeros(leaf.shape), strict=True)


@pytest.mark.parametrize(
    ("shape", "normalized_shape", "options", "message"),
    [
        ((2, 3), 2, {}, r"layer_norm: x of shape \(2, 3\) must end in normalized_shape \(2,\)"),
        ((2, 3), (2,), {}, r"layer_norm: x of shape \(2, 3\) must end in normalized_shape \(2,\)"),
        ((2, 3), (3, 2), {}, r"layer_norm: x of shape \(2, 3\) must end in normalized_shape \(3, 2\)"),
        ((3,), (2, 3), {}, r"layer_norm: x of shape \(3,\) must end in normalized_shape \(2, 3\)"),
        ((), 1, {}, r"layer_norm: x of shape \(\) must end in normalized_shape \(1,\)"),
        ((2, 3), (), {}, r"layer_norm: normalized_shape must be positive integers, got \(\)"),
        ((2, 0), 0, {}, r"layer_norm: normalized_shape must be positive integers, got 0"),
        ((2, 3), 3, {"weight": (2,)}, r"layer_norm: weight must have shape \(3,\), got \(2,\)"),
        ((2, 3), (2, 3), {"weight": (3,)}, r"layer_norm: weight must have shape \(2, 3\), got \(3,\)"),
        ((2, 3), 3, {"bias": (1, 3)}, r"layer_norm: bias must have shape \(3,\), got \(1, 3\)"),
    ],
)
def test_layer_norm_refuses(shape, normalized_shape, options, message):
    affine: dict[str, Any] = {name: mr.ones(size) for name, size in options.items()}
    with pytest.raises(ValueError, match=message):
        F.layer_norm(mr.ones(shape), normalized_shape, **affine)


def test_types_refused():
    with pytest.raises(TypeError, match="layer_norm: needs float32 or float64, got int64"):
        F.layer_norm(mr.tensor([[1, 2]]), 2)
    for name in ("weight", "bias"):
        other: dict[str, Any] = {name: mr.ones(3, dtype="float64")}
        with pytest.raises(TypeError, match="layer_norm: operands have different dtypes, float32 and float64"):
            F.layer_norm(mr.ones(2, 3), 3, **other)


@pytest.mark.parametrize("normalized_shape", [3.0, None, np.int64(3)], ids=repr)
def test_a_shape_that_is_none_is_refused_by_name(normalized_shape):
    with pytest.raises((TypeError, ValueError), match="layer_norm: normalized_shape must be"):
        F.layer_norm(mr.ones(2, 3), normalized_shape)
