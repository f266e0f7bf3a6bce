"""The paper's own settings, their first steps: python -m benchmarks.paper_scale [--steps N] [--out FILE].

For each kind of training: does it start, what memory does it take, and how long would the whole run take on this
machine? Each in a process of its own. The nets, batches and rules are those of ``--scale paper``. Others of the same
shape stand in for data that are not there, as the line says: the losses show that a step works, and no more.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.measure import machine
from minirad.backend import manual_seed
from minirad.experiments import e09_language as e9
from minirad.experiments import e13_translation as e13
from minirad.experiments import task_images, task_language, task_translation
from minirad.experiments.arms import Setup, optimizer_of
from minirad.models import LSTMLanguageModel, ResNet, Translator
from minirad.nn import CrossEntropyLoss, Module
from minirad.nn.utils import clip_grad_norm_
from minirad.tensor import Tensor

Start = tuple[str, Module, Setup, float | None, Iterator[Callable[[], Tensor]]]


def images() -> Start:
    """E10 to E12, E14: ResNet-20, on noise of CIFAR-10's shape."""
    task, rng, criterion = task_images.TASKS["cifar10"], np.random.default_rng(0), CrossEntropyLoss()
    model = ResNet(task.depth, widths=task.widths)
    setup = Setup(0.1, task_images.PAPER_STEPS, weight_decay=task_images.WEIGHT_DECAY)
    x = rng.standard_normal((task.batch_size, 3, task.size, task.size)).astype("float32")
    y = rng.integers(0, 10, task.batch_size)
    return "one batch of noise", model, setup, None, repeat(lambda: criterion(model(x), y))


def language() -> Start:
    """E9: two LSTMs of 2,048, on random words, as many as WikiText-2 has, the n-th in proportion to 1/n."""
    own = task_language.Training("radam", e9.SHARED["matched"], 0, **e9.PAPER)
    words = 33_278
    frequencies = 1 / np.arange(1, words + 1)
    text = np.random.default_rng(0).choice(words, 100_000, p=frequencies / frequencies.sum())
    cutoffs = [cutoff for cutoff in own.cutoffs if cutoff < words]
    model = LSTMLanguageModel(words, own.embedding, own.hidden, own.layers, own.dropout, cutoffs)
    setup = Setup(own.lr, own.steps, own.beta2, decay=partial(task_language.falling, steps=own.steps))

    def losses() -> Iterator[Callable[[], Tensor]]:
        state: Any = None
        for ids, targets in task_language.Chunks(text, own.batch, own.unroll):

            def loss(ids: Any = ids, targets: Any = targets) -> Tensor:
                nonlocal state
                found, state = model.loss(ids, targets, state)
                return found

            yield loss

    return "words drawn at random", model, setup, own.clip, losses()


def translation() -> Start:
    """E7, E8, E13, E16: the Transformer with 6 + 6 layers of 512, on Multi30k or else number words."""
    own = task_translation.Training("radam", 3e-4, 0, **e13.PAPER)
    name = "multi30k" if task_images.there("multi30k") else "number-words"
    pairs = task_translation.load(name, min_count=own.min_count)
    model = Translator(
        len(pairs.source), len(pairs.target), own.width, own.heads, own.layers, own.feed_forward, own.dropout
    )
    decay = partial(task_translation.DECAYS[own.decay], steps=own.steps)
    setup = Setup(own.lr, own.steps, own.beta2, own.weight_decay, decay)
    found = task_translation.batches(own, pairs)
    return name, model, setup, own.clip, (partial(model.loss, *batch, own.smoothing) for batch in found)


STARTS = {
    "ResNet-20, batch 128 (E10, E11, E12, E14)": images,
    "LSTM 2 x 2048, batch 128 x 20 words (E9)": language,
    "Transformer 6+6 x 512, 4,000 tokens (E7, E8, E13, E16)": translation,
}


def measure(name: str, steps: int) -> dict[str, Any]:
    """The first steps of RAdam."""
    import resource  # Windows has none

    manual_seed(0)
    data, model, setup, clip, batches = STARTS[name]()
    optimizer, schedule = optimizer_of("radam", model.named_parameters(), setup)
    losses, seconds = [], []
    for _, forward in zip(range(steps), batches, strict=False):
        start = perf_counter()
        optimizer.zero_grad()
        loss = forward()
        loss.backward()
        if clip is not None:
            clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        schedule.step()
        seconds.append(perf_counter() - start)
        losses.append(loss.item())
    step = float(np.median(seconds))
    return {
        "case": name,
        "data": data,
        "parameters": sum(p.numel() for p in model.parameters()),
        "losses": [round(x, 3) for x in losses],
        "seconds a step": round(step, 3),
        "steps": setup.steps,
        "days a training": round(step * setup.steps / 86_400, 2),
        "largest memory, MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }


def main() -> None:
    """Measure, print, write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paper_scale", description="the paper's nets, first steps"
    )
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("runs/paper-scale.json"), metavar="FILE")
    parser.add_argument("--case", choices=list(STARTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.steps)))
        return
    found = []
    for name in STARTS:
        command = [sys.executable, "-m", "benchmarks.paper_scale", "--case", name, "--steps", str(options.steps)]
        row = json.loads(subprocess.check_output(command))
        found.append(row)
        print(f"{name}\n    " + ", ".join(f"{key} {value}" for key, value in row.items() if key != "case"), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine(), "rows": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
