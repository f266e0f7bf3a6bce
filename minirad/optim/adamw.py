"""AdamW: Adam whose weight decay stays out of the gradient."""

from __future__ import annotations

from typing import Any

from minirad.backend import xp
from minirad.optim.adam import Adam


class AdamW(Adam):
    """Adam with decoupled decay, theta = (1 - lr weight_decay) theta, as torch.optim.AdamW.

    Adam's own decay is a term in the gradient, and the division by sqrt(v) undoes most of it where gradients are large.

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, Algorithm 2.
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, **shared: Any
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **shared)

    def update(self, theta, g, m, v, v_max, s):
        """theta_t = (1 - lr weight_decay) theta_{t-1} - lr m_hat / (sqrt(v_hat) + eps)."""
        # decoupled decay: theta = (1 - lr weight_decay) theta
        if s.weight_decay:
            theta *= 1 - s.lr * s.weight_decay
        # m_t = beta1 m_{t-1} + (1 - beta1) g_t
        m *= s.beta1
        m += (1 - s.beta1) * g
        # v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
        v *= s.beta2
        v += (1 - s.beta2) * g**2
        # AMSGrad takes the largest v so far
        if s.amsgrad:
            v = xp.maximum(v_max, v, out=v_max)
        # theta_t = theta_{t-1} - lr m_hat / (sqrt(v_hat) + eps), with the bias corrections in size and eps_hat
        theta -= s.size * m / (xp.sqrt(v) + s.eps_hat)
