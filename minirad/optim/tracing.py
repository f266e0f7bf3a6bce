"""optim.trace: every number of an optimizer's steps, for a few chosen coordinates, while the training goes on.

Before each step the chosen elements of theta, g and the states are copied: a few small arrays. The rows are made when
they are asked for, by running the rule's own update() on these copies. So training runs at its usual speed through its
usual code, and what the rows show is what that code does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from types import SimpleNamespace
from typing import Any

import numpy as np

from minirad.backend import Array, to_device, to_host
from minirad.optim import trace_rows
from minirad.optim.flat import Flat, Slot
from minirad.optim.optimizer import Optimizer
from minirad.optim.trace_lines import Line, lines_of

Index = int | tuple[int, ...]
DEFAULT = 10  # coordinates


class Moment:
    """What a step is replayed from: copies of the chosen elements before the step, and the step's numbers."""

    __slots__ = ("g", "labels", "s", "states", "theta")

    def __init__(self, flat: Flat, s: Any, where: Any, labels: Sequence[tuple[str, str]]) -> None:
        self.s, self.labels = s, labels
        self.theta, g = flat.theta[where].copy(), flat.g[where].copy()
        self.g = -g if s.maximize else g
        self.states = [None if vector is None else vector[where].copy() for vector in flat.states.values()]


