"""What an optimizer is built from: parameters, pairs (name, parameter) or groups with settings. Read, or refused.

All of it is checked before anything changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, nan
from numbers import Real
from operator import is_
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from minirad.backend import xp

if TYPE_CHECKING:
    from minirad.optim.flat import Slot
    from minirad.optim.optimizer import Optimizer

# What each setting must be at least, and what it must stay below.
RANGES = dict.fromkeys(("lr", "eps", "weight_decay", "momentum", "dampening"), (0, inf))
RANGES |= dict.fromkeys(("lr_decay", "initial_accumulator_value"), (0, inf))
RANGES |= dict.fromkeys(("alpha", "beta1", "beta2"), (0, 1))
FIXED = ("params", "names")  # what is no setting
FLAGS = ("nesterov", "amsgrad", "centered", "maximize", "hidden_warmup")

live: WeakSet[Optimizer] = WeakSet()  # a parameter belongs to at most one of these


def checked(self: Optimizer, group: Any) -> dict[str, Any]:
    """The group with names and defaults filled in. Raises where something is wrong, and changes nothing."""
    if not isinstance(group, dict):
        raise TypeError(f"{self.rule}: a group must be a dictionary, got {type(group).__name__}")
    options = {**self.defaults, **{key: value for key, value in group.items() if key != "params"}}
    if unknown := options.keys() - self.defaults.keys():
        known = ", ".join(self.defaults)
        raise ValueError(f"{self.rule}: unknown setting {', '.join(sorted(unknown))}; known are {known}")
    check_settings(self, options)
    names, params = named(self, group.get("params", ()))
    # Names, not optimizers: the traceback of an error below would keep the other optimizer alive.
    owners = {id(p): owner.rule for owner in live for other in owner.param_groups for p in other["params"]}
    own = {id(p) for other in self.param_groups for p in other["params"]}
    own_names = {name for other in self.param_groups for name in other["names"]}
    for name, p in zip(names, params, strict=True):
        array = getattr(p, "data", None)
        if not hasattr(p, "grad") or not isinstance(array, xp.ndarray) or array.dtype not in ("float32", "float64"):
            raise TypeError(
                f"{self.rule}: parameter {name!r} must have .grad and a float32 or float64 array .data of the "
                f"backend in use, got {type(p).__name__} {getattr(array, 'dtype', '')}"
            )
        if id(p) in own or name in own_names:
            raise ValueError(f"{self.rule}: parameter {name!r} is given twice")
        if id(p) in owners:
            raise ValueError(
                f"{self.rule}: parameter {name!r} belongs to another live optimizer ({owners[id(p)]}); "
                "delete that one first, or call its release()"
            )
        own.add(id(p))
        own_names.add(name)
    return {"params": params, "names": names, **options}


def named(self: Optimizer, params: Any) -> tuple[list[str], list[Any]]:
    """Names and parameters; without names, a parameter is called by its number."""
    params = [params] if hasattr(params, "grad") else listed(self, params)
    if all(isinstance(p, tuple) and len(p) == 2 for p in params):
        return [name for name, _ in params], [p for _, p in params]
    first = sum(len(group["params"]) for group in self.param_groups)
    return [str(first + i) for i in range(len(params))], params


def listed(self: Optimizer, params: Any) -> list[Any]:
    """The parameters, pairs or groups, in an order and at least one."""
    unordered = isinstance(params, str | dict | set | frozenset)
    if unordered or hasattr(params, "grad") or not isinstance(params, Iterable):
        raise TypeError(
            f"{self.rule}: params must be a list of parameters, of pairs (name, parameter) or of groups, "
            f"got {type(params).__name__}" + (" (is .parameters() missing?)" if hasattr(params, "parameters") else "")
        )
    params = list(params)
    if not params:
        raise ValueError(f"{self.rule}: no parameters given")
    return params


def check_settings(self: Optimizer, options: dict[str, Any]) -> None:
    """Raise ValueError for a setting out of range."""
    values = dict(options)
    if "betas" in values:
        betas = values.pop("betas")
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise ValueError(f"{self.rule}: betas must be two numbers, got {betas!r}")
        values["beta1"], values["beta2"] = betas
    for key in RANGES.keys() & values:
        value, (low, high) = values[key], RANGES[key]
        if not low <= as_float(value) < high:
            raise ValueError(f"{self.rule}: {key} must be a number in [{low}, {high}), got {value!r}")
    for key in options.keys() & FLAGS:
        if not isinstance(options[key], bool):
            raise ValueError(f"{self.rule}: {key} must be True or False, got {options[key]!r}")
    self.check(options)


def as_float(value: Any) -> float:
    """The number; nan where it is none, or one that no float can hold."""
    try:
        return float(value) if isinstance(value, Real) and not isinstance(value, bool) else nan
    except OverflowError:
        return nan


def check_shared(optimizer: str, block: Any, check_finite: Any) -> None:
    """Raise ValueError for an argument of every rule that is wrong."""
    if block is not None and (not isinstance(block, int) or isinstance(block, bool) or block < 1):
        raise ValueError(f"{optimizer}: block must be a positive integer or None, got {block!r}")
    if not isinstance(check_finite, bool):
        raise ValueError(f"{optimizer}: check_finite must be True or False, got {check_finite!r}")


def check_array(optimizer: str, what: str, slot: Slot, array: Any) -> None:
    """Raise unless the array has the shape and dtype of the slot and is of the backend in use."""
    known = isinstance(array, xp.ndarray | xp.generic)  # generic: NumPy's result of arithmetic with shape ()
    if not known or array.shape != slot.shape or array.dtype != slot.theta.dtype:
        got = f"{type(array).__module__}.{type(array).__name__}"
        raise ValueError(
            f"{optimizer}: the {what} of parameter {slot.name!r} must be {slot.theta.dtype} of shape {slot.shape}, as "
            f"when the optimizer was built; got {got} {getattr(array, 'dtype', '')} {getattr(array, 'shape', '')}. "
            "Convert a model first, then build its optimizer"
        )


def check_step(self: Optimizer) -> None:
    """Raise where a setting was changed to what is none, or (check_finite) a gradient is not finite.

    Settings are looked at again only if they are others than at the step before.
    """
    seen: list[dict[str, Any]] = vars(self).setdefault("_seen", [])
    while len(seen) < len(self.param_groups):
        seen.append({})
    for i, group in enumerate(self.param_groups):
        old, lr = seen[i], group.get("lr")
        if type(lr) is float and 0 <= lr < inf:
            old["lr"] = lr  # a schedule changes it at every step
        if len(group) != len(old) or not all(map(is_, group.values(), old.values())):
            check_edited(self, group, f"param_groups[{i}]")
            # A list may be changed in place, so it is looked at each time.
            old.clear()
            old.update({k: None if isinstance(x, list) and k not in FIXED else x for k, x in group.items()})
    if self.check_finite:
        check_finite(self)


def check_edited(self: Optimizer, group: dict[str, Any], where: str) -> None:
    """Raise ValueError for a setting that is out of range or gone."""
    if missing := self.defaults.keys() - group.keys():
        raise ValueError(f"{self.rule}: {where} has no {', '.join(sorted(missing))} any more")
    try:
        check_settings(self, {key: value for key, value in group.items() if key not in FIXED})
    except ValueError as error:
        raise ValueError(f"{error} (in {where})") from None


def check_finite(self: Optimizer) -> None:
    """Raise where a gradient holds NaN or infinity."""
    for slot in (slot for flats in self.flats for flat in flats for slot in flat.slots):
        if slot.parameter.grad is not None and not xp.isfinite(slot.parameter.grad).all():
            raise FloatingPointError(
                f"{self.rule}: the gradient of parameter {slot.name!r} is NaN or infinite at its step {slot.t + 1}; "
                "no parameter has been moved"
            )
