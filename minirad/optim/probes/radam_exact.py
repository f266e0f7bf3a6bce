"""RAdam with the variance itself in place of its first-order approximation."""

from __future__ import annotations

from minirad.backend import xp
from minirad.optim.radam import RAdam
from minirad.variance import rectification, sma_length


class RAdamExact(RAdam):
    """Algorithm 2 with r_t from the exact variance, eq. (2): it exists for rho_t > 2, so from step 3 on.

    The first-order variance of eq. (5) is 3.3 times too large at rho = 5. So RAdam's early steps are shorter than its
    own idea asks for; here they are as it asks.
    """

    def scalars(self, s):
        """rho_t, and r_t from the exact variance."""
        s.rho = sma_length(s.t, s.beta2)
        s.r = rectification(s.t, s.beta2, exact=True)

    def update(self, theta, g, m, v, s):
        """Algorithm 2 with "rho_t > 2"."""
        # decoupled decay: theta = (1 - lr weight_decay) theta
        if s.weight_decay:
            theta *= 1 - s.lr * s.weight_decay
        # v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
        v *= s.beta2
        v += (1 - s.beta2) * g**2
        # m_t = beta1 m_{t-1} + (1 - beta1) g_t,  m_hat = m_t / (1 - beta1^t)
        m *= s.beta1
        m += (1 - s.beta1) * g
        size = s.lr / (1 - s.beta1**s.t)
        if s.rho > 2:
            # theta_t = theta_{t-1} - lr r_t m_hat sqrt(1 - beta2^t) / (sqrt(v_t) + eps)
            size *= s.r * (1 - s.beta2**s.t) ** 0.5
            theta -= size * m / (xp.sqrt(v) + s.eps)
        else:
            # theta_t = theta_{t-1} - lr m_hat
            theta -= size * m
