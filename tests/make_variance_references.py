"""Write variance_references.json: the moments of psi = 1/sqrt(v) to 30 digits, for tests of variance and simulation.

    python3 -m venv /tmp/references && /tmp/references/bin/pip install mpmath
    /tmp/references/bin/python tests/make_variance_references.py

Eqs. (2), (6) and (7) as they stand, with Gamma functions of 60 digits. The moments of the exponential average are the
integrals that simulation.py has, E[1/Q] = int M(s) ds and E[1/sqrt(Q)] = int M(s)/sqrt(pi s) ds with
M(s) = E[e^(-s Q)], by Gauss-Legendre quadrature with 40 digits. Closed forms of special cases, which share nothing with
these integrals, are in test_simulation.py. mpmath is needed here only. This takes a minute.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("variance_references.json")


def plain_average(mp: Any, rho: float) -> tuple[Any, Any, Any]:
    """E[psi], E[psi^2] and Var[psi] at tau = 1."""
    rho = mp.mpf(rho)
    mean = mp.sqrt(rho / 2) * mp.gamma((rho - 1) / 2) / mp.gamma(rho / 2)
    mean_square = rho / (rho - 2)
    return mean, mean_square, mean_square - mean**2


def exponential_average(mp: Any, t: int, beta2: float, mu: float) -> tuple[Any, Any]:
    """E[psi_t] and Var[psi_t] of gradients N(mu, 1), for t > 2."""
    beta2, mu = mp.mpf(beta2), mp.mpf(mu)
    weights = [beta2**i * (1 - beta2) / (1 - beta2**t) for i in range(t)]

    def transform(u: Any) -> Any:
        s = mp.exp(u)
        square, exponent = mp.mpf(1), mp.mpf(0)
        for w in weights:
            square *= 1 + 2 * w * s
            exponent += w * s / (1 + 2 * w * s)
        return mp.exp(-(mu**2) * exponent) / mp.sqrt(square)

    ends = [mp.mpf(u) for u in range(-200, 221, 6)]  # of u = log s
    mean = mp.quad(lambda u: mp.exp(u / 2) * transform(u), ends, method="gauss-legendre", maxdegree=5) / mp.sqrt(mp.pi)
    mean_square = mp.quad(lambda u: mp.exp(u) * transform(u), ends, method="gauss-legendre", maxdegree=5)
    return mean, mean_square - mean**2


def main() -> None:
    """Compute all, and write the file."""
    import mpmath as mp

    def text(*numbers: Any) -> list[str]:
        return [mp.nstr(x, 30) for x in numbers]

    mp.mp.dps = 60
    rhos = [2 + 10 ** (k / 10) for k in range(-30, 61)] + [3.0, 4.0, 5.0, 199.9, 200.0, 200.1, 1999.0]
    plain = {repr(rho): text(*plain_average(mp, rho)) for rho in sorted(rhos)}
    mp.mp.dps = 40
    exponential = [
        [t, beta2, mu, *text(*exponential_average(mp, t, beta2, mu))]
        for t in (3, 5, 10, 100)
        for beta2 in (0.5, 0.9, 0.999)
        for mu in (0.0, 0.1, 1.0, 10.0)
    ]
    lines = [
        '{"plain": {', ",\n".join(f"{json.dumps(rho)}: {json.dumps(x)}" for rho, x in plain.items()), "},",
        '"exponential": [', ",\n".join(map(json.dumps, exponential)), "]}",
    ]  # fmt: skip
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
