"""The Transformer as a translator: Vaswani et al., "Attention Is All You Need", 2017.

The RAdam paper trains it on IWSLT'14 German-English: 6 layers in the encoder and 6 in the decoder, width 512, 4 heads,
feed-forward nets of 1024, post-LN, dropout 0.3, label smoothing 0.1; batches of at most 4000 tokens; lr 3e-4, decayed
linearly, beta2 0.999 or 0.9995, weight decay 1e-4, gradients clipped to norm 25, for Adam a warmup of 4000 steps; the
last checkpoints averaged, and a beam of 5. Without the warmup Adam gets stuck: that is where the paper sets out from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from minirad import functional as F
from minirad.backend import Array, xp
from minirad.functional.attention import additive
from minirad.functional.embedding import check_ids
from minirad.nn import (
    Dropout,
    Embedding,
    LayerNorm,
    Module,
    SinusoidalPositions,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
    init,
)
from minirad.tensor import Tensor, as_tensor


class Translator(Module):
    """Reads a source sentence as a whole, then writes its translation word by word. The defaults are the paper's.

    Args:
        source_words, target_words: the sizes of the vocabularies, marks included.
        width: of everything that goes from layer to layer.
        heads: attentions side by side.
        layers: of the encoder, and as many of the decoder.
        feed_forward: the width inside the feed-forward nets.
        dropout: of attention weights, inside the nets, of what each sublayer adds, and of embeddings; in training.
        norm_first: pre-LN instead of post-LN, with a normalisation at the end of encoder and decoder.
        padding: the id that fills up short sentences, behind their words; 0 is that of data.LengthBatches.
        max_length: the longest sentence, marks included.

    Source and target are ids (n, length). A word goes in as its embedding times sqrt(width), with its position added.
    The scores of the words that may come next are products with the target embedding: input and output share it. All
    matrices start as Xavier draws them, the embeddings too. With many words the first scores are then small, and the
    first loss is near log(target_words), that of a model that knows nothing; with few it is higher.

    Raises:
        ValueError: a layer refuses its settings, or (later) ids have the wrong shape, are out of range or leave a
            sentence empty.
    """

    def __init__(
        self, source_words: int, target_words: int, width: int = 512, heads: int = 4, layers: int = 6,
        feed_forward: int = 1024, dropout: float = 0.3, norm_first: bool = False, padding: int = 0,
        max_length: int = 1024
    ) -> None:  # fmt: skip
        def norm() -> LayerNorm | None:
            return LayerNorm(width) if norm_first else None  # post-LN ends with one anyway

        options: dict[str, Any] = {"dropout": dropout, "batch_first": True, "norm_first": norm_first}
        self.padding = padding
        self.source_embedding = Embedding(source_words, width)
        self.target_embedding = Embedding(target_words, width)
        self.positions = SinusoidalPositions(max_length, width)
        self.dropout = Dropout(dropout)
        self.encoder = TransformerEncoder(
            TransformerEncoderLayer(width, heads, feed_forward, **options), layers, norm()
        )
        self.decoder = TransformerDecoder(
            TransformerDecoderLayer(width, heads, feed_forward, **options), layers, norm()
        )
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(self, source: Any, target: Any) -> Tensor:
        """Scores (n, t, target_words): at each place of target (n, t) those of the word that comes next.

        It may look at all words of source (n, s), and at the target's words up to this place.
        """
        source, target = self.pair(source, target, 1)
        memory, blocked = self.encode(source)
        y = self.embed(self.target_embedding, target)
        # Padding needs no mask here: it stands behind the words, and they don't look ahead.
        y = self.decoder(y, memory, tgt_is_causal=True, memory_key_padding_mask=blocked)
        return self.scores(y)

    def loss(self, source: Any, target: Any, label_smoothing: float = 0.0) -> Tensor:
        """The mean of -log p(next word) over the words of target (n, t), which has the mark of begin in front."""
        source, target = self.pair(source, target, 2)
        scores = self(source, target[:, :-1])
        return F.cross_entropy(
            scores.reshape(-1, scores.shape[2]), target[:, 1:].reshape(-1),
            ignore_index=self.padding, label_smoothing=label_smoothing,
        )  # fmt: skip

    # ---- its parts

    def encode(self, source: Any) -> tuple[Tensor, Array]:
        """source (n, s) -> what the encoder makes of it, (n, s, width), and where padding is."""
        source = self.ids("source", source)
        blocked = source.data == self.padding
        if not source.shape[1] or (empty := blocked.all(axis=1)).any():
            raise ValueError(
                f"Translator: source must have at least one word in each sentence, got shape {source.shape}"
                + (f" with padding alone in sentence {int(empty.argmax())}" if source.shape[1] else "")
            )
        return self.encoder(self.embed(self.source_embedding, source), src_key_padding_mask=blocked), blocked

    def embed(self, embedding: Embedding, ids: Tensor, first: int = 0) -> Tensor:
        """Ids (n, l) at the places first, first + 1, ... -> (n, l, width)."""
        x = embedding(ids) * sqrt(embedding.embedding_dim)
        return self.dropout(self.positions(x, first))

    def scores(self, y: Tensor) -> Tensor:
        """What the decoder says, (n, l, width) -> scores of all words, (n, l, target_words)."""
        return F.linear(y, self.target_embedding.weight)

    def pair(self, source: Any, target: Any, least: int) -> tuple[Tensor, Tensor]:
        """Checked: as many sentences in both, the target with at least so many ids each."""
        source, target = self.ids("source", source), self.ids("target", target)
        if len(source.data) != len(target.data) or target.shape[1] < least:
            raise ValueError(
                f"Translator: target must be (n, t) with the n of source, {len(source.data)}, and t >= {least}, "
                f"got shape {target.shape}"
            )
        return source, target

    def ids(self, name: str, ids: Any) -> Tensor:
        """Checked: (n, length), and words of the "source" or the "target", as it is named."""
        ids = as_tensor(ids)
        if ids.ndim != 2 or ids.dtype.kind not in "iu":
            raise ValueError(f"Translator: {name} must be integers (n, length), got {ids.dtype} of shape {ids.shape}")
        embedding = self.source_embedding if name == "source" else self.target_embedding
        check_ids("Translator", name, ids, embedding.num_embeddings)
        return ids

    # ---- word by word, for a search

    def start(self, source: Any) -> Kept:
        """What a search of translations of source (n, s) keeps, before the first word."""
        memory, blocked = self.encode(source)
        nothing = xp.zeros((len(memory.data), 0, 2 * memory.shape[2]), memory.dtype)
        layers: list[Any] = list(self.decoder.layers)
        projected = [layer.multihead_attn.project(memory, 1, 3).data for layer in layers]
        return Kept(0, [nothing for _ in projected], projected, additive(~blocked[:, None, None], memory.dtype))

    def step(self, words: Array, kept: Kept) -> Array:
        """After one more word in each row, (rows,): log-probabilities of the next one, (rows, target_words).

        The same as forward() says at the last place, but only this place is computed: the decoder looks at the keys and
        values that are kept of the places before, and this one's are added to them: kept is changed. To go on from it
        twice, take kept.choose(rows) for each way.
        """
        x = self.embed(self.target_embedding, self.ids("target", as_tensor(words)[:, None]), first=kept.length)
        for i, layer in enumerate(self.decoder.layers):
            x = one_place(layer, x, kept, i)
        kept.length += 1
        x = x if self.decoder.norm is None else self.decoder.norm(x)
        return F.log_softmax(self.scores(x)[:, 0], dim=-1).data


def one_place(layer: Any, x: Tensor, kept: Kept, i: int) -> Tensor:
    """What the decoder's layer i makes of the newest place alone, (rows, 1, width)."""

    def attend(x: Tensor) -> Tensor:
        new, width = layer.self_attn.project(x, 0, 3), x.shape[2]
        kept.target[i] = xp.concatenate([kept.target[i], new.data[..., width:]], axis=1)
        return layer.self_attn.attend([new[..., :width], Tensor(kept.target[i])])

    def attend_to_memory(x: Tensor) -> Tensor:
        return layer.multihead_attn.attend([layer.multihead_attn.project(x, 0, 1), Tensor(kept.source[i])], kept.mask)

    return layer.sublayers(x, attend, attend_to_memory)


@dataclass
class Kept:
    """What a search keeps of each row (a sentence, or one of its beams), so that nothing is computed twice.

    Attributes:
        length: how many words of the target have been read.
        target: for each decoder layer the keys and values of these words, side by side (rows, length, 2 width).
        source: for each decoder layer the keys and values of the source (rows, s, 2 width).
        mask: (rows, 1, 1, s), -inf at the source's padding, else 0.
    """

    length: int
    target: list[Array]
    source: list[Array]
    mask: Array

    def choose(self, rows: Sequence[int]) -> Kept:
        """These rows, in this order; one may come several times."""
        index = xp.asarray(rows, "int64")
        return Kept(self.length, [a[index] for a in self.target], [a[index] for a in self.source], self.mask[index])
