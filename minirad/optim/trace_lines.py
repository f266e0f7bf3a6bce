"""The lines of each algorithm, by the names of their results: what a trace shows, and where each number comes from.

A rule in its file may fold numbers together for speed. Here every line stands alone, computed in float64 from what the
rule itself left in g, m, v and theta. ``s`` holds the settings of a group: they decide what the lines are. ``x`` holds
what the rule left, the settings at the step (lr, beta1, ...), t, and the results of the lines above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from math import nan
from typing import Any

from minirad.optim.adagrad import Adagrad
from minirad.optim.adam import Adam
from minirad.optim.adamw import AdamW
from minirad.optim.optimizer import Optimizer
from minirad.optim.probes import Adam2k, AdamEps, PhaseSwitched, RAdamExact
from minirad.optim.radam import RAdam
from minirad.optim.radam_dialect import RAdamDialect, named
from minirad.optim.rmsprop import RMSprop
from minirad.optim.sgd import SGD


@dataclass(frozen=True)
class Line:
    """One line of an algorithm: its result's name, the line itself, and how to compute it (None: the rule did)."""

    name: str
    text: str
    value: Callable[[Any], Any] | None = field(default=None, compare=False)


class Settings(dict[str, Any]):
    """A group's settings as attributes; None for one that a rule of somebody's own does not have."""

    __getattr__ = dict.get


Lines = list[Line]
EPS_AFTER = "(sqrt(v_hat) + eps)"  # after bias correction
EPS_BEFORE = "sqrt(1 - beta2^t) / (sqrt(v_t) + eps)"  # before it, as in eq. (1)
R = "sqrt((rho_t-4)(rho_t-2) rho_inf / ((rho_inf-4)(rho_inf-2) rho_t))"


# ---- lines that several rules share


def gradient(s: Any, l2: bool = True) -> tuple[str, Lines]:
    """What to call the gradient that the rule goes on with, and the lines that it comes from."""
    text = "gradient of f_t at theta_{t-1}"
    lines = [Line("g", f"g_t = -({text}), to climb" if s.maximize else f"g_t = {text}")]
    if not (l2 and s.weight_decay):
        return "g_t", lines
    text = "g' = g_t + weight_decay theta_{t-1}: L2 decay, in the gradient"
    return "g'", [*lines, Line("g'", text, lambda x: x.g + x.weight_decay * x.theta_before)]


def end(s: Any, step: str, decoupled: bool = False, stays: str = "") -> Lines:
    """What theta becomes. The decay of the decoupled kind stands here, away from the gradient."""
    decays = decoupled and s.weight_decay
    text = "(1 - lr weight_decay) theta_{t-1}" if decays else "theta_{t-1}"
    text = f"theta_{{t-1}} if {stays}, else {text}" if decays and stays else text
    return [
        UPDATE,
        Line("theta", f"theta_t = {text} - {step}" + ": decoupled decay" * bool(decays)),
    ]


def first_moment(g: str) -> Line:
    """The running mean of gradients."""
    return Line("m", f"m_t = beta1 m_{{t-1}} + (1 - beta1) {g}")


def second_moment(g: str) -> Line:
    """The running mean of squared gradients."""
    return Line("v", f"v_t = beta2 v_{{t-1}} + (1 - beta2) {g}^2")


M_HAT = Line("m_hat", "m_hat = m_t / (1 - beta1^t)", lambda x: x.m / (1 - x.beta1**x.t))
V_HAT = Line("v_hat", "v_hat = v_t / (1 - beta2^t)", lambda x: x.v / (1 - x.beta2**x.t))
UPDATE = Line("update", "update = theta_t - theta_{t-1}", lambda x: x.theta - x.theta_before)
RHO = Line("rho", "rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)", lambda x: x.rho)


# ---- the rules


def sgd(s: Any) -> Lines:
    """Plain, with momentum, with Nesterov's."""
    g, lines = gradient(s)
    if not s.momentum:
        return [*lines, *end(s, f"lr {g}")]
    new = f"(1 - dampening) {g}" if s.dampening else g
    m = Line("m", f"m_t = momentum m_{{t-1}} + {new}" + f", and m_1 = {g}" * bool(s.dampening))
    return [*lines, m, *end(s, f"lr ({g} + momentum m_t)" if s.nesterov else "lr m_t")]


