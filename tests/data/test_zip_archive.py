"""Zip archives of all kinds. What is read goes into memory: none may leave a trace on the disk."""

import io
import stat
import tracemalloc
import warnings
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.data import DataError
from minirad.data.zip_archive import read_zip_members

A, B = bytes(range(256)) * 5, b"b" * 700
FILES = {"set/a.txt": A, "set/b.txt": B}


def zipped(*members, kind=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


WHOLE = zipped(*FILES.items())


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The archive, alone in a folder in a folder."""
    folder = tmp_path_factory.mktemp("outside") / "inside"
    folder.mkdir()
    return folder / "set.zip"


@pytest.fixture(autouse=True)
def nothing_is_written(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    yield
    assert set(path.parent.parent.rglob("*")) <= {path.parent, path}


def read(path, limit=10_000):
    return read_zip_members(path, list(FILES), limit)


def refused(path, content, limit=10_000):
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read(path, limit)
    text = str(error.value)
    assert text.startswith(f"{path} is no whole archive: ")
    assert text.endswith("Move it away and get it again")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_read(path, kind):
    path.write_bytes(zipped(("set/", b""), ("set/b.txt", B), ("readme", b"!"), ("set/a.txt", A), kind=kind))
    assert read(str(path)) == FILES


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "set/../../evil", "evil", "set/a.txt/evil"])
def test_other_members_are_passed_over(path, name):
    path.write_bytes(zipped((name, b"evil"), *FILES.items()))
    assert read(path) == FILES


@pytest.mark.parametrize("name", ["set/../set/a.txt", "/set/a.txt", "set//a.txt", "a.txt", "SET/a.txt", "set/a.txt/"])
def test_only_the_full_name_counts(path, name):
    assert "it lacks set/a.txt" in refused(path, zipped((name, A), ("set/b.txt", B)))


def test_twice_and_missing(path):
    assert "it has set/b.txt twice" in refused(path, zipped(*FILES.items(), ("set/b.txt", B)))
    assert "it lacks set/b.txt" in refused(path, zipped(("set/a.txt", A)))


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packed_in_a_way_that_cannot_be_read_piece_by_piece(path, kind):
    assert "set/a.txt is not packed by deflate" in refused(path, zipped(*FILES.items(), kind=kind))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFREG, 0])
def test_what_is_no_file(path, kind):
    link = zipfile.ZipInfo("set/a.txt")
    link.create_system, link.external_attr = 3, (kind | 0o777) << 16  # 3: Unix
    content = zipped((link, A), ("set/b.txt", B))
    if kind in (stat.S_IFREG, 0):
        path.write_bytes(content)
        assert read(path) == FILES
    else:
        assert "set/a.txt is no file in it" in refused(path, content)


def test_encrypted(path):
    content = bytearray(WHOLE)
    content[6] |= 1  # the flag, in the file's header ...
    content[content.index(b"PK\1\2") + 8] |= 1  # ... and in the directory
    assert "is encrypted" in refused(path, content)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>log in</html>" * 100, b"PK\3\4no zip", bytes(100)])
def test_no_archive(path, content):
    refused(path, content)


def test_the_limit(path):
    path.write_bytes(WHOLE)
    assert read(path, len(A) + len(B)) == FILES
    assert "it holds more than 1,979 bytes" in refused(path, WHOLE, len(A) + len(B) - 1)


@given(data=st.data())
def test_cut_anywhere(path, data):
    refused(path, WHOLE[: data.draw(st.integers(0, len(WHOLE) - 1))])


@given(data=st.data())
def test_any_change_is_refused_or_changes_nothing(path, data):
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with suppress(DataError):  # the header has bits that mean nothing
        assert read(path) == FILES


@pytest.mark.parametrize("claims", [None, 100])
def test_a_little_zip_that_holds_a_lot_costs_no_memory(path, claims):
    content = bytearray(zipped(("set/a.txt", bytes(200 << 20)), ("set/b.txt", B)))
    if claims:  # a directory that lies about the size
        place = content.index(b"PK\1\2") + 24
        content[place : place + 4] = claims.to_bytes(4, "little")
    tracemalloc.start()
    try:
        refused(path, content)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_an_archive_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(DataError, match=str(path.name)):
            read(path)
