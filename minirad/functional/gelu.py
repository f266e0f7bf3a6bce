"""GELU, and the error function that it needs: the one function of this project that NumPy lacks."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from minirad.backend import Array, xp
from minirad.functional.arithmetic import floating
from minirad.tensor import Tensor

# Chebyshev coefficients of e^(x^2) erfc(x), x >= 0, as a function of u = (x - 4) / (x + 4) in [-1, 1): interpolation at
# 80 nodes in 40-digit arithmetic, cut where the terms fall below 1e-17.
ERFC = (
    0.2981017936936576,
    -0.42908644125580536,
    0.18027256568771055,
    -0.06523752449734899,
    0.020367256576744864,
    -0.005449087066459008,
    0.0012278515372606755,
    -0.0002246979421877305,
    3.068543113098951e-05,
    -2.3178234999468535e-06,
    -1.4628356484727578e-07,
    6.927830518748949e-08,
    -6.8831107633628464e-09,
    -6.858489149445451e-10,
    2.4593734989496684e-10,
    -7.814909174028096e-12,
    -5.889394733817263e-12,
    6.869230438567993e-13,
    1.255049258010826e-13,
    -2.8232509502798152e-14,
    -2.6031646343175433e-15,
    1.0249960195009234e-15,
    5.72841468125685e-17,
    -3.692875129327215e-17,
)


def erf(x: Array) -> Array:
    """2/sqrt(pi) times the integral of e^(-t^2) from 0 to x, to 1e-15. An array in, an array out."""
    size = xp.abs(x)
    u = 1 - 8 / (size + 4)  # (x - 4) / (x + 4), also for infinite x
    # Clenshaw's recurrence sums the series from its end: b_k = c_k + 2 u b_(k+1) - b_(k+2).
    b, b_next = 0 * u, 0 * u
    for c in reversed(ERFC[1:]):
        b, b_next = c + 2 * u * b - b_next, b
    return xp.sign(x) * (1 - xp.exp(-size * size) * (ERFC[0] + u * b - b_next))


def gelu(x: Any, approximate: str = "none") -> Tensor:
    """x Phi(x), with Phi the distribution function of N(0, 1); "tanh" takes the usual approximation of it.

    The derivative is Phi(x) + x phi(x).  Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    x = floating("gelu", x)
    z = x.data
    if approximate == "none":
        cdf = 0.5 * (1 + erf(z / sqrt(2)))

        def slope():
            return cdf + z * xp.exp(-0.5 * z * z) / sqrt(2 * pi)
    else:
        t = xp.tanh(sqrt(2 / pi) * (z + 0.044715 * z * z * z))
        cdf = 0.5 * (1 + t)

        def slope():
            return cdf + 0.5 * z * (1 - t * t) * sqrt(2 / pi) * (1 + 3 * 0.044715 * z * z)

    return Tensor(z * cdf, (x,), lambda g: (g * slope(),))
