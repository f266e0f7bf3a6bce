"""The image trainings of E10, E11, E12 and E14: a residual net, an arm, a rate, so many steps.

The paper trains ResNet-20 on CIFAR10 in batches of 128 for 164 epochs. On two cores that is out of reach, so at laptop
scale it is ResNet-8 for 1,200 steps on images made smaller by averages, in batches of 64: half the batch is half the
cost, and what is asked here, what happens in the first steps and at which rates, is counted in steps, not in images.

Fashion-MNIST carries the verdicts. CIFAR-10 (JPEG subset) is nearer to the paper's data, but has only 10,000 images,
and can't be downloaded: it stands beside with fewer seeds, which describe, and is left out where it is not.

As in the paper the rate is multiplied by 0.1 after two milestones (about a half and three quarters of the run), the
decay is 1e-4, decoupled but for SGD, and images are flipped at random; CIFAR-10's are padded by 4 and cropped too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count, islice
from math import isfinite
from typing import Any

import numpy as np

from minirad import data
from minirad.backend import Array, manual_seed
from minirad.data.augment import crop_and_flip, random_flip
from minirad.data.download import paths
from minirad.data.registry import get
from minirad.experiments.arms import Setup, optimizer_of
from minirad.experiments.curves import thin
from minirad.experiments.exhibit import INCONCLUSIVE, NOT_RUN, Numbers, Verdict
from minirad.experiments.experiment import Experiment
from minirad.experiments.results import Row, rounded
from minirad.models import ResNet
from minirad.nn import CrossEntropyLoss
from minirad.train import classification_scores

FIRST = 100  # seeds that count: 100, 101, ...
WEIGHT_DECAY = 1e-4
EARLY = 20  # steps whose losses are all kept


@dataclass(frozen=True)
class Task:
    """What is trained on a data set. The images are size x size; the milestones are shares of the run."""

    size: int
    depth: int = 8
    widths: tuple[int, int, int] = (16, 32, 64)
    batch_size: int = 64
    padding: int = 0
    milestones: tuple[float, float] = (1 / 2, 3 / 4)


TASKS = {
    "digits": Task(8, widths=(4, 8, 16)),
    "fashion-mnist": Task(14),  # 28x28 has no averages of 16x16
    "cifar10-jpeg": Task(16),
    "cifar10": Task(32, depth=20, batch_size=128, padding=4, milestones=(81 / 164, 122 / 164)),  # the paper's
}
PAPER_STEPS = 164 * 391  # epochs, and batches in each


@dataclass(frozen=True)
class Training:
    """One training. The seed gives the initial weights, the order of the images and the flips, for all arms alike.

    Attributes:
        data: a key of TASKS.
        arm: a key of ARMS.
        lr: the rate before warmup and milestones.
        seed: below 100 for trying things, from 100 on for runs that count, from 200 on for tuning.
        steps: of the whole run.
        beta2: of Adam's family.
        warmup: steps over which the rate grows linearly, besides what the arm does by itself.
        scores: how often the net is scored, in equal distances; the last time after the last step.
        validation: score on validation images, which are then not trained on.
    """

    data: str
    arm: str
    lr: float
    seed: int
    steps: int
    beta2: float = 0.999
    warmup: int = 0
    scores: int = 1
    validation: bool = False


def train(training: Training) -> list[Row]:
    """Do a training.

    Returns:
        A row: "step" and "loss" (of batches: the first ones all, then thinned), "scored" and "accuracy", and
        "test_accuracy" after the last step; and a row that says why it stopped early, if it did. A training whose loss
        was not finite has failed: its "test_accuracy" is what a guess would have.
    """
    manual_seed(training.seed)
    task, images = TASKS[training.data], _images(training.data, training.validation)
    model = ResNet(task.depth, len(images.classes), widths=task.widths, in_channels=images.image_shape[0])
    criterion = CrossEntropyLoss()
    decay = partial(rate_factor, training=training)
    setup = Setup(training.lr, training.steps, training.beta2, WEIGHT_DECAY, decay)
    optimizer, scheduler = optimizer_of(training.arm, model.named_parameters(), setup)
    transform = _transform(task, images)
    batches = data.Loader(images.train.x, images.train.y, batch_size=task.batch_size, transform=transform)
    score_at = {round(training.steps * i / training.scores) for i in range(1, training.scores + 1)}
    losses: list[float] = []
    scored: dict[int, float] = {}
    stopped = None
    with np.errstate(all="ignore"):  # a training that diverges says so in its rows
        for x, y in islice((batch for _ in count() for batch in batches), training.steps):
            loss = criterion(model(x), y)
            losses.append(loss.item())
            if not isfinite(losses[-1]):
                stopped = f"the loss is {losses.pop()} at step {len(losses) + 1}"
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            if len(losses) in score_at:
                model.eval()
                scored[len(losses)] = classification_scores(model, criterion, images.test.x, images.test.y)[1]
                model.train()
    kept = np.union1d(np.arange(min(EARLY, len(losses))), thin(losses, 100))
    row = {
        "step": (kept + 1).tolist(),
        "loss": rounded([losses[i] for i in kept]),
        "scored": list(scored),
        "accuracy": rounded(list(scored.values())),
        "test_accuracy": 1 / len(images.classes) if stopped else rounded([scored[training.steps]])[0],
    }
    return [row, {"stopped": stopped}]


def rate_factor(t: int, training: Training) -> float:
    """What milestones and warmup make of the rate at step t = 1, 2, ... ."""
    passed = sum(t > round(share * training.steps) for share in TASKS[training.data].milestones)
    return 0.1**passed * min(1.0, t / max(1, training.warmup))


def _transform(task: Task, images: data.ImageData) -> Callable[[Array], Array]:
    return partial(crop_and_flip, fill=images.black, padding=task.padding) if task.padding else random_flip


@lru_cache(maxsize=1)
def _images(name: str, validation: bool) -> data.ImageData:
    return data.load(name, validation, TASKS[name].size)


def experiment(name: str) -> Experiment:
    """These trainings under the name of an exhibit."""
    return Experiment(name, Training, train, headline="test_accuracy")


# ---- what the exhibits share: which data sets, and how seeds are paired


def accuracy(rows: list[Row]) -> float:
    """The accuracy after the last step, of a training that failed that of a guess."""
    return rows[0]["test_accuracy"]


def before(settings: Numbers) -> None:
    """Fetch the data that carry the verdicts, and refuse what could not be judged. Raises ValueError."""
    if settings["seeds"] < 2:
        raise ValueError(f"seeds must be at least 2, got {settings['seeds']}: there is no interval for a single one")
    data.load(settings["data"])


def there(name: str) -> bool:
    """Whether the files of a data set are there: some can't be downloaded."""
    return all(path.exists() for path in paths(get(name)).values())


