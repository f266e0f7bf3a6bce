"""E6, Algorithm 2: RAdam step by step on theta^2 / 2, and where the RAdams of others part from it.

VECTORS were computed with 40 digits, apart from this library: theta after steps 4, 5 and 6 from theta = 1, with
lr = 0.1, betas = (0.9, 0.999), eps = 1e-8.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict, same, theory
from minirad.experiments.problems import PROBLEMS, descend
from minirad.optim import DIALECTS, Dialect, RAdam, RAdamDialect, trace
from minirad.plots import STYLES, new_figure
from minirad.variance import sma_length

VECTORS = {
    "Algorithm 2": (0.631486630090, 0.629817730994, 0.627350601223),
    "torch": (0.631486630090, 0.552364195102, 0.549920979219),
    "official": (1.0, 1.0, 0.997417889054),
}
DIGITS = 1e-12  # the vectors have 12
FOUR, FIVE = Dialect(), Dialect(threshold=5, inclusive=True)


def run(settings: Numbers, do: Do) -> Numbers:
    """Each rule's path and its kinds of step, and the first adaptive step for either threshold."""
    lr, steps, beta2 = settings["lr"], settings["steps"], settings["beta2"]
    paths = {"Algorithm 2": _path(lambda params: RAdam(params, lr, (0.9, beta2)), steps)}
    for name in DIALECTS:
        paths[name] = _path(lambda params, name=name: RAdamDialect(params, name, lr, (0.9, beta2)), steps)
    kinds = {"Algorithm 2": _kinds(FOUR, steps, beta2)}
    return {
        "theta": paths,
        "kinds": kinds | {name: _kinds(dialect, steps, beta2) for name, dialect in DIALECTS.items()},
        "first": {f"{b:g}": [_first(dialect, b) for dialect in (FOUR, FIVE)] for b in settings["thresholds at"]},
    }


def _path(build: Any, steps: int) -> list[float]:
    found, _ = descend(PROBLEMS["quadratic"], build, steps, watch=trace)
    return found.rows["theta"].tolist()


def _kinds(dialect: Dialect, steps: int, beta2: float) -> list[str]:
    """What each step is: adaptive, or what the dialect does before that."""
    return ["adaptive" if dialect.adaptive(sma_length(t, beta2)) else dialect.early for t in range(1, steps + 1)]


def _first(dialect: Dialect, beta2: float) -> int:
    return next(t for t in count(1) if dialect.adaptive(sma_length(t, beta2)))


def vectors(numbers: Numbers) -> Verdict:
    """Algorithm 2, and two dialects, against numbers computed elsewhere."""
    decided = {
        name: max(abs(x - y) for x, y in zip(numbers["theta"][name][3:6], vector, strict=True))
        for name, vector in VECTORS.items()
    }
    return theory(max(decided.values()) <= DIGITS, False, decided)


def one_step(numbers: Numbers) -> Verdict:
    """By how many steps the two thresholds differ, for each beta2."""
    late = {beta2: five - four for beta2, (four, five) in numbers["first"].items()}
    usual = [steps for beta2, steps in late.items() if float(beta2) >= 0.9]
    others = [f"{steps} at beta2 = {beta2}" for beta2, steps in late.items() if steps != 1]
    note = f"one step for beta2 from 0.9 on; {', '.join(others)}"
    decided = {f"beta2 = {beta2}": steps for beta2, steps in late.items()}
    return theory(not others, bool(usual) and all(steps == 1 for steps in usual), decided, note)


def parted(numbers: Numbers, name: str) -> list[int]:
    """The steps t at which a dialect does another kind of step than Algorithm 2."""
    return [
        t for t, kinds in enumerate(zip(numbers["kinds"]["Algorithm 2"], numbers["kinds"][name], strict=True), 1)
        if kinds[0] != kinds[1]
    ]  # fmt: skip


def _is_algorithm_2(numbers: Numbers, *names: str) -> Verdict:
    """Holds where no step is of another kind; with a correction where it is one, and none is skipped."""
    steps = {name: parted(numbers, name) for name in names}
    apart = {name: max(map(_apart, numbers["theta"][name], numbers["theta"]["Algorithm 2"])) for name in names}
    decided: dict[str, float] = {f"steps of another kind, {name}": len(own) for name, own in steps.items()}
    decided |= {f"greatest difference of theta, {name}": x for name, x in apart.items()}
    skipped = sum(kind == "skip" for name in names for kind in numbers["kinds"][name])
    late = ", ".join(map(str, sorted({t for own in steps.values() for t in own})))
    note = f"theta does not move before step {skipped + 1}" if skipped else f"still SGD with momentum at step {late}"
    return theory(not any(steps.values()), not skipped and max(map(len, steps.values())) <= 1, decided, note)


def _apart(x: float, y: float) -> float:
    return abs(x - y)


def libraries(numbers: Numbers) -> Verdict:
    """PyTorch's and optax's rules."""
    return _is_algorithm_2(numbers, "torch", "optax")


def official(numbers: Numbers) -> Verdict:
    """The rule of the authors' repository."""
    return _is_algorithm_2(numbers, "official")


def draw(numbers: Numbers) -> Any:
    """theta against t for each rule."""
    figure = new_figure(7.0, 4.0)
    ax = figure.subplots()
    shown = [name for name in numbers["theta"] if name != "paper"]  # which is Algorithm 2
    for name, (colour, dash) in zip(shown, STYLES, strict=False):
        path = numbers["theta"][name]
        ax.plot(range(len(path) + 1), [1, *path], marker=".", linestyle=dash, color=colour, label=name)
    ax.set(xlabel="after step t", ylabel="theta", title="theta^2 / 2 from 1, lr 0.1: Algorithm 2 and its dialects")
    ax.legend(frameon=False, fontsize=8)
    return figure


EXHIBIT = Exhibit(
    "E6",
    "Algorithm 2: the rule, step by step, and its dialects",
    (
        Claim(
            "minirad's rule is Algorithm 2, and its dialects are those of PyTorch and of the authors' code.",
            "greatest difference of theta from numbers of 12 digits, computed elsewhere, after steps 4, 5, 6",
            f"at most {DIGITS:g}",
            vectors,
        ),
        Claim(
            "Whether rho_t must exceed 4 (the paper) or reach 5 (the authors' code) matters for one step.",
            "first adaptive steps for beta2 = 0.7, 0.8, 0.9, ..., 0.9999: their difference",
            "1 for all; with a correction if 1 from beta2 = 0.9 on",
            one_step,
        ),
        Claim(
            "The RAdams of PyTorch and optax are Algorithm 2.",
            "steps of another kind (adaptive, momentum, skipped) than Algorithm 2's",
            "none; with a correction if at most one, and none is skipped",
            libraries,
        ),
        Claim(
            "The RAdam of the authors' repository is Algorithm 2.",
            "steps of another kind (adaptive, momentum, skipped) than Algorithm 2's",
            "none; with a correction if at most one, and none is skipped",
            official,
        ),
    ),
    same({"lr": 0.1, "beta2": 0.999, "steps": 30, "thresholds at": [0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999]}),
    run,
    draw,
    reported="The paper gives no numbers. Its authors' code has moved theta at steps 1 to 5 only on demand since 2021.",
)
