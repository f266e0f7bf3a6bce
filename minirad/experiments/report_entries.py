"""What is recorded of each exhibit, for minirad report: verdicts, numbers, trainings, and how long they took."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from inspect import cleandoc
from pathlib import Path
from typing import Any, NamedTuple

from minirad.experiments import verdicts
from minirad.experiments.exhibit import NOT_RUN, SCALES, Claim, Exhibit, Numbers
from minirad.experiments.results import Row, Store


class Quantity(NamedTuple):
    """A number of a verdict, with its 95% interval if it has one. None: infinite or undefined."""

    name: str
    value: float | int | None
    low: float | None = None
    high: float | None = None
    has_interval: bool = False


@dataclass(frozen=True)
class Found:
    """A claim, and what came of it. ``alone``: the verdict before Holm's correction took it."""

    claim: Claim
    word: str = NOT_RUN
    note: str = ""
    quantities: tuple[Quantity, ...] = ()
    p_holm: float | None = None
    alone: str = ""


@dataclass(frozen=True)
class Trainings:
    """The trainings in an exhibit's folder: how many there are, ended early, and why others failed with an error."""

    count: int = 0
    stopped: int = 0
    failed: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Entry:
    """All that is recorded of an exhibit, at the largest scale at which something is.

    ``scale`` is None if nothing is; ``numbers``, if it has not been run to its end. ``stale`` says that verdicts are
    recorded that the present code would not give for the recorded numbers.
    """

    exhibit: Exhibit
    scale: str | None
    claims: tuple[Found, ...]
    settings: Numbers | None = None
    numbers: Numbers | None = None
    meta: Row | None = None
    trainings: Trainings = Trainings()
    stale: bool = False

    @property
    def about(self) -> list[str]:
        """What was done and what it can't show: the paragraphs of the exhibit's file, without its first line."""
        text = cleandoc(sys.modules[self.exhibit.run.__module__].__doc__ or "")
        return text.split("\n\n")[1:]

    @property
    def command(self) -> str:
        """What to type to run it again."""
        scale = self.scale or "laptop"
        words = f"minirad reproduce {self.exhibit.name} --scale {scale}"
        usual = self.exhibit.settings[scale].get("seeds")
        seeds = usual if self.settings is None else self.settings.get("seeds")
        return f"{words} --seeds {seeds}" if seeds != usual else words

    @property
    def seconds(self) -> float | None:
        """Seconds of one core for all trainings; of theory, of the exhibit. None if they are not known."""
        return self.trainings.seconds or (self.meta["seconds"] if self.meta else None)

    @property
    def lines(self) -> list[str]:
        """What the exhibit has to say besides its verdicts."""
        if self.numbers is not None and self.exhibit.lines:
            with suppress(LookupError, TypeError, ValueError):  # numbers that older code recorded
                return self.exhibit.lines(self.numbers)
        return []


def entries(folder: Path, known: Sequence[Exhibit]) -> list[Entry]:
    """An entry for each exhibit.

    Raises:
        ValueError: a file in the place of results holds something else. OSError: one can't be read.
    """
    rows = verdicts.read(folder)
    return [_entry(folder, exhibit, [row for row in rows if row["exhibit"] == exhibit.name]) for exhibit in known]


def _entry(folder: Path, exhibit: Exhibit, rows: Sequence[Row]) -> Entry:
    for scale in reversed(SCALES):
        own = [row for row in rows if row["scale"] == scale]
        settings, trainings = _in_folder(Store(folder, exhibit.name, scale, exhibit.edition), exhibit.settings[scale])
        if own or settings is not None or trainings.count or trainings.failed:
            entry = Entry(exhibit, scale, _found(exhibit, own), settings, trainings=trainings)
            result = settings and Store(folder, exhibit.name, scale, exhibit.edition).read(settings)
            if result:
                (numbers, *_), meta = result
                entry = replace(entry, numbers=numbers, meta=meta)
            return replace(entry, stale=_stale(entry, own))
    return Entry(exhibit, None, _found(exhibit, ()))


def _in_folder(store: Store, usual: Numbers) -> tuple[Numbers | None, Trainings]:
    """The settings with which the exhibit was run, and what there is of trainings.

    Both lie in one folder; the header tells them apart. Of several runs, with --seeds, that with the usual settings
    counts, or else that with most seeds.
    """
    runs: list[Numbers] = []
    count, stopped, seconds = 0, 0, 0.0
    for path in sorted(store.folder.glob("*.jsonl")):
        header, last = _ends(path)
        if header.get("edition") != store.edition:
            continue
        if header["settings"].keys() == usual.keys():
            runs.append(header["settings"])
            continue
        count += 1
        stopped += bool(last.get("stopped"))
        with suppress(OSError, ValueError):
            meta = json.loads(path.with_suffix(".meta.json").read_text(encoding="utf-8"))
            seconds += meta.get("cpu_seconds", meta["seconds"])
    failed = tuple(_why(path) for path in sorted(store.folder.glob("*.failed.json")))
    usual = json.loads(json.dumps(usual))
    best = max(runs, key=lambda settings: (settings == usual, settings.get("seeds", 0)), default=None)
    return best, Trainings(count, stopped, failed, seconds)


def _ends(path: Path) -> tuple[Row, Row]:
    """The header of a result file and its last row."""
    with suppress(ValueError, TypeError, KeyError, IndexError):
        lines = path.read_text(encoding="utf-8").splitlines()
        header, last = json.loads(lines[0]), json.loads(lines[-1])
        if isinstance(header["settings"], dict) and isinstance(last, dict):
            return header, last
    raise ValueError(f"{path} is not the result of a run; move it away")


def _why(path: Path) -> str:
    with suppress(ValueError, TypeError, KeyError):
        return str(json.loads(path.read_text(encoding="utf-8"))["failed"])
    raise ValueError(f"{path} is not the record of a run; move it away")


def _found(exhibit: Exhibit, rows: Sequence[Row]) -> tuple[Found, ...]:
    by_text = {row["claim"]: row for row in rows}
    return tuple(
        _one(claim, by_text[claim.text]) if claim.text in by_text else Found(claim) for claim in exhibit.claims
    )


def _one(claim: Claim, row: Row) -> Found:
    alone = row.get("alone", "")
    shown = quantities(row.get("numbers", {}))
    return Found(
        claim, row["verdict"], row.get("note", ""), shown, row.get("p_holm"), alone if alone != row["verdict"] else ""
    )


def quantities(numbers: dict[str, Any]) -> tuple[Quantity, ...]:
    """A verdict's numbers. Those called low... and high... are the interval of the one that stands before them."""
    found: list[Quantity] = []
    for name, value in numbers.items():
        end = name.removeprefix("low")
        if found and name.startswith("low") and f"high{end}" in numbers:
            found[-1] = found[-1]._replace(low=value, high=numbers[f"high{end}"], has_interval=True)
        elif not (name.startswith("high") and f"low{name.removeprefix('high')}" in numbers and found):
            found.append(Quantity(name, value))
    return tuple(found)


def _stale(entry: Entry, rows: Sequence[Row]) -> bool:
    """Whether the recorded verdicts are other ones than the present code gives."""
    if {row["claim"] for row in rows} != {claim.text for claim in entry.exhibit.claims}:
        return bool(rows)
    if entry.numbers is None or not rows:
        return False
    for claim, row in zip(entry.exhibit.claims, rows, strict=True):
        try:
            again = claim.judge(entry.numbers)
        except (LookupError, TypeError, ValueError):
            return True
        if again.word != row.get("alone", row["verdict"]):
            return True
    return False
