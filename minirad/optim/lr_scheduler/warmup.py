"""Warmups: the paper's, those that need no tuning, and the Transformer's."""

from __future__ import annotations

from math import expm1

from minirad.optim.lr_scheduler.schedule import LRScheduler, check_steps
from minirad.optim.optimizer import Optimizer


class LinearWarmup(LRScheduler):
    """lr_t = lr min(t, T_w) / T_w: the paper's warmup over T_w = ``steps`` steps (section 2)."""

    def __init__(self, optimizer: Optimizer, steps: int) -> None:
        check_steps("LinearWarmup", "steps", steps)
        self.steps = steps
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """min(t, T_w) / T_w."""
        return min(t, self.steps) / self.steps


class UntunedLinearWarmup(LRScheduler):
    """lr_t = lr min(1, t (1 - beta2) / 2): linear over 2 / (1 - beta2) steps, with each group's own beta2.

    Source: Ma and Yarats, "On the Adequacy of Untuned Warmup for Adaptive Optimization", AAAI 2021.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        _needs_betas("UntunedLinearWarmup", optimizer)
        super().__init__(optimizer)

    def rate(self, base: float, t: int, i: int) -> float:
        """base min(1, t (1 - beta2) / 2)."""
        _, beta2 = self.optimizer.param_groups[i]["betas"]
        return base * min(1.0, t * (1 - beta2) / 2)


class UntunedExponentialWarmup(LRScheduler):
    """lr_t = lr (1 - exp(-t (1 - beta2))), with each group's own beta2.

    Source: Ma and Yarats, "On the Adequacy of Untuned Warmup for Adaptive Optimization", AAAI 2021.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        _needs_betas("UntunedExponentialWarmup", optimizer)
        super().__init__(optimizer)

    def rate(self, base: float, t: int, i: int) -> float:
        """base (1 - exp(-t (1 - beta2)))."""
        _, beta2 = self.optimizer.param_groups[i]["betas"]
        return -base * expm1(-t * (1 - beta2))


class InverseSquareRoot(LRScheduler):
    """lr_t = lr min(t / T_w, sqrt(T_w / t)): up in T_w = ``warmup`` steps, then down as 1/sqrt(t).

    Source: Vaswani et al., "Attention Is All You Need", 2017, eq. 3, scaled so that the peak is lr.
    """

    def __init__(self, optimizer: Optimizer, warmup: int) -> None:
        check_steps("InverseSquareRoot", "warmup", warmup)
        self.warmup = warmup
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """min(t / T_w, sqrt(T_w / t))."""
        return min(t / self.warmup, (self.warmup / t) ** 0.5)


def _needs_betas(schedule: str, optimizer: Optimizer) -> None:
    groups = optimizer.param_groups if isinstance(optimizer, Optimizer) else []
    if any("betas" not in group for group in groups):
        raise TypeError(f"{schedule}: it follows beta2, which {type(optimizer).__name__} does not have")
