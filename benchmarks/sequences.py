"""Sequence models against PyTorch: training steps, memory, single ops, and how time grows with the sizes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.measure import alone, extra_memory, in_turns, in_turns_apart, rows

__all__ = ["alone", "step_of"]  # what a program of steps() uses

Rows = list[dict[str, Any]]
Step = Callable[[], Any]

MUST = {"lstm": 1.2, "transformer": 1.0}  # time, for two threads
MEMORY_MUST = 1.5
SIZES = {
    "lstm": {"batch": 32, "length": 32, "width": 256, "depth": 2},
    "transformer": {"batch": 64, "length": 12, "width": 64, "depth": 6},
}
GROWTH = {
    "lstm": {"batch": (8, 16, 32, 64), "length": (8, 16, 32, 64), "width": (64, 128, 256, 512), "depth": (1, 2, 4)},
    "transformer": {
        "batch": (16, 32, 64, 128), "length": (6, 12, 24, 48), "width": (32, 64, 128, 256), "depth": (2, 4, 6, 12)
    },
}  # fmt: skip
VOCABULARY = {"lstm": 10_000, "transformer": 64}


def lstm_step(library: Any, batch: int, length: int, width: int, depth: int, vocabulary: int) -> Step:
    """A training step of a language model. The same lines for both libraries."""
    nn, tensor = library.nn, library.tensor
    ids = np.random.default_rng(0).integers(0, vocabulary, (2, length, batch))
    x, y = tensor(ids[0]), tensor(ids[1].reshape(-1))
    embedding, lstm = nn.Embedding(vocabulary, width), nn.LSTM(width, width, depth)
    head, loss = nn.Linear(width, vocabulary), nn.CrossEntropyLoss()
    parameters = [*embedding.parameters(), *lstm.parameters(), *head.parameters()]
    optimizer = library.optim.Adam(parameters, lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        out, _ = lstm(embedding(x))
        loss(head(out.reshape(-1, width)), y).backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()

    return step


def transformer_step(library: Any, batch: int, length: int, width: int, depth: int, vocabulary: int) -> Step:
    """A training step of a translator as in exhibit E7: post-LN, without dropout. The same lines for both libraries."""
    nn, tensor = library.nn, library.tensor
    ids = np.random.default_rng(0).integers(0, vocabulary, (3, batch, length))
    source, target, y = tensor(ids[0]), tensor(ids[1]), tensor(ids[2].reshape(-1))
    places = tensor(np.random.default_rng(1).standard_normal((length, width), np.float32))
    padding = tensor(np.arange(length) >= np.random.default_rng(2).integers(length // 2, length + 1, batch)[:, None])
    embedding, loss = nn.Embedding(vocabulary, width), nn.CrossEntropyLoss()
    net = nn.Transformer(width, 4, depth, depth, 4 * width, 0.0, batch_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(length)
    optimizer = library.optim.Adam([*embedding.parameters(), *net.parameters()], lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        out = net(
            embedding(source) + places, embedding(target) + places, tgt_mask=mask,
            src_key_padding_mask=padding, memory_key_padding_mask=padding, tgt_is_causal=True,
        )  # fmt: skip
        logits = nn.functional.linear(out, embedding.weight)
        loss(logits.reshape(-1, vocabulary), y).backward()
        optimizer.step()

    return step


STEPS = {"lstm": lstm_step, "transformer": transformer_step}


def step_of(library: str, model: str, **changed: int) -> Step:
    """A training step of a model, with sizes that differ from the usual ones."""
    sizes = {"vocabulary": VOCABULARY[model], **SIZES[model], **changed}
    return STEPS[model](import_module(library), **sizes)


def steps(model: str, rounds: int, changed: dict[str, int]) -> Rows:
    """The time of a training step: each library in processes of its own, and both in one process. See images.resnet."""
    name = f"training step, {title(model, changed)}"
    settings = ", ".join(f"{key}={value}" for key, value in changed.items())
    program = f"from benchmarks.sequences import *; print(alone(step_of('{{library}}', {model!r}, {settings})))"
    apart = in_turns_apart(program, ("minirad", "torch"), min(rounds, 7))
    found = [{**row, "must_threads": 2} for row in rows(name, apart, {"torch": MUST[model]})]
    functions = {library: step_of(library, model, **changed) for library in ("minirad", "torch")}
    for step in functions.values():
        for _ in range(2):
            step()
    return found + rows(f"{name}, both in one process", in_turns(functions, rounds, 0.1), {})


def title(model: str, changed: dict[str, int]) -> str:
    """The model and its sizes."""
    s = SIZES[model] | changed
    layers = f"{s['depth']}+{s['depth']} layers" if model == "transformer" else f"{s['depth']} layers"
    name = "Transformer" if model == "transformer" else "LSTM language model"
    return f"{name}, {layers} of {s['width']}, batch {s['batch']}, length {s['length']}"


def memory(model: str, changed: dict[str, int]) -> Rows:
    """By how much a process of its own grows, at most, while it builds a net and trains it for three steps."""
    program = "from benchmarks.sequences import grown; print(grown(*{!r}))"
    grew = [
        int(subprocess.check_output([sys.executable, "-c", program.format((library, model, changed))]))
        for library in ("minirad", "torch")
    ]
    name = f"peak memory above import, {title(model, changed)}"
    row = {"case": name, "peer": "torch", "minirad": grew[0], "other": grew[1], "ratio": grew[0] / grew[1]}
    return [{**row, "must": MEMORY_MUST, "must_threads": 2, "unit": "B"}]


def grown(library: str, model: str, changed: dict[str, int]) -> int | None:
    """What memory() asks its processes."""
    step_of(library, model, batch=2, length=4, width=16, depth=1, vocabulary=16)()  # everything is imported

    def train() -> None:
        step = step_of(library, model, **changed)
        for _ in range(3):
            step()

    return extra_memory(train)


def growth(model: str, axis: str, values: tuple[int, ...], rounds: int) -> Rows:
    """The time of a training step against batch, length, width or depth. Few words, so that the model counts."""
    result: Rows = []
    for value in values:
        sizes = {"vocabulary": 64, axis: value}
        functions = {library: step_of(library, model, **sizes) for library in ("minirad", "torch")}
        for step in functions.values():
            step()
        found = rows(f"training step, {model}, {axis} {value}", in_turns(functions, rounds, 0.05), {})
        result += [{**row, "model": model, "axis": axis, "value": value} for row in found]
    return result


TINY = {"batch": 2, "length": 3, "width": 8, "depth": 1, "vocabulary": 16}
# In the form of cases.CASES.
SEQUENCE_CASES: dict[str, tuple[Callable[..., Rows], list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    "lstm": (steps, [("lstm", 15, {})], [("lstm", 1, TINY)]),
    "transformer": (steps, [("transformer", 15, {})], [("transformer", 1, TINY)]),
    "lstm-memory": (memory, [("lstm", {})], [("lstm", TINY)]),
    "transformer-memory": (memory, [("transformer", {})], [("transformer", TINY)]),
    **{
        f"growth-{model}-{axis}": (growth, [(model, axis, values, 5)], [(model, axis, values[:1], 1)])
        for model, axes in GROWTH.items()
        for axis, values in axes.items()
    },
}
