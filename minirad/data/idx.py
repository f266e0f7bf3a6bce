"""The IDX format, in which MNIST and its kin are published: a header with the type and the shape, then the numbers.

The header is two zero bytes, a byte for the type, a byte for the number of axes, and the length of each axis as a
32-bit integer. All numbers are big-endian. Described at http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from minirad.data.support import UNPACKING_ERRORS, DataError, open_unpacked

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_AXES = 64  # more than this NumPy can't hold
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file, plain or gzip, as an array in the machine's byte order.

    Raises:
        DataError: the file can't be read, is damaged, or its length is not what its header says. However large an
            array the header promises, no more memory is used than the file has content.
    """
    path = Path(path)
    try:
        with open_unpacked(path) as file:
            return _read(file)
    except DataError as error:
        raise DataError(f"{path} is no whole IDX file: {error}") from None
    except UNPACKING_ERRORS as error:
        raise DataError(f"{path} is damaged: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def _read(file: BinaryIO) -> np.ndarray:
    magic = _exactly(file, 4)
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES or magic[3] > _MOST_AXES:
        raise DataError(f"it begins with {magic.hex(' ')}, expected 00 00, a type and a number of axes")
    dtype = np.dtype(_TYPES[magic[2]])
    shape = tuple(np.frombuffer(_exactly(file, 4 * magic[3]), ">u4").tolist())
    content = _exactly(file, math.prod(shape) * dtype.itemsize)
    if file.read(1):
        raise DataError(f"it goes on after the {len(content):,} bytes that its shape {shape} needs")
    try:
        array = np.frombuffer(content, dtype).reshape(shape)
    except ValueError:  # an axis of length 0 beside axes that are too long
        raise DataError(f"its shape {shape} is too large") from None
    return array.astype(dtype.newbyteorder("="), copy=False)


def _exactly(file: BinaryIO, size: int) -> bytearray:
    """Read this many bytes, in pieces: the size is what a header says, and may be a lie."""
    content = bytearray()
    while len(content) < size:
        chunk = file.read(min(_CHUNK, size - len(content)))
        if not chunk:
            raise DataError(f"it ends after {len(content):,} of {size:,} bytes")
        content += chunk
    return content
