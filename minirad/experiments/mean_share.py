"""The rate of a control: Adam at RAdam's mean rate, where all arms' rates also follow a schedule."""

from __future__ import annotations

from collections.abc import Callable

from minirad.experiments.arms import Setup, r


def mean_share(steps: int, beta2: float, decay: Callable[[int], float]) -> float:
    """RAdam's mean rate as a share of its rate: the mean of r_t, step t counted with the weight decay(t).

    So Adam at this share of the rate, with the same decay, goes as far in all as RAdam would with steps of equal size.
    Where there is no r_t it counts as 0.
    """
    weights = [decay(t) for t in range(1, steps + 1)]
    setup = Setup(0.0, steps, beta2)
    return sum(weight * r(t, setup) for t, weight in enumerate(weights, 1)) / sum(weights)
