"""Functions that choose among elements: max, min, argmax, maximum, minimum, clip, where."""

from __future__ import annotations

from typing import Any, NamedTuple

from minirad.backend import xp
from minirad.functional.arithmetic import pair
from minirad.functional.reductions import reduced_axes, restored, two_spellings
from minirad.functional.shaping import unsqueeze
from minirad.tensor import Tensor, as_tensor


class ValuesIndices(NamedTuple):
    """What max and min return along one dim."""

    values: Tensor
    indices: Tensor


@two_spellings
def max(x: Any, dim: int | None = None, keepdim: bool = False) -> Tensor | ValuesIndices:
    """The largest element; along one dim, the pair (values, indices) of the first largest in each row.

    Over everything, ties share the gradient evenly; along a dim, the element at the index gets it. Both as in PyTorch.
    """
    return _extreme("max", x, dim, keepdim)


@two_spellings
def min(x: Any, dim: int | None = None, keepdim: bool = False) -> Tensor | ValuesIndices:
    """The smallest element; see max."""
    return _extreme("min", x, dim, keepdim)


def _extreme(name: str, x: Any, dim: int | None, keepdim: bool) -> Tensor | ValuesIndices:
    x = as_tensor(x)
    axes = reduced_axes(name, x, dim, several=False)
    if 0 in [x.shape[axis] for axis in axes]:
        raise ValueError(f"{name}: shape {x.shape} has no elements over dim {dim}")
    if dim is None:
        out = getattr(x.data, name)()

        def shared(g):
            ties = x.data == out
            return (g * ties / ties.sum().astype(g.dtype),)

        shared.__qualname__ = name  # for error messages
        return Tensor(out, (x,), shared)
    if not x.ndim:  # a single number is its own extreme
        return _extreme(name, unsqueeze(x, 0), 0, keepdim=False)
    index = xp.expand_dims(getattr(x.data, f"arg{name}")(axis=dim), dim)
    value = xp.take_along_axis(x.data, index, axis=dim)

    def chosen(g):
        mask = xp.arange(x.shape[dim]).reshape([-1 if i == axes[0] else 1 for i in range(x.ndim)]) == index
        return (restored(g, x.shape, axes) * mask,)

    chosen.__qualname__ = name
    shape = index.shape if keepdim else index.squeeze(dim).shape
    return ValuesIndices(Tensor(value.reshape(shape), (x,), chosen), Tensor(index.reshape(shape).copy()))


@two_spellings
def argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the (first) largest element, in the flattened tensor or along dim. No gradient."""
    x = as_tensor(x)
    if 0 in [x.shape[axis] for axis in reduced_axes("argmax", x, dim, several=False)]:
        raise ValueError(f"argmax: shape {x.shape} has no elements over dim {dim}")
    return Tensor(x.data.argmax(axis=dim, keepdims=keepdim))


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of a and b; where they tie, each gets half of the gradient."""
    a, b = pair("maximum", a, b)
    return Tensor(xp.maximum(a.data, b.data), (a, b), lambda g: _shared(g, a.data > b.data, a.data == b.data))


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of a and b; where they tie, each gets half of the gradient."""
    a, b = pair("minimum", a, b)
    return Tensor(xp.minimum(a.data, b.data), (a, b), lambda g: _shared(g, a.data < b.data, a.data == b.data))


def _shared(g: Any, a_wins: Any, tie: Any) -> tuple[Any, ...]:
    return tuple(xp.where(tie, g / 2, xp.where(wins, g, 0)) for wins in (a_wins, ~a_wins))


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """x, but at least min and at most max (numbers; None for no bound). Derivative 1 inside and on the bounds."""
    x = as_tensor(x)
    if min is None and max is None:
        raise ValueError("clip: give min, max or both")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        raise TypeError("clip: min and max must be numbers; for tensors use maximum() and minimum()")
    low, high = (None if bound is None else pair("clip", x, bound)[1].data for bound in (min, max))

    def vjp(g):
        inside = xp.ones(x.shape, bool)
        if low is not None:
            inside &= x.data >= low
        if high is not None:
            inside &= x.data <= high
        return (g * inside,)

    out = x.data if low is None else xp.maximum(x.data, low)
    return Tensor(out if high is None else xp.minimum(out, high), (x,), vjp)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where the condition (a bool mask) is True, else b."""
    condition = as_tensor(condition)
    mask = condition.data
    if mask.dtype.kind != "b":
        raise TypeError(f"where: condition must be a bool mask, got {mask.dtype}")
    a, b = pair("where", a, b)
    return Tensor(
        xp.where(mask, a.data, b.data), (a, b, condition), lambda g: (xp.where(mask, g, 0), xp.where(mask, 0, g), None)
    )


METHODS = (max, min, argmax, clip)
