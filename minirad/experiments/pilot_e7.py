"""The pilot of exhibit E7, run again with minirad's own translator: python -m minirad.experiments.pilot_e7 [layers].

Number words, German to English, 20,000 pairs. A post-LN Transformer of width 64 (4 heads, feed-forward nets of 256, no
dropout), 200 steps, betas (0.9, 0.999), a constant rate after any warmup. Batches are 64 pairs of any lengths: with
batches of like lengths RAdam's loss after 200 steps is several times as high.

It shows that data, net and rules work as those of the pilot did, which used another library. It is no evidence for the
claim of the paper: over 200 steps the mean of RAdam's r_t is 0.20, so Adam at a fifth of the rate is run beside it.

There are 60 runs. Each is a line in results/pilots/e7.jsonl as soon as it is finished, and is not run again. With
[layers], some of 6, 4 and 2, only those runs: so two processes can share the work.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np

from minirad import data, optim
from minirad.backend import manual_seed
from minirad.data.translation import TranslationData
from minirad.experiments.results import environment
from minirad.experiments.task_translation import loader, mean_loss
from minirad.models import Translator
from minirad.optim.lr_scheduler import LinearWarmup
from minirad.threads import set_num_threads

Run = dict[str, Any]

PATH = Path("results", "pilots", "e7.jsonl")
STEPS, BATCH = 200, 64
RULES: dict[str, tuple[Callable[..., optim.Optimizer], float, int]] = {  # the rule, its rate, the steps of its warmup
    "Adam": (optim.Adam, 3e-3, 0),
    "Adam, a fifth of the rate": (optim.Adam, 6e-4, 0),
    "Adam, warmup of 50": (optim.Adam, 3e-3, 50),
    "RAdam": (optim.RAdam, 3e-3, 0),
}
RUNS: list[Run] = [
    {"layers": layers, "rule": rule, "seed": seed} for layers, rule, seed in product((6, 4, 2), RULES, range(5))
]


def trained(numbers: TranslationData, layers: int, rule: str, seed: int) -> tuple[Translator, list[float]]:
    """The translator after 200 steps (less than an epoch), and the training loss of each."""
    manual_seed(seed)
    model = Translator(len(numbers.source), len(numbers.target), 64, 4, layers, 256, dropout=0.0)
    kind, lr, warmup = RULES[rule]
    optimizer = kind(model.named_parameters(), lr=lr, betas=(0.9, 0.999))
    scheduler = LinearWarmup(optimizer, warmup) if warmup else None
    losses = []
    for _, (source, target) in zip(range(STEPS), loader(numbers, BATCH), strict=False):
        optimizer.zero_grad()
        loss = model.loss(source, target)
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        losses.append(loss.item())
    return model, losses


def finished(path: Path) -> list[Run]:
    """The runs that the file has. What a killed process left half written is none."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        with suppress(json.JSONDecodeError):  # before its last bracket a row is no JSON
            rows.append(json.loads(line))
    return rows


def record(path: Path, row: Run) -> None:
    """Add a line to the file, behind whatever stands there."""
    half = path.exists() and not path.read_text(encoding="utf-8").endswith("\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * half + json.dumps(row) + "\n")


def main() -> None:
    """Run what is not finished, then print the table."""
    layers = [int(argument) for argument in sys.argv[1:]] or [6, 4, 2]
    set_num_threads(1)
    PATH.parent.mkdir(parents=True, exist_ok=True)
    numbers = data.number_words(generator=np.random.default_rng(0))
    for run in RUNS:
        done = [{key: row[key] for key in run} for row in finished(PATH)]
        if run["layers"] not in layers or run in done:
            continue
        start = perf_counter()
        model, losses = trained(numbers, **run)
        row = run | {
            "validation_loss": round(mean_loss(model, numbers.validation), 4),
            "training_loss": round(fmean(losses[-10:]), 4),
            "seconds": round(perf_counter() - start, 1),
        }
        record(PATH, row | {"environment": environment()})
        print(row, flush=True)
    for depth, rule in product(layers, RULES):
        found = [r for r in finished(PATH) if (r["layers"], r["rule"]) == (depth, rule)]
        losses = [row["validation_loss"] for row in sorted(found, key=lambda row: row["seed"])]
        print(f"{depth}+{depth} layers, {rule:26s}" + "  ".join(f"{loss:5.2f}" for loss in losses))


if __name__ == "__main__":
    main()
