"""Checkers of chapter 1, from SGD to Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirad as mr
from minirad.exercises.checking import close, exercise, expect, mistake
from minirad.exercises.helpers import Param, fed, follow
from minirad.optim import algorithm1


@exercise("1.1")
def the_largest_learning_rate(largest_lr: Any) -> None:
    """The average curvature sets the limit; momentum lowers it."""
    for curvatures in ([1.0], [0.5, 3.0], [0.1, 0.2, 50.0]):
        a = np.array(curvatures)
        for gamma in (0.0, 0.5, 0.9):
            limit, wanted = largest_lr(curvatures, gamma), 2 * (1 + gamma) / max(curvatures)
            case = f"curvatures {curvatures}, gamma {gamma}"
            for wrong in (2 * (1 + gamma) / np.mean(a), 2 * (1 + gamma) / min(a)):
                mistake(limit, wrong, wanted, f"{case}: one direction that explodes is enough. Which is the first?")
            for wrong in (2 * (1 - gamma) / max(a), 2 / max(a)):
                mistake(limit, wrong, wanted, f"{case}: momentum raises the limit. How did section 1.5 find it?")
            ends = []
            for lr in (0.98 * limit, 1.02 * limit):
                path = follow(
                    mr.optim.SGD, np.ones(len(a)), lambda theta, t, a=a: a * theta, 400, lr=lr, momentum=gamma
                )
                ends.append(abs(path[-1] / path[0]).max())
            expect(ends[0] < 1, f"{case}: lr = 0.98 * {limit:.3g} explodes.")
            expect(ends[1] > 1, f"{case}: lr = 1.02 * {limit:.3g} still comes to rest.")


@exercise("1.2")
def translate_a_setting(settings_for_sgd: Any) -> None:
    """Momentum is the same in every text; dampening makes an average of it."""
    g = np.random.default_rng(20).standard_normal((40, 2))
    for lr, beta in ((0.1, 0.9), (0.5, 0.99), (1.0, 0.0)):
        settings, case = settings_for_sgd(lr, beta), f"lr {lr}, beta {beta}"
        expect(
            isinstance(settings, dict), "return a dictionary such as {'lr': ..., 'momentum': ..., 'dampening': ...}."
        )
        got, m, wanted = follow(mr.optim.SGD, np.zeros(2), fed(g), 40, **settings), np.zeros(2), [np.zeros(2)]
        for g_t in g:
            m = beta * m + (1 - beta) * g_t
            wanted.append(wanted[-1] - lr * m)
        plain, damped = (
            follow(mr.optim.SGD, np.zeros(2), fed(g), 40, lr=lr, momentum=beta, dampening=d) for d in (0, beta)
        )
        mistake(got, plain, wanted, f"{case}: minirad's SGD adds g_t whole, where the paper adds (1 - beta) g_t.")
        damping = "dampening spares the first gradient, which SGD takes whole. Is there another place for 1 - beta?"
        mistake(got, damped, wanted, f"{case}: {damping}")
        for t in range(1, 41):
            expect(close(got[t], wanted[t]), f"{case}: the paths part at step {t}.")


@exercise("1.3")
def an_average_that_does_not_start_at_zero(unbiased: Any) -> None:
    """Bias correction means: divide by 1 - beta^t."""
    rng = np.random.default_rng(21)
    for c in (0.0, 1.0, -5.0):
        for beta in (0.5, 0.9, 0.999):
            x, m = 2 + rng.standard_normal(30), c
            for t, x_t in enumerate(x, 1):
                m = beta * m + (1 - beta) * x_t
                got, wanted = unbiased(m, t, beta, c), np.average(x[:t], weights=beta ** np.arange(t, 0, -1))
                case = f"c = {c}, beta = {beta}, t = {t}"
                mistake(got, m / (1 - beta**t), wanted, f"{case}: the start c is still in it.")
                weight = "the start c has not its full weight any more. What weight has it after t steps?"
                mistake(got, (m - c) / (1 - beta**t), wanted, f"{case}: {weight}")
                expect(t > 1 or close(got, x[0]), f"{case}: after one number, the estimate must be that number.")
                expect(close(got, wanted), f"{case}: got {got:.4f}, the mean is {wanted:.4f}.")


@exercise("1.4", none=True)
def adam_in_place(adam_step: Any) -> None:
    """A name is a copy."""
    g = np.array([1e-7, 1e-2, 10.0]) * np.random.default_rng(22).standard_normal((50, 3))
    settings: Any = {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-8}
    wanted = follow(mr.optim.Adam, np.ones(3), fed(g), 50, **settings)
    before = follow(mr.optim.AdamEps, np.ones(3), fed(g), 50, **settings)
    theta, m, v = np.ones(3), np.zeros(3), np.zeros(3)
    average = np.zeros(3)
    for t in range(1, 51):
        given_g, average = g[t - 1].copy(), 0.8 * average + 0.2 * g[t - 1]
        returned = adam_step(theta, given_g, m, v, t, lr=0.01, beta1=0.8, beta2=0.95, eps=1e-8)
        expect(returned is None, "change theta in place, and return nothing.")
        expect(np.array_equal(given_g, g[t - 1]), f"step {t} has changed the gradient.")
        expect(not np.array_equal(theta, np.ones(3)), "theta has not moved. `theta = ...` makes a new name, no change.")
        corrected = "m holds the corrected average. A second name for an array is no copy: m_hat must be a new array"
        mistake(m, average / (1 - 0.8**t), average, f"step {t}: {corrected}.")
        mistake(theta, before[t], wanted[t], f"step {t}: epsilon stands before the bias correction.")
        expect(close(theta, wanted[t]), f"step {t}: got {theta}, wanted {wanted[t]}.")


@exercise("1.5")
def move_epsilon(eps_before: Any) -> None:
    """Epsilon's place does not matter, or only by the factor 1 - beta2^t."""
    g = 1e-3 * np.random.default_rng(23).standard_normal((30, 3))
    for beta2 in (0.9, 0.999):
        wanted = follow(mr.optim.Adam, np.zeros(3), fed(g), 30, betas=(0.9, beta2), eps=1e-3)
        p: Any = Param(np.zeros(3))
        optimizer = mr.optim.AdamEps([p], betas=(0.9, beta2))
        for t in range(1, 31):
            eps, right, case = eps_before(1e-3, t, beta2), 1e-3 * (1 - beta2**t) ** 0.5, f"beta2 = {beta2}, step {t}"
            mistake(eps, 1e-3, right, f"{case}: there epsilon is beside a root that is still too small.")
            mistake(eps, 1e-3 * (1 - beta2**t), right, f"{case}: v is too small by 1 - beta2^t. And its root?")
            mistake(eps, 1e-3 / (1 - beta2**t) ** 0.5, right, f"{case}: the wrong way round: v_t is below v_hat_t.")
            optimizer.param_groups[0]["eps"], p.grad = eps, g[t - 1].copy()
            optimizer.step()
            expect(close(p.data, wanted[t]), f"{case}: the paths part.")


@exercise("1.6")
def nesterov_as_a_choice_of_phi(nesterov_phi: Any) -> None:
    """Nesterov's step does not fit into Algorithm 1, or adds the old m."""
    noise, curvature = np.random.default_rng(24).standard_normal((30, 3)), np.array([0.5, 2.0, 8.0])
    start = np.ones(3)

    def ravine(theta: Any, t: int) -> Any:
        return curvature * theta + 0.3 * noise[t - 1]

    for gamma in (0.5, 0.9):
        phi = nesterov_phi(gamma)
        expect(callable(phi), "nesterov_phi(gamma) must return a function.")
        got = follow(mr.optim.Algorithm1, start, ravine, 30, lr=0.02, phi=phi, psi=algorithm1.constant)
        ball, wanted = (
            follow(mr.optim.SGD, start, ravine, 30, lr=0.02, momentum=gamma, nesterov=nesterov)
            for nesterov in (False, True)
        )
        mistake(got, ball, wanted, "this is the heavy ball: g_t + gamma m_{t-1} is m_t itself. Nesterov's m is m_t.")
        for t in range(31):
            expect(close(got[t], wanted[t]), f"gamma = {gamma}: the paths part at step {t}.")
