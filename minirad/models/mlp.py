"""The multi-layer perceptron: affine maps with ReLUs between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from minirad.nn import Flatten, Linear, Module, ReLU, Sequential
from minirad.tensor import Tensor


class MLP(Module):
    """in_features -> hidden[0] -> ... -> out_features, with a ReLU after every layer but the last.

    Anything behind an input's first axis is flattened, so images (n, c, h, w) go in as they are.
    """

    def __init__(self, in_features: int, hidden: Sequence[int], out_features: int) -> None:
        widths = [in_features, *hidden, out_features]
        layers: list[Module] = [Flatten()]
        for n_in, n_out in pairwise(widths):
            layers += [Linear(n_in, n_out), ReLU()]
        self.layers = Sequential(*layers[:-1])

    def forward(self, x: Any) -> Tensor:
        """x (n, ...) with in_features numbers each -> (n, out_features)."""
        return self.layers(x)
