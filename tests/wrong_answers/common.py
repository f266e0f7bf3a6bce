"""What the wrong answers of several chapters need."""

import math

import minirad as mr
from minirad import variance


def pieces(clear, weigh):
    def gradient_in_pieces(w, x, y, ends):
        w.grad, begin = None, 0
        for end in ends:
            if clear:
                w.grad = None
            loss = mr.mse_loss(x[begin:end] @ w, y[begin:end])
            (loss * weigh(end - begin, len(x), len(ends))).backward()
            begin = end

    return gradient_in_pieces


def r_of(steps, beta2, early=0.0):
    found = [variance.rectification(t, beta2) for t in range(1, steps + 1)]
    return [early if math.isnan(r) else r for r in found]
