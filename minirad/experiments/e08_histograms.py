"""E8, figures 2 and 3: how large are the gradients of the first hundred steps, with and without a warmup?

The setting is E7's: its data, net and matched rate, its five optimizers and the control, Adam at RAdam's mean rate. At
a few steps the gradients of all parameters are looked at, before theta moves: at step 1 they are the same for all arms,
at step 10 there have been nine updates.

A histogram counts log10 |g| in fixed bins. Three numbers say what it shows: the median of log10 |g|, the share of
gradients below 1e-8, and the distance from step 1 (Wasserstein's: by how many powers of ten the sorted gradients moved,
on average). A gradient below 1e-16, or 0, counts as 1e-16. A run that diverged keeps its last numbers.

What this can't show. That gradients become small says nothing of why: near a good minimum they are small too. The paper
shows one run; here are ten, but of one net, at one rate, which was tuned for none of the arms. Adam-2k's theta stands
still for 50 steps, so its histograms up to then differ by their batches alone: that is how much a batch matters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import fmean
from typing import Any

import numpy as np

from minirad.backend import to_host
from minirad.experiments import e07_failure as e7
from minirad.experiments import task_translation as task
from minirad.experiments.arms import ARMS
from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict
from minirad.experiments.experiment import Experiment
from minirad.experiments.judging import PAIRED, larger, smaller
from minirad.experiments.results import Row
from minirad.experiments.task_translation import Training
from minirad.experiments.translation_figures import in_order, look_of, name_of
from minirad.models import Translator
from minirad.plots import new_figure

ARMS_SHOWN = (*e7.FIGURE, e7.CONTROL)
FLOOR, TINY = 1e-16, 1e-8
EDGES = np.linspace(-16, 2, 91)
AT = (1, 5, 10, 25, 50, 75, 100)
FIRST, EARLY = 1, 10  # the paper: distorted within 10 updates


def histograms(training: Training) -> list[Row]:
    """A row for each of the steps AT that the run has."""
    pairs = task.pairs_of(training)
    rows: list[Row] = []
    start: list[np.ndarray] = []

    def watch(t: int, model: Translator) -> bool:
        if t in AT:
            logs = sorted_logs(model)
            start[:] = start or [logs]
            rows.append({"step": t, **numbers_of(logs, start[0])})
        return t == AT[-1]

    task.trained(training, pairs, watch)
    return rows


def sorted_logs(model: Translator) -> np.ndarray:
    """log10 |g| of all parameters, sorted."""
    g = np.concatenate([to_host(p.grad).ravel() for p in model.parameters() if p.grad is not None])
    return np.sort(np.log10(np.maximum(np.abs(np.nan_to_num(g)), FLOOR)))


def numbers_of(logs: np.ndarray, start: np.ndarray) -> Row:
    """What is told of the gradients of a step: logs and start, those of step 1, are sorted."""
    counts, _ = np.histogram(np.clip(logs, EDGES[0], EDGES[-1]), EDGES)
    return {
        "median": round(float(np.median(logs)), 5),
        "tiny": round(float((logs < np.log10(TINY)).mean()), 6),
        "distance": round(float(np.abs(logs - start).mean(dtype=np.float64)), 5),
        "counts": counts.tolist(),
    }


EXPERIMENT = Experiment("E8", Training, histograms)


def run(settings: Numbers, do: Do) -> Numbers:
    """By arm: the three numbers of each seed and step, and the histograms, averaged over the seeds."""
    runs = [
        Training(arm, settings["lr"], seed, settings["beta2"], **settings["task"])
        for seed in e7.seeds_of(settings["seeds"])
        for arm in ARMS_SHOWN
    ]
    found: dict[str, list[list[Row]]] = {}
    steps = [t for t in AT if t <= runs[0].steps]
    for training, rows in zip(runs, do(EXPERIMENT, runs), strict=True):
        # whatever a run that diverged has not: its last row again
        kept = rows + [rows[-1]] * (len(steps) - len(rows))
        found.setdefault(training.arm, []).append(kept)
    arms: dict[str, Numbers] = {}
    for arm, seeds in found.items():
        arms[arm] = {key: [[row[key] for row in rows] for rows in seeds] for key in ("median", "tiny", "distance")}
        counts = np.mean([[row["counts"] for row in rows] for rows in seeds], axis=0)
        arms[arm]["share"] = (counts / counts.sum(axis=1, keepdims=True)).round(5).tolist()
    return {"lr": settings["lr"], "steps": steps, "arms": arms}


# ---- what decides


def at(numbers: Numbers, arm: str, key: str, step: int) -> dict[int, float]:
    """A number of each seed at a step."""
    place = numbers["steps"].index(step)
    return e7.by_seed([seed[place] for seed in numbers["arms"][arm][key]])


def shift(numbers: Numbers, arm: str) -> dict[int, float]:
    """How far the median of log10 |g| goes from step 1 to step 10."""
    first, early = (at(numbers, arm, "median", step) for step in (FIRST, EARLY))
    return {seed: early[seed] - first[seed] for seed in first}


def shifted(a: str, b: str, numbers: Numbers) -> Verdict:
    """Does the median of arm a go further down than that of b?"""
    return smaller(shift(numbers, a), shift(numbers, b))


def compared(judge: Callable[..., Verdict], key: str, step: int | None, a: str, b: str, numbers: Numbers) -> Verdict:
    """A number of arm a against that of b at a step, or at the last one."""
    step = numbers["steps"][-1] if step is None else step
    return judge(at(numbers, a, key, step), at(numbers, b, key, step))


MOVED = "distance of log10 |g| from step 1, at step 10, paired by seed"
GONE = f"share of gradients below {TINY:g} at the last step looked at, paired by seed"


def _further(text: str, a: str, b: str) -> Claim:
    return Claim(text, MOVED, PAIRED.format(0), partial(compared, larger, "distance", EARLY, a, b))


CLAIMS = (
    Claim(
        "Without a warmup, Adam's gradients shrink within ten steps, by more than with one.",
        "median of log10 |g|, step 10 minus step 1, paired by seed",
        PAIRED.format(0),
        partial(shifted, "adam", "adam-warmup-25"),
        primary=True,
    ),
    _further(
        "By step 10 Adam's gradients are further from those of step 1 than with a warmup.", "adam", "adam-warmup-25"
    ),
    _further("By step 10 Adam's gradients are further from those of step 1 than RAdam's.", "adam", "radam"),
    _further(
        "By step 10 the gradients of Adam at RAdam's mean rate are further from those of step 1 than RAdam's.",
        e7.CONTROL,
        "radam",
    ),
    Claim(
        "After a hundred steps, more of Adam's gradients have all but vanished than with a warmup.",
        GONE,
        PAIRED.format(0),
        partial(compared, larger, "tiny", None, "adam", "adam-warmup-25"),
    ),
)


# ---- what is shown


def lines(numbers: Numbers) -> list[str]:
    """The three numbers of each arm, averaged over the seeds, at step 1, at step 10 and at the last."""
    steps = [FIRST, EARLY, numbers["steps"][-1]]
    told = [f"all at lr {numbers['lr']:g}; means over the seeds at steps {', '.join(map(str, steps))}:"]
    for arm in in_order(numbers["arms"]):
        parts = [
            f"{title} {' '.join(f'{fmean(at(numbers, arm, key, step).values()):{form}}' for step in steps)}"
            for key, title, form in (
                ("median", "median log10 |g|", ".2f"), ("distance", "distance", ".2f"), ("tiny", "below 1e-8", ".1%")
            )
        ]  # fmt: skip
        told.append(f"  {ARMS[arm].title:36s} {', '.join(parts)}")
    return told


def draw(numbers: Numbers) -> Any:
    """Figures 2 and 3: for each arm its histograms, a row for each step; below, the distance and the median."""
    figure = new_figure(9.0, 10.0)
    upper, lower = figure.subfigures(2, 1, height_ratios=(2.2, 1))
    axes = upper.subplots(2, 3, sharex=True, sharey=True)
    for ax, (arm, own) in zip(axes.flat, in_order(numbers["arms"]).items(), strict=True):
        rows_of_histograms(ax, own["share"], numbers["steps"], look_of(arm)[0])
        ax.set_title(name_of(arm), fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("log10 |g|")
    for ax in axes[:, 0]:
        ax.set_ylabel("step")
    left, right = lower.subplots(1, 2)
    for key, ax, title in (
        ("distance", left, "distance of log10 |g| from step 1"), ("median", right, "median of log10 |g|")
    ):  # fmt: skip
        for arm, own in in_order(numbers["arms"]).items():
            colour, dash = look_of(arm)
            values = np.array(own[key])
            ax.plot(numbers["steps"], values.T, "o", color=colour, ms=2.5, alpha=0.4, mew=0)
            ax.plot(numbers["steps"], values.mean(axis=0), color=colour, linestyle=dash, lw=1.2, label=name_of(arm))
        ax.set(xlabel="step")
        ax.set_xscale("symlog", linthresh=10)
        ax.set_xticks(numbers["steps"], numbers["steps"], fontsize=7)
        ax.set_title(f"{title}: each seed, and the mean", fontsize=9)
    handles, labels = left.get_legend_handles_labels()
    lower.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    return figure


def rows_of_histograms(ax: Any, shares: Sequence[Sequence[float]], steps: Sequence[int], colour: str) -> None:
    """A histogram for each step, the first on top; a line marks the median of step 1."""
    middles = (EDGES[:-1] + EDGES[1:]) / 2
    highest = np.max(shares)
    for row, share in enumerate(shares):
        base = -float(row)
        ax.fill_between(middles, base, base + 0.95 * np.array(share) / highest, color=colour, alpha=0.75, lw=0)
        ax.axhline(base, color=colour, lw=0.4)
    ax.axvline(np.interp(0.5, np.cumsum(shares[0]), EDGES[1:]), color="black", lw=0.7, linestyle=":")
    ax.set_yticks([-float(row) for row in range(len(steps))], steps, fontsize=7)
    ax.set(xlim=(-11, 1))


def before(settings: Numbers) -> None:
    """Refuse early where there are no data."""
    task.before(Training("adam", settings["lr"], 0, **settings["task"]))


def _settings(scale: str, seeds: int) -> Numbers:
    return {key: e7.EXHIBIT.at(scale)[key] for key in ("task", "lr", "beta2")} | {"seeds": seeds}


EXHIBIT = Exhibit(
    "E8",
    "Figures 2 and 3: histograms of log10 |g| in the first hundred steps",
    CLAIMS,
    {"quick": _settings("quick", 3), "laptop": _settings("laptop", 10), "paper": _settings("paper", 5)},
    run,
    draw,
    reported="The paper, on IWSLT'14 German to English: without warmup, the distribution is distorted within 10 "
    "updates, with its mass at small values; with warmup, Adam-2k, Adam-eps or RAdam it keeps its shape.",
    lines=lines,
    before=before,
)
