"""One schedule made of several: one after the other, or all at once."""

from __future__ import annotations

from collections.abc import Sequence

from minirad.optim.lr_scheduler.schedule import LRScheduler, check_steps
from minirad.optim.optimizer import Optimizer


class SequentialLR(LRScheduler):
    """The first schedule up to step milestones[0], the next from there, and so on; each counts its own t from 1."""

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        _same_optimizer("SequentialLR", optimizer, schedulers)
        for milestone in milestones:
            check_steps("SequentialLR", "milestones", milestone)
        if len(milestones) != len(schedulers) - 1 or list(milestones) != sorted(set(milestones)):
            raise ValueError(
                f"SequentialLR: milestones must be growing steps, one less than the {len(schedulers)} schedules, "
                f"got {milestones!r}"
            )
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        super().__init__(optimizer)

    def rate(self, base: float, t: int, i: int) -> float:
        """The rate of the schedule whose turn it is."""
        behind = [0, *(milestone for milestone in self.milestones if t > milestone)]
        return self.schedulers[len(behind) - 1].rate(base, t - behind[-1], i)


class ChainedScheduler(LRScheduler):
    """All schedules at once: each takes the rate of the one before it as its start, so factors multiply.

    PyTorch's chain is the same for schedules that multiply. It differs for a CosineAnnealingLR with eta_min > 0: there
    each step changes the rate that the step before has left, while here every rate is a function of t.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if optimizer is None and schedulers and isinstance(schedulers[0], LRScheduler):
            optimizer = schedulers[0].optimizer
        _same_optimizer("ChainedScheduler", optimizer, schedulers)
        self.schedulers = list(schedulers)
        super().__init__(self.schedulers[0].optimizer)

    def rate(self, base: float, t: int, i: int) -> float:
        """What is left of the base after all schedules."""
        for scheduler in self.schedulers:
            base = scheduler.rate(base, t, i)
        return base


def _same_optimizer(name: str, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler]) -> None:
    if not schedulers or not all(isinstance(s, LRScheduler) and s.optimizer is optimizer for s in schedulers):
        raise ValueError(f"{name}: needs schedules, at least one, all of them of the same optimizer")
