"""minirad data, as a person uses it."""

import dataclasses
import gzip
import hashlib
import re
import subprocess
import sys
import threading

import pytest
from commands import environment, minirad_command
from data.http_server import send, serving

from minirad import cli
from minirad.data import DataFile, get, names, registry

for needed in ("pooch", "tqdm", "tyro"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

LOGIN = b"<html>Please log in</html>"
FILES = {name: gzip.compress(name.encode() * 50, mtime=0) for name in ("train.gz", "test.gz")}
PACKAGED = {"digits": "sklearn", "number-words": "num2words", "python-docs": "pydoc_data"}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The empty folder of data sets, which is not there yet."""
    monkeypatch.setenv("MINIRAD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path / "data"


@pytest.fixture
def run(capsys):
    """Runs ``minirad data args``; gives the exit code and what was printed."""

    def run(*args):
        code = 0
        try:
            cli.main(["data", *args])
        except SystemExit as stop:
            code = stop.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as server:
        server.answers |= {f"/{name}": content for name, content in FILES.items()}
        yield server


@pytest.fixture
def tiny(server, monkeypatch):
    """mnist has two small files, which the server has; ptb is two small files that can't be downloaded."""
    for name, urls in (("mnist", server.url), ("ptb", None)):
        files = tuple(published(file, *([urls(f"/{file}")] if urls else [])) for file in FILES)
        monkeypatch.setitem(registry._REGISTRY, name, dataclasses.replace(get(name), files=files))
    chosen = {name: registry._REGISTRY[name] for name in ("digits", "mnist", "ptb")}
    monkeypatch.setattr(registry, "_REGISTRY", chosen)


def put(place, name, contents):
    (place / name).mkdir(parents=True)
    for file, content in contents.items():
        (place / name / file).write_bytes(content)


def published(name, *urls):
    return DataFile(name, urls, len(FILES[name]), hashlib.sha256(FILES[name]).hexdigest())


def one_line(text):
    assert re.fullmatch(r"minirad: \S[^\n]*\n", text)
    assert text[:-1].isprintable()
    return text.removeprefix("minirad: ")[:-1]


# ---- list


def test_list(run, place):
    put(place, "tinyshakespeare", {"input.txt": b"anything"})
    put(place, "ptb", {"ptb.train.txt": b"anything"})
    code, out, err = run("list")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines[:-3])) <= 100
    assert lines[0].split() == ["name", "kind", "size", "there", "source", "licence"]
    rows = {line.split()[0]: line for line in lines[1 : 1 + len(names())]}
    assert list(rows) == names()
    for name, row in rows.items():
        dataset = get(name)
        assert f" {dataset.kind} " in row
        assert row.endswith(dataset.licence)
        assert (f"with {PACKAGED[name]}" in row) if name in PACKAGED else (" MB " in row)
        assert (" download " in row) == dataset.needs_download
    assert re.search(r" 30\.9 MB +no +download +MIT$", rows["fashion-mnist"])
    assert " put it there " in rows["cifar10-jpeg"]
    assert re.search(r" 1\.1 MB +yes +download ", rows["tinyshakespeare"])
    assert re.search(r" 6\.0 MB +1 of 3 +download ", rows["ptb"])
    assert str(place) in lines[-2]


@pytest.mark.parametrize("package", PACKAGED.values())
def test_list_tells_what_is_not_installed(run, monkeypatch, package):
    monkeypatch.setattr("minirad.experiments.data_report.find_spec", lambda name: None if name == package else name)
    (row,) = (line for line in run("list")[1].splitlines() if f"with {package}" in line)
    assert row.split(f"with {package}")[0].split()[-1] == "no"
    assert sum(" yes " in line for line in run("list")[1].splitlines()) == 2


@pytest.mark.parametrize("name", names())
def test_list_name(run, place, name):
    code, out, err = run("list", name)
    dataset = get(name)
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}: {dataset.description}\n")
    for text in (dataset.kind, dataset.licence, dataset.citation, dataset.homepage):
        assert f" {text}\n" in out
    assert (f"{place / name}\n" in out) == bool(dataset.files)
    for file in dataset.files:
        assert re.search(rf"^  {re.escape(file.name)} +{file.bytes:,} bytes  missing$", out, re.MULTILINE)
    assert not place.exists()


# ---- where


