"""The operators: + - * / ** @, with NumPy's broadcasting.

The gradients below have the shape of the output. Where an operand was broadcast, the engine sums them back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minirad.backend import xp
from minirad.tensor import Tensor, as_tensor, check_dtype


def pair(name: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Two operands as tensors of one dtype; a number takes the dtype of the other operand.

    Raises:
        TypeError: the dtypes differ. There is no silent promotion: convert with .float() or .double().
    """
    if not isinstance(b, Tensor):
        a = as_tensor(a)
        b = as_tensor(b, a.dtype)
    elif not isinstance(a, Tensor):
        a = as_tensor(a, b.dtype)
    if a.data.dtype != b.data.dtype:
        raise TypeError(f"{name}: operands have different dtypes, {a.dtype} and {b.dtype}; use .float() or .double()")
    return a, b


def floating(name: str, x: Any) -> Tensor:
    """The operand of a function that has no meaning for integers."""
    x = as_tensor(x)
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: needs float32 or float64, got {x.dtype}; convert with .float()")
    return x


def add(a: Any, b: Any) -> Tensor:
    """a + b."""
    a, b = pair("add", a, b)
    return Tensor(a.data + b.data, (a, b), lambda g: (g, g))


def sub(a: Any, b: Any) -> Tensor:
    """a - b."""
    a, b = pair("sub", a, b)
    return Tensor(a.data - b.data, (a, b), lambda g: (g, -g))


def mul(a: Any, b: Any) -> Tensor:
    """a b, element by element. d(ab) = b da + a db."""
    a, b = pair("mul", a, b)

    def vjp(g):
        return (g * b.data if a.requires_grad else None, g * a.data if b.requires_grad else None)

    return Tensor(a.data * b.data, (a, b), vjp)


def div(a: Any, b: Any) -> Tensor:
    """a / b, float32 for integers. d(a/b) = da / b - (a/b) db / b."""
    a, b = pair("div", a, b)
    out = a.data / b.data
    if a.dtype.kind != "f":
        out = out.astype(xp.float32)

    def vjp(g):
        g_a = g / b.data
        return (g_a, -g_a * out if b.requires_grad else None)

    return Tensor(out, (a, b), vjp)


def neg(a: Any) -> Tensor:
    """-a."""
    a = as_tensor(a)
    return Tensor(-a.data, (a,), lambda g: (-g,))


def pow(a: Any, b: Any) -> Tensor:
    """a ** b. d(a^b) = b a^(b-1) da + a^b log(a) db, where a^b log(a) counts as 0 at a = 0."""
    if isinstance(b, int | float) and isinstance(a, Tensor) and a.dtype.kind == "f":
        b = float(b)  # a number as exponent: NumPy has short cuts for 2, 0.5 and -1
        return Tensor(a.data**b, (a,), lambda g: (g * (b * a.data ** (b - 1)) if b else xp.zeros_like(g),))
    a, b = pair("pow", a, b)
    out = a.data**b.data

    def vjp(g):
        g_a = g_b = None
        if a.requires_grad:
            g_a = g * xp.where(b.data == 0, 0, b.data * a.data ** xp.where(b.data == 0, 1, b.data - 1))
        if b.requires_grad:
            g_b = g * out * xp.log(xp.where(a.data == 0, 1, a.data))
        return (g_a, g_b)

    return Tensor(out, (a, b), vjp)


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product over the last two axes, the others broadcast: (..., n, k) @ (..., k, m) -> (..., n, m).

    A vector counts as a row on the left and as a column on the right.  dA = g B^T,  dB = A^T g.
    """
    a, b = pair("matmul", a, b)
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ValueError(f"matmul: the shapes {a.shape} and {b.shape} do not fit: expected (..., n, k) and (..., k, m)")

    def vjp(g):
        rows = a.data if a.ndim > 1 else a.data[None, :]
        columns = b.data if b.ndim > 1 else b.data[:, None]
        g = g if b.ndim > 1 else g[..., None]
        g = g if a.ndim > 1 else g[..., None, :]
        g_a = g @ columns.swapaxes(-1, -2) if a.requires_grad else None
        g_b = rows.swapaxes(-1, -2) @ g if b.requires_grad else None
        return (g_a, g_b if b.ndim > 1 or g_b is None else g_b[..., 0])

    return Tensor(a.data @ b.data, (a, b), vjp)


def cast(a: Any, dtype: Any) -> Tensor:
    """The same values in another dtype; the gradient is cast back. A float becomes no integer: that has no gradient."""
    a = as_tensor(a)
    check_dtype(xp.dtype(dtype))
    before = a.dtype
    return Tensor(a.data.astype(dtype), (a,) if xp.dtype(dtype).kind == "f" else (), lambda g: (g.astype(before),))


OPERATORS: dict[str, Callable[..., Tensor]] = {
    "__add__": add,
    "__radd__": lambda a, b: add(b, a),
    "__sub__": sub,
    "__rsub__": lambda a, b: sub(b, a),
    "__mul__": mul,
    "__rmul__": lambda a, b: mul(b, a),
    "__truediv__": div,
    "__rtruediv__": lambda a, b: div(b, a),
    "__pow__": pow,
    "__rpow__": lambda a, b: pow(b, a),
    "__matmul__": matmul,
    "__rmatmul__": lambda a, b: matmul(b, a),
    "__neg__": neg,
}
