"""Attention: for each query an average of the values, weighted by how well their keys fit."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

from minirad.backend import Array, stream, to_device, xp
from minirad.functional.arithmetic import floating, pair
from minirad.memory import empty
from minirad.tensor import Tensor, as_tensor
from minirad.threads import in_parallel

if TYPE_CHECKING:
    from numpy.random import Generator


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, *,
    scale: float | None = None, generator: Generator | None = None
) -> Tensor:  # fmt: skip
    """softmax(query key^T scale + mask) value, in one op. The axes before the last two are broadcast.

    Args:
        query: (..., l, e).  key: (..., s, e).  value: (..., s, e').
        attn_mask: broadcastable to (..., l, s): booleans, True where a query may look at a key, or numbers to add.
        dropout_p: drop weights with this probability, and divide the others by 1 - p.
        is_causal: query i may look at keys 0 .. i only.
        scale: 1 / sqrt(e) if None.
        generator: where dropout draws from; the stream "dropout" if there is none.

    Returns:
        (..., l, e'). A query that may look at nothing gets 0.

    Source: Vaswani et al., "Attention Is All You Need", 2017, eq. (1). Without the scale, scores of e products would
    grow with sqrt(e), and push the softmax to where it has no slope.
    """
    name = "scaled_dot_product_attention"
    query = floating(name, query)
    key, value = pair(name, query, key)[1], pair(name, query, value)[1]
    tensors = [query, key, value]
    if min(t.ndim for t in tensors) < 2 or query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"{name}: query (..., l, e), key (..., s, e) and value (..., s, e') do not fit: got {query.shape}, "
            f"{key.shape} and {value.shape}"
        )
    mask = None if attn_mask is None else as_tensor(attn_mask, query.dtype)
    if mask is not None and mask.dtype.kind == "f":
        tensors.append(pair(name, query, mask)[1])
    added = additive(name, mask, query, key, is_causal)
    try:
        shapes = [t.shape[:-2] for t in tensors[:3]] + ([] if added is None else [added.shape[:-2]])
        batch = xp.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"{name}: the axes before the last two do not fit: got {shapes}") from None
    q, k, v = (wide(t.data, batch) for t in tensors[:3])
    if added is not None:
        added = wide(added, batch)
    keep = kept(dropout_p, (*batch, q.shape[-2], k.shape[-2]), query.dtype, generator)
    heads = Heads(q, k, v, added, 1 / sqrt(q.shape[-1]) if scale is None else float(scale), keep)
    out = side_by_side(q.shape[:-1], v.shape[-1], q.dtype)
    heads.forward(out)

    def vjp(g):
        g_q, g_k, g_v = (side_by_side(a.shape[:-1], a.shape[-1], q.dtype) for a in (q, k, v))
        g_scores = heads.backward(wide(g, batch), g_q, g_k, g_v)
        found = (g_q, g_k, g_v, g_scores)
        return tuple(a.reshape(*batch, *a.shape[-2:]) for a in found[: len(tensors)])

    return Tensor(out.reshape(*batch, *out.shape[-2:]), tuple(tensors), vjp)


def attention_of_heads(
    packed: list[Tensor], heads: int, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    generator: Generator | None = None
) -> Tensor:  # fmt: skip
    """scaled_dot_product_attention where queries, keys and values of all heads lie side by side: (n, l, width).

    Args:
        packed: tensors whose last axes, put together, hold queries, keys and values: [(n, l, 3 width)], or
            [(n, l, width), (n, s, 2 width)], or three tensors. So one matrix product makes all that one input gives.
        heads: how many; each takes width / heads neighbours.
        attn_mask, dropout_p, is_causal, generator: as there; the mask broadcastable to (n, heads, l, s).

    Returns:
        (n, l, width).
    """
    width = sum(t.shape[-1] for t in packed) // 3
    q, k, v = split(packed_data := [t.data for t in packed], width, heads)
    mask = None if attn_mask is None else as_tensor(attn_mask, q.dtype)
    added = additive("attention_of_heads", mask, Tensor(q), Tensor(k), is_causal)
    if added is not None:
        added = xp.broadcast_to(added, (*q.shape[:-1], k.shape[-2]))
    keep = kept(dropout_p, (*q.shape[:-1], k.shape[-2]), q.dtype, generator)
    core = Heads(q, k, v, added, 1 / sqrt(q.shape[-1]), keep)
    out = empty((*packed[0].shape[:-1], width), q.dtype)
    core.forward(split([out], width, heads)[0])

    def vjp(g):
        gradients = [empty(array.shape, array.dtype) for array in packed_data]
        core.backward(split([g], width, heads)[0], *split(gradients, width, heads))
        return tuple(gradients)

    return Tensor(out, tuple(packed), vjp)


class Heads:
    """The array part of attention: q (n, ..., l, e), k (n, ..., s, e), v (n, ..., s, e'), all with the same n, ... ."""

    def __init__(self, q: Array, k: Array, v: Array, added: Array, scale: float, keep: Array) -> None:
        self.q, self.k, self.v, self.added, self.scale, self.keep = q, k, v, added, scale, keep
        self.weights = empty((*q.shape[:-1], k.shape[-2]), q.dtype)
        self.size = self.weights.size * (10 + (q.shape[-1] + v.shape[-1]) // 25)

    def forward(self, out: Array) -> None:
        """Write the averages to out (n, ..., l, e')."""

        def work(first: int, last: int) -> None:
            here = slice(first, last)
            w = xp.matmul(self.q[here], self.k[here].swapaxes(-1, -2), out=self.weights[here])
            w *= self.scale
            if self.added is not None:
                w += self.added[here]
            # A row of -inf alone would become nan: its largest element counts as 0, and its sum as 1.
            w -= xp.maximum(w.max(axis=-1, keepdims=True), LOWEST)
            xp.exp(w, out=w)
            total = w @ xp.ones((w.shape[-1], 1), w.dtype)
            total[total == 0] = 1
            w /= total
            xp.matmul(w if self.keep is None else w * self.keep[here], self.v[here], out=out[here])

        in_parallel(work, len(self.q), self.size)

    def backward(self, g: Array, g_q: Array, g_k: Array, g_v: Array) -> Array:
        """Write the three gradients, and return that of the scores: w (g_w - sum g_w w), where w is the softmax."""
        g_scores = empty(self.weights.shape, g.dtype)

        def work(first: int, last: int) -> None:
            here = slice(first, last)
            w = self.weights[here]
            used = w if self.keep is None else w * self.keep[here]
            xp.matmul(used.swapaxes(-1, -2), g[here], out=g_v[here])
            s = xp.matmul(g[here], self.v[here].swapaxes(-1, -2), out=g_scores[here])
            s *= used
            s -= w * (s @ xp.ones((s.shape[-1], 1), s.dtype))
            xp.matmul(s, self.k[here], out=g_q[here])
            g_q[here] *= self.scale
            xp.matmul(s.swapaxes(-1, -2), self.q[here], out=g_k[here])
            g_k[here] *= self.scale

        in_parallel(work, len(self.q), 2 * self.size)
        return g_scores


LOWEST = -1e30


def additive(name: str, mask: Tensor | None, query: Tensor, key: Tensor, is_causal: bool) -> Array:
    """What is added to the scores: 0 where a query may look, -inf where not; or None."""
    l, s = query.shape[-2], key.shape[-2]
    if mask is not None and is_causal:
        raise ValueError(f"{name}: give attn_mask or is_causal, not both")
    if is_causal:
        return xp.where(xp.tri(l, s, dtype=bool), 0.0, -xp.inf).astype(query.dtype)
    if mask is None:
        return None
    if mask.dtype.kind not in "bf":
        raise TypeError(f"{name}: attn_mask must be booleans or floats, got {mask.dtype}")
    if mask.ndim < 2 or any(n not in (1, full) for n, full in zip(mask.shape[-2:], (l, s), strict=True)):
        raise ValueError(f"{name}: attn_mask must be broadcastable to (..., {l}, {s}), got shape {mask.shape}")
    return mask.data if mask.dtype.kind == "f" else xp.where(mask.data, 0.0, -xp.inf).astype(query.dtype)


def wide(array: Array, batch: tuple[int, ...]) -> Array:
    """A view with these axes before the last two, and at least one."""
    array = xp.broadcast_to(array, (*batch, *array.shape[-2:]))
    return array if batch else array[None]


def side_by_side(shape: tuple[int, ...], width: int, dtype: Any) -> Array:
    """An array (..., heads, l, width) with the heads of a position side by side in memory, as the next layer wants."""
    if len(shape) < 3:
        return empty((*shape, width), dtype)
    *batch, heads, length = shape
    return empty((*batch, length, heads, width), dtype).swapaxes(-2, -3)


def split(packed: list[Array], width: int, heads: int) -> list[Array]:
    """Views (n, heads, l, width / heads) of the pieces of arrays (n, l, several width)."""
    pieces = [array[..., i : i + width] for array in packed for i in range(0, array.shape[-1], width)]
    return [p.reshape(*p.shape[:2], heads, width // heads).swapaxes(1, 2) for p in pieces]


def kept(p: float, shape: tuple[int, ...], dtype: Any, generator: Generator | None) -> Array:
    """What dropout multiplies with, or None."""
    if not 0 <= p <= 1:
        raise ValueError(f"attention: dropout_p must lie in [0, 1], got {p}")
    if p == 0:
        return None
    keep = (generator or stream("dropout")).random(shape, dtype="float32") >= p
    return to_device(keep).astype(dtype) * (1 / (1 - p) if p < 1 else 0)
