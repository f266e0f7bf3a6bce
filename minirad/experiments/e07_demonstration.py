"""E7, figure 1, as a demonstration: Adam stuck, warmup and RAdam learning, and the control that says why.

Number words, German to English, with a post-LN Transformer of 6 + 6 layers (the pilot's net, see pilot_e7.py) and one
learning rate for three rules. Over so few steps RAdam's mean r_t is 0.2: it runs at a fifth of the rate. So the fourth
arm is Adam at a fifth of the rate, a constant.

This decides nothing: few seeds, one rate, one depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, islice
from math import inf, isfinite, isnan, nan
from statistics import fmean
from typing import Any

import numpy as np

from minirad import data, optim
from minirad.backend import manual_seed
from minirad.data.support import lab
from minirad.data.translation import TranslationData
from minirad.experiments.exhibit import Do, Exhibit, Numbers
from minirad.experiments.experiment import Experiment
from minirad.experiments.results import Row, rounded
from minirad.experiments.task_translation import loader, mean_loss
from minirad.models import Translator
from minirad.optim.lr_scheduler import LinearWarmup
from minirad.plots import Panel, runs_figure, styles_of
from minirad.variance import rectification

BATCH = 64

# The rule, its rate as a share of the common one, and the share of the steps over which it warms up.
ARMS: dict[str, tuple[Callable[..., optim.Optimizer], float, float]] = {
    "Adam": (optim.Adam, 1, 0),
    "Adam with warmup": (optim.Adam, 1, 0.25),
    "RAdam": (optim.RAdam, 1, 0),
    "Adam at a fifth of the rate": (optim.Adam, 0.2, 0),
}


@dataclass(frozen=True)
class Training:
    """One training. The seed gives the initial weights and the order of the data; the numbers are the same for all."""

    arm: str
    seed: int
    lr: float = 3e-3
    beta2: float = 0.999
    layers: int = 6
    width: int = 64
    steps: int = 200
    pairs: int = 20_000


def train(training: Training) -> list[Row]:
    """The training loss of each step, and the validation loss at the end; why it stopped early, if it did."""
    manual_seed(training.seed)
    numbers = _numbers(training.pairs)
    width = training.width
    model = Translator(len(numbers.source), len(numbers.target), width, 4, training.layers, 4 * width, dropout=0.0)
    kind, share, warmup = ARMS[training.arm]
    optimizer = kind(model.named_parameters(), lr=share * training.lr, betas=(0.9, training.beta2))
    scheduler = LinearWarmup(optimizer, max(1, round(warmup * training.steps))) if warmup else None
    losses: list[float] = []
    stopped = None
    batches = loader(numbers, BATCH)
    for source, target in islice((batch for _ in count() for batch in batches), training.steps):
        optimizer.zero_grad()
        loss = model.loss(source, target)
        losses.append(loss.item())
        if not isfinite(losses[-1]):
            stopped = f"the loss is {losses[-1]} at step {len(losses)}"
            break
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    end = nan if stopped else mean_loss(model, numbers.validation)
    # JSON has no nan: None stands for it.
    shown = [x if isfinite(x) else None for x in rounded([*losses, end])]
    return [{"loss": shown[:-1], "validation_loss": shown[-1]}, {"stopped": stopped}]


@lru_cache(maxsize=1)
def _numbers(pairs: int) -> TranslationData:
    return data.number_words(pairs, generator=np.random.default_rng(0))


EXPERIMENT = Experiment("E7-demo", Training, train, scale=lambda training: "runs", headline="validation_loss")


def run(settings: Numbers, do: Do) -> Numbers:
    """All arms with all seeds, seed by seed."""
    own = {key: value for key, value in settings.items() if key != "seeds"}
    seeds = range(100, 100 + settings["seeds"])
    trainings = [Training(arm, seed, **own) for seed in seeds for arm in ARMS]
    numbers: Numbers = {"arms": {arm: {"loss": [], "validation_loss": []} for arm in ARMS}}
    for training, (row, _) in zip(trainings, do(EXPERIMENT, trainings), strict=True):
        for name in ("loss", "validation_loss"):
            numbers["arms"][training.arm][name].append(row[name])
    r = [rectification(t, trainings[0].beta2) for t in range(1, trainings[0].steps + 1)]
    return numbers | {"lr": trainings[0].lr, "mean r_t": fmean(0 if isnan(x) else x for x in r)}


def lines(numbers: Numbers) -> list[str]:
    """The validation loss of each run, and what it means."""
    rows = [
        f"  {arm:28s}"
        + "".join(f"  {'diverged' if x is None else f'{x:.3f}':>8s}" for x in numbers["arms"][arm]["validation_loss"])
        for arm in ARMS
    ]
    return [
        f"validation loss at the end, a column a seed; lr {numbers['lr']:g}, the last arm a fifth of it:",
        *rows,
        f"RAdam's mean r_t over the run is {numbers['mean r_t']:.2f}: it runs at about that share of the rate, as the",
        "last arm does throughout. That Adam gets stuck is a statement about large rates.",
    ]


def draw(numbers: Numbers) -> Any:
    """The training loss of the arms against the step: the median of the seeds, and a band that holds them all."""
    curves = {}
    for arm in ARMS:
        runs = numbers["arms"][arm]["loss"]
        curves[arm] = np.full((len(runs), max(map(len, runs))), nan)  # nan: where a run was over
        for line, losses in zip(curves[arm], runs, strict=True):
            line[: len(losses)] = [inf if x is None else x for x in losses]
    title = f"German to English number words, Transformer, lr {numbers['lr']:g}: a demonstration"
    styles = styles_of(["adam", "adam-warmup", "radam", "adam"])  # the control is Adam with other dashes
    return runs_figure(title, list(curves), [Panel("training loss", "step", curves)], styles)


def _before(settings: Numbers) -> None:
    lab("num2words")


EXHIBIT = Exhibit(
    "E7-demo",
    "Figure 1 as a demonstration: Adam, warmup and RAdam at one rate, and a control",
    (),
    {"quick": {"seeds": 2}, "laptop": {"seeds": 5}, "paper": {"seeds": 10}},
    run,
    draw,
    reported="The paper, on IWSLT'14 German to English: Adam without warmup stays near 10, the others fall below 3.",
    lines=lines,
    before=_before,
)
