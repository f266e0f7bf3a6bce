"""Batch normalisation: the plain ops, PyTorch's, and that chunks, threads and memory layouts make no difference."""

from importlib import import_module
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from helpers import device, host
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ops import Op, check_op, check_torch

import minirad as mr
import minirad.nn.functional as F
from minirad.backend import xp

module = import_module("minirad.functional.batch_norm")  # minirad.functional.batch_norm is the function


@st.composite
def batches(draw, most=3):
    """x (n, c, ...) with two values a channel at least, perhaps weight, bias and residual, and every option."""
    shape = draw(st.lists(st.integers(1, most), min_size=2, max_size=4))
    shape[0] += shape[0] * int(np.prod(shape[2:])) == 1
    c = shape[1]
    added = [name for name in ("weight", "bias", "residual") if draw(st.booleans())]
    shapes = {"weight": (c,), "bias": (c,), "residual": tuple(shape)}
    running, training = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    return (tuple(shape), *(shapes[name] for name in added)), {
        "added": added,
        "running": running,
        "training": training,
        "momentum": draw(st.sampled_from([0.1, 1.0])),
        "eps": draw(st.sampled_from([1e-5, 0.5])),
        "relu": draw(st.booleans()),
    }


def statistics(c, running=True):
    """A running mean and variance, or (None, None)."""
    return (np.linspace(-0.3, 0.6, c), np.linspace(0.5, 2, c)) if running else (None, None)


def batch_norm(x, *others, added=(), running=False, **options):
    mean, var = (None if a is None else device(a, x.dtype) for a in statistics(x.shape[1], running))
    return F.batch_norm(x, mean, var, **dict(zip(added, others, strict=True)), **options)


def plain(x, *others, added=(), running=False, training=True, momentum=0.1, eps=1e-5, relu=False):
    """The ops that it replaces, one after the other."""
    given = dict(zip(added, others, strict=True))
    dims = [dim for dim in range(x.ndim) if dim != 1]
    per_channel = (1, -1, *[1] * (x.ndim - 2))
    if training:
        mean, var = x.mean(dims, keepdim=True), x.var(dims, correction=0, keepdim=True)
    else:
        mean, var = (mr.tensor(a, dtype=x.dtype).reshape(per_channel) for a in statistics(x.shape[1]))
    y = (x - mean) / (var + eps).sqrt()
    if "weight" in given:
        y = given["weight"].reshape(per_channel) * y
    if "bias" in given:
        y = y + given["bias"].reshape(per_channel)
    if "residual" in given:
        y = y + given["residual"]
    return F.relu(y) if relu else y


def reference(*arrays, **options):
    return host(plain(*(mr.tensor(array) for array in arrays), **options))


def torch_batch_norm(x, *others, added, running, relu, training, momentum, eps):
    import torch

    given = dict(zip(added, others, strict=True))
    mean, var = (None if a is None else torch.tensor(a, dtype=x.dtype) for a in statistics(x.shape[1], running))
    y = torch.nn.functional.batch_norm(x, mean, var, given.get("weight"), given.get("bias"), training, momentum, eps)
    y = y + given.get("residual", 0)
    return torch.relu(y) if relu else y


BATCH_NORM = Op("batch_norm", batch_norm, reference, torch_batch_norm, batches())


def away_from_the_kink(case):
    """Central differences need it: no output so near to 0 that relu would cut it off on one side only."""
    shapes, options = case
    return np.abs(reference(*BATCH_NORM.arrays(shapes), **options | {"relu": False})).min() > 1e-3


@pytest.fixture(scope="module", params=[1, 2])
def threads(request):
    """The tests that ask for it run with one thread and with two."""
    pytest.importorskip("threadpoolctl", reason="needs threadpoolctl")
    before = mr.get_num_threads() or 1
    mr.set_num_threads(request.param)
    yield request.param
    mr.set_num_threads(before)


def stored(array, last, step):
    """A tensor of these numbers, the axis ``last`` innermost in memory; there with gaps, or backwards."""
    turned = np.moveaxis(array, last, -1)
    memory = np.zeros((*turned.shape[:-1], turned.shape[-1] * abs(step)), array.dtype)
    memory[..., ::step] = turned
    return mr.Tensor(xp.moveaxis(device(memory)[..., ::step], -1, last))


LAYOUTS = st.tuples(st.sampled_from([-1, 0, 1]), st.sampled_from([1, 2, -1]))


@given(BATCH_NORM.cases)
def test_value_and_gradient(case):
    assume(away_from_the_kink(case))
    check_op(BATCH_NORM, *case)


