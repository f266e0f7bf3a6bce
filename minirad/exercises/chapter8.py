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
def the_rate_of_the_control(control_rate: Any) -> str:
    """A matched learning rate is one that has the same name."""
    for lr, steps, beta2 in ((1.0, 200, 0.999), (3e-3, 200, 0.99), (0.1, 12, 0.9), (1.0, 4, 0.999)):
        got, case = control_rate(lr, steps, beta2), f"lr {lr:g}, {steps} steps, beta2 {beta2}"
        exists = [variance.rectification(t, beta2) for t in range(1, steps + 1)]
        r = [0.0 if math.isnan(x) else x for x in exists]
        wanted = lr * sum(r) / steps
        expect(not (isinstance(got, float) and math.isnan(got)), f"{case}: got nan. r_t does not exist at first.")
        mistake(got, lr, wanted, f"{case}: this is the rate that stands in the call. At which does RAdam run?")
        mistake(got, lr * r[-1], wanted, f"{case}: this is the rate at the last step. It was smaller before.")
        as_one = lr * sum(1.0 if math.isnan(x) else x for x in exists) / steps
        mistake(got, as_one, wanted, f"{case}: in the steps of SGD there is no adaptive step. Count r_t as 0 there.")
        if steps > 4:
            mistake(
                got,
                lr * float(np.nanmean(exists)),
                wanted,
                f"{case}: divide by all steps, not only by those with an r_t.",
            )
            mistake(
                got,
                lr * float(np.median(r)),
                wanted,
                f"{case}: this is the median; the mean gives the same sum of rates.",
            )
        expect(close(got, wanted), f"{case}: got {got:.6g}, wanted {wanted:.6g}.")
    return f"Over 200 steps at beta2 = 0.999 it is {control_rate(1.0, 200, 0.999):.2f} of the rate."


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
