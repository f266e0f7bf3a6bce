"""Schedules: the learning rate as a function of the step."""

from __future__ import annotations

from typing import Any

from minirad.optim.optimizer import Optimizer


class LRScheduler:
    """Base class: lr of every group = its lr at the start times ``factor(t)``, where t = 1 is the first step.

    The rate of the first step is set at once. Call step() after each optimizer.step().
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: expected an Optimizer, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.t = 1
        self._set()

    def factor(self, t: int) -> float:
        """What the starting rate is multiplied with at step t."""
        raise TypeError(f"{type(self).__name__} does not define factor()")

    def step(self) -> None:
        """Go on to the next step's rate."""
        self.t += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What load_state_dict needs to go on."""
        return {"t": self.t, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where state_dict() was called."""
        if len(state_dict["base_lrs"]) != len(self.optimizer.param_groups):
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: {len(state_dict['base_lrs'])} rates for "
                f"{len(self.optimizer.param_groups)} groups"
            )
        self.t, self.base_lrs = state_dict["t"], list(state_dict["base_lrs"])
        self._set()

    def _set(self) -> None:
        if len(self.base_lrs) != len(self.optimizer.param_groups):
            raise ValueError(f"{type(self).__name__}: the optimizer got another group since; build the schedule last")
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = base * self.factor(self.t)


class LinearWarmup(LRScheduler):
    """lr_t = lr min(t, T_w) / T_w: the paper's warmup over T_w = ``steps`` steps (section 2)."""

    def __init__(self, optimizer: Optimizer, steps: int) -> None:
        if not isinstance(steps, int) or steps < 1:
            raise ValueError(f"LinearWarmup: steps must be a positive integer, got {steps!r}")
        self.steps = steps
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        """min(t, T_w) / T_w."""
        return min(t, self.steps) / self.steps
