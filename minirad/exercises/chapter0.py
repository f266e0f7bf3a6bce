"""Checkers of chapter 0, a cold open."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minirad import variance
from minirad.exercises.checking import close, exercise, expect, mistake


@exercise("0.1")
def the_loss_of_ignorance(unigram_loss: Any) -> None:
    """A loss is good or bad by itself."""
    got = unigram_loss([1, 1, 1, 1])
    mistake(got, 2, math.log(4), "this is in bits: the loss has the natural logarithm.")
    expect(
        close(got, math.log(4)), f"four words, all as frequent: the loss is ln 4 = {math.log(4):.3f}, got {got:.3f}."
    )
    got, wanted = unigram_loss([3, 0, 1]), -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    expect(np.isfinite(got), "a word that never comes has no share in the loss: 0 ln 0 counts as 0.")
    unweighted = -(math.log(0.75) + math.log(0.25)) / 2
    mistake(got, unweighted, wanted, "counts 3, 0, 1: each word must be weighted by its share of the text.")
    expect(close(got, wanted), f"counts 3, 0, 1: got {got:.3f}, wanted {wanted:.3f}.")
    expect(close(unigram_loss([7]), 0), "one word only: nothing is left to guess, and the loss is 0.")


@exercise("0.2")
def the_fair_rate(equal_mean_rate: Any) -> str:
    """Two optimizers with the same lr run at the same rate."""
    r = [variance.rectification(t, 0.999) for t in range(1, 11)]
    got = equal_mean_rate(3e-3, 200)
    expect(not math.isnan(got), "nan in a sum makes the sum nan: the first steps count as 0.")
    expect(not close(got, 3e-3), "this is lr itself: RAdam's steps are multiplied by r_t.")
    ten, wanted = equal_mean_rate(1, 10), sum(r[4:]) / 10
    mistake(ten, sum(r[4:]) / 6, wanted, "divide by all steps, those that count as 0 included.")
    expect(
        close(ten, wanted),
        f"ten steps at lr = 1: six of them have an r_t, and the mean is {wanted:.5f}, not {ten:.5f}.",
    )
    expect(close(got, 6e-4, rtol=0.05), f"200 steps at 0.003: about a fifth of it, got {got:.5f}.")
    other = equal_mean_rate(1, 200, beta2=0.99)
    expect(other > 0.5, "at beta2 = 0.99, r_t grows ten times as fast. Do you pass beta2 on?")
    return f"Over 200 steps {got:.5f}, over 20,000 {equal_mean_rate(3e-3, 20_000):.5f}."


@exercise("0.3")
def five_of_five(least_probability: Any) -> str:
    """What happened in every run will always happen."""
    found = []
    for n in (1, 2, 5, 10, 100):
        p, wanted = least_probability(n), 0.025 ** (1 / n)
        expect(p < 1, f"n = {n}: even 100 of 100 do not prove 'always'.")
        mistake(p, 0.025 / n, wanted, f"n = {n}: the chances of n runs multiply, they do not add up.")
        expect(0 < p < 1, f"n = {n}: p must lie between 0 and 1, got {p}.")
        expect(close(p, wanted), f"n = {n}: with p = {p:.3f}, all are stuck with probability {p**n:.3f}, not 0.025.")
        found.append(f"{n} of {n}: {p:.2f}")
    return "So the probability may be as small as " + ", ".join(found) + "."
