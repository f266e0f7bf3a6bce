"""minirad reproduce as a person uses it: what it prints and leaves, what it does not do twice, what it refuses."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_experiments
from commands import minirad_command
from helpers import BACKEND

from minirad import cli
from minirad.experiments import e03_theorem1, e07_demonstration, reproduce
from minirad.experiments.exhibit import HOLDS, exhibits
from minirad.experiments.sweep_report import crew_of
from minirad.plots import new_figure

for needed in ("matplotlib", "num2words", "scipy", "threadpoolctl", "tyro"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

SMALL = {"seeds": 1, "layers": 1, "width": 8, "steps": 3, "pairs": 200}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def small(monkeypatch):
    """The demonstration in a second or two."""
    monkeypatch.setitem(e07_demonstration.EXHIBIT.settings, "quick", SMALL)


def printed(capsys, *args):
    cli.main(["reproduce", *args])
    found = capsys.readouterr()
    assert found.err == ""
    return found.out


def rows(folder="runs"):
    return [json.loads(line) for line in (Path(folder) / "verdicts.jsonl").read_text().splitlines()]


on_numpy = pytest.mark.skipif(BACKEND != "numpy", reason="worker processes know nothing of a backend chosen in a test")


# ---- theory


def test_help(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["reproduce", "--help"])
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert stop.value.code == 0
    for option in ("--scale {quick,laptop,paper}", "--seeds N", "--workers N", "--dask ADDRESS", "--out FOLDER"):
        assert option in words
    assert "an unknown name shows all that there are" in words


def test_an_unknown_name_shows_all(refused):
    assert refused("?").rstrip().endswith(f"there are {', '.join(e.name for e in exhibits().values())}")


def test_what_it_prints_and_leaves(tmp_path):
    done = minirad_command("reproduce", "E3", "e15", "--out", "there")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "E3  Theorem 1 and figure 8: the variance falls as rho grows"
    assert "  HOLDS: Var[psi] decreases monotonically in rho (Theorem 1)." in lines
    assert "  FAILS: Inequality (10), a step of the printed proof, holds." in lines
    assert f"    figure in {Path('there/E3/quick.png')}" in done.stdout
    assert lines[-2] == (
        f"6 claims: 3 holds, 2 holds with a correction, 1 fails; verdicts in {Path('there/verdicts.jsonl')}"
    )
    assert re.fullmatch(r"\d+ s in all", lines[-1])
    assert max(map(len, lines)) <= 110
    found = rows("there")
    assert [(row["exhibit"], row["scale"]) for row in found] == [("E3", "quick")] * 4 + [("E15", "quick")] * 2
    assert found[0]["verdict"] == HOLDS
    assert found[1]["numbers"]["right at t = 5"] == 1.5
    files = {path.relative_to("there").as_posix() for path in Path("there").rglob("*.*")}
    assert {re.sub(r"\w{12}", "key", name) for name in files} == {
        "verdicts.jsonl",
        *(f"{name}/quick.png" for name in ("E3", "E15")),
        *(f"{name}/quick/key.{end}" for name in ("E3", "E15") for end in ("jsonl", "meta.json")),
    }


def test_nothing_is_done_twice(capsys, monkeypatch):
    first = printed(capsys, "E6")
    assert printed(capsys, "E6", "e6").splitlines()[:-1] == first.splitlines()[:-1]  # each named exhibit once
    (meta,) = Path("runs").rglob("*.meta.json")
    old = json.loads(meta.read_text())
    meta.write_text(json.dumps(old | {"code": "another", "seconds": 1234.5}))  # as if other code had done it
    assert "1234.5" not in printed(capsys, "E6")
    assert json.loads(meta.read_text())["code"] == old["code"]


def test_each_scale_has_its_own_verdicts(capsys):
    printed(capsys, "E6")
    printed(capsys, "E6", "--scale", "laptop")
    printed(capsys, "E6", "--scale", "laptop")
    assert [row["scale"] for row in rows()] == ["quick"] * 4 + ["laptop"] * 4
    assert Path("runs/E6/laptop.png").exists()


def test_what_is_run_by_default(monkeypatch):
    plans = []
    monkeypatch.setattr(reproduce, "_reproduce", lambda *args: plans.append(args))
    cli.main(["reproduce"])
    cli.main(["reproduce", "--scale", "laptop", "--seeds", "3", "--out", "there"])
    cli.main(["reproduce", "--rerun-changed"])
    (plan, scale, _, rerun, out), (other, *_), (*_, asked, _) = plans
    assert [exhibit.name for exhibit, _ in plan] == ["E1", "E2", "E3", "E4", "E5", "E6", "E15", "E7-demo"]
    assert (scale, out, plan[-1][1]["seeds"], other[-1][1]["seeds"]) == ("quick", Path("runs"), 2, 3)
    assert (rerun, asked) == (False, True)


def test_a_figure_says_what_it_is_and_what_the_paper_reports(tmp_path):
    figure = new_figure(4.0, 3.0)
    figure.suptitle("its own title\nin two lines")
    exhibit = replace(e03_theorem1.EXHIBIT, draw=lambda numbers: figure, title="Theorem 1", reported="word " * 20)
    reproduce.draw(exhibit, {}, tmp_path / "figure.png")
    first, *reported, own, last = figure.get_suptitle().splitlines()
    assert (first, own, last) == ("E3. Theorem 1", "its own title", "in two lines")
    assert " ".join(reported) == " ".join(["word"] * 20)
    assert max(map(len, reported)) <= 64  # as many as fit


# ---- the demonstration


@on_numpy
def test_a_demonstration(small, capsys):
    """In worker processes; what is done already is not done again, and what was lost is."""
    out = printed(capsys, "E7-demo", "--workers", "2")
    assert "4 of 4 trainings to do, on 2 worker processes" in out
    assert len(re.findall(r"^    \d/4  arm=.* validation_loss \d", out, re.MULTILINE)) == 4
    assert "A DEMONSTRATION, NO VERDICT" in out
    assert "claims" not in out
    assert not Path("runs/verdicts.jsonl").exists()
    assert Path("runs/E7-demo/quick.png").exists()
    again = printed(capsys, "E7-demo")
    assert "trainings" not in again
    more = printed(capsys, "E7-demo", "--seeds", "2", "--workers", "1")
    assert "4 of 8 trainings to do, on 1 worker process\n" in more
    assert re.search(r"^    Adam with warmup +\d\.\d{3} +\d\.\d{3}$", more, re.MULTILINE)


@pytest.fixture
def trained(tmp_path):
    """Does tiny experiments as an exhibit would."""

    def run(*runs, rerun_changed=False):
        return reproduce.do(tmp_path / "out", crew_of(1, None), "quick", rerun_changed, tiny_experiments.TINY, runs)

    return run


def test_a_training_that_diverges_counts(trained):
    nan, well = tiny_experiments.Tiny(1, end="nan"), tiny_experiments.Tiny(2)
    first, second = trained(nan, well)
    assert first[-1]["stopped"]
    assert not second[-1].get("stopped")
    assert trained(well, nan) == [second, first]  # in the order asked for


def test_a_training_by_other_code_is_kept_and_counted(trained, tmp_path, capsys):
    well = tiny_experiments.Tiny(2)
    rows = trained(well)
    (meta,) = (tmp_path / "out").rglob("*.meta.json")
    assert meta.parent.name == "quick"
    old = json.loads(meta.read_text())
    capsys.readouterr()
    for key in ("code", "backend"):
        meta.write_text(json.dumps(old | {key: "another"}))
        assert trained(well) == rows
        assert capsys.readouterr().out == (
            "    1 of 1 trainings were done by other source of minirad than now, or on another\n    backend, "
            "and are kept; --rerun-changed does them again\n"
        )
        assert json.loads(meta.read_text())[key] == "another"
        assert trained(well, rerun_changed=True) == rows
        assert "1 of 1 trainings to do" in capsys.readouterr().out
        assert json.loads(meta.read_text())[key] != "another"


@on_numpy
def test_a_demonstration_after_the_code_changed(small, capsys):
    """Numbers of this code that were made from trainings of other code don't hide these from --rerun-changed."""
    printed(capsys, "E7-demo", "--workers", "1")
    for meta in Path("runs/E7-demo/quick").glob("*.meta.json"):
        if "cpu_seconds" in meta.read_text():  # a training
            meta.write_text(json.dumps(json.loads(meta.read_text()) | {"code": "another"}))
    assert "trainings" not in printed(capsys, "E7-demo")
    assert "4 of 4 trainings to do" in printed(capsys, "E7-demo", "--rerun-changed", "--workers", "1")


