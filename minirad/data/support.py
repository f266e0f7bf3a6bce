"""What every module here needs: one error, one way to open a file, one way to import an optional package."""

from __future__ import annotations

import gzip
import importlib
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

# What a damaged .gz file raises while it is read.
UNPACKING_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error)


class DataError(ValueError):
    """A data file is missing, damaged, or not what it should be. The message is one line: which file, what to do."""


def open_unpacked(path: Path) -> BinaryIO:
    """Open a file for reading, unpacked if it is gzip. Its first bytes decide: browsers unpack and keep the name."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else open(path, "rb")


def read_text(path: Path) -> str:
    """The text of a file, plain or gzip, in UTF-8, with its line ends as they are.

    Raises:
        DataError: the file can't be read, is damaged, or is no text.
    """
    try:
        with open_unpacked(path) as file:
            return file.read().decode()
    except (UnicodeDecodeError, *UNPACKING_ERRORS) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def lines_of(text: str) -> list[str]:
    """The lines of a text. Only a line feed ends one: splitlines() would cut at other characters too."""
    return text.removesuffix("\n").split("\n")


def lab(package: str) -> Any:
    """Import a package of the extra minirad[lab]."""
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ImportError(
            f"{package.split('.')[0]} is not installed: it is in minirad[lab] (in a clone: pip install -e '.[lab]')"
        ) from None
