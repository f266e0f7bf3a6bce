"""Files of a tar archive, read into memory. Nothing is unpacked to the disk, so no name can lead out of its folder."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from minirad.data.support import UNPACKING_ERRORS, DataError, open_unpacked

_CHUNK = 1 << 16
_SLACK = 1 << 20  # headers, padding, and what else lies in the archive: a readme


def read_members(path: str | os.PathLike[str], sizes: Mapping[str, int]) -> dict[str, bytes]:
    """Read these files of a tar archive, plain or gzip. What else is in it is passed over.

    Args:
        path: the archive.
        sizes: how many bytes each wanted file must have, by its full name in the archive.

    Returns:
        The content of each, by its name.

    Raises:
        DataError: the archive can't be read, is damaged, or unpacks to much more than was asked for; or a wanted file
            is missing, there twice, a link or other thing that is no file, or of another size.
    """
    path = Path(path)
    try:
        with open_unpacked(path) as file:
            return _read(_Limited(file, sum(sizes.values()) + _SLACK), sizes)
    # tarfile lets a ValueError through where a number in a header is none. DataError is one too.
    except (tarfile.TarError, ValueError, *UNPACKING_ERRORS) as error:
        raise DataError(f"{path} is no whole archive: {error}. Move it away and get it again") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def _read(file: _Limited, sizes: Mapping[str, int]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=file, mode="r|") as archive:  # type: ignore[call-overload]  # once, front to back
        for member in archive:
            name = member.name.removeprefix("./")
            if name not in sizes:
                continue
            if name in found:
                raise DataError(f"it has {name} twice")
            content = archive.extractfile(member) if member.isreg() else None  # a link is never followed
            if content is None:
                raise DataError(f"{name} is no file in it")
            if member.size != sizes[name]:
                raise DataError(f"{name} has {member.size:,} bytes instead of {sizes[name]:,}")
            found[name] = content.read()
    if missing := [name for name in sizes if name not in found]:
        raise DataError(f"it lacks {', '.join(missing)}")
    while file.read(_CHUNK):  # to its end, where gzip has the checksum
        pass
    return found


class _Limited:
    """A file of which no more than so much can be asked for: a little gzip can hold a lot.

    What is asked for beyond the end counts as well: tarfile would go on there for as long as a header makes it believe.
    """

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self.file, self.limit, self.left = file, limit, limit

    def read(self, size: int) -> bytes:
        self.left -= size
        if self.left < 0:
            raise DataError(f"it holds, or claims to hold, more than {self.limit:,} bytes")
        return self.file.read(size)