@pytest.mark.parity
@given(BATCH_NORM.cases)
def test_as_in_pytorch(case):
    assume(away_from_the_kink(case))
    check_torch(BATCH_NORM, *case)


@settings(max_examples=4 * settings().max_examples)
@given(case=batches(5), layouts=st.tuples(LAYOUTS, LAYOUTS, LAYOUTS), chunk=st.sampled_from([1, 20, 65_536]))
def test_batch_norm_is_what_it_replaces(threads, case, layouts, chunk):
    """In chunks of every size, and wherever the numbers of x, the residual and the cotangent lie in memory."""
    assume(away_from_the_kink(case))
    shapes, options = case
    arrays = BATCH_NORM.arrays(shapes)
    fused = [stored(a, *layouts[i > 0]) if a.ndim > 1 else mr.tensor(a) for i, a in enumerate(arrays)]
    written_out = [mr.tensor(array) for array in arrays]
    for x in (*fused, *written_out):
        x.requires_grad = True
    y = plain(*written_out, **options)
    cotangent = np.random.default_rng(0).standard_normal(y.shape)
    y.backward(mr.tensor(cotangent))
    with patch.object(module, "CHUNK", chunk):
        z = batch_norm(*fused, **options)
        z.backward(stored(cotangent, *layouts[2]))
    pairs = [(z, y), *((a.grad, b.grad) for a, b in zip(fused, written_out, strict=True))]
    for ours, expected in pairs:
        np.testing.assert_allclose(host(ours), host(expected), rtol=1e-10, atol=1e-10, strict=True)


# ---- statistics


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (3, 3, 2, 2)], ids=str)
def test_each_channel_gets_mean_0_and_variance_1(shape):
    x = mr.tensor(np.random.default_rng(0).normal(5, 3, shape))
    y = np.moveaxis(host(F.batch_norm(x, training=True, eps=0)), 1, 0).reshape(3, -1)
    np.testing.assert_allclose(y.mean(1), 0, atol=1e-12)
    np.testing.assert_allclose((y**2).mean(1), 1, rtol=1e-12)


