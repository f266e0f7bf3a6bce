"""Layers that normalise: BatchNorm1d, BatchNorm2d, LayerNorm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minirad.functional as F
from minirad.backend import Array, xp
from minirad.functional.layer_norm import lengths
from minirad.nn.module import Module
from minirad.nn.parameter import Parameter
from minirad.nn.printing import unusual
from minirad.tensor import Tensor


class _BatchNorm(Module):
    """What BatchNorm1d and BatchNorm2d share."""

    axes: tuple[int, ...] = ()  # how many axes an input may have
    layout = ""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True
    ) -> None:  # fmt: skip
        name = type(self).__name__
        if not isinstance(num_features, int) or num_features < 1:
            raise ValueError(f"{name}: num_features must be a positive integer, got {num_features!r}")
        if momentum is not None and not 0 <= momentum <= 1:
            raise ValueError(f"{name}: momentum must lie in [0, 1] or be None, got {momentum!r}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Parameter(xp.ones(num_features, xp.float32)) if affine else None
        self.bias = Parameter(xp.zeros(num_features, xp.float32)) if affine else None
        self.running_mean: Array = None
        self.running_var: Array = None
        self.num_batches_tracked: Array = None
        if track_running_stats:
            self.register_buffer("running_mean", xp.zeros(num_features, xp.float32))
            self.register_buffer("running_var", xp.ones(num_features, xp.float32))
            self.register_buffer("num_batches_tracked", xp.zeros((), xp.int64))

    def forward(self, x: Any, residual: Any = None, relu: bool = False) -> Tensor:
        """x as it is, normalised. On the way it can add a residual of the same shape and cut off below 0."""
        if x.ndim not in self.axes or x.shape[1] != self.num_features:
            layout = self.layout.format(self.num_features)
            raise ValueError(f"{type(self).__name__}: x must be {layout}, got shape {tuple(x.shape)}")
        counted = self.training and self.num_batches_tracked is not None
        share = self.momentum
        if share is None:  # the plain average over all batches
            share = 1 / (int(self.num_batches_tracked) + 1) if counted else 0.0
        out = F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or self.running_mean is None, share, self.eps, residual=residual, relu=relu,
        )  # fmt: skip
        if counted:
            self.num_batches_tracked += 1
        return out

    def extra_repr(self) -> str:
        """The number of features, and what is not the default."""
        return f"{self.num_features}" + unusual(
            eps=(self.eps, 1e-5), momentum=(self.momentum, 0.1), affine=(self.weight is not None, True),
            track_running_stats=(self.running_mean is not None, True),
        )  # fmt: skip


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (n, c) or (n, c, l), over all but c: see functional.batch_norm.

    In training by this batch's statistics, which also move the buffers running_mean and running_var by the share
    ``momentum`` (None: towards the plain average over all batches); in eval by these.
    """

    axes, layout = (2, 3), "(n, {0}) or (n, {0}, l)"


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (n, c, h, w) over all but c: see BatchNorm1d."""

    axes, layout = (4,), "(n, {0}, h, w)"


class LayerNorm(Module):
    """Layer normalisation over the last axes, of the lengths normalized_shape: see functional.layer_norm."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        shape = lengths("LayerNorm", normalized_shape)
        self.normalized_shape, self.eps = shape, eps
        self.weight = Parameter(xp.ones(shape, xp.float32)) if elementwise_affine else None
        self.bias = Parameter(xp.zeros(shape, xp.float32)) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Tensor:
        """(..., *normalized_shape), unchanged in shape."""
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The shape, and what is not the default."""
        return f"{self.normalized_shape}" + unusual(
            eps=(self.eps, 1e-5), elementwise_affine=(self.weight is not None, True),
            bias=(self.bias is not None, self.weight is not None),
        )  # fmt: skip
