"""Checkers of chapter 8, why warmup."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minirad import variance
from minirad.exercises.checking import close, exercise, expect, mistake


@exercise("8.1")
def a_model_that_looks_at_nothing(unigram_loss: Any) -> str:
    """A loss far below log V shows that the net has learned to translate."""
    cases = [
        ([[3, 3], [3, 4]], [[4], [3, 4, 4, 4]], 0),
        ([[5], [5, 6], [7, 7, 7]], [[7, 5], [6]], 1),
        ([[2] * 9, [3]], [[3, 3, 3]], 0),
    ]
    for train, test, end in cases:
        got, case = unigram_loss(train, test, end), f"train {train}, test {test}, end {end}"
        words, unseen = ([w for sentence in part for w in (*sentence, end)] for part in (train, test))
        share = {w: words.count(w) / len(words) for w in set(words)}
        wanted = -sum(math.log(share[w]) for w in unseen) / len(unseen)
        mistake(got, math.log(len(share)), wanted, f"{case}: log V is the loss of one who knows nothing at all.")
        entropy = -sum(p * math.log(p) for p in share.values())
        mistake(
            got, entropy, wanted, f"{case}: this is the training words' own entropy. Which words are to be guessed?"
        )
        own = {w: unseen.count(w) / len(unseen) for w in set(unseen)}
        cheat = -sum(p * math.log(p) for p in own.values())
        mistake(got, cheat, wanted, f"{case}: these shares were counted in the test data. A model has not seen those.")
        bare = [w for sentence in train for w in sentence], [w for sentence in test for w in sentence]
        endless = -sum(math.log(bare[0].count(w) / len(bare[0])) for w in bare[1]) / len(bare[1])
        mistake(got, endless, wanted, f"{case}: the mark of the end must be guessed too, once in each sentence.")
        total = wanted * len(unseen)
        mistake(got, total, wanted, f"{case}: this is a sum. The loss is a mean over the words.")
        expect(close(got, wanted), f"{case}: got {got:.4f}, wanted {wanted:.4f}.")
    return "Whoever is no better than this has not looked at the source."


@exercise("8.2")
def a_run_that_is_long_enough(steps_until: Any) -> str:
    """RAdam is a smaller rate and nothing else, however long the run."""
    found = []
    for share, beta2 in ((0.9, 0.99), (0.9, 0.9), (0.5, 0.999), (0.2, 0.999)):
        got, case = steps_until(share, beta2), f"share {share}, beta2 {beta2}"
        exists = np.array([variance.rectification(t, beta2) for t in range(1, 8001)])
        r, t = np.nan_to_num(exists), np.arange(1, 8001)
        wanted = _first(np.cumsum(r) / t >= share)
        mistake(got, _first(r >= share), wanted, f"{case}: there r_t itself gets so far. Its mean is still behind.")
        formula = 4.5 * share**2 / (1 - beta2)
        near = abs(got - formula) <= 1 and abs(wanted - formula) > 1
        expect(not near, f"{case}: 2/3 sqrt(T (1 - beta2)/2) holds for T far below 2 / (1 - beta2). Add up the r_t.")
        as_one = np.cumsum(np.where(np.isnan(exists), 1.0, exists)) / t
        mistake(got, _first(as_one >= share), wanted, f"{case}: in the steps of SGD r_t counts as 0, not as 1.")
        after = np.cumsum(r[4:]) / t[:-4]
        mistake(got, 4 + _first(after >= share), wanted, f"{case}: the first four steps are of the run too.")
        mistake(got, wanted - 1, wanted, f"{case}: at step {wanted - 1} the mean is still below.")
        mistake(got, wanted + 1, wanted, f"{case}: one too many: step {wanted} has it already.")
        expect(got == wanted, f"{case}: got {got}, wanted {wanted}: the mean is {np.mean(r[:wanted]):.4f} there.")
        found.append(f"{wanted:,} for {share} at beta2 = {beta2}")
    return "Steps: " + "; ".join(found) + "."


def _first(reached: Any) -> int:
    """The first step at which it is so, counted from 1."""
    return int(np.argmax(reached)) + 1


@exercise("8.3")
def what_adam_2k_hides(hidden_factor: Any) -> None:
    """A bias correction that goes on counting is harmless."""
    for frozen, beta1 in ((3, 0.9), (2000, 0.9), (1, 0.5), (50, 0.99)):
        for t in (1, frozen, frozen + 1, frozen + 2, frozen + 10):
            got, case, k = (
                hidden_factor(t, frozen, beta1),
                f"t = {t}, {frozen} frozen steps, beta1 = {beta1}",
                t - frozen,
            )
            wanted = (1 - beta1**k) / (1 - beta1**t) if k > 0 else 0.0
            if k <= 0:
                expect(close(got, 0.0), f"{case}: theta stands still at this step, so the factor is 0, not {got}.")
                continue
            mistake(got, 1.0, wanted, f"{case}: the correction is that of step {t}. How many gradients are in m?")
            mistake(got, 1 - beta1**t, wanted, f"{case}: m is {k} steps old, not {t}.")
            upside = "the printed rule divides by 1 - beta1^t, the bare one by what fits m's age. Which is larger?"
            mistake(got, 1 / wanted, wanted, f"{case}: {upside}")
            late = (1 - beta1 ** (k + 1)) / (1 - beta1**t)
            mistake(
                got, late, wanted, f"{case}: counted one too many. At step {frozen + 1} there is one gradient in m."
            )
            if frozen < 20:
                mistake(
                    got, 1 - beta1**k, wanted, f"{case}: 1 - beta1^t is nearly 1 for a long freeze. Here it is not."
                )
            expect(close(got, wanted), f"{case}: got {got:.6g}, wanted {wanted:.6g}.")


@exercise("8.4")
def a_large_epsilon(adam_eps_step: Any) -> str:
    """Epsilon guards against a division by zero, and does no more."""
    for g in (1.0, -1e-2, 1e-4, -1e-6, 0.0):
        for t in (1, 10, 1000):
            got, case, c = adam_eps_step(g, t, 0.999, 1e-4), f"g = {g:g}, t = {t}", math.sqrt(1 - 0.999**t)
            wanted = c * g / (c * abs(g) + 1e-4)
            mistake(got, math.copysign(1, g), wanted, f"{case}: this is Adam's step without epsilon.")
            after = g / (abs(g) + 1e-4)
            mistake(
                got, after, wanted, f"{case}: here epsilon stands beside sqrt(v_hat). Eq. (1) has it beside sqrt(v)."
            )
            uncorrected = c * g / (abs(g) + 1e-4)
            mistake(got, uncorrected, wanted, f"{case}: v is not g^2 yet: it has only the share 1 - beta2^t of it.")
            mistake(got, abs(wanted), wanted, f"{case}: the step has the sign of the gradient.")
            inside = c * g / math.sqrt(c**2 * g**2 + 1e-4)
            mistake(got, inside, wanted, f"{case}: epsilon stands beside the root, not inside it.")
            expect(close(got, wanted), f"{case}: got {got:.6g}, wanted {wanted:.6g}.")
    first, late = adam_eps_step(1e-4, 1, 0.999, 1e-4), adam_eps_step(1e-4, 1000, 0.999, 1e-4)
    return f"A gradient of 1e-4 moves theta by {first:.3f} lr at step 1 and by {late:.2f} lr at step 1000."


@exercise("8.5")
def at_one_rate_and_at_the_best(two_comparisons: Any) -> None:
    """At one learning rate two rules are compared; the best test loss of a grid may be reported."""
    rng = np.random.default_rng(85)
    rates = [1e-3, 3e-3, 1e-2]
    found: dict[str, list[Any]] = {}
    for case in range(20):
        lr = rates[case % 3]
        validation = {arm: {x: float(rng.uniform(0.1, 3)) for x in rates} for arm in ("a", "b")}
        test = {arm: {x: own[x] + float(rng.normal(0, 0.5)) for x in rates} for arm, own in validation.items()}
        got = two_comparisons(validation, test, lr)
        expect(np.shape(got) == (2,), "return two numbers: the difference at this rate, and that at the best rates.")
        a, b = (min(rates, key=validation[arm].__getitem__) for arm in ("a", "b"))
        both = min(rates, key=lambda x: validation["a"][x] + validation["b"][x])
        for name, value in {
            "got at lr": got[0],
            "at lr": test["a"][lr] - test["b"][lr],
            "validation at lr": validation["a"][lr] - validation["b"][lr],
            "got": got[1],
            "best": test["a"][a] - test["b"][b],
            "by test loss": min(test["a"].values()) - min(test["b"].values()),
            "validation": validation["a"][a] - validation["b"][b],
            "a's": test["a"][a] - test["b"][a],
            "b's": test["a"][b] - test["b"][b],
            "one for both": test["a"][both] - test["b"][both],
        }.items():
            found.setdefault(name, []).append(value)
    for got, wanted in (("got at lr", "at lr"), ("got", "best")):
        mistake(found[got], [-x for x in found[wanted]], found[wanted], "the difference is a minus b.")
    sentence = "what is reported at lr is the test loss."
    mistake(found["got at lr"], found["validation at lr"], found["at lr"], sentence)
    for name, sentence in (
        ("by test loss", "the rate was chosen by the test loss. That is what validation data are for."),
        ("validation", "the validation loss chose the rate, so it is too good to report. Take the test loss there."),
        ("a's", "b has a's best rate here. Each has its own."),
        ("b's", "a has b's best rate here. Each has its own."),
        ("one for both", "one rate for both may favour one of them. Each has its own."),
    ):
        mistake(found["got"], found[name], found["best"], sentence)
    expect(close(found["got at lr"], found["at lr"]), "the difference at lr is not right.")
    expect(close(found["got"], found["best"]), "the difference at the best rates is not right.")
