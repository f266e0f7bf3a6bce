"""Downloads from good servers and bad ones. What each data set refuses: test_safety.py."""

import gzip
import hashlib
import io
import os
import subprocess
import sys
import threading
import time

import pytest
from data.http_server import Server, send, send_without_end, serving

from minirad.data import DataError, DataFile, DataSet, checking, download, fetch, folder, problem

pytest.importorskip("pooch")
pytest.importorskip("tqdm")

CONTENT = bytes(range(256)) * 400
PACKED = gzip.compress(CONTENT, mtime=0)
REPACKED = gzip.compress(CONTENT, compresslevel=1, mtime=12345)
LOGIN = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"
FLIPPED = bytes([*PACKED[:-9], PACKED[-9] ^ 1, *PACKED[-8:]])
WRONG = {
    "empty": (b"", "is empty"),
    "cut": (PACKED[:-1], f"has {len(PACKED) - 1:,} bytes instead of {len(PACKED):,}"),
    "flipped": (FLIPPED, "has sha256 "),
    "swapped": (gzip.compress(CONTENT[::-1], mtime=0), "instead of"),
    "login page": (LOGIN, "is a web page"),
    "long login page": (LOGIN + b" " * 200_000, "is a web page"),
    "longer": (PACKED + b"\0more", f"has {len(PACKED) + 5:,} bytes instead of"),
}
wrong = pytest.mark.parametrize(("content", "says"), WRONG.values(), ids=list(WRONG))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where the file belongs."""
    monkeypatch.setenv("MINIRAD_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "tiny" / "numbers.gz"


def tiny(*urls, content_known=False):
    content = (len(CONTENT), hashlib.sha256(CONTENT).hexdigest()) if content_known else ()
    file = DataFile("numbers.gz", urls, len(PACKED), hashlib.sha256(PACKED).hexdigest(), *content)
    return DataSet("tiny", "images", "a tiny set", "none", "nobody", "nowhere", (file,))


def refused(dataset):
    with pytest.raises(DataError) as error:
        fetch(dataset)
    assert "\n" not in str(error.value)
    return str(error.value)


def put(place, content):
    place.parent.mkdir(parents=True)
    place.write_bytes(content)


# The folder.


def test_folder(monkeypatch, tmp_path):
    assert folder() == tmp_path / "data"
    monkeypatch.setenv("MINIRAD_DATA", "~/sets")
    assert folder().is_absolute()
    for unset in (lambda: monkeypatch.delenv("MINIRAD_DATA"), lambda: monkeypatch.setenv("MINIRAD_DATA", "")):
        unset()
        assert "minirad" in folder().parts
        assert not folder().is_relative_to(tmp_path)


def test_nothing_to_fetch(tmp_path):
    assert fetch("digits") == {}
    assert not (tmp_path / "data").exists()


# A good server.


def test_download(server, place, capsys):
    server.answers["/numbers.gz"] = PACKED
    dataset = tiny(server.url("/numbers.gz"))
    assert fetch(dataset) == {"numbers.gz": place}
    assert place.read_bytes() == PACKED
    assert list(place.parent.iterdir()) == [place]
    assert fetch(dataset) == {"numbers.gz": place}
    assert server.asked == ["/numbers.gz"]  # once: the second time the file was there
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal(server, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    server.answers["/numbers.gz"] = PACKED
    monkeypatch.setattr(sys, "stderr", Terminal())
    fetch(tiny(server.url("/numbers.gz")))
    assert "numbers.gz" in sys.stderr.getvalue()


def test_a_host_that_refuses_python(server, place):
    server.answers["/numbers.gz"] = PACKED
    fetch(tiny(server.url("/numbers.gz")))
    assert server.agents == ["minirad"]


def test_mirrors_in_turn(server, place, capsys):
    server.answers |= {"/2/numbers.gz": LOGIN, "/3/numbers.gz": PACKED, "/4/numbers.gz": PACKED}
    fetch(tiny(*(server.url(f"/{i}/numbers.gz") for i in (1, 2, 3, 4))))
    assert place.read_bytes() == PACKED
    assert server.asked == ["/1/numbers.gz", "/2/numbers.gz", "/3/numbers.gz"]
    came = f"numbers.gz came from {server.url('/3/numbers.gz')} instead"
    assert capsys.readouterr() == (
        "",
        f"{server.url('/1/numbers.gz')}: 404 Not Found. {came}\n"
        f"{server.url('/2/numbers.gz')}: what came is a web page (of a login, or an error). {came}\n",
    )


@pytest.mark.parametrize("content", [REPACKED, CONTENT], ids=["another header", "unpacked"])
def test_known_content_in_another_wrapping(server, place, content):
    server.answers["/numbers.gz"] = content
    assert "what came" in refused(tiny(server.url("/numbers.gz")))
    fetch(tiny(server.url("/numbers.gz"), content_known=True))
    assert place.read_bytes() == content


# Bad servers.


@wrong
@pytest.mark.parametrize("content_known", [False, True])
def test_wrong_download(server, place, content, says, content_known):
    server.answers["/numbers.gz"] = content
    text = refused(tiny(server.url("/numbers.gz"), content_known=content_known))
    for part in ("numbers.gz", server.url("/numbers.gz"), says, f"{len(PACKED):,}", str(place)):
        assert part in text
    assert list(place.parent.iterdir()) == []


def test_no_mirror(server, place, capsys):
    server.answers["/cut"] = lambda handler: send(handler, PACKED[:50], length=len(PACKED))
    gone = Server()
    gone.server_close()
    text = refused(tiny(server.url("/missing"), server.url("/cut"), gone.url("/")))
    assert f"{server.url('/missing')}: 404 Not Found; " in text
    assert f"{server.url('/cut')}: broke off before all {len(PACKED):,} bytes had come; " in text
    assert f"{gone.url('/')}: no connection)" in text
    assert capsys.readouterr() == ("", "")  # all is in the one line
    assert list(place.parent.iterdir()) == []


def test_a_download_without_end(server, place):
    server.answers["/numbers.gz"] = send_without_end
    assert "sends more than" in refused(tiny(server.url("/numbers.gz")))
    assert list(place.parent.iterdir()) == []


def test_a_server_that_says_nothing(server, place, monkeypatch):
    monkeypatch.setattr(download, "_TIMEOUT", 0.2)
    end = threading.Event()
    server.answers["/numbers.gz"] = lambda handler: end.wait(60)
    start = time.monotonic()
    text = refused(tiny(server.url("/numbers.gz")))
    assert time.monotonic() - start < 4
    end.set()
    assert f"{server.url('/numbers.gz')}: sent nothing for 0.2 seconds)" in text
    assert list(place.parent.iterdir()) == []


def test_a_server_that_stops_in_between(server, place, monkeypatch):
    monkeypatch.setattr(download, "_TIMEOUT", 0.2)
    end = threading.Event()

    def answer(handler):
        send(handler, PACKED[:500], length=len(PACKED))
        end.wait(60)

    server.answers["/numbers.gz"] = answer
    text = refused(tiny(server.url("/numbers.gz")))
    end.set()
    assert f"{server.url('/numbers.gz')}: sent nothing for 0.2 seconds)" in text
    assert list(place.parent.iterdir()) == []


def test_a_server_that_hardly_sends(server, place, monkeypatch):
    monkeypatch.setattr(download, "_PATIENCE", 0)
    monkeypatch.setattr(download, "_SLOWEST", 10**12)
    server.answers["/numbers.gz"] = PACKED
    assert "sends less than 1,000,000,000,000 bytes a second" in refused(tiny(server.url("/numbers.gz")))
    assert list(place.parent.iterdir()) == []


def test_what_a_server_says_is_not_repeated(server):
    """It could be anything: colours of the terminal, say."""
    server.answers["/numbers.gz"] = lambda handler: handler.send_error(503, "\x1b[31mred")
    assert f"{server.url('/numbers.gz')}: 503 Service Unavailable)" in refused(tiny(server.url("/numbers.gz")))


def test_ctrl_c_leaves_nothing(server, place, monkeypatch):
    def interrupt(self, chunk):
        raise KeyboardInterrupt

    server.answers["/numbers.gz"] = PACKED
    monkeypatch.setattr(download._Receiver, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(tiny(server.url("/numbers.gz")))
    assert list(place.parent.iterdir()) == []


# The user's own files.


@wrong
@pytest.mark.parametrize("content_known", [False, True])
def test_wrong_file_of_the_user_stays(server, place, content, says, content_known):
    server.answers["/numbers.gz"] = PACKED
    put(place, content)
    text = refused(tiny(server.url("/numbers.gz"), content_known=content_known))
    assert str(place) in text
    assert says in text
    assert place.read_bytes() == content
    assert list(place.parent.iterdir()) == [place]
    assert server.asked == []


def test_right_file_of_the_user_needs_no_server(place):
    put(place, PACKED)
    assert fetch(tiny()) == {"numbers.gz": place}


# Files without a download.


def test_what_cannot_be_downloaded_is_asked_for(place):
    text = refused(tiny())
    for part in (f"{place} is missing, and there is no download", f"{len(PACKED):,} bytes", "MINIRAD_DATA"):
        assert part in text
    assert not place.parent.exists()


@wrong
def test_wrong_file_without_a_download(place, content, says):
    put(place, content)
    text = refused(tiny())
    assert text.startswith(f"{place} is not the published file: it ")
    assert says in text
    assert text.endswith("Put the right one in its place")
    assert place.read_bytes() == content


# Files that come and go.


@pytest.mark.parametrize(("content", "right"), [(PACKED, True), (LOGIN, False)])
def test_a_file_that_comes_in_between_is_never_replaced(server, place, content, right):
    def meanwhile(handler):
        place.write_bytes(content)
        send(handler, REPACKED)

    server.answers["/numbers.gz"] = meanwhile
    dataset = tiny(server.url("/numbers.gz"), content_known=True)
    if right:
        fetch(dataset)
    else:
        assert "is a web page" in refused(dataset)
    assert place.read_bytes() == content
    assert list(place.parent.iterdir()) == [place]


def test_a_folder_that_cannot_be(place, tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    assert str(tmp_path / "data") in refused(tiny("http://127.0.0.1:1/"))
    (tmp_path / "data").unlink()
    place.mkdir(parents=True)
    assert str(place) in refused(tiny("http://127.0.0.1:1/"))


def test_a_link_that_leads_nowhere_stays(server, place, tmp_path):
    """Its disk may come back."""
    server.answers["/numbers.gz"] = PACKED
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "unplugged" / "numbers.gz")
    assert f"{place} can't be read: No such file or directory" in refused(tiny(server.url("/numbers.gz")))
    assert place.is_symlink()
    assert server.asked == []


def test_what_killed_processes_left_is_removed_after_a_day(server, place):
    server.answers["/numbers.gz"] = PACKED
    place.parent.mkdir(parents=True)
    files = {
        "numbers.gz.0123abcd.part": 2,  # days
        "numbers.gz.aaaaaaaa.part": 0,  # this one may be alive
        "numbers.gz.my-notes.part": 2,
        "numbers-gz.0123abcd.part": 2,
        "numbers.gz.0123abcde.part": 2,
    }
    for name, days in files.items():
        (place.parent / name).write_bytes(b"half")
        os.utime(place.parent / name, (time.time() - days * 86400 - 60,) * 2)
    fetch(tiny(server.url("/numbers.gz")))
    assert {path.name for path in place.parent.iterdir()} == {"numbers.gz", *list(files)[1:]}


def test_unpacking_stops_at_the_known_size(place, monkeypatch):
    read = []

    class Counted(io.BytesIO):
        def read(self, size=-1):
            read.append(size)
            return super().read(size)

    put(place, PACKED[:-1])
    monkeypatch.setattr(checking, "open_unpacked", lambda path: Counted(bytes(100 * len(CONTENT))))
    assert problem(place, tiny(content_known=True).files[0])
    assert min(read) > 0
    assert sum(read) <= len(CONTENT) + 2 * max(read)


# Two at once.


def test_two_processes_at_once(server, place):
    both = threading.Barrier(2, timeout=60)

    def answer(handler):
        both.wait()  # neither is served before both have asked
        send(handler, PACKED)

    server.answers["/numbers.gz"] = answer
    code = f"from minirad.data import *; fetch({tiny(server.url('/numbers.gz'))!r})"
    children = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(2)]
    errors = [child.communicate(timeout=120)[1] for child in children]
    assert errors == [b"", b""]
    assert [child.returncode for child in children] == [0, 0]
    assert len(server.asked) == 2
    assert place.read_bytes() == PACKED
    assert list(place.parent.iterdir()) == [place]


def test_a_process_that_is_killed_does_no_harm(server, place):
    half, end = threading.Event(), threading.Event()

    def answer(handler):
        send(handler, PACKED[:500], length=len(PACKED))
        half.set()
        end.wait(60)

    server.answers["/numbers.gz"] = answer
    dataset = tiny(server.url("/numbers.gz"))
    child = subprocess.Popen([sys.executable, "-c", f"from minirad.data import *; fetch({dataset!r})"])
    assert half.wait(60)
    child.kill()
    child.wait()
    assert not place.exists()
    (part,) = place.parent.iterdir()
    server.answers["/numbers.gz"] = PACKED
    fetch(dataset)
    end.set()
    assert place.read_bytes() == PACKED
    assert set(place.parent.iterdir()) == {place, part}
