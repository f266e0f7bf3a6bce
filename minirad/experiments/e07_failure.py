"""E7, figure 1: does Adam get stuck without a warmup, does RAdam not, and is it the variance?

German to English number words (task_translation.py), which need a laptop and nothing else; and Multi30k at two rates.
Four questions, with a number for each:

1. The map. Over learning rates and depths: which rule gets stuck, where? A run is stuck if its test loss at the end
   is no lower than 90% of the unigram loss, that of a model that knows how often each English word comes, and
   never looks at the German ones. This is the primary question.
2. The paper's setting: one rate for all arms, figure 1's five and the controls.
3. Each arm at the rate that is best for it.
4. The confound. Over 200 steps at beta2 = 0.999 the mean of r_t is 0.2: RAdam runs at a fifth of the rate. So Adam at
   that mean rate, a constant, stands beside RAdam in the map, at the matched rate and at RAdam's tuned rate. Whatever
   RAdam has over Adam and not over this control, a smaller rate would have given too.

beta2 = 0.999, the paper's, is primary. At 0.99 the window, 2 / (1 - beta2) steps, is as long as the run.

What this can't show. The map's share of stuck runs depends on which rates are in it: at large rates Adam gets stuck, at
small ones RAdam may be too slow to get below the bar. They reach a decade to either side of the matched rate, which the
pilots found. The map's cells share three seeds, so its pairs are not independent, and the p-value of the sign test is
too small by an unknown factor. It sees a difference only if six or more of the 45 pairs (13%) differ, all to the same
side. 200 steps say nothing about the end of a long training, where RAdam and Adam are one rule. Final losses are
lopsided (a run learns, or does not), and ten seeds tell little about such means: look at the points. On Multi30k
nothing was tuned. Its arms beyond figure 1's five were added when the verdicts were known: no claim is about them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import log
from statistics import fmean
from typing import Any

from minirad.experiments import rates
from minirad.experiments import task_translation as task
from minirad.experiments.arms import EPSILONS, mean_rate
from minirad.experiments.exhibit import NOT_RUN, Claim, Do, Exhibit, Numbers, Verdict
from minirad.experiments.experiment import Experiment
from minirad.experiments.failure_report import draw, lines
from minirad.experiments.judging import ALIKE, PAIRED, alike, larger, oftener, smaller
from minirad.experiments.results import Row
from minirad.experiments.task_translation import Training, loss_of
from minirad.experiments.translation_figures import curves_of

EXPERIMENT = task.experiment("E7")
STUCK = 0.9  # of the unigram loss
RATIO = 1.25  # two losses are alike if neither is so many times the other
FIGURE = ("adam", "adam-warmup-25", "radam", "adam-2k", "adam-eps-1e-4")  # figure 1's
MAIN, CONTROL = FIGURE[:3], "adam-mean-rate"
TUNED = (*FIGURE, "adam-untuned-linear")
AT_RADAMS_RATE = (CONTROL, "adam-r")  # what these say, they say of RAdam's rate: beside tuned RAdam they have its own
MATCHED = (*MAIN, "adam-2k", "adam-2k-bare", *(f"adam-eps-{e}" for e in EPSILONS), *AT_RADAMS_RATE, TUNED[-1])
FIRST_SEED = 100

Losses = dict[str, list[float]]  # by arm, a loss for each seed


# ---- what is run


def seeds_of(n: int) -> range:
    """The seeds of runs that count."""
    return range(FIRST_SEED, FIRST_SEED + n)


def by_arm(trainings: Sequence[Training], results: Sequence[list[Row]]) -> Losses:
    """The final losses, by arm in the order of the seeds."""
    found: Losses = {}
    for training, rows in zip(trainings, results, strict=True):
        found.setdefault(training.arm, []).append(loss_of(rows))
    return found


def at_tuned_rates(
    settings: Numbers,
    do: Do,
    beta2: float,
    arms: Sequence[str],
    controls: Sequence[str],
    experiment: Experiment = EXPERIMENT,
) -> Numbers:
    """The best rate of each arm, the table it was read from, and the losses; the controls have RAdam's rate."""
    best, table = rates.tuned(
        do,
        experiment,
        lambda arm, lr, seed: Training(arm, lr, seed, beta2, **settings["task"]),
        arms,
        settings["grid"],
        lambda rows: -loss_of(rows, "validation"),
        rates.SEEDS[: settings["tuning seeds"]],
    )
    best |= dict.fromkeys(controls, best["radam"])
    runs = [Training(arm, best[arm], s, beta2, **settings["task"]) for s in seeds_of(settings["seeds"]) for arm in best]
    return {"rates": best, "tuning": table, "losses": by_arm(runs, do(experiment, runs))}


