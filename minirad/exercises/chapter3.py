"""Checkers of chapter 3, RAdam."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minirad import variance
from minirad.exercises.checking import close, exercise, expect, mistake
from minirad.exercises.helpers import Param, fed, follow
from minirad.exercises.mistakes import MISTAKES, with_mistake
from minirad.optim import Dialect, RAdam, RAdamDialect


def _path(theta: float, gradients: Any, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
          late: int = 0, **settings: Any) -> list[float]:  # fmt: skip
    """What minirad makes of it; with late=1, if the count of the steps begins with 2."""
    p: Any = Param([theta])
    rule: Any = RAdamDialect if settings else RAdam
    optimizer = rule([p], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, **settings)
    saved = optimizer.state_dict()
    saved["state"]["0"] = {"t": late, "m": np.zeros(1), "v": np.zeros(1)}
    optimizer.load_state_dict(saved)
    path = []
    for g in gradients:
        p.grad = np.array([g])
        optimizer.step()
        path.append(float(p.data[0]))
    return path


@exercise("3.1")
def radam_in_a_dozen_lines(radam: Any) -> None:
    """The step may be counted where it is convenient; m = m / (1 - beta1**t) does no harm."""
    case: Any = {"theta": 2.0, "gradients": [1.0, -2.0, 0.5, 3.0, -1.0, 2.0, 0.3, -0.7], "lr": 0.1, "beta1": 0.9}
    case["beta2"] = 0.99
    extra: Any
    later: Any
    for extra in (
        {"eps": 1e-8, "weight_decay": 0.0},
        {"eps": 0.1, "weight_decay": 0.0},
        {"eps": 0.1, "weight_decay": 0.5},
    ):
        got, wanted, where = radam(**case, **extra), _path(**case, **extra), f"with {extra}"
        expect(np.shape(got) == (8,), "return a list with one theta for each gradient.")
        for name, later in (
            ("you count a step twice: t must be 1 at the first gradient", {"late": 1}),
            ("this is decay in the gradient (L2): m and v must not see it", {"dialect": Dialect(decay="l2")}),
            ("equation (1) has epsilon beside the plain v, not beside v_hat", {"dialect": Dialect(epsilon="after")}),
            ("you wait for rho >= 5", {"dialect": Dialect(threshold=5)}),
        ):
            mistake(got, _path(**case, **extra, **later), wanted, f"{where}: {name}.")
        if extra == {"eps": 1e-8, "weight_decay": 0.0}:
            m, theta = 0.0, 2.0  # the first two steps, with m corrected in place
            for t, g in enumerate(case["gradients"][:2], 1):
                m = (0.9 * m + 0.1 * g) / (1 - 0.9**t)
                theta -= 0.1 * m
            name = "m itself was corrected, and the next step needs it uncorrected"
            mistake(got[1], theta, wanted[1], f"{where}: step 2: {name}.")
        hints = {2: "Is m still the plain average?", 5: "This is the first adaptive step: look at v, eps and r."}
        for t, (a, b) in enumerate(zip(got, wanted, strict=True), 1):
            expect(close(a, b), f"{where}: step {t} gives {a}, wanted {b}. {hints.get(t, '')}")


@exercise("3.2")
def a_test_that_sees(sharp_test: Any) -> str:
    """A rule is tested when it has run once with the usual settings."""
    answer = sharp_test()
    expect(isinstance(answer, tuple | list) and len(answer) == 4, "return theta_0, gradients, eps and weight_decay.")
    theta_0, gradients, eps, weight_decay = answer
    expect(1 <= len(gradients) <= 12, f"1 to 12 gradients, got {len(gradients)}.")
    expect(with_mistake(None, *answer) != theta_0, "the right rule must move theta.")
    usual = {name: _seen(name, 1.0, [1.0] * 12, 1e-8, 0.0) for name in MISTAKES}
    yours = {name: _seen(name, *answer) for name in MISTAKES}
    blind = [name for name in MISTAKES if yours[name] < 0.01]
    why = ""
    if "L2 decay" in blind and weight_decay == 0:
        why = " Without weight decay nobody can tell how it is done."
    elif "epsilon inside the root" in blind and eps < 1e-3 * max(map(abs, gradients)):
        why = " Epsilon shows only beside gradients of its own size."
    expect(not blind, f"your test does not see: {', '.join(blind)}.{why}")
    table = [f"  {name:34s} the usual test: {usual[name]:7.2%}   yours: {yours[name]:7.2%}" for name in MISTAKES]
    head = "The usual test (gradients 1, eps 1e-8, no decay) is blind to six of them. How much each changes the move:"
    return "\n".join([head, *table])


def _seen(name: str, theta_0: float, gradients: Any, eps: float, weight_decay: float) -> float:
    """By which part of the right rule's move the mistake changes the result."""
    right = with_mistake(None, theta_0, gradients, eps, weight_decay)
    try:
        return abs(with_mistake(name, theta_0, gradients, eps, weight_decay) - right) / abs(right - theta_0)
    except ZeroDivisionError:  # a crash is noticed
        return math.inf


