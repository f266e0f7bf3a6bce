"""Conv2d: the convolution layer."""

from __future__ import annotations

from math import sqrt
from typing import Any

from minirad import functional as F
from minirad.backend import xp
from minirad.functional.conv import two
from minirad.nn import init
from minirad.nn.module import Module
from minirad.nn.parameter import Parameter
from minirad.nn.printing import unusual
from minirad.tensor import Tensor, as_tensor


class Conv2d(Module):
    """Convolution of (n, in_channels, h, w) to (n, out_channels, h', w'): see functional.conv2d.

    weight (out_channels, in_channels / groups, kernel height, kernel width) and bias (out_channels,) start uniform on
    [-1/sqrt(fan_in), 1/sqrt(fan_in)], as in PyTorch.

    Raises:
        ValueError: a size is no positive integer, groups does not divide the channels, or an input does not fit.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | tuple[int, int], stride: Any = 1,
        padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True
    ) -> None:  # fmt: skip
        for name, n in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            if not isinstance(n, int) or n < 1:
                raise ValueError(f"Conv2d: {name} must be a positive integer, got {n!r}")
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"Conv2d: groups={groups} must divide in_channels={in_channels}, out_channels={out_channels}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = two("Conv2d", "kernel_size", kernel_size, 1)
        self.stride, self.dilation = two("Conv2d", "stride", stride, 1), two("Conv2d", "dilation", dilation, 1)
        self.padding = two("Conv2d", "padding", padding, 0)
        self.weight = Parameter(xp.empty((out_channels, in_channels // groups, *self.kernel_size), xp.float32))
        bound = 1 / sqrt(init.fan_in(self.weight))
        init.uniform_(self.weight, -bound, bound)
        self.bias = Parameter(xp.empty(out_channels, xp.float32)) if bias else None
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Tensor:
        """(n, in_channels, h, w) -> (n, out_channels, h', w')."""
        x = as_tensor(x)
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(f"Conv2d: x must be (n, {self.in_channels}, h, w), got shape {x.shape}")
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """The channels, the kernel, and what is not the default."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        return text + unusual(
            padding=(self.padding, (0, 0)), dilation=(self.dilation, (1, 1)), groups=(self.groups, 1),
            bias=(self.bias is not None, True),
        )  # fmt: skip
