"""Algorithm 1: the one method of which SGD, momentum, Adagrad, RMSprop, Adam and RAdam are cases.

It is written as the paper prints it. phi and psi are functions of *all* gradients so far, so it keeps them all: memory
and time grow with the steps. The rules in the files beside it compute the same from one step to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minirad.backend import Array
from minirad.optim.flat import Flat
from minirad.optim.optimizer import Optimizer
from minirad.variance import rectification, sma_length

Choice = Callable[[Sequence[Array]], Any]  # the gradients g_1, ..., g_t of one parameter -> an array, or a number


class Algorithm1(Optimizer):
    """theta_t = theta_{t-1} - lr m_t l_t, element by element, with m_t = phi(g_1, ..., g_t), l_t = psi(g_1, ..., g_t).

    Its state is every gradient since the start; state_dict() does not hold it.

    Source: Liu et al., ICLR 2020, Algorithm 1.
    """

    def __init__(self, params: Any, lr: float, phi: Choice, psi: Choice, **shared: Any) -> None:
        for name, choice in (("phi", phi), ("psi", psi)):
            if not callable(choice):
                raise TypeError(f"Algorithm1: {name} must be a function of the gradients so far, got {choice!r}")
        self.phi, self.psi = phi, psi
        self.gradients: dict[str, list[Array]] = {}
        super().__init__(params, {"lr": lr}, **shared)

    def _step(self, group: dict[str, Any], flat: Flat) -> None:
        for slot in flat.slots:
            if slot.parameter.grad is not None:
                g = self.gradients.setdefault(slot.name, [])
                # g_t
                g.append(-slot.g if group["maximize"] else slot.g.copy())
                # m_t = phi(g_1, ..., g_t)
                m = self.phi(g)
                # l_t = psi(g_1, ..., g_t)
                l = self.psi(g)
                # theta_t = theta_{t-1} - lr m_t l_t
                slot.theta -= float(group["lr"]) * m * l
        flat.stepped()

    def state_dict(self) -> dict[str, Any]:
        """Refused: the gradients of all steps are no state to save."""
        raise TypeError("Algorithm1: it keeps every gradient, and is not made for saving")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refused, as state_dict()."""
        self.state_dict()


# ---- phi: which direction


def latest(g: Sequence[Array]) -> Array:
    """phi = g_t: SGD, Adagrad and RMSprop."""
    return g[-1]


def heavy_ball(gamma: float) -> Choice:
    """phi = sum over i of gamma^(t-i) g_i: momentum as most libraries have it."""
    return lambda g: sum(gamma ** (len(g) - i) * g_i for i, g_i in enumerate(g, 1))


def averaged(beta1: float) -> Choice:
    """phi = (1 - beta1) sum over i of beta1^(t-i) g_i / (1 - beta1^t): Adam's m_hat (eq. 1)."""
    return lambda g: _average(beta1, g) / (1 - beta1 ** len(g))


# ---- psi: how far


def constant(g: Sequence[Array]) -> float:
    """psi = 1: SGD and momentum."""
    return 1.0


def total(eps: float) -> Choice:
    """psi = 1 / (sqrt(sum over i of g_i^2) + eps): Adagrad."""
    return lambda g: 1 / (sum(g_i**2 for g_i in g) ** 0.5 + eps)


def uncorrected(beta2: float, eps: float) -> Choice:
    """psi = 1 / (sqrt((1 - beta2) sum over i of beta2^(t-i) g_i^2) + eps): RMSprop."""
    return lambda g: 1 / (_average(beta2, [g_i**2 for g_i in g]) ** 0.5 + eps)


def corrected(beta2: float, eps: float) -> Choice:
    """psi = sqrt(1 - beta2^t) / (eps + sqrt((1 - beta2) sum over i of beta2^(t-i) g_i^2)): Adam (eq. 1)."""
    return lambda g: (1 - beta2 ** len(g)) ** 0.5 / (eps + _average(beta2, [g_i**2 for g_i in g]) ** 0.5)


def rectified(beta2: float, eps: float) -> Choice:
    """psi = r_t times Adam's where rho_t > 4, else 1: RAdam."""

    def psi(g: Sequence[Array]) -> Any:
        adaptive = sma_length(len(g), beta2) > 4
        return rectification(len(g), beta2) * corrected(beta2, eps)(g) if adaptive else 1.0

    return psi


def _average(beta: float, terms: Sequence[Array]) -> Any:
    """(1 - beta) sum over i of beta^(t-i) x_i."""
    return (1 - beta) * sum(beta ** (len(terms) - i) * x for i, x in enumerate(terms, 1))
