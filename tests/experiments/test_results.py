import json
import math
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import commands
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minirad
from minirad.backend import backend_name
from minirad.experiments import results
from minirad.experiments.results import Store, environment, rounded
from minirad.threads import get_num_threads

SETTINGS = {"optimizer": "radam", "lr": 0.003, "hidden": (128, 64), "seed": 1, "validation": False}
ROWS = [{"epoch": 1, "loss": [2.5, 1.25], "accuracy": 0.5}, {"stopped": None}]

names = st.text('abz_é "', min_size=1, max_size=6)
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names
settings_of_runs = st.dictionaries(names, values | st.lists(values, max_size=3), min_size=1, max_size=6)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path, "compare", "digits")


def files(store):
    return sorted(path.name for path in store.root.rglob("*") if path.is_file())


# ---- the key


def test_the_key_is_the_hash_of_canonical_settings(store):
    canonical = '{"edition":1,"hidden":[128,64],"lr":0.003,"optimizer":"radam","seed":1,"validation":false}'
    key = sha256(canonical.encode()).hexdigest()[:12]
    assert store.path(SETTINGS) == store.root / "compare" / "digits" / f"{key}.jsonl"


@given(settings_of_runs, st.randoms())
def test_the_key_knows_no_order(settings, random):
    store = Store(Path("here"), "e", "s")
    shuffled = list(settings.items())
    random.shuffle(shuffled)
    assert store.path(dict(shuffled)) == store.path(settings)
    assert re.fullmatch(r"[0-9a-f]{12}\.jsonl", store.path(settings).name)


@given(settings_of_runs, settings_of_runs)
def test_other_settings_have_another_key(one, other):
    store = Store(Path("here"), "e", "s")
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (store.path(one) == store.path(other)) == same


def test_the_edition_changes_every_key(tmp_path):
    paths = {Store(tmp_path, "e", "s", edition).path(SETTINGS) for edition in range(1, 5)}
    assert len(paths) == 4


def test_an_old_edition_is_invisible(tmp_path):
    Store(tmp_path, "e", "s", 1).write(SETTINGS, ROWS, 1.0)
    assert Store(tmp_path, "e", "s", 2).read(SETTINGS) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_settings_must_be_finite(store, bad):
    with pytest.raises(ValueError, match="JSON compliant"):
        store.write({"lr": bad}, ROWS, 1.0)
    assert files(store) == []


def test_no_setting_may_stand_for_the_edition(tmp_path):
    words = "e: no setting may be called edition: the experiment's own is in the key"
    with pytest.raises(ValueError, match=words):
        Store(tmp_path, "e", "s", 2).path({**SETTINGS, "edition": 1})


# ---- what is in the files


def test_write_and_read(store):
    path = store.write(SETTINGS, ROWS, 1.23456)
    assert path == store.path(SETTINGS)
    rows, meta = store.read(SETTINGS)
    assert rows == ROWS
    assert meta == {"seconds": 1.235, **environment()}


def test_no_such_run(store):
    assert store.read(SETTINGS) is None
    store.write(SETTINGS, ROWS, 1.0)
    assert store.read({**SETTINGS, "seed": 2}) is None


def test_one_json_object_a_line(store):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    content = store.write(SETTINGS, [{"loss": [math.nan, -math.inf, 1.0]}], 1.0).read_bytes()
    assert content.endswith(b"\n")
    assert b"\r" not in content
    header, row = [json.loads(line, parse_constant=refuse) for line in content.splitlines()]
    settings = {**SETTINGS, "hidden": [128, 64]}
    assert header == {"exhibit": "compare", "edition": 1, "settings": settings}
    assert row == {"loss": [None, None, 1.0]}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [float, np.float64])
