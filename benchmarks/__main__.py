"""Run the cases, print a table, write a file: python -m benchmarks [--threads 1 2] [--only mlp] [--tiny] [--out FILE].

Every case runs in a new process for each number of threads: the libraries read it once, when they are imported, and no
case finds memory in the state in which another one left it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import CASES
from benchmarks.images import IMAGE_CASES
from benchmarks.measure import machine
from benchmarks.rules import RULE_CASES
from benchmarks.sequences import SEQUENCE_CASES

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# How glibc deals with freed memory. Measuring memory, it gives all of it back at once, or what a step frees would hide
# what the next one takes. "Kept" is the opposite: no step pays for getting new pages from the system.
ALLOCATOR = {
    "memory": {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"},
    "step-1e6-kept": {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "1000000000"},
}


# PyTorch's time for this case is one of two, by the luck of each process (see README.md): the median of so many tells.
PROCESSES = {"step-1e6": 7, "RAdam-1000000-1": 7}
SETS = {"basics": CASES, "rules": RULE_CASES, "images": IMAGE_CASES, "sequences": SEQUENCE_CASES}
ALL = CASES | RULE_CASES | IMAGE_CASES | SEQUENCE_CASES


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="minirad and PyTorch side by side")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N", help="numbers of threads (1 2)")
    parser.add_argument("--only", default="", metavar="TEXT", help=f"cases with this in their name: {', '.join(CASES)}")
    parser.add_argument("--set", choices=SETS, default="basics", help="rules: every rule at every size (15 minutes); "
                        "images: convolutional nets; sequences: LSTM and Transformer")  # fmt: skip
    parser.add_argument("--tiny", action="store_true", help="small sizes: whether it runs, not how fast")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks.json"), metavar="FILE")
    parser.add_argument("--case", choices=ALL, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(run_here(options.case, options.tiny, options.threads[0])))
        return
    names = [name for name in SETS[options.set] if options.only in name]
    if not names or min(options.threads) < 1:
        parser.error(f"no case {options.only!r}" if not names else "--threads must be at least 1")
    if find_spec("torch") is None:
        parser.error("PyTorch is needed: pip install torch==2.13.0, or minirad[torch]")
    result: dict[str, Any] = {"machine": machine(), "rows": []}
    for threads in options.threads:
        for name in names:
            if name in (*ALLOCATOR, "import") and threads != options.threads[0]:
                continue  # the number of threads does not matter
            processes = 1 if options.tiny else PROCESSES.get(name, 1)
            result["rows"] += merged([run_apart(name, options.tiny, threads) for _ in range(processes)])
    print(table(result["rows"]))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"\n{options.out}: the same, with {', '.join(f'{key} {value}' for key, value in result['machine'].items())}")


def run_here(name: str, tiny: bool, threads: int) -> list[dict[str, Any]]:
    """The rows of a case, measured in this process."""
    if name != "import":
        import torch

        torch.set_num_threads(threads)
    function, calls, few = ALL[name]
    found = [row for arguments in (few if tiny else calls) for row in function(*arguments)]
    for row in found:
        if row.pop("must_threads", 1) != threads:
            row["must"] = None
    return [{"threads": threads, **row} for row in found]


def run_apart(name: str, tiny: bool, threads: int) -> list[dict[str, Any]]:
    """The rows of a case, measured in a process of its own."""
    print(f"{name}, {threads} thread{'s' * (threads > 1)} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks", "--case", name, "--threads", str(threads), *["--tiny"] * tiny]
    environment = os.environ | dict.fromkeys(THREADS, str(threads)) | ALLOCATOR.get(name, {})
    return json.loads(subprocess.check_output(command, env=environment, cwd=Path(__file__).parents[1]))


def merged(processes: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of several processes as one: medians, and the ratio of each process."""
    result = []
    for same in zip(*processes, strict=True):
        row = dict(same[0])
        if len(same) > 1:
            row |= {key: median(other[key] for other in same) for key in ("minirad", "other", "ratio")}
            row["ratios"] = sorted(other["ratio"] for other in same)
        result.append(row)
    return result


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text."""
    lines = [("threads", "case", "peer", "minirad", "peer", "ratio", "must be", "")]
    for row in rows:
        must = row["must"]
        lines.append(
            (
                str(row["threads"]),
                row["case"],
                row["peer"],
                quantity(row["minirad"], row["unit"]),
                quantity(row["other"], row["unit"]),
                "-" if row["ratio"] is None else f"{row['ratio']:.2f}" + span(row.get("ratios")),
                "" if must is None else f"<= {must:g}",
                "" if must is None else "yes" if row["ratio"] <= must else "NO",
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def span(ratios: list[float] | None) -> str:
    """The smallest and largest ratio of several processes."""
    return f" ({ratios[0]:.2f}-{ratios[-1]:.2f})" if ratios else ""


def quantity(value: float | None, unit: str) -> str:
    """A time or an amount of memory, in the unit that suits it."""
    if value is None:
        return "-"
    if unit == "B":
        return f"{value / 1e6:.1f} MB"
    return f"{value * 1e3:.1f} ms" if value >= 1e-3 else f"{value * 1e6:.0f} us"


if __name__ == "__main__":
    main()
