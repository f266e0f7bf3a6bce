"""A tape in DOT, the language of Graphviz: nodes, arrows, and frames around what belongs together."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import count

from minirad.folding import Box, Folding
from minirad.nn import Parameter
from minirad.tensor import Tensor, op_name

Path = tuple[Box, ...]  # the boxes around a node, the outermost first

HEAD = """\
digraph tape {
  graph [fontname="Helvetica", fontsize=11, fontcolor="#555555", color="#999999", style=rounded, ranksep=0.2]
  node [fontname="Helvetica", fontsize=11, height=0.3, margin="0.1,0.04"]
  edge [color="#555555", arrowsize=0.6]"""
# The colours are those of Okabe and Ito, which the colour-blind can tell apart, made pale.
STYLES = {
    "op": 'shape=box, style="rounded,filled", fillcolor="#D9EEFA", color="#0072B2"',
    "parameter": 'shape=box, style=filled, fillcolor="#FBEBCC", color="#B37400"',
    "leaf": 'shape=ellipse, style=filled, fillcolor="#CCECE3", color="#00694D"',
    "constant": 'shape=box, style=dotted, fontcolor="#555555"',
}


class Drawing:
    """What is drawn of a tape.

    Args:
        result: the tensor whose tape it is.
        box: all ops of the tape, in boxes.
        folding: the ops, and which of them were folded away.
        names: of leaves, by id.
        constants: whether to draw what needs no gradient.
    """

    def __init__(self, result: Tensor, box: Box, folding: Folding, names: Mapping[int, str], constants: bool) -> None:
        self.box, self.folding, self.names, self.constants = box, folding, names, constants
        self.paths = dict(_paths(box, (box,)))  # of the ops that are drawn
        self.leaves: dict[Tensor, Path] = {} if self.paths else {result: (box,)}
        self.numbers = dict.fromkeys(self.leaves, 0)
        self.arrows: list[str] = []
        self.frames = count()
        for i in self.paths:
            self._arrows_to(i)
        # What goes from one unit of a run to the next has become an arrow back to the start of the unit.
        back = {(folding.stands(j), folding.stands(i)): None for j, i in folding.arrows() if i not in self.paths}
        self.arrows += [f"op{j} -> op{i} [style=dashed, constraint=false]" for j, i in back if j >= i]

    def _arrows_to(self, i: int) -> None:
        """From the parents of op i, or from those that stand for them."""
        leaves, ops = [], []
        for parent in self.folding.ops[i].parents:
            if (place := self.folding.place.get(parent)) is not None:
                start = self.folding.stands(place)
                if start == place or start not in ops:  # x * x has two arrows, but all that was folded has one
                    ops.append(start)
            elif self.constants or parent.requires_grad:
                path = self.leaves.get(parent, self.paths[i])  # a leaf stands in the smallest box with all its users
                self.leaves[parent] = tuple(a for a, b in zip(path, self.paths[i], strict=False) if a is b)
                leaves.append(self.numbers.setdefault(parent, len(self.numbers)))
        # With a row of their own, leaves stay below the frame before theirs, and the frames below each other.
        row = " [minlen=2]" if leaves else ""
        self.arrows += [f"op{j} -> op{i}{row}" for j in ops] + [f"leaf{j} -> op{i}" for j in leaves]

    def source(self) -> str:
        """The DOT source."""
        return "\n  ".join([HEAD, *self._inside(self.box, (self.box,)), *self.arrows]) + "\n}\n"

    def _inside(self, box: Box, path: Path, name: str = "") -> Iterator[str]:
        """The nodes and frames in a box."""
        for leaf, its_path in self.leaves.items():
            if its_path == path:
                yield self._leaf(leaf)
        for item in box.items:
            if isinstance(item, int):
                op = self.folding.ops[item]
                yield f"op{item} [{STYLES['op']}, label={_label(op, op_name(op), name)}]"
            elif item.times == 1 and len(item.items) == 1 and isinstance(item.items[0], int):
                yield from self._inside(item, (*path, item), item.names[0])  # a frame around one op would say little
            else:
                yield f"subgraph cluster{next(self.frames)} {{"
                yield f"  label={_quoted(_title(item))}"
                yield from ("  " + line for line in self._inside(item, (*path, item)))
                yield "}"

    def _leaf(self, leaf: Tensor) -> str:
        kind = "constant" if not leaf.requires_grad else "parameter" if isinstance(leaf, Parameter) else "leaf"
        return f"leaf{self.numbers[leaf]} [{STYLES[kind]}, label={_label(leaf, self.names.get(id(leaf), kind))}]"


def _paths(box: Box, path: Path) -> Iterator[tuple[int, Path]]:
    for item in box.items:
        if isinstance(item, int):
            yield item, path
        else:
            yield from _paths(item, (*path, item))


def _title(box: Box) -> str:
    names = list(dict.fromkeys(box.names))
    name = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}" if names else ""
    title = ": ".join(part for part in (name, box.kind) if part)
    return f"{title} × {box.times}".strip() if box.times > 1 else title


def _label(node: Tensor, *words: str) -> str:
    return _quoted("  ".join(word for word in words if word), f"{node.shape} {node.dtype}")


def _quoted(*lines: str) -> str:
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'


def drawn(dot: str, ending: str) -> bytes:
    """The picture that Graphviz makes of it, in the format with this ending.

    Raises:
        RuntimeError: the program dot is not installed. ValueError: it does not know the format.
    """
    if shutil.which("dot") is None:
        raise RuntimeError(
            "graph: drawing needs Graphviz's program dot (apt install graphviz, brew install graphviz, "
            "winget install graphviz); print(graph) and save() give the source without it"
        )
    result = subprocess.run(["dot", f"-T{ending}"], input=dot.encode(), capture_output=True)
    if result.returncode:
        raise ValueError(f"graph: dot can't write {ending!r}: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout
