"""Every rule against torch.optim, over sizes: python -m benchmarks --set rules. A case is one rule at one size.

The limit of the machine stands beside it: how long it takes to copy as many words as the step must at least read and
write. A rule with s states reads theta, g and the states, and writes all but g: 3 + 2 s words a parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measure import in_turns, rows

Rows = list[dict[str, Any]]

# Name: (class, settings, states, whether PyTorch has it fused).
RULES: dict[str, tuple[str, dict[str, Any], int, bool]] = {
    "SGD": ("SGD", {"lr": 1e-3}, 0, True),
    "momentum": ("SGD", {"lr": 1e-3, "momentum": 0.9}, 1, True),
    "Adagrad": ("Adagrad", {"lr": 1e-3}, 1, True),
    "RMSprop": ("RMSprop", {"lr": 1e-3}, 1, False),
    "Adam": ("Adam", {"lr": 1e-3}, 2, True),
    "AMSGrad": ("Adam", {"lr": 1e-3, "amsgrad": True}, 3, True),
    "AdamW": ("AdamW", {"lr": 1e-3}, 2, True),
    "RAdam": ("RAdam", {"lr": 1e-3}, 2, False),
}
# (parameters, tensors that they lie in)
SIZES = [(10**k, tensors) for tensors in (1, 200) for k in range(3, 9)]
SIZES.insert(SIZES.index((10**5, 200)) + 1, (200_000, 200))

# "Must reach" of the project.
MUST: dict[tuple[str, int, int], dict[str, float]] = {
    ("RAdam", 10**6, 1): {"torch default": 0.25},
    ("RAdam", 10**7, 1): {"torch default": 0.25},
    ("RAdam", 200_000, 200): {"torch default": 0.1},
    **{(rule, 10**7, 1): {"torch default": 0.7, "torch foreach": 1.0} for rule in ("Adam", "AdamW", "RMSprop")},
}


def rule_step(name: str, n: int, tensors: int, seconds: float) -> Rows:
    """One step over n parameters in so many tensors, from t = 6 on."""
    _, _, states, _ = RULES[name]
    steps = {peer: optimizer.step for peer, optimizer in optimizers(name, n, tensors).items()}
    words = 3 + 2 * states
    steps["copy of the words"] = copying(n, words)
    few = 3 if n >= 10**8 else 7
    times = in_turns(steps, few, sample=seconds)
    lie = "1 tensor" if tensors == 1 else f"{tensors} tensors"
    must = MUST.get((name, n, tensors), {})
    result = rows(f"{name} step, {n:,} parameters in {lie}", times, must)
    return [{**row, "rule": name, "parameters": n, "tensors": tensors} for row in result]


def optimizers(name: str, n: int, tensors: int) -> dict[str, Any]:
    """The rule of minirad and those of PyTorch with the same numbers, and five steps behind them."""
    import torch

    import minirad as mr

    kind, settings, _, fused = RULES[name]
    rng = np.random.default_rng(0)
    theta, g = rng.standard_normal(n, np.float32), rng.standard_normal(n, np.float32)
    pieces = [slice(n * i // tensors, n * (i + 1) // tensors) for i in range(tensors)]
    ours = [mr.nn.Parameter(theta[piece].copy()) for piece in pieces]
    built: dict[str, Any] = {"minirad": getattr(mr.optim, kind)(ours, **settings)}
    for p, piece in zip(ours, pieces, strict=True):
        p.sum().backward()  # puts the gradient where backward() puts it in training
        p.grad[...] = g[piece]
    options: dict[str, dict[str, bool]] = {"torch default": {}, "torch foreach": {"foreach": True}}
    if fused:
        options["torch fused"] = {"fused": True}
    for peer, option in options.items():
        theirs = [torch.nn.Parameter(torch.from_numpy(theta[piece].copy())) for piece in pieces]
        for q, piece in zip(theirs, pieces, strict=True):
            q.grad = torch.from_numpy(g[piece].copy())
        built[peer] = getattr(torch.optim, kind)(theirs, **settings, **option)
    for optimizer in built.values():
        for _ in range(5):
            optimizer.step()
    return built


def copying(n: int, words: int) -> Callable[[], None]:
    """Copies n / 2 times ``words`` numbers, and so moves n times ``words`` of them, in or out."""
    source = np.ones(n, np.float32)
    target = np.empty_like(source)
    half = n // 2

    def run() -> None:
        for _ in range(words // 2):
            np.copyto(target, source)
        if words % 2:
            np.copyto(target[:half], source[:half])

    return run


# In the form of cases.CASES: (function, the arguments of each call, those of a quick trial).
RULE_CASES: dict[str, tuple[Callable[..., Rows], list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    f"{name}-{n}-{tensors}": (partial(rule_step, name), [(n, tensors, 0.05)], [(min(n, 2000), tensors, 1e-4)])
    for name in RULES
    for n, tensors in SIZES
}