def tuned_gap(settings: Numbers, do: Do) -> float:
    """By how much Adam's loss exceeds that of Adam with warmup, both tuned: the mean over the seeds. E16 asks."""
    found = at_tuned_rates(settings, do, settings["beta2"], TUNED, AT_RADAMS_RATE)["losses"]
    return fmean(found["adam"]) - fmean(found["adam-warmup-25"])


def run(settings: Numbers, do: Do) -> Numbers:
    """The matched rate, the map, the tuned rates, both again at the fitted beta2, and Multi30k."""
    beta2, fitted, own = settings["beta2"], settings["fitted beta2"], settings["task"]
    seeds = seeds_of(settings["seeds"])
    matched = [Training(arm, settings["lr"], s, beta2, **own) for s in seeds for arm in MATCHED]
    at_fitted = [Training(arm, settings["lr"], s, fitted, **own) for s in seeds for arm in (*MAIN, CONTROL)]
    results = do(EXPERIMENT, matched)
    shown: dict[str, list[list[Row]]] = {arm: [] for arm in (*FIGURE, CONTROL)}
    for training, rows in zip(matched, results, strict=True):
        if training.arm in shown:
            shown[training.arm].append(rows)
    first, steps = results[0][0], matched[0].steps
    return {
        "lr": settings["lr"],
        "unigram": first["unigram"],
        "bar": STUCK * first["unigram"],
        "mean r_t": {f"{b:g}": mean_rate(steps, b) for b in (beta2, fitted)},
        "matched": by_arm(matched, results),
        "curves": {arm: curves_of(runs, steps) for arm, runs in shown.items()},
        "map": map_of(settings, do),
        "tuned": at_tuned_rates(settings, do, beta2, TUNED, AT_RADAMS_RATE),
        "fitted beta2": fitted,
        "fitted, matched": by_arm(at_fitted, do(EXPERIMENT, at_fitted)),
        "fitted, tuned": at_tuned_rates(settings, do, fitted, MAIN, (CONTROL,)),
        "multi30k": second(settings["multi30k"], do) if settings["multi30k"] else None,
    }


def map_of(settings: Numbers, do: Do) -> list[Numbers]:
    """The losses in each cell, a depth and a rate."""
    cells = [(layers, lr) for layers in settings["layers"] for lr in settings["rates"]]
    runs = [
        Training(arm, lr, seed, settings["beta2"], **settings["task"] | {"layers": layers})
        for layers, lr in cells
        for seed in seeds_of(settings["map seeds"])
        for arm in (*MAIN, CONTROL)
    ]
    found: dict[tuple[int, float], Losses] = {cell: {} for cell in cells}
    for training, rows in zip(runs, do(EXPERIMENT, runs), strict=True):
        found[training.layers, training.lr].setdefault(training.arm, []).append(loss_of(rows))
    return [{"layers": layers, "lr": lr, "losses": losses} for (layers, lr), losses in found.items()]


def second(settings: Numbers, do: Do) -> Numbers:
    """The other data set: for each rate the losses of the arms that it has."""
    seeds = seeds_of(settings["seeds"])
    found: dict[str, Losses] = {}
    unigram = 0.0
    for lr, arms in settings["arms"].items():
        runs = [Training(arm, float(lr), s, **settings["task"]) for s in seeds for arm in arms]
        results = do(EXPERIMENT, runs)
        found[lr], unigram = by_arm(runs, results), results[0][0]["unigram"]
    return {"unigram": unigram, "bar": STUCK * unigram, "losses": found}


# ---- what decides


def by_seed(losses: Sequence[float]) -> dict[int, float]:
    """As the judges want it."""
    return dict(enumerate(losses, FIRST_SEED))


def stuck(numbers: Numbers, arm: str) -> list[bool]:
    """Whether it was stuck: cell by cell of the map, seed by seed."""
    return [loss >= numbers["bar"] for cell in numbers["map"] for loss in cell["losses"][arm]]


