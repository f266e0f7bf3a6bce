"""Wrong answers to the exercises of chapter 3."""

import math

from minirad import variance


def radam_with(count=0, in_place=False, decay="decoupled", epsilon="before", threshold=4):
    def radam(theta, gradients, lr, beta1, beta2, eps, weight_decay):
        m, v, path = 0.0, 0.0, []
        for t, g in enumerate(gradients, 1 + count):
            if decay == "decoupled":
                theta *= 1 - lr * weight_decay
            else:
                g = g + weight_decay * theta
            v = beta2 * v + (1 - beta2) * g**2
            m = beta1 * m + (1 - beta1) * g
            m_hat = m / (1 - beta1**t)
            if in_place:
                m = m_hat
            if variance.sma_length(t, beta2) > threshold:
                r, c = variance.rectification(t, beta2), math.sqrt(1 - beta2**t)
                root = math.sqrt(v) + eps if epsilon == "before" else math.sqrt(v) + c * eps
                theta -= lr * r * m_hat * c / root
            else:
                theta -= lr * m_hat
            path.append(theta)
        return path

    return radam


def cache_by_t(cache, compute, t, group):
    if t not in cache:
        cache[t] = compute(t, group["lr"], *group["betas"])
    return cache[t]


def l2_step(optimizer, p, weight_decay):
    p.grad += weight_decay * p.data
    optimizer.step()


def l2_step_that_restores(optimizer, p, weight_decay):
    g = p.grad
    p.grad = g + weight_decay * p.data
    optimizer.step()
    p.grad = g


def full_decay_step(optimizer, p, weight_decay):
    p.data *= 1 - weight_decay
    optimizer.step()


CHOICES = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)


WRONG = {
    "3.1": [
        ([radam_with(count=1)], "you count a step twice"),
        ([radam_with(in_place=True)], "m itself was corrected"),
        ([radam_with(decay="l2")], "decay in the gradient"),
        ([radam_with(epsilon="after")], "beside the plain v"),
        ([radam_with(threshold=4.99999)], "you wait for rho >= 5"),
    ],
    "3.2": [
        ([lambda: (1.0, [1.0] * 12, 1e-8, 0.0)], "Without weight decay nobody can tell"),
        ([lambda: (1.0, [0.0] * 4 + [0.1 * k for k in range(1, 9)], 1e-8, 0.5)], "beside gradients of its own size"),
    ],
    "3.3": [
        ([lambda t, c, lr, beta2: lr], "this step has no v in it"),
        ([lambda t, c, lr, beta2: lr / c], "which has grown with c"),
    ],
    "3.4": [
        ([cache_by_t], "the numbers of another group"),
        ([lambda cache, compute, t, group: compute(t, group["lr"], *group["betas"])], "80 are enough"),
    ],
    "3.5": [
        ([l2_step], "goes into m and v"),
        ([l2_step_that_restores], "this is L2 decay, in the gradient"),
        ([full_decay_step], "by lr \\* weight_decay, not by weight_decay"),
    ],
    "3.6": [
        ([lambda steps, choices=CHOICES: 0.999], "in only 0% of them"),
        (
            [lambda steps, choices=CHOICES: max(b for b in choices if 2 / (1 - b) <= steps / 2 + 1e-6)],
            "after 2/\\(1 - beta2\\) steps it is still below",
        ),
        ([lambda steps, choices=CHOICES: 0.9], "would do as well"),
    ],
}
