import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.data import DataFile, problem
from minirad.data.checking import refusal

CONTENT = b"What was published: " + bytes(range(256)) * 3


def published(*urls, content=CONTENT):
    return DataFile("numbers.txt", urls, len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("set") / "numbers.txt"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (CONTENT[:-1], "is cut short: it has 787 bytes instead of 788"),
        (CONTENT + b"\0", "is too long: it has 789 bytes instead of 788"),
        (
            CONTENT[::-1],
            f"has the right size and other content: it has sha256 {hashlib.sha256(CONTENT[::-1]).hexdigest()} "
            f"instead of {hashlib.sha256(CONTENT).hexdigest()}",
        ),
        (b'{"error": "no such file"}', "is a message of a server (JSON)"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is a pointer of Git LFS, without what it points to"),
        *(
            (page, "is a web page (of a login, or an error)")
            for page in (
                b"<!DOCTYPE html><title>Sign in</title>",
                b"\xef\xbb\xbf\r\n  <html lang=en>",
                b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
                b"<!-- 404 -->",
                b"<HEAD>",
                b"<script>location='/login'</script>".ljust(788),  # of the right size
            )
        ),
    ],
)
def test_what_it_looks_like(path, content, says):
    path.write_bytes(content)
    assert problem(path, published()) == says
    assert refusal(path, published()) == (
        f"{path} is not the published file: it {says}. Put the right one in its place"
    )
    assert refusal(path, published("https://nowhere/")) == (
        f"{path} is not the published file: it {says}. Move it away to have it downloaded again"
    )


@pytest.mark.parametrize("content", [CONTENT, b"", b"<html>", b"{}"])
def test_what_was_published_is_right_whatever_it_looks_like(path, content):
    path.write_bytes(content)
    assert problem(path, published(content=content)) is None
    assert refusal(path, published(content=content)) is None


@given(place=st.integers(0, len(CONTENT) - 1), bit=st.integers(0, 7), cut=st.integers(0, len(CONTENT) - 1))
def test_every_flip_and_every_cut_is_noticed(path, place, bit, cut):
    flipped = bytearray(CONTENT)
    flipped[place] ^= 1 << bit
    for content, says in ((flipped, "has the right size and other content"), (CONTENT[:cut], "is ")):
        path.write_bytes(content)
        assert problem(path, published()).startswith(says)


@given(content=st.binary().filter(lambda content: content != CONTENT))
def test_anything_else_is_told_in_one_printable_line(path, content):
    path.write_bytes(content)
    assert refusal(path, published()).isprintable()


def test_what_cannot_be_read(tmp_path):
    for place, says in ((tmp_path, "Is a directory"), (tmp_path / "missing", "No such file or directory")):
        with pytest.raises(OSError, match=says):
            problem(place, published())
        assert refusal(place, published()) == f"{place} can't be read: {says}. Put the right one in its place"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path):
    place = tmp_path / "numbers.txt"
    place.write_bytes(CONTENT)
    place.chmod(0)
    assert "can't be read: Permission denied" in refusal(place, published())
