"""Multi-head attention."""

from __future__ import annotations

from math import sqrt
from typing import Any

from minirad import functional as F
from minirad.backend import xp
from minirad.functional.attention import additive, attention_of_heads, mask_tensor
from minirad.functional.dropout import check_probability
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
    values, in_proj_bias, out_proj. Left out of PyTorch's: kdim, vdim, add_bias_kv, add_zero_attn, inputs without n.

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
        check_probability("MultiheadAttention", "dropout", dropout)
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.in_proj_weight = Parameter(xp.empty((3 * embed_dim, embed_dim), xp.float32))
        init.xavier_uniform_(self.in_proj_weight)
        self.in_proj_bias = Parameter(xp.zeros(3 * embed_dim, xp.float32)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """The output, and the weights or None.

        Args:
            query: (l, n, embed_dim); key and value: (s, n, embed_dim). With batch_first (n, l, embed_dim) ...
            key_padding_mask: (n, s), True for a key that no query may look at; or numbers to add, which may be learned.
            need_weights: return the weights too. That is slower: without them all is one op.
            attn_mask: (l, s) or (n * num_heads, l, s), True where a query may NOT look at a key; or numbers to
                add, which may be learned.
            average_attn_weights: the weights averaged over the heads (n, l, s), else (n, num_heads, l, s).
            is_causal: query i may look at keys 0 .. i only. Here this is enough; PyTorch wants attn_mask too. Beside an
                attn_mask it is a hint without effect: the mask must say so.

        A query that attn_mask leaves nothing to look at gets weights of 0.

        Raises:
            ValueError: a shape does not fit, there is no key, or key_padding_mask leaves a sequence without any.
            TypeError: an input or a mask has another dtype than the weights; a mask may hold booleans.
        """
        # An input that serves twice or three times goes through one product.
        ends = (3,) if query is key and key is value else (1, 3) if key is value else (1, 2, 3)
        query, key, value = tensors = [as_tensor(x) for x in (query, key, value)]
        for name, x in zip(("query", "key", "value"), tensors, strict=True):
            if x.ndim != 3 or x.shape[2] != self.embed_dim:
                layout = "n, length" if self.batch_first else "length, n"
                raise ValueError(
                    f"MultiheadAttention: {name} must be ({layout}, {self.embed_dim}), got shape {x.shape}"
                )
            if x.dtype != self.in_proj_weight.dtype:
                raise TypeError(f"MultiheadAttention: {name} must be {self.in_proj_weight.dtype}, got {x.dtype}")
        if not self.batch_first:
            query, key, value = tensors = [x.transpose(0, 1) for x in tensors]
        if key.shape != value.shape or len(query.data) != len(key.data) or not key.shape[1]:
            raise ValueError(
                "MultiheadAttention: key and value must have the same positions, at least one, and as many sequences "
                f"as query: got (n, length) {query.shape[:2]}, {key.shape[:2]} and {value.shape[:2]}"
            )
        mask = self.mask(query, key, key_padding_mask, attn_mask, is_causal)
        projected = [self.project(x, i, end) for i, (x, end) in enumerate(zip(tensors, ends, strict=False))]
        if need_weights:
            out, weights = self.step_by_step(projected, mask)
            weights = weights.mean(dim=1) if average_attn_weights else weights
        else:
            out, weights = self.attend(projected, mask), None
        return out if self.batch_first else out.transpose(0, 1), weights

    def project(self, x: Tensor, first: int, last: int) -> Tensor:
        """The maps for queries (0), keys (1) and values (2) from first to before last, side by side."""
        weight: Tensor = self.in_proj_weight
        bias: Tensor | None = self.in_proj_bias
        if (first, last) != (0, 3):
            rows = slice(first * self.embed_dim, last * self.embed_dim)
            weight, bias = weight[rows], None if bias is None else bias[rows]
        return F.linear(x, weight, bias)

    def attend(self, projected: list[Tensor], mask: Any = None) -> Tensor:
        """The averages of all heads, mapped. The projected queries, keys and values come in one, two or three tensors.

        The mask is what is added to the scores, broadcastable to (n, heads, l, s).
        """
        p = self.dropout if self.training else 0.0
        return self.out_proj(attention_of_heads(projected, self.num_heads, mask, p))

    def step_by_step(self, projected: list[Tensor], mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """What attend() computes in one op, and the weights with dropout (n, heads, l, s)."""
        width = self.embed_dim
        pieces = [x[..., i : i + width] for x in projected for i in range(0, x.shape[-1], width)]
        n, l, _ = pieces[0].shape
        q, k, v = (x.reshape(n, x.shape[1], self.num_heads, width // self.num_heads).transpose(1, 2) for x in pieces)
        scores = q @ k.transpose(2, 3) * (1 / sqrt(width // self.num_heads))
        if mask is None:
            weights = F.softmax(scores, dim=-1)
        else:
            nothing = (mask.data == -xp.inf).all(axis=-1, keepdims=True)  # where softmax would be 0 / 0
            weights = F.softmax(scores + F.where(nothing, 0.0, mask), dim=-1) * (~nothing).astype(mask.dtype)
        weights = F.dropout(weights, self.dropout, self.training)
        return self.out_proj((weights @ v).transpose(1, 2).reshape(n, l, width)), weights

    def mask(self, query: Tensor, key: Tensor, key_padding_mask: Any, attn_mask: Any, is_causal: bool) -> Tensor | None:
        """What is added to the scores, broadcastable to (n, heads, l, s): 0, or -inf where a query may not look."""
        (n, l), s, heads = query.shape[:2], key.shape[1], self.num_heads
        if is_causal and attn_mask is None:
            attn_mask = ~xp.tri(l, s, dtype=bool)
        total = None
        if attn_mask is not None:
            total = numbers("attn_mask", attn_mask, [(l, s), (n * heads, l, s)], query.dtype)
            total = total.reshape(*((n, heads) if total.ndim == 3 else (1, 1)), l, s)
        if key_padding_mask is not None:
            padding = numbers("key_padding_mask", key_padding_mask, [(n, s)], query.dtype)
            empty = (padding.data == -xp.inf).all(axis=1)
            if empty.any():
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask leaves sequence {int(empty.argmax())} without any key"
                )
            padding = padding.reshape(n, 1, 1, s)
            total = padding if total is None else total + padding
        return total

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        return f"{self.embed_dim}, {self.num_heads}" + unusual(
            dropout=(self.dropout, 0.0), bias=(self.in_proj_bias is not None, True),
            batch_first=(self.batch_first, False),
        )  # fmt: skip


def numbers(name: str, mask: Any, shapes: list[tuple[int, ...]], dtype: Any) -> Tensor:
    """A mask as numbers to add: booleans become -inf where they are True."""
    mask = mask_tensor(mask, dtype)
    if mask.shape not in shapes:
        expected = " or ".join(map(str, shapes))
        raise ValueError(f"MultiheadAttention: {name} must have shape {expected}, got {mask.shape}")
    if mask.dtype != dtype and mask.dtype.kind != "b":
        raise TypeError(f"MultiheadAttention: {name} must be booleans or {dtype}, got {mask.dtype}")
    return mask if mask.dtype.kind == "f" else Tensor(additive(~mask.data, dtype))
