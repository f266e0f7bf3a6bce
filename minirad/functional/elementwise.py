"""Functions of one tensor that act on each element alone."""

from __future__ import annotations

from typing import Any

from minirad.backend import xp
from minirad.functional.arithmetic import floating
from minirad.tensor import Tensor, as_tensor


def exp(x: Any) -> Tensor:
    """e^x, which is its own derivative."""
    x = floating("exp", x)
    out = xp.exp(x.data)
    return Tensor(out, (x,), lambda g: (g * out,))


def log(x: Any) -> Tensor:
    """The natural logarithm. Derivative 1/x."""
    x = floating("log", x)
    return Tensor(xp.log(x.data), (x,), lambda g: (g / x.data,))


def sqrt(x: Any) -> Tensor:
    """The square root. Derivative 1 / (2 sqrt(x)), infinite at 0."""
    x = floating("sqrt", x)
    out = xp.sqrt(x.data)
    return Tensor(out, (x,), lambda g: (g * 0.5 / out,))


def abs(x: Any) -> Tensor:
    """The absolute value. Derivative sign(x), which is 0 at 0."""
    x = as_tensor(x)
    return Tensor(xp.abs(x.data), (x,), lambda g: (g * xp.sign(x.data),))


def tanh(x: Any) -> Tensor:
    """The hyperbolic tangent. Derivative 1 - tanh(x)^2."""
    x = floating("tanh", x)
    out = xp.tanh(x.data)
    return Tensor(out, (x,), lambda g: (g * (1 - out * out),))


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + e^-x), computed so that nothing overflows. Derivative s (1 - s)."""
    x = floating("sigmoid", x)
    e = xp.exp(-xp.abs(x.data))
    out = xp.where(x.data >= 0, 1, e) / (1 + e)
    return Tensor(out, (x,), lambda g: (g * out * (1 - out),))


def relu(x: Any) -> Tensor:
    """max(x, 0). Derivative 1 for x > 0, else 0."""
    x = as_tensor(x)
    out = xp.maximum(x.data, 0)
    return Tensor(out, (x,), lambda g: (g * (out > 0),))


METHODS = (exp, log, sqrt, abs, tanh, sigmoid, relu)
