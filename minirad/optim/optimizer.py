"""Optimizer: what every rule shares, so that a rule's own file holds the rule and nothing else.

The parameters of a group lie side by side in one long vector theta; the ``data`` of each becomes a view of its stretch.
Gradients and states (m, v, ...) are vectors of the same length. A step computes the numbers that depend on t once, and
hands the rule one block of the vectors after the other. A block is small enough to stay in the processor's cache while
the rule goes over it line by line, which is what makes the plain text of the rule fast.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

from minirad.backend import Array, backend_name, to_device, to_host, xp
from minirad.optim.flat import Flat

BLOCK = 32_768  # elements: four float32 vectors of this length and a few intermediates fit into a cache of 1 MiB

# What each setting must be at least, and what it must stay below.
RANGES = dict.fromkeys(("lr", "eps", "weight_decay", "momentum", "dampening"), (0, inf))
RANGES |= dict.fromkeys(("beta1", "beta2"), (0, 1))

_live: WeakSet[Optimizer] = WeakSet()


class Optimizer:
    """Base class of the rules.

    A rule names its state vectors in ``states`` and defines ``update(self, theta, g, *states, s)``, which changes theta
    and the states in place for one block. ``s`` holds the group's settings (lr, beta1, ...) and the step t, which
    starts at 1; what else depends on t alone is added by ``scalars(s)``.

    Args:
        params: parameters (anything with arrays .data and .grad), or pairs (name, parameter) as named_parameters()
            gives them, or a list of dictionaries {"params": ..., setting: ...}, the groups.
        defaults: the settings of groups that do not set their own.
        block: elements in a block; None hands over everything in one call, as one wants it in a debugger.

    Raises:
        ValueError: no parameters, one that comes twice or belongs to another live optimizer, a setting out of range.
        TypeError: something else than parameters. In both cases no parameter has been touched.
    """

    states: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any], block: int | None = BLOCK) -> None:
        if block is not None and (not isinstance(block, int) or block < 1):
            raise ValueError(f"{self._name}: block must be a positive integer or None, got {block!r}")
        self.defaults, self.block = defaults, block
        self.param_groups: list[dict[str, Any]] = []
        params = self._listed(params)
        for group in params if all(isinstance(p, dict) for p in params) else [{"params": params}]:
            self.param_groups.append(self._checked(group))
        self._flats = [self._flatten(group) for group in self.param_groups]
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

    def check(self, options: dict[str, Any]) -> None:
        """Raise ValueError where settings, each in its range, do not go together."""

    # ---- what a training loop calls

    def step(self) -> None:
        """Move every parameter that has a gradient by one step.

        Raises:
            ValueError: a parameter changed its shape, dtype or backend since the optimizer was built, or its gradient
                does not fit it. The message names it; nothing has been changed then.
        """
        for group, flats in zip(self.param_groups, self._flats, strict=True):
            for flat in flats:
                flat.keep(self.kept(group))
                flat.gather(self._name)
        for group, flats in zip(self.param_groups, self._flats, strict=True):
            for flat in flats:
                self._step(group, flat)

    def _step(self, group: dict[str, Any], flat: Flat) -> None:
        for start, stop, t in flat.runs():
            s = self._settings(group, t)
            block = max(stop - start, 1) if self.block is None or backend_name() == "cupy" else self.block
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
        group = self._checked(group)
        self.param_groups.append(group)
        self._flats.append(self._flatten(group))

    def _flatten(self, group: dict[str, Any]) -> list[Flat]:
        """Move the group's parameters into flat vectors, one set for each dtype."""
        named = list(zip(group["names"], group["params"], strict=True))
        kinds = dict.fromkeys(p.data.dtype for p in group["params"])
        return [Flat([(n, p) for n, p in named if p.data.dtype == k], self.states, self.kept(group)) for k in kinds]

    def _checked(self, group: dict[str, Any]) -> dict[str, Any]:
        """The group with names and defaults filled in. Raises where something is wrong, and changes nothing."""
        if not isinstance(group, dict):
            raise TypeError(f"{self._name}: a group must be a dictionary, got {type(group).__name__}")
        options = {**self.defaults, **{key: value for key, value in group.items() if key != "params"}}
        if unknown := options.keys() - self.defaults.keys():
            known = ", ".join(self.defaults)
            raise ValueError(f"{self._name}: unknown setting {', '.join(sorted(unknown))}; known are {known}")
        self._check_settings(options)
        names, params = self._named(group.get("params", ()))
        owners = {id(p): owner for owner in _live for other in owner.param_groups for p in other["params"]}
        own = {id(p) for other in self.param_groups for p in other["params"]}
        own_names = {name for other in self.param_groups for name in other["names"]}
        for name, p in zip(names, params, strict=True):
            array = getattr(p, "data", None)
            if not hasattr(p, "grad") or not isinstance(array, xp.ndarray) or array.dtype not in ("float32", "float64"):
                raise TypeError(
                    f"{self._name}: parameter {name!r} must have .grad and a float32 or float64 array .data of the "
                    f"backend in use, got {type(p).__name__} {getattr(array, 'dtype', '')}"
                )
            if id(p) in own or name in own_names:
                raise ValueError(f"{self._name}: parameter {name!r} is given twice")
            if id(p) in owners:
                raise ValueError(
                    f"{self._name}: parameter {name!r} belongs to another live optimizer ({owners[id(p)]._name}); "
                    "delete that one first"
                )
            own.add(id(p))
            own_names.add(name)
        return {"params": params, "names": names, **options}

    def _named(self, params: Any) -> tuple[list[str], list[Any]]:
        params = [params] if hasattr(params, "grad") else self._listed(params)
        if all(isinstance(p, tuple) and len(p) == 2 for p in params):
            return [name for name, _ in params], [p for _, p in params]
        first = sum(len(group["params"]) for group in self.param_groups)
        return [str(first + i) for i in range(len(params))], params

    def _listed(self, params: Any) -> list[Any]:
        unordered = isinstance(params, str | dict | set | frozenset)
        if unordered or hasattr(params, "grad") or not isinstance(params, Iterable):
            raise TypeError(
                f"{self._name}: params must be a list of parameters, of pairs (name, parameter) or of groups, "
                f"got {type(params).__name__}"
            )
        params = list(params)
        if not params:
            raise ValueError(f"{self._name}: no parameters given")
        return params

    def _check_settings(self, options: dict[str, Any]) -> None:
        values = dict(options)
        if "betas" in values:
            betas = values.pop("betas")
            if not isinstance(betas, tuple | list) or len(betas) != 2:
                raise ValueError(f"{self._name}: betas must be two numbers, got {betas!r}")
            values["beta1"], values["beta2"] = betas
        for key in RANGES.keys() & values:
            value, (low, high) = values[key], RANGES[key]
            if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value < high:
                raise ValueError(f"{self._name}: {key} must be a number in [{low}, {high}), got {value!r}")
        self.check(options)

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
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= state_dict.keys():
            raise ValueError(f"{self._name}.load_state_dict: expected what state_dict() gives, got {state_dict!r:.80}")
        groups, state = state_dict["param_groups"], state_dict["state"]
        if [group.get("names") for group in groups] != [group["names"] for group in self.param_groups]:
            raise ValueError(f"{self._name}.load_state_dict: the saved groups hold other parameters")
        for group in groups:
            if group.keys() != {"names"} | self.defaults.keys():
                raise ValueError(f"{self._name}.load_state_dict: the settings {sorted(group)} are not of this rule")
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

    def __setstate__(self, state: dict[str, Any]) -> None:  # deepcopy and pickle come through here
        vars(self).update(state)
        _live.add(self)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        lines = []
        for group in self.param_groups:
            options = ", ".join(f"{key}={value}" for key, value in group.items() if key not in ("params", "names"))
            numbers = sum(p.data.size for p in group["params"])
            lines.append(f"  {len(group['params'])} parameters, {numbers} numbers: {options}")
        return "\n".join([f"{self._name}(", *lines, ")"])
