"""Positions: attention alone does not know the order of a sequence, so a vector for each place is added.

Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.5.
"""

from __future__ import annotations

from typing import Any

from minirad.backend import xp
from minirad.functional.arithmetic import floating
from minirad.nn import init
from minirad.nn.module import Module
from minirad.nn.parameter import Parameter
from minirad.tensor import Tensor


class _Positions(Module):
    """What the two kinds share: the sizes, and their checks."""

    def __init__(self, max_length: int, width: int) -> None:
        for name, n in (("max_length", max_length), ("width", width)):
            if not isinstance(n, int) or n < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be a positive integer, got {n!r}")
        self.max_length, self.width = max_length, width

    def places(self, x: Tensor, first: int) -> slice:
        """Those of x (..., l, width), counted from first."""
        if not isinstance(first, int):
            raise ValueError(f"{type(self).__name__}: first must be an integer, got {first!r}")
        if x.ndim < 2 or x.shape[-1] != self.width or not 0 <= first <= self.max_length - x.shape[-2]:
            raise ValueError(
                f"{type(self).__name__}: x must be (..., l, {self.width}) with places 0 .. {self.max_length - 1}, "
                f"got shape {x.shape} from place {first} on"
            )
        return slice(first, first + x.shape[-2])

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.max_length}, {self.width}"


class SinusoidalPositions(_Positions):
    """x + PE, where each pair of features goes round a circle, the slower the later the pair.

        PE(pos, 2i) = sin(pos / 10000^(2i / width))        PE(pos, 2i + 1) = cos(pos / 10000^(2i / width))

    So PE(pos + k) is PE(pos) turned by angles that depend on k alone. Nothing is learned.
    """

    def __init__(self, max_length: int, width: int) -> None:
        super().__init__(max_length, width)
        angles = xp.arange(max_length)[:, None] / 10000 ** (xp.arange(0, width, 2) / width)
        self.table = xp.stack([xp.sin(angles), xp.cos(angles)], axis=2).reshape(max_length, -1)[:, :width]

    def forward(self, x: Any, first: int = 0) -> Tensor:
        """x (..., l, width), unchanged in shape; its places are first, first + 1, ... ."""
        x = floating("SinusoidalPositions", x)
        return x + self.table[self.places(x, first)].astype(x.dtype)


class LearnedPositions(_Positions):
    """x + weight, with weight (max_length, width), which starts normal with standard deviation 0.02."""

    def __init__(self, max_length: int, width: int) -> None:
        super().__init__(max_length, width)
        self.weight = Parameter(xp.empty((max_length, width), xp.float32))
        init.normal_(self.weight, std=0.02)

    def forward(self, x: Any, first: int = 0) -> Tensor:
        """x (..., l, width), unchanged in shape; its places are first, first + 1, ... ."""
        x = floating("LearnedPositions", x)
        return x + self.weight[self.places(x, first)]
