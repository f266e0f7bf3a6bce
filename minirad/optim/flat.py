"""Flat: the parameters of one group and dtype, side by side in one vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import groupby
from typing import Any

from minirad.backend import Array, xp


class Slot:
    """Where one parameter lives: elements start to stop, and how many steps t it has made."""

    __slots__ = ("g", "name", "parameter", "shape", "start", "stop", "t", "theta")

    def __init__(self, name: str, parameter: Any, start: int) -> None:
        self.name, self.parameter, self.t = name, parameter, 0
        self.shape: tuple[int, ...] = parameter.data.shape
        self.start, self.stop = start, start + parameter.data.size
        self.theta: Array = None  # views of the parameter's stretch of the long vectors
        self.g: Array = None

    def cut(self, vector: Array) -> Array:
        """The parameter's stretch of a vector, in the parameter's shape: a view."""
        return vector[self.start : self.stop].reshape(self.shape)


class Flat:
    """The vectors theta, g and the states, and the slots of the parameters in them."""

    def __init__(self, named: Iterable[tuple[str, Any]], states: dict[str, bool]) -> None:
        self.slots: list[Slot] = []
        size = 0
        for name, parameter in named:
            self.slots.append(Slot(name, parameter, size))
            size = self.slots[-1].stop
        dtype = self.slots[0].parameter.data.dtype
        self.theta = xp.empty(size, dtype)
        self.g = xp.zeros(size, dtype)
        self.states = {name: xp.zeros(size, dtype) if kept else None for name, kept in states.items()}
        for slot in self.slots:
            slot.theta, slot.g = slot.cut(self.theta), slot.cut(self.g)
            slot.theta[...] = slot.parameter.data
            slot.parameter.data = slot.theta
            if hasattr(slot.parameter, "grad_home"):  # a Tensor sums its gradient up right there
                slot.parameter.grad_home = slot.g

    def gather(self, optimizer: str) -> None:
        """See that the data and the gradient of every parameter are in the vectors."""
        for slot in self.slots:
            p = slot.parameter
            if p.data is not slot.theta:  # p.data = ... since the last step: copied in, so that theta stays one vector
                slot_check(optimizer, slot, "was", p.data)
                slot.theta[...] = p.data
                p.data = slot.theta
            if p.grad is not None and p.grad is not slot.g:
                slot_check(optimizer, slot, "has a gradient that is", p.grad)
                slot.g[...] = p.grad

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Stretches (start, stop, t) of neighbours that have a gradient and make the same step t."""
        for (ready, t), slots in groupby(self.slots, key=lambda slot: (slot.parameter.grad is not None, slot.t)):
            if ready:
                run = list(slots)
                yield run[0].start, run[-1].stop, t + 1

    def stepped(self) -> None:
        """Count the step for every parameter that had a gradient, and tell it that its data changed."""
        for slot in self.slots:
            if slot.parameter.grad is not None:
                slot.t += 1
                if hasattr(slot.parameter, "written"):
                    slot.parameter.written()

    def check_state(self, optimizer: str, state: dict[str, Any]) -> None:
        """Raise where a saved state does not fit the slots."""
        kept = {name for name, vector in self.states.items() if vector is not None}
        for slot in self.slots:
            saved = state.get(slot.name, {})
            if saved.keys() != {"t"} | kept:
                raise ValueError(f"{optimizer}.load_state_dict: {slot.name!r} needs t, {kept}; got {sorted(saved)}")
            for name in kept:
                if saved[name].shape != slot.shape:
                    raise ValueError(
                        f"{optimizer}.load_state_dict: {name} of {slot.name!r} must have shape {slot.shape}, "
                        f"got {saved[name].shape}"
                    )

    def __deepcopy__(self, memo: dict[int, Any]) -> Flat:
        # Views copied one by one would no longer share the vectors' memory: build the copy anew from copied parameters.
        named = [(slot.name, deepcopy(slot.parameter, memo)) for slot in self.slots]
        copy = Flat(named, {name: vector is not None for name, vector in self.states.items()})
        for name, vector in self.states.items():
            if vector is not None:
                copy.states[name][...] = vector
        for old, new in zip(self.slots, copy.slots, strict=True):
            new.t = old.t
        return copy


def slot_check(optimizer: str, slot: Slot, what: str, array: Any) -> None:
    """Raise unless the array has the shape, dtype and array type of the slot."""
    if type(array) is not type(slot.theta) or array.shape != slot.shape or array.dtype != slot.theta.dtype:
        got = f"{type(array).__module__}.{type(array).__name__}"
        got += f" {getattr(array, 'dtype', '')} {getattr(array, 'shape', '')}"
        raise ValueError(
            f"{optimizer}: parameter {slot.name!r} is {slot.theta.dtype} {slot.shape} here but {what} changed to {got}; "
            "convert the model first, then build the optimizer"
        )
