"""Pooling: windows one by one, as the definition has them, and PyTorch's, with every option."""

from math import ceil, floor

import numpy as np
import pytest
from helpers import device, host
from hypothesis import assume, given
from hypothesis import strategies as st
from ops import Op, check_op, check_torch, compare

import minirad as mr
import minirad.nn.functional as F


@st.composite
def windows(draw, average=False):
    """x (n, c, h, w) and windows that fit into it and see a pixel each, every option a number or a pair."""
    axes, square, ceil_mode = [], draw(st.booleans()), draw(st.booleans())
    for _ in range(1 if square else 2):
        k, s = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
        p, d = draw(st.integers(0, k // 2)), 1 if average else draw(st.integers(1, 2))
        n = max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 3))
        for start in starts(n, k, s, p, d, ceil_mode):
            assume(any(0 <= i < n for i in range(start, start + k * d, d)))
        axes.append((n, k, s, p, d))
    size, *pairs = zip(*(axes * 2)[:2], strict=True)
    kernel, stride, padding, dilation = (pair[0] if square else pair for pair in pairs)
    options = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    options |= {"count_include_pad": draw(st.booleans())} if average else {"dilation": dilation}
    return ((*draw(st.tuples(st.integers(1, 2), st.integers(1, 2))), *size),), options


@st.composite
def areas(draw):
    """x (n, c, h, w) and an output of any size, also larger than the image."""
    output_size = draw(st.one_of(st.integers(1, 4), st.tuples(st.integers(1, 4), st.integers(1, 4))))
    return (draw(st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 5), st.integers(1, 5))),), {
        "output_size": output_size
    }


def two(value):
    return value if isinstance(value, tuple) else (value, value)


def starts(n, k, s, p, d, ceil_mode):
    """Where the windows along an axis start: they fit, or (ceil_mode) start inside and are the first not to fit."""
    end = n + p - (d * (k - 1) + 1)
    return [i for i in range(-p, n, s) if i <= end or (ceil_mode and i < end + s)]


def plain(x, kernel_size, stride, padding, ceil_mode, dilation=1, reduce=None):
    """reduce(pixels of x in a window, rows, columns) for one window after the other."""
    kernel, dilation, padding = two(kernel_size), two(dilation), two(padding)
    stride = kernel if stride is None else two(stride)
    rows, columns = (starts(x.shape[2 + i], kernel[i], stride[i], padding[i], dilation[i], ceil_mode) for i in (0, 1))
    found = []
    for r in rows:
        for c in columns:
            at = [range(start, start + k * d, d) for start, k, d in zip((r, c), kernel, dilation, strict=True)]
            inside = [[i for i in places if 0 <= i < n] for places, n in zip(at, x.shape[2:], strict=True)]
            found.append(reduce(F.stack([x[:, :, i, j] for i in inside[0] for j in inside[1]]), at))
    return F.stack(found, 2).reshape(*x.shape[:2], len(rows), len(columns))


def plain_max(x, **options):
    return plain(x, **options, reduce=lambda pixels, at: pixels.max(0)[0])


def plain_avg(x, count_include_pad, **options):
    """What ceil_mode adds behind the padding never counts."""
    padding = two(options["padding"])

    def mean(pixels, at):
        counted = [[i for i in at[axis] if i < x.shape[2 + axis] + padding[axis]] for axis in (0, 1)]
        return pixels.sum(0) / (len(counted[0]) * len(counted[1]) if count_include_pad else len(pixels))

    return plain(x, **options, reduce=mean)


def plain_adaptive(x, output_size):
    h, w = two(output_size)
    rows, columns = (
        [slice(floor(i * n / parts), ceil((i + 1) * n / parts)) for i in range(parts)]
        for n, parts in ((x.shape[2], h), (x.shape[3], w))
    )
    return F.stack([x[:, :, r, c].mean((2, 3)) for r in rows for c in columns], 2).reshape(*x.shape[:2], h, w)


def pool(name, written_out, cases):
    """The op, and as its reference what it replaces."""
    reference = lambda x, **options: host(written_out(mr.tensor(x), **options))  # noqa: E731
    return Op(name, getattr(F, name), reference, f"nn.functional.{name}", cases), written_out


