"""RAdam: Algorithm 2 of the paper, line by line."""

from __future__ import annotations

from typing import Any

from minirad.backend import xp
from minirad.optim.optimizer import Optimizer
from minirad.variance import rectification, sma_length


class RAdam(Optimizer):
    """Rectified Adam: Adam times r_t once the variance of 1/sqrt(v) is finite; before that, a step without 1/sqrt(v).

    Epsilon stands where eq. (1) has it, before bias correction. The decay is decoupled from the gradient, scaled by lr.

    Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020, Algorithm 2.
    """

    states = ("m", "v")

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, **shared: Any
    ) -> None:  # fmt: skip
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}, **shared)

    def scalars(self, s):
        """rho_t, the length of v's average, and r_t, the rectification: the same for every element."""
        s.rho = sma_length(s.t, s.beta2)
        s.r = rectification(s.t, s.beta2)

    def update(self, theta, g, m, v, s):
        """One step of Algorithm 2 on one block."""
        # decoupled decay: theta = (1 - lr weight_decay) theta
        if s.weight_decay:
            theta *= 1 - s.lr * s.weight_decay
        # v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
        v *= s.beta2
        v += (1 - s.beta2) * g**2
        # m_t = beta1 m_{t-1} + (1 - beta1) g_t
        m *= s.beta1
        m += (1 - s.beta1) * g
        # m_hat = m_t / (1 - beta1^t): one number for all elements, so it is multiplied with the other numbers first
        size = s.lr / (1 - s.beta1**s.t)
        if s.rho > 4:
            # l_t = sqrt(1 - beta2^t) / (sqrt(v_t) + eps): its numerator is such a number too, and so is r_t
            size *= s.r * (1 - s.beta2**s.t) ** 0.5
            # theta_t = theta_{t-1} - lr r_t m_hat l_t
            theta -= size * m / (xp.sqrt(v) + s.eps)
        else:
            # theta_t = theta_{t-1} - lr m_hat
            theta -= size * m
