"""The affine map that layers are made of, in one op."""

from __future__ import annotations

from math import prod
from typing import Any

from minirad.functional.arithmetic import pair
from minirad.functional.products import product, sum_of_rows
from minirad.tensor import Tensor


def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """y = x W^T + b in one op: x (..., n_in), weight (n_out, n_in), bias (n_out,) -> y (..., n_out).

    dx = g W,  dW = g^T x,  db = the sum of g over all rows.
    """
    x, weight = pair("linear", x, weight)
    if weight.ndim != 2 or not x.ndim or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"linear: x of shape {x.shape} does not fit weight (n_out, n_in) of shape {weight.shape}")
    bias = None if bias is None else pair("linear", x, bias)[1]
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"linear: bias must have shape {weight.shape[:1]}, got {bias.shape}")
    rows = x.data.reshape(prod(x.shape[:-1]), weight.shape[1])
    out = product(rows, weight.data.T, None if bias is None else bias.data)

    def vjp(g):
        g = g.reshape(out.shape)
        g_x = product(g, weight.data).reshape(x.shape) if x.requires_grad else None
        g_weight = product(g.T, rows) if weight.requires_grad else None
        return (g_x, g_weight) if bias is None else (g_x, g_weight, sum_of_rows(g) if bias.requires_grad else None)

    parents = (x, weight) if bias is None else (x, weight, bias)
    return Tensor(out.reshape(*x.shape[:-1], len(weight.data)), parents, vjp)