POOLS = [
    pool("max_pool2d", plain_max, windows()),
    pool("avg_pool2d", plain_avg, windows(average=True)),
    pool("adaptive_avg_pool2d", plain_adaptive, areas()),
]
OPS = [op for op, _ in POOLS]


def stored(array, order, step):
    """A tensor of these numbers whose axes lie in memory in this order; the innermost one with gaps, or backwards."""
    turned = np.transpose(array, order)
    memory = np.zeros((*turned.shape[:-1], turned.shape[-1] * abs(step)), array.dtype)
    memory[..., ::step] = turned
    return mr.Tensor(device(memory)[..., ::step].transpose(*np.argsort(order).tolist()))


LAYOUTS = st.tuples(st.permutations(range(4)), st.sampled_from([1, 2, -1]))


@pytest.mark.parametrize("op", OPS, ids=str)
@given(data=st.data())
def test_value_and_gradient(op, data):
    check_op(op, *data.draw(op.cases))


@pytest.mark.parity
@pytest.mark.parametrize("op", OPS, ids=str)
@given(data=st.data())
def test_as_in_pytorch(op, data):
    check_torch(op, *data.draw(op.cases))


@pytest.mark.parametrize(("op", "written_out"), POOLS, ids=map(str, OPS))
@given(data=st.data(), layouts=st.tuples(LAYOUTS, LAYOUTS))
def test_pooling_is_the_windows_one_by_one(op, written_out, data, layouts):
    """Wherever the numbers of x and the cotangent lie in memory."""
    shapes, options = data.draw(op.cases)
    (array,) = op.arrays(shapes)
    x, x_plain = stored(array, *layouts[0]), mr.tensor(array)
    x.requires_grad = x_plain.requires_grad = True
    y, y_plain = op.fn(x, **options), written_out(x_plain, **options)
    cotangent = np.random.default_rng(0).standard_normal(y_plain.shape)
    y.backward(stored(cotangent, *layouts[1]))
    y_plain.backward(mr.tensor(cotangent))
    for ours, expected in ((y, y_plain), (x.grad, x_plain.grad)):
        np.testing.assert_allclose(host(ours), host(expected), rtol=1e-12, atol=1e-12, strict=True)


def test_by_hand():
    x = mr.tensor([[[[1.0, 5.0, 2.0], [3.0, 4.0, 0.0], [8.0, 6.0, 7.0]]]])
    assert host(F.max_pool2d(x, 2, 1)).tolist() == [[[[5, 5], [8, 7]]]]
    assert host(F.max_pool2d(x, 2)).tolist() == [[[[5]]]]  # the stride is the kernel's size
    np.testing.assert_allclose(host(F.avg_pool2d(x, (1, 3)))[0, 0, :, 0], [8 / 3, 7 / 3, 7], rtol=1e-6)
    assert host(F.adaptive_avg_pool2d(x, 1)).tolist() == [[[[4]]]]
    assert host(F.adaptive_avg_pool2d(x, (3, 2))).tolist() == [[[[3, 3.5], [3.5, 2], [7, 6.5]]]]


