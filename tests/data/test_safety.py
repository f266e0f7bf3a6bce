"""No wrong file gets in: for each data set that is downloaded, from the network and from the user.

The files are small ones, published here under the names of the real ones. The real ones come last, where they are.
"""

import dataclasses
import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from data.http_server import serving
from data.image_checks import real

import minirad.data
from minirad.data import DataError, fetch, folder, get, names, problem, registry

pytest.importorskip("pooch", reason="needs the extra minirad[lab]")
pytest.importorskip("tqdm", reason="needs the extra minirad[lab]")

DOWNLOADED = [name for name in names() if get(name).needs_download]
LOADERS = {
    "mnist": minirad.data.mnist,
    "fashion-mnist": minirad.data.fashion_mnist,
    "cifar10": minirad.data.cifar10,
    "cifar10-jpeg": minirad.data.cifar10_jpeg,
    "multi30k": minirad.data.multi30k,
    "tinyshakespeare": minirad.data.tinyshakespeare,
    "ptb": minirad.data.ptb,
    "wikitext-2": minirad.data.wikitext2,
}
LOGIN = b"<!DOCTYPE html><html><body>Please log in</body></html>"


def flip(content):
    return content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 16]) + content[len(content) // 2 + 1 :]


DAMAGES = {
    "flip": (flip, "has the right size and other content"),
    "cut": (lambda content: content[: len(content) // 2], "is cut short"),
    "empty": (lambda content: b"", "is empty"),
    "login page": (lambda content: LOGIN, "is a web page"),
}
each_set = pytest.mark.parametrize("name", DOWNLOADED)
each_damage = pytest.mark.parametrize(("damage", "says"), DAMAGES.values(), ids=list(DAMAGES))


def unpacked(name):
    """What a small file of this name holds: some hundred bytes, the same ones each time."""
    return np.random.default_rng(list(name.encode())).bytes(500)


def small(name):
    return gzip.compress(unpacked(name), mtime=0) if name.endswith("gz") else unpacked(name)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as server:
        yield server


@pytest.fixture
def publish(server, monkeypatch, tmp_path):
    """Makes the files of a data set small ones that the server has; gives the data set and its empty folder."""

    def published(file):
        content, inside = small(file.name), unpacked(file.name)
        known = file.content_sha256 and {
            "content_bytes": len(inside),
            "content_sha256": hashlib.sha256(inside).hexdigest(),
        }
        server.answers[f"/{file.name}"] = content
        urls, sha256 = (server.url(f"/{file.name}"),), hashlib.sha256(content).hexdigest()
        return dataclasses.replace(file, urls=urls, bytes=len(content), sha256=sha256, **known or {})

    def publish(name):
        dataset = dataclasses.replace(get(name), files=tuple(map(published, get(name).files)))
        monkeypatch.setitem(registry._REGISTRY, name, dataset)
        monkeypatch.setenv("MINIRAD_DATA", str(tmp_path))
        (tmp_path / name).mkdir()
        return dataset, tmp_path / name

    return publish


def contents(place):
    return {path.name: path.read_bytes() for path in place.iterdir()}


def refused(function, *args):
    with pytest.raises(DataError) as error:
        function(*args)
    assert str(error.value).isprintable()  # one line, no colours
    return str(error.value)


def test_every_set_with_files_is_tested():
    assert set(LOADERS) == {name for name in names() if get(name).files} == {*DOWNLOADED, "cifar10-jpeg"}


@each_set
@each_damage
def test_a_wrong_download_is_removed(publish, server, name, damage, says):
    dataset, place = publish(name)
    right = {file.name: small(file.name) for file in dataset.files}
    for i, file in enumerate(dataset.files):
        server.answers[f"/{file.name}"] = damage(right[file.name])
        words = refused(fetch, name)
        assert f"{file.urls[0]}: what came {says}" in words
        assert str(place / file.name) in words  # where to put the right one
        assert contents(place) == dict(list(right.items())[:i])
        server.answers[f"/{file.name}"] = right[file.name]
        fetch(name)
        assert contents(place) == right
        for later in dataset.files[i + 1 :]:
            (place / later.name).unlink()


@each_set
@each_damage
def test_a_mirror_that_sends_something_else_is_named_and_the_next_one_asked(
    publish, server, capsys, monkeypatch, name, damage, says
):
    dataset, place = publish(name)
    files = [dataclasses.replace(file, urls=(server.url(f"/bad/{file.name}"), *file.urls)) for file in dataset.files]
    monkeypatch.setitem(registry._REGISTRY, name, dataclasses.replace(dataset, files=tuple(files)))
    for file in files:
        server.answers[f"/bad/{file.name}"] = damage(small(file.name))
    fetch(name)
    assert contents(place) == {file.name: small(file.name) for file in files}
    for file, line in zip(files, capsys.readouterr().err.splitlines(), strict=True):
        assert line.startswith(f"{file.urls[0]}: what came {says}")
        assert line.endswith(f". {file.name} came from {file.urls[1]} instead")


@each_set
@each_damage
def test_a_wrong_file_of_the_user_is_refused_and_stays(publish, server, name, damage, says):
    dataset, place = publish(name)
    right = {file.name: small(file.name) for file in dataset.files}
    for file in dataset.files:
        for file_name, content in right.items():
            (place / file_name).write_bytes(content)
        wrong = damage(right[file.name])
        (place / file.name).write_bytes(wrong)
        for function in (lambda: fetch(name), LOADERS[name]):
            words = refused(function)
            assert words.startswith(f"{place / file.name} is not the published file: it {says}")
            assert words.endswith("Move it away to have it downloaded again")
        assert contents(place) == right | {file.name: wrong}
    assert server.asked == []


@pytest.mark.parametrize("name", [name for name in DOWNLOADED if len(get(name).files) > 1])
def test_files_that_changed_places(publish, name):
    dataset, place = publish(name)
    fetch(name)
    first, second = (place / file.name for file in dataset.files[:2])
    first.rename(place / "aside")
    second.rename(first)
    (place / "aside").rename(second)
    assert f"{first} is not the published file: it " in refused(fetch, name)


def test_nothing_here_unpickles_or_unpacks_to_the_disk():
    for path in Path(minirad.data.__file__).parent.glob("*.py"):
        for word in ("pickle", "np.load", ".extract(", "extractall", "unpack_archive", "eval(", "exec("):
            assert word not in path.read_text(encoding="utf-8"), path.name


# The real files, where they are: MINIRAD_DATA.


@pytest.fixture
def linked(tmp_path, monkeypatch):
    """A folder with links to the real files of a data set, in place of the data folder."""

    def linked(name):
        place = real(name, "set MINIRAD_DATA to the folder that has it")
        (tmp_path / name).mkdir()
        for file in get(name).files:
            (tmp_path / name / file.name).symlink_to((place / file.name).resolve())
        monkeypatch.setenv("MINIRAD_DATA", str(tmp_path))
        return tmp_path / name

    return linked


@pytest.mark.parametrize("name", LOADERS)
def test_the_real_files_are_what_the_registry_says(name):
    place = real(name, "set MINIRAD_DATA to the folder that has it")
    for file in get(name).files:
        assert problem(place / file.name, file) is None
    assert list(fetch(name).values()) == [folder() / name / file.name for file in get(name).files]


@pytest.mark.parametrize("name", LOADERS)
@each_damage
def test_a_damaged_real_file(linked, name, damage, says):
    place = linked(name)
    file = min(get(name).files, key=lambda file: file.bytes)
    whole = (place / file.name).read_bytes()
    (place / file.name).unlink()
    (place / file.name).write_bytes(damage(whole))
    assert f"{place / file.name} is not the published file: it {says}" in refused(LOADERS[name])
    assert (place / file.name).read_bytes() == damage(whole)
