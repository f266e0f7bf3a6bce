"""Small problems to watch an optimizer on: minirad trace --on ... ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from minirad.backend import manual_seed, stream, to_device
from minirad.nn import CrossEntropyLoss, Parameter
from minirad.tensor import Tensor

Params = list[tuple[str, Parameter]]


@dataclass(frozen=True)
class Problem:
    """A loss to descend: what it is in words, a learning rate to start with, and how it begins.

    ``start(mu)`` gives the named parameters and a function that gives the loss of step t = 1, 2, ... .
    """

    text: str
    lr: float
    start: Callable[[float], tuple[Params, Callable[[int], Tensor]]]


def quadratic(mu: float) -> tuple[Params, Callable[[int], Tensor]]:
    """theta^2 / 2 from theta = 1: the gradient is theta. paper.md's and the tests' numbers are from here."""
    theta = Parameter(np.array([1.0]))
    return [("theta", theta)], lambda t: (theta * theta).sum() * 0.5


def ravine(mu: float) -> tuple[Params, Callable[[int], Tensor]]:
    """(x^2 + 100 y^2) / 2 from (1, 1): a hundred times as steep in y as in x."""
    theta = Parameter(np.array([1.0, 1.0]))
    steepness = np.array([1.0, 100.0])
    return [("theta", theta)], lambda t: (theta * theta * steepness).sum() * 0.5


def rosenbrock(mu: float) -> tuple[Params, Callable[[int], Tensor]]:
    """(x - 1)^2 + 100 (y - x^2)^2 from (-1.2, 1): a bent valley, with gradients of some hundreds at its sides."""
    x, y = Parameter(np.array(-1.2)), Parameter(np.array(1.0))

    def loss(t: int) -> Tensor:
        a, b = x - 1, y - x * x
        return a * a + b * b * 100

    return [("x", x), ("y", y)], loss


def noise(mu: float) -> tuple[Params, Callable[[int], Tensor]]:
    """A gradient drawn from N(mu, 1) at each step, wherever theta is: the model of the paper's section 3."""
    theta = Parameter(np.array([0.0]))
    return [("theta", theta)], lambda t: (theta * to_device(stream("noise").normal(mu, 1.0, size=1))).sum()


def digits(mu: float) -> tuple[Params, Callable[[int], Tensor]]:
    """A real training run: scikit-learn's digits, an MLP 64-128-10, batches of 64."""
    from minirad import data
    from minirad.models import MLP

    images = data.load("digits")
    model, criterion = MLP(64, (128,), 10), CrossEntropyLoss()
    batches = _forever(data.Loader(images.train.x, images.train.y, batch_size=64))

    def loss(t: int) -> Tensor:
        x, y = next(batches)
        return criterion(model(x), y)

    return list(model.named_parameters()), loss


PROBLEMS = {
    "quadratic": Problem("f = theta^2 / 2 from theta = 1", 0.1, quadratic),
    "ravine": Problem("f = (x^2 + 100 y^2) / 2 from (1, 1)", 0.01, ravine),
    "rosenbrock": Problem("f = (x - 1)^2 + 100 (y - x^2)^2 from (-1.2, 1)", 0.001, rosenbrock),
    "noise": Problem("gradients drawn from N(mu, 1), theta from 0", 0.1, noise),
    "digits": Problem("handwritten digits, MLP 64-128-10, batch 64", 0.003, digits),
}


def descend(
    problem: Problem, build: Callable[[Params], Any], steps: int, *, mu: float = 0.0, seed: int = 0,
    watch: Callable[[Any], Any] | None = None,
) -> tuple[Any, list[float]]:  # fmt: skip
    """Build an optimizer for the problem's parameters, and take some steps.

    Args:
        problem: where.
        build: makes the optimizer of the named parameters.
        steps: how many; fewer if the loss stops being finite.
        mu: the mean of the gradients of "noise".
        seed: of the initial weights, the order of the data and the noise.
        watch: called with the optimizer at the first step, when its gradients are there.

    Returns:
        What watch gave, and the losses.
    """
    manual_seed(seed)
    params, loss_at = problem.start(mu)
    optimizer = build(params)
    watched, losses = None, list[float]()
    for t in range(1, steps + 1):
        loss = loss_at(t)
        losses.append(loss.item())
        if not isfinite(losses[-1]):
            break
        optimizer.zero_grad()
        loss.backward()
        if t == 1 and watch is not None:
            watched = watch(optimizer)
        optimizer.step()
    return watched, losses


def _forever(loader: Any) -> Iterator[Any]:
    while True:
        yield from loader
