"""Wrong answers to the exercises of chapter 1."""

import numpy as np

from minirad.optim import algorithm1


def adam_step_with_second_name(theta, g, m, v, t, lr, beta1, beta2, eps):
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    m_hat = m
    m_hat /= 1 - beta1**t
    theta -= lr * m_hat / (np.sqrt(v / (1 - beta2**t)) + eps)


def adam_step_with_early_epsilon(theta, g, m, v, t, lr, beta1, beta2, eps):
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    theta -= lr * m / (1 - beta1**t) * np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)


def adam_step_of_a_new_name(theta, g, m, v, t, lr, beta1, beta2, eps):
    theta = theta - lr * np.sign(g)


WRONG = {
    "1.1": [
        ([lambda curvatures, gamma: 2 * (1 + gamma) / np.mean(curvatures)], "one direction that explodes is enough"),
        ([lambda curvatures, gamma: 2 * (1 - gamma) / max(curvatures)], "momentum raises the limit"),
        ([lambda curvatures, gamma: 3 * (1 + gamma) / max(curvatures)], "lr = 0.98"),
    ],
    "1.2": [
        ([lambda lr, beta: {"lr": lr, "momentum": beta, "dampening": 0}], "adds g_t whole"),
        ([lambda lr, beta: {"lr": lr, "momentum": beta, "dampening": beta}], "dampening spares the first gradient"),
    ],
    "1.3": [
        ([lambda m, t, beta, c: m / (1 - beta**t)], "the start c is still in it"),
        ([lambda m, t, beta, c: (m - c) / (1 - beta**t)], "not its full weight"),
    ],
    "1.4": [
        ([adam_step_with_second_name], "A second name for an array is no copy"),
        ([adam_step_with_early_epsilon], "epsilon stands before the bias correction"),
        ([adam_step_of_a_new_name], "makes a new name"),
    ],
    "1.5": [
        ([lambda eps, t, beta2: eps], "beside a root that is still too small"),
        ([lambda eps, t, beta2: eps * (1 - beta2**t)], "And its root"),
        ([lambda eps, t, beta2: eps / (1 - beta2**t) ** 0.5], "the wrong way round"),
    ],
    "1.6": [([lambda gamma: algorithm1.heavy_ball(gamma)], "this is the heavy ball")],
}
