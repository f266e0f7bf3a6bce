"""Wrong answers to the exercises of chapter 6."""

import math
from itertools import pairwise

import numpy as np


def add_in_place(ids, g, size):
    table = np.zeros((size, g.shape[-1]))
    table[ids] += g
    return table


def attention(mask_padding, multiply=False, own=True):
    def masked_attention(x, lengths):
        _, l, d = x.shape
        allowed = np.tri(l, dtype=bool)[None]
        if mask_padding:
            allowed = allowed & (np.arange(l) >= l - np.asarray(lengths)[:, None])[:, None, :]
        if own:
            allowed = allowed | np.eye(l, dtype=bool)
        scores = x @ x.swapaxes(1, 2) / math.sqrt(d)
        if not multiply:
            scores = np.where(allowed, scores, -np.inf)
        with np.errstate(invalid="ignore"):
            e = np.exp(scores - scores.max(axis=-1, keepdims=True))
            weights = e / e.sum(axis=-1, keepdims=True)
        return (weights * allowed if multiply else weights) @ x

    return masked_attention


def always_greedy(table, beam, rounds=8):
    words, p = [], 1.0
    for _ in range(20):
        last = words[-1] if words else 0
        word = int(table[last].argmax())
        p *= table[last, word]
        if word == 1:
            break
        words.append(word)
    return tuple(words), float(math.prod(table[i, j] for i, j in pairwise([0, *words, 1])))


def finished_stay(table, beam, rounds=8):
    open_ = [((), 1.0)]
    for _ in range(rounds):
        grown = [((*w, j), p * table[w[-1] if w else 0, j]) for w, p in open_ for j in range(1, len(table))]
        open_ = sorted(grown, key=lambda pair: -pair[1])[:beam]
    return open_[0]


def padding_counts(log_p, wanted, padding=0):
    return -np.take_along_axis(log_p, wanted[:, :, None], axis=2).mean()


def padding_shrinks(log_p, wanted, padding=0):
    taken = np.take_along_axis(log_p, wanted[:, :, None], axis=2)[:, :, 0]
    return -(taken * (wanted != padding)).mean()


WRONG = {
    "6.1": [([add_in_place], "\\+= writes once")],
    "6.2": [
        ([lambda k: 0.5 ** (1 / k)], "this is f itself"),
        ([lambda k: 0.0], "half is left after a single step"),
    ],
    "6.3": [
        ([lambda each, lengths: np.mean(each)], "this averages perplexities"),
        ([lambda each, lengths: np.average(each, weights=lengths)], "weighted, but of perplexities"),
        ([lambda each, lengths: math.exp(np.mean(np.log(each)))], "a long piece counts for more"),
    ],
    "6.4": [
        ([attention(mask_padding=False)], "the causal mask lets them look back"),
        ([attention(mask_padding=True, multiply=True)], "no longer sum to 1"),
        ([attention(mask_padding=True, own=False)], "a softmax over no place at all"),
    ],
    "6.5": [
        ([always_greedy], "Does it keep several beginnings"),
        ([finished_stay], "a finished beginning must leave the beam"),
    ],
    "6.6": [
        ([lambda target: (target[:, :-1], target[:, :-1]), None], "it would learn to copy"),
        ([None, padding_counts], "as if it were a word"),
        ([None, padding_shrinks], "its places are counted"),
    ],
}
