"""The folder of data sets, and fetch: every file is there and right, or one line says what is wrong.

A download goes to a file beside its place and moves there only when its checksum is right. So whatever lies wrong in
its place was put there by someone else: it is refused, and never removed.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from minirad.data.registry import DataFile, DataSet, get
from minirad.data.support import UNPACKING_ERRORS, DataError, lab, open_unpacked

_CHUNK = 1 << 16


def folder() -> Path:
    """The folder that holds the data sets: MINIRAD_DATA, or else "minirad" in the user's cache folder."""
    chosen = os.environ.get("MINIRAD_DATA")
    return Path(chosen).expanduser() if chosen else Path(lab("pooch").os_cache("minirad"))


def fetch(dataset: str | DataSet) -> dict[str, Path]:
    """Download what is missing of a data set and check what is there.

    Args:
        dataset: the name of a data set, or the data set itself.

    Returns:
        The path of each file, by the file's name.

    Raises:
        DataError: the name is unknown, a file can't be had, or one that lies there is not the published one.
    """
    dataset = get(dataset) if isinstance(dataset, str) else dataset
    return {file.name: _fetch_file(file, folder() / dataset.name / file.name) for file in dataset.files}


def problem(path: Path, file: DataFile) -> str | None:
    """What is wrong with the file at the path ("is empty"), or None if it is the published one.

    Raises:
        OSError: it can't be read.
    """
    with open(path, "rb") as opened:
        start = opened.read(512).lstrip().lower()
        opened.seek(0)
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        size = opened.tell()
    if sha256 == file.sha256 or _has_content(path, file):
        return None
    if size == 0:
        return "is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page (of a login, or an error)"
    if size != file.bytes:
        return f"has {size:,} bytes instead of {file.bytes:,}"
    return f"has sha256 {sha256} instead of {file.sha256}"


def _has_content(path: Path, file: DataFile) -> bool:
    """Whether the file unpacks to the known content. Stops when it gets too long: a little gzip can hold a lot."""
    if file.content_bytes is None:
        return False
    sha256, size = hashlib.sha256(), 0
    try:
        with open_unpacked(path) as opened:
            while size <= file.content_bytes and (chunk := opened.read(_CHUNK)):
                sha256.update(chunk)
                size += len(chunk)
    except UNPACKING_ERRORS:
        return False
    return sha256.hexdigest() == file.content_sha256


def _fetch_file(file: DataFile, path: Path) -> Path:
    try:
        if not path.exists():
            _download(file, path)
        wrong = problem(path, file)
    except OSError as error:
        raise DataError(
            f"{error.filename or path}: {error.strerror or error} (MINIRAD_DATA names the folder)"
        ) from None
    if wrong:
        advice = "Move it away to have it downloaded again" if file.urls else "Put the right one in its place"
        raise DataError(f"{path} is not the published file: it {wrong}. {advice}")
    return path


def _download(file: DataFile, path: Path) -> None:
    if not file.urls:
        raise DataError(
            f"{path} is missing, and there is no download: put the file of {file.bytes:,} bytes with sha256 "
            f"{file.sha256} there (MINIRAD_DATA names the folder)"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for url in file.urls:
        part = path.with_name(f"{file.name}.{os.urandom(4).hex()}.part")
        try:
            _receive(url, file, part)
            if wrong := problem(part, file):
                raise DataError(f"what came {wrong}")
            # Another process may have been faster. What lies there is never replaced (nor would Windows do it).
            if not path.exists():
                with suppress(FileExistsError):
                    part.rename(path)
            return
        except DataError as error:
            failures.append(f"{url}: {error}")
        finally:
            part.unlink(missing_ok=True)
    raise DataError(
        f"{file.name} can't be downloaded ({'; '.join(failures)}). "
        f"Try again later, or put the file of {file.bytes:,} bytes with sha256 {file.sha256} at {path}"
    )


def _receive(url: str, file: DataFile, part: Path) -> None:
    # Packed files must come as they are: another encoding on the way would be undone, and the checksum be wrong.
    # And some hosts refuse a library's own name, so we give ours.
    headers = {"Accept-Encoding": "identity", "User-Agent": "minirad"}
    download = lab("pooch").HTTPDownloader(chunk_size=_CHUNK, headers=headers)
    bar = lab("tqdm").tqdm(total=file.bytes, desc=file.name, unit="B", unit_scale=True, leave=False, disable=None)
    try:
        with bar, open(part, "xb") as opened:
            download(url, _Receiver(opened, bar, limit=2 * file.bytes + (1 << 20)), None)
    except lab("requests").RequestException as error:
        # Its own text is long and has the address in it again.
        answer = error.response
        raise DataError(
            f"{answer.status_code} {answer.reason}" if answer is not None else type(error).__name__
        ) from None


class _Receiver:
    """The file that a download writes to. It shows progress, and ends a download that has no end."""

    def __init__(self, file: BinaryIO, bar: Any, limit: int) -> None:
        self.file, self.bar, self.limit, self.received = file, bar, limit, 0

    def write(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received > self.limit:
            raise DataError(f"sends more than {self.limit:,} bytes")
        self.file.write(chunk)
        self.bar.update(len(chunk))

    def flush(self) -> None:
        """Pooch asks for it after each chunk. Once at the end, when the file is closed, is enough."""
