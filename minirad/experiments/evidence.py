"""What is recorded of an exhibit, for a chapter to show: verdicts, numbers, figure; or that it was not run.

e7 = evidence("E7")
print(e7)                              # a verdict for each claim, with the numbers that decided
if e7.numbers:                         # None: not run at this scale, and print says how to
    e7.exhibit.draw(e7.numbers)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from minirad.experiments import verdicts
from minirad.experiments.exhibit import NOT_RUN, Exhibit, Numbers
from minirad.experiments.report_entries import Quantity, quantities
from minirad.experiments.reproduce import find
from minirad.experiments.results import Row, Store

RESULTS = Path(__file__).resolve().parent.parent.parent / "results"  # in a clone; a wheel has none
WIDTH = 110


@dataclass(frozen=True)
class Evidence:
    """An exhibit and its record at one scale, with the exhibit's usual seeds.

    ``numbers`` are what its figure and its verdicts come from, None if it was not run to its end. ``rows`` are the
    lines of results/verdicts.jsonl, by claim.
    """

    exhibit: Exhibit
    scale: str
    numbers: Numbers | None
    rows: dict[str, Row]

    def word(self, claim: str) -> str:
        """The verdict on a claim, given by the first words of its text: "supported", say, or "not run".

        Raises:
            ValueError: no claim begins so, or several do.
        """
        found = [own.text for own in self.exhibit.claims if own.text.startswith(claim)]
        if len(found) != 1:
            raise ValueError(f"{self.exhibit.name}: {len(found)} claims begin with {claim!r}")
        return str(self.rows[found[0]]["verdict"]) if found[0] in self.rows else NOT_RUN

    def told(self, *claims: str) -> str:
        """The verdicts as text: of all claims, or of those that begin with these words."""
        name = self.exhibit.name
        if self.numbers is None:
            return f"{name} has not been run at this scale yet: minirad reproduce {name} --scale {self.scale}"
        shown = [own.text for own in self.exhibit.claims if not claims or own.text.startswith(claims)]
        title = fill(f"{name}, {self.scale} scale. {self.exhibit.title}", WIDTH)
        return "\n".join([title, *(line for text in shown for line in self._lines(text))])

    def __str__(self) -> str:
        """All verdicts."""
        return self.told()

    def _lines(self, text: str) -> Iterator[str]:
        """A claim with its verdict, and what decided."""
        row = self.rows.get(text, {})
        yield fill(f"  {row.get('verdict', NOT_RUN).upper()}: {text}", WIDTH, subsequent_indent=" " * 4)
        holm = f", after Holm's correction {row['p_holm']:.2g}" if "p_holm" in row else ""
        decided = ", ".join(map(_shown, quantities(row.get("numbers", {})))) + holm
        for line in filter(None, (decided, row.get("note"))):
            yield fill(line, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 8)


def evidence(name: str, scale: str = "laptop", folder: Path = RESULTS) -> Evidence:
    """The record of an exhibit, such as "E7".

    Raises:
        ValueError: there is no such exhibit or scale, or a file in the place of results holds something else.
    """
    (exhibit,) = find([name])
    result = Store(folder, exhibit.name, scale, exhibit.edition).read(exhibit.at(scale))
    own = [row for row in verdicts.read(folder) if (row["exhibit"], row["scale"]) == (exhibit.name, scale)]
    return Evidence(exhibit, scale, result[0][0] if result else None, {row["claim"]: row for row in own})


def _shown(quantity: Quantity) -> str:
    text = f"{quantity.name} {_text(quantity.value)}"
    return f"{text} ({_text(quantity.low)} to {_text(quantity.high)})" if quantity.has_interval else text


def _text(x: float | int | None) -> str:
    return "undefined" if x is None else f"{x:.3g}" if isinstance(x, float) else str(x)
