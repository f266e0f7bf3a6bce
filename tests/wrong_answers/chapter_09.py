"""Wrong answers to the exercises of chapter 9."""

import math

import numpy as np

from minirad import variance
from wrong_answers.common import r_of


def on_images_with(paired=True, ddof=1, root=True):
    def difference_on_images(right_a, right_b):
        a, b, n = right_a.astype(float), right_b.astype(float), len(right_a)
        variance = (a - b).var(ddof=ddof) if paired else a.var(ddof=ddof) + b.var(ddof=ddof)
        return (a - b).mean(), math.sqrt(variance / n if root else variance)

    return difference_on_images


def share_with(weighted=True, divisor=None, nan=False):
    def share_of_rate(steps, beta2, factor):
        r, factors = (
            np.array(r_of(steps, beta2, math.nan if nan else 0.0)),
            np.array([factor(t) for t in range(1, steps + 1)]),
        )
        return r.mean() if not weighted else (r * factors).sum() / (divisor or (lambda f: f.sum()))(factors)

    return share_of_rate


def decay_with(lr=True, milestones=True, sign=-1, log=math.log):
    def decay_for(left, rate, steps):
        sums = 0.5275 * steps if milestones else steps
        return sign * log(left) / (sums * (rate if lr else 1))

    return decay_for


WRONG = {
    "9.1": [
        ([on_images_with(paired=False)], "adds the variances of two accuracies"),
        ([on_images_with(paired=False, ddof=0)], "adds the variances of two accuracies"),
        ([on_images_with(root=False)], "the spread of one image"),
        ([on_images_with(ddof=0)], "divide by n - 1"),
    ],
    "9.2": [
        ([lambda lr, steps, beta2: lr], "at the same lr RAdam is slower"),
        ([lambda lr, steps, beta2: lr / variance.rectification(steps, beta2)], "takes the last r_t"),
        ([lambda lr, steps, beta2: lr / np.nanmean(r_of(steps, beta2, math.nan))], "with 0 for the first four"),
        ([lambda lr, steps, beta2: lr / np.mean(r_of(steps, beta2, math.nan))], "have no r_t: count 0"),
        ([lambda lr, steps, beta2: lr * np.mean(r_of(steps, beta2))], "must it be more"),
    ],
    "9.3": [
        ([share_with(weighted=False)], "this is the plain mean"),
        ([share_with(divisor=len)], "divide by the sum of the factors"),
        ([share_with(divisor=lambda factors: 1)], "divide by the sum of the factors"),
        ([share_with(nan=True)], "have no r_t: count 0"),
    ],
    "9.4": [
        ([decay_with(lr=False)], "Where is lr"),
        ([decay_with(milestones=False)], "the rate falls at the milestones"),
        ([decay_with(sign=1)], "the weight grows"),
        ([decay_with(log=lambda left: left - 1)], "it is the logarithm that adds up"),
    ],
}
