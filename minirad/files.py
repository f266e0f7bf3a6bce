"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes) -> Path:
    """Write beside the place, then move there: a killed process leaves no half file under the name."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # before the move, or a power cut leaves an empty file under the name
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
