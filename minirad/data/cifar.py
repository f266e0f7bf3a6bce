"""CIFAR-10's binary format: records of 3,073 bytes. The first is the label, the others are the image.

An image is its red plane, then the green and the blue one, each row by row. So a record's image is (3, 32, 32) as it
lies there. Described at https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import os
from math import prod
from pathlib import Path

import numpy as np

from minirad.data.archive import read_members
from minirad.data.preparing import Pair
from minirad.data.support import DataError

SHAPE = (3, 32, 32)
RECORD = 1 + prod(SHAPE)  # bytes
RECORDS = 10_000  # in each file of the archive
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_TRAIN = tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6))
_TEST = "cifar-10-batches-bin/test_batch.bin"


def read_cifar(path: str | os.PathLike[str]) -> Pair:
    """Read a file of records: the images, uint8 (n, 3, 32, 32), and their labels, uint8 (n,).

    Raises:
        DataError: the file can't be read, is empty, ends within a record, or has a label above 9.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    return _records(content, str(path))


def read_cifar_archive(path: str | os.PathLike[str]) -> tuple[Pair, Pair]:
    """Read cifar-10-binary.tar.gz: the 50,000 training and the 10,000 test images, each with their labels.

    Raises:
        DataError: the archive can't be read, is damaged, or its files are not what they should be.
    """
    contents = read_members(path, dict.fromkeys((*_TRAIN, _TEST), RECORDS * RECORD))
    train = [_records(contents.pop(name), f"{name} in {path}") for name in _TRAIN]
    images, labels = (np.concatenate(part) for part in zip(*train, strict=True))
    return (images, labels), _records(contents[_TEST], f"{_TEST} in {path}")


def _records(content: bytes, source: str) -> Pair:
    if not content or len(content) % RECORD:
        raise DataError(
            f"{source} is no file of CIFAR-10: it has {len(content):,} bytes, expected records of {RECORD:,} bytes. "
            "Move it away and get it again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0].copy()
    if (wrong := labels >= len(CLASSES)).any():
        first = int(wrong.argmax())
        raise DataError(
            f"{source} is no file of CIFAR-10: record {first} has the label {labels[first]}, expected 0 to 9. "
            "Move it away and get it again"
        )
    return records[:, 1:].reshape(-1, *SHAPE), labels
