"""Convolution: its definition as loops, PyTorch's, and that chunks, threads and memory layouts make no difference."""

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given, settings
from hypothesis import strategies as st
from ops import Op, check_op, check_torch, compare

import minirad as mr
import minirad.nn.functional as F
from minirad.backend import backend_name
from minirad.functional import conv
from minirad.functional.conv import Columns, Geometry


@st.composite
def convolutions(draw, most=3, slack=4):
    """x, weight and perhaps bias, with every option as a number or a pair; some windows see padding only."""
    n, groups, inputs, outputs = draw(st.tuples(*[st.integers(1, most)] * 4))  # inputs and outputs of one group
    square = draw(st.booleans())
    axes = []
    for _ in range(1 if square else 2):
        k, s, p, d = draw(st.tuples(*[st.integers(1, 3)] * 2, st.integers(0, 2), st.integers(1, 3)))
        axes.append((max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, slack)), k, s, p, d))
    size, kernel, *pairs = zip(*(axes * 2)[:2], strict=True)
    options = dict(zip(("stride", "padding", "dilation"), (pair[0] if square else pair for pair in pairs), strict=True))
    shapes = ((n, groups * inputs, *size), (groups * outputs, inputs, *kernel))
    return shapes + (((groups * outputs,),) if draw(st.booleans()) else ()), options | {"groups": groups}


