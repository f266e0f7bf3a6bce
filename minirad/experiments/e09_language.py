"""E9, figure 4: an LSTM language model with Adam and with RAdam. Who ends lower, and who is behind at first?

Scores are log-perplexities of the test text: the mean of -log p(word). A difference of 0.034 is the paper's, 36.92
against 35.70. A run that diverged or learned nothing scores the logarithm of the number of words.

The primary comparison has the paper's beta2, 0.999, and for each rule the rate that was best on validation text. Beside
it: one rate for both, the paper's 1e-3; a beta2 that fits the length of the run; and three controls at RAdam's tuned
rate. For RAdam is Adam times r_t but for its first four steps, and r_t sees no data.

What this can't show. Tiny Shakespeare has 270,000 words for training, the paper's corpus a thousand million: here all
arms are scored after 2.4 passes, far from where the paper's stop. With beta2 = 0.999 a run of 1,000 steps is over while
r_t is at 0.65, so RAdam warms up all along; that it is "slower at first" then says little about later. The plays of the
test text are others than those of the training text, and the same for all seeds: intervals are about new seeds, not
about new texts. A rate from a half-decade grid is a rough one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import exp
from typing import Any, NamedTuple

import numpy as np

from minirad.experiments import rates
from minirad.experiments.arms import mean_rate
from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict
from minirad.experiments.judging import ALIKE, PAIRED, alike, larger, smaller
from minirad.experiments.results import Row
from minirad.experiments.statistics import mean_interval
from minirad.experiments.task_language import LOOKS, Training, corpus_of, experiment, falling
from minirad.plots import OPTIMIZERS, STYLES, new_figure

MARGIN = 0.017  # half of the paper's difference
TUNED = ("adam", "radam")  # the arms whose rates are tuned, with each beta2
EXPERIMENT = experiment("E9")


class Group(NamedTuple):
    """Runs that differ in their seeds alone: an arm, a beta2 ("beta2" or "fitted" of the settings), and whose rate."""

    title: str
    arm: str
    beta2: str
    rate: str


GROUPS = {
    "adam": Group("Adam, tuned", "adam", "beta2", "tuned"),
    "radam": Group("RAdam, tuned", "radam", "beta2", "tuned"),
    "adam matched": Group("Adam, paper's rate", "adam", "beta2", "matched"),
    "radam matched": Group("RAdam, paper's rate", "radam", "beta2", "matched"),
    "adam mean rate": Group("Adam, RAdam's mean rate", "adam-mean-rate", "beta2", "RAdam's"),
    "adam r": Group("Adam times r_t", "adam-r", "beta2", "RAdam's"),
    "adam untuned": Group("Adam, untuned warmup", "adam-untuned-linear", "beta2", "RAdam's"),
    "adam fitted": Group("Adam, tuned, beta2 fitted", "adam", "fitted", "tuned"),
    "radam fitted": Group("RAdam, tuned, beta2 fitted", "radam", "fitted", "tuned"),
    "adam fitted matched": Group("Adam, paper's rate, beta2 fitted", "adam", "fitted", "matched"),
    "radam fitted matched": Group("RAdam, paper's rate, beta2 fitted", "radam", "fitted", "matched"),
}


def run(settings: Numbers, do: Do) -> Numbers:
    """Tune the rates of both rules for both values of beta2, then all groups with all seeds."""

    def training(arm: str, lr: float, seed: int, beta2: float, split: str) -> Training:
        own = settings["training"]
        return Training(arm, lr, seed, beta2, split, **own | {"cutoffs": tuple(own["cutoffs"])})

    best, tables = dict[str, dict[str, float]](), dict[str, rates.Table]()
    for kind in ("beta2", "fitted"):
        make = partial(training, beta2=settings[kind], split="validation")
        best[kind], tables[kind] = rates.tuned(do, EXPERIMENT, make, TUNED, settings["half_decades"], _score)
    steps = settings["training"]["steps"]
    share = mean_rate(steps, settings["beta2"], partial(falling, steps=steps))
    lr = {"matched": settings["matched"], "RAdam's": best["beta2"]["radam"]}
    seeds = list(range(100, 100 + settings["seeds"]))
    plan = {
        name: [
            training(group.arm, (lr | best[group.beta2])[_key(group)], seed, settings[group.beta2], "test")
            for seed in seeds
        ]
        for name, group in GROUPS.items()
    }
    # Seed by seed, so that whoever stops early has whole comparisons.
    results = iter(do(EXPERIMENT, [trainings[i] for i in range(len(seeds)) for trainings in plan.values()]))
    groups: Numbers = {
        name: {"lr": trainings[0].lr, "beta2": trainings[0].beta2, "held_out": [], "loss": [], "stopped": 0}
        for name, trainings in plan.items()
    }
    words = None
    for _ in seeds:
        for group in groups.values():
            row, end = next(results)
            group["held_out"].append(row["held_out"])
            group["loss"].append(row["loss"])
            group["stopped"] += end["stopped"] is not None
            words = row["words"]
    return {
        "seeds": seeds, "steps": steps, "words": words, "mean r_t": share,
        "rates": best, "tables": tables, "groups": groups,
    }  # fmt: skip


def _key(group: Group) -> str:
    return group.arm if group.rate == "tuned" else group.rate


def _score(rows: list[Row]) -> float:
    return -rows[0]["log_perplexity"]


# ---- what decides


def scores(numbers: Numbers, name: str, look: int = LOOKS) -> dict[int, float]:
    """The log-perplexity of each seed of a group at a look: 1 is after a tenth of the run, LOOKS its end."""
    runs = numbers["groups"][name]["held_out"]
    return {seed: looks[look - 1] for seed, looks in zip(numbers["seeds"], runs, strict=True)}


def lower(a: str, b: str) -> Callable[[Numbers], Verdict]:
    """Whether a ends lower than b."""
    return lambda numbers: smaller(scores(numbers, a), scores(numbers, b))


def behind(a: str, b: str) -> Callable[[Numbers], Verdict]:
    """Whether a is above b after a tenth of the run."""
    return lambda numbers: larger(scores(numbers, a, 1), scores(numbers, b, 1))


def _as(a: str, b: str) -> Callable[[Numbers], Verdict]:
    return lambda numbers: alike(scores(numbers, a), scores(numbers, b), MARGIN)


# ---- what is shown


def lines(numbers: Numbers) -> list[str]:
    """Test perplexity of each group, after a tenth of the run and at its end, and what the rates were tuned by."""
    found = ["test perplexity after a tenth of the run, and at its end (the 95% interval over seeds):"]
    for name, group in GROUPS.items():
        own = numbers["groups"][name]
        early, _ = mean_interval(list(scores(numbers, name, 1).values()))
        end, half = mean_interval(list(scores(numbers, name).values()))
        found.append(
            f"  {group.title:34s} lr {own['lr']:<8.3g} beta2 {own['beta2']:<6g} {exp(early):6.1f}  {exp(end):6.2f} "
            f"({exp(end - half):.2f} to {exp(end + half):.2f})" + f", {own['stopped']} diverged" * (own["stopped"] > 0)
        )
    found.append("validation log-perplexity that the rates were tuned by:")
    for kind, table in numbers["tables"].items():
        for arm, row in table.items():
            cells = "  ".join(f"{lr}: {-score:.3f}" for lr, score in row.items())
            found.append(f"  {GROUPS[arm].title.split(',')[0]:6s} {kind:7s} {cells}")
    found.append(f"RAdam's mean rate was {numbers['mean r_t']:.2f} of its rate: that is what its control had.")
    return found


def draw(numbers: Numbers) -> Any:
    """Figure 4: training and test perplexity against the step; below, the end of each run."""
    figure = new_figure(9.0, 8.0)
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 1.1))
    for place, what in enumerate(("loss", "held_out")):
        ax = figure.add_subplot(grid[0, place])
        for name in ("adam", "radam", "adam matched", "radam matched"):
            values = np.exp(np.array(numbers["groups"][name][what], dtype=np.float64))
            n, dash = values.shape[1], "--" if "matched" in name else "-"
            x = numbers["steps"] * (np.arange(n) + (0.5 if what == "loss" else 1)) / n
            ax.plot(x, np.median(values, axis=0), dash, color=_colour(name), label=GROUPS[name].title)
            ax.fill_between(x, values.min(axis=0), values.max(axis=0), color=_colour(name), alpha=0.2, lw=0)
        ax.set(xlabel="step", title="training perplexity" if what == "loss" else "test perplexity")
        _logarithmic(ax, "y")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    ax = figure.add_subplot(grid[1, :])
    for place, name in enumerate(GROUPS):
        ends = list(scores(numbers, name).values())
        mean, half = mean_interval(ends)
        spread = place + 0.04 * (np.arange(len(ends)) - (len(ends) - 1) / 2)  # equal values stay visible
        ax.plot(np.exp(ends), spread, "o", color=_colour(name), alpha=0.6, ms=4, mew=0)
        ax.plot([exp(mean)] * 2, [place - 0.35, place + 0.35], color=_colour(name), lw=2)
        ax.plot(np.exp([mean - half, mean + half]), [place] * 2, color="black", lw=1)
    ax.set_yticks(range(len(GROUPS)), [group.title for group in GROUPS.values()], fontsize=8)
    ax.invert_yaxis()
    ax.set(xlabel="test perplexity at the end: each seed, the mean, its 95% interval")
    _logarithmic(ax, "x")
    figure.suptitle("median over the seeds; the band holds them all", fontsize=9)
    return figure


def _colour(name: str) -> str:
    group = GROUPS[name]
    control = group.rate not in ("tuned", "matched")
    return "black" if control else STYLES[OPTIMIZERS.index(group.arm)][0]


def _logarithmic(ax: Any, which: str) -> None:
    """A logarithmic axis with plain numbers."""
    ax.set(**{f"{which}scale": "log"})
    axis = getattr(ax, f"{which}axis")
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("{x:g}")
    ax.tick_params(axis=which, which="both", labelsize=7)


def before(settings: Numbers) -> None:
    """Fetch the corpus, or refuse."""
    corpus_of(settings["training"]["corpus"], settings["training"]["min_count"])


LAPTOP: Numbers = {
    "corpus": "tinyshakespeare", "min_count": 3, "embedding": 64, "hidden": 128, "layers": 2, "cutoffs": [500, 2000],
    "dropout": 0.1, "batch": 32, "unroll": 20, "clip": 5.0, "steps": 1000,
}  # fmt: skip
QUICK = LAPTOP | {
    "corpus": "python-docs", "min_count": 5, "embedding": 16, "hidden": 32, "layers": 1, "cutoffs": [200], "batch": 16,
    "unroll": 10, "steps": 100,
}  # fmt: skip
# WikiText-2 in place of One Billion Word: of its 33,278 words the cut-offs 40,000 and 200,000 leave none over. An epoch
# has 815 steps; so the rate falls after epoch 10, as the paper's.
PAPER = LAPTOP | {
    "corpus": "wikitext-2", "min_count": 1, "embedding": 300, "hidden": 2048, "cutoffs": [4000, 40_000, 200_000],
    "batch": 128, "steps": 12_225,
}  # fmt: skip
# A fitted beta2 has 2 / (1 - beta2) near a fifth of the run. At the paper's scale the paper's own does.
SHARED: Numbers = {"beta2": 0.999, "matched": 1e-3, "half_decades": [-5, -4, -3]}
END = "paired difference of the log-perplexity of the test text at the last step, {}"

EXHIBIT = Exhibit(
    "E9",
    "Figure 4: an LSTM language model with Adam and RAdam",
    (
        Claim(
            "RAdam ends with a lower test perplexity than Adam, each at its tuned rate.",
            END.format("RAdam - Adam, tuned, beta2 = 0.999"),
            PAIRED.format(0),
            lower("radam", "adam"),
            primary=True,
        ),
        Claim(
            "After a tenth of the run RAdam is behind Adam, each at its tuned rate.",
            "paired difference of the log-perplexity of the test text at 10% of the run, RAdam - Adam, tuned",
            PAIRED.format(0),
            behind("radam", "adam"),
        ),
        Claim(
            "After a tenth of the run RAdam is behind Adam, both at the paper's rate.",
            "paired difference of the log-perplexity of the test text at 10% of the run, RAdam - Adam, lr 1e-3",
            PAIRED.format(0),
            behind("radam matched", "adam matched"),
        ),
        Claim(
            "RAdam ends with a lower test perplexity than Adam, both at the paper's rate.",
            END.format("RAdam - Adam, lr 1e-3"),
            PAIRED.format(0),
            lower("radam matched", "adam matched"),
        ),
        Claim(
            "With beta2 fitted to the run, RAdam ends with a lower test perplexity than Adam, each at its tuned rate.",
            END.format("RAdam - Adam, tuned, beta2 fitted"),
            PAIRED.format(0),
            lower("radam fitted", "adam fitted"),
        ),
        Claim(
            "RAdam ends with a lower test perplexity than Adam at RAdam's mean rate, a constant but for its fall.",
            END.format("RAdam, tuned - Adam at RAdam's mean rate"),
            PAIRED.format(0),
            lower("radam", "adam mean rate"),
        ),
        Claim(
            "RAdam ends with a lower test perplexity than Adam with the untuned linear warmup at RAdam's rate.",
            END.format("RAdam, tuned - Adam with a linear warmup over 2 / (1 - beta2) steps"),
            PAIRED.format(0),
            lower("radam", "adam untuned"),
        ),
        Claim(
            "Adam times r_t ends as RAdam does: the steps before the fifth make no difference.",
            END.format(f"Adam times r_t - RAdam, tuned; margin {MARGIN}, half of the paper's difference"),
            ALIKE,
            _as("adam r", "radam"),
        ),
    ),
    {
        "quick": SHARED | {"seeds": 3, "fitted": 0.9, "half_decades": [-3, -2, -1], "training": QUICK},
        "laptop": SHARED | {"seeds": 10, "fitted": 0.99, "training": LAPTOP},
        "paper": SHARED | {"seeds": 10, "fitted": 0.999, "training": PAPER},
    },
    run,
    draw,
    reported="The paper, on One Billion Word: test perplexity 36.92 with Adam; 35.70 with RAdam, slower at first.",
    lines=lines,
    before=before,
)
