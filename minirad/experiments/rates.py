"""Learning rates tuned for an exhibit's arms: the same trials for each, on validation data and seeds of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minirad.experiments.exhibit import Do
from minirad.experiments.experiment import Experiment
from minirad.experiments.results import Row

SEEDS = (200, 201, 202)  # no comparison uses them
MOST = 4  # times that the grid may grow

# By arm: the mean score at each rate, in the order of growing rates.
Table = dict[str, dict[str, float]]


def rate(k: int) -> float:
    """10^(k/2) to one digit: ..., 0.03, 0.1, 0.3, 1."""
    return float(f"{10 ** (k / 2):.0e}")


def tuned(
    do: Do,
    experiment: Experiment,
    make: Callable[[str, float, int], Any],
    arms: Sequence[str],
    half_decades: Sequence[int],
    score: Callable[[list[Row]], float],
    seeds: Sequence[int] = SEEDS,
) -> tuple[dict[str, float], Table]:
    """The best rate of each arm, and the table that it was read from.

    Args:
        do: does trainings.
        experiment: whose trainings they are.
        make: gives the settings for an arm, a rate and a seed: with validation data, never test data.
        arms: keys of ARMS.
        half_decades: the rates to begin with: k stands for 10^(k/2).
        score: of the rows of a training, the larger the better; of one that failed it is finite, and bad.
        seeds: to average over.

    Where the best rate of an arm lies at an edge, the grid grows by one rate there, for all arms, at most MOST times.
    Of two equal rates the smaller wins.
    """
    table: dict[str, dict[int, float]] = {arm: {} for arm in arms}
    todo = sorted(half_decades)
    for _ in range(1 + MOST):
        plan = [(arm, k, seed) for k in todo for seed in seeds for arm in arms]
        results = do(experiment, [make(arm, rate(k), seed) for arm, k, seed in plan])
        for (arm, k, _), rows in zip(plan, results, strict=True):
            table[arm][k] = table[arm].get(k, 0.0) + score(rows) / len(seeds)
        best = {arm: max(sorted(own), key=own.__getitem__) for arm, own in table.items()}
        low, high = min(table[arms[0]]), max(table[arms[0]])
        todo = [low - 1] * (low in best.values()) + [high + 1] * (high in best.values())
        if not todo:
            break
    return (
        {arm: rate(k) for arm, k in best.items()},
        {arm: {f"{rate(k):g}": own[k] for k in sorted(own)} for arm, own in table.items()},
    )