def adagrad(s: Any) -> Lines:
    """With a rate that may fall."""
    g, lines = gradient(s)
    v = f"v_t = v_{{t-1}} + {g}^2" + ", and v_0 = initial_accumulator_value" * bool(s.initial_accumulator_value)
    size = Line(
        "step_size",
        "step_size = lr" + " / (1 + (t - 1) lr_decay)" * bool(s.lr_decay) + " / (sqrt(v_t) + eps)",
        lambda x: x.lr / (1 + (x.t - 1) * x.lr_decay) / (x.v**0.5 + x.eps),
    )
    return [*lines, Line("v", v), size, *end(s, f"step_size {g}")]


def rmsprop(s: Any) -> Lines:
    """Around 0 or around the mean, without and with momentum."""
    g, lines = gradient(s)
    lines.append(Line("v", f"v_t = alpha v_{{t-1}} + (1 - alpha) {g}^2"))
    if s.centered:
        lines.append(Line("mean", f"mean_t = alpha mean_{{t-1}} + (1 - alpha) {g}"))
    root = "(sqrt(v_t - mean_t^2) + eps)" if s.centered else "(sqrt(v_t) + eps)"
    size = Line(
        "step_size",
        f"step_size = lr / {root}",
        lambda x: x.lr / ((x.v - x.mean**2 if x.centered else x.v) ** 0.5 + x.eps),
    )
    if not s.momentum:
        return [*lines, size, *end(s, f"step_size {g}")]
    return [*lines, size, Line("m", f"m_t = momentum m_{{t-1}} + {g} / {root}"), *end(s, "lr m_t")]


def adam(s: Any, l2: bool = True, eps_before: bool = False) -> Lines:
    """With either decay and either place of epsilon, and AMSGrad's largest v."""
    g, lines = gradient(s, l2)
    lines += [first_moment(g), second_moment(g)]
    v_hat, before = V_HAT, EPS_BEFORE
    if s.amsgrad:
        lines.append(Line("v_max", "v_max_t = max(v_max_{t-1}, v_t)"))
        v_hat = Line("v_hat", "v_hat = v_max_t / (1 - beta2^t)", lambda x: x.v_max / (1 - x.beta2**x.t))
        before = EPS_BEFORE.replace("v_t", "v_max_t")
    if eps_before:
        size = Line("step_size", f"step_size = lr {before}", lambda x: eps_before_size(x, v_max=s.amsgrad))
    else:
        size = Line("step_size", f"step_size = lr / {EPS_AFTER}", lambda x: x.lr / (x.v_hat**0.5 + x.eps))
    return [*lines, M_HAT, v_hat, size, *end(s, "step_size m_hat", decoupled=not l2)]


def eps_before_size(x: Any, v_max: bool) -> Any:
    """Adam's step size with epsilon as in eq. (1)."""
    return x.lr * (1 - x.beta2**x.t) ** 0.5 / ((x.v_max if v_max else x.v) ** 0.5 + x.eps)


def adam_2k(s: Any) -> Lines:
    """Adam's lines, and what stands still at first."""

    def unless_frozen(line: Line) -> Line:
        """This line after the frozen steps, and before: m as it was, or 0."""
        value, (left, right) = line.value, line.text.split(" = ")
        before = "m_{t-1}" if line.name == "m" else "0"
        return Line(
            line.name,
            f"{left} = {before} if frozen, else {right}",
            value and (lambda x: 0 * x.v if x.branch == "frozen" else value(x)),
        )

    lines = {line.name: line for line in adam(s)}
    if not s.hidden_warmup:
        text = f"m_hat = m_t / (1 - beta1^(t - {s.frozen}))"
        m_hat = Line("m_hat", text, lambda x: x.m / (1 - x.beta1 ** (x.t - x.frozen)))
        lines["m_hat"] = unless_frozen(m_hat)
    lines |= {name: unless_frozen(lines[name]) for name in ("m", "step_size")}
    text = f"frozen if t <= {s.frozen}, else adaptive"
    g = lines.pop("g")
    return [g, Line("branch", text, lambda x: "frozen" if x.t <= x.frozen else "adaptive"), *lines.values()]


