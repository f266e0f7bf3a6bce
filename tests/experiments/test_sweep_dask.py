"""minirad sweep --dask: with a cluster of its own, and with a scheduler and workers that are other processes."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from random import Random

import pytest
from commands import environment, minirad_command
from sweeps import MANY, PATHS, TINY, disturbed, gone, kill_a_worker, needs_proc, results, started

for needed in ("threadpoolctl", "tyro", "distributed"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab,sweep]")

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The results of MANY without Dask."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert minirad_command(*TINY, *MANY, "--workers", 2, "--out", folder, PYTHONPATH=PATHS).returncode == 1
    return results(folder)


@contextmanager
def process(*args, **extra):
    env = environment(PYTHONPATH=PATHS, **extra)
    with subprocess.Popen(
        [sys.executable, "-m", *map(str, args)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as started:
        try:
            yield started
        finally:
            started.kill()  # a nanny's worker leaves with it


@contextmanager
def scheduler(folder):
    """A scheduler in a process of its own: the process, its address, and the file that tells it to workers."""
    file = folder / "scheduler.json"
    args = ("--host", "127.0.0.1", "--port", 0, "--dashboard-address", "127.0.0.1:0", "--scheduler-file", file)
    with process("distributed.cli.dask_scheduler", *args) as running:
        while not file.exists():
            time.sleep(0.05)
        time.sleep(0.1)
        yield running, json.loads(file.read_text())["address"], file


@contextmanager
def cluster(folder, pids):
    """The same with two workers, each in processes of its own. What dies is started again by its nanny."""
    with ExitStack() as stack:
        running, address, file = stack.enter_context(scheduler(folder))
        for name in ("one", "two"):
            args = ("--scheduler-file", file, "--nthreads", 1, "--name", name, "--no-dashboard")
            args = (*args, "--local-directory", folder / name)
            stack.enter_context(process("distributed.cli.dask_worker", *args, TINY_PIDS=pids))
        yield running, address


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A cluster for tests that leave it whole: its address, and the folder of its runs' process numbers."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "pids").mkdir()
    with cluster(folder, folder / "pids") as (_, address):
        yield address, folder / "pids"


def sweep(*args, out, **extra):
    return minirad_command(*TINY, *args, "--out", out, PYTHONPATH=PATHS, **extra)


# ---- the same as without


def test_a_cluster_of_its_own(undisturbed, tmp_path):
    done = sweep(*MANY, "--dask", "local", "--workers", 2, out=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[1] == "on Dask: local, 2 workers"
    assert results(tmp_path) == undisturbed


def test_scheduler_and_workers_elsewhere(undisturbed, ours, tmp_path):
    address, _ = ours
    done = sweep(*MANY, "--dask", address, out=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[1].startswith(f"on Dask: {address}, ")
    assert results(tmp_path) == undisturbed
    assert sweep(*MANY, out=tmp_path).stdout.startswith("tiny: 24 runs, 12 done already, 12 failed before, 0 to do\n")


def test_failures(ours, tmp_path):
    address, _ = ours
    done = sweep("x=0:2", "end=error,exit,no-json,well", "--dask", address, out=tmp_path / "dask")
    assert (done.returncode, done.stderr) == (1, "")
    sweep("x=0:2", "end=error,exit,no-json,well", out=tmp_path / "local")
    assert results(tmp_path / "dask") == results(tmp_path / "local")

    def ends(folder):
        files = folder.rglob("*.failed.json")
        return sorted(json.loads(path.read_text())["failed"] for path in files)

    assert ends(tmp_path / "dask") == ends(tmp_path / "local")


@pytest.mark.slow
def test_a_run_that_kills_its_process(tmp_path):
    done = sweep("x=0:2", "end=well,death", "--dask", "local", "--workers", 2, out=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("failed: its process died, 3 times") == 2
    assert len(results(tmp_path)) == 2 * 2 + 2


# ---- killed


@needs_proc
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_killed_and_resumed(undisturbed, ours, tmp_path, seed):
    address, pids = ours
    errors = disturbed(seed, tmp_path, pids, "--dask", address)
    assert results(tmp_path) == undisturbed
    assert errors == ""


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5, 9))
def test_a_cluster_of_its_own_killed_and_resumed(undisturbed, tmp_path, seed):
    (tmp_path / "pids").mkdir()
    errors = disturbed(seed, tmp_path / "out", tmp_path / "pids", "--dask", "local", "--workers", 2)
    assert results(tmp_path / "out") == undisturbed
    assert errors == ""
    assert gone(tmp_path / "pids")


@needs_proc
@pytest.mark.slow
def test_a_killed_worker_costs_its_run_s_time_only(ours, tmp_path):
    address, pids = ours
    with started("x=0:4", "seconds=1", "--dask", address, out=tmp_path, pids=pids) as running:
        running.stdout.readline()
        time.sleep(1)
        kill_a_worker(Random(0), pids)
        printed, errors = running.communicate()
    assert (running.returncode, errors) == (0, "")
    assert "4 of 4 runs done" in printed


@needs_proc
@pytest.mark.slow
def test_a_scheduler_that_dies(undisturbed, tmp_path):
    (tmp_path / "pids").mkdir()
    with ExitStack() as stack:
        dask, address = stack.enter_context(cluster(tmp_path, tmp_path / "pids"))
        args = (*MANY, "--dask", address)
        running = stack.enter_context(started(*args, out=tmp_path / "out", pids=tmp_path / "pids"))
        for _ in range(4):
            running.stdout.readline()
        os.kill(dask.pid, signal.SIGKILL)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 2
    assert errors.startswith(f"minirad: Dask: {address}, ")
    assert errors.endswith("; the same command goes on from here\n")
    assert errors.count("\n") == 1
    done = sweep(*MANY, "--workers", 2, out=tmp_path / "out")
    assert " 0 done already" not in done.stdout
    assert results(tmp_path / "out") == undisturbed


# ---- what is refused


# Like the command line, with less patience.
HURRY = """
import sys
from minirad.experiments import workers
workers.PATIENCE = 1
from minirad.cli import main
main()
"""


def hurried(*args):
    done = subprocess.run(
        [sys.executable, "-c", HURRY, *map(str, args)],
        env=environment(PYTHONPATH=PATHS),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    return done.stderr


def test_no_scheduler(tmp_path):
    words = hurried(*TINY, "x=1", "--dask", "tcp://127.0.0.1:1", "--out", tmp_path)
    assert words == "minirad: --dask: there is no scheduler at tcp://127.0.0.1:1\n"


@pytest.mark.slow
def test_a_scheduler_without_workers(tmp_path):
    with scheduler(tmp_path) as (_, address, _):
        words = hurried(*TINY, "x=1", "--dask", address, "--out", tmp_path / "out")
    assert words == f"minirad: --dask: the scheduler at {address} has no workers\n"


def test_workers_with_other_source(ours, tmp_path):
    """Here it is we who have it."""
    address, _ = ours
    other = HURRY.replace("workers.PATIENCE = 1", "workers.code = __import__('tiny_experiments').other_code")
    args = [sys.executable, "-c", other, *TINY, "x=1", "--dask", address, "--out", str(tmp_path)]
    done = subprocess.run(args, env=environment(PYTHONPATH=PATHS), capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("minirad: --dask: other source of minirad than here at tcp://127.0.0.1:")


def test_a_worker_that_dies_while_it_is_asked_for_its_source():
    from distributed.comm import CommClosedError

    from minirad.experiments import workers

    class Client:
        def run(self, function, on_error):
            assert on_error == "return"
            return {"tcp://a": function(), "tcp://b": CommClosedError("Address removed.")}

    workers._check_code(Client(), "tcp://here")
