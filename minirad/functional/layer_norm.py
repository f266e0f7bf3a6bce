"""Layer normalisation: each example shifted and scaled to mean 0 and variance 1 over its features."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from minirad.backend import Array, xp
from minirad.functional.arithmetic import floating, pair
from minirad.tensor import Tensor


def layer_norm(
    x: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """weight (x - mean) / sqrt(var + eps) + bias, with mean and var (correction=0) over the last axes of x.

    Args:
        x: (..., *normalized_shape).
        normalized_shape: the lengths of these last axes; one integer for one axis.
        weight, bias: of this shape, or None for 1 and 0.

    With x_hat = (x - mean) / std and g' = g weight:  dx = (g' - mean(g') - x_hat mean(g' x_hat)) / std.

    Source: Ba, Kiros and Hinton, "Layer Normalization", 2016.
    """
    x = floating("layer_norm", x)
    shape = lengths("layer_norm", normalized_shape)
    if x.shape[-len(shape) :] != shape:
        raise ValueError(f"layer_norm: x of shape {x.shape} must end in normalized_shape {shape}")
    affine: list[Tensor | None] = []
    for name, value in (("weight", weight), ("bias", bias)):
        tensor = None if value is None else pair("layer_norm", x, value)[1]
        if tensor is not None and tensor.shape != shape:
            raise ValueError(f"layer_norm: {name} must have shape {shape}, got {tensor.shape}")
        affine.append(tensor)
    w, b = affine
    features = prod(shape)
    rows = x.data.reshape(-1, features)
    # The mean of each row as a product with a vector: the linear algebra sums faster than sum(axis=1), on all cores.
    share = xp.full((features, 1), 1 / features, x.dtype)
    x_hat = rows - rows @ share
    scale = 1 / xp.sqrt((x_hat * x_hat) @ share + eps)
    x_hat *= scale
    out = x_hat if w is None else x_hat * w.data.reshape(-1)
    if b is not None:
        out = out + b.data.reshape(-1) if out is x_hat else xp.add(out, b.data.reshape(-1), out=out)

    def vjp(g):
        g = g.reshape(-1, features)
        g_x = g_w = g_b = None
        if w is not None and w.requires_grad:
            g_w = _sum_of_rows(g * x_hat).reshape(shape)
        if b is not None and b.requires_grad:
            g_b = _sum_of_rows(g).reshape(shape)
        if x.requires_grad:
            g = g if w is None else g * w.data.reshape(-1)
            g_x = x_hat * ((g * x_hat) @ share)
            xp.subtract(g, g_x, out=g_x)
            g_x -= g @ share
            g_x *= scale
            g_x = g_x.reshape(x.shape)
        found = ((x, g_x), (w, g_w), (b, g_b))
        return tuple(gradient for parent, gradient in found if parent is not None)

    return Tensor(out.reshape(x.shape), tuple(p for p in (x, w, b) if p is not None), vjp)


def lengths(function: str, normalized_shape: Any) -> tuple[int, ...]:
    """normalized_shape as a tuple."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
    if not isinstance(shape, tuple | list) or not shape or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ValueError(f"{function}: normalized_shape must be positive integers, got {normalized_shape!r}")
    return tuple(shape)


def _sum_of_rows(rows: Array) -> Array:
    return (xp.ones((1, len(rows)), rows.dtype) @ rows)[0]