def test_a_training_with_an_error_is_done_again(trained, capsys):
    bad = tiny_experiments.Tiny(1, end="error")
    for _ in range(2):
        with pytest.raises(OSError, match=r"^1 of 2 trainings failed with an error; the same command does them again$"):
            trained(bad, tiny_experiments.Tiny(2))
        assert "failed: " in capsys.readouterr().out


def test_a_foreign_file_in_the_place_of_a_training(trained, tmp_path):
    well = tiny_experiments.Tiny(2)
    trained(well)
    (path,) = (tmp_path / "out").rglob("*.jsonl")
    path.write_text("a shopping list\n")
    with pytest.raises(OSError, match="is not the result of this run"):
        trained(well)
    assert path.read_text() == "a shopping list\n"


# ---- bad input


@pytest.fixture
def refused(capsys):
    """Must fail with one line and exit code 2 and leave nothing. Gives the line."""

    def run(*args):
        with pytest.raises(SystemExit) as stop:
            cli.main(["reproduce", *args])
        found = capsys.readouterr()
        assert (stop.value.code, found.out) == (2, "")
        assert re.fullmatch(r"minirad: .*\n", found.err)
        assert not list(Path().iterdir())
        return found.err

    return run


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("E99", "unknown exhibit 'E99'; there are E1, E2, E3, "),
        ("E3 lust", "unknown exhibit 'lust'; there are "),
        ("--scale huge", "huge"),
        ("--seeds 0", "E1: seeds must be at least 1, got 0"),
        ("E3 E4 --seeds 2", "--seeds: there are none in E3, E4"),
        ("--workers 0", "--workers must be at least 1, got 0"),
        ("--dask nowhere", "--dask must be local or an address"),
        ("--sedes 3", "--sedes"),
    ],
)
def test_bad_input(refused, args, words):
    assert words in refused(*args.split())


