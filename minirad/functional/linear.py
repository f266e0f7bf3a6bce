"""The affine map that layers are made of, in one op."""

from __future__ import annotations

from math import prod
from typing import Any

from minirad.functional.arithmetic import pair
from minirad.tensor import Tensor


def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """y = x W^T + b in one op: x (..., n_in), weight (n_out, n_in), bias (n_out,) -> y (..., n_out).

    dx = g W,  dW = g^T x,  db = the sum of g over all rows.
    """
    x, weight = pair("linear", x, weight)
    if weight.ndim != 2 or not x.ndim or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"linear: x of shape {x.shape} does not fit weight (n_out, n_in) of shape {weight.shape}")
    parents: tuple[Tensor, ...] = (x, weight)
    out = x.data @ weight.data.T
    if bias is not None:
        _, bias = pair("linear", x, bias)
        if bias.shape != weight.shape[:1]:
            raise ValueError(f"linear: bias must have shape {weight.shape[:1]}, got {bias.shape}")
        out += bias.data
        parents = (x, weight, bias)

    def vjp(g):
        rows = prod(g.shape[:-1])
        g_rows = g.reshape(rows, weight.shape[0])
        g_x = g @ weight.data if x.requires_grad else None
        g_weight = g_rows.T @ x.data.reshape(rows, weight.shape[1]) if weight.requires_grad else None
        return (g_x, g_weight) if bias is None else (g_x, g_weight, g_rows.sum(axis=0) if bias.requires_grad else None)

    return Tensor(out, parents, vjp)
