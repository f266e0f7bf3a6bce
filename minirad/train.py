"""The training loop, and what it writes down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from math import isfinite
from typing import Any, Protocol

import numpy as np

from minirad.backend import to_device, to_host
from minirad.checkpointing import Checkpoint
from minirad.nn import Module
from minirad.tensor import Tensor, no_grad


class Stepper(Protocol):
    """What the loop asks of an optimizer: zero_grad() and step()."""

    def zero_grad(self) -> None: ...
    def step(self) -> None: ...


class Scheduler(Protocol):
    """What the loop asks of a schedule: step()."""

    def step(self) -> None: ...


@dataclass
class History:
    """What a run wrote down.

    Attributes:
        epochs: one row per epoch: its number, ``loss`` (the training loss at each step, before the step) and whatever
            ``evaluate`` measured at its end.
        stopped: None, or why the run ended early, with the step.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    stopped: str | None = None

    @property
    def losses(self) -> list[float]:
        """The training loss at steps 1, 2, ... ."""
        return [loss for epoch in self.epochs for loss in epoch["loss"]]


def train(
    model: Module,
    criterion: Callable[..., Tensor],
    optimizer: Stepper,
    loader: Iterable[tuple[Any, ...]],
    epochs: int,
    *,
    scheduler: Scheduler | None = None,
    evaluate: Callable[[Module], dict[str, float]] | None = None,
    title: str = "training",
    checkpoint: Checkpoint | None = None,
) -> History:
    """Train a model, epoch by epoch, and write down the loss of each step.

    Args:
        model: the model; it is left in eval mode.
        criterion: ``criterion(model(x), y)`` is the loss, a single number.
        optimizer: of the model's parameters.
        loader: gives the batches (x, y) of one epoch each time it is gone through.
        epochs: how often to go through it.
        scheduler: its step() is called after each optimizer.step().
        evaluate: called with the model, in eval mode and without recording, after each epoch.
        title: stands before the progress bar, which shows in a terminal only.
        checkpoint: the file to go on from if it is there, and to write to. A run that was killed and goes on ends with
            the same weights and the same history, bit for bit, as one that was left alone.

    A loss that is NaN or infinite ends the run; the history says at which step.

    Raises:
        ValueError: epochs is below 1, or the checkpoint is of another run.
    """
    if epochs < 1:
        raise ValueError(f"train: epochs must be at least 1, got {epochs}")
    done = () if checkpoint is None else checkpoint.open(model, optimizer, scheduler, loader, epochs)
    history = History(*done)
    for epoch in _progress(range(len(history.epochs) + 1, epochs + 1), title):
        if history.stopped:
            break
        row: dict[str, Any] = {"epoch": epoch, "loss": []}
        history.epochs.append(row)
        model.train()
        for x, y in loader if checkpoint is None else checkpoint.batches(row["loss"]):
            loss = criterion(model(x), y)
            row["loss"].append(loss.item())
            if not isfinite(row["loss"][-1]):
                history.stopped = f"the loss is {row['loss'][-1]} at step {len(history.losses)}"
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
        model.eval()
        if evaluate is not None:
            with no_grad():
                row.update(evaluate(model))
        if checkpoint is not None:
            checkpoint.save(history.stopped)
    return history


def predict(model: Module, x: Any, batch_size: int = 1000) -> Any:
    """The model's outputs (n, ...) for inputs x (n, ...), batch by batch and without recording, as a NumPy array."""
    batches = [to_device(x[i : i + batch_size]) for i in range(0, len(x), batch_size)]
    with no_grad():
        outputs = [to_host(model(batch).data) for batch in batches]
    return np.concatenate(outputs)


def classification_scores(model: Module, criterion: Callable[..., Tensor], x: Any, y: Any) -> tuple[float, float]:
    """(loss, accuracy) of a classifier's logits over a whole data set of inputs x (n, ...) and classes y (n,)."""
    logits = predict(model, x)
    loss = criterion(to_device(logits), to_device(y)).item()
    return loss, float((logits.argmax(axis=1) == y).mean())


def _progress(epochs: range, title: str) -> Iterable[int]:
    """The epochs behind a tqdm bar, on a terminal and where tqdm is installed; else as they are."""
    try:
        tqdm = import_module("tqdm")
    except ImportError:
        return epochs
    return tqdm.tqdm(epochs, desc=title, unit="epoch", leave=False, disable=None)
