"""Checkpoint: a long training that is killed goes on where it was, as if nothing had been."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from minirad import checkpoint
from minirad.files import remove_parts
from minirad.nn import Module
from minirad.optim import Optimizer
from minirad.optim.lr_scheduler import LRScheduler


class Checkpoint:
    """Where train() writes a checkpoint, how often, and of which run.

        kept = Checkpoint("runs/long.safetensors", every=60, settings={"lr": 0.1, "seed": 100})
        history = train(model, criterion, optimizer, loader, 50, checkpoint=kept)

    Run the same program again after it was stopped: it goes on from the last checkpoint, also in the middle of an
    epoch. One is written at the start, after each epoch, and after the first step that ends ``every`` seconds or more
    after the last one. The file stays when the run has ended: the program, run again, then has the history at once.

    Everything that the run draws must come from the streams, the loader's own generator or ``generators``. To go on in
    the middle of an epoch, the epoch is begun again and the batches that were seen are passed over. So the loader must
    draw an epoch's order when it begins, as minirad's do.

    Args:
        path: the file; its folder is made.
        every: the seconds; 0 writes a checkpoint after each step.
        settings: what determines the run (data, seed, ...), by name. A checkpoint with others is refused. The layers,
            the optimizer's settings, the kind of schedule and the number of batches are compared anyway.
        generators: those that the run draws from besides the streams and the loader's own, by name.

    Raises:
        ValueError: every is negative or nan.
    """

    def __init__(
        self, path: str | Path, every: float = 60.0, settings: Mapping[str, Any] | None = None,
        generators: Mapping[str, np.random.Generator] | None = None,
    ) -> None:  # fmt: skip
        if not every >= 0:
            raise ValueError(f"Checkpoint: every must be at least 0 seconds, got {every}")
        self.path, self.every, self.settings, self.generators = Path(path), every, settings or {}, generators or {}

    def open(
        self, model: Module, optimizer: Any, scheduler: Any, loader: Iterable[Any], epochs: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Load the checkpoint if there is one, else write the first.

        Returns:
            The rows of the epochs that are done, to which train() adds, and why the run has stopped, or None.

        Raises:
            TypeError: the optimizer or the schedule is none of minirad's, so its state can't be saved.
            ValueError: the file is of another run, of more epochs, or no checkpoint. Nothing has been changed then.
            OSError: it can't be read or written. ImportError: safetensors is missing.
        """
        for part, kind in ((optimizer, Optimizer), (scheduler, LRScheduler | None)):
            if not isinstance(part, kind):
                raise TypeError(f"Checkpoint: can't save the state of a {type(part).__name__}")
        self.loader, self.own = loader, dict(self.generators)
        if isinstance(of_loader := getattr(loader, "generator", None), np.random.Generator):
            self.own["loader"] = of_loader
        self.run = self._described(model, optimizer, scheduler, loader)
        self.parts: dict[str, Any] = {
            "model": model, "optimizer": optimizer, "scheduler": scheduler, "generators": self.own
        }  # fmt: skip
        self.rows: list[dict[str, Any]] = []
        self.begun: dict[str, Any] | None = None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        remove_parts(self.path)
        if not self.path.exists():
            self.save()  # what can't be written is found out now
            return self.rows, None
        saved = self._checked(checkpoint.peek(self.path), epochs)
        checkpoint.load(self.path, **self.parts)
        model.eval()  # as train() leaves it, should there be nothing left to do
        self.rows, self.begun, self.saved_at = saved["epochs"], saved["begun"], monotonic()
        return self.rows, saved["stopped"]

    def batches(self, losses: list[float]) -> Iterator[Any]:
        """What is left of an epoch; ``losses`` is filled with those of the steps that were taken before."""
        begun, self.begun = self.begun, None
        if begun is not None:
            now = checkpoint.random_state(self.own)
            checkpoint.set_random_state(begun["streams"], self.own)
            losses += begun["loss"]
        start = checkpoint.random_state(self.own)
        batches = iter(self.loader)
        if begun is not None:
            for _ in islice(batches, len(losses)):
                pass
            checkpoint.set_random_state(now, self.own)
        for batch in batches:
            yield batch
            if monotonic() - self.saved_at >= self.every:
                self.save(begun={"loss": losses, "streams": start})

    def save(self, stopped: str | None = None, begun: dict[str, Any] | None = None) -> None:
        """Write the checkpoint. ``begun`` has the losses of an epoch that is not over, and the streams at its start."""
        rows = self.rows if begun is None else self.rows[:-1]
        extra = {"run": self.run, "epochs": rows, "stopped": stopped, "begun": begun}
        checkpoint.save(self.path, **self.parts, extra=extra)
        self.saved_at = monotonic()

    def _described(self, model: Module, optimizer: Optimizer, scheduler: Any, loader: Any) -> dict[str, str]:
        """The run in words, to tell another one by. A rate that a schedule has changed is not part of it."""
        described: dict[str, Any] = {"the model": model, "the optimizer": optimizer.rule}
        described["the schedule"] = type(scheduler).__name__
        for i, group in enumerate(optimizer.param_groups):
            left_out = ("params", "names", "lr") if "initial_lr" in group else ("params", "names")
            described |= {f"{key} of group {i}": value for key, value in group.items() if key not in left_out}
        described["the number of batches"] = len(loader) if hasattr(loader, "__len__") else "unknown"
        described["the list of generators"] = ", ".join(sorted(self.own)) or "none"
        return {name: str(value) for name, value in {**described, **self.settings}.items()}

    def _checked(self, saved: dict[str, Any], epochs: int) -> dict[str, Any]:
        if "run" not in saved:
            raise ValueError(f"Checkpoint: {self.path} was not written by train()")
        other = [
            f"{name} was {was}, is {now}"
            for name in sorted(saved["run"].keys() | self.run.keys())
            for was, now in [_first_difference(saved["run"].get(name, "not given"), self.run.get(name, "not given"))]
            if was != now
        ]
        if other:
            raise ValueError(f"Checkpoint: {self.path} is of another run: {'; '.join(other)}")
        epoch = len(saved["epochs"]) + (saved["begun"] is not None)
        if epoch > epochs:
            raise ValueError(
                f"Checkpoint: {self.path} is in epoch {epoch} already; epochs must not be fewer, got {epochs}"
            )
        return saved


def _first_difference(one: str, other: str) -> tuple[str, str]:
    """The first lines that differ: a printed model has many."""
    pairs = zip(one.splitlines(), other.splitlines(), strict=False)
    return next(((a.strip(), b.strip()) for a, b in pairs if a != b), (one, other))
