"""Wrong answers to the exercises of chapter 11."""

import math
from collections import Counter

import numpy as np
from scipy import stats


def bleu_with(clipped=True, brevity="capped", per_sentence=False, arithmetic=False, scale=100):
    def bleu_of(hypotheses, references):
        if per_sentence:
            whole = bleu_with()
            return np.mean([whole([h], [r]) for h, r in zip(hypotheses, references, strict=True)])
        precisions = []
        for n in range(1, 5):
            grams = [
                [Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in sentences]
                for sentences in (hypotheses, references)
            ]
            right = 0
            for h, r in zip(*grams, strict=True):
                right += sum(min(k, r[gram]) if clipped else k * (gram in r) for gram, k in h.items())
            precisions.append(right / sum(h.total() for h in grams[0]))
        c, r = (sum(map(len, sentences)) for sentences in (hypotheses, references))
        penalty = {"capped": min(1.0, math.exp(1 - r / c)), "open": math.exp(1 - r / c), "none": 1.0}[brevity]
        mean = np.mean(precisions) if arithmetic else np.exp(np.mean(np.log(precisions)))
        return scale * penalty * mean

    return bleu_of


def seeds_until(enough):
    return next(n for n in range(2, 2000) if enough(n))


def within_with(settings_lost="all", mean_of_spreads=False, root=True):
    def within(values, settings):
        groups = [np.array([v for v, s in zip(values, settings, strict=True) if s == name]) for name in set(settings)]
        if mean_of_spreads:
            return np.mean([own.std(ddof=1) for own in groups if len(own) > 1])
        lost = {"all": len(groups), "one": 1, "none": 0}[settings_lost]
        found = sum(((own - own.mean()) ** 2).sum() for own in groups) / (len(values) - lost)
        return math.sqrt(found) if root else found

    return within


WRONG = {
    "11.1": [
        ([bleu_with(clipped=False)], "at most as often as it comes in the reference"),
        ([bleu_with(brevity="none")], "nothing keeps them from being short"),
        ([bleu_with(brevity="open")], "get no reward"),
        ([bleu_with(per_sentence=True)], "this is a mean over sentences"),
        ([bleu_with(arithmetic=True)], "is the geometric one"),
        ([bleu_with(scale=1)], "from 0 to 100"),
    ],
    "11.2": [
        ([lambda factor: 5], "too few"),
        ([lambda factor: 1000], "are enough"),
        (
            [lambda factor: seeds_until(lambda n: (n - 1) / stats.chi2.ppf(0.025, n - 1) <= factor)],
            "this is for the variance",
        ),
        (
            [lambda factor: seeds_until(lambda n: math.sqrt(n / stats.chi2.ppf(0.025, n)) <= factor)],
            "degrees of freedom",
        ),
        (
            [lambda factor: seeds_until(lambda n: math.sqrt((n - 1) / stats.chi2.ppf(0.05, n - 1)) <= factor)],
            "two sides",
        ),
    ],
    "11.3": [
        ([lambda values, settings: np.std(values, ddof=1)], "this is the spread of all"),
        ([within_with(settings_lost="none")], "Divide by less"),
        ([within_with(settings_lost="one")], "not one in all"),
        ([within_with(mean_of_spreads=True)], "weighs a setting of two runs"),
        ([within_with(root=False)], "this is the variance"),
    ],
    "11.4": [
        ([lambda sd, margin: 5], "does not fit in"),
        ([lambda sd, margin: 1000], "are enough"),
        (
            [lambda sd, margin: seeds_until(lambda n: stats.t.ppf(0.975, n - 1) * sd / math.sqrt(n) < margin)],
            "not that of 95 %",
        ),
        ([lambda sd, margin: max(2, math.ceil((1.6449 * sd / margin) ** 2))], "is too hopeful"),
    ],
}
