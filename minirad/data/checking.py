"""Whether a file is the published one and, if it is not, what it looks like and what to do."""

from __future__ import annotations

import hashlib
from pathlib import Path

from minirad.data.registry import DataFile
from minirad.data.support import UNPACKING_ERRORS, open_unpacked

_CHUNK = 1 << 16

# What often lies in the place of a file, by its first characters in lower case.
_IMPOSTORS = {
    "a web page (of a login, or an error)": (b"<!doctype", b"<html", b"<?xml", b"<!--", b"<head", b"<body", b"<script"),
    "a message of a server (JSON)": (b"{",),
    "a pointer of Git LFS, without what it points to": (b"version https://git-lfs",),
}


def problem(path: Path, file: DataFile) -> str | None:
    """What is wrong with the file at the path ("is empty"), or None if it is the published one.

    Raises:
        OSError: it can't be read.
    """
    with open(path, "rb") as opened:
        start = opened.read(512).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
        opened.seek(0)
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        size = opened.tell()
    if sha256 == file.sha256 or _has_content(path, file):
        return None
    if size == 0:
        return "is empty"
    for impostor, beginnings in _IMPOSTORS.items():
        if start.startswith(beginnings):
            return f"is {impostor}"
    if size != file.bytes:
        what = "cut short" if size < file.bytes else "too long"
        return f"is {what}: it has {size:,} bytes instead of {file.bytes:,}"
    return f"has the right size and other content: it has sha256 {sha256} instead of {file.sha256}"


def refusal(path: Path, file: DataFile) -> str | None:
    """What is wrong with a file that lies in its place and what to do, in one line; None if it is the published one."""
    advice = "Move it away to have it downloaded again" if file.urls else "Put the right one in its place"
    try:
        wrong = problem(path, file)
    except OSError as error:
        return f"{path} can't be read: {error.strerror or error}. {advice}"
    return f"{path} is not the published file: it {wrong}. {advice}" if wrong else None


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
