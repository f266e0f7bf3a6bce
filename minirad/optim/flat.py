"""Flat: the parameters of one group and dtype, side by side in one vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from minirad.backend import Array, xp
from minirad.optim.groups import check_array


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

    def take(self, place: Array, array: Array) -> None:
        """Copy in what was assigned, so that the vectors stay whole."""
        place[...] = array
        if place is self.theta:
            self.parameter.data = place
            self.written()
        elif array is not self.parameter.grad:
            self.parameter.grad = place

    def written(self) -> None:
        """Tell the parameter, if it is one that listens, that its data changed."""
        if hasattr(self.parameter, "written"):
            self.parameter.written()


class Flat:
    """The vectors theta, g and the states, and the slots of the parameters in them."""

    def __init__(self, named: Iterable[tuple[str, Any]], states: Iterable[str], kept: Iterable[str]) -> None:
        self.slots: list[Slot] = []
        size = 0
        for name, parameter in named:
            self.slots.append(Slot(name, parameter, size))
            size = self.slots[-1].stop
        dtype = self.slots[0].parameter.data.dtype
        self.new = kept = tuple(kept)  # states that no step has used yet
        # Two allocations, not one for each vector: the system gives large pages to large ones, and a step gets faster.
        self.theta, self.g = xp.zeros((2, size), dtype)
        self.states: dict[str, Array] = dict.fromkeys(states)
        self.states |= dict(zip(kept, xp.zeros((len(kept), size), dtype), strict=True))
        for slot in self.slots:
            slot.theta, slot.g = slot.cut(self.theta), slot.cut(self.g)
            slot.theta[...] = slot.parameter.data
            slot.parameter.data = slot.theta
            if hasattr(slot.parameter, "grad_home"):  # a Tensor sums its gradient up right there
                slot.parameter.grad_home = slot.g

    def keep(self, names: Iterable[str]) -> None:
        """Have vectors for these states; one that is new starts at 0."""
        for name in (name for name in names if self.states[name] is None):
            self.states[name], self.new = xp.zeros_like(self.theta), (*self.new, name)

    def gather(self, optimizer: str) -> list[tuple[Slot, Array, Array]]:
        """What was assigned to parameters from outside, checked: (slot, its view in theta or g, the array)."""
        moves = []
        for slot in self.slots:
            p = slot.parameter
            for place, array, what in ((slot.theta, p.data, "data"), (slot.g, p.grad, "gradient")):
                if array is not place and (array is not None or what == "data"):
                    check_array(optimizer, what, slot, array)
                    # A view may be another parameter's piece, which other moves overwrite.
                    moves.append((slot, place, array if array.base is None else array.copy()))
        return moves

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Stretches (start, stop, t) of neighbours that have a gradient and make the same step t."""
        for (ready, t), slots in groupby(self.slots, key=lambda slot: (slot.parameter.grad is not None, slot.t)):
            if ready:
                run = list(slots)
                yield run[0].start, run[-1].stop, t + 1

    def stepped(self) -> None:
        """Count the step for every parameter that had a gradient, and tell it that its data changed."""
        self.new = ()
        for slot in self.slots:
            if slot.parameter.grad is not None:
                slot.t += 1
                slot.written()

    def __reduce__(self) -> Any:
        # deepcopy and pickle: views copied one by one would no longer share the vectors' memory.
        return rebuild, ([(slot.name, slot.parameter) for slot in self.slots], self.states, [s.t for s in self.slots])


def rebuild(named: list[tuple[str, Any]], states: dict[str, Array], steps: list[int]) -> Flat:
    """A Flat of these parameters that goes on from these states after so many steps."""
    flat = Flat(named, states, ())
    flat.states = states
    for slot, t in zip(flat.slots, steps, strict=True):
        slot.t = t
    return flat
