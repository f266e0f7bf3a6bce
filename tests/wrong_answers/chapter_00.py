"""Wrong answers to the exercises of chapter 0."""

import math

import numpy as np

from minirad import variance


def mean_r(of_all=True, nan_as_0=True, pass_on=True):
    def equal_mean_rate(lr, steps, beta2=0.999):
        r = [variance.rectification(t, beta2 if pass_on else 0.999) for t in range(1, steps + 1)]
        if nan_as_0:
            r = [x for x in r if not math.isnan(x)]
        return lr * sum(r) / (steps if of_all else len(r))

    return equal_mean_rate


WRONG = {
    "0.1": [
        ([lambda counts: -sum(c / sum(counts) * math.log2(c / sum(counts)) for c in counts if c)], "this is in bits"),
        ([lambda counts: -np.mean([math.log(c / sum(counts)) for c in counts if c])], "weighted by its share"),
    ],
    "0.2": [
        ([lambda lr, steps, beta2=0.999: lr], "this is lr itself"),
        ([mean_r(nan_as_0=False)], "nan in a sum"),
        ([mean_r(of_all=False)], "divide by all steps"),
        ([mean_r(pass_on=False)], "pass beta2 on"),
    ],
    "0.3": [
        ([lambda n: 1.0], "do not prove 'always'"),
        ([lambda n: 0.025 / n], "they do not add up"),
    ],
}
