"""E13, table 2: a Transformer translates. Is RAdam as good as Adam with warmup, and no better?

Multi30k, German to English and back, scored by BLEU with a beam of 5. The claim is that two things are equal, so it is
tested as such: the difference is within half a BLEU (TOST). A warmup over 5% of the run stands for the paper's 4,000
steps of 70,000 (the length of a run is from the authors' recipe). All rates then fall linearly to 0, as the paper's do.

The primary comparison has the paper's beta2, 0.999, and for each rule the rate with the lowest validation loss, German
to English. The way back has the same rates. Beside it: RAdam at the warmup's rate; a beta2 that fits the length of the
run; and three controls at RAdam's rate. RAdam is Adam times r_t but for its first four steps, and r_t sees no data.

What this can't show. These are captions of photos: pairs of at most 16 words, 22,550 for training, and the 2,000 ids of
each language leave 9% of the German and 5% of the English words of the test unknown. BLEU is of words in lower case,
against one reference, on the 808 of 1,000 test pairs that are as short: it can't be compared with the paper's. With
beta2 = 0.999 a run of 1,500 steps is over while r_t is at 0.75: RAdam warms up all along. One warmup length is tried,
and it matters: longer ones were run when the verdicts were known (results/E13/longer-warmups.toml, chapter 11.7).
Checkpoints are not averaged, as the paper's are. Intervals are about new seeds, not about new sentences.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import stdev
from typing import Any, NamedTuple

import numpy as np

from minirad.experiments import rates, task_translation
from minirad.experiments.arms import mean_rate
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Claim, Do, Exhibit, Numbers, Verdict
from minirad.experiments.judging import ALIKE, ALPHA, PAIRED, alike, larger
from minirad.experiments.results import Row
from minirad.experiments.statistics import mean_interval, paired_difference
from minirad.experiments.task_translation import DECAYS, Training, experiment, loss_of
from minirad.plots import OPTIMIZERS, STYLES, new_figure

MARGIN = 0.5  # BLEU
WARMUP = "adam-warmup-5"
TUNED = (WARMUP, "radam")  # the arms whose rates are tuned, with each beta2
EXPERIMENT = experiment("E13")


class Group(NamedTuple):
    """Runs that differ in their seeds alone: an arm, a direction, a beta2 ("beta2" or "fitted"), and whose rate."""

    title: str
    arm: str
    direction: str
    beta2: str
    rate: str


GROUPS = {
    "warmup": Group("Adam, warmup", WARMUP, "de-en", "beta2", WARMUP),
    "radam": Group("RAdam", "radam", "de-en", "beta2", "radam"),
    "radam matched": Group("RAdam, the warmup's rate", "radam", "de-en", "beta2", WARMUP),
    "adam mean rate": Group("Adam, RAdam's mean rate", "adam-mean-rate", "de-en", "beta2", "radam"),
    "adam r": Group("Adam times r_t", "adam-r", "de-en", "beta2", "radam"),
    "adam untuned": Group("Adam, untuned warmup", "adam-untuned-linear", "de-en", "beta2", "radam"),
    "warmup fitted": Group("Adam, warmup, beta2 fitted", WARMUP, "de-en", "fitted", WARMUP),
    "radam fitted": Group("RAdam, beta2 fitted", "radam", "de-en", "fitted", "radam"),
    "radam fitted matched": Group("RAdam, the warmup's rate, beta2 fitted", "radam", "de-en", "fitted", WARMUP),
    "warmup back": Group("Adam, warmup, En-De", WARMUP, "en-de", "beta2", WARMUP),
    "radam back": Group("RAdam, En-De", "radam", "en-de", "beta2", "radam"),
    "radam back matched": Group("RAdam, the warmup's rate, En-De", "radam", "en-de", "beta2", WARMUP),
}
# Each RAdam, or the control that it is held against, and what stands against it in the figure.
PAIRS = (
    ("radam", "warmup"), ("radam back", "warmup back"), ("radam matched", "warmup"),
    ("radam back matched", "warmup back"), ("radam fitted", "warmup fitted"),
    ("radam fitted matched", "warmup fitted"), ("adam mean rate", "radam"), ("adam r", "radam"),
    ("adam untuned", "radam"),
)  # fmt: skip


def run(settings: Numbers, do: Do) -> Numbers:
    """Tune the rates of both rules for both values of beta2, then all groups; the primary two with all seeds.

    The other groups have the first half of the seeds.
    """
    own = settings["training"]

    def tuning(arm: str, lr: float, seed: int, beta2: float) -> Training:
        return Training(arm, lr, seed, beta2, **own)

    best, tables = dict[str, dict[str, float]](), dict[str, rates.Table]()
    for kind in ("beta2", "fitted"):
        make = partial(tuning, beta2=settings[kind])
        best[kind], tables[kind] = rates.tuned(do, EXPERIMENT, make, TUNED, settings["half_decades"], _score)
    share = mean_rate(own["steps"], settings["beta2"], lambda t: DECAYS[own["decay"]](t, own["steps"]))
    seeds = list(range(100, 100 + settings["seeds"]))
    half = seeds[: (len(seeds) + 1) // 2]
    plan = [
        (name, Training(
            group.arm, best[group.beta2][group.rate], seed, settings[group.beta2],
            **own | {"direction": group.direction, "beam": settings["beam"], "translate": "test"},
        ))
        for seed in seeds
        for name, group in GROUPS.items()
        if seed in half or name in ("warmup", "radam")
    ]  # fmt: skip
    groups: Numbers = {name: {"seeds": [], "bleu": [], "exact": [], "loss": [], "stopped": 0} for name in GROUPS}
    for (name, training), rows in zip(plan, do(EXPERIMENT, [training for _, training in plan]), strict=True):
        group, (row,) = groups[name], rows
        group |= {"lr": training.lr, "beta2": training.beta2}
        group["seeds"].append(training.seed)
        group["bleu"].append(row["bleu"])
        group["exact"].append(row["exact"])
        group["loss"].append(loss_of(rows))
        group["stopped"] += row["stopped"] is not None
    return {"mean r_t": share, "rates": best, "tables": tables, "groups": groups, "data": own["data"]}


def _score(rows: list[Row]) -> float:
    return -loss_of(rows, "validation")


# ---- what decides


def scores(numbers: Numbers, a: str, b: str) -> tuple[dict[int, float], dict[int, float]]:
    """BLEU of two groups, seed by seed, of the seeds that both have. A run that diverged translates nothing: 0."""
    found = [
        dict(zip(numbers["groups"][name]["seeds"], numbers["groups"][name]["bleu"], strict=True)) for name in (a, b)
    ]
    both = [seed for seed in found[0] if seed in found[1]]
    return {seed: found[0][seed] for seed in both}, {seed: found[1][seed] for seed in both}


def as_good(a: str, b: str) -> Callable[[Numbers], Verdict]:
    """Whether a translates as well as b."""
    return lambda numbers: alike(*scores(numbers, a, b), MARGIN)


def better(a: str, b: str) -> Callable[[Numbers], Verdict]:
    """Whether a translates better than b."""
    return lambda numbers: larger(*scores(numbers, a, b))


def neither(numbers: Numbers) -> Verdict:
    """Whether in both directions no rule is better than the other by more than chance, nor could be by much."""
    decided: dict[str, float | int | None] = {}
    words, p_values = [], []
    for direction, a, b in (("De-En", "radam", "warmup"), ("En-De", "radam back", "warmup back")):
        own = larger(*scores(numbers, a, b))
        decided |= {f"difference {direction}": own.numbers["difference"], f"p {direction}": own.numbers["p"]}
        words.append(as_good(a, b)(numbers).word)
        p_values.append(own.numbers["p"])
    known = [p for p in p_values if p is not None]
    if any(p < ALPHA / 2 for p in known):  # two chances: Bonferroni's correction
        return Verdict(CONTRADICTED, decided)
    return Verdict(SUPPORTED if words == [SUPPORTED] * 2 else INCONCLUSIVE, decided)


# ---- what is shown


def lines(numbers: Numbers) -> list[str]:
    """BLEU of each group, and what the rates were tuned by."""
    found = [
        "BLEU on the test set: the mean, its 95% interval, the spread over seeds; and what share is exactly right:"
    ]
    for name, group in GROUPS.items():
        own = numbers["groups"][name]
        mean, half = mean_interval(own["bleu"])
        spread = f"sd {stdev(own['bleu']):5.2f}" if len(own["bleu"]) > 1 else "one seed"
        found.append(
            f"  {group.title:39s} lr {own['lr']:<8.3g} beta2 {own['beta2']:<6g} {mean:6.2f} ± {half:5.2f}  {spread}"
            f"  exact {100 * np.mean(own['exact']):4.1f}%" + f", {own['stopped']} diverged" * (own["stopped"] > 0)
        )
    found.append("validation loss that the rates were tuned by, German to English:")
    for kind, table in numbers["tables"].items():
        for arm, row in table.items():
            cells = "  ".join(f"{lr}: {-score:.3f}" for lr, score in row.items())
            found.append(f"  {'RAdam' if arm == 'radam' else 'Adam, warmup':13s} {kind:7s} {cells}")
    found.append(f"RAdam's mean rate was {numbers['mean r_t']:.2f} of its rate: that is what its control had.")
    return found


def draw(numbers: Numbers) -> Any:
    """Table 2 as a picture: BLEU of each run, and the paired differences beside the margin of equivalence."""
    figure = new_figure(9.0, 8.0)
    above, below = figure.subplots(2, 1, height_ratios=(len(GROUPS), len(PAIRS)))
    for place, (name, group) in enumerate(GROUPS.items()):
        values = numbers["groups"][name]["bleu"]
        mean, half = mean_interval(values)
        _row(above, place, values, mean, half, _colour(group))
    titles = [f"{group.title}, lr {numbers['groups'][name]['lr']:.3g}" for name, group in GROUPS.items()]
    above.set_yticks(range(len(GROUPS)), titles, fontsize=8)
    above.set(xlabel="BLEU on the test set: each seed, the mean, its 95% interval")
    for place, (a, b) in enumerate(PAIRS):
        first, second = scores(numbers, a, b)
        differences = [first[seed] - second[seed] for seed in first]
        half = paired_difference(first, second).half_width if len(first) > 1 else float("nan")
        _row(below, place, differences, float(np.mean(differences)), half, _colour(GROUPS[a]))
    below.axvspan(-MARGIN, MARGIN, color="grey", alpha=0.2, lw=0)
    below.axvline(0, color="grey", lw=0.8)
    below.set_yticks(range(len(PAIRS)), [f"{GROUPS[a].title} -\n{GROUPS[b].title}" for a, b in PAIRS], fontsize=7)
    below.set(xlabel=f"difference of BLEU, seed by seed; grey: within {MARGIN:g}, which counts as equal")
    for ax in (above, below):
        ax.invert_yaxis()
        shown = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
        room = 0.3 * max(MARGIN, np.ptp(shown))
        ax.set_xlim(shown.min() - room, shown.max() + room)  # intervals of two seeds may reach far beyond
    return figure


def _row(ax: Any, place: int, values: list[float], mean: float, half: float, colour: str) -> None:
    spread = place + 0.05 * (np.arange(len(values)) - (len(values) - 1) / 2)  # equal values stay visible
    ax.plot(values, spread, "o", color=colour, alpha=0.6, ms=4, mew=0)
    ax.plot([mean] * 2, [place - 0.35, place + 0.35], color=colour, lw=2)
    ax.plot([mean - half, mean + half], [place] * 2, color="black", lw=1)


def _colour(group: Group) -> str:
    name = "adam-warmup" if group.arm == WARMUP else group.arm
    return STYLES[OPTIMIZERS.index(name)][0] if group.arm in TUNED else "black"


def before(settings: Numbers) -> None:
    """Fetch or refuse what the trainings need."""
    task_translation.before(Training("adam", 1.0, 0, **settings["training"], beam=settings["beam"]))


LAPTOP: Numbers = {
    "data": "multi30k", "max_length": 16, "vocabulary": 2000, "layers": 2, "width": 64, "heads": 4, "feed_forward": 256,
    "dropout": 0.1, "smoothing": 0.1, "clip": 25.0, "weight_decay": 1e-4, "decay": "linear", "steps": 1500,
    "max_tokens": 1000,
}  # fmt: skip
QUICK: Numbers = {
    "data": "number-words", "pairs": 4000, "layers": 1, "width": 32, "heads": 4, "feed_forward": 128, "dropout": 0.0,
    "smoothing": 0.1, "clip": 25.0, "weight_decay": 1e-4, "decay": "linear", "steps": 250, "max_tokens": 500,
}  # fmt: skip
# Multi30k in place of IWSLT'14: all pairs, the words that come at least twice. The beta2 of four of the authors' five
# seeds stands in for the fitted one.
PAPER: Numbers = {
    "data": "multi30k", "min_count": 2, "layers": 6, "width": 512, "heads": 4, "feed_forward": 1024, "dropout": 0.3,
    "smoothing": 0.1, "clip": 25.0, "weight_decay": 1e-4, "decay": "linear", "steps": 70_000, "max_tokens": 4000,
}  # fmt: skip
SHARED: Numbers = {"seeds": 10, "beta2": 0.999, "beam": 5}
BLEU = "paired difference of BLEU on the test set, beam 5, {}"

EXHIBIT = Exhibit(
    "E13",
    "Table 2: BLEU of a Transformer trained with warmup and with RAdam",
    (
        Claim(
            "German to English, RAdam translates as well as Adam with warmup, each at its tuned rate.",
            BLEU.format(f"RAdam - Adam with warmup, De-En, tuned, beta2 = 0.999; margin {MARGIN}"),
            ALIKE,
            as_good("radam", "warmup"),
            primary=True,
        ),
        Claim(
            "English to German, RAdam translates as well as Adam with warmup, at the same rates.",
            BLEU.format(f"RAdam - Adam with warmup, En-De, at the rates tuned on De-En; margin {MARGIN}"),
            ALIKE,
            as_good("radam back", "warmup back"),
        ),
        Claim(
            "In neither direction is one of the two better than the other by more than chance.",
            BLEU.format("RAdam - Adam with warmup, both directions"),
            f"contradicted if a paired t test has p < {ALPHA / 2}; supported if not, and both are equivalent (TOST)",
            neither,
        ),
        Claim(
            "German to English, RAdam translates as well as Adam with warmup, both at the warmup's rate.",
            BLEU.format(f"RAdam - Adam with warmup, De-En, at the warmup's tuned rate; margin {MARGIN}"),
            ALIKE,
            as_good("radam matched", "warmup"),
        ),
        Claim(
            "With beta2 fitted to the run, RAdam translates as well as Adam with warmup, each at its tuned rate.",
            BLEU.format(f"RAdam - Adam with warmup, De-En, tuned, beta2 fitted; margin {MARGIN}"),
            ALIKE,
            as_good("radam fitted", "warmup fitted"),
        ),
        Claim(
            "RAdam translates better than Adam at RAdam's mean rate, without a warmup.",
            BLEU.format("RAdam - Adam at its mean rate, De-En"),
            PAIRED.format(0),
            better("radam", "adam mean rate"),
        ),
        Claim(
            "Adam with the untuned linear warmup translates as well as RAdam, at RAdam's rate.",
            BLEU.format(f"Adam, warmup over 2 / (1 - beta2) steps - RAdam, De-En; margin {MARGIN}"),
            ALIKE,
            as_good("adam untuned", "radam"),
        ),
        Claim(
            "Adam times r_t translates as well as RAdam: the steps before the fifth make no difference.",
            BLEU.format(f"Adam times r_t - RAdam, De-En; margin {MARGIN}"),
            ALIKE,
            as_good("adam r", "radam"),
        ),
    ),
    {
        "quick": SHARED | {"seeds": 4, "fitted": 0.9, "half_decades": [-4, -3], "training": QUICK},
        "laptop": SHARED | {"fitted": 0.99, "half_decades": [-6, -5, -4], "training": LAPTOP},
        "paper": SHARED | {"fitted": 0.9995, "half_decades": [-8, -7, -6], "training": PAPER},
    },
    run,
    draw,
    reported=(
        "The paper: IWSLT'14 De-En 34.66 ± 0.014 with warmup, 34.76 ± 0.003 with RAdam; En-De 28.56 ± 0.067, 28.48 ± "
        "0.054; WMT'16 27.03, 27.27. In the authors' recipe the RAdam of one seed has beta2 0.999, of four 0.9995."
    ),
    lines=lines,
    before=before,
)