def plain(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The definition: for each output and pixel, the products of a window and the weights, summed."""
    (sh, sw), (ph, pw), (dh, dw) = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding, dilation))
    outputs, inputs, kh, kw = weight.shape
    for dim, p in ((2, ph), (3, pw)):
        zeros = mr.zeros(*x.shape[:dim], p, *x.shape[dim + 1 :], dtype=x.dtype)
        x = F.cat([zeros, x, zeros], dim)
    height, width = (x.shape[2] - dh * (kh - 1) - 1) // sh + 1, (x.shape[3] - dw * (kw - 1) - 1) // sw + 1
    channels = []
    for o in range(outputs):
        first = o // (outputs // groups) * inputs
        pixels = []
        for r in range(0, height * sh, sh):
            for s in range(0, width * sw, sw):
                window = x[:, first : first + inputs, r : r + dh * kh : dh, s : s + dw * kw : dw][:, :, :kh, :kw]
                pixels.append((window * weight[o]).sum((1, 2, 3)))
        y = F.stack(pixels, 1).reshape(-1, height, width)
        channels.append(y if bias is None else y + bias[o])
    return F.stack(channels, 1)


def reference(*arrays, **options):
    return host(plain(*(mr.tensor(array) for array in arrays), **options))


CONV = Op("conv2d", F.conv2d, reference, "nn.functional.conv2d", convolutions(most=2, slack=2))


@pytest.fixture(scope="module", params=[1, 2])
def threads(request):
    """The tests that ask for it run with one thread and with two."""
    pytest.importorskip("threadpoolctl", reason="needs threadpoolctl")
    before = mr.get_num_threads() or 1
    mr.set_num_threads(request.param)
    yield request.param
    mr.set_num_threads(before)


def stored(array, order, step):
    """A tensor of these numbers whose axes lie in memory in this order; the innermost one with gaps, or backwards."""
    turned = np.transpose(array, order)
    memory = np.zeros((*turned.shape[:-1], turned.shape[-1] * abs(step)), array.dtype)
    memory[..., ::step] = turned
    return mr.Tensor(device(memory)[..., ::step].transpose(*np.argsort(order).tolist()))


LAYOUTS = st.tuples(st.permutations(range(4)), st.sampled_from([1, 2, -1]))


@given(CONV.cases)
def test_value_and_gradient(case):
    check_op(CONV, *case)


@pytest.mark.parity
@given(convolutions())
def test_as_in_pytorch(case):
    check_torch(CONV, *case)


@settings(max_examples=4 * settings().max_examples)
@given(case=convolutions(), layouts=st.tuples(LAYOUTS, LAYOUTS, LAYOUTS), chunk=st.sampled_from([1, 30, 100, 262_144]))
def test_conv2d_is_the_loops_that_it_replaces(threads, case, layouts, chunk):
    """In chunks of every size, and wherever the numbers of x, weight and the cotangent lie in memory."""
    shapes, options = case
    arrays = CONV.arrays(shapes)
    fused = [stored(array, *layout) for array, layout in zip(arrays[:2], layouts[:2], strict=True)]
    fused += [mr.tensor(array) for array in arrays[2:]]
    written_out = [mr.tensor(array) for array in arrays]
    for x in (*fused, *written_out):
        x.requires_grad = True
    y = plain(*written_out, **options)
    cotangent = np.random.default_rng(0).standard_normal(y.shape)
    y.backward(mr.tensor(cotangent))
    with patch.object(conv, "CHUNK", chunk):
        z = F.conv2d(*fused, **options)
        z.backward(stored(cotangent, *layouts[2]))
    pairs = [(z, y), *((a.grad, b.grad) for a, b in zip(fused, written_out, strict=True))]
    for ours, expected in pairs:
        np.testing.assert_allclose(host(ours), host(expected), rtol=1e-12, atol=1e-12, strict=True)


@pytest.mark.parity
@pytest.mark.parametrize(
    ("shape", "weight", "options"),
    [
        ((16, 3, 32, 32), (16, 3, 3, 3), {"padding": 1}),
        ((16, 16, 32, 32), (16, 16, 3, 3), {"padding": 1}),
        ((16, 16, 32, 32), (32, 16, 3, 3), {"padding": 1, "stride": 2}),
        ((16, 16, 32, 32), (32, 16, 1, 1), {"stride": 2}),
        ((3, 24, 15, 17), (24, 1, 5, 3), {"padding": (2, 1), "groups": 24}),
    ],
    ids=str,
)
def test_the_layers_of_nets_as_in_pytorch(torch, threads, shape, weight, options):
    """Several chunks for each thread, at the usual size of a chunk."""
    rng = np.random.default_rng(0)
    for dtype in (np.float64, np.float32):
        arrays = [rng.standard_normal(s).astype(dtype) for s in (shape, weight, weight[:1])]
        # The weight's gradient sums 16,384 products of size 1. float32's rounding errors (6e-8 each, of sums of size
        # 100) add up as a random walk does, to about 100 * 6e-8 * 100.
        tolerance = 1e-10 if dtype == np.float64 else 1e-3
        ours: list[Any] = [mr.tensor(array, requires_grad=True) for array in arrays]
        theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
        compare(F.conv2d(*ours, **options), torch.nn.functional.conv2d(*theirs, **options), ours, theirs, tolerance)


def test_float32_is_exact_to_a_few_roundings(threads):
    """|error| < 8 eps sum |a b| for each sum of products a b: the error goes with the sizes of what is summed."""
    rng = np.random.default_rng(0)
    arrays = [
        rng.standard_normal(s) * 10.0 ** rng.integers(-3, 4, s) for s in ((3, 8, 9, 9), (6, 8, 3, 3), (3, 6, 9, 9))
    ]
    arrays = [array.astype("float32") for array in arrays]

    def results(*arrays):
        x, weight, cotangent = (mr.tensor(array, requires_grad=True) for array in arrays)
        y = F.conv2d(x, weight, padding=1)
        y.backward(cotangent)
        return host(y), host(x.grad), host(weight.grad)

    doubles = [array.astype("float64") for array in arrays]
    for single, double, size in zip(results(*arrays), results(*doubles), results(*map(np.abs, doubles)), strict=True):
        assert single.dtype == "float32"
        assert (np.abs(single - double) < 8 * np.finfo("float32").eps * size).all()


def test_the_definition_by_hand():
    x = mr.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]], requires_grad=True)
    weight = mr.tensor([[[[1.0, 10.0]]]], requires_grad=True)
    y = F.conv2d(x, weight, mr.tensor([0.5]))
    assert host(y).tolist() == [[[[21.5, 32.5], [54.5, 65.5]]]]  # the kernel is not turned around
    y.backward(mr.tensor([[[[1.0, 0.0], [0.0, 2.0]]]]))
    assert host(x.grad).tolist() == [[[[1, 10, 0], [0, 2, 20]]]]
    assert host(weight.grad).tolist() == [[[[1 + 2 * 5, 2 + 2 * 6]]]]


@pytest.mark.parametrize(
    ("chunk", "images", "rows"),
    [
        (1, [1] * 5, [1, 1, 1]),  # less than one row: one row all the same
        (2 * 36, [1] * 5, [2, 1]),
        (3 * 36, [1] * 5, [3]),
        (6 * 36 + 35, [2, 2, 1], [3]),
        (10_000, [5], [3]),
    ],
)
def test_chunks_cover_every_pixel_once(monkeypatch, chunk, images, rows):
    """An output row of this net takes 36 numbers: 4 pixels, 3 x 1 kernel pixels, 3 channels."""
    monkeypatch.setattr(conv, "CHUNK", chunk)
    if backend_name() == "cupy":  # all at once there
        images, rows = [5], [3]
    x = device(np.arange(5 * 5 * 4 * 3.0).reshape(5, 5, 4, 3))
    geometry = Geometry(kernel=(3, 1), out=(3, 4), step=(1, 1), start=(0, 0), dilation=(1, 1))
    seen = np.zeros((5, 3, 4))
    chunks = []
    for some, lines, columns in Columns(x.shape, x.dtype, geometry, 1).chunks(x, 0, 5):
        seen[some, lines] += 1
        chunks.append((some.stop - some.start, lines.stop - lines.start))
        windows = host(columns).reshape(*chunks[-1], 4, 3, 3)  # images, rows, pixels, kernel rows, channels
        np.testing.assert_array_equal(windows[0, 0, 0], host(x)[some.start, lines.start : lines.start + 3, 0])
    assert (seen == 1).all()
    assert chunks == [(n, m) for n in images for m in rows]


def test_what_is_lent_is_lent_to_one(monkeypatch):
    """And to the next one when it is back, unless there is too much of it."""
    monkeypatch.setattr(conv, "_idle", {})
    x = device(np.zeros((2, 4, 4, 3)))
    geometry = Geometry(kernel=(3, 3), out=(2, 2), step=(1, 1), start=(0, 0), dilation=(1, 1))
    with conv.lent(x, geometry, 1) as first, conv.lent(x, geometry, 1) as second:
        assert first is not second
    with conv.lent(x, geometry, 1) as third:
        assert third in (first, second)
    with conv.lent(x, geometry, 3) as other:
        assert other not in (first, second)
    for n in range(300):
        with conv.lent(device(np.zeros((n, 4, 4, 3))), geometry, 1):
            pass
    assert len(conv._idle) <= 257


@pytest.mark.parametrize("wanted", [(True, False, False), (False, True, False), (False, False, True)], ids=str)
def test_a_gradient_that_no_one_needs_is_not_computed(wanted):
    shapes = [(2, 3, 4, 4), (5, 3, 2, 2), (5,)]
    x, weight, bias = (mr.tensor(np.ones(s), requires_grad=yes) for s, yes in zip(shapes, wanted, strict=True))
    y = F.conv2d(x, weight, bias)
    assert y.vjp is not None
    gradients = y.vjp(mr.ones(y.shape, dtype="float64").data)
    assert [g is not None for g in gradients] == list(wanted)


def test_the_same_bits_each_time(threads, monkeypatch):
    monkeypatch.setattr(conv, "CHUNK", 500)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype("float32") for shape in ((7, 8, 9, 9), (6, 4, 3, 3), (6,))]
    runs = []
    for _ in range(2):
        x, weight, bias = inputs = [mr.tensor(array, requires_grad=True) for array in arrays]
        y = F.conv2d(x, weight, bias, stride=2, padding=1, groups=2)
        y.backward(mr.tensor(np.cos(np.arange(y.numel(), dtype="float32")).reshape(y.shape)))
        runs.append([host(y), *(host(x.grad) for x in inputs)])
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_the_windows_that_see_it(monkeypatch, value):
    """Also where chunks are copied into one buffer after the other."""
    monkeypatch.setattr(conv, "CHUNK", 1)
    data = np.ones((3, 2, 5, 5))
    data[1, 1, 2, 3] = value
    x, weight = mr.tensor(data, requires_grad=True), mr.ones(2, 1, 3, 3, dtype="float64", requires_grad=True)
    with np.errstate(all="ignore"):
        y = F.conv2d(x, weight, padding=1, groups=2)
        y.sum().backward()
    touched = np.zeros((3, 2, 5, 5), bool)
    touched[1, 1, 1:4, 2:5] = True
    np.testing.assert_array_equal(np.isfinite(host(y)), ~touched)
    np.testing.assert_array_equal(np.isfinite(host(weight.grad))[0], True)
    assert not np.isfinite(host(weight.grad)[1]).any()
    assert np.isfinite(host(x.grad)).all()


def test_a_batch_without_images():
    """The gradients of weight and bias are sums over nothing, as in PyTorch."""
    x, weight, bias = (mr.tensor(np.ones(s), requires_grad=True) for s in ((0, 2, 4, 4), (6, 1, 3, 3), (6,)))
    y = F.conv2d(x, weight, bias, groups=2)
    assert y.shape == (0, 6, 2, 2)
    y.sum().backward()
    for leaf in (x, weight, bias):
        np.testing.assert_array_equal(host(leaf.grad), np.zeros(leaf.shape), strict=True)


def test_integers_are_convolved_too():
    x, weight = mr.tensor(np.arange(4).reshape(1, 1, 2, 2)), mr.tensor([[[[1, 2], [3, 4]]]])
    y = F.conv2d(x, weight)
    assert (host(y).tolist(), y.dtype) == ([[[[20]]]], "int64")


@pytest.mark.parametrize(
    ("shape", "weight", "options", "message"),
    [
        ((3, 5, 5), (4, 3, 1, 1), {}, r"conv2d: x and weight must have 4 axes, \(n, c, h, w\) and \(outputs, "
         r"c / groups, kh, kw\), got \(3, 5, 5\) and \(4, 3, 1, 1\)"),
        ((1, 3, 5, 5), (4, 3), {}, r"conv2d: x and weight must have 4 axes, .* got \(1, 3, 5, 5\) and \(4, 3\)"),
        ((1, 3, 5, 5), (4, 2, 1, 1), {},
         r"conv2d: x has 3 channels, weight of shape \(4, 2, 1, 1\) with groups=1 expects 2"),
        ((1, 3, 5, 5), (4, 3, 1, 1), {"groups": 2}, "conv2d: x has 3 channels, weight .* with groups=2 expects 6"),
        ((1, 4, 5, 5), (3, 2, 1, 1), {"groups": 2},
         "conv2d: groups must be a positive integer that divides 3 outputs, got 2"),
        ((1, 4, 5, 5), (4, 4, 1, 1), {"groups": 0}, "conv2d: groups must be a positive integer .* got 0"),
        ((1, 4, 5, 5), (4, 4, 1, 1), {"groups": 1.0}, "conv2d: groups must be a positive integer .* got 1.0"),
        ((1, 3, 5, 5), (4, 3, 1, 1), {"bias": (3,)}, r"conv2d: bias must have shape \(4,\), got \(3,\)"),
        ((1, 3, 5, 5), (4, 3, 1, 1), {"bias": (4, 1)}, r"conv2d: bias must have shape \(4,\), got \(4, 1\)"),
        ((1, 3, 5, 5), (4, 3, 1, 1), {"stride": 0},
         "conv2d: stride must be an integer >= 1, or a pair of them, got 0"),
        ((1, 3, 5, 5), (4, 3, 1, 1), {"stride": (1, 2, 1)}, r"conv2d: stride must be .*, got \(1, 2, 1\)"),
        ((1, 3, 5, 5), (4, 3, 1, 1), {"stride": True}, "conv2d: stride must be .*, got True"),
        ((1, 3, 5, 5), (4, 3, 1, 1), {"padding": -1},
         "conv2d: padding must be an integer >= 0, or a pair of them, got -1"),
        ((1, 3, 5, 5), (4, 3, 1, 1), {"padding": "same"}, "conv2d: padding must be .*, got 'same'"),
        ((1, 3, 5, 5), (4, 3, 1, 1), {"dilation": (1, 0)},
         r"conv2d: dilation must be an integer >= 1, or a pair of them, got \(1, 0\)"),
        ((1, 3, 5, 4), (4, 3, 3, 3), {"dilation": (1, 2)},
         r"conv2d: a kernel of 3x3 with dilation \(1, 2\) does not fit into 5x4 pixels with padding \(0, 0\)"),
        ((1, 3, 5, 5), (4, 3, 0, 1), {}, "conv2d: a kernel of 0x1 with .* does not fit into 5x5 pixels"),
    ],
)  # fmt: skip
def test_conv2d_refuses(shape, weight, options, message):
    if "bias" in options:
        options = options | {"bias": mr.ones(options["bias"])}
    with pytest.raises(ValueError, match=message):
        F.conv2d(mr.ones(shape), mr.ones(weight), **options)


def test_types_refused():
    x, weight = mr.ones(1, 1, 2, 2), mr.ones(1, 1, 1, 1)
    with pytest.raises(TypeError, match="conv2d: operands have different dtypes, float64 and float32"):
        F.conv2d(x.double(), weight)
    with pytest.raises(TypeError, match="conv2d: operands have different dtypes, float32 and float64"):
        F.conv2d(x, weight, mr.ones(1, dtype="float64"))


def test_a_bias_may_be_a_list_as_in_linear():
    x, weight = mr.ones(1, 1, 2, 2), mr.ones(2, 1, 1, 1)
    np.testing.assert_array_equal(host(F.conv2d(x, weight, [0.5, 1.5]))[0, :, 0, 0], [1.5, 2.5])
    with pytest.raises(ValueError, match=r"conv2d: bias must have shape \(2,\), got \(\)"):
        F.conv2d(x, weight, 0.5)
