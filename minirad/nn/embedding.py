"""Embedding: a vector for each word."""

from __future__ import annotations

from typing import Any

from minirad import functional as F
from minirad.backend import xp
from minirad.functional.embedding import padding_row
from minirad.nn import init
from minirad.nn.module import Module
from minirad.nn.parameter import Parameter
from minirad.nn.printing import unusual
from minirad.tensor import Tensor


class Embedding(Module):
    """The rows of weight (num_embeddings, embedding_dim) by their numbers: see functional.embedding.

    They start normal, with standard deviation 1, as in PyTorch. The row padding_idx starts at 0 and gets no
    gradient; loading a state, writing to it or an optimizer's weight decay may change it. Left out of PyTorch's:
    max_norm, norm_type, scale_grad_by_freq, sparse.

    Raises:
        ValueError: a size is no positive integer, padding_idx or an id is out of range.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> None:
        for name, n in (("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)):
            if not isinstance(n, int) or n < 1:
                raise ValueError(f"Embedding: {name} must be a positive integer, got {n!r}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_row("Embedding", padding_idx, num_embeddings)
        self.weight = Parameter(xp.empty((num_embeddings, embedding_dim), xp.float32))
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, ids: Any) -> Tensor:
        """ids (...) -> (..., embedding_dim)."""
        return F.embedding(ids, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """The sizes, and padding_idx if there is one."""
        return f"{self.num_embeddings}, {self.embedding_dim}" + unusual(padding_idx=(self.padding_idx, None))
