"""Functions that make many numbers into fewer: sum, mean, var, softmax.

``dim`` and ``keepdim`` are PyTorch's words; NumPy's ``axis`` and ``keepdims`` say the same. A dim is an integer, a
tuple of them or None for all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import inf, prod
from typing import Any

from minirad.backend import xp
from minirad.functional.arithmetic import floating
from minirad.tensor import Tensor, as_tensor

Dim = int | tuple[int, ...] | None


def two_spellings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function with dim= and keepdim= take axis= and keepdims= as well, but not both."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for torch_name, numpy_name in (("dim", "axis"), ("keepdim", "keepdims")):
            if numpy_name in kwargs:
                if torch_name in kwargs:
                    raise TypeError(f"{function.__name__}: {torch_name} and {numpy_name} are the same; give one")
                kwargs[torch_name] = kwargs.pop(numpy_name)
        return function(*args, **kwargs)

    return wrapper


@two_spellings
def sum(x: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The sum over dim. Each summand gets the whole gradient."""
    x = as_tensor(x)
    axes = reduced_axes("sum", x, dim)
    out = x.data.sum(axis=axes, keepdims=keepdim)
    return Tensor(out, (x,), lambda g: (xp.broadcast_to(restored(g, x.shape, axes), x.shape),))


@two_spellings
def mean(x: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The mean over dim: the sum divided by the number of elements."""
    x = floating("mean", x)
    axes = reduced_axes("mean", x, dim)
    n = prod(x.shape[axis] for axis in axes)
    out = x.data.mean(axis=axes, keepdims=keepdim)
    return Tensor(out, (x,), lambda g: (xp.broadcast_to(restored(g / n, x.shape, axes), x.shape),))


@two_spellings
def var(x: Any, dim: Dim = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """sum (x - mean)^2 / (n - correction). The derivative is 2 (x - mean) / (n - correction)."""
    x = floating("var", x)
    axes = reduced_axes("var", x, dim)
    n = float(prod(x.shape[axis] for axis in axes) - correction)
    if n <= 0:
        raise ValueError(f"var: shape {x.shape} over dim {dim} leaves no more than correction={correction} elements")
    centred = x.data - x.data.mean(axis=axes, keepdims=True)
    out = (centred * centred).sum(axis=axes, keepdims=keepdim) / n
    return Tensor(out, (x,), lambda g: (restored(g, x.shape, axes) * (2 / n) * centred,))


@two_spellings
def std(x: Any, dim: Dim = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """The square root of var. Where all elements are the same, its derivative counts as 0."""
    squared = var(x, dim, correction, keepdim)
    out = xp.sqrt(squared.data)
    return Tensor(out, (squared,), lambda g: (g * 0.5 / xp.where(out == 0, inf, out),))


@two_spellings
def softmax(x: Any, dim: int) -> Tensor:
    """e^x_i / sum_j e^x_j along dim: positive, with sum 1. With the result s, the gradient is s (g - sum g s)."""
    x = floating("softmax", x)
    axes = reduced_axes("softmax", x, dim)
    out = xp.exp(x.data - _largest(x.data, axes))
    out = out / out.sum(axis=axes, keepdims=True)
    return Tensor(out, (x,), lambda g: (out * (g - (g * out).sum(axis=axes, keepdims=True)),))


@two_spellings
def log_softmax(x: Any, dim: int) -> Tensor:
    """x_i - log sum_j e^x_j along dim. The gradient is g - softmax(x) sum g."""
    x = floating("log_softmax", x)
    axes = reduced_axes("log_softmax", x, dim)
    out = x.data - _largest(x.data, axes)
    out = out - xp.log(xp.exp(out).sum(axis=axes, keepdims=True))
    return Tensor(out, (x,), lambda g: (g - xp.exp(out) * g.sum(axis=axes, keepdims=True),))


def _largest(data: Any, axes: tuple[int, ...]) -> Any:
    """The largest element over these axes, taken off before exp so that nothing overflows."""
    return data.max(axis=axes, keepdims=True) if data.size else 0


def reduced_axes(name: str, x: Tensor, dim: Dim, several: bool = True) -> tuple[int, ...]:
    """dim as a tuple of axes counted from the front."""
    if dim is None:
        return tuple(range(x.ndim))
    dims: tuple[Any, ...] = tuple(dim) if several and isinstance(dim, tuple | list) else (dim,)
    for d in dims:
        if not isinstance(d, int):
            raise TypeError(f"{name}: dim must be {'integers' if several else 'an integer'} or None, got {dim!r}")
        if not -x.ndim <= d < x.ndim and not (x.ndim == 0 and d in (-1, 0)):
            raise ValueError(f"{name}: dim {d} is out of range for shape {x.shape}")
    axes = tuple(d % x.ndim for d in dims) if x.ndim else ()
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: dim {dim} names an axis twice")
    return axes


def restored(g: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Give the gradient of a reduction its reduced axes back, with length 1."""
    return g.reshape([1 if axis in axes else n for axis, n in enumerate(shape)])


METHODS = (sum, mean, var, std, softmax, log_softmax)
