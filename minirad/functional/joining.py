"""cat and stack: several tensors in one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from minirad.backend import xp
from minirad.functional.reductions import two_spellings
from minirad.functional.shaping import checked_axis
from minirad.tensor import Tensor, as_tensor


@two_spellings
def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join tensors along dim; their other axes must agree."""
    parents = _same_dtype("cat", tensors)
    axis = checked_axis("cat", dim, parents[0].ndim)
    if any(_without(p.shape, axis) != _without(parents[0].shape, axis) for p in parents):
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
    axis = checked_axis("stack", dim, parents[0].ndim + 1)
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
