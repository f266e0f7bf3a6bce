"""Run the chapters' cells, some chapters at a time, and put their outputs where myst-nb looks for them."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from sphinx.errors import SphinxError

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
AT_ONCE = 2  # each may use more than one thread


def run(chapters: Path, folder: Path, timeout: int) -> None:
    """Run each chapter whose cells have not been run before.

    Raises:
        SphinxError: a cell ended with an error. What the other chapters gave is kept.
    """
    cache = get_cache(folder)
    errors = []
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool, tempfile.TemporaryDirectory() as settings:
        os.environ["IPYTHONDIR"] = settings  # nobody's own IPython settings
        logging.getLogger("traitlets").setLevel(logging.ERROR)
        started = {
            pool.submit(executed, book, timeout): (path, book)
            for path, book in notebooks(chapters)
            if not known(cache, book)
        }
        for future in as_completed(started):
            (path, book), result = started[future], future.result()
            if result.err:
                errors.append(f"{path.name}: {COLOURS.sub('', str(result.err))}")
                continue
            data = {"execution_seconds": result.time}
            cache.cache_notebook_bundle(CacheBundleIn(book, str(path), data=data), check_validity=False, overwrite=True)
            print(f"{path.name}: its cells ran for {result.time:.0f} s", flush=True)
    if errors:
        raise SphinxError("\n\n".join(errors))


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
        quiet = ["--IPKernelApp.log_level=ERROR"]
        return single_nb_execution(book, cwd=folder, timeout=timeout, allow_errors=False, extra_arguments=quiet)
