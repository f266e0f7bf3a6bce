"""Wrong answers to the exercises of chapter 14."""

import math
from statistics import median

import numpy as np


def momentum_step_with(theta_first=False, new_array=False, new_name=False, into_g=False):
    def momentum_step(theta, g, m, scratch, lr, beta):
        if new_name:
            m = beta * m + g
            theta = theta - lr * m
            return
        if theta_first:
            theta -= lr * m
        m *= beta
        m += g
        if into_g:
            np.multiply(m, lr, out=g)
            theta -= g
        elif new_array:
            theta -= lr * m
        elif not theta_first:
            np.multiply(m, lr, out=scratch)
            theta -= scratch

    return momentum_step


def in_blocks_with(full_only=False, copies=False):
    def in_blocks(rule, vectors, block):
        for i in range(0, len(vectors[0]) - (block - 1 if full_only else 0), block):
            pieces = [vector[i : i + block] for vector in vectors]
            rule(*(piece.copy() if copies else piece for piece in pieces))

    return in_blocks


WRONG = {
    "14.1": [
        ([lambda n, reads, writes, dtype, bandwidth: n * (reads + writes) / bandwidth], "has four bytes"),
        ([lambda n, reads, writes, dtype, bandwidth: n * reads * np.dtype(dtype).itemsize / bandwidth], "is written"),
        ([lambda n, reads, writes, dtype, bandwidth: 4 * n * (reads + writes) / bandwidth], "a float64 has eight"),
    ],
    "14.2": [
        ([momentum_step_with(new_array=True)], "A product is a new array"),
        ([momentum_step_with(new_name=True)], "theta has not moved"),
        ([momentum_step_with(theta_first=True)], "by the old m"),
        ([momentum_step_with(into_g=True)], "g has changed"),
    ],
    "14.3": [
        ([in_blocks_with(full_only=True)], "a last piece that is shorter"),
        ([in_blocks_with(copies=True)], "The rule got copies"),
        ([lambda rule, vectors, block: rule(*vectors)], "one piece has"),
    ],
    "14.4": [
        ([lambda a, b: median(y / x for x, y in zip(a, b, strict=True))], "not a half"),
        ([lambda a, b: np.mean(a) / np.mean(b)], "a mean does"),
        ([lambda a, b: np.mean(np.divide(a, b))], "a mean does"),
        ([lambda a, b: median(a) / median(b)], "compare within a round"),
        ([lambda a, b: min(a) / min(b)], "compare within a round"),
    ],
    "14.5": [
        ([lambda a_1, b_1, a_2, b_2: (a_2 - a_1) / (b_2 - b_1)], "a negative n"),
        ([lambda a_1, b_1, a_2, b_2: a_2 / (b_1 - b_2)], "has an overhead as well"),
        ([lambda a_1, b_1, a_2, b_2: (a_2 - a_1) / (b_1 - b_2) if b_1 != b_2 else math.inf], "it is never faster"),
    ],
}
