"""Embedding: a table of vectors, looked up by numbers."""

from __future__ import annotations

from typing import Any

from minirad.backend import Array, backend_name, xp
from minirad.functional.arithmetic import floating
from minirad.memory import empty
from minirad.tensor import Tensor, as_tensor


def embedding(ids: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """weight[ids]: ids (...) of integers, weight (vocabulary, features) -> (..., features).

    The row padding_idx is read like the others, but gets no gradient. It may count from the end, as -1.

    Raises:
        TypeError: ids are no integers, or weight holds no floats.
        ValueError: an id or padding_idx is out of range, or weight has not two axes.

    The gradient of a row is the sum of g over all places where its id stands.
    """
    ids, weight = as_tensor(ids), floating("embedding", weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight must be (vocabulary, features), got shape {weight.shape}")
    size, features = weight.shape
    check_ids("embedding", "ids", ids, size)
    padding = padding_row("embedding", padding_idx, size)

    def vjp(g):
        g_weight = sums_by_id(ids.data.reshape(-1), g.reshape(ids.data.size, features), size)
        if padding is not None:
            g_weight[padding] = 0
        return (None, g_weight)

    return Tensor(weight.data[ids.data], (ids, weight), vjp)


def check_ids(function: str, name: str, ids: Tensor, size: int) -> None:
    """Raise unless all of them are integers from 0 to size - 1."""
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{function}: {name} must be integers, got {ids.dtype}")
    if ids.data.size and (ids.data.min() < 0 or ids.data.max() >= size):
        raise ValueError(f"{function}: {name} must be 0 .. {size - 1}, got {ids.data.min()} .. {ids.data.max()}")


def padding_row(function: str, padding_idx: int | None, size: int) -> int | None:
    """padding_idx counted from the front."""
    if padding_idx is None:
        return None
    if not isinstance(padding_idx, int) or not -size <= padding_idx < size:
        raise ValueError(f"{function}: padding_idx must be an integer {-size} .. {size - 1}, got {padding_idx!r}")
    return padding_idx % size


def sums_by_id(ids: Array, rows: Array, size: int) -> Array:
    """(size, features): for each id the sum of the rows (n, features) where it stands in ids (n,).

    Sorted by id, the rows of one id are neighbours, and reduceat adds them up: 5 times as fast as add.at.
    """
    result = empty((size, rows.shape[1]), rows.dtype)
    result[...] = 0
    if backend_name() == "cupy":
        xp.add.at(result, ids, rows)
    elif len(ids):
        order = ids.argsort(kind="stable")
        found, starts = xp.unique(ids[order], return_index=True)
        result[found] = xp.add.reduceat(rows[order], starts, axis=0)
    return result
