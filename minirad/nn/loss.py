"""Losses as modules."""

from __future__ import annotations

from typing import Any

from minirad import functional as F
from minirad.nn.module import Module
from minirad.tensor import Tensor


class CrossEntropyLoss(Module):
    """-log softmax(input)[target]: see functional.cross_entropy for shapes and options."""

    def __init__(self, *, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0) -> None:
        self.options: dict[str, Any] = {
            "ignore_index": ignore_index, "reduction": reduction, "label_smoothing": label_smoothing
        }  # fmt: skip

    def forward(self, input: Any, target: Any) -> Tensor:
        """Logits (n, c, ...) and integer targets (n, ...) -> the loss."""
        return F.cross_entropy(input, target, **self.options)


class MSELoss(Module):
    """The mean of (input - target)^2."""

    def __init__(self, *, reduction: str = "mean") -> None:
        self.reduction = reduction

    def forward(self, input: Any, target: Any) -> Tensor:
        """Two tensors of one shape -> the loss."""
        return F.mse_loss(input, target, reduction=self.reduction)
