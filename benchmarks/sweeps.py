"""What a second worker brings: python -m benchmarks.sweeps [--tiny] [--out FILE]. Three minutes, without PyTorch.

Two sweeps, of a small net on digits and of a Transformer on number words, each with one worker and with two, in a new
folder each time. The time is that of the whole command, start and end included.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.measure import machine

DEMONSTRATION = "minirad.experiments.e07_demonstration:EXPERIMENT"
# What, how many runs, and the sweep's arguments.
CASES = {
    "MLP on digits, 300 epochs": (16, "compare optimizer=radam lr=0.003 epochs=300 seed=0:16"),
    "Transformer on number words, 200 steps": (8, f"{DEMONSTRATION} arm=RAdam seed=0:8"),
}
TINY = {"MLP on digits, 1 epoch": (2, "compare optimizer=radam lr=0.003 epochs=1 seed=0:2")}
MUST = 1.7


def main() -> None:
    """Measure, print, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweeps", description="one worker against two")
    parser.add_argument("--tiny", action="store_true", help="whether it runs, not how fast")
    parser.add_argument("--out", type=Path, default=Path("runs/sweeps.json"), metavar="FILE")
    options = parser.parse_args()
    found = []
    for title, (runs, arguments) in (TINY if options.tiny else CASES).items():
        one, two = (seconds(arguments, workers) for workers in (1, 2))
        row: dict[str, Any] = {"case": title, "runs": runs, "seconds, 1 worker": one, "seconds, 2 workers": two}
        row |= {"gain": one / two, "must": MUST}
        # of all processes so far, so the cases stand in the order of their size
        row["largest process, B"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        found.append(row)
        print(f"{title}: {runs} runs in {one:.1f} s with one worker, {two:.1f} s with two: {one / two:.2f} times the "
              f"runs per hour (at least {MUST}); largest process {row['largest process, B'] / 1e6:.0f} MB")  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine(), "rows": found}, indent=1) + "\n", encoding="utf-8")


def seconds(arguments: str, workers: int) -> float:
    """How long the sweep takes."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "minirad", "sweep", *arguments.split()]
        start = perf_counter()
        subprocess.run([*command, "--workers", str(workers), "--out", folder], check=True, stdout=subprocess.DEVNULL)
        return perf_counter() - start


if __name__ == "__main__":
    main()
