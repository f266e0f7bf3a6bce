"""Adam-eps: an epsilon that is large enough to bound the adaptive learning rate."""

from __future__ import annotations

from typing import Any

from minirad.optim.adam import Adam


class AdamEps(Adam):
    """Adam with epsilon where eq. (1) has it, before bias correction: lr m_hat sqrt(1 - beta2^t) / (sqrt(v) + eps).

    Where sqrt(v) is far below eps, the step is near SGD's, and the variance of 1/sqrt(v) is gone; so is much of the
    adaptation, which biases the step.

    Source: Liu et al., ICLR 2020, section 3.1 and figure 1 (eps = 1e-4).
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-4,
        weight_decay: float = 0, **shared: Any
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, **shared)

    def scalars(self, s):
        """Adam's, but for epsilon: no correction."""
        super().scalars(s)
        s.eps_hat = s.eps
