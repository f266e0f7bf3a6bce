"""Functions that move elements without changing them: reshape, transpose, indexing."""

from __future__ import annotations

from math import prod
from typing import Any

from minirad.backend import xp
from minirad.functional.reductions import Dim, two_spellings
from minirad.tensor import Tensor, as_tensor


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
    start, end = (checked_axis("flatten", d, x.ndim) for d in (start_dim, end_dim))
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} lies behind end_dim {end_dim} for shape {x.shape}")
    if start == end:
        return x
    return reshape(x, x.shape[:start] + (prod(x.shape[start : end + 1]),) + x.shape[end + 1 :])


@two_spellings
def squeeze(x: Any, dim: Dim = None) -> Tensor:
    """Without those axes of dim (one, a tuple, or None for all) whose length is 1."""
    x = as_tensor(x)
    dims = range(x.ndim) if dim is None else dim if isinstance(dim, tuple | list) else (dim,)
    axes = {checked_axis("squeeze", d, x.ndim) for d in dims}
    return reshape(x, tuple(n for axis, n in enumerate(x.shape) if n != 1 or axis not in axes))


@two_spellings
def unsqueeze(x: Any, dim: int) -> Tensor:
    """With a new axis of length 1 at dim."""
    x = as_tensor(x)
    axis = checked_axis("unsqueeze", dim, x.ndim + 1)
    return reshape(x, x.shape[:axis] + (1,) + x.shape[axis:])


def permute(x: Any, *dims: Any) -> Tensor:
    """The axes in another order: axis i of the result is axis dims[i] of x."""
    x = as_tensor(x)
    dims = tuple(checked_axis("permute", d, x.ndim) for d in _ints(dims))
    if sorted(dims) != list(range(x.ndim)):
        raise ValueError(f"permute: dims must name each of the {x.ndim} axes once, got {dims}")
    inverse = tuple(sorted(range(x.ndim), key=dims.__getitem__))
    return Tensor(x.data.transpose(dims), (x,), lambda g: (g.transpose(inverse),)).sharing(x)


def transpose(x: Any, dim0: int, dim1: int) -> Tensor:
    """Two axes swapped."""
    x = as_tensor(x)
    i, j = (checked_axis("transpose", d, x.ndim) for d in (dim0, dim1))
    return Tensor(x.data.swapaxes(i, j), (x,), lambda g: (g.swapaxes(i, j),)).sharing(x)


def getitem(x: Any, index: Any) -> Tensor:
    """x[index] with integers, slices, None, ..., integer arrays or bool masks. A repeated element sums gradients.

    An integer array that is out of range raises IndexError with NumPy; CuPy does not check, and wraps around.
    """
    x = as_tensor(x)
    # Tensors in the index are parents too, without a gradient, so that a write to one of them is noticed.
    indices = tuple(part for part in (index if isinstance(index, tuple) else (index,)) if isinstance(part, Tensor))
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
        return (full, *(None for _ in indices))

    out = Tensor(x.data[index], (x, *indices), vjp)
    return out if arrays else out.sharing(x)  # NumPy copies what arrays choose


def as_index(index: Any) -> Any:
    """An index with the arrays of its tensors, checked: integers, slices, None, ..., and integer or bool arrays."""
    if isinstance(index, tuple):
        return tuple(as_index(part) for part in index)
    if index is None or index is ... or isinstance(index, slice | int):
        return index
    array = index.data if isinstance(index, Tensor) else xp.asarray(index)
    if array.size == 0 and isinstance(index, list):
        array = array.astype(xp.int64)
    if array.dtype.kind not in "iub":
        raise TypeError(f"index: arrays must be integers or bool, got {array.dtype}")
    return array


def checked_axis(name: str, dim: int, ndim: int) -> int:
    """dim counted from the front."""
    if not isinstance(dim, int):
        raise TypeError(f"{name}: dim must be an integer, got {dim!r}")
    if not -ndim <= dim < ndim:
        raise ValueError(f"{name}: dim {dim} is out of range for {ndim} axes")
    return dim % ndim


METHODS = (reshape, flatten, squeeze, unsqueeze, permute, transpose)
