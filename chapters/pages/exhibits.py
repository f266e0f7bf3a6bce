"""The exhibits: what ``minirad report`` makes of the recorded results, as a page and as a file that stands alone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = re.compile(r'^<a id="(.+)"></a>$', re.MULTILINE)


def make(root: Path, folder: Path) -> None:
    """Have report.html and report.md written into the folder, if they are not there."""
    if (folder / "report.html").exists():
        return
    with tempfile.TemporaryDirectory() as place:  # it writes to runs/, which may hold a reader's own report
        shutil.copytree(root / "results", Path(place) / "results")
        subprocess.run([sys.executable, "-m", "minirad", "report"], cwd=place, check=True, stdout=subprocess.DEVNULL)
        for name in ("report.md", "report.html"):
            shutil.copy(Path(place) / "runs" / name, folder / name)


def page(folder: Path) -> str:
    """The report as a page. Its links to pictures, ../results/..., lead from chapters/ to the same files."""
    text = TARGET.sub(r"(\1)=", (folder / "report.md").read_text(encoding="utf-8"))
    title, rest = text.split("\n", 1)
    alone = 'This page is made by `minirad report`. <a href="report.html">The same as one file</a>, to keep or send.'
    return f"---\ntocdepth: 2\n---\n\n{title}\n\n{alone}\n{rest}"
