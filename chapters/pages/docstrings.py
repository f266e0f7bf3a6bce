"""Docstrings are plain text, as a reader of the source sees them. Here they become reStructuredText, to say the same.

What would mean something to reStructuredText (a star, a bar, an underscore after a word) is made to mean itself,
and an equation of the paper that a docstring names is set below its text.
"""

from __future__ import annotations

import re
from typing import Any

from pages.equations import EQUATIONS

LITERAL = re.compile(r"(``.+?``|`[^`]+`)")
SPECIAL = re.compile(r"([\\*|]|_(?!\w))")
SECTION = re.compile(r"(Args|Arguments|Attributes|Returns|Yields|Raises|Example|Examples|Note|Notes):$")
ERROR = re.compile(r"(?<=[.;]) (?=(?:[A-Z]\w+Error, )*[A-Z]\w+Error: )")  # where the next one begins
CITED = re.compile(r"\beqs?\. \(?(\d+)\)?(?: and \(?(\d+)\)?)?")
PAPER = ("minirad.variance", "minirad.lengths", "minirad.simulation", "minirad.optim")


def process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Change the lines of a docstring in place."""
    text, sections = _split(lines)
    numbers = _cited(lines) if name.startswith(PAPER) and "lr_scheduler" not in name else []
    formulas = [line for n in numbers for line in ("", ".. math::", "", f"   {EQUATIONS[n]} \\tag{{{n}}}", "")]
    lines[:] = [*_text(text), *formulas, "", *_sections(sections)]


def _split(lines: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the first section, and the rest."""
    first = next((i for i, line in enumerate(lines) if SECTION.match(line)), len(lines))
    return lines[:first], lines[first:]


def _text(lines: list[str]) -> list[str]:
    """The same words; an indented paragraph becomes a block of code."""
    out: list[str] = []
    language, block = "text", False
    for line in lines:
        if line.startswith(" "):
            out += [*([] if block else ["", f".. code-block:: {language}", ""]), "   " + line]
            block = True
        elif not line.strip():
            out.append("")
        else:
            out += ([""] if block else []) + [_escaped(re.sub(r" ?::$", ":" if line.strip(":") else "", line))]
            language, block = "python" if line.endswith("::") else "text", False
    return out


def _sections(lines: list[str]) -> list[str]:
    """Args, Raises and so on, as napoleon wants them: each kind of error begins a line of its own."""
    out: list[str] = []
    raises: list[str] | None = None
    for line in [*lines, ""]:
        if raises is not None and not line.startswith(" "):
            out += ["    " + _escaped(error) for error in ERROR.split(" ".join(raises))]
            raises = None
        if raises is not None:
            raises.append(line.strip())
        elif line == "Raises:":
            raises = []
            out += ["", line]
        else:
            out += ["", line] if SECTION.match(line) else [_escaped(line)]
    return out


def _escaped(line: str) -> str:
    parts = LITERAL.split(line)
    return "".join(
        (part if part.startswith("``") else f"`{part}`") if i % 2 else SPECIAL.sub(r"\\\1", part)
        for i, part in enumerate(parts)
    )


def _cited(lines: list[str]) -> list[int]:
    """The numbers of the paper's equations in these lines. A "Source:" has another paper's."""
    text = " ".join(" ".join(lines).split("Source")[0].split())
    numbers = [int(number) for match in CITED.finditer(text) for number in match.groups() if number]
    return [n for n in dict.fromkeys(numbers) if n in EQUATIONS]
