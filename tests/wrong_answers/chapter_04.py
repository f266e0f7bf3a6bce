"""Wrong answers to the exercises of chapter 4."""

import math

import numpy as np

import minirad as mr
from wrong_answers.common import pieces


def softplus_without_g(x):
    e = np.exp(x.data)
    return mr.Tensor(np.log(1 + e), (x,), lambda g: (e / (1 + e),))


def unbroadcast_by_mean(g, shape):
    while g.ndim > len(shape):
        g = g.mean(axis=0)
    for axis, n in enumerate(shape):
        if n == 1:
            g = g.mean(axis=axis, keepdims=True)
    return g


def nearest_first(root):
    order = [root]
    for node in order:
        order += [parent for parent in dict.fromkeys(node.parents) if parent not in order]
    return order


def the_loss_falls(f, x, gradient, generator):
    return f(x - 0.01 * gradient) < f(x)


WRONG = {
    "4.1": [([softplus_without_g], "the vjp ignores g")],
    "4.2": [
        ([unbroadcast_by_mean], "this is a mean"),
        ([lambda g, shape: g.flat[: math.prod(shape)].reshape(shape)], "cut to size"),
    ],
    "4.3": [([nearest_first], "came before one of its users")],
    "4.4": [
        ([pieces(True, lambda length, total, count: length / total)], "only the last piece is left"),
        ([pieces(False, lambda length, total, count: 1)], "a sum of means is no mean"),
        ([pieces(False, lambda length, total, count: 1 / count)], "weigh the same"),
    ],
    "4.5": [
        ([lambda u: (u, u)], "hardly any digits left"),
        ([lambda u: ((3 * u) ** (1 / 3), 1e-8)], "far from the measured one"),
    ],
    "4.6": [([the_loss_falls], "that is no evidence")],
}
