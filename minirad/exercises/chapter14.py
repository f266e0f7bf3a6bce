"""Checkers of chapter 14, fast NumPy."""

from __future__ import annotations

import tracemalloc
from statistics import fmean, median
from typing import Any

import numpy as np

from minirad.exercises.checking import close, exercise, expect, mistake


@exercise("14.1")
def a_lower_bound(least_seconds: Any) -> None:
    """Time is spent on arithmetic."""
    n, wanted = 1_000_000, 2.8e-3
    got = least_seconds(n, 4, 3, "float32", 1e10)
    case = "4 vectors of a million float32 read and 3 written at 10 GB/s"
    mistake(got, wanted / 4, wanted, f"{case}: a float32 has four bytes.")
    mistake(got, wanted * 4 / 7, wanted, f"{case}: what is written moves too.")
    expect(close(got, wanted), f"{case}: 28 MB take {1e3 * wanted:.1f} ms, got {1e3 * got:.3g} ms.")
    expect(close(least_seconds(10, 2, 1, "float64", 240.0), 1), "a float64 has eight bytes. Where do yours come from?")


@exercise("14.2", none=True)
def nothing_new(momentum_step: Any) -> None:
    """m += c * g needs no memory."""
    theta, g, m, scratch = np.random.default_rng(6).standard_normal((4, 100_000)).astype("float32")
    old_theta, old_g, wanted_m = theta.copy(), g.copy(), np.float32(0.9) * m + g
    wanted_theta, old_m_used = theta - np.float32(0.1) * wanted_m, theta - np.float32(0.1) * m
    tracemalloc.start()
    try:
        momentum_step(theta, g, m, scratch, 0.1, 0.9)
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    expect(not np.array_equal(theta, old_theta), "theta has not moved. `theta = ...` makes a new name, no change.")
    expect(np.array_equal(g, old_g), "g has changed. Where may the product go instead?")
    expect(np.allclose(m, wanted_m, atol=1e-5), "m is not beta m + g. Was it written into m itself?")
    expect(not np.allclose(theta, old_m_used, atol=1e-5), "theta moved by the old m: m comes first.")
    expect(np.allclose(theta, wanted_theta, atol=1e-5), "theta is not theta - lr m.")
    arrays = used / theta.nbytes
    expect(arrays < 0.1, f"{arrays:.0f} arrays were made at a time. A product is a new array, unless it has an out=.")


@exercise("14.3", none=True)
def in_blocks_to_the_end(in_blocks: Any) -> None:
    """A piece of an array is a copy; lengths divide evenly."""
    for length, block in ((12, 4), (10, 4), (3, 4), (1, 1)):
        theta, m = np.arange(length, dtype="float64"), np.ones(length)
        seen: list[int] = []
        case = f"{length} elements in blocks of {block}"

        def rule(theta: Any, m: Any, seen: Any = seen) -> None:
            seen.append(len(theta))
            m *= 0.5
            theta -= m

        in_blocks(rule, [theta, m], block)
        expect(seen, f"{case}: the rule was never called.")
        expect(max(seen) <= block, f"{case}: one piece has {max(seen)}.")
        expect(sum(seen) == length, f"{case}: only {sum(seen)} were handed over. What of a last piece that is shorter?")
        expect(
            not np.array_equal(m, np.ones(length)), f"{case}: m has not changed. The rule got copies; which are views?"
        )
        expect(close(theta, np.arange(length) - 0.5), f"{case}: theta is {theta}. Is each element handed over once?")


@exercise("14.4")
def a_ratio_that_means_something(fair_ratio: Any) -> None:
    """The mean of many measurements is right, if they are many enough."""
    got = fair_ratio([2.0, 2.0, 2.0], [1.0, 1.0, 1.0])
    mistake(got, 0.5, 2.0, "A takes twice as long, so the number is 2 and not a half.")
    expect(close(got, 2.0), f"A takes 2 s in each round, B 1 s: the number is 2, got {got}.")
    a, b = [2.0, 2.0, 200.0, 2.0, 2.0], [1.0] * 5
    got = fair_ratio(a, b)
    for wrong in (fmean(a) / fmean(b), fmean(x / y for x, y in zip(a, b, strict=True))):
        mistake(
            got, wrong, 2.0, f"one disturbed round of five has moved the number from 2 to {wrong:.0f}: a mean does."
        )
    a = [3.0, 6.0, 12.0, 24.0, 48.0]
    b = [100.0, 100.0, 4.0, 8.0, 16.0]  # disturbed in the first two
    got = fair_ratio(a, b)
    within = "the machine gets slower: compare within a round, where it is as fast for A as for B."
    for wrong in (median(a) / median(b), min(a) / min(b)):
        mistake(got, wrong, 3.0, within)
    expect(
        close(got, 3.0), f"in three rounds of five A takes three times as long; got {got:.3g}. Is it the middle one?"
    )


@exercise("14.5")
def who_is_faster(crossover: Any) -> None:
    """The faster program is faster for every size."""
    got, wanted = crossover(1e-6, 2e-9, 5e-6, 1e-9), 4000.0
    case = "1 + 0.002 n against 5 + 0.001 n microseconds"
    mistake(got, -wanted, wanted, f"{case}: a negative n. Which difference goes with which?")
    mistake(got, 5000.0, wanted, f"{case}: program 1 has an overhead as well.")
    expect(close(got, wanted), f"{case}: at n = {got} they differ.")
    for slopes in ((1.0, 1.0), (1.0, 3.0)):
        got = crossover(1.0, slopes[0], 2.0, slopes[1])
        case = f"slopes {slopes[0]:g} and {slopes[1]:g}, and program 2 has more overhead"
        expect(got == float("inf"), f"{case}: it is never faster, so the answer is infinity, got {got}.")