def stuck_oftener(a: str, b: str, numbers: Numbers) -> Verdict:
    """Over the map: a oftener than b? With the seeds, of which each for itself says so."""
    found, seeds = {arm: stuck(numbers, arm) for arm in (a, b)}, len(numbers["map"][0]["losses"][a])
    agree = sum(sum(found[a][i::seeds]) > sum(found[b][i::seeds]) for i in range(seeds))
    verdict = oftener(found[a], found[b], "the cells of a seed share its weights and its batches: p is too small")
    return replace(verdict, numbers={**verdict.numbers, "seeds that agree": agree, "of seeds": seeds})


def part_of(numbers: Numbers, path: Sequence[str]) -> Any:
    """numbers[path[0]][path[1]] ..., or None where a part is None: not run at this scale."""
    found: Any = numbers
    for key in path:
        found = None if found is None else found[key]
    return found


def compared(
    judge: Callable[..., Verdict], path: Sequence[str], a: str, b: str, numbers: Numbers, other: Sequence[str] = ()
) -> Verdict:
    """Arm a of a part of the numbers against arm b of the same part, or of another one."""
    first, then = part_of(numbers, path), part_of(numbers, other or path)
    if first is None:
        return Verdict(NOT_RUN, {}, "not part of this scale")
    return judge(by_seed(first[a]), by_seed(then[b]))


def alike_in_ratio(a: dict[int, float], b: dict[int, float]) -> Verdict:
    """Is neither loss more than RATIO times the other? TOST of the logarithms."""
    logs = [{seed: log(loss) for seed, loss in losses.items()} for losses in (a, b)]
    return alike(logs[0], logs[1], log(RATIO))


OF_MAP = "over the map of depths and rates, the share of stuck runs, paired by cell and seed"
SIGN_TEST = "the exact sign test over the pairs that differ, at the level 0.05; contradicted if the other way round"
LOSS = "test loss at the end, paired by seed"
LOGS = "logarithm of the test loss at the end, paired by seed"
M, T = ("matched",), ("tuned", "losses")
FM, FT = ("fitted, matched",), ("fitted, tuned", "losses")
HIGH, LOW = ("multi30k", "losses", "0.003"), ("multi30k", "losses", "0.001")


def _map(text: str, a: str, b: str, primary: bool = False) -> Claim:
    return Claim(text, OF_MAP, SIGN_TEST, partial(stuck_oftener, a, b), primary)


def _below(text: str, path: Sequence[str], a: str, b: str, other: Sequence[str] = ()) -> Claim:
    return Claim(text, LOSS, PAIRED.format(0), partial(compared, smaller, path, a, b, other=other))


CLAIMS = (
    _map("Over rates and depths, Adam gets stuck oftener than RAdam.", "adam", "radam", primary=True),
    _map("Over rates and depths, Adam gets stuck oftener than Adam with warmup.", "adam", "adam-warmup-25"),
    _map("Over rates and depths, Adam at RAdam's mean rate gets stuck oftener than RAdam.", CONTROL, "radam"),
    _below("At one rate for all, RAdam ends with a smaller loss than Adam.", M, "radam", "adam"),
    _below("At one rate for all, Adam with warmup ends with a smaller loss than Adam.", M, "adam-warmup-25", "adam"),
    _below("RAdam does better than Adam at a constant rate of the same mean (one rate for all).", M, "radam", CONTROL),
    _below(
        "RAdam does better than Adam at a constant rate of the same mean (RAdam's tuned rate).", T, "radam", CONTROL
    ),
    _below("Each at its own best rate, RAdam ends with a smaller loss than Adam.", T, "radam", "adam"),
    _below(
        "Each at its own best rate, Adam with warmup ends with a smaller loss than Adam.",
        T,
        "adam-warmup-25",
        "adam",
    ),
    Claim(
        "Adam times r_t, without RAdam's four steps of SGD, ends as RAdam does.",
        f"{LOGS}, at one rate; margin: the factor {RATIO}",
        ALIKE,
        partial(compared, alike_in_ratio, M, "adam-r", "radam"),
    ),
    _below("Adam-2k ends with a smaller loss than Adam (section 3.1).", M, "adam-2k", "adam"),
    _below("Adam-2k does so without its hidden warmup too.", M, "adam-2k-bare", "adam"),
    _below("Adam with eps = 1e-4 ends with a smaller loss than Adam (section 3.1).", M, "adam-eps-1e-4", "adam"),
    Claim(
        "Adam with eps = 1e-4 ends with a larger loss than Adam with warmup (section 3.1).",
        LOSS,
        PAIRED.format(0),
        partial(compared, larger, M, "adam-eps-1e-4", "adam-warmup-25"),
    ),
    _below(
        "With a window as long as the run, at one rate, RAdam ends with a smaller loss than Adam.",
        FM,
        "radam",
        "adam",
    ),
    _below(
        "With such a window, RAdam does better than Adam at a constant rate of the same mean.", FM, "radam", CONTROL
    ),
    _below("With such a window, each at its best rate, RAdam ends with a smaller loss than Adam.", FT, "radam", "adam"),
    _below("On Multi30k at 3e-3, RAdam ends with a smaller loss than Adam.", HIGH, "radam", "adam"),
    _below("On Multi30k at 3e-3, Adam with warmup ends with a smaller loss than Adam.", HIGH, "adam-warmup-25", "adam"),
    _below("On Multi30k at 1e-3, RAdam ends with a smaller loss than Adam.", LOW, "radam", "adam"),
    _below("On Multi30k, RAdam at 3e-3 ends with a smaller loss than Adam at 1e-3.", HIGH, "radam", "adam", LOW),
)


