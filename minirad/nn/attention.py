"""Multi-head attention."""

from __future__ import annotations

from math import sqrt
from typing import Any

from minirad import functional as F
from minirad.backend import Array, xp
from minirad.functional.attention import attention_of_heads
from minirad.nn import init
from minirad.nn.linear import Linear
from minirad.nn.module import Module
from minirad.nn.parameter import Parameter
from minirad.nn.printing import unusual
from minirad.tensor import Tensor, as_tensor


class MultiheadAttention(Module):
    """Several attentions side by side, each on its own linear maps of queries, keys and values, then one more map.

    Args:
        embed_dim: the width of all inputs and of the output.
        num_heads: how many attentions; each gets embed_dim / num_heads numbers of a position.
        dropout: of the attention's weights, in training.
        bias: whether the maps have one.
        batch_first: inputs and outputs are (n, length, embed_dim) instead of (length, n, embed_dim).

    Names, layouts and values at first are PyTorch's: in_proj_weight (3 embed_dim, embed_dim) for queries, keys and
    values, in_proj_bias, out_proj.

    Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.2.2.
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, *, batch_first: bool = False
    ) -> None:
        for name, n in (("embed_dim", embed_dim), ("num_heads", num_heads)):
            if not isinstance(n, int) or n < 1:
                raise ValueError(f"MultiheadAttention: {name} must be a positive integer, got {n!r}")
        if embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: num_heads={num_heads} must divide embed_dim={embed_dim}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"MultiheadAttention: dropout must lie in [0, 1], got {dropout!r}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.in_proj_weight = Parameter(xp.empty((3 * embed_dim, embed_dim), xp.float32))
        init.xavier_uniform_(self.in_proj_weight)
        self.in_proj_bias = Parameter(xp.zeros(3 * embed_dim, xp.float32)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        if bias:
            init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """The output, and the weights or None.

        Args:
            query: (l, n, embed_dim); key and value: (s, n, embed_dim). With batch_first (n, l, embed_dim) ...
            key_padding_mask: (n, s), True for a key that no query may look at; or numbers to add.
            need_weights: return the weights too. That is slower: without them all is one op.
            attn_mask: (l, s) or (n * num_heads, l, s), True where a query may NOT look at a key; or numbers to add.
            average_attn_weights: the weights averaged over the heads (n, l, s), else (n, num_heads, l, s).
            is_causal: query i may look at keys 0 .. i only.

        Raises:
            ValueError: a shape does not fit, or key_padding_mask leaves a sequence without any key.
        """
        same, packed = key is value, query is key and key is value
        query, key, value = as_tensor(query), as_tensor(key), as_tensor(value)
        for name, x in (("query", query), ("key", key), ("value", value)):
            if x.ndim != 3 or x.shape[2] != self.embed_dim:
                layout = "n, length" if self.batch_first else "length, n"
                raise ValueError(
                    f"MultiheadAttention: {name} must be ({layout}, {self.embed_dim}), got shape {x.shape}"
                )
        if not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        if key.shape != value.shape or query.shape[0] != key.shape[0]:
            raise ValueError(
                "MultiheadAttention: key and value must have one shape, and as many sequences as query: got n, length "
                f"{query.shape[:2]}, {key.shape[:2]} and {value.shape[:2]}"
            )
        mask = self.mask(query, key, key_padding_mask, attn_mask, is_causal)
        if packed:
            projected = [self.project(query, 0, 3)]
        elif same:
            projected = [self.project(query, 0, 1), self.project(key, 1, 3)]
        else:
            projected = [self.project(x, i, i + 1) for i, x in enumerate((query, key, value))]
        p = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            out, weights = self.step_by_step(projected, mask, p)
            weights = weights.mean(dim=1) if average_attn_weights else weights
        else:
            out = attention_of_heads(projected, self.num_heads, mask, p)
        out = self.out_proj(out)
        return out if self.batch_first else out.transpose(0, 1), weights

    def project(self, x: Tensor, first: int, last: int) -> Tensor:
        """The maps for queries (0), keys (1) and values (2) from first to before last, side by side."""
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if (first, last) != (0, 3):
            rows = slice(first * self.embed_dim, last * self.embed_dim)
            weight, bias = weight[rows], None if bias is None else bias[rows]
        return F.linear(x, weight, bias)

    def step_by_step(self, projected: list[Tensor], mask: Array, p: float) -> tuple[Tensor, Tensor]:
        """What attention_of_heads computes in one op, and the weights with dropout (n, heads, l, s)."""
        width = self.embed_dim
        pieces = [x[..., i : i + width] for x in projected for i in range(0, x.shape[-1], width)]
        n, l, _ = pieces[0].shape
        q, k, v = (x.reshape(n, x.shape[1], self.num_heads, -1).transpose(1, 2) for x in pieces)
        scores = q @ k.transpose(2, 3) * (1 / sqrt(width // self.num_heads))
        weights = F.dropout(F.softmax(scores if mask is None else scores + mask, dim=-1), p)
        return (weights @ v).transpose(1, 2).reshape(n, l, width), weights

    def mask(self, query: Tensor, key: Tensor, key_padding_mask: Any, attn_mask: Any, is_causal: bool) -> Array:
        """What is added to the scores, broadcastable to (n, heads, l, s): 0, or -inf where a query may not look."""
        (n, l), s, heads = query.shape[:2], key.shape[1], self.num_heads
        if is_causal and attn_mask is None:
            attn_mask = ~xp.tri(l, s, dtype=bool)
        total = None
        if attn_mask is not None:
            total = added("attn_mask", attn_mask, [(l, s), (n * heads, l, s)], query.dtype)
            total = total.reshape(n, heads, l, s) if total.ndim == 3 else total[None, None]
        if key_padding_mask is not None:
            padding = added("key_padding_mask", key_padding_mask, [(n, s)], query.dtype)
            blocked = (padding == -xp.inf).all(axis=1)
            if blocked.any():
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask leaves sequence {int(blocked.argmax())} without any key"
                )
            padding = padding[:, None, None, :]
            total = padding if total is None else total + padding
        return total

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        return f"{self.embed_dim}, {self.num_heads}" + unusual(
            dropout=(self.dropout, 0.0), bias=(self.in_proj_bias is not None, True),
            batch_first=(self.batch_first, False),
        )  # fmt: skip


def added(name: str, mask: Any, shapes: list[tuple[int, ...]], dtype: Any) -> Array:
    """A mask as numbers to add: booleans become -inf where they are True."""
    array = as_tensor(mask, dtype).data
    if array.shape not in shapes:
        expected = " or ".join(map(str, shapes))
        raise ValueError(f"MultiheadAttention: {name} must have shape {expected}, got {array.shape}")
    if array.dtype.kind == "b":
        return xp.where(array, -xp.inf, 0.0).astype(dtype)
    if array.dtype != dtype:
        raise TypeError(f"MultiheadAttention: {name} must be booleans or {dtype}, got {array.dtype}")
    return array
