"""LRScheduler: what every schedule shares."""

from __future__ import annotations

from math import inf, isfinite
from numbers import Real
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
        self.arguments = {name: _plain(value) for name, value in vars(self).items()}  # what a subclass has set before
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])  # as in PyTorch: another schedule may have changed lr already
        self._set(1)

    def factor(self, t: int) -> float:
        """What the starting rate is multiplied with at step t."""
        raise TypeError(f"{type(self).__name__} does not define factor()")

    def rate(self, base: float, t: int, i: int) -> float:
        """The rate of group i at step t, if it starts from ``base``."""
        return base * self.factor(t)

    def step(self) -> None:
        """Go on to the next step's rate.

        Raises:
            ValueError: the optimizer got another group since; nothing has been changed then.
        """
        self._set(self.t + 1)

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    @property
    def base_lrs(self) -> list[float]:
        """The rate of each group at the start."""
        return [group["initial_lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What load_state_dict needs to go on, and the schedule's arguments, to tell another one by."""
        name, arguments = type(self).__name__, dict(self.arguments)
        return {"t": self.t, "base_lrs": self.base_lrs, "schedule": name, "arguments": arguments}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where state_dict() was called. The rates are the optimizer's, and its state has them.

        Raises:
            ValueError: it is of another schedule, has other arguments or another number of groups, or a t that is none;
                nothing has been changed then.
        """
        name, groups = type(self).__name__, self.optimizer.param_groups
        if not isinstance(state_dict, dict) or not {"t", "base_lrs"} <= state_dict.keys():
            raise ValueError(f"{name}.load_state_dict: expected what state_dict() gives, got {state_dict!r:.80}")
        t, rates = state_dict["t"], state_dict["base_lrs"]
        if len(rates) != len(groups):
            raise ValueError(f"{name}.load_state_dict: {len(rates)} rates for {len(groups)} groups")
        own = {"schedule": name, **self.arguments}
        saved = {"schedule": state_dict.get("schedule", name), **state_dict.get("arguments", self.arguments)}
        for key in {**own, **saved}:
            if own.get(key) != saved.get(key):
                raise ValueError(f"{name}.load_state_dict: {key} was {saved.get(key)!r}, is {own.get(key)!r}")
        if not isinstance(t, int) or isinstance(t, bool) or t < 0:
            raise ValueError(f"{name}.load_state_dict: t must be a whole number >= 0, got {t!r}")
        for rate in rates:
            check_number(f"{name}.load_state_dict", "base_lrs", rate, 0, inf)
        self.t = t
        for group, rate in zip(groups, rates, strict=True):
            group["initial_lr"] = rate

    def _set(self, t: int) -> None:
        groups = self.optimizer.param_groups
        if any("initial_lr" not in group for group in groups):
            raise ValueError(f"{type(self).__name__}: the optimizer got another group since; build the schedule last")
        rates = [self.rate(group["initial_lr"], t, i) for i, group in enumerate(groups)]
        self.t = t
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate


def _plain(value: Any) -> Any:
    """An argument as JSON has it; None for a function, which can't be compared."""
    if isinstance(value, LRScheduler):
        return {"schedule": type(value).__name__, **value.arguments}
    if isinstance(value, list | tuple):
        return [_plain(x) for x in value]
    return value if isinstance(value, Real | str) else None


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
