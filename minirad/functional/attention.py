"""Attention: for each query an average of the values, weighted by how well their keys fit."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

from minirad.backend import Array, xp
from minirad.functional.arithmetic import floating, pair
from minirad.functional.dropout import check_probability, dropout
from minirad.memory import empty
from minirad.tensor import Tensor, as_tensor
from minirad.threads import in_parallel

if TYPE_CHECKING:
    from numpy.random import Generator


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, *,
    scale: float | None = None, generator: Generator | None = None
) -> Tensor:  # fmt: skip
    """softmax(scale query key^T + mask) value, in one op. The axes before the last two are broadcast.

    Args:
        query: (..., l, e).  key: (..., s, e).  value: (..., s, e').
        attn_mask: broadcastable to (..., l, s): booleans, True where a query may look at a key, or numbers to add.
        dropout_p: drop weights with this probability, and divide the others by 1 - p.
        is_causal: query i may look at keys 0 .. i only.
        scale: 1 / sqrt(e) if None.
        generator: where dropout draws from; the stream "dropout" if there is none.

    Returns:
        (..., l, e'). A query that may look at nothing gets 0.

    Raises:
        ValueError: the shapes do not fit, there is no key, or dropout_p is no probability.
        TypeError: the dtypes differ, or attn_mask holds integers.

    Source: Vaswani et al., "Attention Is All You Need", 2017, eq. (1). Without the scale, scores of e products would
    grow with sqrt(e), and push the softmax to where it has no slope.
    """
    tensors, added, batch = checked(query, key, value, attn_mask, dropout_p, is_causal)

    def wide(array: Array) -> Array:
        """A view with all these axes, and at least one, before the last two."""
        return xp.broadcast_to(array, ((1,) if batch == () else batch) + array.shape[-2:])

    q, k, v = (wide(t.data) for t in tensors[:3])
    scores = (*q.shape[:-1], k.shape[-2])
    added = None if added is None else xp.broadcast_to(added, scores)
    core = Core(q, k, v, added, kept(dropout_p, scores, q.dtype, generator), scale)
    out = empty((*q.shape[:-1], v.shape[-1]), q.dtype)
    core.forward(out)

    def vjp(g):
        places = zip(tensors, (q.shape, k.shape, v.shape, scores), strict=False)
        gradients = [empty(shape, q.dtype) if t.requires_grad else None for t, shape in places]
        core.backward(wide(g), *gradients)
        return tuple(None if a is None else a.reshape(*batch, *a.shape[-2:]) for a in gradients)

    return Tensor(out.reshape(*batch, *out.shape[-2:]), tuple(tensors), vjp)


def attention_of_heads(
    packed: list[Tensor], heads: int, added: Any = None, dropout_p: float = 0.0, generator: Generator | None = None
) -> Tensor:
    """scaled_dot_product_attention where queries, keys and values of all heads lie side by side: no head is copied.

    Args:
        packed: tensors whose last axes, put together, hold queries, keys and values: [(n, l, 3 width)], or
            [(n, l, width), (n, s, 2 width)], or three tensors. So one matrix product makes all that one input gives.
        heads: how many; each takes width / heads neighbours.
        added: numbers to add to the scores, broadcastable to (n, heads, l, s): -inf where a query may not look. If they
            require a gradient, they get one.
        dropout_p, generator: as there.

    Returns:
        (n, l, width).
    """
    width = sum(t.shape[-1] for t in packed) // 3
    q, k, v = (piece for t in packed for piece in split(t.data, width, heads))
    scores = (*q.shape[:-1], k.shape[-2])
    masks = [] if added is None else [as_tensor(added)]
    added = xp.broadcast_to(masks[0].data, scores) if masks else None
    core = Core(q, k, v, added, kept(dropout_p, scores, q.dtype, generator))
    out = empty((*packed[0].shape[:-1], width), q.dtype)
    core.forward(*split(out, width, heads))

    def vjp(g):
        gradients = [empty(t.shape, t.dtype) if t.requires_grad else None for t in packed]
        pieces: list[Array] = []
        for t, gradient in zip(packed, gradients, strict=True):
            nothing = [None] * (t.shape[-1] // width)
            pieces += nothing if gradient is None else split(gradient, width, heads)
        g_masks = [empty(scores, q.dtype) if mask.requires_grad else None for mask in masks]
        core.backward(*split(g, width, heads), *pieces, *g_masks)
        return (*gradients, *g_masks)

    return Tensor(out, (*packed, *masks), vjp)


class Core:
    """The array part: q (n, ..., l, e), k (n, ..., s, e), v (n, ..., s, e'), added and keep (n, ..., l, s) or None.

    With the weights w = softmax(scale q k^T + added), the gradient of what is in the brackets is w (g_w - sum g_w w).
    Threads share the examples n.
    """

    def __init__(self, q: Array, k: Array, v: Array, added: Array, keep: Array, scale: float | None = None) -> None:
        self.q, self.k, self.v, self.added, self.keep = q, k, v, added, keep
        self.scale = 1 / sqrt(q.shape[-1]) if scale is None else float(scale)
        self.w = empty((*q.shape[:-1], k.shape[-2]), q.dtype)
        self.work = self.w.size * (10 + (q.shape[-1] + v.shape[-1]) // 25)

    def forward(self, out: Array) -> None:
        """Write the averages to out (n, ..., l, e')."""

        def work(first: int, last: int) -> None:
            here = slice(first, last)
            w = xp.matmul(self.q[here], self.k[here].swapaxes(-1, -2), out=self.w[here])
            w *= self.scale
            if self.added is not None:
                w += self.added[here]
            top = largest(w)
            if self.added is not None:
                top[top == -xp.inf] = 0  # a query that may look at nothing: its weights become 0, not nan
            w -= top
            xp.exp(w, out=w)
            total = sums(w)
            if self.added is not None:
                total[total == 0] = 1
            w /= total
            xp.matmul(w if self.keep is None else w * self.keep[here], self.v[here], out=out[here])

        in_parallel(work, len(self.q), self.work)

    def backward(self, g: Array, g_q: Array, g_k: Array, g_v: Array, g_added: Array = None) -> None:
        """Write the gradients to these arrays; None for one that no one needs."""

        def work(first: int, last: int) -> None:
            here = slice(first, last)
            w = self.w[here]
            used = w if self.keep is None else w * self.keep[here]
            if g_v is not None:
                xp.matmul(used.swapaxes(-1, -2), g[here], out=g_v[here])
            if g_q is None and g_k is None and g_added is None:
                return
            s = xp.matmul(g[here], self.v[here].swapaxes(-1, -2), out=empty(w.shape, w.dtype))
            s *= used
            s -= w * sums(s)
            if g_added is not None:
                g_added[here] = s
            s *= self.scale
            if g_q is not None:
                xp.matmul(s, self.k[here], out=g_q[here])
            if g_k is not None:
                xp.matmul(s.swapaxes(-1, -2), self.q[here], out=g_k[here])

        in_parallel(work, len(self.q), 2 * self.work)


def largest(w: Array) -> Array:
    """The largest of each row. NumPy takes 40 ns for a row, so many short ones are turned into a few long columns."""
    rows = w.reshape(-1, w.shape[-1])
    found = rows.max(axis=1) if w.shape[-1] >= 64 else xp.ascontiguousarray(rows.T).max(axis=0)
    return found.reshape(*w.shape[:-1], 1)


def sums(w: Array) -> Array:
    """The sum of each row, as a product with ones: the linear algebra sums short rows faster than sum(axis=-1)."""
    rows = w.reshape(-1, w.shape[-1])
    return (rows @ xp.ones((w.shape[-1], 1), w.dtype)).reshape(*w.shape[:-1], 1)


def additive(mask: Array, dtype: Any) -> Array:
    """What is added to the scores: 0 where a query may look, -inf where not."""
    return mask if mask.dtype.kind == "f" else xp.where(mask, 0.0, -xp.inf).astype(dtype)


def mask_tensor(mask: Any, dtype: Any) -> Tensor:
    """A mask as a tensor. Nested lists of numbers take this dtype."""
    if not hasattr(mask, "dtype"):
        mask = xp.asarray(mask)
        mask = mask.astype(dtype) if mask.dtype.kind == "f" else mask
    return as_tensor(mask)


def split(array: Array, width: int, heads: int) -> list[Array]:
    """Views (n, heads, l, width / heads) of the pieces of an array (n, l, several width)."""
    pieces = (array[..., i : i + width] for i in range(0, array.shape[-1], width))
    return [p.reshape(*p.shape[:2], heads, width // heads).swapaxes(1, 2) for p in pieces]


def kept(p: float, shape: tuple[int, ...], dtype: Any, generator: Generator | None) -> Array:
    """What dropout makes of ones, or None if it does nothing."""
    return None if p == 0 else dropout(xp.ones(shape, dtype), p, generator=generator).data


def checked(
    query: Any, key: Any, value: Any, attn_mask: Any, dropout_p: float, is_causal: bool
) -> tuple[list[Tensor], Array, tuple[int, ...]]:
    """The tensors, what is added to the scores, and the axes before the last two. Raises where something does not fit.

    A mask of numbers is one of the tensors: it may be learned.
    """
    name = "scaled_dot_product_attention"
    query = floating(name, query)
    tensors = [query, pair(name, query, key)[1], pair(name, query, value)[1]]
    shapes = [t.shape for t in tensors]
    if min(map(len, shapes)) < 2 or shapes[0][-1] != shapes[1][-1] or shapes[1][-2] != shapes[2][-2]:
        raise ValueError(
            f"{name}: query (..., l, e), key (..., s, e) and value (..., s, e') do not fit: got {shapes[0]}, "
            f"{shapes[1]} and {shapes[2]}"
        )
    if 0 in shapes[1][-2:]:
        raise ValueError(f"{name}: key must have at least one position and one feature, got shape {shapes[1]}")
    check_probability(name, "dropout_p", dropout_p)
    if attn_mask is not None and is_causal:
        raise ValueError(f"{name}: give attn_mask or is_causal, not both")
    l, s = shapes[0][-2], shapes[1][-2]
    added = None
    if is_causal:
        added = additive(xp.tri(l, s, dtype=bool), query.dtype)
    elif attn_mask is not None:
        mask = mask_tensor(attn_mask, query.dtype)
        if mask.ndim < 2 or mask.shape[-2] not in (1, l) or mask.shape[-1] not in (1, s):
            raise ValueError(f"{name}: attn_mask must be broadcastable to (..., {l}, {s}), got shape {mask.shape}")
        if mask.dtype.kind not in "bf":
            raise TypeError(f"{name}: attn_mask must be booleans or floats, got {mask.dtype}")
        if mask.dtype.kind == "f":
            tensors.append(pair(name, query, mask)[1])
        added = additive(mask.data, query.dtype)
        shapes.append(mask.shape)
    try:
        batch = xp.broadcast_shapes(*(shape[:-2] for shape in shapes))
    except ValueError:
        raise ValueError(f"{name}: the axes before the last two do not fit: got shapes {shapes}") from None
    return tensors, added, batch