def radam(
    s: Any,
    branch: str = "adaptive if rho_t > 4, else momentum",
    adaptive: Callable[[Any], bool] = lambda x: x.rho > 4,
    early: Callable[[Any], str] = lambda x: "momentum",
    r: str = R,
    eps_after: bool = False,
    decay: str = "decoupled",
) -> Lines:
    """Algorithm 2 with this test in its if, this step where it is not adaptive, and this r_t."""

    def decide(x: Any) -> str:
        return "adaptive" if adaptive(x) else early(x)

    def rate(x: Any) -> Any:
        return 1 / (x.v_hat**0.5 + x.eps) if eps_after else (1 - x.beta2**x.t) ** 0.5 / (x.v**0.5 + x.eps)

    def size(x: Any) -> Any:
        return x.lr * x.r * x.l if x.branch == "adaptive" else (0.0 if x.branch == "skip" else x.lr) + 0 * x.v

    g, lines = gradient(s, decay == "l2")
    skips, momentum = "skip" in branch, "momentum" in branch
    otherwise = ("lr if momentum, else 0" if skips else "lr") if momentum else "0"
    return [
        *lines,
        second_moment(g),
        first_moment(g),
        M_HAT,
        V_HAT,
        RHO,
        Line("branch", branch, decide),
        Line("l", "l_t = " + (f"1 / {EPS_AFTER}" if eps_after else EPS_BEFORE),
             lambda x: rate(x) if x.branch == "adaptive" else nan * x.v),
        Line("r", f"r_t = {r}", lambda x: x.r if x.branch == "adaptive" else nan),
        Line("step_size", f"step_size = lr r_t l_t if adaptive, else {otherwise}", size),
        *end(s, "step_size m_hat", decay == "decoupled", "skip" if skips else ""),
    ]  # fmt: skip


def radam_exact(s: Any) -> Lines:
    """Algorithm 2 with the variance itself."""
    r = "sqrt(Var(rho_inf) / Var(rho_t)): the exact variance, eq. (2)"
    return radam(s, "adaptive if rho_t > 2, else momentum", lambda x: x.rho > 2, r=r)


def radam_dialect(s: Any) -> Lines:
    """Algorithm 2 as this dialect has it."""
    dialect = named(s.dialect)
    return radam(
        s,
        f"adaptive if rho_t {'>=' if dialect.inclusive else '>'} {dialect.threshold}, else {dialect.early}",
        lambda x: x.adaptive,
        lambda x: dialect.early,
        eps_after=dialect.epsilon == "after",
        decay=dialect.decay,
    )


PHASES = {
    "sgd": "momentum",
    "adam": "adaptive",
    "radam": "adaptive if rho_t > 4, else momentum",
    "skip": "skip",
}


def phase_switched(s: Any) -> Lines:
    """Algorithm 2 with what the phases make of it."""
    ends = [*(f"t <= {t}: " for t in s.until), "then: "]
    phases = [list(same)[-1] for _, same in groupby(zip(s.phases, ends, strict=True), lambda pair: pair[0])]
    return radam(
        s,
        "; ".join(end + PHASES[rule] for rule, end in phases).removeprefix("then: "),
        lambda x: x.adaptive,
        lambda x: "skip" if x.rule == "skip" else "momentum",
        r=f"1 in the phase of adam, else {R}" if "adam" in s.phases else R,
    )


LINES: dict[type[Optimizer], Callable[[Any], Lines]] = {
    SGD: sgd,
    Adagrad: adagrad,
    RMSprop: rmsprop,
    Adam: adam,
    AdamW: lambda s: adam(s, l2=False),
    AdamEps: lambda s: adam(s, eps_before=True),
    Adam2k: adam_2k,
    RAdam: radam,
    RAdamExact: radam_exact,
    RAdamDialect: radam_dialect,
    PhaseSwitched: phase_switched,
}


def lines_of(optimizer: Optimizer, settings: dict[str, Any]) -> Lines:
    """The lines of a rule, or of the rule that it is made from, with these settings; for an unknown one, its states."""
    s = Settings(settings)
    for known in type(optimizer).__mro__:
        if known in LINES:
            return LINES[known](s)
    states = [Line(name, f"{name}_t") for name in optimizer.kept(settings)]
    return [*gradient(s, l2=False)[1], *states, UPDATE, Line("theta", "theta_t")]
