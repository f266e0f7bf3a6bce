import json
import re
from math import inf, nan

import numpy as np
import pytest

from minirad.experiments import curves
from minirad.experiments.curves import thin
from minirad.experiments.recorded import Recorded, axis, read, table
from minirad.experiments.results import Store
from minirad.variance import rectification

ROWS = [
    {"epoch": 1, "loss": [3.0, 2.0], "test_accuracy": 0.25, "note": "text", "ok": True},
    {"epoch": 2, "loss": [1.5, 1.0], "test_accuracy": 0.5, "note": "text", "ok": True},
]
END = {"stopped": None}


def record(rows, stopped=None, **settings):
    return Recorded(settings, rows, stopped)


# ---- reading


def test_what_a_store_wrote_is_read(tmp_path):
    store = Store(tmp_path, "compare", "digits")
    store.write({"optimizer": "adam", "hidden": (8, 8), "seed": 1}, [*ROWS, END], 1.0)
    store.write({"optimizer": "sgd", "hidden": (8, 8), "seed": 1}, [ROWS[0], {"stopped": "the loss is nan"}], 1.0)
    adam, sgd = sorted(read(store.folder), key=lambda run: run.settings["optimizer"])
    assert adam == Recorded({"optimizer": "adam", "hidden": [8, 8], "seed": 1}, ROWS, None)
    assert (sgd.rows, sgd.stopped) == (ROWS[:1], "the loss is nan")


@pytest.mark.parametrize("why", [None, "the loss is nan"])
def test_the_only_row_may_say_why_it_stopped(tmp_path, why):
    Store(tmp_path, "E7", "s").write({"seed": 1}, [ROWS[0] | {"stopped": why}], 1.0)
    (run,) = read(tmp_path / "E7" / "s")
    assert (run.rows, run.stopped) == (ROWS[:1], why)


def test_rows_without_an_end(tmp_path):
    Store(tmp_path, "e", "s").write({"seed": 1}, ROWS, 1.0)
    assert read(tmp_path / "e" / "s") == [record(ROWS, seed=1)]


def test_no_folder(tmp_path):
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / 'none'}: there is no such folder")):
        read(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="there is no such folder"):
        read(tmp_path / "file")


def test_no_runs(tmp_path):
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path} holds no runs") + "$"):
        read(tmp_path)


def test_runs_further_below(tmp_path):
    for scale in ("digits", "mnist"):
        Store(tmp_path, "compare", scale).write({"seed": 1}, ROWS, 1.0)
    below = ", ".join(str(tmp_path / "compare" / scale) for scale in ("digits", "mnist"))
    words = f"{tmp_path} holds no runs; there are some in {below}"
    with pytest.raises(ValueError, match=re.escape(words)):
        read(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"shopping", b"[]", b"{}", b'{"settings": 3}', b'{"settings": {}}\n3', b"\xff\xfe", b"{"]
)
def test_a_file_that_is_no_result(tmp_path, content):
    Store(tmp_path, "e", "s").write({"seed": 1}, ROWS, 1.0)
    path = tmp_path / "e" / "s" / "0.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path} is not the result of a run; move it away")):
        read(path.parent)


# ---- curves


def test_columns():
    assert record(ROWS).columns == {"loss": "step", "test_accuracy": "epoch"}
    assert record([]).columns == {}
    assert record([{"x": None}, {"y": [None]}, {"z": []}, {"w": ["a"]}, {"v": [1, [2]]}]).columns == {
        "x": "epoch",
        "y": "step",
    }


def test_curves():
    np.testing.assert_array_equal(record(ROWS).curve("loss"), [3, 2, 1.5, 1])
    np.testing.assert_array_equal(record(ROWS).curve("test_accuracy"), [0.25, 0.5])
    np.testing.assert_array_equal(record([{"x": None}, {"x": 2}]).curve("x"), [nan, 2])
    np.testing.assert_array_equal(record([{"loss": [1.0, None]}]).curve("loss"), [1, inf])


