"""minirad sweep as a person uses it, with experiments that take no time: what it does, prints and leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec

import pytest
from commands import command, environment, minirad_command, read_terminal
from sweeps import MANY, PATHS, TINY, disturbed, gone, needs_proc, results, started

from minirad import cli

for needed in ("threadpoolctl", "tyro"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

pytestmark = pytest.mark.host
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
DASK = pytest.mark.skipif(not find_spec("distributed"), reason="needs minirad[sweep]")


@pytest.fixture
def pids(tmp_path):
    """The folder in which runs leave the number of their process."""
    (tmp_path / "pids").mkdir()
    return tmp_path / "pids"


@pytest.fixture
def sweep(tmp_path, pids):
    """Runs ``minirad sweep tiny_experiments:TINY ...``."""

    def run(*args, out=tmp_path / "out", workers=("--workers", 2), **extra):
        return minirad_command(*TINY, *args, *workers, "--out", out, PYTHONPATH=PATHS, TINY_PIDS=pids, **extra)

    return run


def lines_of_runs(printed):
    return [line for line in printed.splitlines() if re.match(r" *\d+/\d+ ", line)]


# ---- what it does and prints


def test_what_it_prints_and_leaves(sweep, tmp_path):
    done = sweep("x=0:3", "lr=0.1,1e-5", "nesterov=true")
    assert (done.returncode, done.stderr) == (0, "")
    head, crew, *runs, end = done.stdout.splitlines()
    assert head == "tiny: 6 runs, 0 done already, 0 failed before, 6 to do"
    assert crew == "on 2 worker processes"
    assert [line.split("  ")[0] for line in runs] == [f"{n}/6" for n in range(1, 7)]
    assert all(re.fullmatch(r"\d/6  x=\d lr=\S+  score [\d.]+  \d\.\d s, \d+ s left", line) for line in runs)
    assert {line.split("  ")[1] for line in runs} == {f"x={x} lr={lr}" for x in range(3) for lr in ("0.1", "1e-05")}
    folder = tmp_path / "out" / "tiny" / "here"
    assert end == f"6 of 6 runs done; results in {folder}"
    names = list(results(tmp_path / "out"))
    keys = {name.split(".")[0] for name in names}
    assert len(keys) == 6
    assert names == sorted(f"{key}{end}" for key in keys for end in (".jsonl", ".meta.json"))
    metas = [json.loads((folder / f"{key}.meta.json").read_text()) for key in keys]
    assert {meta["threads"] for meta in metas} == {1}


def test_nothing_is_run_twice(sweep, tmp_path, pids):
    sweep("x=0:3")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json*")}
    assert len(before) == 6
    for pid in pids.iterdir():
        pid.unlink()
    again = sweep("x=0:3")
    assert again.stdout.splitlines()[0] == "tiny: 3 runs, 3 done already, 0 failed before, 0 to do"
    assert len(again.stdout.splitlines()) == 2
    assert not list(pids.iterdir())  # nothing ran
    more = sweep("x=0:5")
    assert more.stdout.splitlines()[0] == "tiny: 5 runs, 3 done already, 0 failed before, 2 to do"
    assert [line[:4] for line in lines_of_runs(more.stdout)] == ["4/5 ", "5/5 "]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_same_bytes_whichever_way(sweep, tmp_path):
    """Some runs draw without a seed: what ran before them in their process does not matter."""
    assert sweep("x=0:6", "end=well,nan,error", out=tmp_path / "two").returncode == 1
    turned = sweep("end=error,nan,well", "x=5:-1:-1", out=tmp_path / "turned", workers=("--workers", 1))
    assert turned.returncode == 1
    assert len(results(tmp_path / "two")) == 6 * (2 + 2 + 1)
    assert results(tmp_path / "turned") == results(tmp_path / "two")


def test_dry_run(sweep, tmp_path):
    done = sweep("x=0:9", "hidden=64x32,8", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "tiny: 18 runs, 0 done already, 0 failed before, 18 to do",
        "  x = 0, 1, 2, 3, 4, 5, ..., 8 (9 values)",
        *("  lr = 0.1", "  end = well", "  seconds = 0", "  hidden = 64x32, 8", "  betas = 0.9x0.999"),
        *("  name = some", "  nesterov = false", "  clip = none", "  folder = here"),
    ]
    assert not (tmp_path / "out").exists()
    sweep("x=1,2", "end=well,nan")
    before = results(tmp_path / "out")
    done = sweep("x=0:3", "end=well,nan,error", "--dry-run")
    assert done.stdout.startswith("tiny: 9 runs, 2 done already, 2 failed before, 5 to do\n")
    assert results(tmp_path / "out") == before


def test_a_file(sweep, tmp_path):
    (tmp_path / "grid.toml").write_text("[[grid]]\nx = [1, 2]\nlr = [1, 2]\n[[run]]\nx = 9\n")
    done = sweep("--file", tmp_path / "grid.toml", "name=other")
    assert done.stdout.splitlines()[-1].startswith("5 of 5 runs done")
    headers = [json.loads(path.read_text().splitlines()[0]) for path in (tmp_path / "out").rglob("*.jsonl")]
    assert {header["settings"]["name"] for header in headers} == {"other"}


def test_folders_by_scale(sweep, tmp_path):
    done = sweep("x=1", "folder=large,small")
    folder = tmp_path / "out" / "tiny"
    assert done.stdout.splitlines()[-1] == f"2 of 2 runs done; results in {folder / 'large'}, {folder / 'small'}"
    assert len(list((folder / "large").iterdir())) == len(list((folder / "small").iterdir())) == 2


@pytest.mark.slow
def test_what_other_code_made_is_told_and_done_again_when_asked(sweep, tmp_path):
    sweep("x=0:3")
    for path in sorted((tmp_path / "out").rglob("*.meta.json"))[:2]:
        path.write_text(json.dumps(json.loads(path.read_text()) | {"code": "another"}))
    told = "2 runs from before: by other source of minirad than now, or on another backend; "
    told += "--rerun-changed does them again"
    done = sweep("x=0:3")
    assert done.stdout.splitlines()[:2] == ["tiny: 3 runs, 3 done already, 0 failed before, 0 to do", told]
    done = sweep("x=0:3", "--rerun-changed")
    assert done.stdout.splitlines()[0] == "tiny: 3 runs, 1 done already, 0 failed before, 2 to do"
    assert told not in done.stdout
    assert told not in sweep("x=0:3").stdout


@pytest.mark.slow
def test_the_runs_of_compare(tmp_path):
    """minirad compare finds them, and would have made the same bytes."""
    for needed in ("matplotlib", "scipy", "sklearn"):
        pytest.importorskip(needed, reason="needs the extra minirad[lab]")
    fields = ("optimizer=sgd,radam", "epochs=2", "hidden=8", "lr=0.01")
    done = minirad_command("sweep", "compare", *fields, "--workers", 1, "--out", tmp_path / "sweep")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"2/2  optimizer=radam  test_accuracy 0\.\d+  \d", done.stdout)
    options = ("--optimizers", "sgd", "radam", "--epochs", 2, "--hidden", 8, "--lr", 0.01, "--seeds", 1)
    assert minirad_command("compare", *options, "--out", tmp_path / "compare").returncode == 0
    made = {name: content for name, content in results(tmp_path / "compare").items() if content}
    assert {name: content for name, content in results(tmp_path / "sweep").items() if content} == made
    done = minirad_command("compare", *options, "--out", tmp_path / "sweep")
    assert "2 of the 2 runs are there already and are not run again" in done.stdout


def test_in_a_terminal(tmp_path):
    pytest.importorskip("tqdm", reason="needs the extra minirad[lab]")
    pty = pytest.importorskip("pty", reason="needs a POSIX terminal")
    ours, theirs = pty.openpty()
    import_module("termios").tcsetwinsize(theirs, (24, 80))
    args = command(*TINY, "x=0:3", "--workers", 1, "--out", tmp_path / "out")
    process = subprocess.Popen(
        args, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(PYTHONPATH=PATHS, TERM="xterm")
    )
    os.close(theirs)
    shown = read_terminal(ours)
    assert process.wait() == 0
    assert "/3 [" in shown  # the bar
    assert len(re.findall(r"[123]/3  x=\d  score", shown)) == 3
    assert "a run prints" not in shown


# ---- runs that fail


def test_failures_are_recorded_and_the_sweep_goes_on(sweep, tmp_path):
    done = sweep("x=0:2", "end=nan,error,exit,no-json,well")
    assert (done.returncode, done.stderr) == (1, "")
    runs, end = lines_of_runs(done.stdout), done.stdout.splitlines()[-10:]
    assert len(runs) == 10
    assert end[0].startswith("2 of 10 runs done; results in ")
    assert end[1] == "8 failed; the same command with --retry-failed does them again:"
    reasons = dict(line[2:].split(": ", 1) for line in end[2:])
    assert reasons["x=0 end=nan"] == "the loss is nan at step 2"
    assert re.fullmatch(r"ArithmeticError: no luck \(tiny_experiments.py, line \d+\)", reasons["x=1 end=error"])
    assert reasons["x=1 end=exit"].startswith("SystemExit: enough (")
    assert reasons["x=0 end=no-json"].startswith("TypeError: Object of type object is not JSON serializable (")
    assert all(any(f"  {name}  failed: {reason}  " in line for line in runs) for name, reason in reasons.items())
    kinds = [name.split(".", 1)[1] for name in results(tmp_path / "out")]
    assert {kind: kinds.count(kind) for kind in kinds} == {"jsonl": 4, "meta.json": 4, "failed.json": 6}

    again = sweep("x=0:2", "end=nan,error,exit,no-json,well")  # they are known
    assert again.returncode == 1
    assert lines_of_runs(again.stdout) == []
    assert sorted(again.stdout.splitlines()[-8:]) == sorted(end[2:])


def test_whatever_a_run_does_the_sweep_goes_on(sweep, tmp_path):
    for _ in range(2):  # and it is no trouble later on
        done = sweep("x=1", "end=empty,cancel,half,text,well")
        assert (done.returncode, done.stderr) == (1, "")
        count, _, *end = done.stdout.splitlines()[-5:]
        assert count.startswith("2 of 5 runs done; results in ")
        reasons = dict(line[2:].split(": ", 1) for line in end)
        expected = "TypeError: a run must give a list of dicts, at least one, got [] (sweep.py, line "
        assert reasons["end=empty"].startswith(expected)
        assert reasons["end=cancel"].startswith("CancelledError: (tiny_experiments.py, line ")
        assert reasons["end=half"].startswith("ValueError: \\ud800 (tiny_experiments.py, line ")
    kinds = [name.split(".", 1)[1] for name in results(tmp_path / "out")]
    assert {kind: kinds.count(kind) for kind in kinds} == {"jsonl": 2, "meta.json": 2, "failed.json": 3}


def test_a_failure_is_a_whole_record(sweep, tmp_path):
    sweep("x=3", "end=error")
    ((name, _),) = results(tmp_path / "out").items()
    content = json.loads((tmp_path / "out" / "tiny" / "here" / name).read_text())
    assert content["settings"]["x"] == 3
    assert content["failed"].startswith("ArithmeticError: no luck")
    assert {"seconds", "machine", "code", "threads"} < content.keys()


def test_retry_failed(sweep, tmp_path):
    """What fails the first time only."""
    first = sweep("x=0:3", "end=once", workers=("--workers", 1))
    assert first.returncode == 1
    assert first.stdout.count("OSError: not yet") == 2  # the line and the end
    second = sweep("x=0:3", "end=once", "--retry-failed")
    assert second.returncode == 0
    assert second.stdout.startswith("tiny: 3 runs, 2 done already, 0 failed before, 1 to do\n")
    names = list(results(tmp_path / "out"))
    assert len(names) == 6
    assert not [name for name in names if "failed" in name]


@POSIX
def test_a_run_that_kills_its_process(sweep, tmp_path):
    done = sweep("x=0:2", "end=well,death")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("failed: its process died, 3 times") == 2
    sweep("x=0:2", out=tmp_path / "other")
    found, others = results(tmp_path / "out"), results(tmp_path / "other")
    assert found | others == found
    assert [name.split(".", 1)[1] for name in found.keys() - others.keys()] == ["failed.json"] * 2


# ---- what is refused


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["sweep"], "Missing from minirad sweep: EXPERIMENT"),
        (["sweep", "dance"], "unknown experiment 'dance'; there are compare, or module:NAME for your own"),
        (["sweep", "no_such_module:X"], "No module named 'no_such_module'"),
        (["sweep", "compare"], "compare: missing a required argument: 'optimizer'"),
        (["sweep", "compare", "optimizer=lion"], "unknown optimizer 'lion'; there are sgd"),
        (["sweep", "compare", "optimizer=sgd", "data=mnistt"], "unknown data set 'mnistt'"),
        ([*TINY, "y=1"], "tiny has no field 'y'; there are x, lr, "),
        ([*TINY, "x=much"], "x: expected an integer, got 'much'"),
        ([*TINY, "x"], "expected field=value, got 'x'"),
        ([*TINY, "x=1", "folder=nowhere"], "the data can't be had"),
        ([*TINY, "x=1", "--file", "none.toml"], "none.toml: No such file or directory"),
        ([*TINY, "x=1", "--workers", "0"], "--workers must be at least 1, got 0"),
        ([*TINY, "x=1", "--dask", "here"], "--dask must be local or an address such as tcp://192.0.2.1:8786, "),
        ([*TINY, "x=1", "--dask", "tcp://127.0.0.1:1", "--workers", "2"], "--workers does not go with a Dask"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path, capsys, args, words):
    with pytest.raises(SystemExit) as stop:
        cli.main([*args, "--out", str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert (stop.value.code, printed.out) == (2, "")
    assert printed.err.startswith("minirad: ")
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_distributed(tmp_path):
    done = minirad_command(*TINY, "x=1", "--dask", "local", "--out", tmp_path, without="distributed", PYTHONPATH=PATHS)
    assert (done.returncode, done.stdout) == (2, "")
    advice = "it is in minirad[sweep] (in a clone: pip install -e '.[lab,sweep]')"
    assert done.stderr == f"minirad: --dask needs dask.distributed: {advice}\n"


@pytest.mark.parametrize("end", ["well", "error"])
def test_a_foreign_file_in_the_place_of_a_run(sweep, tmp_path, end):
    sweep("x=1", f"end={end}")
    path = next(path for path in (tmp_path / "out").rglob("*.json*") if ".meta" not in path.name)
    path.write_text("a shopping list\n")
    for more in ("--dry-run", "--retry-failed"):
        done = sweep("x=0:2", f"end={end}", more)
        assert done.returncode == 2
        assert str(path) in done.stderr
    assert path.read_text() == "a shopping list\n"


def test_a_folder_that_can_t_be_written(sweep, tmp_path):
    (tmp_path / "out").write_text("precious")
    done = sweep("x=1")
    assert done.returncode == 2
    assert str(tmp_path / "out") in done.stderr
    assert (tmp_path / "out").read_text() == "precious"


@POSIX
@pytest.mark.slow
def test_two_sweeps_at_once_in_a_folder(sweep, tmp_path, pids):
    with started("x=0:2", "seconds=30", out=tmp_path / "out", pids=pids) as process:
        process.stdout.readline()
        other = sweep("x=7")
        assert other.returncode == 2
        assert other.stderr == f"minirad: another sweep is at work in {tmp_path / 'out' / 'tiny' / 'here'}\n"
        assert sweep("x=7", "folder=there").returncode == 0  # another one
        assert sweep("x=7", "--dry-run").returncode == 0
    assert sweep("x=7").returncode == 0


# ---- killed, at any moment


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    args = (*TINY, *MANY, "--workers", 2, "--out", folder)
    done = minirad_command(*args, PYTHONPATH=PATHS)
    assert (done.returncode, done.stderr) == (1, "")
    return results(folder)


@needs_proc
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))])
def test_killed_and_resumed(undisturbed, tmp_path, pids, seed):
    errors = disturbed(seed, tmp_path / "out", pids, "--workers", 2)
    assert results(tmp_path / "out") == undisturbed
    assert errors == ""
    assert gone(pids)


@needs_proc
def test_no_worker_outlives_a_killed_sweep(tmp_path, pids):
    with started("x=0:2", "seconds=60", "--workers", 2, out=tmp_path / "out", pids=pids) as process:
        while len(list(pids.iterdir())) < 2:
            time.sleep(0.05)
        process.kill()
    assert gone(pids)
    assert results(tmp_path / "out") == {}


@POSIX
@pytest.mark.parametrize("early", [pytest.param(True, marks=pytest.mark.slow), False])
@pytest.mark.parametrize("crew", [(), pytest.param(("--dask", "local"), marks=[DASK, pytest.mark.slow])])
def test_ctrl_c(undisturbed, tmp_path, pids, sweep, crew, early):
    """It goes to all processes of the terminal."""
    with started(*MANY, "--workers", 2, *crew, out=tmp_path / "out", pids=pids) as process:
        for _ in range(2 if early else 5):
            process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == "stopped; what was finished is kept, and the same command goes on from there\n"
    assert gone(pids)
    done = sweep(*MANY)
    assert done.returncode == 1
    if not early:
        assert " 0 done already" not in done.stdout.splitlines()[0]
    assert results(tmp_path / "out") == undisturbed
