"""Adam: each step divided by the root of a running mean of squared gradients."""

from __future__ import annotations

from typing import Any

from minirad.backend import xp
from minirad.optim.optimizer import Optimizer


class Adam(Optimizer):
    """Adam as its authors and torch.optim.Adam have it: epsilon after bias correction, L2 decay in the gradient.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, Algorithm 1. amsgrad: Reddi et al.,
    "On the Convergence of Adam and Beyond", ICLR 2018.
    """

    states = ("m", "v", "v_max")

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, **shared: Any
    ) -> None:  # fmt: skip
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(params, settings, **shared)

    def kept(self, group):
        """Only AMSGrad needs the largest v."""
        return ("m", "v", "v_max") if group["amsgrad"] else ("m", "v")

    def scalars(self, s):
        """Both bias corrections, folded into two numbers: the order of computation in section 2 of the paper."""
        s.size = s.lr * (1 - s.beta2**s.t) ** 0.5 / (1 - s.beta1**s.t)
        s.eps_hat = s.eps * (1 - s.beta2**s.t) ** 0.5

    def update(self, theta, g, m, v, v_max, s):
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
        # AMSGrad takes the largest v so far
        if s.amsgrad:
            v = xp.maximum(v_max, v, out=v_max)
        # m_hat = m_t / (1 - beta1^t),  v_hat = v_t / (1 - beta2^t)
        # theta_t = theta_{t-1} - lr m_hat / (sqrt(v_hat) + eps)
        theta -= s.size * m / (xp.sqrt(v) + s.eps_hat)
