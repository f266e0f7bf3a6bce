"""Eight wrong RAdams, of kinds that were found in published code: what exercise 3.2 asks a test for."""

from __future__ import annotations

from math import sqrt

from minirad import variance

MISTAKES = [
    "t starts at 2", "m is corrected in place", "v is corrected before its update", "epsilon inside the root",
    "epsilon added to the weight", "epsilon times 1 - beta2^t", "L2 decay", "the decay is forgotten",
]  # fmt: skip


def with_mistake(mistake, theta, gradients, eps, weight_decay, lr=0.1, beta1=0.9, beta2=0.999):
    """Theta after all steps of a RAdam with one of the MISTAKES, or None for the right one. All are plain numbers."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        t = t + 1 if mistake == "t starts at 2" else t
        if mistake == "L2 decay":
            g = g + weight_decay * theta
        elif mistake != "the decay is forgotten":
            theta *= 1 - lr * weight_decay
        old_v, v, m = v, beta2 * v + (1 - beta2) * g**2, beta1 * m + (1 - beta1) * g
        m_hat, correction = m / (1 - beta1**t), sqrt(1 - beta2**t)
        if mistake == "m is corrected in place":
            m = m_hat
        if variance.sma_length(t, beta2) > 4:
            root = sqrt(old_v if mistake == "v is corrected before its update" else v)
            if mistake == "epsilon inside the root":
                step = m_hat * correction / sqrt(v + eps)
            elif mistake == "epsilon added to the weight":  # parentheses are missing
                step = m_hat * correction / root + eps
            elif mistake == "epsilon times 1 - beta2^t":  # the root is missing
                step = m_hat * correction / (root + (1 - beta2**t) * eps)
            else:
                step = m_hat * correction / (root + eps)
            theta -= lr * variance.rectification(t, beta2) * step
        else:
            theta -= lr * m_hat
    return theta
