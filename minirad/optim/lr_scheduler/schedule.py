"""LRScheduler: what every schedule shares."""

from __future__ import annotations

from math import isfinite
from typing import Any

from minirad.optim.optimizer import Optimizer


class LRScheduler:
    """Base class: lr of every group = its rate at the start times ``factor(t)``, where t = 1 is the first step.

    The rate of the first step is set at once. Call step() after each optimizer.step(), or once an epoch: then t counts
    epochs. A schedule is a function of t alone. So one schedule sets the rates of an optimizer; SequentialLR and
    ChainedScheduler make one of several. A rate that you set yourself in between lasts until the next step().

    PyTorch counts from 0: its last_epoch is t - 1.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: expected an Optimizer, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])  # as in PyTorch: another schedule may have changed lr already
        self.t = 1
        self._set()

    def factor(self, t: int) -> float:
        """What the starting rate is multiplied with at step t."""
        raise TypeError(f"{type(self).__name__} does not define factor()")

    def rate(self, base: float, t: int, i: int) -> float:
        """The rate of group i at step t, if it starts from ``base``."""
        return base * self.factor(t)

    def step(self) -> None:
        """Go on to the next step's rate."""
        self.t += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    @property
    def base_lrs(self) -> list[float]:
        """The rate of each group at the start."""
        return [group["initial_lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What load_state_dict needs to go on."""
        return {"t": self.t, "base_lrs": self.base_lrs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where state_dict() was called.

        Raises:
            ValueError: it is for another number of groups; nothing has been changed then.
        """
        name, groups = type(self).__name__, self.optimizer.param_groups
        if not isinstance(state_dict, dict) or not {"t", "base_lrs"} <= state_dict.keys():
            raise ValueError(f"{name}.load_state_dict: expected what state_dict() gives, got {state_dict!r:.80}")
        if len(state_dict["base_lrs"]) != len(groups):
            raise ValueError(f"{name}.load_state_dict: {len(state_dict['base_lrs'])} rates for {len(groups)} groups")
        self.t = state_dict["t"]
        for group, base in zip(groups, state_dict["base_lrs"], strict=True):
            group["initial_lr"] = base
        self._set()

    def _set(self) -> None:
        if any("initial_lr" not in group for group in self.optimizer.param_groups):
            raise ValueError(f"{type(self).__name__}: the optimizer got another group since; build the schedule last")
        for i, group in enumerate(self.optimizer.param_groups):
            group["lr"] = self.rate(group["initial_lr"], self.t, i)


def check_number(schedule: str, name: str, value: Any, low: float, high: float, *, open_low: bool = False) -> None:
    """Raise ValueError unless the value is finite and low <= value <= high, or low < value with open_low."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if not number or not (low < value if open_low else low <= value) or not value <= high:
        interval = f"{'(' if open_low else '['}{low}, {high}{']' if isfinite(high) else ')'}"
        raise ValueError(f"{schedule}: {name} must be in {interval}, got {value!r}")


def check_steps(schedule: str, name: str, value: Any) -> None:
    """Raise ValueError unless the value is a number of steps."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{schedule}: {name} must be a positive integer, got {value!r}")
