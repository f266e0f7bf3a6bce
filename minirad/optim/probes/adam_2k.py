"""Adam-2k: v first gets 2,000 gradients to look at; only then do m and theta begin to move."""

from __future__ import annotations

from typing import Any

from minirad.optim.adam import Adam
from minirad.optim.optimizer import Optimizer


class Adam2k(Adam):
    """Adam whose first ``frozen`` steps change v alone: more samples for the adaptive learning rate, and no warmup.

    In the paper's text m is bias-corrected by 1 - beta1^t. But m starts from 0 at step frozen + 1, where that
    correction is 1, so the k-th step from there is 1 - beta1^k as long as it should be: a short warmup in disguise.
    hidden_warmup=False counts the correction of m from the step at which m starts.

    Source: Liu et al., ICLR 2020, section 3.1 and figure 1.
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, frozen: int = 2000, hidden_warmup: bool = True, **shared: Any
    ) -> None:  # fmt: skip
        adams = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": False}
        Optimizer.__init__(self, params, {**adams, "frozen": frozen, "hidden_warmup": hidden_warmup}, **shared)

    def check(self, options):
        """``frozen`` counts steps."""
        frozen = options["frozen"]
        if not isinstance(frozen, int) or isinstance(frozen, bool) or frozen < 0:
            raise ValueError(f"Adam2k: frozen must be an integer >= 0, got {frozen!r}")

    def scalars(self, s):
        """Adam's, and the correction of m without the hidden warmup."""
        super().scalars(s)
        if s.t > s.frozen and not s.hidden_warmup:
            s.size *= (1 - s.beta1**s.t) / (1 - s.beta1 ** (s.t - s.frozen))

    def update(self, theta, g, m, v, v_max, s):
        """v_t = beta2 v_{t-1} + (1 - beta2) g_t^2 alone, and after ``frozen`` steps Adam."""
        if s.t <= s.frozen:  # what Adam does to theta and m is done to copies, and forgotten
            theta, m = theta.copy(), m.copy()
        super().update(theta, g, m, v, v_max, s)
