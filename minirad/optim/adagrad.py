"""Adagrad: each step divided by the root of the sum of all squared gradients."""

from __future__ import annotations

from typing import Any

from minirad.backend import xp
from minirad.optim.optimizer import Optimizer


class Adagrad(Optimizer):
    """Adagrad with L2 decay in the gradient and a learning rate that may fall as 1/t, as torch.optim.Adagrad.

    Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization",
    2011.
    """

    states = ("v",)

    def __init__(
        self, params: Any, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, **shared: Any
    ) -> None:  # fmt: skip
        settings = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps}
        super().__init__(params, {**settings, "initial_accumulator_value": initial_accumulator_value}, **shared)

    def update(self, theta, g, v, s):
        """theta_t = theta_{t-1} - lr_t g_t / (sqrt(v_t) + eps)."""
        # L2 decay: the gradient of weight_decay/2 |theta|^2 is added
        if s.weight_decay:
            g = g + s.weight_decay * theta
        # v_0
        if s.t == 1:
            v[...] = s.initial_accumulator_value
        # v_t = v_{t-1} + g_t^2
        v += g**2
        # lr_t = lr / (1 + (t - 1) lr_decay)
        lr = s.lr / (1 + (s.t - 1) * s.lr_decay)
        # theta_t = theta_{t-1} - lr_t g_t / (sqrt(v_t) + eps)
        theta -= lr * g / (xp.sqrt(v) + s.eps)