TIES = np.array([[[[0.0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 2], [0, 0, 2, 2]]]])  # as a ReLU in front leaves them


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0)], ids=str)
def test_the_first_of_equal_values_gets_the_gradient(order):
    """Row by row, wherever they lie in memory."""
    x, zeros = stored(TIES, order, 1), mr.zeros(1, 1, 2, 2, requires_grad=True)
    x.requires_grad = True
    F.max_pool2d(x, (4, 2)).sum().backward()
    assert host(x.grad).tolist() == [[[[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]]]
    F.max_pool2d(zeros, 2).sum().backward()
    assert host(zeros.grad).tolist() == [[[[1, 0], [0, 0]]]]


@pytest.mark.parametrize(
    "options",
    [{"kernel_size": 2}, {"kernel_size": 2, "stride": 1}, {"kernel_size": 3, "stride": 1, "padding": 1}],
    ids=str,
)
def test_ties_as_in_pytorch(torch, options):
    x, x_torch = mr.tensor(TIES, requires_grad=True), torch.tensor(TIES, requires_grad=True)
    compare(F.max_pool2d(x, **options), torch.nn.functional.max_pool2d(x_torch, **options), [x], [x_torch])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(data=st.data())
def test_numbers_that_are_none_as_in_pytorch(torch, dtype, data):
    """The last NaN of a window gets its gradient; where all is -inf the first pixel does, not the padding."""
    shapes, options = data.draw(windows())
    values = data.draw(st.lists(st.sampled_from([np.nan, -np.inf, np.inf, 0, 1]), min_size=1, max_size=6))
    array = np.resize(np.array(values, dtype), shapes[0])
    x, x_torch = mr.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    y, y_torch = F.max_pool2d(x, **options), torch.nn.functional.max_pool2d(x_torch, **options)
    y.backward(mr.ones(*y.shape, dtype=dtype))
    y_torch.backward(torch.ones_like(y_torch))
    np.testing.assert_array_equal(host(y), y_torch.detach().numpy())
    np.testing.assert_array_equal(host(x.grad), x_torch.grad.numpy())


def test_padding_never_gets_a_gradient():
    x = mr.tensor(np.full((1, 1, 2, 2), -np.inf), requires_grad=True)
    F.max_pool2d(x, 2, padding=1).backward(mr.ones(1, 1, 2, 2, dtype="float64"))
    assert host(x.grad).tolist() == [[[[1, 1], [1, 1]]]]


def test_the_last_nan_gets_the_gradient():
    x = mr.tensor([[[[np.nan, 1.0], [np.nan, np.inf]]]], requires_grad=True)
    y = F.max_pool2d(x, 2)
    assert np.isnan(host(y)).all()
    y.backward(mr.ones(1, 1, 1, 1))
    assert host(x.grad).tolist() == [[[[0, 0], [1, 0]]]]


def test_padding_never_wins():
    """It counts as minus infinity, also against negative numbers. A window of padding only has no gradient to give."""
    x = mr.tensor(np.full((1, 1, 2, 2), -5.0), requires_grad=True)
    assert (host(F.max_pool2d(x, 2, padding=1)) == -5).all()
    lonely = mr.tensor([[[[3.0]]]], requires_grad=True)
    y = F.max_pool2d(lonely, 2, stride=1, padding=1, dilation=2)  # looks at the pixels -1 and 1
    assert host(y).tolist() == [[[[-np.inf]]]]
    y.backward(mr.ones(1, 1, 1, 1))
    assert host(lonely.grad).tolist() == [[[[0]]]]


LARGE = [{"kernel_size": size, "stride": None, "padding": 0, "ceil_mode": True} for size in (4, 5, (4, 2))]


@pytest.mark.parametrize("options", LARGE, ids=str)
def test_a_window_larger_than_the_image_fits_with_ceil_mode(options):
    """If it would be the first not to fit."""
    check_op(OPS[0], ((1, 2, 3, 3),), options)
    check_op(OPS[1], ((1, 2, 3, 3),), options | {"count_include_pad": True})


@pytest.mark.parity
@pytest.mark.parametrize("options", LARGE, ids=str)
def test_a_window_larger_than_the_image_as_in_pytorch(options):
    check_torch(OPS[0], ((1, 2, 3, 3),), options)
    check_torch(OPS[1], ((1, 2, 3, 3),), options)


@pytest.mark.parametrize("op", OPS, ids=str)
def test_a_batch_without_images(op):
    x = mr.zeros(0, 3, 4, 5, requires_grad=True)
    y = op.fn(x, 2)
    assert y.shape == (0, 3, 2, 2)
    y.sum().backward()
    assert host(x.grad).shape == (0, 3, 4, 5)


@pytest.mark.parametrize("op", OPS, ids=str)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_the_windows_that_see_it(op, value):
    data = np.ones((2, 2, 4, 4))
    data[1, 0, 1, 2] = value
    x = mr.tensor(data, requires_grad=True)
    y = op.fn(x, 2)
    y.sum().backward()
    expected = np.ones((2, 2, 2, 2), bool)
    expected[1, 0, 0, 1] = False
    np.testing.assert_array_equal(np.isfinite(host(y)), expected)
    assert np.isfinite(host(x.grad)).all()


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("max_pool2d", (3, 4, 4), {"kernel_size": 2}, r"x must be \(n, c, h, w\) with pixels, got shape \(3, 4, 4\)"),
        ("avg_pool2d", (4, 4), {"kernel_size": 2}, r"x must be \(n, c, h, w\) with pixels, got shape \(4, 4\)"),
        ("max_pool2d", (1, 1, 4, 4), {"kernel_size": 0},
         "max_pool2d: kernel_size must be an integer >= 1, or a pair of them, got 0"),
        ("avg_pool2d", (1, 1, 4, 4), {"kernel_size": 2.0}, "avg_pool2d: kernel_size must be .*, got 2.0"),
        ("max_pool2d", (1, 1, 4, 4), {"kernel_size": (2, 2, 2)},
         r"max_pool2d: kernel_size must be .*, got \(2, 2, 2\)"),
        ("max_pool2d", (1, 1, 4, 4), {"kernel_size": 2, "stride": 0}, "max_pool2d: stride must be .* >= 1, .*, got 0"),
        ("avg_pool2d", (1, 1, 4, 4), {"kernel_size": 2, "padding": -1},
         "avg_pool2d: padding must be an integer >= 0, or a pair of them, got -1"),
        ("max_pool2d", (1, 1, 4, 4), {"kernel_size": 2, "dilation": 0}, "max_pool2d: dilation must be .*, got 0"),
        ("max_pool2d", (1, 1, 4, 4), {"kernel_size": (2, 3), "padding": (2, 1)},
         r"max_pool2d: padding must be at most half of kernel_size \(2, 3\), got \(2, 1\)"),
        ("avg_pool2d", (1, 1, 4, 4), {"kernel_size": 3, "padding": 2},
         r"avg_pool2d: padding must be at most half of kernel_size \(3, 3\), got 2"),
        ("max_pool2d", (1, 1, 3, 4), {"kernel_size": 4},
         r"max_pool2d: windows of \(4, 4\).* do not fit into 3x4 pixels with padding \(0, 0\)"),
        ("avg_pool2d", (1, 1, 3, 4), {"kernel_size": (1, 7), "padding": (0, 1)},
         r"avg_pool2d: windows of \(1, 7\).* do not fit into 3x4 pixels with padding \(0, 1\)"),
        ("max_pool2d", (1, 1, 4, 4), {"kernel_size": 3, "dilation": 2},
         r"max_pool2d: windows of \(3, 3\) .*dilation \(2, 2\).* do not fit into 4x4 pixels"),
        ("max_pool2d", (1, 1, 0, 4), {"kernel_size": 2, "padding": 1}, r"max_pool2d: .* got shape \(1, 1, 0, 4\)"),
        ("avg_pool2d", (1, 1, 0, 4), {"kernel_size": 2, "padding": 1}, r"avg_pool2d: .* got shape \(1, 1, 0, 4\)"),
        ("adaptive_avg_pool2d", (3, 4, 4), {"output_size": 1},
         r"adaptive_avg_pool2d: x must be \(n, c, h, w\) with pixels, got shape \(3, 4, 4\)"),
        ("adaptive_avg_pool2d", (1, 3, 0, 4), {"output_size": 1}, r"with pixels, got shape \(1, 3, 0, 4\)"),
        ("adaptive_avg_pool2d", (1, 3, 4, 4), {"output_size": (0, 1)},
         r"adaptive_avg_pool2d: output_size must be an integer >= 1, or a pair of them, got \(0, 1\)"),
    ],
)  # fmt: skip
def test_pooling_refuses(name, shape, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(F, name)(mr.ones(shape), **options)


@pytest.mark.parametrize("op", OPS, ids=str)
def test_integers_are_refused(op):
    with pytest.raises(TypeError, match=f"{op.name}: needs float32 or float64, got int64"):
        op.fn(mr.tensor(np.ones((1, 1, 2, 2), "int64")), 2)
