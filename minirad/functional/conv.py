"""Convolution in two dimensions, as matrix products over chunks that stay in the cache.

The arrays are (n, c, h, w) to the outside, as in PyTorch. In memory the channels come last, (n, h, w, c): the windows
of an image are then runs of neighbouring numbers, cheap to copy, and a matrix product writes its result in place.

A chunk is some images, or some rows of one. Its windows are copied side by side, a row for each output pixel (they are
called columns), and multiplied with the weights. The whole batch at once would be nine times the input, and fall out of
the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

from minirad.backend import Array, backend_name, xp
from minirad.functional.arithmetic import pair
from minirad.memory import empty
from minirad.tensor import Tensor
from minirad.threads import in_parallel

CHUNK = 262_144  # numbers in the columns of a chunk: 1 MB of float32, about a core's own cache


@dataclass(frozen=True)
class Geometry:
    """Which pixel meets which weight: output row r and kernel row k meet at input row r step + k dilation + start.

    Outside the input there are zeros. Each attribute is a pair, for rows and columns of pixels.
    """

    kernel: tuple[int, int]
    out: tuple[int, int]
    step: tuple[int, int]
    start: tuple[int, int]
    dilation: tuple[int, int]


class Columns:
    """Copies the windows of chunks of images (n, h, w, c) into one buffer, for groups of channels.

    To lay out the copying takes as long as to copy, so it is kept for the next step: see lent.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, geometry: Geometry, groups: int) -> None:
        self.shape, self.dtype, self.geometry, self.groups = shape, dtype, geometry, groups
        n, height = shape[0], geometry.out[0]
        self.per_row = max(1, geometry.out[1] * prod(geometry.kernel) * shape[3])
        rows = n * height if backend_name() == "cupy" else max(1, CHUNK // self.per_row)
        self.images, self.rows = max(1, min(n, rows // max(height, 1))), max(1, min(rows, height))
        self.plans: dict[tuple[int, int, int], tuple[Array, Any, Array]] = {}

    def chunks(self, x: Array, first: int, last: int) -> Iterator[tuple[slice, slice, Array]]:
        """(images, rows of pixels, columns of shape (groups, pixels, kernel pixels * channels)) of each chunk."""
        height = self.geometry.out[0]
        buffer = empty((self.images * self.rows * self.per_row,), self.dtype)
        for i in range(first, last, self.images):
            for r in range(0, height, self.rows):
                images, rows = slice(i, min(i + self.images, last)), slice(r, min(r + self.rows, height))
                windows, pixels, inside = self.plan(images.stop - i, r, rows.stop)
                inside[...] = x[images, *pixels]
                columns = buffer[: windows.size].reshape(windows.shape)
                columns[...] = windows
                yield images, rows, columns.reshape(self.groups, -1, prod(columns.shape[4:]))

    def plan(self, n: int, first: int, last: int) -> tuple[Array, Any, Array]:
        """For output rows first to last of n images: the windows to be copied, pixels, their place.

        Made once for all chunks of this form: the zeros around the pixels stay where they are.
        """
        if (n, first, last) in self.plans:
            return self.plans[n, first, last]
        g, c = self.geometry, self.shape[3]
        lengths, pixels, places = [], [], []
        for axis, (begin, end) in enumerate(((first, last), (0, g.out[1]))):
            start = begin * g.step[axis] + g.start[axis]
            length = (end - begin - 1) * g.step[axis] + (g.kernel[axis] - 1) * g.dilation[axis] + 1
            low = max(0, start)  # the first pixel that is inside, and the one behind the last
            high = max(low, min(self.shape[axis + 1], start + length))
            lengths.append(length)
            pixels.append(slice(low, high))
            places.append(slice(low - start, high - start))
        source = xp.zeros((n, *lengths, c), self.dtype)
        ni, hi, wi, ci = source.strides
        (sh, sw), (dh, dw) = g.step, g.dilation
        windows = xp.lib.stride_tricks.as_strided(
            source,
            (self.groups, n, last - first, g.out[1], *g.kernel, c // self.groups),
            (c // self.groups * ci, ni, sh * hi, sw * wi, dh * hi, dw * wi, ci),
        )
        self.plans[n, first, last] = windows, pixels, source[:, *places]
        return self.plans[n, first, last]


_idle: dict[Any, list[Columns]] = {}


@contextmanager
def lent(x: Array, geometry: Geometry, groups: int) -> Iterator[Columns]:
    """A Columns for x that nobody else uses meanwhile: one of an earlier step, if there is one.

    Both threads of a step of ResNet-8 lay out a millisecond's worth in plain Python, where only one can run.
    """
    key = (x.shape, x.dtype, geometry, groups, CHUNK, xp.ndarray)
    if len(_idle) > 256:  # sizes of long ago
        _idle.clear()
    idle = _idle.setdefault(key, [])
    try:
        columns = idle.pop()
    except IndexError:
        columns = Columns(x.shape, x.dtype, geometry, groups)
    yield columns
    idle.append(columns)


def correlate(x: Array, weight: Array, bias: Array | None, geometry: Geometry) -> Array:
    """y (n, *out, outputs) from x (n, h, w, c) and weight (groups, kernel pixels * c / groups, outputs / groups)."""
    groups, _, outputs = weight.shape
    y = empty((len(x), *geometry.out, groups * outputs), x.dtype)

    def work(first: int, last: int) -> None:
        with lent(x, geometry, groups) as windows:
            for images, rows, columns in windows.chunks(x, first, last):
                part = y[images, rows].reshape(-1, groups, outputs)
                xp.matmul(columns, weight, out=part.swapaxes(0, 1))
                if bias is not None:
                    part += bias.reshape(groups, outputs)

    in_parallel(work, len(x), _size(y, weight.size, geometry))
    return y


def weight_gradient(x: Array, g: Array, geometry: Geometry, groups: int) -> Array:
    """The sum over all output pixels of (window) times (g there): (groups, kernel pixels * channels, outputs)."""
    outputs = g.shape[3] // groups

    def work(first: int, last: int) -> Array:
        total = xp.zeros((groups, prod(geometry.kernel) * (x.shape[3] // groups), outputs), x.dtype)
        with lent(x, geometry, groups) as windows:
            for images, rows, columns in windows.chunks(x, first, last):
                total += columns.swapaxes(1, 2) @ g[images, rows].reshape(-1, groups, outputs).swapaxes(0, 1)
        return total

    parts = in_parallel(work, len(x), _size(g, prod(geometry.kernel) * x.shape[3] * outputs, geometry))
    return sum(parts[1:], parts[0])  # in a fixed order


def both_gradients(x: Array, g: Array, weight: Array, forward: Geometry) -> tuple[Array, Array]:
    """The gradients of x (n, h, w, c) and weight (groups, outputs, inputs, kh, kw) from g (n, *out, outputs).

    Pixel i of x meets weight k at g[j] with j = (i - start - k dilation) / step. So g_x[i] is the sum over k of
    weight[k] g[j], a convolution of g with the weights turned around; and g_weight[k] is the sum over i of x[i] g[j],
    for which the same columns of g serve.

    With a stride, not every k meets every i. The pixels i, i + step, i + 2 step ... meet the same ones: for each such
    phase it is a small convolution without a stride.
    """
    groups, _, inputs, *_ = weight.shape
    g_x, g_weight = empty(x.shape, g.dtype), xp.zeros(weight.shape, g.dtype)
    for a in range(forward.step[0]):
        for b in range(forward.step[1]):
            (ks, start_h, apart_h), (ls, start_w, apart_w) = phase(forward, 0, a), phase(forward, 1, b)
            place = (slice(None), slice(a, None, forward.step[0]), slice(b, None, forward.step[1]))
            if not ks or not ls:
                g_x[place] = 0
                continue
            geometry = Geometry((len(ks), len(ls)), x[place].shape[1:3], (1, 1), (start_h, start_w), (apart_h, apart_w))
            met = (slice(None),) * 3 + (backwards(ks), backwards(ls))
            turned = weight[met].transpose(0, 3, 4, 1, 2)  # (groups, ks, ls, outputs, inputs)
            summed = _both(x[place], g, turned.reshape(groups, -1, inputs), geometry, g_x[place]).reshape(turned.shape)
            g_weight[met] = summed.transpose(0, 3, 4, 1, 2)
    return g_x, g_weight


def _both(x: Array, g: Array, matrix: Array, geometry: Geometry, g_x: Array) -> Array:
    """Write columns @ matrix to g_x, and return the sum over all pixels of columns^T x."""
    groups, _, inputs = matrix.shape

    def work(first: int, last: int) -> Array:
        total = xp.zeros(matrix.shape, g.dtype)
        with lent(g, geometry, groups) as windows:
            for images, rows, columns in windows.chunks(g, first, last):
                target = g_x[images, rows]
                if target.flags.c_contiguous:  # without a stride the product is written in place
                    xp.matmul(columns, matrix, out=target.reshape(-1, groups, inputs).swapaxes(0, 1))
                else:
                    target[...] = (columns @ matrix).swapaxes(0, 1).reshape(target.shape)
                total += columns.swapaxes(1, 2) @ x[images, rows].reshape(-1, groups, inputs).swapaxes(0, 1)
        return total

    parts = in_parallel(work, len(x), 2 * _size(g_x, matrix.size, geometry))
    return sum(parts[1:], parts[0])  # in a fixed order


def _size(y: Array, products: int, geometry: Geometry) -> int:
    """For in_parallel, in billionths of a second: 50 multiply-adds take one, to copy a row of a window takes six."""
    return prod(y.shape[:3]) * (products // 50 + 6 * geometry.kernel[0])


def phase(forward: Geometry, axis: int, first: int) -> tuple[list[int], int, int]:
    """For the pixels first, first + step, ...: which k they meet, from which g on, and how far apart these g are."""
    step, start, d = forward.step[axis], forward.start[axis], forward.dilation[axis]
    ks = [k for k in reversed(range(forward.kernel[axis])) if (first - start - k * d) % step == 0]
    apart = (ks[0] - ks[1]) * d // step if len(ks) > 1 else 1
    return ks, (first - start - ks[0] * d) // step if ks else 0, apart


def backwards(ks: list[int]) -> slice:
    """The falling numbers, evenly apart, as a slice."""
    return slice(ks[0], ks[-1] - 1 if ks[-1] else None, ks[1] - ks[0] if len(ks) > 1 else -1)


def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """y[n, o, r, s] = bias[o] + sum over i, k, l of weight[o, i, k, l] x[n, i, r stride + k dilation - padding, ...].

    Args:
        x: (n, c, h, w).
        weight: (outputs, c / groups, kernel height, kernel width).
        bias: (outputs,), or None.
        stride, padding, dilation: an integer, or a pair for height and width.
        groups: how many groups of channels go their own ways; c and outputs must be multiples of it.

    Returns:
        (n, outputs, h', w') with h' = floor((h + 2 padding - dilation (kernel height - 1) - 1) / stride) + 1.

    The gradient with respect to x is a convolution too, of g with the weights turned around: see both_gradients.
    """
    x, weight = pair("conv2d", x, weight)
    bias = None if bias is None else pair("conv2d", x, bias)[1]
    geometry = checked(x, weight, bias, stride, padding, dilation, groups)
    parents = (x, weight) if bias is None else (x, weight, bias)
    outputs, inputs, kh, kw = weight.shape
    pixels = x.data.transpose(0, 2, 3, 1)
    split = weight.data.reshape(groups, outputs // groups, inputs, kh, kw)
    matrix = split.transpose(0, 3, 4, 2, 1).reshape(groups, kh * kw * inputs, outputs // groups)
    y = correlate(pixels, matrix, None if bias is None else bias.data, geometry)

    def vjp(g):
        g = g.transpose(0, 2, 3, 1)
        g_x = g_weight = g_bias = None
        if x.requires_grad:
            g_x, g_split = both_gradients(pixels, g, split, geometry)
            g_x, g_weight = g_x.transpose(0, 3, 1, 2), g_split.reshape(weight.shape) if weight.requires_grad else None
        elif weight.requires_grad:  # the first layer of a net: the columns of x are narrower than those of g
            g_matrix = weight_gradient(pixels, g, geometry, groups)
            g_split = g_matrix.reshape(groups, kh, kw, inputs, outputs // groups).transpose(0, 4, 3, 1, 2)
            g_weight = g_split.reshape(weight.shape)
        if bias is not None and bias.requires_grad:
            g_bias = g.sum(axis=(0, 1, 2))
        return (g_x, g_weight) if bias is None else (g_x, g_weight, g_bias)

    return Tensor(y.transpose(0, 3, 1, 2), parents, vjp)


def checked(x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The geometry. Raises where something does not fit."""
    if x.ndim != 4 or weight.ndim != 4:
        raise ValueError(f"conv2d: x and weight must have 4 axes, (n, c, h, w) and (outputs, c / groups, kh, kw), "
                         f"got {x.shape} and {weight.shape}")  # fmt: skip
    if not isinstance(groups, int) or groups < 1 or weight.shape[0] % groups:
        raise ValueError(
            f"conv2d: groups must be a positive integer that divides {weight.shape[0]} outputs, got {groups!r}"
        )
    if x.shape[1] != weight.shape[1] * groups:
        raise ValueError(f"conv2d: x has {x.shape[1]} channels, weight of shape {weight.shape} with groups={groups} "
                         f"expects {weight.shape[1] * groups}")  # fmt: skip
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"conv2d: bias must have shape {weight.shape[:1]}, got {bias.shape}")
    kernel = (weight.shape[2], weight.shape[3])
    steps, dilations = two("conv2d", "stride", stride, 1), two("conv2d", "dilation", dilation, 1)
    pads = two("conv2d", "padding", padding, 0)
    free = [x.shape[2 + i] + 2 * pads[i] - dilations[i] * (kernel[i] - 1) - 1 for i in (0, 1)]
    if min(kernel) < 1 or min(free) < 0:
        raise ValueError(f"conv2d: a kernel of {kernel[0]}x{kernel[1]} with dilation {dilations} does not fit into "
                         f"{x.shape[2]}x{x.shape[3]} pixels with padding {pads}")  # fmt: skip
    out = (free[0] // steps[0] + 1, free[1] // steps[1] + 1)
    return Geometry(kernel, out, steps, (-pads[0], -pads[1]), dilations)


def two(function: str, name: str, value: Any, low: int) -> tuple[int, int]:
    """An integer, or a pair for height and width, as a pair."""
    both = (value, value) if isinstance(value, int) else value
    whole = isinstance(both, tuple | list) and len(both) == 2 and all(isinstance(v, int) and v >= low for v in both)
    if not whole or isinstance(value, bool):
        raise ValueError(f"{function}: {name} must be an integer >= {low}, or a pair of them, got {value!r}")
    return both[0], both[1]
