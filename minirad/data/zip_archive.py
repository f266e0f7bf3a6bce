"""Files of a zip archive, read into memory. Nothing is unpacked to the disk, so no name can lead out of its folder."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence

from minirad.data.support import DataError

_CHUNK = 1 << 16
_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those that can be unpacked piece by piece
# What zipfile raises for a damaged archive, an encrypted one, and one of a kind that it does not know.
_ERRORS = (zipfile.BadZipFile, EOFError, zlib.error, struct.error, ValueError, RuntimeError, NotImplementedError)


def read_zip_members(path: str | os.PathLike[str], names: Sequence[str], limit: int) -> dict[str, bytes]:
    """Read these files of a zip archive. What else is in it is passed over.

    Args:
        path: the archive.
        names: the wanted files, by their full names in the archive.
        limit: how many bytes they may have together: a little zip can hold a lot.

    Returns:
        The content of each, by its name.

    Raises:
        DataError: the archive can't be read or is damaged; a wanted file is missing, there twice, a link or other
            thing that is no file, or packed otherwise than by deflate; or they are larger than the limit.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, names, limit)
    except _ERRORS as error:  # DataError is a ValueError
        raise DataError(f"{path} is no whole archive: {error}. Move it away and get it again") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def _read(archive: zipfile.ZipFile, names: Sequence[str], limit: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    left = limit
    for name in names:
        members = [member for member in archive.infolist() if member.filename == name]
        if len(members) != 1:
            raise DataError(f"it has {name} twice" if members else f"it lacks {name}")
        mode = members[0].external_attr >> 16  # as Unix has it, 0 elsewhere
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):  # a link is never followed
            raise DataError(f"{name} is no file in it")
        if members[0].compress_type not in _KINDS:
            raise DataError(f"{name} is not packed by deflate")
        content = bytearray()
        with archive.open(members[0]) as file:
            # In pieces, whatever size the header claims. At the end zipfile compares the checksum.
            while chunk := file.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise DataError(f"it holds more than {limit:,} bytes")
                content += chunk
        found[name] = bytes(content)
    return found
