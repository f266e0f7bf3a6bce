"""The tables of for-teachers.md, written from the chapters: what each exercise is for, and where the paper is computed.

A cell that computes something of the paper says so in a comment, ``# eq. (4)`` or ``# E4, eq. (4)``; one that calls
``evidence("E7")`` has said it. build.py writes the tables with the notebooks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

CHAPTERS = Path(__file__).resolve().parent
PAGE = "for-teachers.md"

EXERCISE = re.compile(r"^### Exercise ([\d.]+|[A-Z]): ([^\n]+)\n\n\*For the beliefs? that (.+?)\.\*$", re.M | re.S)
PIECE = re.compile(r"^## (?P<section>[^\n]+)$|^```\{code-cell\}[^\n]*\n(?P<code>.*?)^```", re.M | re.S)
COMMENT = re.compile(r"#.*")
EQUATION = re.compile(r"\beq\. \((\d+)\)")
EXHIBIT = re.compile(r"\bE\d+\b")
EVIDENCE = re.compile(r"""\bevidence\(["'](E\d+)""")


class Exercise(NamedTuple):
    """One exercise: its number, its title, the belief that it is for, and its chapter."""

    name: str
    title: str
    belief: str
    chapter: Path


class Cell(NamedTuple):
    """A cell that computes something of the paper, and the section that it stands in."""

    code: str
    section: str
    chapter: Path


def exercises(chapters: Iterable[Path]) -> Iterator[Exercise]:
    """The exercises in the order of the chapters."""
    for chapter in chapters:
        for name, title, belief in EXERCISE.findall(chapter.read_text(encoding="utf-8")):
            yield Exercise(name, title, " ".join(belief.split()), chapter)


def paper(chapters: Iterable[Path]) -> dict[str, list[Cell]]:
    """What of the paper is computed, "(4)" for an equation and "E4" for an exhibit, and by which cells."""
    found: dict[str, list[Cell]] = {}
    for chapter in chapters:
        text = chapter.read_text(encoding="utf-8")
        section = text.partition("\n# ")[2].partition("\n")[0]  # the chapter's title, up to its first section
        for piece in PIECE.finditer(text):
            section = piece["section"] or section
            for item in dict.fromkeys(_items(piece["code"] or "")):
                found.setdefault(item, []).append(Cell(piece["code"], section, chapter))
    return dict(sorted(found.items(), key=lambda pair: (pair[0][0] == "E", int(pair[0].strip("(E)")))))


def _items(code: str) -> Iterator[str]:
    for comment in COMMENT.findall(code):
        yield from (f"({number})" for number in EQUATION.findall(comment))
        yield from EXHIBIT.findall(comment)
    yield from EVIDENCE.findall(code)


def with_tables(text: str, chapters: list[Path]) -> str:
    """The text of the page, with each table between its two marks made anew."""
    for name, lines in (("exercises", _exercise_table(chapters)), ("paper", _paper_table(chapters))):
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise ValueError(f"{PAGE} has no table of {name}: it stands between <!-- {name} --> and <!-- end -->")
        text = "\n".join([before + mark, *lines, "", end + after])
    return text


def _exercise_table(chapters: list[Path]) -> list[str]:
    rows = [f"| {_link(e.name, e.chapter)} | {_cell(e.title)} | {_cell(e.belief)} |" for e in exercises(chapters)]
    return ["| | exercise | for the belief that ... |", "|---|---|---|", *rows]


def _paper_table(chapters: list[Path]) -> list[str]:
    rows = []
    for item, cells in paper(chapters).items():
        places = dict.fromkeys((cell.section, cell.chapter) for cell in cells)
        where = "; ".join(_link(section, chapter) for section, chapter in places)
        rows.append(f"| {item if item[0] == 'E' else f'eq. {item}'} | {where} |")
    return ["| of the paper | computed in section |", "|---|---|", *rows]


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _link(text: str, chapter: Path) -> str:
    return f"[{text}]({chapter.name})"


def write(chapters: list[Path], folder: Path = CHAPTERS) -> None:
    """Write the tables into the page."""
    path = folder / PAGE
    text = path.read_text(encoding="utf-8")
    if (new := with_tables(text, chapters)) != text:
        path.write_text(new, encoding="utf-8")


def check(chapters: list[Path], folder: Path = CHAPTERS) -> list[str]:
    """A line if the tables are not in step with the chapters."""
    text = (folder / PAGE).read_text(encoding="utf-8")
    stale = text != with_tables(text, chapters)
    return [f"{PAGE} is behind the chapters: run python chapters/build.py"] if stale else []
