"""Finding what repeats in a tape, so that a drawing of it shows six equal blocks once.

The ops stand in order of time. A box holds those that one call of a module made, in boxes of their own where modules in
it made them. Where some items of a box, ops or boxes, come again and again, alike in all but the numbers, that is a run
of units. Its first unit is drawn, and each op of that unit stands for those at its place in the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from minirad.tensor import Tensor, op_name

LONGEST = 32  # items in a unit
WORTH = 4  # ops that a run must hide: a tape of a few ops is shown as it is


@dataclass(eq=False)
class Box:
    """Ops, as places on the tape, and boxes in order of time.

    Attributes:
        items: what is in it.
        kind: what makes two boxes alike, the type of the module.
        names: of the modules that were called.
        times: how often it comes in a row.
    """

    items: list[int | Box] = field(default_factory=list)
    kind: str = ""
    names: list[str] = field(default_factory=list)
    times: int = 1

    def places(self) -> list[int]:
        """All ops in it."""
        return [place for item in self.items for place in ([item] if isinstance(item, int) else item.places())]


class Folding:
    """Folds the runs in a box, in place.

    Attributes:
        kept: for each op that was folded away, the op that stands for it.
    """

    def __init__(self, ops: Sequence[Tensor]) -> None:
        self.ops, self.place = ops, {op: i for i, op in enumerate(ops)}
        self.kept: dict[int, int] = {}

    def stands(self, place: int) -> int:
        """The op that is drawn for this one: itself, if nothing was folded away."""
        while place in self.kept:
            place = self.kept[place]
        return place

    def arrows(self) -> Iterator[tuple[int, int]]:
        """(parent, op) for all pairs of ops."""
        return ((self.place[p], i) for i, op in enumerate(self.ops) for p in op.parents if p in self.place)

    def fold(self, box: Box) -> None:
        """Replace each run in this box by its first unit, then do the same in the boxes that stayed."""
        items, box.items, i = box.items, [], 0
        while i < len(items):
            start, length, times = self._run(items, i)
            box.items += items[i:start]
            i = start + length * times
            units = [items[start + length * n : start + length * (n + 1)] for n in range(times)]
            if units:
                box.items.append(self._folded(units))
        for item in box.items:
            if isinstance(item, Box):
                self.fold(item)

    def _run(self, items: list[int | Box], i: int) -> tuple[int, int, int]:
        """(where it starts, items of a unit, units) of the best run that starts at item i, or no units."""
        most, best = WORTH - 1, (i + 1, 1, 0)
        for length in range(1, min(LONGEST, (len(items) - i) // 2) + 1):
            if best[2] and length % best[1] == 0:
                continue  # the same run in larger units
            times, ops = self._count(items, i, length)
            if (times - 1) * ops > most:
                most, best = (times - 1) * ops, (i, length, times)
        _, length, times = best
        if not times:
            return best
        # Blocks end as what stands before the first of them ends, a ReLU say. So of runs of the same size that start at
        # i or inside of its first unit, the last has the blocks as they are meant.
        starts = range(i, i + length)
        return max((self._count(items, s, length)[0], s) for s in starts)[1], length, times

    def _count(self, items: list[int | Box], i: int, length: int) -> tuple[int, int]:
        """How many units of this length follow each other from item i on, and how many ops each has."""
        first = _first(items[i])
        ops, times = (_first(items[i + length]) - first if i + length < len(items) else 0), 1
        while i + length * (times + 1) <= len(items) and all(
            self._alike(items[i + length * (times - 1) + k], items[i + length * times + k], ops, first)
            for k in range(length)
        ):
            times += 1
        return times, ops

    def _alike(self, a: int | Box, b: int | Box, shift: int, first: int) -> bool:
        """Whether b repeats a, which is in the unit before, ``shift`` ops earlier. The run begins at op first."""
        if isinstance(a, Box) and isinstance(b, Box):
            return (
                a.kind == b.kind
                and len(a.items) == len(b.items)
                and all(self._alike(x, y, shift, first) for x, y in zip(a.items, b.items, strict=True))
            )
        if isinstance(a, Box) or isinstance(b, Box) or b - a != shift:
            return False
        x, y = self.ops[a], self.ops[b]
        return (
            _looks(x) == _looks(y)
            and len(x.parents) == len(y.parents)
            and all(self._wired(p, q, a, shift, first) for p, q in zip(x.parents, y.parents, strict=True))
        )

    def _wired(self, p: Tensor, q: Tensor, a: int, shift: int, first: int) -> bool:
        """Whether q is to the later unit what p is to the one before, where op a takes from it."""
        i, j = self.place.get(p, -1), self.place.get(q, -1)  # -1 for leaves and constants
        if j < 0:
            return i < 0 and _looks(p) == _looks(q)
        if j < first:  # both take from what was there before, and is one thing in the picture
            return i >= 0 and self.stands(i) == self.stands(j)
        if i < first:  # the first unit takes from what was there before, the later ones from the unit before them
            return a < first + shift and j < first + shift and (p.shape, p.dtype) == (q.shape, q.dtype)
        return j - i == shift

    def _folded(self, units: list[list[int | Box]]) -> Box:
        first = Box(units[0]).places()
        for unit in units[1:]:
            self.kept |= dict(zip(Box(unit).places(), first, strict=True))
        names = [name for unit in units for item in unit if isinstance(item, Box) for name in item.names]
        item = units[0][0]
        box = item if isinstance(item, Box) and len(units[0]) == 1 else Box(units[0])
        box.names, box.times = names, len(units)
        return box


def _first(item: int | Box) -> int:
    while isinstance(item, Box):
        item = item.items[0]
    return item


def _looks(node: Tensor) -> tuple[Any, ...]:
    return op_name(node), node.shape, node.dtype, node.requires_grad, type(node)