@exercise("3.3")
def undo_the_scale(lr_for: Any) -> None:
    """RAdam, like Adam, does not care about the scale of the loss; or, like SGD, it needs lr divided by it."""
    stream = np.random.default_rng(33).standard_normal((20, 3))
    for beta2 in (0.999, 0.9, 0.7, 0.6):
        wanted = follow(RAdam, np.zeros(3), fed(stream), 20, lr=0.1, betas=(0.9, beta2), eps=1e-8)
        for c in (1000.0, 0.01):
            p: Any = Param(np.zeros(3))
            optimizer = RAdam([p], betas=(0.9, beta2), eps=1e-8 * c)
            for t in range(1, 21):
                lr, case = lr_for(t, c, 0.1, beta2), f"beta2 = {beta2}, c = {c:g}, step {t}"
                adaptive = variance.sma_length(t, beta2) > 4
                right = 0.1 if adaptive else 0.1 / c
                mistake(lr, 0.1, right, f"{case}: this step has no v in it. It is as long as the gradient is large.")
                mistake(lr, 0.1 / c, right, f"{case}: this step divides by the root of v, which has grown with c.")
                optimizer.param_groups[0]["lr"], p.grad = lr, c * stream[t - 1]
                optimizer.step()
                expect(close(p.data, wanted[t]), f"{case}: the paths part.")


@exercise("3.4")
def a_cache_for_two_groups(looked_up: Any) -> None:
    """Numbers which depend on the step are the same for all groups of parameters."""
    groups: Any = [
        {"lr": 0.1, "betas": (0.9, 0.999)}, {"lr": 0.1, "betas": (0.9, 0.99)}, {"lr": 0.01, "betas": (0.9, 0.999)},
        {"lr": 0.1, "betas": (0.8, 0.999)}, {"lr": 0.1, "betas": (0.9, 0.999)},
    ]  # fmt: skip
    computed: list[int] = []

    def size_of_step(t: int, lr: float, beta1: float, beta2: float) -> float:
        computed.append(t)
        r = variance.rectification(t, beta2) * math.sqrt(1 - beta2**t) if variance.sma_length(t, beta2) > 4 else 1.0
        return lr * r / (1 - beta1**t)

    cache: dict[Any, float] = {}
    for t in range(1, 21):
        for number, group in enumerate(groups):
            got = looked_up(cache, size_of_step, t, group)
            count = len(computed)
            wanted = size_of_step(t, group["lr"], *group["betas"])
            del computed[count:]
            other = "the numbers of another group, with other settings"
            expect(close(got, wanted), f"step {t}: group {number} gets {got:.4g}, {other}; wanted {wanted:.4g}.")
    enough = "80 are enough: the last group has the settings of the first"
    expect(len(computed) == 80, f"{len(computed)} computations, where {enough}.")


@exercise("3.5", none=True)
def one_name_two_decays(decoupled_step: Any) -> str:
    """weight_decay means the same everywhere; adding lambda theta to the gradient decouples."""
    stream = np.random.default_rng(35).standard_normal((50, 4)) * [0.01, 0.1, 1, 10]
    wanted, in_gradient = (
        follow(RAdamDialect, np.ones(4), fed(stream), 50, dialect=dialect, lr=0.02, weight_decay=0.3)
        for dialect in (Dialect(threshold=5, decay="decoupled"), "torch")
    )
    p: Any = Param(np.ones(4))
    optimizer = RAdamDialect([p], dialect="torch", lr=0.02)
    for t in range(1, 51):
        p.grad = stream[t - 1].copy()
        before = p.data.copy()
        decoupled_step(optimizer, p, 0.3)
        same = np.array_equal(p.grad, stream[t - 1])
        expect(same, f"step {t} has changed the gradient: what is added to it goes into m and v. This is L2 decay.")
        expect(not np.array_equal(p.data, before), f"step {t} has moved nothing.")
        if t > 1:  # at step 1 both decays do the same
            mistake(p.data, in_gradient[t], wanted[t], f"step {t}: this is L2 decay, in the gradient.")
        elif np.all(abs(p.data - 1) > 0.2):
            expect(False, "step 1: theta shrinks by lr * weight_decay, not by weight_decay.")
        expect(close(p.data, wanted[t]), f"step {t}: got {p.data}, wanted {wanted[t]}.")
    return f"What is left of the four weights: {wanted[-1].round(3)}; with L2 decay {in_gradient[-1].round(3)}."


@exercise("3.6", none=True)
def a_run_that_leaves_the_warmup(beta2_for: Any) -> str:
    """0.999 suits runs of any length; the warmup is over after 2/(1 - beta2) steps."""
    choices = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)

    def share(beta2: float, steps: int) -> float:
        return max(0, steps - variance.first_step(0.9, beta2) + 1) / steps

    found = []
    for steps in (100, 500, 1000, 2000, 4500, 20_000):
        got = beta2_for(steps)
        expect(got in choices, f"{steps} steps: {got} is none of the choices.")
        short = f"r_t is at least 0.9 in only {share(got, steps):.0%} of them"
        if max(b for b in choices if 2 / (1 - b) <= steps / 2 + 1e-6) == got:
            short += ": after 2/(1 - beta2) steps it is still below 0.9"
        expect(share(got, steps) >= 0.5, f"{steps} steps, beta2 = {got}: {short}.")
        larger = [b for b in choices if b > got and share(b, steps) >= 0.5]
        expect(not larger, f"{steps} steps: {larger[-1:]} would do as well as {got}, and is larger.")
        found.append(f"{steps:,}: {got}")
    expect(beta2_for(40) is None, "40 steps: None, since with beta2 = 0.9 r_t comes to 0.9 only at step 31.")
    return "Steps and beta2: " + ", ".join(found) + "."
