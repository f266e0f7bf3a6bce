"""Layers that pool: MaxPool2d, AvgPool2d, AdaptiveAvgPool2d."""

from __future__ import annotations

from typing import Any

from minirad import functional as F
from minirad.functional.conv import two
from minirad.nn.module import Module
from minirad.nn.printing import unusual
from minirad.tensor import Tensor


class MaxPool2d(Module):
    """The largest value of each window: see functional.max_pool2d."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> None:
        self.kernel_size = two("MaxPool2d", "kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else two("MaxPool2d", "stride", stride, 1)
        self.padding, self.dilation = two("MaxPool2d", "padding", padding, 0), two("MaxPool2d", "dilation", dilation, 1)
        self.ceil_mode = ceil_mode

    def forward(self, x: Any) -> Tensor:
        """(n, c, h, w) -> (n, c, h', w')."""
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    def extra_repr(self) -> str:
        """The windows."""
        text = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return text + unusual(dilation=(self.dilation, (1, 1)), ceil_mode=(self.ceil_mode, False))


class AvgPool2d(Module):
    """The mean of each window: see functional.avg_pool2d."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True
    ) -> None:  # fmt: skip
        self.kernel_size = two("AvgPool2d", "kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else two("AvgPool2d", "stride", stride, 1)
        self.padding = two("AvgPool2d", "padding", padding, 0)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Any) -> Tensor:
        """(n, c, h, w) -> (n, c, h', w')."""
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        """The windows."""
        text = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return text + unusual(ceil_mode=(self.ceil_mode, False), count_include_pad=(self.count_include_pad, True))


class AdaptiveAvgPool2d(Module):
    """Means over output_size areas, whatever the input's size: see functional.adaptive_avg_pool2d."""

    def __init__(self, output_size: int | tuple[int, int]) -> None:
        self.output_size = two("AdaptiveAvgPool2d", "output_size", output_size, 1)

    def forward(self, x: Any) -> Tensor:
        """(n, c, h, w) -> (n, c, *output_size)."""
        return F.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        """The areas."""
        return f"output_size={self.output_size}"