def test_where(run, place):
    assert run("where") == (0, f"{place}\n", "")
    put(place, "ptb", {"ptb.valid.txt": b""})
    code, out, err = run("where", "ptb", "digits", "ptb")
    assert (code, err) == (0, "")
    assert out == (
        f"{place / 'ptb'}\n"
        "  ptb.train.txt    5,101,618 bytes  missing\n"
        "  ptb.valid.txt      399,782 bytes  there\n"
        "  ptb.test.txt       449,945 bytes  missing\n"
        "digits has no files of its own: it comes with sklearn\n"
    )


# ---- fetch


def test_fetch(run, place, tiny, server):
    code, out, err = run("fetch", "mnist", "digits")
    assert (code, err) == (0, "")
    assert out == (
        f"mnist: 0.0 MB in {place / 'mnist'}, 2 fetched now\ndigits: nothing to fetch, it comes with sklearn\n"
    )
    assert {path.name: path.read_bytes() for path in (place / "mnist").iterdir()} == FILES
    assert run("fetch", "mnist") == (0, f"mnist: 0.0 MB in {place / 'mnist'}\n", "")
    assert server.asked == ["/train.gz", "/test.gz"]
    (place / "mnist" / "test.gz").unlink()
    assert run("fetch", "mnist")[1].endswith(", 1 fetched now\n")
    assert run("verify") == (
        0,
        "digits           comes with sklearn: no file to check\nmnist            2 right\nptb              2 missing\n",
        "",
    )


def test_fetch_all(run, place, tiny):
    code, out, err = run("fetch", "--all")
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == ["digits", "mnist", "ptb"]
    assert f"ptb: left out. {place / 'ptb' / 'train.gz'} is missing, and there is no download: put the file" in out


def test_fetch_what_cannot_be_downloaded(run, place, tiny):
    code, out, err = run("fetch", "ptb")
    assert (code, out) == (2, "")
    words = one_line(err)
    assert words.startswith(f"{place / 'ptb' / 'train.gz'} is missing, and there is no download: put the file of ")
    assert "MINIRAD_DATA" in words
    put(place, "ptb", FILES)
    assert run("fetch", "ptb") == (0, f"ptb: 0.0 MB in {place / 'ptb'}\n", "")


def test_one_that_fails_does_not_keep_the_others_from_coming(run, place, tiny):
    put(place, "ptb", FILES | {"test.gz": LOGIN})
    for args in (["ptb", "mnist"], ["--all"]):
        code, out, err = run("fetch", *args)
        assert code == 2
        assert f"{place / 'ptb' / 'test.gz'} is not the published file: it is a web page" in one_line(err)
        assert "mnist: 0.0 MB" in out
        assert (place / "ptb" / "test.gz").read_bytes() == LOGIN


def test_fetch_from_a_server_that_sends_something_else(run, place, tiny, server):
    server.answers["/test.gz"] = LOGIN
    code, out, err = run("fetch", "mnist")
    assert (code, out) == (2, "")
    assert f"test.gz can't be downloaded ({server.url('/test.gz')}: what came is a web page" in one_line(err)
    assert [path.name for path in (place / "mnist").iterdir()] == ["train.gz"]


def test_two_commands_at_once(server, place):
    """Two processes, and neither is served before both have asked."""
    both = threading.Barrier(2, timeout=60)

    def answer(handler):
        both.wait()
        send(handler, FILES["test.gz"])

    server.answers["/test.gz"] = answer
    file = published("test.gz", server.url("/test.gz"))
    code = (
        "import dataclasses; from minirad.cli import main; from minirad.data import DataFile, registry\n"
        f"changed = dataclasses.replace(registry.get('mnist'), files=({file!r},))\n"
        "registry._REGISTRY['mnist'] = changed\n"
        "main(['data', 'fetch', 'mnist'])"
    )
    env = environment(MINIRAD_DATA=place, NO_PROXY="127.0.0.1")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen([sys.executable, "-c", code], env=env, **pipes) for _ in range(2)]
    printed = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert all(out.startswith(f"mnist: 0.0 MB in {place / 'mnist'}") and err == "" for out, err in printed)
    assert server.asked == ["/test.gz"] * 2
    assert [path.name for path in (place / "mnist").iterdir()] == ["test.gz"]
    assert (place / "mnist" / "test.gz").read_bytes() == FILES["test.gz"]


# ---- verify