def test_what_is_not_finite_is_null(store, value, kind):
    value = kind(value)
    store.write(SETTINGS, [{"loss": value, "deep": [[value, 1.0], {"x": (value,)}]}], 1.0)
    (row,), _ = store.read(SETTINGS)
    assert row == {"loss": None, "deep": [[None, 1.0], {"x": [None]}]}


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_every_float_comes_back(tmp_path_factory, losses):
    store = Store(tmp_path_factory.getbasetemp() / "floats", "e", "s")
    store.write(SETTINGS, [{"loss": losses}], 1.0)
    assert store.read(SETTINGS)[0] == [{"loss": losses}]


def test_the_same_run_gives_the_same_bytes(tmp_path):
    turned = dict(reversed(SETTINGS.items()))
    rows = [dict(reversed(row.items())) for row in ROWS]
    one = Store(tmp_path / "1", "e", "s").write(SETTINGS, ROWS, 1.0)
    other = Store(tmp_path / "2", "e", "s").write(turned, rows, 77.7)
    assert one.read_bytes() == other.read_bytes()
    assert one.name == other.name


def test_the_meta_data_stands_beside(store):
    path = store.write(SETTINGS, ROWS, 2.0)
    assert files(store) == sorted([path.name, f"{path.stem}.meta.json"])
    meta = json.loads(path.with_suffix(".meta.json").read_text("utf-8"))
    assert meta["seconds"] == 2.0
    assert meta["numpy"] == np.__version__
    assert meta["minirad"] == minirad.__version__
    assert meta["backend"] == backend_name()
    assert meta["threads"] == get_num_threads()
    assert meta["python"] == ".".join(map(str, sys.version_info[:3]))
    assert f"{os.cpu_count()} cores" in meta["machine"]


@given(st.lists(st.floats(width=32), max_size=5))
def test_rounded(numbers):
    for number, short in zip(numbers, rounded(numbers), strict=True):
        if math.isfinite(number):
            assert short == pytest.approx(number, rel=5.1e-6, abs=1e-320)
            assert short == float(f"{short:.6g}")
        else:
            np.testing.assert_equal(short, number)


def test_rounded_digits():
    assert rounded([2.3456789, 1234.5678, 0.0], digits=3) == [2.35, 1230.0, 0.0]


# ---- whole or not at all


class KilledError(BaseException):
    """Stands for anything that ends a process in the middle of its work."""


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, KilledError])
def test_an_error_leaves_nothing_half(store, monkeypatch, call, error):
    """The first file is the meta data, the second the result."""
    calls = []

    def failing(source, target):
        calls.append(target)
        if len(calls) == call:
            raise error
        os.rename(source, target)

    monkeypatch.setattr(results.os, "replace", failing)
    with pytest.raises(error):
        store.write(SETTINGS, ROWS, 1.0)
    monkeypatch.undo()
    assert not store.path(SETTINGS).exists()
    assert store.read(SETTINGS) is None
    assert not [name for name in files(store) if name.startswith(".")]
    store.write(SETTINGS, ROWS, 1.0)
    assert store.read(SETTINGS)[0] == ROWS


def test_the_file_is_whole_before_it_has_its_name(store, monkeypatch):
    replace, seen = os.replace, []

    def watching(source, target):
        assert not target.exists()
        text = source.read_text("utf-8")
        replace(source, target)
        assert target.read_text("utf-8") == text
        seen.append(target.name)

    monkeypatch.setattr(results.os, "replace", watching)
    path = store.write(SETTINGS, ROWS, 1.0)
    assert seen == [f"{path.stem}.meta.json", path.name]  # where the result is, the run is complete


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_process_leaves_nothing_half(store, call, when):
    code = f"""
import os
from pathlib import Path
from minirad.experiments.results import Store
calls, replace = [], os.replace
def dying(source, target):
    calls.append(target)
    if len(calls) == {call} and {when == "before"}:
        os._exit(9)
    replace(source, target)
    if len(calls) == {call}:
        os._exit(9)
os.replace = dying
Store(Path({str(store.root)!r}), "compare", "digits").write({SETTINGS}, {ROWS}, 1.0)
"""
    done = subprocess.run([sys.executable, "-c", code], env=commands.environment())
    assert done.returncode == 9
    whole = (call, when) == (2, "after")
    assert (store.read(SETTINGS) is not None) == whole
    store.prepare()
    assert not [name for name in files(store) if name.startswith(".")]
    assert (store.read(SETTINGS) is not None) == whole
    store.write(SETTINGS, ROWS, 1.0)
    assert len(files(store)) == 2


