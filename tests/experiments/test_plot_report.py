"""minirad plot, as a person uses it."""

import json
import re
import sys
from pathlib import Path

import pytest
from commands import minirad_command

from minirad import cli
from minirad.experiments import plot_report
from minirad.experiments.plot_report import chosen, differing, grouped, optimizers
from minirad.experiments.recorded import Recorded
from minirad.experiments.results import Store
from minirad.plots import OPTIMIZERS, STYLES

for needed in ("matplotlib", "tyro"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """The folder "runs/compare/toy" with 8 runs, in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    store = Store(Path("runs"), "compare", "toy")
    for optimizer in ("adam", "radam"):
        for lr in (0.01, 0.1):
            for seed in (100, 101):
                losses = [lr * seed / t for t in range(1, 9)]
                rows = [
                    {"epoch": 1, "loss": losses[:4], "test_accuracy": 0.5, "extra": lr},
                    {"epoch": 2, "loss": losses[4:], "test_accuracy": 0.75, "extra": lr},
                    {"stopped": None},
                ]
                settings = {"optimizer": optimizer, "lr": lr, "seed": seed, "hidden": [8]}
                store.write(settings, rows, 1.0)
    return store


@pytest.fixture
def drawn(monkeypatch):
    """What was handed to runs_figure, when the command line has run."""
    calls, draw = [], plot_report.runs_figure
    monkeypatch.setattr(plot_report, "runs_figure", lambda *args: calls.append(args) or draw(*args))

    def run(*args):
        cli.main(["plot", "runs/compare/toy", *args])
        return calls.pop()

    return run


def refused(*args, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["plot", *args])
    printed = capsys.readouterr()
    assert (stop.value.code, printed.out) == (2, "")
    assert printed.err.startswith("minirad: ")
    assert printed.err.count("\n") == 1
    assert not list(Path().rglob("*.png"))
    return printed.err.removeprefix("minirad: ")[:-1]


# ---- what it draws


def test_by_default_all_that_differs_but_the_seed(drawn, capsys):
    title, labels, panels, _ = drawn()
    assert title == str(Path("runs/compare/toy"))
    assert labels == ["adam, lr 0.01", "adam, lr 0.1", "radam, lr 0.01", "radam, lr 0.1"]
    assert [(panel.y, panel.x) for panel in panels] == [("loss", "step"), ("test_accuracy", "epoch")]
    assert panels[0].groups["radam, lr 0.1"].tolist() == [
        [0.1 * seed / t for t in range(1, 9)] for seed in (100, 101)
    ] or (panels[0].groups["radam, lr 0.1"].tolist() == [[0.1 * seed / t for t in range(1, 9)] for seed in (101, 100)])
    assert panels[1].groups["adam, lr 0.01"].tolist() == [[0.5, 0.75]] * 2
    picture = Path("runs/compare/toy-loss-test_accuracy.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.splitlines() == [*(f"{label}: 2 runs" for label in labels), f"figure in {picture}"]


@pytest.mark.parametrize("by", [["--by", "optimizer"], ["--by", "optimizer", "hidden"], ["--by", "optimizer,hidden"]])
def test_by_some_settings(drawn, capsys, by):
    _, labels, panels, _ = drawn(*by)
    words = ", hidden [8]" if "hidden" in by[-1] else ""
    assert labels == ["adam" + words, "radam" + words]
    assert all(group.shape == (4, 8) for group in panels[0].groups.values())
    assert f"adam{words}: 4 runs, of different lr\n" in capsys.readouterr().out


def test_by_seed(drawn):
    assert drawn("--by", "seed")[1] == ["seed 100", "seed 101"]


@pytest.mark.parametrize("y", [["extra", "accuracy"], ["extra,accuracy"], ["extra", "accuracy", "test_accuracy"]])
def test_some_columns(drawn, y):
    assert [panel.y for panel in drawn("--y", *y)[2]] == ["extra", "test_accuracy"]
    assert Path("runs/compare/toy-extra-test_accuracy.png").exists()


def test_r_is_that_of_radam(drawn, capsys):
    _, labels, (panel,), _ = drawn("--y", "r", "--by", "optimizer", "--out", "new/r.svg")
    assert labels == ["adam", "radam"]
    assert list(panel.groups) == ["radam"]
    assert panel.x == "step"
    assert "r: of 4 of the 8 runs\n" in capsys.readouterr().out
    assert Path("new/r.svg").read_text("utf-8").startswith("<?xml")


@pytest.mark.parametrize("absolute", [False, True])
def test_a_picture_of_recorded_results_stands_in_runs(absolute, capsys):
    """They came with the clone, which is to stay clean."""
    Path("runs").rename("results")
    folder = Path("results/compare/toy")
    cli.main(["plot", str(folder.resolve() if absolute else folder), "--y", "loss"])
    assert capsys.readouterr().out.splitlines()[-1] == f"figure in {Path('runs/compare/toy-loss.png')}"
    assert not list(Path("results").rglob("*.png"))


@pytest.mark.parametrize("folder", [".", "../toy"])
def test_the_current_folder(folder, monkeypatch):
    monkeypatch.chdir("runs/compare/toy")
    cli.main(["plot", folder, "--y", "loss"])
    assert Path("../toy-loss.png").exists()


def test_an_optimizer_has_its_colour_here_and_in_compare(drawn):
    assert drawn("--by", "optimizer")[3] == [STYLES[OPTIMIZERS.index(name)] for name in ("adam", "radam")]
    colours = [colour for colour, _ in drawn()[3]]
    assert colours == [STYLES[OPTIMIZERS.index(name)][0] for name in ("adam", "adam", "radam", "radam")]
    assert drawn("--by", "lr")[3] is None


def test_what_failed_is_said(runs, drawn, capsys):
    runs.write({"optimizer": "adam", "lr": 9.0, "seed": 100}, [{"loss": [1.0, None]}, {"stopped": "nan"}], 1.0)
    (runs.folder / "0123.failed.json").write_text(json.dumps({"failed": "boom"}))
    drawn("--by", "optimizer")
    printed = capsys.readouterr().out
    assert "adam: 5 runs, 1 stopped early, of different hidden, lr\n" in printed
    assert "not drawn: 1 that failed with an error\n" in printed


def test_as_a_shell_runs_it():
    done = minirad_command("plot", "runs/compare/toy", "--y", "loss", "--out", "loss.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "figure in loss.png"
    assert Path("loss.png").stat().st_size > 10_000


def test_help(capsys):
    with pytest.raises(SystemExit):
        cli.main(["plot", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert all(option in words for option in ("FOLDER", "--by", "--y", "--out"))
    assert "None" not in words


# ---- what is refused


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("nowhere", "nowhere: there is no such folder"),
        ("runs", f"runs holds no runs; there are some in {Path('runs/compare/toy')}"),
        ("empty", "empty holds no runs"),
        ("runs/compare/toy --by rate", "--by: no setting 'rate'; there are hidden, lr, optimizer, seed"),
        ("runs/compare/toy --y speed", "--y: no run holds 'speed'; there are extra, loss, test_accuracy, r"),
        ("runs/compare/toy --y loss,speed", "--y: no run holds 'speed'; there are extra, loss, test_accuracy, r"),
        ("runs/compare/toy --out x.docx", "--out: the name must end in one of .png, .pdf, .svg, got 'x.docx'"),
        ("runs/compare/toy --out x", "got 'x'"),
        ("", "FOLDER"),
    ],
)
def test_bad_input(capsys, args, words):
    Path("empty").mkdir()
    assert words in refused(*args.split(), capsys=capsys)


def test_a_file_that_is_no_result(runs, capsys):
    (runs.folder / "list.jsonl").write_text("bread\n")
    path = Path("runs/compare/toy/list.jsonl")
    assert refused(str(runs.folder), capsys=capsys) == f"{path} is not the result of a run; move it away"


def test_steps_that_make_no_sense(runs, capsys):
    runs.write({"seed": 5}, [{"step": [3, 1], "loss": [1.0, 2.0]}], 1.0)
    words = refused(str(runs.folder), capsys=capsys)
    path = runs.path({"seed": 5})
    assert words.startswith(f"{path}, loss: fill: steps must be 2 growing whole numbers")


def test_losses_by_step_and_by_epoch_share_no_axis(runs, capsys, drawn):
    path = runs.write({"optimizer": "sgd"}, [{"epoch": 1, "loss": 2.0, "test_accuracy": 0.5}], 1.0)
    words = refused(str(runs.folder), capsys=capsys)
    assert words.startswith("loss is recorded by step in ")
    assert f" and by epoch in {path}: they have no axis in common" in words
    assert len(drawn("--y", "accuracy")[1]) == 5


def test_too_many_groups(runs, capsys):
    for seed in range(30):
        runs.write({"optimizer": "sgd", "seed": seed}, [{"loss": [1.0]}], 1.0)
    words = "--by: 34 groups are too many for one picture; choose fewer of optimizer, seed"
    assert refused(str(runs.folder), "--by", "optimizer", "seed", capsys=capsys) == words


def test_runs_without_numbers(runs, capsys):
    for path in runs.folder.iterdir():
        path.unlink()
    runs.write({"seed": 1}, [{"note": "text"}], 1.0)
    assert refused(str(runs.folder), capsys=capsys) == "--y: the runs hold no numbers to draw"


def test_a_picture_that_can_t_be_written(capsys):
    Path("there.png").mkdir()
    with pytest.raises(SystemExit) as stop:
        cli.main(["plot", "runs/compare/toy", "--out", "there.png"])
    assert stop.value.code == 2
    assert re.match(r"minirad: there.png: \S", capsys.readouterr().err)


def test_without_matplotlib(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "minirad[lab]" in refused("runs/compare/toy", capsys=capsys)


# ---- its parts


def runs_with(*settings):
    return [Recorded(own, [{"x": 1.0}], None) for own in settings]


def test_differing():
    runs = runs_with({"a": 1, "b": 2, "seed": 1}, {"a": 1, "b": 3, "seed": 2}, {"a": 1, "seed": 3})
    assert differing(runs) == ["b", "seed"]
    assert differing(runs[:1]) == []


def test_groups_are_in_the_order_of_their_values():
    runs = runs_with(*({"lr": lr, "rule": "a"} for lr in (10.0, 9, None, 1e-5)), {"lr": 9.0, "rule": "b"})
    assert list(grouped(runs, ["lr"])) == ["lr 1e-05", "lr 9", "lr 9.0", "lr 10.0", "lr None"]
    assert list(grouped(runs[:1], [])) == ["all runs"]


def test_the_optimizer_of_a_group():
    settings = [{"optimizer": "adam"}, {"optimizer": "sgd"}, {"optimizer": ["sgd"]}, {}, {"optimizer": "adam", "b": 1}]
    adam, sgd, odd, none, too = runs_with(*settings)
    groups = [[adam, too], [adam, sgd], [odd, odd], [none], [sgd]]
    assert optimizers(dict(enumerate(groups))) == ["adam", None, None, None, "sgd"]


def test_settings_that_are_huge():
    assert list(grouped(runs_with({"n": 10**400}, {"n": 1.5}), [])) == ["n 1.5", f"n {10**400}"]


def test_columns_that_are_drawn_if_none_is_named():
    assert chosen([Recorded({}, [{"loss": [1.0], "a": 1.0, "test_accuracy": 1.0}], None)], []) == [
        "loss",
        "test_accuracy",
    ]
    assert chosen([Recorded({}, [{"b": 2.0, "a": 1.0}], None)], []) == ["b"]
