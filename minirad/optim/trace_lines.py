"""The lines of each algorithm, by the names of their results: what a trace shows, and where each number comes from.

A rule in its file may fold numbers together for speed. Here every line stands alone, computed in float64 from what the
rule itself left in g, m, v and theta. ``x`` holds those, the settings of the step (lr, beta1, ...), t, and the results
of the lines above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from typing import Any

from minirad.optim.adagrad import Adagrad
from minirad.optim.adam import Adam
from minirad.optim.optimizer import Optimizer
from minirad.optim.probes import Adam2k, PhaseSwitched, RAdamExact
from minirad.optim.radam import RAdam
from minirad.optim.radam_dialect import RAdamDialect
from minirad.optim.rmsprop import RMSprop
from minirad.optim.sgd import SGD


@dataclass(frozen=True)
class Line:
    """One line of an algorithm: its result's name, the line itself, and how to compute it (None: the rule did)."""

    name: str
    text: str
    value: Callable[[Any], Any] | None = None


G = Line("g", "g_t = gradient of f_t at theta_{t-1}")
M = Line("m", "m_t = beta1 m_{t-1} + (1 - beta1) g_t")
V = Line("v", "v_t = beta2 v_{t-1} + (1 - beta2) g_t^2")
M_HAT = Line("m_hat", "m_hat = m_t / (1 - beta1^t)", lambda x: x.m / (1 - x.beta1**x.t))
V_HAT = Line("v_hat", "v_hat = v_t / (1 - beta2^t)", lambda x: x.v / (1 - x.beta2**x.t))
RHO = Line("rho", "rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)", lambda x: x.rho)
R = Line(
    "r", "r_t = sqrt((rho_t-4)(rho_t-2) rho_inf / ((rho_inf-4)(rho_inf-2) rho_t))", lambda x: x.r if x.adaptive else nan
)
UPDATE = Line("update", "what theta moves by: theta_t - theta_{t-1}", lambda x: x.theta - x.theta_before)


def branch(text: str, adaptive: Callable[[Any], bool], otherwise: Callable[[Any], str]) -> Line:
    """The line that decides between the adaptive step and the other one. Sets x.adaptive."""

    def decide(x: Any) -> str:
        x.adaptive = adaptive(x)
        return "adaptive" if x.adaptive else otherwise(x)

    return Line("branch", text, decide)


def adaptive_rate(eps: Callable[[Any], float]) -> Callable[[Any], Any]:
    """l_t = sqrt(1 - beta2^t) / (sqrt(v_t) + eps), or nothing where the step is not adaptive."""
    return lambda x: (1 - x.beta2**x.t) ** 0.5 / (x.v**0.5 + eps(x)) if x.adaptive else nan * x.v


def rectified_size(x: Any) -> Any:
    """What m_hat is multiplied with."""
    return x.lr * x.r * x.l if x.adaptive else (0.0 if x.branch == "skip" else x.lr) + 0 * x.v


def eps_of_dialect(x: Any) -> float:
    """Epsilon beside sqrt(v_t)."""
    return x.eps * (1 - x.beta2**x.t) ** 0.5 if x.dialect.epsilon == "after" else x.eps


L = "l_t = sqrt(1 - beta2^t) / (sqrt(v_t) + eps)"
SIZE = Line("step_size", "step size: lr r_t l_t if adaptive, else lr (or 0: skip)", rectified_size)
THETA = "theta_t = theta_{t-1} - "
ADAM_SIZE = Line(
    "step_size",
    "step size: lr / (sqrt(v_hat) + eps)",
    lambda x: x.size * (1 - x.beta1**x.t) / ((x.v_max if x.v_max is not None else x.v) ** 0.5 + x.eps_hat),
)


def radam_lines(
    test: str,
    adaptive: Callable[[Any], bool],
    otherwise: Callable[[Any], str] = lambda x: "momentum",
    eps: Callable[[Any], float] = lambda x: x.eps,
) -> tuple[Line, ...]:
    """Algorithm 2 with this test in its if."""
    decide = branch(f"adaptive if {test}, else a step with momentum alone", adaptive, otherwise)
    last = Line("theta", THETA + "(step size) m_hat, after the decay if there is one")
    return G, V, M, M_HAT, V_HAT, RHO, decide, Line("l", L, adaptive_rate(eps)), R, SIZE, UPDATE, last


LINES: dict[type[Optimizer], tuple[Line, ...]] = {
    SGD: (
        G,
        Line("m", "m_t = momentum m_{t-1} + (1 - dampening) g_t, and m_1 = g_1"),
        UPDATE,
        Line("theta", THETA + "lr m_t"),
    ),
    Adagrad: (
        G,
        Line("v", "v_t = v_{t-1} + g_t^2"),
        Line(
            "step_size",
            "step size: lr / (1 + (t - 1) lr_decay) / (sqrt(v_t) + eps)",
            lambda x: x.lr / (1 + (x.t - 1) * x.lr_decay) / (x.v**0.5 + x.eps),
        ),
        UPDATE,
        Line("theta", THETA + "(step size) g_t"),
    ),
    RMSprop: (
        G,
        Line("v", "v_t = alpha v_{t-1} + (1 - alpha) g_t^2"),
        Line("mean", "mean_t = alpha mean_{t-1} + (1 - alpha) g_t, if centered"),
        Line(
            "step_size",
            "step size: lr / (sqrt(v_t) + eps), with v_t - mean_t^2 if centered",
            lambda x: x.lr / ((x.v - x.mean**2 if x.centered else x.v) ** 0.5 + x.eps),
        ),
        Line("m", "m_t = momentum m_{t-1} + g_t / (sqrt(v_t) + eps), if there is momentum"),
        UPDATE,
        Line("theta", THETA + "(step size) g_t, or lr m_t"),
    ),
    Adam: (G, M, V, M_HAT, V_HAT, ADAM_SIZE, UPDATE, Line("theta", THETA + "(step size) m_hat")),
    Adam2k: (
        G,
        Line("m", "m_t = beta1 m_{t-1} + (1 - beta1) g_t, after the frozen steps"),
        V,
        M_HAT,
        V_HAT,
        Line("branch", "frozen for the first steps, then Adam", lambda x: "frozen" if x.t <= x.frozen else "adaptive"),
        Line("step_size", ADAM_SIZE.text, lambda x: ADAM_SIZE.value(x) if x.t > x.frozen else 0 * x.v),  # type: ignore[misc]
        UPDATE,
        Line("theta", THETA + "(step size) m_hat"),
    ),
    RAdam: radam_lines("rho_t > 4", lambda x: x.rho > 4),
    RAdamExact: radam_lines("rho_t > 2", lambda x: x.rho > 2),
    RAdamDialect: radam_lines(
        "rho_t is beyond the dialect's threshold",
        lambda x: x.adaptive,
        lambda x: x.dialect.early,
        eps_of_dialect,
    ),
    PhaseSwitched: radam_lines(
        "this phase's rule is (Adam always, RAdam for rho_t > 4)",
        lambda x: x.adaptive,
        lambda x: "skip" if x.rule == "skip" else "momentum",
    ),
}


def lines_of(rule: type[Optimizer], states: tuple[str, ...]) -> tuple[Line, ...]:
    """The lines of a rule or of the rule that it is made from; for an unknown one, its states."""
    for known in rule.__mro__:
        if known in LINES:
            return LINES[known]
    return (G, *(Line(name, f"{name}_t") for name in states), UPDATE, Line("theta", "theta_t"))
