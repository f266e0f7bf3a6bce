"""Wrong answers to the exercises of chapter 8."""

import math

import numpy as np

from wrong_answers.common import r_of


def unigram_with(counted="train", end_counts=True, total=False):
    def unigram_loss(train, test, end):
        mark = (end,) if end_counts else ()
        words, unseen = ([w for sentence in part for w in (*sentence, *mark)] for part in (train, test))
        words = words if counted == "train" else unseen
        losses = [-math.log(words.count(w) / len(words)) for w in unseen]
        return sum(losses) if total else sum(losses) / len(losses)

    return unigram_loss


def entropy_of_training(train, test, end):
    words = [w for sentence in train for w in (*sentence, end)]
    return -sum(words.count(w) / len(words) * math.log(words.count(w) / len(words)) for w in set(words))


def first_with(reached):
    return int(np.argmax(reached)) + 1


def mean_reaches(early=0.0, skip=0, shift=0):
    def steps_until(share, beta2):
        r = r_of(8000, beta2, early)[skip:]
        means = np.cumsum(r) / np.arange(1, len(r) + 1)
        return first_with(means >= share) + skip + shift

    return steps_until


def comparisons_with(choose="validation", report="test", shared=False):
    def two_comparisons(validation, test, lr):
        tables = {"validation": validation, "test": test}
        best = {arm: min(own, key=own.get) for arm, own in tables[choose].items()}
        if shared:
            best["b"] = best["a"]
        found = tables[report]
        return test["a"][lr] - test["b"][lr], found["a"][best["a"]] - found["b"][best["b"]]

    return two_comparisons


WRONG = {
    "8.1": [
        ([lambda train, test, end: math.log(len({w for s in train for w in (*s, end)}))], "knows nothing at all"),
        ([entropy_of_training], "own entropy"),
        ([unigram_with(counted="test")], "has not seen those"),
        ([unigram_with(end_counts=False)], "mark of the end"),
        ([unigram_with(total=True)], "this is a sum"),
    ],
    "8.2": [
        ([lambda share, beta2: first_with(np.array(r_of(8000, beta2)) >= share)], "r_t itself gets so far"),
        ([lambda share, beta2: round(4.5 * share**2 / (1 - beta2))], "holds for T far below"),
        ([mean_reaches(early=1.0)], "counts as 0, not as 1"),
        ([mean_reaches(skip=4)], "are of the run too"),
        ([mean_reaches(shift=-1)], "still below"),
        ([mean_reaches(shift=1)], "one too many"),
        ([lambda share, beta2: 10_000], "wanted"),
    ],
    "8.3": [
        ([lambda t, frozen, beta1: 1.0], "stands still"),
        ([lambda t, frozen, beta1: float(t > frozen)], "How many gradients are in m"),
        ([lambda t, frozen, beta1: (1 - beta1**t) * (t > frozen)], "steps old"),
        ([lambda t, frozen, beta1: (1 - beta1**t) / (1 - beta1 ** (t - frozen)) if t > frozen else 0.0], "is larger"),
        ([lambda t, frozen, beta1: (1 - beta1 ** (t - frozen + 1)) / (1 - beta1**t) * (t > frozen)], "one too many"),
        ([lambda t, frozen, beta1: 1 - beta1 ** max(0, t - frozen)], "nearly 1 for a long freeze"),
    ],
    "8.4": [
        ([lambda g, t, beta2, eps: math.copysign(1, g)], "without epsilon"),
        ([lambda g, t, beta2, eps: g / (abs(g) + eps)], "beside sqrt\\(v_hat\\)"),
        ([lambda g, t, beta2, eps: (1 - beta2**t) ** 0.5 * g / (abs(g) + eps)], "v is not g\\^2 yet"),
        ([lambda g, t, beta2, eps: 1 / (1 + eps / max(1e-300, (1 - beta2**t) ** 0.5 * abs(g)))], "the sign"),
        ([lambda g, t, beta2, eps: (1 - beta2**t) ** 0.5 * g / ((1 - beta2**t) * g**2 + eps) ** 0.5], "not inside it"),
    ],
    "8.5": [
        ([comparisons_with(choose="test")], "chosen by the test loss"),
        ([comparisons_with(report="validation")], "too good to report"),
        ([comparisons_with(shared=True)], "b has a's best rate"),
        ([lambda v, t, lr: (v["a"][lr] - v["b"][lr], 0.0)], "what is reported at lr"),
        ([lambda v, t, lr: tuple(-x for x in comparisons_with()(v, t, lr))], "a minus b"),
    ],
}
