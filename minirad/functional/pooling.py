"""Pooling: each channel's largest or mean value in windows of pixels.

A window is gone through place by place: one pass over the whole image for its first pixel, one for its second, and so
on. That is short, needs no copies of windows, and a window has few places.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, inf
from typing import Any

from minirad.backend import Array, xp
from minirad.functional.arithmetic import floating
from minirad.functional.conv import two
from minirad.tensor import Tensor

Pair = int | tuple[int, int]


def max_pool2d(
    x: Any,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The largest value of each window: (n, c, h, w) -> (n, c, h', w').

    h' = floor((h + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, or rounded up with ceil_mode. Without a stride
    it is the kernel's size. Padding counts as minus infinity, but never gets a gradient. The first of equal values gets
    it; NaN is larger than every number, and the last one gets it, as in PyTorch.
    """
    x = floating("max_pool2d", x)
    windows = Windows("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    padded = windows.padded(x.data, -inf)
    out = xp.full(windows.out_shape, -inf, x.dtype)
    for place in windows.places():
        xp.maximum(out, padded[place], out=out)

    def vjp(g):
        g, g_padded = g.transpose(0, 2, 3, 1), xp.zeros_like(padded)
        low, nan = (out == -inf).any(), xp.isnan(out)
        inside = windows.padded(xp.ones((1, 1, *x.shape[2:]), bool), False)  # where no padding is
        free = ~nan  # windows whose largest value has not been met yet
        for place in windows.places():
            here = (padded[place] == out) & free
            if low:
                here &= inside[place]
            free &= ~here
            g_padded[place] += g * here
        for place in reversed([*windows.places()]) if nan.any() else ():
            here = xp.isnan(padded[place]) & nan
            nan &= ~here
            g_padded[place] += g * here
        return (windows.cropped(g_padded),)

    return Tensor(out.transpose(0, 3, 1, 2), (x,), vjp)


def avg_pool2d(
    x: Any, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window: (n, c, h, w) -> (n, c, h', w'), sizes as in max_pool2d.

    Padding counts as 0, and its pixels count in the mean if count_include_pad. What ceil_mode adds never counts.
    """
    x = floating("avg_pool2d", x)
    windows = Windows("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    padded = windows.padded(x.data, 0)
    counts = windows.counts(count_include_pad).astype(x.dtype)
    out = xp.zeros(windows.out_shape, x.dtype)
    for place in windows.places():
        out += padded[place]
    out /= counts

    def vjp(g):
        share = g.transpose(0, 2, 3, 1) / counts
        g_padded = xp.zeros_like(padded)
        for place in windows.places():
            g_padded[place] += share
        return (windows.cropped(g_padded),)

    return Tensor(out.transpose(0, 3, 1, 2), (x,), vjp)


def adaptive_avg_pool2d(x: Any, output_size: Pair) -> Tensor:
    """Means over h' x w' areas of about equal size: (n, c, h, w) -> (n, c, h', w'), whatever h and w are.

    Area i of h' spans the pixels floor(i h / h') to ceil((i + 1) h / h') - 1; neighbours may overlap by one.
    """
    x = floating("adaptive_avg_pool2d", x)
    out_h, out_w = two("adaptive_avg_pool2d", "output_size", output_size, 1)
    if x.ndim != 4 or 0 in x.shape[2:]:
        raise ValueError(f"adaptive_avg_pool2d: x must be (n, c, h, w) with pixels, got shape {x.shape}")
    pixels = x.data.transpose(0, 2, 3, 1)
    areas = [(i, j, rows, columns) for i, rows in _areas(x.shape[2], out_h) for j, columns in _areas(x.shape[3], out_w)]
    out = xp.empty((x.shape[0], out_h, out_w, x.shape[1]), x.dtype)
    for i, j, rows, columns in areas:
        out[:, i, j] = pixels[:, rows, columns].mean(axis=(1, 2))

    def vjp(g):
        g_x = xp.zeros(pixels.shape, g.dtype)
        for i, j, rows, columns in areas:
            size = (rows.stop - rows.start) * (columns.stop - columns.start)
            g_x[:, rows, columns] += (g[:, :, i, j] / size)[:, None, None, :]
        return (g_x.transpose(0, 3, 1, 2),)

    return Tensor(out.transpose(0, 3, 1, 2), (x,), vjp)


def _areas(pixels: int, parts: int) -> list[tuple[int, slice]]:
    return [(i, slice(i * pixels // parts, -(-(i + 1) * pixels // parts))) for i in range(parts)]


class Windows:
    """Where the windows over the pixels (n, h, w, c) of x lie. Raises where the arguments do not fit."""

    def __init__(
        self, function: str, x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
    ) -> None:
        self.kernel = two(function, "kernel_size", kernel, 1)
        self.stride = self.kernel if stride is None else two(function, "stride", stride, 1)
        self.padding, self.dilation = two(function, "padding", padding, 0), two(function, "dilation", dilation, 1)
        if x.ndim != 4 or 0 in x.shape[2:]:
            raise ValueError(f"{function}: x must be (n, c, h, w) with pixels, got shape {x.shape}")
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(f"{function}: padding must be at most half of kernel_size {self.kernel}, got {padding!r}")
        self.size = x.shape[2:]
        self.out = [self._length(axis, ceil_mode) for axis in (0, 1)]
        if min(self.out) < 1:
            raise ValueError(f"{function}: windows of {self.kernel} with dilation {self.dilation} do not fit into "
                             f"{x.shape[2]}x{x.shape[3]} pixels with padding {self.padding}")  # fmt: skip
        self.out_shape = (x.shape[0], *self.out, x.shape[1])

    def _length(self, axis: int, ceil_mode: bool) -> int:
        n, p, s = self.size[axis], self.padding[axis], self.stride[axis]
        free = n + 2 * p - self.dilation[axis] * (self.kernel[axis] - 1) - 1
        length = max(0, (ceil(free / s) if ceil_mode else free // s) + 1)
        return length - 1 if ceil_mode and (length - 1) * s >= n + p else length  # no window starts behind the image

    def places(self) -> Iterator[Any]:
        """For each place in a window: the slices of the padded pixels that lie there, one for each window."""
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                starts = (i * self.dilation[0], j * self.dilation[1])
                rows, columns = (
                    slice(start, start + (n - 1) * s + 1, s)
                    for start, n, s in zip(starts, self.out, self.stride, strict=True)
                )
                yield (slice(None), rows, columns)

    def padded(self, array: Array, value: float) -> Array:
        """The pixels (n, h, w, c) of (n, c, h, w), with so much of this value around that every window is inside."""
        pixels = array.transpose(0, 2, 3, 1)
        spans = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        needed = [(n - 1) * s + span for n, s, span in zip(self.out, self.stride, spans, strict=True)]
        h, w = (max(a, p + n) for a, p, n in zip(needed, self.padding, self.size, strict=True))
        if (h, w) == self.size:
            return pixels
        result = xp.full((pixels.shape[0], h, w, pixels.shape[3]), value, array.dtype)
        result[self._inside()] = pixels
        return result

    def cropped(self, g_padded: Array) -> Array:
        """What belongs to the image, as (n, c, h, w)."""
        return g_padded[self._inside()].transpose(0, 3, 1, 2)

    def _inside(self) -> Any:
        rows, columns = (slice(p, p + n) for p, n in zip(self.padding, self.size, strict=True))
        return (slice(None), rows, columns)

    def counts(self, padding_counts: bool) -> Array:
        """How many pixels each window's mean is over: (h', w', 1)."""
        along = []
        for axis in (0, 1):
            n, p = self.size[axis], self.padding[axis]
            starts = [i * self.stride[axis] - p for i in range(self.out[axis])]
            low, high = (-p, n + p) if padding_counts else (0, n)
            along.append([min(start + self.kernel[axis], high) - max(start, low) for start in starts])
        return (xp.asarray(along[0])[:, None] * xp.asarray(along[1]))[..., None]
