"""An exhibit: a figure, table or theorem of the paper, what it claims, and what decides each claim.

Each is one file, eNN_name.py, with a module-level EXHIBIT. ``minirad reproduce`` finds them by these names, runs them,
records their numbers, draws the figure and writes down a verdict for each claim. What decides is written in the file
before the runs that count; any verdict is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import isfinite
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

from minirad import experiments
from minirad.experiments.experiment import Experiment
from minirad.experiments.results import Row

Numbers = dict[str, Any]  # as JSON can hold them; None stands for what is infinite or undefined
# Does runs of an experiment, or finds them done: the rows of each.
Do = Callable[[Experiment, Sequence[Any]], list[list[Row]]]

SCALES = ("quick", "laptop", "paper")
HOLDS, CORRECTED, FAILS = "holds", "holds with a correction", "fails"  # theory
SUPPORTED, CONTRADICTED, INCONCLUSIVE, NOT_RUN = "supported", "contradicted", "inconclusive", "not run"  # trainings
WORDS = (HOLDS, CORRECTED, FAILS, SUPPORTED, CONTRADICTED, INCONCLUSIVE, NOT_RUN)


@dataclass(frozen=True)
class Verdict:
    """What came of a claim: one of WORDS, the numbers that decided, and, in a sentence, a correction or reason."""

    word: str
    numbers: Mapping[str, float | int | None]
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no verdict."""
        if self.word not in WORDS:
            raise ValueError(f"Verdict: word must be one of {', '.join(WORDS)}, got {self.word!r}")
        if bad := [name for name, x in self.numbers.items() if x is not None and not isfinite(x)]:
            raise ValueError(f"Verdict: numbers must be finite or None, got {bad[0]}={self.numbers[bad[0]]!r}")
        if self.word == CORRECTED and not self.note:
            raise ValueError("Verdict: a correction needs a note that says which")


@dataclass(frozen=True)
class Claim:
    """A claim in one sentence, and what decides it.

    ``judge`` is a pure function of the exhibit's numbers; ``statistic`` and ``threshold`` say in words what it does.
    ``primary`` marks the one claim that an exhibit with trainings was designed for: the number "p" of its verdict, the
    p-value, is corrected for all exhibits' primary claims (Holm). The other claims describe.
    """

    text: str
    statistic: str
    threshold: str
    judge: Callable[[Numbers], Verdict]
    primary: bool = False


@dataclass(frozen=True)
class Exhibit:
    """A figure, table or theorem of the paper.

    Attributes:
        name: "E3".
        title: what it is, and where in the paper.
        claims: what is decided. None for a demonstration, which decides nothing and says so.
        settings: those of each of SCALES. What is called "seeds" there, the command line can set.
        run: gives the numbers, from the settings. The second argument does trainings; theory needs none.
        draw: the figure, from the numbers.
        reported: what the paper reports, to stand beside the figure.
        lines: what else to print of the numbers.
        before: called with the settings before anything runs, to fetch or refuse: raises ValueError or ImportError.
        edition: raise it, and say why, when a change makes recorded numbers invalid.
    """

    name: str
    title: str
    claims: tuple[Claim, ...]
    settings: Mapping[str, Numbers]
    run: Callable[[Numbers, Do], Numbers]
    draw: Callable[[Numbers], Any]
    reported: str = ""
    lines: Callable[[Numbers], list[str]] | None = None
    before: Callable[[Numbers], object] | None = None
    edition: int = 1

    def at(self, scale: str, seeds: int | None = None) -> Numbers:
        """The settings at a scale, with this many seeds if the exhibit has any.

        Raises:
            ValueError: there is no such scale, or seeds is below 1.
        """
        if scale not in self.settings:
            raise ValueError(f"{self.name}: scale must be one of {', '.join(self.settings)}, got {scale!r}")
        if seeds is not None and seeds < 1:
            raise ValueError(f"{self.name}: seeds must be at least 1, got {seeds}")
        own = dict(self.settings[scale])
        return own | {"seeds": seeds} if seeds is not None and "seeds" in own else own


def theory(holds: bool, corrected: bool, numbers: Mapping[str, float | int | None], note: str = "") -> Verdict:
    """The verdict on a statement: it holds as it stands, or with the correction of the note, or it fails."""
    return Verdict(HOLDS if holds else CORRECTED if corrected else FAILS, numbers, "" if holds else note)


def same(settings: Numbers) -> Mapping[str, Numbers]:
    """These settings at every scale: theory is cheap."""
    return MappingProxyType(dict.fromkeys(SCALES, settings))


def exhibits() -> dict[str, Exhibit]:
    """All that there are, in the paper's order, by their names in lower case."""
    modules = sorted(m.name for m in iter_modules(experiments.__path__) if re.fullmatch(r"e\d\d_\w+", m.name))
    found = [import_module(f"minirad.experiments.{module}").EXHIBIT for module in modules]
    return {exhibit.name.lower(): exhibit for exhibit in found}
