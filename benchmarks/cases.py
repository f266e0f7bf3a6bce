"""The cases: functions of the sizes that return rows for the table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import extra_memory, in_turns, rows

Rows = list[dict[str, Any]]

# "Must reach" of the project, for one thread.
RADAM_MUST = {
    1_000_000: {"torch default": 0.25, "torch foreach": 1.6},
    10_000_000: {"torch default": 0.25, "torch foreach": 0.7},
}
TRAINING_MUST = {(64, 128, 10): {"torch": 0.35}, (784, 256, 10): {"torch": 0.7}}
IMPORT_MUST = 0.060


def optimizers(rule: str, n: int, fused: bool) -> dict[str, Any]:
    """The rule of minirad and those of PyTorch, each with n parameters, their gradients, and five steps behind them."""
    import torch

    import minirad as mr

    settings = {"lr": 1e-3, "momentum": 0.9} if rule == "SGD" else {"lr": 1e-3}
    rng = np.random.default_rng(0)
    theta, g = rng.standard_normal(n, np.float32), rng.standard_normal(n, np.float32)
    p = mr.nn.Parameter(theta.copy())
    built: dict[str, Any] = {"minirad": getattr(mr.optim, rule)([p], **settings)}
    p.sum().backward()  # puts the gradient where backward() puts it in training
    p.grad[...] = g
    kinds: dict[str, dict[str, bool]] = {"torch default": {}, "torch foreach": {"foreach": True}}
    if fused:
        kinds["torch fused"] = {"fused": True}
    for kind, options in kinds.items():
        q = torch.nn.Parameter(torch.from_numpy(theta.copy()))
        q.grad = torch.from_numpy(g.copy())
        built[kind] = getattr(torch.optim, rule)([q], **settings, **options)
    for optimizer in built.values():
        for _ in range(5):
            optimizer.step()
    return built


def step(n: int, rounds: int) -> Rows:
    """One optimizer step over n parameters, from t = 6 on."""
    result = radam_step(n, rounds, "", RADAM_MUST.get(n, {}))
    for rule in ("Adam", "SGD"):
        built = optimizers(rule, n, fused=True)
        times = in_turns({name: optimizer.step for name, optimizer in built.items()}, rounds, sample=0.05)
        result += rows(f"{rule} step, {n:,} parameters", times, {})
    return result


def radam_step(n: int, rounds: int, note: str = ", freed memory kept", must: dict[str, float] | None = None) -> Rows:
    """The same for RAdam alone."""
    built = optimizers("RAdam", n, fused=False)
    times = in_turns({name: optimizer.step for name, optimizer in built.items()}, rounds, sample=0.05)
    return rows(f"RAdam step, {n:,} parameters{note}", times, must or {})


def memory(n: int) -> Rows:
    """What a RAdam step needs beyond theta, g, m and v."""
    built = optimizers("RAdam", n, fused=False)
    grown = {name: extra_memory(optimizer.step) for name, optimizer in built.items()}
    ours = grown.pop("minirad")
    return [
        {
            "case": f"RAdam step, {n:,} parameters, peak extra memory",
            "peer": peer,
            "minirad": ours,
            "other": other,
            "ratio": ours / other if ours is not None and other else None,
            "must": None,
            "unit": "B",
        }
        for peer, other in grown.items()
    ]


def training(widths: tuple[int, int, int], batch: int, rounds: int) -> Rows:
    """A whole training step of a small net: zero_grad, forward, loss, backward, RAdam."""
    import torch

    import minirad as mr
    from minirad.models import MLP

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, widths[0]), np.float32), rng.integers(0, widths[2], batch)
    ours = MLP(widths[0], widths[1:2], widths[2])
    layers = [torch.nn.Flatten(), torch.nn.Linear(*widths[:2]), torch.nn.ReLU(), torch.nn.Linear(*widths[1:])]
    theirs = torch.nn.Sequential(*layers)
    steps = {
        "minirad": train_step(mr, ours, mr.tensor(x), mr.tensor(y)),
        "torch": train_step(torch, theirs, torch.from_numpy(x), torch.from_numpy(y)),
    }
    for run in steps.values():
        for _ in range(5):
            run()
    name = f"training step, MLP {'-'.join(map(str, widths))}, batch {batch}"
    return rows(name, in_turns(steps, rounds), TRAINING_MUST[widths])


def train_step(library: Any, net: Any, x: Any, y: Any) -> Callable[[], None]:
    """The same lines for both."""
    loss, optimizer = library.nn.CrossEntropyLoss(), library.optim.RAdam(net.parameters())

    def run() -> None:
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()

    return run


def chain(ops: int, shape: tuple[int, ...], rounds: int) -> Rows:
    """Forward and backward through a chain of small operations: what the engine itself costs."""
    import torch

    import minirad as mr

    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)

    def run(leaf: Any) -> Callable[[], None]:
        def forward_and_backward() -> None:
            leaf.grad = None
            y = leaf
            for _ in range(ops // 4):
                y = (y * 1.01 + 0.1).tanh() - leaf
            y.sum().backward()

        return forward_and_backward

    functions = {
        "minirad": run(mr.tensor(x, requires_grad=True)),
        "torch": run(torch.tensor(x, requires_grad=True)),
    }
    return rows(f"chain of {ops} operations on {'x'.join(map(str, shape))}", in_turns(functions, rounds), {})


def startup(rounds: int) -> Rows:
    """What ``import minirad`` adds to NumPy's own import, each time in a new process."""
    code = "import numpy, time; t = time.perf_counter(); import minirad; print(time.perf_counter() - t)"
    seconds = median(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(rounds))
    return [
        {
            "case": "import minirad, beyond NumPy's own import",
            "peer": "limit",
            "minirad": seconds,
            "other": IMPORT_MUST,
            "ratio": seconds / IMPORT_MUST,
            "must": 1.0,
            "unit": "s",
        }
    ]


# Name: (function, the arguments of each call, those of a quick trial). A case has a process of its own.
CASES: dict[str, tuple[Callable[..., Rows], list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    "step-1e6": (step, [(1_000_000, 11)], [(1_000, 2)]),
    "step-1e7": (step, [(10_000_000, 5)], [(50_000, 2)]),
    "step-1e6-kept": (radam_step, [(1_000_000, 11)], [(1_000, 2)]),
    "memory": (memory, [(1_000_000,), (10_000_000,)], [(100_000,)]),
    "mlp": (training, [((64, 128, 10), 64, 101), ((784, 256, 10), 128, 51)], [((64, 128, 10), 64, 2)]),
    "chain": (chain, [(200, (64, 64), 51), (200, (8,), 51)], [(20, (8,), 2)]),
    "import": (startup, [(11,)], [(1,)]),
}
