import json
import os
import re
from contextlib import suppress

import pytest
from tiny_experiments import TINY, Tiny

from minirad.experiments import ledger as ledger_file
from minirad.experiments.ledger import Attempt, Ledger, Record, failure_path
from minirad.experiments.results import environment

pytest.importorskip("threadpoolctl", reason="needs the extra minirad[lab]")

ROWS = [{"x": 1}, {"score": 0.5}, {"score": 0.75}]
RUN = Tiny(1)


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(TINY, tmp_path)
    ledger.store(RUN).prepare()
    return ledger


def files(ledger):
    return sorted(path.name.split(".", 1)[1] for path in ledger.store(RUN).folder.iterdir())


def ran(rows=ROWS, failed=None, **where):
    return Attempt(rows, failed, 1.5, environment() | where)


def test_an_unknown_run(ledger):
    assert ledger.look_up(RUN) is None


def test_a_result(ledger):
    assert ledger.write(RUN, ran()) == ledger.look_up(RUN) == Record(RUN, 0.75, None, 1.5)
    assert ledger.look_up(Tiny(2)) is None
    rows, meta = ledger.store(RUN).read(vars(RUN))
    assert rows == ROWS
    assert meta["seconds"] == 1.5


def test_a_run_that_stopped_has_a_result_and_counts_as_failed(ledger):
    record = ledger.write(RUN, ran([*ROWS, {"stopped": "the loss is nan at step 9"}]))
    assert record == ledger.look_up(RUN) == Record(RUN, 0.75, "the loss is nan at step 9", 1.5)
    assert files(ledger) == ["jsonl", "meta.json"]
    assert ledger.write(Tiny(2), ran([*ROWS, {"stopped": None}])).failed is None


@pytest.mark.parametrize("cell", ["much", None, True, [1.0], {}, 10**400, float("nan"), float("inf")])
def test_a_headline_that_is_no_finite_number_is_not_shown(ledger, cell):
    assert ledger.write(RUN, ran([*ROWS, {"score": cell}])) == ledger.look_up(RUN) == Record(RUN, None, None, 1.5)


@pytest.mark.parametrize("rows", ["", '"hello"\n', "1\n2\n", '{"score": 1}\n[]\n'])
def test_rows_that_are_none_are_refused(ledger, rows):
    ledger.write(RUN, ran())
    path = ledger.store(RUN).path(vars(RUN))
    path.write_text(path.read_text().splitlines(keepends=True)[0] + rows)
    words = f"{path} is not the result of this run; move it away, with its .meta.json"
    with pytest.raises(ValueError, match=re.escape(words)):
        ledger.look_up(RUN)


def test_a_failure(ledger):
    assert ledger.write(RUN, ran(None, "it broke")) == ledger.look_up(RUN) == Record(RUN, None, "it broke", 1.5)
    assert files(ledger) == ["failed.json"]
    assert failure_path(ledger.store(RUN), RUN).exists()


def test_a_result_or_a_failure_never_both(ledger):
    ledger.write(RUN, ran(None, "it broke"))
    ledger.write(RUN, ran())
    assert files(ledger) == ["jsonl", "meta.json"]
    ledger.write(RUN, ran(None, "it broke again"))
    assert files(ledger) == ["failed.json"]
    assert ledger.look_up(RUN).failed == "it broke again"


@pytest.mark.parametrize("change", [{"code": "another"}, {"backend": "abacus"}])
@pytest.mark.parametrize("rows", [ROWS, None])
def test_runs_of_other_code_are_told(ledger, change, rows):
    failed = None if rows else "it broke"
    assert ledger.write(RUN, ran(rows, failed, **change)).changed
    assert ledger.look_up(RUN).changed
    assert not ledger.write(RUN, ran(rows, failed, machine="another", python="4", threads=9)).changed


@pytest.mark.parametrize("content", ["", "[]", "{}", "nonsense", '{"settings": {}, "failed": "no", "seconds": 1}'])
def test_a_foreign_failure_is_refused(ledger, content):
    ledger.write(RUN, ran(None, "it broke"))
    path = failure_path(ledger.store(RUN), RUN)
    path.write_text(content)
    with pytest.raises(ValueError, match="is not the record of this run; move it away"):
        ledger.look_up(RUN)
    settings = json.loads(json.dumps(vars(RUN)))
    for rest in ({}, {"failed": 3, "seconds": 1}, {"failed": "no", "seconds": "1"}):
        path.write_text(json.dumps({"settings": settings, **rest}))
        with pytest.raises(ValueError, match="is not the record of this run; move it away"):
            ledger.look_up(RUN)


@pytest.mark.parametrize("before", [ran(), ran(None, "it broke")])
@pytest.mark.parametrize("after", [ran([{"score": 2.0}]), ran(None, "it broke again")])
@pytest.mark.parametrize("call", range(4))
def test_an_end_between_two_steps_leaves_the_old_the_new_or_nothing(ledger, monkeypatch, before, after, call):
    calls = []

    def counting(function):
        def counted(*args, **options):
            if len(calls) == call and not str(args[0]).endswith(".part"):
                raise KeyboardInterrupt
            calls.append(args)
            return function(*args, **options)

        return counted

    old = ledger.write(RUN, before)
    monkeypatch.setattr(os, "replace", counting(os.replace))
    monkeypatch.setattr(os, "unlink", counting(os.unlink))
    new = None
    with suppress(KeyboardInterrupt):
        new = ledger.write(RUN, after)
    monkeypatch.undo()
    assert ledger.look_up(RUN) in ([new] if new else [old, None])
    ledger.write(RUN, after)
    assert files(ledger) == (["failed.json"] if after.failed else ["jsonl", "meta.json"])


def test_a_folder_is_held_once(ledger):
    pytest.importorskip("fcntl", reason="needs POSIX")
    elsewhere = Tiny(1, folder="elsewhere")
    with ledger.held([RUN, Tiny(2)]):
        with pytest.raises(OSError, match=r"^another sweep is at work in .*here$"), ledger.held([elsewhere, Tiny(3)]):
            raise AssertionError
        with ledger.held([elsewhere]):  # given back
            pass
    with ledger.held([RUN]):
        pass


def test_held_makes_and_tidies_the_folder(ledger):
    part = ledger.store(RUN).folder / ".x.jsonl.0123.part"
    part.write_text("half")
    with ledger.held([RUN, Tiny(1, folder="new")]):
        assert ledger.store(Tiny(1, folder="new")).folder.is_dir()
        assert not part.exists()


def test_without_locks(ledger, monkeypatch):
    """As on Windows, or on a disk that has none."""

    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(ledger_file, "import_module", refuse)
    with ledger.held([RUN]), ledger.held([RUN]):
        pass
