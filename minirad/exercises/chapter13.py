"""Checkers of chapter 13, the case against."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minirad import variance
from minirad.exercises.checking import close, exercise, expect, mistake


@exercise("13.1")
def the_size_of_an_update(rms_update: Any) -> str:
    """Where the variance of psi is infinite, the update must be wild."""
    for beta1 in (0.9, 0.5, 0.99):
        for t in (1, 2, 5, 50, 5000):
            got, case = rms_update(t, beta1), f"t = {t}, beta1 = {beta1}"
            a = (1 - beta1) * beta1 ** np.arange(t) / (1 - beta1**t)
            wanted = math.sqrt(float((a**2).sum()))
            expect(not (isinstance(got, float) and math.isinf(got)), f"{case}: psi may be infinite. The update is not.")
            mistake(got, wanted**2, wanted, f"{case}: this is the mean square. Its root is asked for.")
            bare = wanted * (1 - beta1**t)
            mistake(got, bare, wanted, f"{case}: this is m. The rule divides it by 1 - beta1^t.")
            mistake(got, bare**2, wanted, f"{case}: this is the mean square of m, without the bias correction.")
            limit = math.sqrt((1 - beta1) / (1 + beta1))
            mistake(got, limit, wanted, f"{case}: this is where it ends. How large is it at step {t}?")
            mistake(got, 1.0, wanted, f"{case}: that is the first step. Later ones average gradients of both signs.")
            mistake(
                got, 1 / math.sqrt(t), wanted, f"{case}: that is a plain mean of {t} gradients. m_hat forgets old ones."
            )
            expect(close(got, wanted), f"{case}: got {got:.6g}, wanted {wanted:.6g}.")
    return "For t = 1, 2, 3: " + ", ".join(f"{rms_update(t, 0.9):.3f}" for t in (1, 2, 3)) + "."


@exercise("13.2")
def a_linear_warmup_of_the_same_weight(linear_warmup: Any) -> str:
    """RAdam needs no warmup."""
    for beta2 in (0.99, 0.9, 0.999):
        got, case = linear_warmup(beta2), f"beta2 = {beta2}"
        factors = [variance.rectification(t, beta2) for t in range(1, round(40 / (1 - beta2)))]
        held = sum(1 - (0.0 if math.isnan(r) else r) for r in factors)
        wanted = 2 * held + 1
        expect(not (isinstance(got, float) and math.isnan(got)), f"{case}: got nan. r_t does not exist at first.")
        half = f"{case}: RAdam holds back {held:.0f} steps. A linear warmup over T steps holds back how many?"
        mistake(got, held, wanted, half, rtol=1e-4)
        rule = f"{case}: this is Ma and Yarats's rule of thumb. It is near; compute the number itself."
        mistake(got, 2 / (1 - beta2), wanted, rule, rtol=1e-6)
        late = 2 * sum(1 - r for r in factors if not math.isnan(r)) + 1
        mistake(got, late, wanted, f"{case}: the first steps are held back too, all of each.", rtol=1e-5)
        short = f"{case}: got {got:.1f}, wanted {wanted:.1f}. Did you add up until r_t is 1 to many digits?"
        expect(got > 0.97 * wanted or got < 0.6 * wanted, short)
        expect(
            close(got, wanted, rtol=1e-3) or close(got, wanted, rtol=0, atol=1.1),
            f"{case}: got {got:.1f}, wanted {wanted:.1f}.",
        )
    return f"RAdam's r_t at beta2 = 0.999 holds back as much as {linear_warmup(0.999):.0f} steps of linear warmup."


@exercise("13.3")
def the_sharpest_direction(largest_curvature: Any) -> str:
    """For a Hessian's eigenvalue one needs the Hessian."""
    rng = np.random.default_rng(133)
    for top, rest, n in ((5.0, 1.0, 6), (-3.0, 0.5, 8), (40.0, 10.0, 20), (1e-3, 1e-4, 5)):
        q, _ = np.linalg.qr(rng.standard_normal((n, n)))
        values = np.concatenate([[top], rng.uniform(-rest, rest, n - 1)])
        hessian, centre, start = (q * values) @ q.T, rng.standard_normal(n), rng.standard_normal(n)
        asked: list[int] = []

        def gradient(theta: Any, hessian: Any = hessian, centre: Any = centre, asked: Any = asked) -> Any:
            asked.append(1)
            return hessian @ (theta - centre)

        theta = rng.standard_normal(n)
        before = theta.copy()
        got, case = largest_curvature(gradient, theta, start.copy()), f"eigenvalue {top:g} of {n}"
        expect(np.shape(got) == (), f"{case}: return one number.")
        expect(np.array_equal(theta, before), f"{case}: theta has changed. Put it back, or work on copies.")
        expect(asked, f"{case}: the gradient was never asked for.")
        mistake(got, abs(top), top, f"{case}: the sign is lost. u . (H u) has it, the norm of H u has not.", rtol=1e-3)
        for twice in (2 * top, top / 2):
            mistake(
                got,
                twice,
                top,
                f"{case}: got {got:.3g}, off by a factor of 2. How far apart are the two points?",
                rtol=1e-2,
            )
        near = f"{case}: got {got:.6g}. Is u made a unit vector each time, and are there enough rounds?"
        expect(close(got, top, rtol=1e-3), near)
    return "Two gradients a round, and no second derivative."


