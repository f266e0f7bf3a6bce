"""What the site shows beside the chapters, written from the code and the recorded results each time it is built.

An extension of Sphinx: it also runs the chapters' cells, and makes docstrings fit for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pages import docstrings, exhibits, figures, optimizers, reference, running

CHAPTERS = Path(__file__).resolve().parent.parent
ROOT = CHAPTERS.parent
REPAIRS = {
    'role="heading"': 'role="heading" aria-level="2"',  # captions in the table of contents
    ' role="doc-biblioentry"': "",  # no longer a role, and its list has other things in it
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    '<th class="head"><p></p></th>': "<td></td>",  # the empty corner of a table
}


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("builder-inited", _write)
    app.connect("autodoc-process-docstring", docstrings.process, priority=100)  # before napoleon
    app.connect("doctree-read", figures.describe)
    app.connect("html-page-context", _repair, priority=900)  # after the theme
    app.connect("build-finished", _add)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _write(app: Any) -> None:
    """Write the pages, run the cells that have not been run with this code."""
    folder = Path(app.config.nb_execution_cache_path).parent
    exhibits.make(ROOT, folder)
    pages = {CHAPTERS / name: text for name, text in _pages(folder)}
    for old in {*(CHAPTERS / "optimizers").glob("*.md"), *(CHAPTERS / "reference").glob("*.md")} - pages.keys():
        old.unlink()
    for path, text in pages.items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # Sphinx goes by the time of a file
            path.write_text(text, encoding="utf-8")
    if app.config.nb_execution_mode == "cache":
        running.run(CHAPTERS, folder / "cells", app.config.nb_execution_timeout)


def _pages(folder: Path) -> Iterator[tuple[str, str]]:
    """Names and texts of all pages that are written."""
    yield "exhibits.md", exhibits.page(folder)
    yield from optimizers.pages(ROOT)
    yield from reference.pages()


def _repair(app: Any, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Mend what is wrong with the HTML for a screen reader."""
    for key in ("furo_navigation_tree", "body"):
        for old, new in REPAIRS.items():
            context[key] = (context.get(key) or "").replace(old, new)


def _add(app: Any, exception: Exception | None) -> None:
    """Put files beside the pages: the report that stands alone, and MathJax, of whose 24 MB one file is enough."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    shutil.copy(Path(app.config.nb_execution_cache_path).parent / "report.html", out / "report.html")
    package = find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise FileNotFoundError("MathJax is missing: pip install -c constraints.txt -e '.[site]'")
    (out / "_static" / "mathjax").mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(package.origin).parent / "static" / "mathjax" / "tex-svg-full.js", out / "_static" / "mathjax")
