"""mr.profile(): where the time goes, op by op.

Timed are the functions of nn.functional, and on the way back the vector-Jacobian products. A function goes by many
names (mr.relu, F.relu, x.relu, an attribute of somebody's model), so no name is rebound: for the time of a profile, the
function's own code makes a detour past the clock. Afterwards it is the old code again, and costs what it always did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from threading import get_ident
from time import perf_counter
from types import FunctionType
from typing import Any

from minirad import functional
from minirad.backend import Array
from minirad.tensor import Tensor, Vjp, _observers, op_name

COLUMNS = "{:{}}  {:>9}  {:>12}  {:>12}  {:>12}  {:>7}  {:>15}"


@dataclass
class Row:
    """What one op cost.

    Attributes:
        op: its name.
        calls: how often its function returned.
        forward: seconds in the function, without those in ops that it calls itself (std calls var).
        backward: seconds in its vector-Jacobian products.
        bytes: the size of its results, views included.
    """

    op: str
    calls: int = 0
    forward: float = 0.0
    backward: float = 0.0
    bytes: int = 0

    @property
    def seconds(self) -> float:
        """Forward and backward together."""
        return self.forward + self.backward


class Clock:
    """Runs while an op does, and knows the ops that it runs inside of.

    Attributes:
        own: the seconds of this op, without those inside.
        made: the tensors that it has made.
    """

    def __init__(self, running: list[Clock]) -> None:
        self.running, self.inside, self.own = running, 0.0, 0.0
        self.made: list[Tensor] = []

    def __enter__(self) -> Clock:
        self.running.append(self)
        self.start = perf_counter()
        return self

    def __exit__(self, *error: Any) -> None:
        seconds = perf_counter() - self.start
        self.running.pop()
        self.own = seconds - self.inside
        if self.running:
            self.running[-1].inside += seconds


class Profile:
    """What ``with mr.profile() as p:`` gives. ``print(p)`` shows the table.

    Attributes:
        seconds: from the beginning of the block to its end.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._rows: dict[str, Row] = {}
        self._running: list[Clock] = []
        self._thread: int | None = None  # the one whose ops are counted, while the block runs

    @property
    def rows(self) -> list[Row]:
        """A row for each op, the most expensive first."""
        return sorted(self._rows.values(), key=lambda row: -row.seconds)

    @property
    def outside(self) -> float:
        """Seconds outside of ops: modules, the engine's part of backward(), the optimizer, data, your own code."""
        return self.seconds - sum(row.seconds for row in self._rows.values())

    def __str__(self) -> str:
        rows = self.rows
        calls, sizes = sum(row.calls for row in rows), sum(row.bytes for row in rows)
        ops = Row("all ops", calls, sum(row.forward for row in rows), sum(row.backward for row in rows), sizes)
        width = max(len(row.op) for row in [*rows, Row("outside ops")])
        lines = [COLUMNS.format("op", width, "calls", "forward ms", "backward ms", "total ms", "share", "bytes")]
        for row in [*rows, ops]:
            times = (_ms(row.forward), _ms(row.backward), _ms(row.seconds), self._share(row.seconds))
            lines.append(COLUMNS.format(row.op, width, f"{row.calls:,}", *times, f"{row.bytes:,}"))
        for name, seconds in (("outside ops", self.outside), ("everything", self.seconds)):
            lines.append(COLUMNS.format(name, width, "", "", "", _ms(seconds), self._share(seconds), "").rstrip())
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-3], rule, *lines[-3:]])

    __repr__ = __str__

    def _share(self, seconds: float) -> str:
        return f"{seconds / self.seconds:.1%}" if self.seconds else "-"

    # ---- counting

    def forward(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """function(*args, **kwargs), timed."""
        if get_ident() != self._thread:
            return function(*args, **kwargs)
        with Clock(self._running) as clock:
            result = function(*args, **kwargs)
        row = self._row(function.__name__)
        row.calls += 1
        row.forward += clock.own
        for tensor in clock.made:  # not what was an argument, or was made by an op inside and counts there
            if tensor is result or (isinstance(result, tuple) and any(tensor is part for part in result)):
                row.bytes += tensor.data.nbytes
        return result

    def backward(self, row: Row, vjp: Vjp, g: Array) -> tuple[Array, ...]:
        """vjp(g), timed."""
        if get_ident() != self._thread:
            return vjp(g)
        with Clock(self._running) as clock:
            gradients = vjp(g)
        row.backward += clock.own
        return gradients

    def observe(self, node: Tensor) -> None:
        """Called with each new tensor."""
        if get_ident() != self._thread:
            return
        if self._running:
            self._running[-1].made.append(node)
        if node.vjp is not None:
            row = self._row(op_name(node))
            node.vjp = wraps(node.vjp, ("__qualname__",))(partial(self.backward, row, node.vjp))
            if not self._running:  # somebody's own op: when its function began is not known
                row.calls += 1
                row.bytes += node.data.nbytes

    def _row(self, op: str) -> Row:
        if op not in self._rows:
            self._rows[op] = Row(op)
        return self._rows[op]


@contextmanager
def profile() -> Iterator[Profile]:
    """Time each op made inside, and the backward() of what was made inside: ``with mr.profile() as p:``, ``print(p)``.

    An op's forward is its function in nn.functional from call to return, without ops inside it; its backward is its
    vector-Jacobian product. All else is "outside ops": modules, the engine's part of backward() (sums of gradients),
    the optimizer, your code, and the forward of ops that are not in nn.functional. The clock itself adds some two
    microseconds to an op. Other threads are not counted. On a GPU, the seconds are those of handing work over to it.
    """
    result = Profile()
    with ExitStack() as stack:
        for function in _functions():
            stack.enter_context(_detour(function, result.forward))
        _observers.append(result.observe)
        stack.callback(_observers.remove, result.observe)
        result._thread, start = get_ident(), perf_counter()
        try:
            yield result
        finally:
            result.seconds, result._thread = perf_counter() - start, None


def _functions() -> Iterator[FunctionType]:
    """Those that nn.functional exports, without the wrapper that some have around them for a second spelling."""
    for name, value in vars(functional).items():
        function = getattr(value, "__wrapped__", value)
        if isinstance(function, FunctionType) and not name.startswith("_") and not function.__code__.co_freevars:
            yield function


@contextmanager
def _detour(function: FunctionType, through: Callable[..., Any]) -> Iterator[None]:
    """Inside, function(...) is through(original, ...), by whatever name it is called."""
    code, defaults = function.__code__, function.__kwdefaults__
    original = FunctionType(code, function.__globals__, function.__name__, function.__defaults__)
    original.__kwdefaults__ = defaults
    # With the old defaults too: another thread may call the function between this line and the next.
    function.__kwdefaults__ = {**(defaults or {}), "_through": partial(through, original)}
    function.__code__ = _entry.__code__
    try:
        yield
    finally:
        function.__code__, function.__kwdefaults__ = code, defaults


def _entry(*args: Any, _through: Callable[..., Any], **kwargs: Any) -> Any:
    return _through(*args, **kwargs)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.3f}" if seconds else "-"
