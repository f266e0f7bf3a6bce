"""The command line in a process of its own, as a shell runs it."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import minirad

ROOT = Path(minirad.__file__).parents[1]
CODE = """
import sys
for package in sys.argv.pop(1).split():
    sys.modules[package] = None  # importing it fails, as where it is not installed
from minirad.cli import main
main()
"""


def command(*args: Any, without: str = "") -> list[str]:
    """What to run for ``minirad args``, without some packages."""
    return [sys.executable, "-c", CODE, without, *map(str, args)]


def environment(**extra: Any) -> dict[str, str]:
    """This process's environment without MINIRAD_..., and with ``extra``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MINIRAD_")}
    return kept | {"PYTHONPATH": str(ROOT)} | {name: str(value) for name, value in extra.items()}


def minirad_command(*args: Any, without: str = "", **extra: Any) -> subprocess.CompletedProcess[str]:
    """Run ``minirad args`` and wait. Further keywords are environment variables."""
    return subprocess.run(
        command(*args, without=without), env=environment(**extra), capture_output=True, text=True, encoding="utf-8"
    )


def read_terminal(ours: int) -> str:
    """All that came through a pseudo-terminal whose other end is closed. Closes this end too."""
    shown = b""
    with suppress(OSError):  # with which Linux says that nothing more will come
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    return shown.decode()
