"""The pictures of the report: drawn from recorded numbers, as bytes, and told in words."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from minirad.experiments.report_entries import Entry

DPI = 120


class Picture(NamedTuple):
    """A PNG as a data URI, and what it shows, in words."""

    uri: str
    words: str


def picture(entry: Entry, file: Path) -> Picture | None:
    """The exhibit's figure, from its numbers. If the present code can't draw them, as it lies in the file."""
    words = f"The figure of {entry.exhibit.name}: {entry.exhibit.title}."
    if entry.numbers is not None:
        with suppress(LookupError, TypeError, ValueError):  # numbers that older code recorded
            figure, buffer = entry.exhibit.draw(entry.numbers), BytesIO()
            figure.savefig(buffer, dpi=DPI, format="png", pil_kwargs={"optimize": True})
            return Picture(_uri(buffer.getvalue()), f"{words} {described(figure)}".strip())
    return Picture(_uri(file.read_bytes()), words) if file.exists() else None


def described(figure: Any) -> str:
    """What is drawn against what, panel by panel, and what the legends name."""
    panels = [ax for ax in figure.axes if ax.get_title() or ax.get_xlabel() or ax.get_ylabel() or ax.get_legend()]
    told = [_panel(ax) for ax in panels]
    several = f"{len(told)} panels. " if len(told) > 1 else ""
    return several + " ".join(f"{words}." for words in told if words)


def _panel(ax: Any) -> str:
    title, x, y = (_plain(text) for text in (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()))
    axes = f"{y} against {x}" if x and y else x or y
    legend = ax.get_legend()
    names = "; ".join(_plain(text.get_text()) for text in legend.get_texts()) if legend else ""
    return ": ".join(filter(None, (title.rstrip("."), axes, names)))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"
