"""The exponential average itself: its psi drawn many times, and the same moments exactly, by one integral each.

The paper's formulas stand on a model: a plain average of rho_t squares in place of the exponential one. Here is what
the exponential average does, to hold the model against. Everything is computed on the host, in float64.

Source: Liu et al., ICLR 2020, section 5.3 and figure 9 (the simulation).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minirad.backend import stream

# u = log s in the integrals below. There the integrands are smooth and decay on both sides, and the trapezoidal rule is
# exact up to rounding.
NODES = np.arange(-75.0, 95.0, 0.06)


def simulate(
    beta2: float,
    steps: int,
    trajectories: int,
    mu: float | Sequence[float] = 0.0,
    generator: np.random.Generator | None = None,
) -> np.ndarray:
    """Var[psi_t] over many independent streams of gradients g ~ N(mu, 1): figure 9 of the paper, before rectification.

    psi_t = sqrt(1 - beta2^t) / sqrt(v_t), the adaptive learning rate of eq. (1) without epsilon. Times r_t^2, its
    variance is that of the rectified one. At t <= 2 the true variance is infinite; the sample's is not.

    Args:
        beta2: the decay of the average, in [0, 1).
        steps: how many steps t = 1, 2, ... .
        trajectories: how many streams, at least 2.
        mu: the mean of the gradients, or several. Several share their noise, so that curves differ by mu alone.
        generator: where the noise comes from; None takes the stream "noise".

    Returns:
        The variances, float64 of shape (steps,), or (len(mu), steps).
    """
    if not 0 <= beta2 < 1:
        raise ValueError(f"simulate: beta2 must lie in [0, 1), got {beta2!r}")
    if steps < 1 or trajectories < 2:
        raise ValueError(f"simulate: needs steps >= 1 and trajectories >= 2, got {steps!r} and {trajectories!r}")
    draw = stream("noise") if generator is None else generator
    means = np.atleast_1d(np.asarray(mu, float))
    v = np.zeros((len(means), trajectories))
    result = np.empty((len(means), steps))
    for t in range(1, steps + 1):
        noise = draw.standard_normal(trajectories)
        for i, mean in enumerate(means):  # one row at a time stays in the cache
            v[i] *= beta2
            v[i] += (1 - beta2) * (noise + mean) ** 2
            psi = np.sqrt((1 - beta2**t) / v[i])
            result[i, t - 1] = psi.var(ddof=1)
    return result[0] if np.ndim(mu) == 0 else result


def ema_moments(t: int, beta2: float, mu: float = 0.0) -> tuple[float, float]:
    """(E[psi_t], Var[psi_t]) of the exponential average after t steps, gradients N(mu, 1): exact up to rounding.

    psi^2 = 1/Q, where Q is a sum of t squares of normals with the weights w_i of the bias-corrected average. From
    1/Q = integral of e^(-s Q) ds and 1/sqrt(Q) = integral of e^(-s Q) / sqrt(pi s) ds follow both moments, since
    E[e^(-s Q)] = product over i of exp(-mu^2 w_i s / (1 + 2 w_i s)) / sqrt(1 + 2 w_i s).

    The variance is infinite for t <= 2, and the mean for t = 1.
    """
    if not 0 <= beta2 < 1:
        raise ValueError(f"ema_moments: beta2 must lie in [0, 1), got {beta2!r}")
    if t < 1:
        raise ValueError(f"ema_moments: t must be at least 1, got {t!r}")
    if t == 1 or beta2 == 0:
        return np.inf, np.inf
    weights = beta2 ** np.arange(t) * (1 - beta2) / (1 - beta2**t)
    weights = weights[weights > 1e-300]
    s = np.exp(NODES)
    log_transform = np.empty_like(s)
    for i in range(len(s)):
        x = weights * s[i]
        log_transform[i] = -0.5 * np.log1p(2 * x).sum() - (mu * mu * x / (1 + 2 * x)).sum()
    step = NODES[1] - NODES[0]
    mean = float(np.exp(NODES / 2 + log_transform).sum() * step / np.sqrt(np.pi))
    if t == 2:
        return mean, np.inf
    return mean, float(np.exp(NODES + log_transform).sum() * step) - mean**2
