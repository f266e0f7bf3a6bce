"""Checkers of chapter 15, beyond one machine."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from typing import Any

import numpy as np

from minirad.exercises.checking import close, exercise, expect, mistake


@exercise("15.1")
def a_name_for_a_run(run_name: Any) -> None:
    """The same dictionary always prints the same, and hash() is a hash for files."""
    settings = {"optimizer": "radam", "lr": 0.1, "seed": 100}
    turned = dict(reversed(settings.items()))
    got = run_name(settings)
    expect(
        isinstance(got, str) and re.fullmatch("[0-9a-f]+", got), f"the name must be hexadecimal digits, got {got!r}."
    )
    expect(len(got) == 12, f"the name must have 12 digits, got {len(got)}.")
    expect(run_name(turned) == got, "the same settings in another order get another name.")
    expect(run_name({**settings, "seed": 101}) != got, "another seed gets the same name.")
    spaced = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    expect(got != spaced, "json.dumps puts spaces behind commas and colons: see its separators.")
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    wanted = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    other = f"for {canonical} the name is {wanted}, got {got}. Is it of the text, and the same in every process?"
    expect(got == wanted, other)


class _Run:
    """A training like the one that the exercise speaks of."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.theta = self.rng.standard_normal(4)
        self.m, self.v, self.t = np.zeros(4), np.zeros(4), 0

    def step(self) -> None:
        g = self.theta + self.rng.standard_normal(4)
        self.t += 1
        self.m *= 0.9
        self.m += 0.1 * g
        self.v *= 0.99
        self.v += 0.01 * g**2
        hat = (1 - 0.99**self.t) ** 0.5 / (1 - 0.9**self.t)
        self.theta -= 0.1 * hat * self.m / (np.sqrt(self.v) + 1e-8)


@exercise("15.2", none=True)
def go_on_as_if_nothing_had_been(snapshot: Any, restore: Any) -> str:
    """The weights are the training."""
    first = _Run(1)
    for _ in range(5):
        first.step()
    at_five = {name: getattr(first, name).copy() for name in ("theta", "m", "v")}
    draws = np.random.default_rng()
    draws.bit_generator.state = first.rng.bit_generator.state
    saved = snapshot(first)
    expect(isinstance(saved, dict), f"snapshot must return a dictionary, got {type(saved).__name__}.")
    for _ in range(5):
        first.step()
    second = _Run(2)
    arrays = {name: getattr(second, name) for name in at_five}
    restore(second, saved)
    for name, wanted in at_five.items():
        got = getattr(second, name)
        later = f"{name} is that of step 10: the run went on after the snapshot and took it along. A name is no copy."
        expect(not close(got, getattr(first, name)), later)
        expect(close(got, wanted), f"{name} is not what it was at the snapshot.")
        expect(got is arrays[name], f"{name} of the new run is another array now. Write into the one that it has.")
    expect(second.t == 5, f"t is {second.t}, it was 5: the bias corrections would begin anew.")
    expect(second.rng is not first.rng, "both runs draw from one generator now. Save its state, not the generator.")
    drawn = second.rng.standard_normal(3)
    expect(np.array_equal(drawn, draws.standard_normal(3)), "the generator is not where it was: other draws follow.")
    third = _Run(3)
    restore(third, saved)
    for _ in range(5):
        third.step()
    expect(np.array_equal(third.theta, first.theta), "a second run, restored from the same snapshot, ends elsewhere.")
    return "Five steps later it is at the same place, bit for bit."


@exercise("15.3")
def pieces_of_a_batch(combine: Any) -> None:
    """The mean of means is the mean."""
    x = np.random.default_rng(4).standard_normal((20, 3))
    for sizes in ([10, 10], [4, 16], [1, 2, 17]):
        edges = np.cumsum([0, *sizes])
        pieces = [x[i:j].mean(axis=0) for i, j in pairwise(edges)]
        got, wanted, case = combine(pieces, sizes), x.mean(axis=0), f"pieces of {sizes} examples"
        mistake(got, np.mean(pieces, axis=0), wanted, f"{case}: a piece with more examples must count for more.")
        mistake(got, np.sum(pieces, axis=0), wanted, f"{case}: this is a sum; the loss is a mean.")
        mistake(got, x.sum(axis=0), wanted, f"{case}: this is the sum over all examples. By what must it be divided?")
        expect(close(got, wanted), f"{case}: wrong numbers.")


@exercise("15.4")
def when_is_the_sweep_done(done_after: Any) -> str:
    """Twice the workers take half the time."""
    for seconds, workers, wanted in (
        ([1.0] * 5, 1, 5.0),
        ([1.0] * 5, 2, 3.0),
        ([1.0, 1.0, 1.0, 1.0, 8.0], 2, 10.0),
        ([8.0, 1.0, 1.0, 1.0, 1.0], 2, 8.0),
        ([3.0, 1.0, 1.0, 1.0, 2.0], 2, 5.0),
        ([2.0, 2.0], 5, 2.0),
    ):
        got, case = done_after(list(seconds), workers), f"{seconds} with {workers} workers"
        mistake(got, sum(seconds) / workers, wanted, f"{case}: a run can't be cut in pieces.")
        turns = max(sum(seconds[i::workers]) for i in range(workers))
        mistake(got, turns, wanted, f"{case}: the next run goes to whoever is free first, not to each in turn.")
        expect(close(got, wanted), f"{case}: done after {wanted:g}, got {got}.")
    return "Long runs go first."
