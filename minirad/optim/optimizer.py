"""Optimizer: what every rule shares, so that a rule's own file holds the rule and nothing else.

The parameters of a group lie side by side in one long vector theta; the ``data`` of each becomes a view of its stretch.
Gradients and states (m, v, ...) are vectors of the same length. A step computes the numbers that depend on t once, and
hands the rule one block of the vectors after the other. A block is small enough to stay in the processor's cache while
the rule goes over it line by line, which is what makes the plain text of the rule fast.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

from minirad.backend import Array, backend_name, to_device, to_host
from minirad.optim.flat import Flat

BLOCK = 32_768  # elements: four float32 vectors of this length and a few intermediates fit into a cache of 1 MiB

# Where each setting must lie: [low, high).
RANGES = {"lr": (0, None), "eps": (0, None), "weight_decay": (0, None), "momentum": (0, None), "beta1": (0, 1), "beta2": (0, 1)}

_live: WeakSet[Optimizer] = WeakSet()


class Optimizer:
    """Base class of the rules.

    A rule names its state vectors in ``states`` and defines ``update(self, theta, g, *states, s)``, which changes theta
    and the states in place for one block. ``s`` holds the group's settings (lr, beta1, ...) and the step t, which starts
    at 1; what else depends on t alone is added by ``scalars(s)``.

    Args:
        params: parameters (anything with arrays .data and .grad), or pairs (name, parameter) as named_parameters()
            gives them, or a list of dictionaries {"params": ..., setting: ...}, the groups.
        defaults: the settings of groups that do not set their own.
        block: elements in a block; None hands over everything in one call, as one wants it in a debugger.

    Raises:
        ValueError: no parameters, one that comes twice or belongs to another live optimizer, a setting out of range.
    """

    states: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any], block: int | None = BLOCK) -> None:
        if block is not None and (not isinstance(block, int) or block < 1):
            raise ValueError(f"{self._name}: block must be a positive integer or None, got {block!r}")
        self.defaults, self.block = defaults, block
        self.param_groups: list[dict[str, Any]] = []
        self._flats: list[list[Flat]] = []
        params = list(params) if isinstance(params, Iterable) else [params]
        if not params:
            raise ValueError(f"{self._name}: no parameters given")
        groups = params if all(isinstance(p, dict) for p in params) else [{"params": params}]
        for group in groups:
            self.add_param_group(group)
        _live.add(self)

    # ---- what a rule defines

    def update(self, theta: Array, g: Array, *states_and_s: Any) -> None:
        """One step of the rule on one block: change theta and the states in place, and leave g as it is."""
        raise TypeError(f"{self._name} does not define update()")

    def scalars(self, s: Any) -> None:
        """Add to s what the rule needs of numbers that depend on t alone. Called once per step and group."""

    def kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Which of the states this group needs; the others are None in update()."""
        return self.states

    # ---- what a training loop calls

    def step(self) -> None:
        """Move every parameter that has a gradient by one step.

        Raises:
            ValueError: a parameter changed its shape, dtype or backend since the optimizer was built, or its gradient
                does not fit it. The message names it; nothing has been changed then.
        """
        for flats in self._flats:
            for flat in flats:
                flat.gather(self._name)
        for group, flats in zip(self.param_groups, self._flats, strict=True):
            for flat in flats:
                self._step(group, flat)

    def _step(self, group: dict[str, Any], flat: Flat) -> None:
        for start, stop, t in flat.runs():
            s = self._settings(group, t)
            block = stop - start if self.block is None or backend_name() == "cupy" else self.block
            for i in range(start, stop, block):
                j = min(i + block, stop)
                states = [vector if vector is None else vector[i:j] for vector in flat.states.values()]
                self.update(flat.theta[i:j], flat.g[i:j], *states, s)
        flat.stepped()

    def _settings(self, group: dict[str, Any], t: int) -> Any:
        s = SimpleNamespace(**group, t=t)
        if "betas" in group:
            s.beta1, s.beta2 = group["betas"]
        self.scalars(s)
        return s

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    # ---- building

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Take over one more group: {"params": parameters or (name, parameter) pairs, setting: value ...}."""
        options = {**self.defaults, **{key: value for key, value in group.items() if key != "params"}}
        if unknown := options.keys() - self.defaults.keys():
            raise ValueError(f"{self._name}: unknown setting {', '.join(sorted(unknown))}; known are {', '.join(self.defaults)}")
        self._check_settings(options)
        names, params = self._named(group.get("params", ()))
        self._check_params(names, params)
        self.param_groups.append({"params": params, "names": names, **options})
        kinds = dict.fromkeys(p.data.dtype for p in params)
        flats = []
        for kind in kinds:
            chosen = [(name, p) for name, p in zip(names, params, strict=True) if p.data.dtype == kind]
            flats.append(Flat(chosen, {name: name in self.kept(options) for name in self.states}))
        self._flats.append(flats)

    def _named(self, params: Any) -> tuple[list[str], list[Any]]:
        params = list(params) if isinstance(params, Iterable) and not hasattr(params, "grad") else [params]
        if all(isinstance(p, tuple) for p in params):
            return [name for name, _ in params], [p for _, p in params]
        first = sum(len(group["params"]) for group in self.param_groups)
        return [str(first + i) for i in range(len(params))], params

    def _check_params(self, names: list[str], params: list[Any]) -> None:
        if not params:
            raise ValueError(f"{self._name}: a group without parameters")
        known = [(p, name) for group in self.param_groups for p, name in zip(group["params"], group["names"], strict=True)]
        for i, (name, p) in enumerate(zip(names, params, strict=True)):
            if not hasattr(p, "data") or not hasattr(p, "grad") or getattr(p.data, "dtype", None) not in ("float32", "float64"):
                raise TypeError(
                    f"{self._name}: parameter {name!r} must have .grad and a float32 or float64 array .data, "
                    f"got {type(p).__name__}"
                )
            if any(p is q for q in params[:i]) or any(p is q or name == other for q, other in known) or name in names[:i]:
                raise ValueError(f"{self._name}: parameter {name!r} is given twice")
            for other in _live:
                if other is not self and any(p is q for group in other.param_groups for q in group["params"]):
                    raise ValueError(
                        f"{self._name}: parameter {name!r} belongs to another live optimizer ({other._name}); delete that one first"
                    )

    def _check_settings(self, options: dict[str, Any]) -> None:
        values = dict(options)
        if "betas" in values:
            betas = values.pop("betas")
            if not isinstance(betas, tuple | list) or len(betas) != 2:
                raise ValueError(f"{self._name}: betas must be two numbers, got {betas!r}")
            values["beta1"], values["beta2"] = betas
        for key, value in values.items():
            if key in RANGES:
                low, high = RANGES[key]
                number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
                if not number or value < low or (high is not None and value >= high):
                    bounds = f"in [{low}, {high})" if high is not None else f"a finite number >= {low}"
                    raise ValueError(f"{self._name}: {key} must be {bounds}, got {value!r}")

    # ---- saving and loading

    def state_dict(self) -> dict[str, Any]:
        """{"state": {parameter name: {"t": ..., "m": array, ...}}, "param_groups": [{setting: ..., "names": [...]}]}.

        The arrays are NumPy copies in the shape of their parameter.
        """
        state = {}
        for flat in self._all_flats():
            for slot in flat.slots:
                arrays = {k: to_host(slot.cut(v)).copy() for k, v in flat.states.items() if v is not None}
                state[slot.name] = {"t": slot.t, **arrays}
        groups = [{key: value for key, value in group.items() if key != "params"} for group in self.param_groups]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Copy a saved state in. The groups must hold parameters of the same names and shapes.

        Raises:
            ValueError: they do not; nothing has been changed then.
        """
        groups, state = state_dict["param_groups"], state_dict["state"]
        if [group["names"] for group in groups] != [group["names"] for group in self.param_groups]:
            raise ValueError(f"{self._name}.load_state_dict: the saved groups hold other parameters")
        for group in groups:
            if group.keys() | {"params"} != {"params", "names"} | self.defaults.keys():
                raise ValueError(f"{self._name}.load_state_dict: the saved settings {sorted(group)} are not of this rule")
            self._check_settings(group)
        for flat in self._all_flats():
            flat.check_state(self._name, state)
        for group, saved in zip(self.param_groups, groups, strict=True):
            group.update({key: value for key, value in saved.items() if key != "names"})
        for flat in self._all_flats():
            for slot in flat.slots:
                slot.t = state[slot.name]["t"]
                for key, vector in flat.states.items():
                    if vector is not None:
                        slot.cut(vector)[...] = to_device(state[slot.name][key])

    def _all_flats(self) -> Iterator[Flat]:
        return (flat for flats in self._flats for flat in flats)

    def __setstate__(self, state: dict[str, Any]) -> None:  # deepcopy comes through here
        vars(self).update(state)
        _live.add(self)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        lines = []
        for group in self.param_groups:
            options = ", ".join(f"{key}={value}" for key, value in group.items() if key not in ("params", "names"))
            lines.append(f"  {len(group['params'])} parameters, {sum(p.data.size for p in group['params'])} numbers: {options}")
        return "\n".join([f"{self._name}(", *lines, ")"])
