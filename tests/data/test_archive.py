"""Archives of all kinds. What is read goes into memory: none may leave a trace on the disk."""

import gzip
import io
import tarfile
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.data import DataError
from minirad.data.archive import read_members

A, B = bytes(range(256)) * 5, b"b" * 700
SIZES = {"set/a.bin": len(A), "set/b.bin": len(B)}
FILES = {"set/a.bin": A, "set/b.bin": B}


def member(name, content=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info, content


def tar(*members, form=tarfile.GNU_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


A_MEMBER, B_MEMBER = member("set/a.bin", A), member("set/b.bin", B)
WHOLE = tar(A_MEMBER, B_MEMBER)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The archive, alone in a folder in a folder."""
    folder = tmp_path_factory.mktemp("outside") / "inside"
    folder.mkdir()
    return folder / "set.tar.gz"


@pytest.fixture(autouse=True)
def nothing_is_written(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    yield
    assert set(path.parent.parent.rglob("*")) <= {path.parent, path}


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_members(path, SIZES)
    text = str(error.value)
    assert text.startswith(f"{path} is no whole archive: ")
    assert text.endswith("Move it away and get it again")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gzip", "plain"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_read(path, pack, form):
    folder, readme = member("set", kind=tarfile.DIRTYPE), member("set/readme.html", b"<html>")
    path.write_bytes(pack(tar(folder, B_MEMBER, readme, A_MEMBER, form=form)))
    assert read_members(str(path), SIZES) == FILES


def test_names_that_begin_with_a_dot(path):
    path.write_bytes(tar(member("./set/a.bin", A), member("./set/b.bin", B)))
    assert read_members(path, SIZES) == FILES


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "set/../../evil", "evil", "set/a.bin/evil", "n" * 300])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_other_members_are_passed_over(path, name, kind):
    evil = member(name, b"evil" if kind == tarfile.REGTYPE else b"", kind, "../evil")
    path.write_bytes(gzip.compress(tar(evil, A_MEMBER, evil, B_MEMBER)))
    assert read_members(path, SIZES) == FILES


@pytest.mark.parametrize("name", ["set/../set/a.bin", "/set/a.bin", "set//a.bin", "a.bin", "SET/a.bin"])
def test_only_the_full_name_counts(path, name):
    assert "it lacks set/a.bin" in refused(path, tar(member(name, A), B_MEMBER))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
@pytest.mark.parametrize("link", ["set/b.bin", "/etc/passwd", "../../secret"])
def test_what_is_no_file(path, kind, link):
    assert "set/a.bin is no file in it" in refused(path, tar(B_MEMBER, member("set/a.bin", b"", kind, link)))


@pytest.mark.parametrize("content", [b"", A[:-1], A + b"a"], ids=["empty", "shorter", "longer"])
def test_wrong_size(path, content):
    text = refused(path, tar(member("set/a.bin", content), B_MEMBER))
    assert f"set/a.bin has {len(content):,} bytes instead of 1,280" in text


def test_twice(path):
    assert "it has set/a.bin twice" in refused(path, tar(A_MEMBER, B_MEMBER, A_MEMBER))


def test_missing(path):
    assert "it lacks set/a.bin, set/b.bin" in refused(path, tar())
    assert "it lacks set/b.bin" in refused(path, tar(A_MEMBER))


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>log in</html>" * 100, b"\x1f\x8bno gzip", bytes(100)])
def test_no_archive(path, content):
    refused(path, content)


@given(data=st.data(), packed=st.booleans())
def test_cut_anywhere(path, data, packed):
    # A plain archive may lack the zeros at its end.
    whole = gzip.compress(WHOLE, mtime=0) if packed else WHOLE[: WHOLE.rindex(b"b") + 1]
    refused(path, whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(data=st.data())
def test_a_flipped_bit_in_gzip_is_never_read_as_something_else(path, data):
    content = bytearray(gzip.compress(WHOLE, mtime=0))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with suppress(DataError):  # or it is read right: the header of gzip has bits that mean nothing
        assert read_members(path, SIZES) == FILES


@given(data=st.data(), form=st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_any_header_is_read_or_refused(path, data, form):
    # A long name brings the further headers of GNU and PAX.
    long = member("x" * 90 + "/" + "y" * 90 if form != tarfile.PAX_FORMAT else "ü" * 120)
    content = bytearray(tar(long, A_MEMBER, B_MEMBER, form=form))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, 3000))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(DataError):
        assert {name: len(read) for name, read in read_members(path, SIZES).items()} == SIZES


def test_a_little_gzip_that_holds_a_lot(path):
    big = member("set/readme.html", bytes(30 << 20))
    for content in (tar(big, A_MEMBER, B_MEMBER), tar(A_MEMBER, B_MEMBER, big), WHOLE + bytes(30 << 20)):
        assert "it holds, or claims to hold, more than 1,050,556 bytes" in refused(path, gzip.compress(content))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_promises_too_much_costs_no_memory(path, kind):
    info, _ = member("set/a.bin", kind=kind)
    info.size = 6 << 30
    content = gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(50 << 20))
    tracemalloc.start()
    try:
        refused(path, content)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["set/a.bin", "set/readme.html"])
def test_a_size_that_is_far_beyond_the_end_takes_no_time(path, name):
    info, _ = member(name)
    info.size = 1 << 60
    refused(path, info.tobuf(tarfile.GNU_FORMAT) + bytes(2000))


def test_a_number_that_is_none(path):
    info, content = member("set/a.bin", A)
    info.pax_headers = {"GNU.sparse.map": "nonsense"}
    refused(path, tar((info, content), B_MEMBER, form=tarfile.PAX_FORMAT))


def test_an_archive_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(DataError, match=str(path.name)):
            read_members(path, SIZES)
