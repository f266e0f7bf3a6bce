"""Sweeps of tiny experiments in processes of their own, and how to kill them."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from commands import ROOT, command, environment

PATHS = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
TINY = ("sweep", "tiny_experiments:TINY")
MANY = ("x=0:12", "seconds=0.05", "end=well,nan")  # a second of work

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@contextmanager
def started(*args, out, pids):
    """The same, under way, in a process group of its own."""
    env = environment(PYTHONPATH=PATHS, TINY_PIDS=pids)
    with subprocess.Popen(
        command(*TINY, *args, "--out", out),
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def results(folder):
    """The bytes of all results by name, and the names of all other files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    content = {path.name: path.read_bytes() if path.suffix == ".jsonl" else None for path in files}
    return {name: content[name] for name in sorted(content)}


def alive(pid):
    """Whether a process runs; one that nobody has asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_a_worker(random, pids):
    running = [path.name for path in pids.iterdir() if alive(path.name)]
    if running:
        os.kill(int(random.choice(sorted(running))), signal.SIGKILL)


def disturbed(seed, out, pids, *crew):
    """Kill workers and the whole at random moments; the fourth start goes on to its end. Gives its complaints."""
    random = Random(seed)
    for last in (False, False, False, True):
        with started(*MANY, *crew, out=out, pids=pids) as process:
            process.stdout.readline()
            for _ in range(2):
                time.sleep(random.uniform(0, 0.8))
                kill_a_worker(random, pids)
            if not last:
                process.kill()
            _, errors = process.communicate()
        assert process.returncode in ((1,) if last else (-signal.SIGKILL, 1)), errors
    return errors


def gone(pids):
    """Wait until no worker is left."""
    for _ in range(100):
        if not any(alive(path.name) for path in pids.iterdir()):
            return True
        time.sleep(0.1)
    return False