def test_running_statistics_move_towards_this_batchs_in_place():
    """The variance with correction=1, unlike the one that normalises."""
    data = np.random.default_rng(0).normal(5, 3, (4, 3, 2))
    mean, var = device(np.full(3, 2.0)), device(np.full(3, 4.0))
    F.batch_norm(mr.tensor(data), mean, var, training=True, momentum=0.25)
    np.testing.assert_allclose(host(mean), 0.75 * 2 + 0.25 * data.mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(host(var), 0.75 * 4 + 0.25 * data.var((0, 2), ddof=1), rtol=1e-12)


def test_running_statistics_as_in_pytorch(torch):
    ours = mean, var = device(np.zeros(3)), device(np.ones(3))
    theirs = torch.zeros(3).double(), torch.ones(3).double()
    for seed in range(3):
        data = np.random.default_rng(seed).normal(5, 3, (4, 3, 2, 2))
        F.batch_norm(mr.tensor(data), mean, var, training=True, momentum=0.3)
        torch.nn.functional.batch_norm(torch.tensor(data), *theirs, training=True, momentum=0.3)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(host(a), b.numpy(), rtol=1e-12)


def test_in_use_they_replace_the_batchs_and_stay():
    mean, var = device([1.0, -2.0]), device([4.0, 0.25])
    x = mr.tensor([[3.0, -2.0], [1.0, -1.0]], dtype="float64")
    y = F.batch_norm(x, mean, var, eps=0)
    np.testing.assert_allclose(host(y), [[1, 0], [0, 2]], atol=1e-15)
    assert (host(mean).tolist(), host(var).tolist()) == ([1, -2], [4, 0.25])
    assert host(F.batch_norm(x[:1], mean, var, eps=0)).tolist() == [[1, 0]]  # one value a channel is enough here


def test_float32_keeps_its_digits_far_from_zero(threads, monkeypatch):
    """Means of 1000 with deviations of 1: the mean of squares minus the square of the mean would lose them all."""
    monkeypatch.setattr(module, "CHUNK", 500)  # several chunks
    data = np.random.default_rng(0).normal(1000, 1, (20, 8, 6, 6)).astype("float32")
    cotangent = np.random.default_rng(1).standard_normal(data.shape)
    results = []
    for dtype in ("float32", "float64"):
        mean, var = device(np.zeros(8), dtype), device(np.zeros(8), dtype)
        x = mr.tensor(data, dtype=dtype, requires_grad=True)
        y = F.batch_norm(x, mean, var, training=True, momentum=1.0)
        y.backward(mr.tensor(cotangent, dtype=dtype))
        results.append([host(mean), host(var), host(y), host(x.grad)])
    single, double = results
    # 1000 is exact to 6e-5, so its deviations and all that is made from them are too.
    for i, (rtol, atol) in enumerate(((2e-6, 0), (2e-5, 0), (0, 16 * 6e-5), (0, 16 * 6e-5))):
        np.testing.assert_allclose(single[i], double[i], rtol, atol)


def test_a_constant_channel_becomes_the_bias():
    x = mr.tensor(np.full((4, 2, 3), 3.0), requires_grad=True)
    y = F.batch_norm(x, weight=mr.tensor([1.0, 7.0]).double(), bias=mr.tensor([0.5, -2.0]).double(), training=True)
    np.testing.assert_array_equal(host(y), np.broadcast_to([[[0.5], [-2.0]]], (4, 2, 3)))
    y.backward(mr.ones(4, 2, 3, dtype="float64"))
    np.testing.assert_allclose(host(x.grad), 0, atol=1e-9)


# ---- what must not matter, and what must not happen


@pytest.mark.parametrize("name", ["x", "weight", "bias", "residual"])
@pytest.mark.parametrize("training", [True, False])
def test_a_gradient_that_no_one_needs_is_not_computed(training, name):
    shapes = {"x": (4, 3), "weight": (3,), "bias": (3,), "residual": (4, 3)}
    inputs: dict[str, Any] = {key: mr.tensor(np.ones(s), requires_grad=key == name) for key, s in shapes.items()}
    y = F.batch_norm(**inputs, running_mean=device(np.zeros(3)), running_var=device(np.ones(3)), training=training)
    assert y.vjp is not None
    gradients = dict(zip(shapes, y.vjp(mr.ones(4, 3, dtype="float64").data), strict=True))
    assert [key for key, gradient in gradients.items() if gradient is not None] == [name]


def test_debug_finds_no_nan_in_a_gradient_that_no_one_needs(monkeypatch):
    """Memory that is asked for and not filled may hold anything."""
    empty_like = xp.empty_like

    def full_of_nan(*args, **kwargs):
        array = empty_like(*args, **kwargs)
        array.fill(np.nan)
        return array

    monkeypatch.setattr(xp, "empty_like", full_of_nan)
    weight = mr.ones(3, requires_grad=True)
    with mr.debug():
        F.batch_norm(mr.randn(4, 3), weight=weight, training=True).sum().backward()
    assert np.isfinite(host(weight.grad)).all()


def test_statistics_that_move_before_backward_do_not_change_the_gradient():
    """An evaluation, then a training step of the same layer, then the evaluation's backward()."""
    rng = np.random.default_rng(0)
    data = rng.standard_normal((4, 3))
    gradients = []
    for between in (False, True):
        mean, var = device(np.zeros(3)), device(np.ones(3))
        x, weight = (mr.tensor(a, requires_grad=True) for a in (data, np.ones(3)))
        y = F.batch_norm(x, mean, var, weight)
        if between:
            F.batch_norm(mr.tensor(data + 5), mean, var, training=True)
        y.backward(mr.tensor(data**2))
        gradients.append([host(x.grad), host(weight.grad)])
    for undisturbed, found in zip(*gradients, strict=True):
        np.testing.assert_array_equal(found, undisturbed)


def test_the_same_bits_each_time(threads, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 300)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype("float32") for shape in ((9, 8, 5, 5), (8,), (8,), (9, 8, 5, 5))]
    runs = []
    for _ in range(2):
        x, weight, bias, residual = inputs = [mr.tensor(array, requires_grad=True) for array in arrays]
        mean, var = device(np.zeros(8, "float32")), device(np.ones(8, "float32"))
        y = F.batch_norm(x, mean, var, weight, bias, training=True, residual=residual, relu=True)
        y.backward(mr.tensor(arrays[3]))
        runs.append([host(a) for a in (y, mean, var, *(x.grad for x in inputs))])
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("training", [True, False])
def test_what_is_not_finite_stays_in_its_channel(training, value):
    data = np.random.default_rng(0).standard_normal((6, 3, 2, 2))
    data[2, 1, 0, 1] = value
    x = mr.tensor(data, requires_grad=True)
    mean, var = device(np.zeros(3)), device(np.ones(3))
    with np.errstate(all="ignore"):
        y = F.batch_norm(x, mean, var, training=training, relu=True)
        (y * y).sum().backward()
    for array in (host(y), host(x.grad)):
        assert np.isfinite(array[:, [0, 2]]).all()
    assert (np.isfinite(host(mean)) == [True, not training, True]).all()


