"""The mean squared error."""

from __future__ import annotations

from typing import Any

from minirad.functional.arithmetic import pair
from minirad.functional.reductions import mean, sum
from minirad.tensor import Tensor


def mse_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """(input - target)^2, averaged ("mean"), summed ("sum") or as it is ("none"). One shape for both."""
    input, target = pair("mse_loss", input, target)
    if input.shape != target.shape:
        raise ValueError(f"mse_loss: input has shape {input.shape}, target {target.shape}; they must agree")
    difference = input - target
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"mse_loss: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    losses = difference * difference
    return mean(losses) if reduction == "mean" else sum(losses) if reduction == "sum" else losses
