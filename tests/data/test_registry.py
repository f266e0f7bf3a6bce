import dataclasses
import re
import subprocess
import sys

import pytest

from minirad.data import DataError, get, load, names
from minirad.data.support import lab

OF_TEXT = [file for kind in ("translation", "text") for name in names(kind) for file in get(name).files]


def test_names():
    assert {"digits", "mnist", "fashion-mnist"} <= set(names())
    assert {"digits", "mnist", "fashion-mnist"} <= set(names("images"))
    assert names("colour images") == ["cifar10", "cifar10-jpeg"]
    assert names("translation") == ["number-words", "multi30k"]
    assert names("text") == ["python-docs", "tinyshakespeare", "ptb", "wikitext-2"]
    assert names("no such kind") == []


@pytest.mark.parametrize("name", names())
def test_entry(name):
    dataset = get(name)
    assert dataset.name == name
    assert dataset.needs_download == (name not in ("digits", "cifar10-jpeg", "number-words", "python-docs"))
    # A set is downloaded, put there by its user, or comes with a package.
    assert (dataset.package is None) == bool(dataset.files)
    for text in (dataset.kind, dataset.description, dataset.licence, dataset.citation, dataset.homepage):
        assert text.strip() == text != ""
    assert len({file.name for file in dataset.files}) == len(dataset.files)
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.name = "another"


@pytest.mark.parametrize("file", [file for name in names() for file in get(name).files], ids=lambda f: f.sha256[:8])
def test_file(file):
    assert re.fullmatch(r"[\w.-]+", file.name)  # no way out of the folder
    at_least = 1 if file in OF_TEXT else 0 if file in get("cifar10-jpeg").files else 2
    assert len(file.urls) >= at_least
    assert all(re.match(r"https?://", url) and url.endswith("/" + file.name) for url in file.urls)
    assert re.fullmatch("[0-9a-f]{64}", file.sha256)
    assert file.bytes > 0
    assert (file.content_bytes is None) == (file.content_sha256 is None)
    if file.content_sha256:
        assert re.fullmatch("[0-9a-f]{64}", file.content_sha256)
        assert file.content_bytes > file.bytes


def test_no_two_files_have_one_checksum():
    sums = [file.sha256 for name in names() for file in get(name).files]
    assert len(set(sums)) == len(sums)


def test_what_is_not_cifar_10_does_not_say_so():
    assert get("cifar10-jpeg").description.startswith("CIFAR-10 (JPEG subset): ")


@pytest.mark.parametrize("function", [get, load])
def test_unknown_name(function):
    with pytest.raises(DataError, match=r"'cats'.*digits, mnist, fashion-mnist, cifar10, cifar10-jpeg") as error:
        function("cats")
    assert isinstance(error.value, ValueError)


def test_import_is_light():
    code = """
import sys, minirad.data
OPTIONAL = {"pooch", "requests", "tqdm", "sklearn", "scipy", "num2words", "sacrebleu"}
print(*{module.split(".")[0] for module in sys.modules} & OPTIONAL)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r"pooch is not installed: it is in minirad\[lab\]"):
        lab("pooch")
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"^sklearn is not"):
        load("digits")
