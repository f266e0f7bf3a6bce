"""Cross-entropy: how unlikely a classifier takes the right classes to be."""

from __future__ import annotations

from math import nan
from typing import Any

from minirad.backend import xp
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

    Raises:
        ValueError: the shapes do not fit, a target is out of range or an option unknown.

    With p = softmax(input) and q the (smoothed) target distribution, the gradient is p - q.
    """
    input, target = as_tensor(input), as_tensor(target)
    if input.dtype.kind != "f" or target.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: input must be floats and target integers, got {input.dtype}, {target.dtype}")
    class_axis = min(1, input.ndim - 1)
    if not input.ndim or target.shape != input.shape[:class_axis] + input.shape[class_axis + 1 :]:
        raise ValueError(
            f"cross_entropy: input of shape {input.shape} needs target of shape "
            f"{input.shape[:class_axis] + input.shape[class_axis + 1 :]}, got {target.shape}"
        )
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must lie in [0, 1], got {label_smoothing}")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"cross_entropy: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    label_smoothing, classes = float(label_smoothing), input.shape[class_axis]
    moved = input.data if class_axis == input.ndim - 1 else xp.moveaxis(input.data, class_axis, -1)
    logits, labels = moved.reshape(-1, classes), target.data.reshape(-1)
    ignored = labels == ignore_index
    if some_ignored := bool(ignored.any()):
        labels = xp.where(ignored, 0, labels)  # any class will do
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(f"cross_entropy: targets must be 0 .. {classes - 1} or ignore_index={ignore_index}")

    rows = xp.arange(len(labels))
    z = logits - logits.max(axis=1, keepdims=True) if logits.size else logits
    p = xp.exp(z)
    total = p.sum(axis=1, keepdims=True)
    losses = xp.log(total[:, 0]) - (1 - label_smoothing) * z[rows, labels]
    if label_smoothing:
        losses -= label_smoothing * z.mean(axis=1)
    if some_ignored:
        losses = xp.where(ignored, 0, losses)
    divisor = len(labels) - int(ignored.sum()) if reduction == "mean" else 1

    def vjp(g):
        gradient = p / total  # a new array: p stays as it was
        if label_smoothing:
            gradient -= label_smoothing / classes
        gradient[rows, labels] -= 1 - label_smoothing
        gradient *= (g / divisor).reshape(-1, 1)
        if some_ignored:
            gradient = xp.where(ignored[:, None], 0, gradient)
        gradient = gradient.reshape(moved.shape)
        return (gradient if moved is input.data else xp.moveaxis(gradient, -1, class_axis),)

    if reduction == "none":
        return Tensor(losses.reshape(target.shape), (input,), vjp)
    total_loss = losses.sum()
    return Tensor(total_loss / divisor if divisor else total_loss * nan, (input,), vjp)
