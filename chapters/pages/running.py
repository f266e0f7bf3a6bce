"""Run the chapters' cells, some chapters at a time, and put their outputs where myst-nb looks for them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
AT_ONCE = 2  # each may use more than one thread


def run(chapters: Path, folder: Path, timeout: int) -> None:
    """Run each chapter whose cells have not been run before.

    Raises:
        RuntimeError: a cell of a chapter ended with an error.
    """
    cache = get_cache(folder)
    new = [(path, book) for path, book in notebooks(chapters) if not known(cache, book)]
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool, tempfile.TemporaryDirectory() as settings:
        os.environ["IPYTHONDIR"] = settings  # nobody's own IPython settings
        results = pool.map(lambda item: executed(item[1], timeout), new)
        for (path, book), result in zip(new, results, strict=True):
            if result.err:
                raise RuntimeError(f"{path.name}: {COLOURS.sub('', str(result.err))}")
            data = {"execution_seconds": result.time}
            cache.cache_notebook_bundle(CacheBundleIn(book, str(path), data=data), check_validity=False, overwrite=True)
            print(f"{path.name}: its cells ran for {result.time:.0f} s", flush=True)


def notebooks(chapters: Path) -> Iterator[tuple[Path, Any]]:
    """The pages that have cells, as myst-nb reads them."""
    for path in sorted(chapters.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if is_myst_markdown_notebook(text):
            yield path, read_myst_markdown_notebook(text, path=path)


def known(cache: Any, book: Any) -> bool:
    """Whether these cells have been run."""
    try:
        cache.match_cache_notebook(book)
    except KeyError:
        return False
    return True


def executed(book: Any, timeout: int) -> Any:
    """Run the cells in an empty folder. They get their outputs in place."""
    with tempfile.TemporaryDirectory() as folder:
        return single_nb_execution(book, cwd=folder, timeout=timeout, allow_errors=False, meta_override=True)
