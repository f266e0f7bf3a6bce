"""PyTorch's shapes, with its arguments: constant, linear, steps, exponential, cosine, and any function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, inf, pi

from minirad.optim.lr_scheduler.schedule import LRScheduler, check_number, check_steps
from minirad.optim.optimizer import Optimizer


class ConstantLR(LRScheduler):
    """The rate times ``factor`` for ``total_iters`` steps, then the rate."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5) -> None:
        check_number("ConstantLR", "factor", factor, 0, 1)
        check_steps("ConstantLR", "total_iters", total_iters)
        self.first, self.total_iters = factor, total_iters
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """``factor``, then 1."""
        return self.first if t <= self.total_iters else 1.0


class LinearLR(LRScheduler):
    """From ``start_factor`` at the first step to ``end_factor`` after ``total_iters`` more, on a straight line."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        check_number("LinearLR", "start_factor", start_factor, 0, 1, open_low=True)
        check_number("LinearLR", "end_factor", end_factor, 0, 1)
        check_steps("LinearLR", "total_iters", total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """start + (end - start) min(t - 1, total_iters) / total_iters."""
        share = min(t - 1, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * share


class StepLR(LRScheduler):
    """The rate times ``gamma`` after every ``step_size`` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        check_steps("StepLR", "step_size", step_size)
        check_number("StepLR", "gamma", gamma, 0, inf)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """gamma^floor((t - 1) / step_size)."""
        return self.gamma ** ((t - 1) // self.step_size)


class MultiStepLR(LRScheduler):
    """The rate times ``gamma`` after each of the steps ``milestones``: the paper's schedule for CIFAR10."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        for milestone in milestones:
            check_steps("MultiStepLR", "milestones", milestone)
        check_number("MultiStepLR", "gamma", gamma, 0, inf)
        self.milestones, self.gamma = list(milestones), gamma
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """gamma^(the number of milestones behind)."""
        return self.gamma ** sum(t > milestone for milestone in self.milestones)


class ExponentialLR(LRScheduler):
    """The rate times ``gamma`` after every step."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        check_number("ExponentialLR", "gamma", gamma, 0, inf)
        self.gamma = gamma
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """gamma^(t - 1)."""
        return self.gamma ** (t - 1)


class CosineAnnealingLR(LRScheduler):
    """From the rate to ``eta_min`` in ``T_max`` steps along half a cosine; and, as in PyTorch, up again after that.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, eq. 5.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        check_steps("CosineAnnealingLR", "T_max", T_max)
        check_number("CosineAnnealingLR", "eta_min", eta_min, 0, inf)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, base: float, t: int, i: int) -> float:
        """eta_min + (base - eta_min) (1 + cos(pi (t - 1) / T_max)) / 2."""
        return self.eta_min + (base - self.eta_min) * (1 + cos(pi * (t - 1) / self.T_max)) / 2


class LambdaLR(LRScheduler):
    """The rate times ``lr_lambda(t - 1)``: any function of the number of steps behind, or one for each group."""

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]
    ) -> None:
        groups = len(optimizer.param_groups) if isinstance(optimizer, Optimizer) else 0
        several = list(lr_lambda) if isinstance(lr_lambda, Sequence) else []
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else several
        if len(self.lr_lambdas) != groups or not all(map(callable, self.lr_lambdas)):
            raise ValueError(f"LambdaLR: lr_lambda must be a function, or one for each of {groups} groups")
        super().__init__(optimizer)

    def rate(self, base: float, t: int, i: int) -> float:
        """base lr_lambda(t - 1)."""
        return base * self.lr_lambdas[i](t - 1)