def test_a_thinned_curve():
    losses = np.random.default_rng(0).random(3000)
    i = thin(losses, 100)
    run = record([{"epoch": 1, "step": (i + 1).tolist(), "loss": losses[i].tolist()}])
    assert run.columns == {"loss": "step"}
    assert len(run.curve("loss")) == 3000
    np.testing.assert_allclose(run.curve("loss")[i], losses[i])


def test_a_column_that_is_there_every_other_epoch():
    rows = [{"epoch": t, "loss": [0.0]} | ({"dev_loss": 10.0 * t} if t % 2 == 0 else {}) for t in range(1, 7)]
    np.testing.assert_array_equal(record(rows).curve("dev_loss"), [nan, 20, 30, 40, 50, 60])
    np.testing.assert_array_equal(table([record(rows)], "dev_loss"), [[nan, 20, 30, 40, 50, 60]])


def test_r_of_radam():
    run = record(ROWS, optimizer="radam")
    assert run.columns["r"] == "step"
    np.testing.assert_array_equal(run.curve("r"), [nan] * 4)
    run = record([{"loss": [1.0] * 50}], optimizer="radam")
    np.testing.assert_allclose(run.curve("r"), [rectification(t, 0.999) for t in range(1, 51)])
    run = record([{"loss": [1.0] * 50}], optimizer="radam", beta2=0.9)
    assert run.curve("r")[49] == rectification(50, 0.9)


def test_r_is_known_of_nothing_else():
    assert "r" not in record(ROWS, optimizer="adam").columns
    assert "r" not in record(ROWS).columns
    assert "r" not in record([{"accuracy": 1.0}], optimizer="radam").columns  # how many steps?
    run = record([{"loss": [1.0, 1.0], "r": [0.25, 0.5]}], optimizer="radam")
    np.testing.assert_array_equal(run.curve("r"), [0.25, 0.5])  # what was recorded counts
    run = record([{"loss": [1.0, 1.0], "r": 0.25}], optimizer="radam")
    assert (run.columns["r"], run.curve("r").tolist()) == ("epoch", [0.25])


@pytest.mark.parametrize("epoch", [{}, {"epoch": 1}])
def test_a_number_at_the_step_of_its_row(epoch):
    run = record([{"step": 3, "loss": 3} | epoch, {"step": 5, "loss": 2, "note": "text"} | epoch])
    assert run.columns == {"loss": "step"}
    np.testing.assert_array_equal(run.curve("loss"), [nan, nan, 3, 2.5, 2])
    run = record([{"step": 3, "loss": 3}, {"loss": 2}])
    assert run.columns == {"loss": "epoch"}
    run = record([{"step": 2, "loss": [3, 2], "score": 1.0}])  # all losses, and the last step
    assert run.columns == {"loss": "step", "score": "step"}
    np.testing.assert_array_equal(run.curve("loss"), [3, 2])
    np.testing.assert_array_equal(run.curve("score"), [nan, 1])


def test_r_of_radam_with_betas():
    rows = [{"loss": [1.0] * 50}]
    expected = [rectification(t, 0.99) for t in range(1, 51)]
    for settings in ({"betas": [0.9, 0.99]}, {"betas": [0.9, 0.5], "beta2": 0.99}, {"betas": None, "beta2": 0.99}):
        np.testing.assert_array_equal(record(rows, optimizer="radam", **settings).curve("r"), expected)