@pytest.mark.parametrize("rows", [[{"loss": object()}], [{"loss": 1.0}, {"loss": np.float32(1)}]])
def test_rows_that_are_no_json_write_nothing(store, rows):
    with pytest.raises(TypeError, match="not JSON serializable"):
        store.write(SETTINGS, rows, 1.0)
    assert files(store) == []


def test_writing_again_replaces(store):
    store.write(SETTINGS, ROWS, 1.0)
    store.write(SETTINGS, [{"epoch": 7}], 2.0)
    rows, meta = store.read(SETTINGS)
    assert (rows, meta["seconds"]) == ([{"epoch": 7}], 2.0)
    assert len(files(store)) == 2


# ---- what does not belong there


def test_the_run_of_other_settings_is_refused(store):
    path = store.write(SETTINGS, ROWS, 1.0)
    other = {**SETTINGS, "seed": 2}
    path.rename(store.path(other))
    path.with_suffix(".meta.json").rename(store.path(other).with_suffix(".meta.json"))
    with pytest.raises(ValueError, match="not the result of this run") as error:
        store.read(other)
    assert str(store.path(other)) in str(error.value)


@pytest.mark.parametrize("part", ["exhibit", "edition"])
def test_the_run_of_another_exhibit_is_refused(store, part):
    path = store.write(SETTINGS, ROWS, 1.0)
    header, *rest = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text(json.dumps({**json.loads(header), part: 99}) + "\n" + "".join(rest), "utf-8")
    with pytest.raises(ValueError, match="not the result of this run"):
        store.read(SETTINGS)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"nonsense\n", b"[]\n", b"{}\n", b'{"settings": 1}\n', b"\xff\xfe", b"\x00" * 99]
)
def test_a_foreign_file_is_refused(store, content):
    path = store.write(SETTINGS, ROWS, 1.0)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not the result of this run"):
        store.read(SETTINGS)
    assert path.read_bytes() == content  # and left alone


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense", b"[]", b"3", b'{"seconds": "2"}'])
def test_foreign_meta_data_is_refused(store, content):
    path = store.write(SETTINGS, ROWS, 1.0)
    path.with_suffix(".meta.json").write_bytes(content)
    with pytest.raises(ValueError, match="not the result of this run"):
        store.read(SETTINGS)


def test_a_result_without_its_meta_data(store):
    path = store.write(SETTINGS, ROWS, 1.0)
    path.with_suffix(".meta.json").unlink()
    words = f"{path}, the result of {SETTINGS}, has lost its .meta.json; move it away"
    with pytest.raises(ValueError, match=re.escape(words)):
        store.read(SETTINGS)


# ---- the folder


def test_prepare_makes_an_empty_folder(store):
    store.prepare()
    assert store.folder.is_dir()
    assert files(store) == []


def test_prepare_removes_parts_and_nothing_else(store):
    path = store.write(SETTINGS, ROWS, 1.0)
    before = files(store)
    (store.folder / f".{path.name}.0123abcd.part").write_text("half a li")
    (store.folder / "notes.txt").write_text("mine")
    store.prepare()
    assert files(store) == sorted([*before, "notes.txt"])


def test_prepare_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file"):
        Store(tmp_path / "file", "e", "s").prepare()


def test_prepare_where_no_file_can_be_made(store, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied", "folder")

    monkeypatch.setattr(results, "TemporaryFile", refuse)
    with pytest.raises(PermissionError):
        store.prepare()
