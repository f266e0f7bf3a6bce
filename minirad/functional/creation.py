"""Tensors from nothing, or like another: zeros, ones, full, arange, randn, rand, zeros_like, ones_like, clone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minirad.backend import stream, xp
from minirad.tensor import Tensor, as_tensor, tensor

if TYPE_CHECKING:
    from numpy.random import Generator


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros, float32 unless dtype says otherwise: zeros(2, 3) or zeros((2, 3))."""
    return full(_shape("zeros", size), 0.0, dtype=dtype, requires_grad=requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones, float32 unless dtype says otherwise."""
    return full(_shape("ones", size), 1.0, dtype=dtype, requires_grad=requires_grad)


def full(size: Sequence[int], fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """The same value everywhere; the dtype is that of tensor(fill_value) unless given."""
    dtype = tensor(fill_value).dtype if dtype is None else dtype
    return tensor(xp.full(_shape("full", (size,)), fill_value, dtype=dtype), requires_grad)


def zeros_like(x: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape of x, and in its dtype unless given."""
    x = as_tensor(x)
    return zeros(x.shape, dtype=x.dtype if dtype is None else dtype, requires_grad=requires_grad)


def ones_like(x: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape of x, and in its dtype unless given."""
    x = as_tensor(x)
    return ones(x.shape, dtype=x.dtype if dtype is None else dtype, requires_grad=requires_grad)


def clone(x: Any) -> Tensor:
    """A copy of the data that remembers x: the gradient goes on to it."""
    x = as_tensor(x)
    return Tensor(x.data.copy(), (x,), lambda g: (g,))


def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None) -> Tensor:
    """start, start + step, ... below end; arange(n) is 0 .. n-1. Integers if the arguments are, else float32."""
    start, end = (0, start) if end is None else (start, end)
    return tensor(xp.arange(start, end, step, dtype=dtype or tensor([start, end, step]).dtype))


def randn(*size: Any, dtype: Any = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """Numbers from N(0, 1), drawn on the host from the generator, or else from the stream "noise"."""
    draws = (generator or stream("noise")).standard_normal(_shape("randn", size), dtype or "float32")
    return tensor(draws, requires_grad)


def rand(*size: Any, dtype: Any = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """Numbers uniform on [0, 1), drawn on the host from the generator, or else from the stream "noise"."""
    draws = (generator or stream("noise")).random(_shape("rand", size), dtype or "float32")
    return tensor(draws, requires_grad)


def _shape(name: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    shape = tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in shape):
        raise ValueError(f"{name}: size must be integers >= 0, got {shape}")
    return shape