def test_without_the_words(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "num2words", None)
    assert "num2words is not installed: it is in minirad[lab]" in refused("E7-demo")


@pytest.mark.parametrize("package", ["matplotlib", "scipy", "threadpoolctl"])
def test_without_a_package(refused, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    assert f"{package} is not installed: it is in minirad[lab]" in refused("E3")


def test_an_unknown_backend():
    done = minirad_command("reproduce", "E3", MINIRAD_BACKEND="nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "minirad: use_backend: name must be 'numpy' or 'cupy', got 'nonsense'\n"


def test_foreign_files(refused, tmp_path, capsys):
    out = tmp_path / "out"
    printed(capsys, "E6", "--out", str(out))
    (result,) = (out / "E6").rglob("*.jsonl")
    for path in (result, out / "verdicts.jsonl"):
        before = path.read_bytes()
        path.write_text("a shopping list\n")
        assert str(path) in refused("E6", "--out", str(out))
        assert path.read_text() == "a shopping list\n"
        path.write_bytes(before)


def test_an_output_folder_that_can_t_be_written(refused, tmp_path):
    (tmp_path / "file").write_text("precious")
    assert str(tmp_path / "file") in refused("E3", "--out", str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "precious"


def test_what_fails_later(monkeypatch, capsys):
    """The disk is full, say: what was printed and recorded before stays."""

    def full(numbers):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reproduce, "draw", lambda *args: full(args))
    with pytest.raises(SystemExit) as stop:
        cli.main(["reproduce", "E3"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == "minirad: [Errno 28] No space left on device\n"
    assert len(rows()) == len(e03_theorem1.EXHIBIT.claims)