@exercise("13.4")
def adam_that_starts_at_the_first_square(gi_adam_step: Any) -> None:
    """A bias correction does the same, whatever the average starts from."""
    rng = np.random.default_rng(134)
    for gradients in (list(rng.standard_normal(5)), list(3 * rng.standard_normal(40)), [0.5] * 6, [2.0]):
        got, t = gi_adam_step(list(gradients), 0.9, 0.999), len(gradients)
        case = f"{t} gradient{'s' * (t > 1)}, the first {gradients[0]:.2g}"
        m, v, plain = 0.0, gradients[0] ** 2, 0.0
        for g in gradients:
            m, v, plain = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2, 0.999 * plain + 0.001 * g**2
        m_hat, c = m / (1 - 0.9**t), math.sqrt(1 - 0.999**t)
        wanted = m_hat * c / math.sqrt(v)
        mistake(got, m_hat * c / math.sqrt(plain), wanted, f"{case}: this is Adam, whose v starts at 0.")
        both = f"{case}: without its bias correction. The rule here keeps it, and that is what makes it a warmup."
        mistake(got, m_hat / math.sqrt(v), wanted, both)
        mistake(got, m * c / math.sqrt(v), wanted, f"{case}: m starts at 0 and needs its own correction.")
        late = gradients[0] ** 2
        for g in gradients[1:]:
            late = 0.999 * late + 0.001 * g**2
        if t > 1:
            same = math.isclose(late, v, rel_tol=1e-9)
            expect(same or not close(got, m_hat * c / math.sqrt(late)), f"{case}: v lost a gradient.")
        mistake(got, m_hat * c**2 / math.sqrt(v), wanted, f"{case}: the correction belongs under the root.")
        expect(close(got, wanted), f"{case}: got {got:.6g}, wanted {wanted:.6g}.")


@exercise("13.5")
def how_much_of_the_input_is_left(share_of_input: Any) -> str:
    """Where the norm stands is a matter of taste."""
    for layers in (2, 6, 24, 1, 0):
        for norm_first in (False, True):
            got, case = share_of_input(layers, norm_first), f"{layers} sublayers, {'pre' if norm_first else 'post'}-LN"
            post, pre = 0.5**layers, 1 / (1 + layers)
            wanted, other = (pre, post) if norm_first else (post, pre)
            mistake(got, other, wanted, f"{case}: this is the share with the norm in the other place.")
            mistake(
                got, math.sqrt(wanted), wanted, f"{case}: this is the ratio of the lengths. The variance is its square."
            )
            mistake(got, 1.0, wanted, f"{case}: the sum keeps the input, but other things are added to it.")
            mistake(got, 1 / (layers or 1), wanted, f"{case}: the input itself is one of the parts.")
            expect(close(got, wanted), f"{case}: got {got:.6g}, wanted {wanted:.6g}.")
    return "After 12 sublayers, post-LN leaves 1/4096 of it, pre-LN 1/13."
