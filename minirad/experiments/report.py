"""minirad report: all exhibits on one page, from what is recorded: report.html, and the same as report.md.

The page holds everything, pictures too, so it can be sent as a file and read without a network. Nothing is run for it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from minirad.data.support import lab
from minirad.experiments.exhibit import (
    CONTRADICTED,
    CORRECTED,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    NOT_RUN,
    SUPPORTED,
    WORDS,
    exhibits,
)
from minirad.experiments.report_entries import Entry, Quantity, entries
from minirad.experiments.report_figures import Picture, picture
from minirad.experiments.results import code
from minirad.files import write_whole

RECORDED, OWN = Path("results"), Path("runs")
DEMONSTRATION = "a demonstration, no verdict"
# A sign beside each word, since not all can see its colour; the name of the colour.
SIGNS = {
    HOLDS: ("✓", "good"),
    CORRECTED: ("≈", "nearly"),
    FAILS: ("✗", "bad"),
    SUPPORTED: ("✓", "good"),
    CONTRADICTED: ("✗", "bad"),
    INCONCLUSIVE: ("?", "open"),
    NOT_RUN: ("–", "none"),
    DEMONSTRATION: ("◦", "none"),
}

NAMES = {"p": "p of this claim alone", "detectable": "effect that 4 of 5 such experiments would find"}
MEANINGS = (
    "A claim about trainings is supported or contradicted where the test named beside it says so, and inconclusive "
    "where the runs can't tell; a statement of theory holds, holds with a correction that is named, or fails. What "
    "decides was written down before the runs, and any verdict is accepted.",
    "Each exhibit that trains has one primary claim, and among so many, one would seem to hold or to fail by chance "
    "alone oftener than the level of 5% says. So Holm's correction makes their p-values larger (an exhibit that was "
    "not run counts with p = 1), and a verdict that does not outlast it becomes inconclusive; the other claims are not "
    "corrected, and describe.",
    "A demonstration is no verdict: few seeds, nothing tuned. It shows something and decides nothing.",
)


class Section(NamedTuple):
    """An exhibit on the page: what is recorded, its picture, and where a file of it is, seen from the page."""

    entry: Entry
    picture: Picture | None
    file: str | None

    @property
    def anchor(self) -> str:
        """What links lead to."""
        return self.entry.exhibit.name.lower()

    @property
    def status(self) -> str:
        """What to say of an exhibit without verdicts; nothing of one that has some."""
        if any(claim.word != NOT_RUN for claim in self.entry.claims):
            return ""
        return NOT_RUN if self.entry.claims or self.entry.numbers is None else DEMONSTRATION

    @property
    def unfinished(self) -> bool:
        """Trainings are recorded, and not what they were for."""
        return self.status == NOT_RUN and self.entry.scale is not None


def prepare(out: Path | None) -> Callable[[], None]:
    """Check what there is; what is returned writes the page.

    Args:
        out: the folder of the results, in which the page is written too. None: results, with the page in runs, since
            results came with a clone; or else runs.

    Raises:
        ValueError: no such folder, or a file in the place of results holds something else.
        ImportError: a package is missing. OSError: a file can't be read.
    """
    for package in ("jinja2", "matplotlib", "scipy"):
        lab(package)
    folder = out or (RECORDED if RECORDED.is_dir() else OWN)
    if not folder.is_dir():
        hint = "" if out else "; run `minirad reproduce` first"
        raise ValueError(f"{folder}: there is no such folder{hint}")
    found = entries(folder, list(exhibits().values()))
    return partial(_report, found, folder, out or OWN)


def _report(found: Sequence[Entry], folder: Path, out: Path) -> None:
    """Draw the figures, write both files, and say where they are."""
    out.mkdir(parents=True, exist_ok=True)
    sections = [_section(entry, folder, out) for entry in found]
    for name in ("report.html", "report.md"):
        path = write_whole(out / name, render(name, sections).encode())
        print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    print(f"{len(found)} exhibits from {folder}: {counted(sections)}")


def _section(entry: Entry, folder: Path, out: Path) -> Section:
    file = folder / entry.exhibit.name / f"{entry.scale}.png"
    relative = Path(os.path.relpath(file, out)).as_posix() if file.exists() else None
    return Section(entry, picture(entry, file), relative)


def render(name: str, sections: Sequence[Section]) -> str:
    """The text of report.html or report.md."""
    jinja2 = lab("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("minirad.experiments"),
        autoescape=name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": number, "interval": interval, "time": time, "md": markdown}
    text = environment.get_template(name).render(
        sections=sections, signs=SIGNS, meanings=MEANINGS, names=NAMES, counted=counted(sections), code=code(),
        trained=[section.entry.trainings for section in sections if section.entry.trainings.count],
    )  # fmt: skip
    return text if name.endswith(".html") else re.sub(r"\n{3,}", "\n\n", text)


def counted(sections: Sequence[Section]) -> str:
    """How many claims came out how."""
    words = Counter(claim.word for section in sections for claim in section.entry.claims)
    return f"{words.total()} claims: {', '.join(f'{words[word]} {word}' for word in WORDS if words[word])}"


def number(x: float | int | None) -> str:
    """A number with four digits and a real minus."""
    if x is None:
        return "infinite or undefined"
    text = f"{x:.4g}" if isinstance(x, float) else str(x)
    return re.sub(r"e([+-])0*(\d+)", lambda m: f"e{m[1].strip('+')}{m[2]}", text).replace("-", "−")


def interval(quantity: Quantity) -> str:
    """From where to where; nothing of a number that has no interval by its nature."""
    if not quantity.has_interval:
        return ""
    ends = (quantity.low, quantity.high)
    return "none" if ends == (None, None) else " to ".join(map(number, ends))


def time(seconds: float) -> str:
    """Seconds as one would say them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def markdown(text: Any) -> str:
    """A text in Markdown, also in a table, that means what it says."""
    return re.sub(r"([|*<\[\]\\])", r"\\\1", str(text))
