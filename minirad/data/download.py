"""The folder of data sets, and fetch: every file is there and right, or one line says what is wrong.

A download goes to a file beside its place and moves there only when its checksum is right. So whatever lies wrong in
its place was put there by someone else: it is refused, and never removed.
"""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import suppress
from http.client import responses
from pathlib import Path
from typing import Any, BinaryIO

from minirad.data.checking import problem, refusal
from minirad.data.registry import DataFile, DataSet, get
from minirad.data.support import DataError, lab

_CHUNK = 1 << 12  # small, so that a host that hardly sends is soon found out
_TIMEOUT = 30  # seconds without a byte
_PATIENCE, _SLOWEST = 60, 1000  # after so many seconds it must have come at so many bytes a second
_FORGOTTEN = 24 * 3600  # seconds after which a file that no one writes to belongs to a killed process


def folder() -> Path:
    """The folder that holds the data sets: MINIRAD_DATA, or else "minirad" in the user's cache folder."""
    chosen = os.environ.get("MINIRAD_DATA")
    return Path(chosen).expanduser() if chosen else Path(lab("pooch").os_cache("minirad"))


def paths(dataset: DataSet) -> dict[str, Path]:
    """The place of each file of a data set by the file's name, whether it is there or not."""
    return {file.name: folder() / dataset.name / file.name for file in dataset.files}


def fetch(dataset: str | DataSet) -> dict[str, Path]:
    """Download what is missing of a data set and check what is there.

    A host that fails, or sends something else, is named on stderr when another one had the file.

    Args:
        dataset: the name of a data set, or the data set itself.

    Returns:
        The path of each file, by the file's name.

    Raises:
        DataError: the name is unknown, a file can't be had, or one that lies there is not the published one.
    """
    dataset = get(dataset) if isinstance(dataset, str) else dataset
    places = paths(dataset)
    for file in dataset.files:
        _fetch_file(file, places[file.name])
    return places


def _fetch_file(file: DataFile, path: Path) -> None:
    try:
        if not os.path.lexists(path):  # a link that leads nowhere is the user's too
            _download(file, path)
    except OSError as error:
        raise DataError(
            f"{error.filename or path}: {error.strerror or error} (MINIRAD_DATA names the folder)"
        ) from None
    if wrong := refusal(path, file):
        raise DataError(wrong)


def _download(file: DataFile, path: Path) -> None:
    if not file.urls:
        raise DataError(
            f"{path} is missing, and there is no download: put the file of {file.bytes:,} bytes with sha256 "
            f"{file.sha256} there (MINIRAD_DATA names the folder)"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_forgotten_parts(path)
    failures: list[str] = []
    for url in file.urls:
        part = path.with_name(f"{file.name}.{os.urandom(4).hex()}.part")
        try:
            _receive(url, file, part)
            if wrong := problem(part, file):
                raise DataError(f"what came {wrong}")
            # Another process may have been faster. What lies there is never replaced (nor would Windows do it).
            if not os.path.lexists(path):
                with suppress(FileExistsError):
                    part.rename(path)
            for failure in failures:
                print(f"{failure}. {file.name} came from {url} instead", file=sys.stderr)
            return
        except DataError as error:
            failures.append(f"{url}: {error}")
        finally:
            part.unlink(missing_ok=True)
    raise DataError(
        f"{file.name} can't be downloaded ({'; '.join(failures)}). "
        f"Try again later, or put the file of {file.bytes:,} bytes with sha256 {file.sha256} at {path}"
    )


def _remove_forgotten_parts(path: Path) -> None:
    """Remove what killed processes left of this file. A download that lives writes all the time."""
    ours = re.compile(rf"{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for part in path.parent.iterdir():
        with suppress(OSError):  # another process may have been faster
            if ours.fullmatch(part.name) and part.stat().st_mtime < time.time() - _FORGOTTEN:
                part.unlink()


def _receive(url: str, file: DataFile, part: Path) -> None:
    # Packed files must come as they are: another encoding on the way would be undone, and the checksum be wrong.
    # And some hosts refuse a library's own name, so we give ours.
    headers = {"Accept-Encoding": "identity", "User-Agent": "minirad"}
    download = lab("pooch").HTTPDownloader(chunk_size=_CHUNK, headers=headers, timeout=_TIMEOUT)
    bar = lab("tqdm").tqdm(total=file.bytes, desc=file.name, unit="B", unit_scale=True, leave=False, disable=None)
    with bar, open(part, "xb") as opened:
        try:
            download(url, _Receiver(opened, bar, limit=2 * file.bytes + (1 << 20)), None)
        except lab("requests").RequestException as error:
            raise DataError(_in_short(error, file)) from None


def _in_short(error: Any, file: DataFile) -> str:
    """What requests complains of. Its own text is long and has the address in it again."""
    if error.response is not None:
        status = error.response.status_code
        return f"{status} {responses.get(status, '')}".strip()
    if "timed out" in str(error):
        return f"sent nothing for {_TIMEOUT} seconds"
    name = type(error).__name__
    known = {
        "ChunkedEncodingError": f"broke off before all {file.bytes:,} bytes had come",
        "ConnectionError": "no connection",
    }
    return known.get(name, name)


class _Receiver:
    """The file that a download writes to. It shows progress, and ends a download that has no end."""

    def __init__(self, file: BinaryIO, bar: Any, limit: int) -> None:
        self.file, self.bar, self.limit, self.received = file, bar, limit, 0
        self.start = time.monotonic()

    def write(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received > self.limit:
            raise DataError(f"sends more than {self.limit:,} bytes")
        seconds = time.monotonic() - self.start
        if seconds > _PATIENCE and self.received < _SLOWEST * seconds:
            raise DataError(f"sends less than {_SLOWEST:,} bytes a second")
        self.file.write(chunk)
        self.bar.update(len(chunk))

    def flush(self) -> None:
        """Pooch asks for it after each chunk. Once at the end, when the file is closed, is enough."""
