"""Initial values for parameters, drawn on the host from the stream "init" unless a generator is given."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from minirad.backend import stream, to_device
from minirad.tensor import Tensor, no_grad

if TYPE_CHECKING:
    from numpy.random import Generator


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers uniform on [a, b)."""
    with no_grad():
        return tensor.copy_(to_device((generator or stream("init")).uniform(a, b, tensor.shape).astype(tensor.dtype)))


def kaiming_uniform_(tensor: Tensor, a: float = 0.0, *, generator: Generator | None = None) -> Tensor:
    """Uniform on [-bound, bound] with bound = sqrt(6 / ((1 + a^2) fan_in)): keeps the size of a ReLU net's signal.

    Source: He et al., "Delving Deep into Rectifiers", 2015. ``a`` is the slope of the negative side.
    """
    bound = sqrt(6 / ((1 + a * a) * fan_in(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def fan_in(tensor: Tensor) -> int:
    """How many inputs one output of this weight (n_out, n_in, ...) is a sum of."""
    if tensor.ndim < 2:
        raise ValueError(f"fan_in: a weight needs at least 2 axes, got shape {tensor.shape}")
    return tensor.numel() // tensor.shape[0]
