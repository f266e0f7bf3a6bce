"""What takes long is kept from one build to the next, as long as the code and the results are the same."""

from __future__ import annotations

import hashlib
import platform
import shutil
from importlib.metadata import version
from pathlib import Path


def key(root: Path) -> str:
    """Twelve digits that change with the library, the recorded results, and what computes and draws."""
    digest = hashlib.sha256()
    for word in (platform.python_version(), *(version(name) for name in ("numpy", "matplotlib"))):
        digest.update(word.encode() + b"\0")
    files = [*(root / "minirad").rglob("*"), *(root / "results").rglob("*")]
    for path in sorted(path for path in files if path.is_file() and path.suffix != ".pyc"):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def folder(root: Path, build: Path) -> Path:
    """The folder of the present state, below build/kept. Those of earlier states are removed."""
    present = build / "kept" / key(root)
    for old in (build / "kept").glob("*"):
        if old != present:
            shutil.rmtree(old)
    present.mkdir(parents=True, exist_ok=True)
    return present
