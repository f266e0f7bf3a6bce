"""What Python asks of an optimizer: copies and text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minirad.optim import groups

if TYPE_CHECKING:
    from minirad.optim.optimizer import Optimizer


def refuse_copy(self: Optimizer) -> Optimizer:
    """copy.copy(optimizer) is a TypeError."""
    raise TypeError(f"{self.rule}: a shallow copy would share its parameters; use copy.deepcopy, with the model")


def come_back(self: Optimizer, state: dict[str, Any]) -> None:
    """copy.deepcopy and pickle come through here."""
    vars(self).update(state)
    groups.live.add(self)


def text(self: Optimizer) -> str:
    """repr(optimizer): a line for each group."""
    lines = []
    for group in self.param_groups:
        options = ", ".join(f"{key}={value}" for key, value in group.items() if key not in ("params", "names"))
        numbers = sum(p.data.size for p in group["params"])
        lines.append(f"  {len(group['params'])} parameters, {numbers} numbers: {options}")
    return "\n".join([f"{self.rule}(", *lines, ")"])
