"""Dropout: noise that keeps a net from relying on single units."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

from minirad.backend import stream, to_device
from minirad.functional.arithmetic import floating
from minirad.tensor import Tensor

if TYPE_CHECKING:
    from numpy.random import Generator


def dropout(x: Any, p: float = 0.5, training: bool = True, generator: Generator | None = None) -> Tensor:
    """Zero each element with probability p and divide the others by 1 - p, so that the mean stays. In training only.

    Draws on the host from the generator, or else from the stream "dropout".
    """
    check_probability("dropout", "p", p)
    x, p = floating("dropout", x), float(p)
    if not training or p == 0:
        return x
    keep = (generator or stream("dropout")).random(x.shape, dtype="float32") >= p
    scale = to_device(keep).astype(x.dtype) * (1 / (1 - p) if p < 1 else 0)
    return Tensor(x.data * scale, (x,), lambda g: (g * scale,))


def check_probability(function: str, name: str, p: Any) -> None:
    """Raise unless p is a number from 0 to 1."""
    if not isinstance(p, Real) or not 0 <= float(p) <= 1:
        raise ValueError(f"{function}: {name} must lie in [0, 1], got {p!r}")