def before(settings: Numbers) -> None:
    """Refuse early: without num2words, or without the sentences of Multi30k."""
    task.before(Training("adam", settings["lr"], 0, **settings["task"]))
    if settings["multi30k"]:
        task.before(Training("adam", settings["lr"], 0, **settings["multi30k"]["task"]))


LAPTOP: Numbers = {
    "task": {"layers": 6, "steps": 200},
    "beta2": 0.999,
    "fitted beta2": 0.99,
    "lr": 3e-3,
    "seeds": 10,
    "grid": [-7, -6, -5, -4],
    "tuning seeds": 3,
    "layers": [2, 4, 6],
    "rates": [3e-4, 1e-3, 3e-3, 1e-2, 3e-2],
    "map seeds": 3,
    "multi30k": {
        "task": {"data": "multi30k", "max_length": 16, "vocabulary": 2000, "layers": 6, "steps": 300},
        "arms": {"0.003": list(MATCHED), "0.001": list(MAIN)},
        "seeds": 5,
    },
}
QUICK: Numbers = LAPTOP | {
    "task": {"layers": 2, "width": 32, "feed_forward": 64, "pairs": 2000, "steps": 60},
    "fitted beta2": 0.97,
    "seeds": 2,
    "grid": [-5, -4],
    "tuning seeds": 1,
    "layers": [1, 2],
    "rates": [3e-3, 1e-2, 3e-2],
    "map seeds": 1,
    "multi30k": None,
}
# The paper's net and settings, on Multi30k in the place of IWSLT'14. A quarter of the run is the paper's warmup of
# 4,000 steps; Adam-2k keeps theta still as long.
PAPER: Numbers = LAPTOP | {
    "task": {
        "data": "multi30k", "min_count": 2, "layers": 6, "width": 512, "feed_forward": 1024, "dropout": 0.3,
        "smoothing": 0.1, "weight_decay": 1e-4, "clip": 25.0, "decay": "linear", "max_tokens": 4000, "steps": 16_000,
    },
    "fitted beta2": 0.9999,
    "lr": 3e-4,
    "seeds": 5,
    "grid": [-8, -7, -6],
    "layers": [6],
    "rates": [1e-4, 3e-4, 1e-3, 3e-3],
    "multi30k": None,
}  # fmt: skip

EXHIBIT = Exhibit(
    "E7",
    "Figure 1: does Adam get stuck where RAdam does not, and would a smaller rate do as well?",
    CLAIMS,
    {"quick": QUICK, "laptop": LAPTOP, "paper": PAPER},
    run,
    draw,
    reported="The paper, on IWSLT'14 German to English: Adam without warmup stays near 10 (training loss, its "
    "axis in base 2), warmup, Adam-2k and RAdam fall below 3, Adam-eps stays in between.",
    lines=lines,
    before=before,
)
