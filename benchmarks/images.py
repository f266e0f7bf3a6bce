"""Convolutional nets against PyTorch: training steps, memory, single ops, and how time grows with the sizes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.measure import alone, extra_memory, in_turns, in_turns_apart, rows

__all__ = ["alone", "step_of"]  # what a program of resnet() uses

Rows = list[dict[str, Any]]

MUST = {(20, 32, 128): 2.0, (8, 16, 64): 1.6}  # time, for two threads
MEMORY_MUST = 1.5
GROWTH = {"batch": (16, 32, 64, 128, 256), "width": (8, 16, 32, 64), "depth": (8, 14, 20, 32, 44)}


def torch_resnet(depth: int, widths: tuple[int, int, int] = (16, 32, 64)) -> Any:
    """minirad's ResNet with projection shortcuts, in PyTorch."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, c_in: int, c_out: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(c_out)
            self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(c_out)
            self.downsample = None
            if stride != 1 or c_in != c_out:
                self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

        def forward(self, x: Any) -> Any:
            y = torch.relu_(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            y += x if self.downsample is None else self.downsample(x)
            return torch.relu_(y)

    layers: list[Any] = [nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    for stage, (c_in, c_out) in enumerate(pairwise((widths[0], *widths))):
        blocks = (depth - 2) // 6
        layers += [Block(c_in if i == 0 else c_out, c_out, 2 if stage and i == 0 else 1) for i in range(blocks)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[2], 10))


def step_of(library: str, depth: int, size: int, batch: int, width: int = 16) -> Callable[[], None]:
    """A training step with SGD: zero_grad, forward, loss, backward, step. The same lines for both."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, 3, size, size), np.float32), rng.integers(0, 10, batch)
    widths = (width, 2 * width, 4 * width)
    if library == "minirad":
        import minirad as mr
        from minirad.models import ResNet

        module, net, x, y = mr, ResNet(depth, widths=widths), mr.tensor(x), mr.tensor(y)
    else:
        import torch

        module, net, x, y = torch, torch_resnet(depth, widths), torch.from_numpy(x), torch.from_numpy(y)
    optimizer = module.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    loss = module.nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()

    return step


def resnet(depth: int, size: int, batch: int, rounds: int) -> Rows:
    """The time of a training step: each library in processes of its own, and both in one process.

    In one process they are in each other's way: PyTorch's threads go on spinning for milliseconds after its turn, and
    what one library has freed decides how fast the other gets memory.
    """
    name = f"training step, ResNet-{depth}, {size}x{size}, batch {batch}"
    program = f"from benchmarks.images import *; print(alone(step_of('{{library}}', {depth}, {size}, {batch})))"
    apart = in_turns_apart(program, ("minirad", "torch"), min(rounds, 7))
    found = [{**row, "must_threads": 2} for row in rows(name, apart, {"torch": MUST[depth, size, batch]})]
    steps = {library: step_of(library, depth, size, batch) for library in ("minirad", "torch")}
    for step in steps.values():
        for _ in range(2):
            step()
    return found + rows(f"{name}, both in one process", in_turns(steps, rounds, sample=0.1), {})


def memory(depth: int, size: int, batch: int) -> Rows:
    """By how much a process of its own grows, at most, while it builds a net and trains it for three steps."""
    program = "from benchmarks.images import grown; print(grown(*{!r}))"
    grew = [
        int(subprocess.check_output([sys.executable, "-c", program.format((library, depth, size, batch))]))
        for library in ("minirad", "torch")
    ]
    name = f"peak memory above import, ResNet-{depth}, {size}x{size}, batch {batch}"
    row = {"case": name, "peer": "torch", "minirad": grew[0], "other": grew[1], "ratio": grew[0] / grew[1]}
    return [{**row, "must": MEMORY_MUST, "must_threads": 2, "unit": "B"}]


def grown(library: str, depth: int, size: int, batch: int) -> int | None:
    """What memory() asks its processes."""
    step_of(library, 8, 8, 2)()  # everything is imported, and the thread pools are there

    def train() -> None:
        step = step_of(library, depth, size, batch)
        for _ in range(3):
            step()

    return extra_memory(train)


def ops(rounds: int) -> Rows:
    """Single ops, forward and then forward and backward."""
    result: Rows = []
    for name, build in OPS.items():
        forward, backward = build()
        for kind, functions in (("forward", forward), ("forward and backward", backward)):
            result += rows(f"{name}, {kind}", in_turns(functions, rounds), {})
    return result


def op(
    shape: tuple[int, ...],
    name: str,
    *,
    between: tuple[Any, ...] = (),
    weights: tuple[tuple[int, ...], ...] = (),
    **options: Any,
) -> Any:
    """Both libraries' function of this name, on channels-last images where there are images."""
    import torch

    import minirad as mr

    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s, np.float32) for s in (shape, *weights)]
    if len(shape) == 4:  # as a net hands them on: ours with the channels last, PyTorch's first
        arrays[0] = np.ascontiguousarray(arrays[0].transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    ours = [mr.nn.Parameter(array) for array in arrays]
    theirs = [torch.tensor(np.ascontiguousarray(array), requires_grad=True) for array in arrays]
    f, g = getattr(mr.nn.functional, name), getattr(torch.nn.functional, name)

    def run_ours() -> Any:
        return f(ours[0], *between, *ours[1:], **options)

    def run_theirs() -> Any:
        return g(theirs[0], *between, *theirs[1:], **options)

    ones, ones_torch = np.ones_like(run_ours().data), torch.ones_like(run_theirs())
    backward = {
        "minirad": lambda: run_ours().vjp(ones),
        "torch": lambda: torch.autograd.grad(run_theirs(), theirs, ones_torch),
    }
    return {"minirad": run_ours, "torch": run_theirs}, backward


OPS: dict[str, Callable[[], Any]] = {
    **{
        f"conv2d 3x3, {c} channels, {s}x{s}, batch 128": partial(
            op, (128, c, s, s), "conv2d", weights=((c, c, 3, 3),), padding=1
        )
        for c, s in ((16, 32), (32, 16), (64, 8))
    },
    "conv2d 3x3, stride 2, 16 to 32 channels, 32x32": partial(
        op, (128, 16, 32, 32), "conv2d", weights=((32, 16, 3, 3),), padding=1, stride=2
    ),
    "conv2d 3x3, depthwise, 32 channels, 16x16": partial(
        op, (128, 32, 16, 16), "conv2d", weights=((32, 1, 3, 3),), padding=1, groups=32
    ),
    "batch_norm, 16 channels, 32x32": partial(
        op, (128, 16, 32, 32), "batch_norm", between=(None, None), weights=((16,), (16,)), training=True
    ),
    "max_pool2d 2x2, 16 channels, 32x32": partial(op, (128, 16, 32, 32), "max_pool2d", kernel_size=2),
    "avg_pool2d 2x2, 16 channels, 32x32": partial(op, (128, 16, 32, 32), "avg_pool2d", kernel_size=2),
    "relu, 16 channels, 32x32": partial(op, (128, 16, 32, 32), "relu"),
    "layer_norm, 4096 rows of 256": partial(op, (4096, 256), "layer_norm", between=((256,),), weights=((256,), (256,))),
    "linear, 128 rows, 784 to 256": partial(op, (128, 784), "linear", weights=((256, 784), (256,))),
}


def growth(axis: str, values: tuple[int, ...], rounds: int) -> Rows:
    """The time of a training step against batch, width or depth."""
    result: Rows = []
    for value in values:
        sizes = {"depth": 8, "size": 16, "batch": 64, "width": 16} | {axis: value}
        steps = {library: step_of(library, **sizes) for library in ("minirad", "torch")}
        for step in steps.values():
            step()
        found = rows(f"training step, {axis} {value}", in_turns(steps, rounds), {})
        result += [{**row, "axis": axis, "value": value} for row in found]
    return result


def slope(points: list[tuple[float, float]]) -> float:
    """The exponent p of time ~ size^p, fitted by least squares to the logarithms."""
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])


# In the form of cases.CASES.
IMAGE_CASES: dict[str, tuple[Callable[..., Rows], list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    "resnet20": (resnet, [(20, 32, 128, 9)], [(8, 16, 64, 1)]),
    "resnet8": (resnet, [(8, 16, 64, 31)], [(8, 16, 64, 1)]),
    "resnet20-memory": (memory, [(20, 32, 128)], [(8, 8, 4)]),
    "resnet8-memory": (memory, [(8, 16, 64)], [(8, 8, 4)]),
    "ops": (ops, [(15,)], [(1,)]),
    **{f"growth-{axis}": (growth, [(axis, values, 7)], [(axis, values[:2], 1)]) for axis, values in GROWTH.items()},
}
