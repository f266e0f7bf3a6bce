"""Saving an optimizer's state by parameter name, and loading it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minirad.backend import to_device, to_host
from minirad.optim.flat import Flat
from minirad.optim.groups import check_settings

if TYPE_CHECKING:
    from minirad.optim.optimizer import Optimizer


def state_dict(self: Optimizer) -> dict[str, Any]:
    """{"state": {parameter name: {"t": ..., "m": array, ...}}, "param_groups": [{setting: ..., "names": [...]}]}.

    The arrays are NumPy copies in the shape of their parameter.
    """
    state = {}
    for flat in _flats(self):
        for slot in flat.slots:
            arrays = {k: to_host(slot.cut(v)).copy() for k, v in flat.states.items() if v is not None}
            state[slot.name] = {"t": slot.t, **arrays}
    groups = [
        {**{key: value for key, value in group.items() if key != "params"}, "names": list(group["names"])}
        for group in self.param_groups
    ]
    return {"state": state, "param_groups": groups}


def load_state_dict(self: Optimizer, state_dict: dict[str, Any]) -> None:
    """Copy a saved state in. The groups must hold parameters of the same names and shapes.

    Raises:
        ValueError: they do not; nothing has been changed then.
    """
    if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= state_dict.keys():
        raise ValueError(f"{self.rule}.load_state_dict: expected what state_dict() gives, got {state_dict!r:.80}")
    groups, state = state_dict["param_groups"], state_dict["state"]
    if not all(isinstance(group, dict) for group in groups) or not isinstance(state, dict):
        raise ValueError(f"{self.rule}.load_state_dict: expected dictionaries in {state_dict!r:.80}")
    if [group.get("names") for group in groups] != [group["names"] for group in self.param_groups]:
        raise ValueError(f"{self.rule}.load_state_dict: the saved groups hold other parameters")
    for group in groups:
        if group.keys() - {"initial_lr"} != {"names"} | self.defaults.keys():  # initial_lr: a schedule was at work
            raise ValueError(f"{self.rule}.load_state_dict: the settings {sorted(group)} are not of this rule")
        check_settings(self, group)
    for flats, saved in zip(self.flats, groups, strict=True):
        for flat in flats:
            check_state(self.rule, flat, state, self.kept(saved))
    for group, flats, saved in zip(self.param_groups, self.flats, groups, strict=True):
        group.update({key: value for key, value in saved.items() if key != "names"})
        for flat in flats:
            kept = state[flat.slots[0].name].keys() - {"t"}
            flat.keep(kept)  # the saved optimizer may have had momentum, say, and this one not yet, or the other way
            flat.states.update({key: None for key in flat.states if key not in kept})
            flat.new = ()
            for slot in flat.slots:
                slot.t = state[slot.name]["t"]
                for key in kept:
                    slot.cut(flat.states[key])[...] = to_device(state[slot.name][key])


def check_state(optimizer: str, flat: Flat, state: dict[str, Any], needed: tuple[str, ...]) -> None:
    """Raise where a saved state does not fit the slots, or lacks what is needed."""
    kept = state.get(flat.slots[0].name, {}).keys() & flat.states.keys() | set(needed)
    for slot in flat.slots:
        saved = state.get(slot.name, {})
        if saved.keys() != {"t"} | kept or not isinstance(saved["t"], int) or saved["t"] < 0:
            raise ValueError(
                f"{optimizer}.load_state_dict: {slot.name!r} needs {', '.join(['t >= 0', *sorted(kept)])}, "
                f"got {saved!r:.80}"
            )
        for name in kept:
            shape = getattr(saved[name], "shape", None)
            if shape != slot.shape or saved[name].dtype.kind != "f":
                raise ValueError(
                    f"{optimizer}.load_state_dict: {name} of {slot.name!r} must be floats of shape {slot.shape}, "
                    f"got {getattr(saved[name], 'dtype', type(saved[name]).__name__)} {shape}"
                )


def _flats(self: Optimizer) -> Iterator[Flat]:
    return (flat for flats in self.flats for flat in flats)
