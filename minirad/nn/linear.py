"""Linear: the affine map y = x W^T + b."""

from __future__ import annotations

from math import sqrt
from typing import Any

from minirad import functional as F
from minirad.backend import xp
from minirad.nn import init
from minirad.nn.module import Module
from minirad.nn.parameter import Parameter
from minirad.tensor import Tensor


class Linear(Module):
    """y = x W^T + b with weight (out_features, in_features) and bias (out_features,).

    Both start uniform on [-1/sqrt(in_features), 1/sqrt(in_features)], as in PyTorch.

    Raises:
        ValueError: a width is no positive integer, or an input has another last axis than in_features.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        for name, n in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(n, int) or n < 1:
                raise ValueError(f"Linear: {name} must be a positive integer, got {n!r}")
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / sqrt(in_features)
        self.weight = Parameter(xp.empty((out_features, in_features), xp.float32))
        init.uniform_(self.weight, -bound, bound)
        self.bias = Parameter(xp.empty(out_features, xp.float32)) if bias else None
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Tensor:
        """x (..., in_features) -> y (..., out_features)."""
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The two widths."""
        return f"{self.in_features}, {self.out_features}" + ("" if self.bias is not None else ", bias=False")
