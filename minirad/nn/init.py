"""Initial values for parameters, drawn on the host from the stream "init" unless a generator is given.

A layer's outputs are sums over fan_in inputs, and its input gradients sums over fan_out gradients. The variance of the
weights is chosen so that these sums neither grow nor shrink from layer to layer.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING

from minirad.backend import stream, to_device
from minirad.tensor import Tensor, no_grad

if TYPE_CHECKING:
    from numpy.random import Generator


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers uniform on [a, b)."""
    with no_grad():
        return tensor.copy_(to_device((generator or stream("init")).uniform(a, b, tensor.shape).astype(tensor.dtype)))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of this mean and standard deviation."""
    with no_grad():
        return tensor.copy_(
            to_device((generator or stream("init")).normal(mean, std, tensor.shape).astype(tensor.dtype))
        )


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number."""
    with no_grad():
        return tensor.copy_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Uniform on [-bound, bound] with bound = gain sqrt(3 / fan): keeps the size of a ReLU net's signal.

    mode "fan_in" keeps it on the way forward, "fan_out" on the way back. ``a`` is the slope of a leaky ReLU below 0.

    Source: He et al., "Delving Deep into Rectifiers", 2015.
    """
    bound = _gain(nonlinearity, a) * sqrt(3 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal with std = gain / sqrt(fan): see kaiming_uniform_."""
    return normal_(tensor, 0.0, _gain(nonlinearity, a) / sqrt(_fan(tensor, mode)), generator)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on [-bound, bound] with bound = gain sqrt(6 / (fan_in + fan_out)): a compromise of both ways.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    bound = gain * sqrt(6 / (fan_in(tensor) + fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with std = gain sqrt(2 / (fan_in + fan_out)): see xavier_uniform_."""
    return normal_(tensor, 0.0, gain * sqrt(2 / (fan_in(tensor) + fan_out(tensor))), generator)


def fan_in(tensor: Tensor) -> int:
    """How many inputs one output of this weight (n_out, n_in, ...) is a sum of."""
    if tensor.ndim < 2:
        raise ValueError(f"fan_in: a weight needs at least 2 axes, got shape {tensor.shape}")
    return tensor.numel() // tensor.shape[0]


def fan_out(tensor: Tensor) -> int:
    """How many outputs one input of this weight (n_out, n_in, ...) goes to."""
    if tensor.ndim < 2:
        raise ValueError(f"fan_out: a weight needs at least 2 axes, got shape {tensor.shape}")
    return tensor.shape[0] * prod(tensor.shape[2:])


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return fan_in(tensor) if mode == "fan_in" else fan_out(tensor)


def _gain(nonlinearity: str, a: float) -> float:
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": sqrt(2), "leaky_relu": sqrt(2 / (1 + a * a))}
    if nonlinearity not in gains:
        raise ValueError(f"init: nonlinearity must be one of {', '.join(gains)}, got {nonlinearity!r}")
    return gains[nonlinearity]