class Trace:
    """A recorder of an optimizer's steps, made by :func:`trace`. Print it, or take its rows.

    Attributes:
        lines: the lines of the algorithm (name, text), in order: where the columns come from. What they are depends on
            the settings (decay, momentum ...): these are the first group's, as it was when the trace began.
        rows: a NumPy structured array, one row for each step and coordinate, with the fields t, parameter, index, lr
            and the names of the lines: float64, nan where a number does not exist; branch is a word.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        coordinates: Mapping[str, Index | Iterable[Index]] | None = None,
        norms: str | Iterable[str] = (),
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"trace: expected an Optimizer, got {type(optimizer).__name__}")
        if type(optimizer)._step is not Optimizer._step:
            raise TypeError(f"trace: {optimizer.rule} has no update() to replay")
        if "_step" in vars(optimizer):
            raise ValueError(f"trace: this {optimizer.rule} is being traced already; call stop() of that trace first")
        self.optimizer = optimizer
        self.lines = lines_of(optimizer, (optimizer.param_groups or [optimizer.defaults])[0])
        slots = {slot.name: slot for flats in optimizer.flats for flat in flats for slot in flat.slots}
        self._norms = [norms] if isinstance(norms, str) else list(norms)
        if coordinates is None:
            some = [] if self._norms else [name for name, slot in slots.items() if slot.parameter.data.size]
            coordinates = dict.fromkeys(some[:DEFAULT], 0)
        if unknown := [name for name in (*coordinates, *self._norms) if name not in slots]:
            raise ValueError(f"trace: no parameter {unknown[0]!r}; there are {', '.join(slots)}")
        self._chosen = {name: list(offsets(slots[name], where)) for name, where in coordinates.items()}
        self._plans: dict[tuple[int, int, int], tuple[Any, list[tuple[str, str]]]] = {}
        self._records: list[Moment | dict[str, Any]] = []
        optimizer._step = self._step  # type: ignore[method-assign]

    # ---- recording

    def stop(self) -> None:
        """Leave the optimizer alone from now on. The rows stay."""
        vars(self.optimizer).pop("_step", None)

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, *error: Any) -> None:
        self.stop()

    def _step(self, group: dict[str, Any], flat: Flat) -> None:
        rule = self.optimizer
        flat.keep(rule.kept(group))
        for start, stop, t in flat.runs():
            s = rule._settings(group, t, flat.new)
            where, labels = self._plan(flat, start, stop)
            if labels:
                self._records.append(Moment(flat, s, where, labels))
            for slot in flat.slots if self._norms else ():
                if slot.name in self._norms and start <= slot.start < stop and slot.stop > slot.start:
                    self._records.append(self._rms(Moment(flat, s, slice(slot.start, slot.stop), [(slot.name, "rms")])))
        Optimizer._step(rule, group, flat)

    def _plan(self, flat: Flat, start: int, stop: int) -> tuple[Any, list[tuple[str, str]]]:
        """The chosen elements in a stretch: their places in the long vector, and (parameter, index) of each."""
        key = (id(flat), start, stop)
        if key not in self._plans:
            slots = [slot for slot in flat.slots if start <= slot.start < stop and slot.name in self._chosen]
            places = [slot.start + offset for slot in slots for offset, _ in self._chosen[slot.name]]
            labels = [(slot.name, label) for slot in slots for _, label in self._chosen[slot.name]]
            self._plans[key] = to_device(np.array(places, int)), labels
        return self._plans[key]

    # ---- replaying

    def replay(self, t: int) -> None:
        """Run update() once more on the copies of step t: set a breakpoint in it first, and step through."""
        for moment in self._records:
            if isinstance(moment, Moment) and moment.s.t == t:
                self._values(moment)

    def _values(self, moment: Moment) -> dict[str, Any]:
        """What each line of the algorithm gave at this moment, on the host and in float64."""
        theta, g = moment.theta.copy(), moment.g
        states = [None if state is None else state.copy() for state in moment.states]
        with np.errstate(all="ignore"):  # the step itself has warned already
            self.optimizer.update(theta, g, *states, moment.s)
            x = SimpleNamespace(**vars(moment.s), g=_wide(g), theta=_wide(theta), theta_before=_wide(moment.theta))
            vars(x).update({name: _wide(state) for name, state in zip(self.optimizer.states, states, strict=True)})
            lines = lines_of(self.optimizer, vars(moment.s))  # as the settings were then
            for line in lines:
                if line.value is not None:
                    setattr(x, line.name, line.value(x))
        return {"t": x.t, "lr": x.lr} | {line.name: getattr(x, line.name) for line in lines}

    def _rms(self, moment: Moment) -> dict[str, Any]:
        """The root mean squares over a whole parameter."""
        values = self._values(moment)
        [(parameter, index)] = moment.labels
        means = {k: float(np.sqrt(np.mean(x**2))) if isinstance(x, np.ndarray) else x for k, x in values.items()}
        return {"parameter": parameter, "index": index, **means}

    def _dicts(self) -> Iterator[dict[str, Any]]:
        for record in self._records:
            if isinstance(record, Moment):
                values = self._values(record)
                for i, (parameter, index) in enumerate(record.labels):
                    own = {k: x[i] if isinstance(x, np.ndarray) else x for k, x in values.items()}
                    yield {"parameter": parameter, "index": index, **own}
            else:
                yield record

    # ---- showing

    def lines_for(self, parameter: str) -> list[Line]:
        """The lines of the algorithm with the settings that this parameter's group has now.

        Raises:
            ValueError: there is no such parameter.
        """
        for group in self.optimizer.param_groups:
            if parameter in group["names"]:
                return lines_of(self.optimizer, group)
        raise ValueError(f"trace: no parameter {parameter!r}")

    @property
    def rows(self) -> np.ndarray:
        """All rows so far, step by step."""
        return trace_rows.structured(self._dicts(), ["lr", *(line.name for line in self.lines)])

    def table(self, columns: Sequence[str] | None = None) -> str:
        """A table for each coordinate, as text; of some columns, or of those that fit on a screen."""
        return trace_rows.table(self.rows, columns)

    def __repr__(self) -> str:
        return self.table()

    def to_csv(self, path: Any) -> None:
        """Write the rows as comma-separated values, with a header."""
        trace_rows.to_csv(self.rows, path)

    def to_jsonl(self, path: Any) -> None:
        """Write the rows as JSON Lines; null where a number does not exist."""
        trace_rows.to_jsonl(self.rows, path)


def trace(
    optimizer: Optimizer,
    coordinates: Mapping[str, Index | Iterable[Index]] | None = None,
    norms: str | Iterable[str] = (),
) -> Trace:
    """Record every number of the optimizer's steps from now on: g, m, v, m_hat, v_hat, rho, r, the step size ...

    ::

        with mr.optim.trace(optimizer, {"0.weight": [(0, 3), (1, 3)]}, norms=["0.bias"]) as steps:
            ...  # train
        print(steps)

    Args:
        optimizer: any rule. A known one is shown with all lines of its algorithm, another one with its states.
        coordinates: for each parameter name one index or several, an index being a place in the flattened parameter or
            a tuple. None takes the first element of each parameter, of ten at most (of none if there are norms).
        norms: names of parameters of which to record root mean squares over all elements. Each costs a step on a copy.

    Raises:
        TypeError: no optimizer, or one without update(). ValueError: an unknown parameter, or an optimizer that is
            being traced already. IndexError: an index out of range. In each case nothing has changed.
    """
    return Trace(optimizer, coordinates, norms)


def offsets(slot: Slot, where: Index | Iterable[Index]) -> Iterator[tuple[int, str]]:
    """(place in the flattened parameter, index as text) for one index or several."""
    several: Iterable[Any] = where if isinstance(where, Iterable) and not isinstance(where, tuple) else [where]
    for index in several:
        size = slot.stop - slot.start
        try:
            one = isinstance(index, Integral)  # NumPy's integers too
            place = range(size)[index] if one else int(np.ravel_multi_index(index, slot.shape))
        except (IndexError, ValueError, TypeError):
            raise IndexError(f"trace: parameter {slot.name!r} of shape {slot.shape} has no index {index!r}") from None
        yield place, ", ".join(map(str, np.unravel_index(place, slot.shape)))


def _wide(array: Array | None) -> np.ndarray | None:
    return None if array is None else to_host(array).astype(np.float64)
