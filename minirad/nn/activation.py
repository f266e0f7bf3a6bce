"""Layers without parameters: activations, Dropout, Flatten."""

from __future__ import annotations

from typing import Any

from minirad import functional as F
from minirad.functional.dropout import check_probability
from minirad.nn.module import Module
from minirad.tensor import Tensor


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Any) -> Tensor:
        """Any shape, unchanged."""
        return F.relu(x)


class GELU(Module):
    """x Phi(x); approximate="tanh" for the usual approximation."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: Any) -> Tensor:
        """Any shape, unchanged."""
        return F.gelu(x, self.approximate)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Any) -> Tensor:
        """Any shape, unchanged."""
        return F.tanh(x)


class Sigmoid(Module):
    """1 / (1 + e^-x)."""

    def forward(self, x: Any) -> Tensor:
        """Any shape, unchanged."""
        return F.sigmoid(x)


class Dropout(Module):
    """In training, zero each element with probability p and divide the others by 1 - p; in eval, nothing."""

    def __init__(self, p: float = 0.5) -> None:
        check_probability("Dropout", "p", p)
        self.p = p

    def forward(self, x: Any) -> Tensor:
        """Any shape, unchanged. Draws from the stream "dropout"."""
        return F.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class Flatten(Module):
    """Join the axes from start_dim to end_dim into one: (n, c, h, w) -> (n, c*h*w)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Tensor:
        """(n, ...) -> (n, product of the rest) by default."""
        return F.flatten(x, self.start_dim, self.end_dim)
