"""Adam: each step divided by the root of a running mean of squared gradients."""

from __future__ import annotations

from typing import Any

from minirad.backend import xp
from minirad.optim.optimizer import BLOCK, Optimizer


class Adam(Optimizer):
    """Adam as its authors and torch.optim.Adam have it: epsilon after bias correction, L2 decay in the gradient.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, Algorithm 1.
    """

    states = ("m", "v")

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, *, block: int | None = BLOCK
    ) -> None:  # fmt: skip
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}, block)

    def update(self, theta, g, m, v, s):
        """theta_t = theta_{t-1} - lr m_hat / (sqrt(v_hat) + eps)."""
        # L2 decay: the gradient of weight_decay/2 |theta|^2 is added
        if s.weight_decay:
            g = g + s.weight_decay * theta
        # m_t = beta1 m_{t-1} + (1 - beta1) g_t
        m *= s.beta1
        m += (1 - s.beta1) * g
        # v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
        v *= s.beta2
        v += (1 - s.beta2) * g**2
        # m_hat = m_t / (1 - beta1^t),  v_hat = v_t / (1 - beta2^t)
        m_hat = m / (1 - s.beta1**s.t)
        v_hat = v / (1 - s.beta2**s.t)
        # theta_t = theta_{t-1} - lr m_hat / (sqrt(v_hat) + eps)
        theta -= s.lr * m_hat / (xp.sqrt(v_hat) + s.eps)
