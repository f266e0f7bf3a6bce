"""The LSTM language model: which word comes next?

The RAdam paper trains one on the One Billion Word corpus: 2 layers of 2048, embeddings of 300, an adaptive softmax with
cut-offs 4000, 40000 and 200000, dropout 0.1, gradients clipped to norm 5, batches of 128 texts, 20 words at a time with
the state carried on; Adam and RAdam with betas (0.9, 0.999), lr 1e-3, divided at epoch 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, inf
from typing import TYPE_CHECKING, Any

from minirad import functional as F
from minirad.backend import Array, stream, to_device, xp
from minirad.functional.embedding import check_ids
from minirad.models.in_use import in_use
from minirad.nn import LSTM, AdaptiveLogSoftmaxWithLoss, Dropout, Embedding, Linear, Module, init
from minirad.nn.recurrent import State
from minirad.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.random import Generator


class LSTMLanguageModel(Module):
    """Embedding, LSTM layers, and a softmax over the vocabulary.

    The defaults are the paper's, but for cutoffs, which depend on the vocabulary. The state is a pair (h, c), both
    (num_layers, n, hidden_size).

    Args:
        vocabulary: how many words there are, numbered from 0 (and by falling frequency, if there are cutoffs).
        embedding_dim, hidden_size, num_layers: the sizes.
        dropout: on embeddings, between layers and before the scores, in training.
        cutoffs: those of an adaptive softmax, see nn.AdaptiveLogSoftmaxWithLoss; None for the plain one.
        tied: the scores' weight is the embedding: one parameter under two names. The sizes must agree, and an adaptive
            softmax can't be tied.

    Raises:
        ValueError: tied does not go with the other settings, or a layer refuses its own. Or (later) ids or targets are
            out of range, also if they are -100: in a running text nothing is left out.

    Source of the dropout: Zaremba et al., "Recurrent Neural Network Regularization", 2014. Of the tie: Press and Wolf,
    "Using the Output Embedding to Improve Language Models", 2017.
    """

    def __init__(
        self, vocabulary: int, embedding_dim: int = 300, hidden_size: int = 2048, num_layers: int = 2,
        dropout: float = 0.1, cutoffs: Sequence[int] | None = None, tied: bool = False
    ) -> None:  # fmt: skip
        if tied and (cutoffs is not None or embedding_dim != hidden_size):
            raise ValueError(
                "LSTMLanguageModel: tied needs embedding_dim == hidden_size and no cutoffs, "
                f"got {embedding_dim!r}, {hidden_size!r} and {cutoffs!r}"
            )
        self.embedding = Embedding(vocabulary, embedding_dim)
        init.uniform_(self.embedding.weight, -0.1, 0.1)  # small, also as weight of the scores
        self.dropout = Dropout(dropout)
        self.lstm = LSTM(embedding_dim, hidden_size, num_layers, batch_first=True, dropout=dropout)
        self.decoder: Linear | AdaptiveLogSoftmaxWithLoss
        if cutoffs is not None:
            self.decoder = AdaptiveLogSoftmaxWithLoss(hidden_size, vocabulary, cutoffs)
        else:
            self.decoder = Linear(hidden_size, vocabulary)
            if tied:
                self.decoder.weight = self.embedding.weight

    def forward(self, ids: Any, state: State | None = None) -> tuple[Tensor, State]:
        """ids (n, steps) -> log-probabilities of the word after each, (n, steps, vocabulary), and the last state."""
        y, state = self.read(ids, state)
        return self.log_prob(y), state

    def loss(self, ids: Any, targets: Any, state: State | None = None) -> tuple[Tensor, State]:
        """The mean of -log p(target) over ids and targets, both (n, steps), and the last state.

        The state is detached: give it to the next chunk of the same texts, and gradients end at the chunk's start.
        """
        ids, targets = as_tensor(ids), as_tensor(targets)
        if targets.shape != ids.shape:
            raise ValueError(f"LSTMLanguageModel: targets must have the shape of ids, {ids.shape}, got {targets.shape}")
        check_ids("LSTMLanguageModel", "targets", targets, self.embedding.num_embeddings)
        y, state = self.read(ids, state)
        rows, targets = y.reshape(-1, y.shape[2]), targets.reshape(-1)
        if isinstance(self.decoder, AdaptiveLogSoftmaxWithLoss):
            loss = self.decoder(rows, targets).loss
        else:
            loss = F.cross_entropy(self.decoder(rows), targets)
        return loss, (state[0].detach(), state[1].detach())

    def read(self, ids: Any, state: State | None = None) -> tuple[Tensor, State]:
        """ids (n, steps) -> what the LSTM says to each, (n, steps, hidden_size), and its last state."""
        ids = as_tensor(ids)
        if ids.ndim != 2:
            raise ValueError(f"LSTMLanguageModel: ids must be (n, steps), got shape {ids.shape}")
        check_ids("LSTMLanguageModel", "ids", ids, self.embedding.num_embeddings)
        y, state = self.lstm(self.dropout(self.embedding(ids)), state)
        return self.dropout(y), state

    def log_prob(self, y: Tensor) -> Tensor:
        """What the LSTM says, (..., hidden_size) -> log-probabilities of the next word, (..., vocabulary)."""
        if isinstance(self.decoder, AdaptiveLogSoftmaxWithLoss):
            return self.decoder.log_prob(y)
        return F.log_softmax(self.decoder(y), -1)

    def perplexity(self, chunks: Iterable[tuple[Any, Any]]) -> float:
        """e^(the mean loss per word) over successive chunks (ids, targets) of the same texts, without dropout.

        The state is carried from chunk to chunk. A model that knows nothing scores the size of its vocabulary.
        """
        total, words, state = 0.0, 0, None
        with in_use(self):
            for ids, targets in chunks:
                loss, state = self.loss(ids, targets, state)
                count = as_tensor(ids).numel()
                total, words = total + loss.item() * count, words + count
        if not words:
            raise ValueError("LSTMLanguageModel.perplexity: there are no words")
        return exp(total / words)

    def generate(self, ids: Any, steps: int, temperature: float = 1.0, generator: Generator | None = None) -> Tensor:
        """Go on writing: ids (n, steps so far) -> (n, steps), each word drawn by its probability to the 1/temperature.

        A temperature of 0 takes the most likely word. Draws come from the generator, or else from the stream "noise".
        """
        if not isinstance(steps, int) or steps < 1:
            raise ValueError(f"LSTMLanguageModel.generate: steps must be a positive integer, got {steps!r}")
        if not 0 <= temperature < inf:
            raise ValueError(f"LSTMLanguageModel.generate: temperature must be a number >= 0, got {temperature!r}")
        state, words = None, list[Tensor]()
        with in_use(self):
            for _ in range(steps):
                y, state = self.read(words[-1] if words else ids, state)
                log_p = self.log_prob(y[:, -1])
                words.append(Tensor(drawn(log_p.data, temperature, generator)[:, None]))
            return F.cat(words, dim=1)


def drawn(log_p: Array, temperature: float, generator: Generator | None) -> Array:
    """From log-probabilities (n, words) one word for each row, (n,): where the summed probabilities pass a draw."""
    if temperature == 0:
        return log_p.argmax(axis=1)
    p = xp.exp((log_p - log_p.max(axis=1, keepdims=True)).astype("float64") / temperature)
    summed = xp.cumsum(p, axis=1)
    draws = to_device((generator or stream("noise")).random((len(p), 1)))
    return (summed <= draws * summed[:, -1:]).sum(axis=1)