def test_verify_names_each_wrong_file(run, place, tiny):
    flipped = bytearray(FILES["test.gz"])
    flipped[20] ^= 1
    put(place, "mnist", {"train.gz": FILES["train.gz"][:-9], "test.gz": bytes(flipped)})
    put(place, "ptb", {"train.gz": b"", "test.gz": FILES["test.gz"]})
    code, out, err = run("verify")
    assert (code, err) == (1, "")
    size, mnist, ptb = len(FILES["train.gz"]), place / "mnist", place / "ptb"
    lines = out.splitlines()
    assert lines[:3] == [
        "digits           comes with sklearn: no file to check",
        "mnist            2 wrong",
        f"  {mnist / 'train.gz'} is not the published file: it is cut short: it has {size - 9} bytes "
        f"instead of {size}. Move it away to have it downloaded again",
    ]
    assert lines[3].startswith(f"  {mnist / 'test.gz'} is not the published file: it has the right size and other")
    assert lines[4:] == [
        "ptb              1 right, 1 wrong",
        f"  {ptb / 'train.gz'} is not the published file: it is empty. Put the right one in its place",
    ]
    assert (mnist / "test.gz").read_bytes() == bytes(flipped)
    assert len(list(mnist.iterdir())) == len(list(ptb.iterdir())) == 2
    assert run("verify", "digits")[0] == 0
    assert run("verify", "ptb", "digits")[0] == 1
    for file, content in FILES.items():
        (ptb / file).write_bytes(content)
    assert run("verify", "mnist", "ptb")[0] == 1
    assert run("verify", "ptb") == (0, "ptb              2 right\n", "")


def test_verify_where_there_is_no_folder(run, place, tiny):
    code, out, err = run("verify")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"{place} does not exist (MINIRAD_DATA names another folder)"
    assert "does not exist" not in run("verify", "digits")[1]  # needs none
    place.mkdir()
    assert "does not exist" not in run("verify")[1]


def test_verify_a_folder_in_place_of_a_file(run, place, tiny):
    (place / "mnist" / "test.gz").mkdir(parents=True)
    code, out, _ = run("verify", "mnist")
    assert code == 1
    assert out.startswith(f"mnist            1 wrong, 1 missing\n  {place / 'mnist' / 'test.gz'} can't be read: ")


def test_verify_in_a_process_of_its_own(place):
    put(place, "wikitext-2", {"wikitext-2-v1.zip": LOGIN})
    done = minirad_command("data", "verify", "wikitext-2", MINIRAD_DATA=place)
    assert (done.returncode, done.stderr) == (1, "")
    assert "wikitext-2-v1.zip is not the published file: it is a web page" in done.stdout


# ---- bad input


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("", "{list,fetch,verify,where}"),
        ("lust", "lust"),
        ("list cifar", "unknown data set 'cifar'; there are digits, mnist, "),
        ("fetch mnist cifar", "unknown data set 'cifar'"),
        ("verify digits x", "unknown data set 'x'"),
        ("where ../mnist", "unknown data set '../mnist'"),
        ("fetch", "data fetch: name data sets, or --all; there are digits, mnist, "),
        ("fetch mnist --all", "--all stands alone, behind `minirad data fetch`"),
        ("verify --all", "--all stands alone"),
        ("list --al", "--al"),
    ],
)
def test_bad_input(run, place, args, words):
    code, out, err = run(*args.split())
    assert (code, out) == (2, "")
    assert words in one_line(err)
    assert not place.exists()


@pytest.mark.parametrize("action", ["fetch", "where"])
def test_a_data_folder_that_is_a_file(run, place, tiny, action):
    place.write_text("a file where the folder should be")
    code, out, err = run(action, "mnist")
    if action == "where":
        assert (code, err, out.count(" missing\n")) == (0, "", 2)
    else:
        assert (code, out) == (2, "")
        assert str(place) in one_line(err)
    assert place.read_text() == "a file where the folder should be"


def test_without_the_lab_extra():
    done = minirad_command("data", "list", without="pooch")  # which knows the cache folder
    assert (done.returncode, done.stdout) == (2, "")
    assert "pooch is not installed: it is in minirad[lab]" in one_line(done.stderr)


@pytest.mark.parametrize("package", ["pooch", "tqdm"])
def test_fetch_without_the_lab_extra(place, package):
    done = minirad_command("data", "fetch", "ptb", without=package, MINIRAD_DATA=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert one_line(done.stderr).startswith(f"{package} is not installed: it is in minirad[lab]")
    assert not place.exists()


@pytest.mark.parametrize("action", ["list", "where", "verify"])
def test_looking_needs_no_more_than_tyro(place, action):
    done = minirad_command("data", action, without="pooch tqdm matplotlib scipy num2words", MINIRAD_DATA=place)
    assert (done.returncode, done.stderr) == (0, "")


def test_help(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["data", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for words in ("{list,fetch,verify,where}", "NAME ...", "--all", "verify compares"):
        assert words in text