@pytest.mark.parametrize(
    ("rows", "name", "words"),
    [
        ([{"step": [1, 5], "loss": [3, 2, 1]}], "loss", "fill: steps must be 3 growing whole numbers"),
        ([{"step": [1, "5"], "loss": [3, 2]}], "loss", "fill: steps must be 2 growing whole numbers"),
        ([{"step": [1, 10**9], "loss": [3, 2]}], "loss", "fill: steps must go up to 5,000,000 at most, got "),
        ([{"step": [1, 10**30], "loss": [3, 2]}], "loss", "fill: steps must be 2 growing whole numbers"),
        ([{"epoch": 0, "loss": 3}], "loss", "fill: steps must be 1 growing whole numbers from 1 or later on, got [0]"),
        ([{"epoch": None, "loss": 3}], "loss", "fill: steps must be 1 growing whole numbers"),
        ([{"loss": [10**400]}], "loss", "int too large to convert to float"),
        ([{"loss": [1.0]}], "r", "rectification: beta2 must lie in [0, 1), got 1.5"),
    ],
)
def test_errors_name_the_file_and_the_column(tmp_path, rows, name, words):
    path = Store(tmp_path, "e", "s").write({"optimizer": "radam", "beta2": 1.5}, rows, 1.0)
    (run,) = read(path.parent)
    with pytest.raises(ValueError, match="^" + re.escape(f"{path}, {name}: {words}")):
        run.curve(name)


@pytest.mark.parametrize(
    ("settings", "got"),
    [({"beta2": "x"}, "'x'"), ({"betas": [0.9]}, "[0.9]"), ({"betas": {"2": 1}}, "{'2': 1}"), ({"beta2": []}, "[]")],
)
def test_a_beta2_that_is_no_number(settings, got):
    with pytest.raises(ValueError, match="^" + re.escape(f"a run, r: beta2 must be a number, got {got}")):
        record([{"loss": [1.0]}], optimizer="radam", **settings).curve("r")


def test_the_longest_curve(monkeypatch):
    monkeypatch.setattr(curves, "MOST", 9)
    assert len(record([{"step": [1, 9], "loss": [2, 1]}]).curve("loss")) == 9
    with pytest.raises(ValueError, match="fill: steps must go up to 9 at most, got 10"):
        record([{"step": [1, 10], "loss": [2, 1]}]).curve("loss")


# ---- several runs


def test_the_axis_of_a_column():
    steps, epochs = record([{"loss": [1.0]}]), record([{"loss": 1.0}])
    assert axis([steps, steps], "loss") == "step"
    assert axis([epochs], "loss") == "epoch"
    for runs in ([steps, epochs], [epochs, steps, steps]):
        with pytest.raises(ValueError, match="loss is recorded by step in a run and by epoch in a run: they have no"):
            axis(runs, "loss")


def test_a_table_of_runs_of_unlike_length():
    runs = [record([{"loss": [3.0, 2.0, 1.0], "x": 1.0}, {"x": 2.0}]), record([{"loss": [4.0], "x": 5.0}])]
    np.testing.assert_array_equal(table(runs, "loss"), [[3, 2, 1], [4, nan, nan]])
    np.testing.assert_array_equal(table(runs, "x"), [[1, 2], [5, nan]])


def test_a_run_that_diverged_counts_as_the_worst():
    good = record([{"loss": [3.0, 2.0], "test_loss": 2.0, "accuracy": 0.5}, {"loss": [1.0], "accuracy": 0.75}])
    bad = record([{"loss": [3.0, None], "test_loss": None, "accuracy": 0.1}], "the loss is nan at step 2")
    np.testing.assert_array_equal(table([good, bad], "loss"), [[3, 2, 1], [3, inf, inf]])
    np.testing.assert_array_equal(table([good, bad], "test_loss"), [[2], [inf]])
    np.testing.assert_array_equal(table([good, bad], "accuracy"), [[0.5, 0.75], [0.1, 0.1]])


def test_the_recorded_runs_of_this_project_can_be_read():
    from commands import ROOT

    folder = ROOT / "results" / "compare" / "digits"
    if not folder.is_dir():
        pytest.skip("needs the checkout")
    runs = read(folder)
    headers = [json.loads(path.read_text("utf-8").splitlines()[0]) for path in folder.glob("*.jsonl")]
    assert len(runs) == len(headers) > 0
    for run in runs:
        assert len(run.curve("loss")) == sum(len(row["loss"]) for row in run.rows)
        assert len(run.curve("test_accuracy")) == run.settings["epochs"]