def data_of(settings: Numbers) -> Numbers:
    """The data set that decides, "data", and the one that stands beside it: "other", or else "missing"."""
    other = settings["beside"]
    found = other is not None and there(other)
    return {"data": settings["data"], "other": other if found else None, "missing": None if found else other}


def left_out(numbers: Numbers) -> list[str]:
    """A line on the data set that is missing."""
    missing = numbers["missing"]
    return [f"{missing} is left out: there is no download, and it is not in the folder of data sets"] if missing else []


def seeds(n: int) -> range:
    """The first n seeds that count."""
    return range(FIRST, FIRST + n)


def by_arm(plan: Sequence[tuple[str, str, Training]], results: Sequence[list[Row]]) -> Numbers:
    """The accuracies of the trainings, by kind and arm: a number a seed, from the first seed on."""
    found: Numbers = {}
    for (kind, arm, _), rows in zip(plan, results, strict=True):
        found.setdefault(kind, {}).setdefault(arm, []).append(accuracy(rows))
    return found


def over_rates(found: Numbers, rates: int) -> Numbers:
    """What by_arm() gives of a plan that goes through the rates, and in each through the seeds: by rate and seed."""
    return {
        kind: {arm: np.reshape(values, (rates, -1)).tolist() for arm, values in arms.items()}
        for kind, arms in found.items()
    }


def versus(
    judge: Callable[..., Verdict], a: tuple[str, str], b: tuple[str, str], *args: Any
) -> Callable[[Numbers], Verdict]:
    """The judge of a claim that compares two arms, each a kind and an arm of by_arm(); ``judge`` is of judging.py."""

    def verdict(numbers: Numbers) -> Verdict:
        return judged(judge, *(numbers.get(kind, {}).get(arm, []) for kind, arm in (a, b)), *args)

    return verdict


def judged(judge: Callable[..., Verdict], a: Sequence[float], b: Sequence[float], *args: Any) -> Verdict:
    """Judge the seeds that a and b share: both begin with the first one."""
    n = min(len(a), len(b))
    if n < 2:
        return Verdict(INCONCLUSIVE if n else NOT_RUN, {"seeds": n}, "too few seeds")
    return judge(*(dict(zip(seeds(n), values, strict=False)) for values in (a, b)), *args)
