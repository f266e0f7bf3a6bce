"""mr.graph(t): the tape behind a tensor as a picture, in the language of Graphviz (DOT)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import takewhile
from operator import attrgetter
from pathlib import Path
from typing import Any

from minirad.backend import Array
from minirad.drawing import Drawing, drawn
from minirad.folding import Box, Folding
from minirad.nn import Module
from minirad.nn.watching import watching
from minirad.tensor import Tensor, Vjp, _observers, _used


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a module, while a model was being recorded."""

    name: str
    kind: str
    outer: Call | None
    leaves: Mapping[int, str]  # the names of the model's parameters, by id


class Graph:
    """A picture of a tape. ``print(graph)`` shows its DOT source; a notebook draws it where Graphviz is installed.

    Attributes:
        dot: the source.
    """

    def __init__(
        self,
        tensor: Tensor,
        *,
        module: Module | None = None,
        params: Mapping[str, Tensor] | None = None,
        constants: bool = False,
        fold: bool = True,
    ) -> None:
        """Draw what tensor was made from: boxes are ops, with the shape and dtype of the result, and arrows data.

        Args:
            tensor: the result of recorded ops, before backward() drops their tape.
            module: its parameters get their names. What was recorded (see recording) knows them already.
            params: names of more tensors, ``{"x": x, "w": w}``.
            constants: show what needs no gradient too, such as the net's input.
            fold: draw what comes several times in a row, such as equal blocks of a net, once, with "× 6". Dashed arrows
                go from one to the next. It is done where it hides 4 ops or more.

        Raises:
            TypeError: tensor is no Tensor. RuntimeError: it has no tape, or no longer.
        """
        ops = recorded(tensor)
        names = {
            id(p): call.leaves[id(p)] for op in ops if (call := _call(op)) for p in op.parents if id(p) in call.leaves
        }
        names |= {id(p): name for name, p in (module.named_parameters() if module else ())}
        names |= {id(p): name for name, p in (params or {}).items()}
        box, folding = boxes(ops), Folding(ops)
        if fold:
            folding.fold(box)
        self.dot = Drawing(tensor, box, folding, names, constants).source()

    @staticmethod
    @contextmanager
    def recording(model: Module) -> Iterator[None]:
        """Inside, note which module of the model makes each op: the picture then has a frame for each call of a module.

        ::

            with mr.graph.recording(model):
                loss = cross_entropy(model(x), y)
            mr.graph(loss)
        """
        if not isinstance(model, Module):
            raise TypeError(f"graph.recording: expected a Module, got {type(model).__name__}")
        names = {id(p): name for name, p in model.named_parameters()}
        calls: list[Call] = []

        def around(name: str, module: Module, run: Any) -> Any:
            calls.append(Call(name, type(module).__name__, calls[-1] if calls else None, names))
            try:
                return run()
            finally:
                calls.pop()

        def observe(node: Tensor) -> None:
            if node.vjp is not None and calls:
                node.vjp = _signed(node.vjp, calls[-1])

        _observers.append(observe)
        try:
            with watching(model, around):
                yield
        finally:
            _observers.remove(observe)

    # ---- showing it

    def __str__(self) -> str:
        return self.dot

    __repr__ = __str__

    def save(self, path: str | Path) -> None:
        """Write the DOT source, which Graphviz, VS Code and many web pages can draw. A picture is made by render()."""
        if Path(path).suffix in (".svg", ".png", ".pdf"):
            raise ValueError(f"graph.save writes DOT source; a picture is made by render({str(path)!r})")
        Path(path).write_text(self.dot, encoding="utf-8")

    def render(self, path: str | Path) -> None:
        """Draw it into a file: ``.svg``, ``.png``, ``.pdf`` or what else Graphviz can write.

        Raises:
            ValueError: the path has no such ending. RuntimeError: Graphviz's program dot is not there.
        """
        ending = Path(path).suffix[1:]
        if not ending:
            raise ValueError(f"graph.render: path must end with .svg, .png or .pdf, got {str(path)!r}")
        Path(path).write_bytes(drawn(self.dot, ending))

    def _repr_svg_(self) -> str | None:
        """What a notebook shows. Without Graphviz None, so that it shows the source instead."""
        return drawn(self.dot, "svg").decode() if shutil.which("dot") else None


def recorded(tensor: Tensor) -> list[Tensor]:
    """The ops on the tape of this tensor, oldest first."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"graph: expected a Tensor, got {type(tensor).__name__}")
    if not tensor.requires_grad:
        raise RuntimeError(
            "graph: this tensor was made without requires_grad=True (or under no_grad()): it has no tape"
        )
    stack, seen = [tensor], {tensor}
    while stack:
        for parent in stack.pop().parents:
            if parent.vjp is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    if any(node.vjp is _used for node in seen):
        raise RuntimeError("graph: backward() has dropped this tape; draw it before, or run the forward pass again")
    return sorted((node for node in seen if node.vjp is not None), key=attrgetter("time"))


def boxes(ops: list[Tensor]) -> Box:
    """All ops in order of time, in a box for each call of a module that was recorded."""
    path: list[Call] = []
    open_boxes = [Box()]
    for i, op in enumerate(ops):
        calls = _path(_call(op))
        same = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], zip(path, calls, strict=False)))
        del open_boxes[same + 1 :]
        for call in calls[same:]:
            box = Box(kind=call.kind, names=[call.name])
            open_boxes[-1].items.append(box)
            open_boxes.append(box)
        open_boxes[-1].items.append(i)
        path = calls
    return open_boxes[0]


def _path(call: Call | None) -> list[Call]:
    """This call and those around it, the outermost first."""
    return [] if call is None else [*_path(call.outer), call]


def _signed(vjp: Vjp, call: Call) -> Vjp:
    """The same function, with the call that it was made in: it goes when the tape goes."""

    @wraps(vjp)
    def signed(g: Array) -> tuple[Array, ...]:
        return vjp(g)

    signed.made_in = call  # type: ignore[attr-defined]
    return signed


def _call(op: Tensor) -> Call | None:
    return getattr(op.vjp, "made_in", None)


graph = Graph  # reads as what it does: mr.graph(loss)