def test_a_batch_without_examples():
    """In use there is nothing to do, as in PyTorch. In training PyTorch leaves the running statistics; we refuse."""
    x, weight, bias = (mr.tensor(np.ones(shape), requires_grad=True) for shape in ((0, 3, 2, 2), (3,), (3,)))
    mean, var = device(np.zeros(3)), device(np.ones(3))
    with pytest.raises(ValueError, match="batch_norm: the statistics need more than one value a channel"):
        F.batch_norm(x, mean, var, training=True)
    y = F.batch_norm(x, mean, var, weight, bias)
    assert y.shape == (0, 3, 2, 2)
    y.sum().backward()
    for leaf in (x, weight, bias):
        np.testing.assert_array_equal(host(leaf.grad), np.zeros(leaf.shape), strict=True)


# ---- errors


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((3,), {}, r"batch_norm: x must be \(n, c\) or \(n, c, \.\.\.\), got shape \(3,\)"),
        ((), {}, r"batch_norm: x must be \(n, c\) or \(n, c, \.\.\.\), got shape \(\)"),
        ((1, 3), {}, r"batch_norm: the statistics need more than one value a channel, got shape \(1, 3\)"),
        ((1, 3, 1, 1), {}, "batch_norm: the statistics need more than one value a channel"),
        ((0, 3), {}, "batch_norm: the statistics need more than one value a channel"),
        ((2, 3), {"weight": (2,)}, r"batch_norm: weight must have shape \(3,\), got \(2,\)"),
        ((2, 3), {"weight": (3, 1)}, r"batch_norm: weight must have shape \(3,\), got \(3, 1\)"),
        ((2, 3), {"bias": ()}, r"batch_norm: bias must have shape \(3,\), got \(\)"),
        ((2, 3, 4), {"residual": (2, 3)}, r"batch_norm: residual must have shape \(2, 3, 4\), got \(2, 3\)"),
        ((2, 3, 4), {"residual": (1, 3, 4)}, r"batch_norm: residual must have shape \(2, 3, 4\), got \(1, 3, 4\)"),
        ((2, 3), {"running_mean": (3,)}, "batch_norm: running_mean and running_var go together"),
        ((2, 3), {"running_mean": (2,), "running_var": (3,)},
         r"batch_norm: running_mean must have shape \(3,\), got \(2,\)"),
        ((2, 3), {"running_mean": (3,), "running_var": (1, 3)},
         r"batch_norm: running_var must have shape \(3,\), got \(1, 3\)"),
    ],
)  # fmt: skip
def test_batch_norm_refuses(shape, options, message):
    given: dict[str, Any] = {
        name: mr.ones(size).data if "running" in name else mr.ones(size) for name, size in options.items()
    }
    with pytest.raises(ValueError, match=message):
        F.batch_norm(mr.ones(shape), training=True, **given)


def test_types_refused():
    with pytest.raises(TypeError, match="batch_norm: needs float32 or float64, got int64"):
        F.batch_norm(mr.tensor([[1], [2]]), training=True)
    for name in ("weight", "bias", "residual"):
        other: dict[str, Any] = {name: mr.ones((2, 3) if name == "residual" else 3, dtype="float64")}
        with pytest.raises(TypeError, match="batch_norm: operands have different dtypes, float32 and float64"):
            F.batch_norm(mr.ones(2, 3), training=True, **other)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["running_mean", "running_var"])
@pytest.mark.parametrize("dtype", ["float64", "int64", None])
def test_running_statistics_that_are_no_arrays_of_this_dtype_are_refused(dtype, name, training):
    """Before either has moved. None: a list."""
    mean = device([0, 0], "float32")
    given = {"running_mean": mean, "running_var": device([1, 1], "float32")}
    given[name] = device([1, 1], dtype) if dtype else [1.0, 1.0]
    with pytest.raises((TypeError, ValueError), match=f"batch_norm: {name}"):
        F.batch_norm(mr.tensor([[1.0, 2.0], [3.0, 5.0]]), training=training, **given)
    assert host(mean).tolist() == [0, 0]


def test_refused_arguments_leave_the_running_statistics_alone():
    mean, var = device([0.0, 0.0], "float32"), device([1.0, 1.0], "float32")
    refused: list[dict[str, Any]] = [{"weight": mr.ones(3)}, {"residual": mr.ones(2, 2, dtype="float64")}]
    for wrong in refused:
        with pytest.raises((TypeError, ValueError), match="batch_norm"):
            F.batch_norm(mr.tensor([[1.0, 2.0], [3.0, 5.0]]), mean, var, training=True, **wrong)
    assert (host(mean).tolist(), host(var).tolist()) == ([0, 0], [1, 1])
