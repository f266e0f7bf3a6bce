"""The layers of the Transformer, and the Transformer.

Post-LN, as in the original, normalises behind each sum:  x = norm(x + f(x)).  Pre-LN (norm_first) normalises what goes
into f:  x = x + f(norm(x)),  and leaves the way from the first layer to the last free. The RAdam paper's Transformer is
post-LN, and so is the failure that it sets out from.

Source: Vaswani et al., "Attention Is All You Need", 2017; Xiong et al., "On Layer Normalization in the Transformer
Architecture", 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from minirad import functional as F
from minirad.backend import xp
from minirad.functional.attention import additive
from minirad.nn import init
from minirad.nn.activation import Dropout
from minirad.nn.attention import MultiheadAttention
from minirad.nn.container import ModuleList
from minirad.nn.linear import Linear
from minirad.nn.module import Module
from minirad.nn.norm import LayerNorm
from minirad.tensor import Tensor, as_tensor

ACTIVATIONS: dict[str, Callable[[Any], Tensor]] = {"relu": F.relu, "gelu": F.gelu}


class _Layer(Module):
    """What the two kinds of layers share: the feed-forward net, and where to normalise."""

    def add_feed_forward(
        self, d_model: int, dim_feedforward: int, dropout: float, activation: str, norm_first: bool, bias: bool
    ) -> None:
        """Set the net's parts, behind the attentions, as PyTorch orders them."""
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"{type(self).__name__}: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}"
            )
        self.activation, self.norm_first = activation, norm_first
        self.linear1 = Linear(d_model, dim_feedforward, bias)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias)

    def around(self, x: Tensor, f: Callable[[Tensor], Tensor], norm: Module, dropout: Module) -> Tensor:
        """x + f(x), normalised before f or after the sum."""
        return x + dropout(f(norm(x))) if self.norm_first else norm(x + dropout(f(x)))

    def feed_forward(self, x: Tensor) -> Tensor:
        """Two linear maps with the activation between them, for each position alone."""
        return self.linear2(self.dropout(ACTIVATIONS[self.activation](self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then a feed-forward net, each added to what went in.

    Args:
        d_model, nhead: the width, and how many attentions side by side.
        dim_feedforward: the width inside the feed-forward net.
        dropout: of the attention's weights, inside the feed-forward net, and of what is added.
        activation: "relu" or "gelu".
        layer_norm_eps: of the normalisations.
        batch_first: (n, length, d_model) instead of (length, n, d_model).
        norm_first: pre-LN instead of post-LN.
        bias: whether the linear maps and the normalisations have one.

    Names and layouts of the parameters are PyTorch's. Left out: an activation that is a function.
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, activation: str = "relu",
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True
    ) -> None:  # fmt: skip
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first)
        self.add_feed_forward(d_model, dim_feedforward, dropout, activation, norm_first, bias)
        self.norm1, self.norm2 = (LayerNorm(d_model, layer_norm_eps, bias=bias) for _ in range(2))
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """src in its own shape again. A mask is True where one may NOT look: see MultiheadAttention."""

        def attend(x: Tensor) -> Tensor:
            return self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0]

        x = self.around(as_tensor(src), attend, self.norm1, self.dropout1)
        return self.around(x, self.feed_forward, self.norm2, self.dropout2)


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself, then to the encoder's output (the memory), then a feed-forward net.

    The arguments are those of TransformerEncoderLayer.
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, activation: str = "relu",
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True
    ) -> None:  # fmt: skip
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first)
        self.add_feed_forward(d_model, dim_feedforward, dropout, activation, norm_first, bias)
        self.norm1, self.norm2, self.norm3 = (LayerNorm(d_model, layer_norm_eps, bias=bias) for _ in range(3))
        self.dropout1, self.dropout2, self.dropout3 = (Dropout(dropout) for _ in range(3))

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool = False, memory_is_causal: bool = False
    ) -> Tensor:  # fmt: skip
        """tgt in its own shape again. A mask is True where one may NOT look: see MultiheadAttention."""

        def attend(x: Tensor) -> Tensor:
            return self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)[0]

        def attend_to_memory(x: Tensor) -> Tensor:
            return self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, False, memory_mask, is_causal=memory_is_causal
            )[0]

        return self.sublayers(as_tensor(tgt), attend, attend_to_memory)

    def sublayers(
        self, x: Tensor, attend: Callable[[Tensor], Tensor], attend_to_memory: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The three of them around x. A search brings attentions of its own, which keep keys and values."""
        x = self.around(x, attend, self.norm1, self.dropout1)
        x = self.around(x, attend_to_memory, self.norm2, self.dropout2)
        return self.around(x, self.feed_forward, self.norm3, self.dropout3)


class _Stack(Module):
    """Copies of a layer, one behind the other, and perhaps a normalisation behind the last."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        if not isinstance(num_layers, int) or num_layers < 1:
            raise ValueError(f"{type(self).__name__}: num_layers must be a positive integer, got {num_layers!r}")
        self.layers = ModuleList(deepcopy(layer) for _ in range(num_layers))
        self.norm = norm


class TransformerEncoder(_Stack):
    """num_layers copies of a TransformerEncoderLayer, one behind the other, and perhaps a norm behind the last."""

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Tensor:
        """src in its own shape again."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(_Stack):
    """num_layers copies of a TransformerDecoderLayer, one behind the other, and perhaps a norm behind the last."""

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool = False, memory_is_causal: bool = False
    ) -> Tensor:  # fmt: skip
        """tgt in its own shape again."""
        for layer in self.layers:
            tgt = layer(
                tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                tgt_is_causal, memory_is_causal,
            )  # fmt: skip
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """Encoder and decoder, each with a normalisation at its end; all matrices start with Xavier's uniform numbers.

    The arguments are PyTorch's; those of a layer are explained there. Left out: custom_encoder, custom_decoder.
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: str = "relu", *, layer_norm_eps: float = 1e-5,
        batch_first: bool = False, norm_first: bool = False, bias: bool = True
    ) -> None:  # fmt: skip
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        norms = [LayerNorm(d_model, layer_norm_eps, bias=bias) for _ in range(2)]
        self.encoder = TransformerEncoder(TransformerEncoderLayer(*options), num_encoder_layers, norms[0])
        self.decoder = TransformerDecoder(TransformerDecoderLayer(*options), num_decoder_layers, norms[1])
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
        src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        src_is_causal: bool = False, tgt_is_causal: bool = False, memory_is_causal: bool = False
    ) -> Tensor:  # fmt: skip
        """src (s, n, d_model) and tgt (l, n, d_model) -> (l, n, d_model); with batch_first n comes first."""
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
            tgt_is_causal, memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(size: int, dtype: Any = None) -> Tensor:
        """(size, size): 0 where a position may look, -inf where it may not, since that is its future.

        The dtype must be that of the model: float32 if None, or float64.
        """
        dtype = xp.dtype(xp.float32 if dtype is None else dtype)
        if dtype.kind != "f":
            raise TypeError(f"generate_square_subsequent_mask: dtype must be float32 or float64, got {dtype}")
        return Tensor(additive(xp.tri(size, dtype=bool), dtype))
