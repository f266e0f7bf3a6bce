"""The arms of the exhibits that train: each an optimizer, and what its learning rate is multiplied with at step t.

Besides the paper's rules there are the controls that a critic would ask for. RAdam at step t > 4 is Adam times r_t, and
r_t sees no data. So is it the shape of r_t that helps, its size, or the steps before the fifth?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from math import expm1, isnan
from statistics import fmean
from typing import Any

from minirad import optim
from minirad.optim.lr_scheduler import LambdaLR
from minirad.optim.probes import Adam2k, AdamEps, PhaseSwitched
from minirad.variance import rectification

WARMUPS = (1, 2, 5, 10, 20, 25, 33, 50)  # % of the run
EPSILONS = ("1e-7", "1e-6", "1e-5", "1e-4", "1e-3", "1e-2")
FROZEN = 0.25  # of the run: Adam-2k's steps in which only v moves, as long as E7's warmup


Decay = Callable[[int], float]  # what a rate is multiplied with at step t = 1, 2, ...


def constant(t: int) -> float:
    """No decay."""
    return 1.0


@dataclass(frozen=True)
class Setup:
    """What the settings of a training say about its optimizer.

    ``steps`` are those of the whole run; ``decay`` is the schedule that all arms share.
    """

    lr: float
    steps: int
    beta2: float = 0.999
    weight_decay: float = 0.0
    decay: Decay = constant

    @property
    def shared(self) -> dict[str, Any]:
        """What a rule of Adam's family is built with."""
        return {"lr": self.lr, "betas": (0.9, self.beta2), "weight_decay": self.weight_decay}


@dataclass(frozen=True)
class Arm:
    """A way to train: ``build`` gives the optimizer; ``factor`` is what multiplies lr at step t = 1, 2, ... ."""

    title: str
    build: Callable[[Any, Setup], optim.Optimizer]
    factor: Callable[[int, Setup], float] = lambda t, setup: 1.0


def optimizer_of(arm: str, params: Any, setup: Setup) -> tuple[optim.Optimizer, LambdaLR]:
    """The optimizer of an arm (a key of ARMS), and the schedule to step after it, from named parameters."""
    own = ARMS[arm]
    optimizer = own.build(params, setup)
    return optimizer, LambdaLR(optimizer, lambda done: own.factor(done + 1, setup) * setup.decay(done + 1))


def r(t: int, setup: Setup) -> float:
    """r_t, and 0 as long as there is none."""
    value = rectification(t, setup.beta2)
    return 0.0 if isnan(value) else value


@lru_cache
def mean_rate(steps: int, beta2: float, decay: Decay = constant) -> float:
    """RAdam's mean rate as a share of its rate: the mean of r_t over a run, step t counted with the weight decay(t).

    So Adam at this share of the rate, with the same decay, goes as far in all as RAdam would with steps of equal size.
    Where there is no r_t it counts as 0.
    """
    run, setup = range(1, steps + 1), Setup(0.0, steps, beta2)
    return fmean([r(t, setup) for t in run], weights=[decay(t) for t in run])


def _sgd(params: Any, setup: Setup) -> optim.Optimizer:
    return optim.SGD(params, setup.lr, momentum=0.9, weight_decay=setup.weight_decay)


def _adam(params: Any, setup: Setup) -> optim.Optimizer:
    return optim.AdamW(params, **setup.shared)  # without decay it is Adam; with it, the decay is RAdam's


class _AdamWEps(AdamEps, optim.AdamW):
    """Adam-eps with RAdam's decay."""


class _AdamW2k(Adam2k, optim.AdamW):
    """Adam-2k with RAdam's decay, which waits too while theta does."""


def _eps(eps: str, params: Any, setup: Setup) -> optim.Optimizer:
    return _AdamWEps(params, eps=float(eps), **setup.shared)


def _2k(hidden_warmup: bool, params: Any, setup: Setup) -> optim.Optimizer:
    return _AdamW2k(params, frozen=round(FROZEN * setup.steps), hidden_warmup=hidden_warmup, **setup.shared)


def _radam(params: Any, setup: Setup) -> optim.Optimizer:
    return optim.RAdam(params, **setup.shared)


def _phases(phases: tuple[str, ...], until: tuple[int, ...], params: Any, setup: Setup) -> optim.Optimizer:
    return PhaseSwitched(params, phases, until, **setup.shared)


def _warmup(percent: int, t: int, setup: Setup) -> float:
    return min(1.0, t / max(1, round(percent / 100 * setup.steps)))


def _untuned_linear(t: int, setup: Setup) -> float:
    return min(1.0, t * (1 - setup.beta2) / 2)


def _untuned_exponential(t: int, setup: Setup) -> float:
    return -expm1(-t * (1 - setup.beta2))


def _mean_rate(t: int, setup: Setup) -> float:
    return mean_rate(setup.steps, setup.beta2, setup.decay)


ARMS = {
    "sgd": Arm("SGD, momentum 0.9", _sgd),
    "adam": Arm("Adam", _adam),
    "radam": Arm("RAdam", _radam),
    **{f"adam-warmup-{p}": Arm(f"Adam, warmup over {p}% of the run", _adam, partial(_warmup, p)) for p in WARMUPS},
    # E7: more samples for v without a warmup, as printed and without what it hides; a bound on 1/sqrt(v)
    "adam-2k": Arm("Adam-2k", partial(_2k, True)),
    "adam-2k-bare": Arm("Adam-2k without its hidden warmup", partial(_2k, False)),
    **{f"adam-eps-{eps}": Arm(f"Adam, eps = {eps}", partial(_eps, eps)) for eps in EPSILONS},
    # controls
    "adam-mean-rate": Arm("Adam at RAdam's mean rate", _adam, _mean_rate),
    "adam-r": Arm("Adam times r_t", _adam, r),
    "adam-untuned-linear": Arm("Adam, untuned linear warmup", _adam, _untuned_linear),
    "adam-untuned-exponential": Arm("Adam, untuned exponential warmup", _adam, _untuned_exponential),
    # E14, table 3: the rule at steps 1-4, at 5-8, and after; and with the border of the authors' code, rho_t >= 5
    "adam-radam-radam": Arm("Adam / RAdam / RAdam", partial(_phases, ("adam", "radam", "radam"), (4, 8))),
    "sgd-adam-radam": Arm("SGD / Adam / RAdam", partial(_phases, ("sgd", "adam", "radam"), (4, 8))),
    "skip-radam-radam": Arm("no step / RAdam / RAdam", partial(_phases, ("skip", "radam", "radam"), (4, 8))),
    "radam-5": Arm("RAdam, adaptive from step 6", partial(_phases, ("sgd", "radam"), (5,))),
}
