"""RMSprop: each step divided by the root of a running mean of squared gradients."""

from __future__ import annotations

from typing import Any

from minirad.backend import xp
from minirad.optim.optimizer import Optimizer


class RMSprop(Optimizer):
    """RMSprop, also with momentum and centered (by the variance of g instead of its square), as torch.optim.RMSprop.

    alpha is Adam's beta2. There is no bias correction: v starts at 0, so the first steps are long. The variance of g
    is a difference. Where gradients hardly vary, most of its digits cancel: even in float64 the path then agrees with
    PyTorch's to 2e-7 only, not to 1e-12. It may round to less than 0, and its root is nan, as in PyTorch.

    Source: Hinton, lecture 6e of "Neural Networks for Machine Learning", 2012; centered: Graves, "Generating Sequences
    With Recurrent Neural Networks", 2013, eqs. 38 to 45.
    """

    states = ("v", "mean", "m")

    def __init__(
        self, params: Any, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, **shared: Any
    ) -> None:  # fmt: skip
        settings = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**settings, "momentum": momentum, "centered": centered}, **shared)

    def kept(self, group):
        """The mean of g is for the centered form, m for momentum."""
        return ("v", *["mean"] * group["centered"], *["m"] * bool(group["momentum"]))

    def update(self, theta, g, v, mean, m, s):
        """theta_t = theta_{t-1} - lr g_t / (sqrt(v_t) + eps)."""
        # L2 decay: the gradient of weight_decay/2 |theta|^2 is added
        if s.weight_decay:
            g = g + s.weight_decay * theta
        # v_t = alpha v_{t-1} + (1 - alpha) g_t^2
        v *= s.alpha
        v += (1 - s.alpha) * g**2
        # centered: mean_t = alpha mean_{t-1} + (1 - alpha) g_t; the mean square less mean_t^2 is the variance
        if s.centered:
            mean *= s.alpha
            mean += (1 - s.alpha) * g
            v = v - mean**2
        g = g / (xp.sqrt(v) + s.eps)
        # momentum: m_t = momentum m_{t-1} + g_t / (sqrt(v_t) + eps)
        if s.momentum:
            m *= s.momentum
            m += g
            g = m
        # theta_t = theta_{t-1} - lr g
        theta -= s.lr * g
