"""The optimizer of table 3: one rule at the first steps, another one then, a third after that."""

from __future__ import annotations

from typing import Any

from minirad.backend import xp
from minirad.optim.optimizer import Optimizer
from minirad.variance import rectification, sma_length

RULES = ("sgd", "adam", "radam", "skip")


class PhaseSwitched(Optimizer):
    """The step of one rule up to step until[0], of the next up to until[1], and so on. All share m and v.

    Args:
        phases: for each phase "sgd" (theta moves by lr m_hat), "adam" (lr m_hat l_t), "radam" (lr r_t m_hat l_t where
            rho_t > 4, else as "sgd") or "skip" (theta stays). The paper has the phases steps 1-4, 5-8 and after.
        until: the last step of each phase but the last.

    Epsilon stands where eq. (1) has it, and the decay is decoupled, as in RAdam.

    Source: Liu et al., ICLR 2020, section 5.3 and table 3.
    """

    states = ("m", "v")

    def __init__(
        self, params: Any, phases: tuple[str, ...] = ("radam", "radam", "radam"), until: tuple[int, ...] = (4, 8),
        lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
        **shared: Any
    ) -> None:  # fmt: skip
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {"phases": phases, "until": until, **settings}, **shared)

    def check(self, options):
        """The phases are known, and each but the last has its end."""
        for key in ("phases", "until"):
            if not isinstance(options[key], tuple | list):
                raise ValueError(f"PhaseSwitched: {key} must be a tuple or a list, got {options[key]!r}")
        phases, until = tuple(options["phases"]), tuple(options["until"])
        if unknown := [name for name in phases if name not in RULES]:
            raise ValueError(f"PhaseSwitched: phases must be among {', '.join(RULES)}, got {unknown[0]!r}")
        whole = all(type(t) is int for t in until) and list(until) == sorted({0, *until} - {0})
        if not whole or len(phases) != len(until) + 1:
            raise ValueError(f"PhaseSwitched: until must be growing steps, one less than the {len(phases)} phases, "
                             f"got {options['until']!r}")  # fmt: skip

    def scalars(self, s):
        """Which rule it is at this step, and the r_t that goes with it."""
        s.rule = s.phases[sum(s.t > last for last in s.until)]
        s.rho = sma_length(s.t, s.beta2)
        s.r = rectification(s.t, s.beta2) if s.rule == "radam" else 1.0
        s.adaptive = s.rule == "adam" or (s.rule == "radam" and s.rho > 4)

    def update(self, theta, g, m, v, s):
        """m_t and v_t as in Adam, and the step of this phase's rule."""
        # v_t = beta2 v_{t-1} + (1 - beta2) g_t^2,  m_t = beta1 m_{t-1} + (1 - beta1) g_t
        v *= s.beta2
        v += (1 - s.beta2) * g**2
        m *= s.beta1
        m += (1 - s.beta1) * g
        if s.rule == "skip":
            return
        # decoupled decay: theta = (1 - lr weight_decay) theta
        if s.weight_decay:
            theta *= 1 - s.lr * s.weight_decay
        size = s.lr / (1 - s.beta1**s.t)
        if s.adaptive:
            # theta_t = theta_{t-1} - lr r_t m_hat sqrt(1 - beta2^t) / (sqrt(v_t) + eps), where Adam's r_t is 1
            size *= s.r * (1 - s.beta2**s.t) ** 0.5
            theta -= size * m / (xp.sqrt(v) + s.eps)
        else:
            # theta_t = theta_{t-1} - lr m_hat
            theta -= size * m
