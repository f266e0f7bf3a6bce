"""Cross-entropy: how unlikely a classifier takes the right classes to be."""

from __future__ import annotations

from math import nan
from typing import Any

from minirad.backend import xp
from minirad.functional.by_rows import by_rows
from minirad.memory import empty
from minirad.tensor import Tensor, as_tensor


def cross_entropy(
    input: Any, target: Any, *, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
) -> Tensor:
    """-log softmax(input)[target], in one op that never overflows.

    Args:
        input: the logits, of shape (n, c), (c,) or (n, c, d1, ...), where c counts the classes.
        target: the right classes, integers 0 .. c-1 of shape (n,), () or (n, d1, ...).
        ignore_index: targets of this value count for nothing, in the sum and in the mean.
        reduction: "mean", "sum" or "none".
        label_smoothing: mix the target with this much of the uniform distribution.

    The mean over nothing is nan, with a gradient of 0. Left out of PyTorch's: weight, probabilities as target.

    Raises:
        ValueError: the shapes do not fit, a target is out of range or an option unknown.

    With p = softmax(input) and q the (smoothed) target distribution, the gradient is p - q.
    """
    input, target = as_tensor(input), as_tensor(target)
    if input.dtype.kind != "f" or target.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: input must be floats and target integers, got {input.dtype}, {target.dtype}")
    moved = input.data if input.ndim < 3 else xp.moveaxis(input.data, 1, -1)  # the classes last
    shape = moved.shape[:-1]
    if not input.ndim or target.shape != shape:
        raise ValueError(f"cross_entropy: input of shape {input.shape} needs target shape {shape}, got {target.shape}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must lie in [0, 1], got {label_smoothing}")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"cross_entropy: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    label_smoothing, classes = float(label_smoothing), moved.shape[-1]
    if not classes:
        raise ValueError(f"cross_entropy: input must have at least one class, got shape {input.shape}")
    logits, labels = moved.reshape(-1, classes), target.data.reshape(-1)
    ignored = xp.nonzero(labels == ignore_index)[0]
    if len(ignored):
        labels = xp.where(labels == ignore_index, 0, labels)  # any class will do
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(
            f"cross_entropy: targets must be 0 .. {classes - 1} or ignore_index={ignore_index}, "
            f"got {labels.min()} .. {labels.max()}"
        )

    rows, p = xp.arange(len(labels)), empty(logits.shape, logits.dtype)
    total, losses = xp.zeros((2, len(labels)), logits.dtype)

    def forward(part):
        z = logits[part] - logits[part].max(axis=1, keepdims=True)
        total[part] = xp.exp(z, out=p[part]).sum(axis=1)
        losses[part] = xp.log(total[part]) - (1 - label_smoothing) * z[rows[: len(z)], labels[part]]
        losses[part] -= label_smoothing * z.mean(axis=1) if label_smoothing else 0

    by_rows(forward, *logits.shape)
    losses[ignored] = 0
    divisor = (len(labels) - len(ignored) or nan) if reduction == "mean" else 1

    def vjp(g):
        scale = xp.zeros_like(total) + (g / divisor).reshape(-1)
        gradient = empty(logits.shape, logits.dtype)  # a new array: p stays as it was

        def backward(part):
            found = xp.multiply(p[part], (scale[part] / total[part])[:, None], out=gradient[part])
            if label_smoothing:
                found -= scale[part, None] * (label_smoothing / classes)
            found[rows[: len(found)], labels[part]] -= scale[part] * (1 - label_smoothing)

        by_rows(backward, *logits.shape)
        gradient[ignored] = 0
        back = gradient.reshape(moved.shape)
        return (back if moved is input.data else xp.moveaxis(back, -1, 1),)

    return Tensor(losses.reshape(shape) if reduction == "none" else losses.sum() / divisor, (input,), vjp)
