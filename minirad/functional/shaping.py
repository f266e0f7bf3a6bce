"""Functions that move elements without changing them: reshape, transpose, indexing, cat, stack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

from minirad.backend import xp
from minirad.functional.reductions import Dim, two_spellings
from minirad.tensor import Tensor, as_index, as_tensor


def _ints(args: tuple[Any, ...]) -> tuple[int, ...]:
    """reshape(2, 3) and reshape((2, 3)) are the same."""
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], tuple | list) else args


def reshape(x: Any, *shape: Any) -> Tensor:
    """The same elements, in the same order, in another shape; one length may be -1 and is worked out."""
    x = as_tensor(x)
    shape = _ints(shape)
    known = prod(n for n in shape if n != -1)
    if shape.count(-1) > 1 or (known != x.numel() if -1 not in shape else not known or x.numel() % known):
        raise ValueError(f"reshape: {x.numel()} elements of shape {x.shape} do not fit the shape {shape}")
    return Tensor(x.data.reshape(shape), (x,), lambda g: (g.reshape(x.shape),)).sharing(x)


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the axes from start_dim to end_dim (included) into one."""
    x = as_tensor(x)
    if not x.ndim:
        return reshape(x, 1)
    start, end = (_axis("flatten", d, x.ndim) for d in (start_dim, end_dim))
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} lies behind end_dim {end_dim} for shape {x.shape}")
    return reshape(x, x.shape[:start] + (prod(x.shape[start : end + 1]),) + x.shape[end + 1 :])


@two_spellings
def squeeze(x: Any, dim: Dim = None) -> Tensor:
    """Without those axes of dim (one, a tuple, or None for all) whose length is 1."""
    x = as_tensor(x)
    dims = range(x.ndim) if dim is None else dim if isinstance(dim, tuple | list) else (dim,)
    axes = {_axis("squeeze", d, x.ndim) for d in dims}
    return reshape(x, tuple(n for axis, n in enumerate(x.shape) if n != 1 or axis not in axes))


@two_spellings
def unsqueeze(x: Any, dim: int) -> Tensor:
    """With a new axis of length 1 at dim."""
    x = as_tensor(x)
    axis = _axis("unsqueeze", dim, x.ndim + 1)
    return reshape(x, x.shape[:axis] + (1,) + x.shape[axis:])


def permute(x: Any, *dims: Any) -> Tensor:
    """The axes in another order: axis i of the result is axis dims[i] of x."""
    x = as_tensor(x)
    dims = tuple(_axis("permute", d, x.ndim) for d in _ints(dims))
    if sorted(dims) != list(range(x.ndim)):
        raise ValueError(f"permute: dims must name each of the {x.ndim} axes once, got {dims}")
    inverse = tuple(sorted(range(x.ndim), key=dims.__getitem__))
    return Tensor(x.data.transpose(dims), (x,), lambda g: (g.transpose(inverse),)).sharing(x)


def transpose(x: Any, dim0: int, dim1: int) -> Tensor:
    """Two axes swapped."""
    x = as_tensor(x)
    i, j = (_axis("transpose", d, x.ndim) for d in (dim0, dim1))
    return Tensor(x.data.swapaxes(i, j), (x,), lambda g: (g.swapaxes(i, j),)).sharing(x)


def getitem(x: Any, index: Any) -> Tensor:
    """x[index] with integers, slices, None, ..., integer arrays or bool masks. A repeated element sums gradients."""
    x = as_tensor(x)
    index = as_index(index)
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [part for part in parts if hasattr(part, "dtype")]
    repeats = any(array.dtype.kind != "b" for array in arrays)

    def vjp(g):
        full = xp.zeros_like(x.data)
        if repeats:
            xp.add.at(full, index, g)
        else:
            full[index] = g
        return (full,)

    out = Tensor(x.data[index], (x,), vjp)
    return out if arrays else out.sharing(x)  # NumPy copies what arrays choose


@two_spellings
def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join tensors along dim; their other axes must agree."""
    parents = _same_dtype("cat", tensors)
    axis = _axis("cat", dim, parents[0].ndim)
    if any(p.shape[:axis] + p.shape[axis + 1 :] != _without(parents[0].shape, axis) for p in parents):
        raise ValueError(f"cat: shapes must agree outside dim {dim}, got {[p.shape for p in parents]}")
    ends = [0]
    for p in parents:
        ends.append(ends[-1] + p.shape[axis])
    cut = (slice(None),) * axis
    out = xp.concatenate([p.data for p in parents], axis=axis)
    return Tensor(out, parents, lambda g: tuple(g[(*cut, slice(i, j))] for i, j in pairwise(ends)))


@two_spellings
def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis at dim."""
    parents = _same_dtype("stack", tensors)
    if len({p.shape for p in parents}) > 1:
        raise ValueError(f"stack: tensors must have one shape, got {[p.shape for p in parents]}")
    axis = _axis("stack", dim, parents[0].ndim + 1)
    cut = (slice(None),) * axis
    out = xp.stack([p.data for p in parents], axis=axis)
    return Tensor(out, parents, lambda g: tuple(g[(*cut, i)] for i in range(len(parents))))


def _same_dtype(name: str, tensors: Sequence[Any]) -> tuple[Tensor, ...]:
    parents = tuple(as_tensor(t) for t in tensors)
    if not parents:
        raise ValueError(f"{name}: needs at least one tensor")
    if len({p.dtype for p in parents}) > 1:
        raise TypeError(f"{name}: tensors have different dtypes, {sorted({str(p.dtype) for p in parents})}")
    return parents


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def _axis(name: str, dim: int, ndim: int) -> int:
    """dim counted from the front."""
    if not isinstance(dim, int):
        raise TypeError(f"{name}: dim must be an integer, got {dim!r}")
    if not -ndim <= dim < ndim:
        raise ValueError(f"{name}: dim {dim} is out of range for {ndim} axes")
    return dim % ndim


METHODS = (reshape, flatten, squeeze, unsqueeze, permute, transpose)
