"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes) -> Path:
    """Write beside the place, then move there: a killed process leaves no half file under the name."""
    part = path.with_name(f"{_start(path)}{secrets.token_hex(4)}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # before the move, or a power cut leaves an empty file under the name
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def remove_parts(path: Path) -> None:
    """Remove what killed processes left of this file. No one else may be writing it."""
    for part in path.parent.iterdir():
        if part.name.startswith(_start(path)) and part.suffix == ".part":
            part.unlink(missing_ok=True)


def _start(path: Path) -> str:
    return f".{path.name}."
