"""minirad compare: one small net, one data set, several optimizers, several seeds.

Every run of a seed starts from the same weights and sees the same batches in the same order: the streams "init" and
"shuffle" know nothing of the optimizer. Each optimizer has a learning rate of its own. Those below were chosen on
validation images, with other seeds than any comparison uses: see tune.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from math import isfinite, isnan, nan
from operator import attrgetter
from time import perf_counter
from typing import Any

import numpy as np

from minirad import data, optim
from minirad.backend import manual_seed
from minirad.data.registry import names
from minirad.experiments.experiment import Experiment
from minirad.experiments.results import Row, Store, environment, rounded
from minirad.models import MLP
from minirad.nn import CrossEntropyLoss
from minirad.optim.lr_scheduler import LinearWarmup, LRScheduler
from minirad.threads import set_num_threads
from minirad.train import classification_scores, train

EDITION = 1
SEEDS = range(100, 200)  # the pilots used lower ones, the tuning higher ones
WARMUP = 0.1  # of all steps


@dataclass(frozen=True)
class Arm:
    """One way to train: an optimizer, its schedule, and the learning rates tuned for it."""

    title: str
    rule: Callable[..., optim.Optimizer]
    lr: dict[str, float]
    warmup: bool = False

    def lr_for(self, dataset: str) -> float:
        """The rate tuned on this data set; for MNIST, which was not tuned, that of Fashion-MNIST."""
        return self.lr["fashion-mnist" if dataset == "mnist" else dataset]


def _momentum(params: Any, lr: float) -> optim.Optimizer:
    return optim.SGD(params, lr, momentum=0.9)


ARMS = {
    "sgd": Arm("SGD, momentum 0.9", _momentum, {"digits": 0.3, "fashion-mnist": 0.03}),
    "adam": Arm("Adam", optim.Adam, {"digits": 0.003, "fashion-mnist": 0.001}),
    "adam-warmup": Arm(f"Adam, warmup over {WARMUP:.0%}", optim.Adam, {"digits": 0.01, "fashion-mnist": 0.001}, True),
    "radam": Arm("RAdam", optim.RAdam, {"digits": 0.003, "fashion-mnist": 0.001}),
}

EPOCHS = {"digits": 30, "mnist": 5, "fashion-mnist": 5}
HIDDEN = {"digits": (128,), "mnist": (256,), "fashion-mnist": (256,)}
BATCH_SIZE = {"digits": 64, "mnist": 128, "fashion-mnist": 128}


@dataclass(frozen=True)
class Run:
    """The settings of one training: together with the edition they determine its result file."""

    data: str
    optimizer: str
    lr: float
    epochs: int
    hidden: tuple[int, ...]
    batch_size: int
    seed: int
    validation: bool = False


@dataclass(frozen=True)
class Outcome:
    """A finished run: its settings, one row per epoch, and what it took."""

    run: Run
    rows: list[Row]
    stopped: str | None
    seconds: float

    @property
    def losses(self) -> list[float]:
        """The training loss at steps 1, 2, ...; nan where it was not finite."""
        return [nan if loss is None else loss for row in self.rows for loss in row["loss"]]

    @property
    def accuracy(self) -> float:
        """The test accuracy after the last epoch, never the best."""
        return self.rows[-1]["test_accuracy"]

    @property
    def train_loss(self) -> float:
        """The loss over all training images after the last epoch; nan if it was not finite."""
        loss = self.rows[-1]["train_loss"]
        return nan if loss is None else loss

    @property
    def diverged(self) -> bool:
        """Whether a loss was not finite."""
        return self.stopped is not None or isnan(self.train_loss)


def plan(
    dataset: str,
    optimizers: Sequence[str],
    lr: dict[str, float],
    epochs: int | None,
    hidden: Sequence[int] | None,
    seeds: int,
) -> list[Run]:
    """The runs of a comparison, seed by seed, so that every arm has something to show early.

    Raises:
        ValueError: a name is unknown, or a number makes no sense.
    """
    _known("data set", [dataset], names("images"))
    _known("optimizer", optimizers, ARMS)
    _known("optimizer in --lr", lr, optimizers)
    if not optimizers or len(set(optimizers)) < len(optimizers):
        raise ValueError(f"optimizers must be named, each once, got {' '.join(optimizers) or 'none'}")
    for rate in lr.values():
        if not isfinite(rate) or rate <= 0:
            raise ValueError(f"a learning rate must be a positive number, got {rate}")
    epochs = EPOCHS[dataset] if epochs is None else epochs
    hidden = HIDDEN[dataset] if hidden is None else tuple(hidden)
    for what, number in (("seeds", seeds), ("epochs", epochs), *(("hidden", width) for width in hidden)):
        if number < 1:
            raise ValueError(f"{what} must be at least 1, got {number}")
    if seeds > len(SEEDS):
        raise ValueError(f"seeds must be at most {len(SEEDS)}, got {seeds}: seeds from {SEEDS.stop} on chose the rates")
    return [
        Run(dataset, name, lr.get(name, ARMS[name].lr_for(dataset)), epochs, hidden, BATCH_SIZE[dataset], seed)
        for seed in SEEDS[:seeds]
        for name in optimizers
    ]


def recorded(run: Run, store: Store) -> tuple[list[Row], Row] | None:
    """The rows and meta data of a run that is done, by this very code on this backend; else None."""
    found, here = store.read(asdict(run)), environment()
    return found if found and all(found[1].get(key) == here[key] for key in ("code", "backend")) else None


def outcomes(runs: Sequence[Run], images: data.ImageData, store: Store) -> Iterator[tuple[Outcome, bool]]:
    """Do the runs one after the other. Those that the store has already are read instead: then the second is False."""
    set_num_threads(1)  # results are bit-identical only at one thread count; such small nets gain little from two
    for count, run in enumerate(runs, 1):
        settings = asdict(run)
        found = recorded(run, store)
        if fresh := found is None:
            start = perf_counter()
            with np.errstate(all="ignore"):  # a run that diverges says so in its result
                rows = _train(run, images, f"{count}/{len(runs)} {run.optimizer}, seed {run.seed}")
            store.write(settings, rows, perf_counter() - start)
            found = store.read(settings)
        assert found is not None
        (*rows, end), meta = found
        yield Outcome(run, rows, end["stopped"], meta["seconds"]), fresh


def _train(run: Run, images: data.ImageData, title: str) -> list[Row]:
    arm = ARMS[run.optimizer]
    manual_seed(run.seed)
    x, y = images.train.x, images.train.y
    model = MLP(x[0].size, run.hidden, len(images.classes))
    criterion = CrossEntropyLoss()
    optimizer = arm.rule(model.named_parameters(), lr=run.lr)
    loader = data.Loader(x, y, batch_size=run.batch_size)
    steps = len(loader) * run.epochs
    scheduler: LRScheduler | None = LinearWarmup(optimizer, max(1, round(WARMUP * steps))) if arm.warmup else None

    def evaluate(model: Any) -> dict[str, float]:
        train_loss, train_accuracy = classification_scores(model, criterion, x, y)
        test_loss, test_accuracy = classification_scores(model, criterion, images.test.x, images.test.y)
        scores = {"train_loss": train_loss, "train_accuracy": train_accuracy}
        return scores | {"test_loss": test_loss, "test_accuracy": test_accuracy}

    history = train(
        model, criterion, optimizer, loader, run.epochs,
        scheduler=scheduler, evaluate=evaluate, title=title,
    )  # fmt: skip
    for row in history.epochs:
        row["loss"] = rounded(row["loss"])
    return [*history.epochs, {"stopped": history.stopped}]


def complete(
    optimizer: str,
    data: str = "digits",
    lr: float | None = None,
    epochs: int | None = None,
    hidden: tuple[int, ...] | None = None,
    batch_size: int | None = None,
    seed: int = SEEDS[0],
    validation: bool = False,
) -> Run:
    """A run of a sweep. What is None is as in a comparison.

    Raises:
        ValueError: a name is unknown, or a number makes no sense.
    """
    (run,) = plan(data, [optimizer], {} if lr is None else {optimizer: lr}, epochs, hidden, 1)
    batch_size = run.batch_size if batch_size is None else batch_size
    if batch_size < 1 or seed < 0:
        raise ValueError(f"batch_size must be at least 1 and seed at least 0, got {batch_size} and {seed}")
    return replace(run, batch_size=batch_size, seed=seed, validation=validation)


def rows_of(run: Run) -> list[Row]:
    """Do a run."""
    with np.errstate(all="ignore"):
        return _train(run, _images(run.data, run.validation), run.optimizer)


@lru_cache(maxsize=1)
def _images(dataset: str, validation: bool) -> data.ImageData:
    return data.load(dataset, validation)


EXPERIMENT = Experiment(
    "compare",
    Run,
    rows_of,
    edition=EDITION,
    complete=complete,
    scale=attrgetter("data"),
    headline="test_accuracy",
    before=lambda run: data.load(run.data),
)


def _known(what: str, given: Sequence[str] | dict[str, Any], known: Sequence[str] | dict[str, Any]) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}; there are {', '.join(known)}")
