"""Checkers of chapter 6, sequences."""

from __future__ import annotations

import math
from itertools import pairwise, product
from typing import Any

import numpy as np

from minirad import functional as F
from minirad.exercises.checking import close, exercise, expect, mistake
from minirad.exercises.helpers import leaf


@exercise("6.1")
def the_gradient_of_a_look_up(embedding_gradient: Any) -> None:
    """table[ids] += g adds as often as an id comes."""
    rng = np.random.default_rng(61)
    for shape, size in (((6,), 4), ((3, 5), 4), ((40,), 60)):
        ids, E = rng.integers(0, size, shape), leaf(rng.standard_normal((size, 3)))
        g = rng.standard_normal((*shape, 3))
        F.embedding(ids, E).backward(g)
        got, case, once = embedding_gradient(ids, g, size), f"ids of shape {shape}", np.zeros((size, 3))
        once[ids] += g
        expect(np.shape(got) == (size, 3), f"{case}: the shape must be ({size}, 3), got {np.shape(got)}.")
        mistake(got, once, E.grad, f"{case}: where an id comes twice, only its last g is there. += writes once.")
        expect(close(got, E.grad), f"{case}: wrong numbers.")


@exercise("6.2")
def how_long_does_it_remember(bias_for_half_life: Any) -> str:
    """An LSTM remembers because it is an LSTM."""
    found = []
    for k in (1, 5, 20, 100):
        b, biases, c_0 = bias_for_half_life(k), np.zeros(4 * 3), leaf(np.ones((1, 3)))
        f = 0.5 ** (1 / k)
        mistake(b, f, math.log(f / (1 - f)), f"k = {k}: this is f itself. Which b has the sigmoid f?")
        gate = f"k = {k}: a bias of 0 opens the gate by half, and half is left after a single step"
        mistake(b, 0.0, math.log(f / (1 - f)), f"{gate}.")
        biases[3:6] = b  # the order is i, f, g, o
        sizes = np.zeros((k, 1, 2)), np.zeros((1, 3)), c_0, np.zeros((12, 2)), np.zeros((12, 3))
        F.lstm(*sizes, biases, np.zeros(12))[-1].sum().backward()
        left = c_0.grad[0, 0]
        expect(close(left, 0.5, rtol=1e-5), f"k = {k}: {left:.3g} of the gradient is left at the end, not 0.5.")
        found.append(f"{k} steps: {b:.2f}")
    return "Bias for half after " + ", ".join(found) + "."


@exercise("6.3")
def one_perplexity_from_several(perplexity_of_all: Any) -> None:
    """Perplexities may be averaged."""
    p = np.random.default_rng(63).beta(0.5, 2, 6000) + 1e-3
    for ends in ([500], [100, 500], [7, 20, 5000], [1000, 2000, 3000]):
        pieces = np.split(p[: ends[-1]], ends[:-1])
        each, lengths = [math.exp(-np.log(piece).mean()) for piece in pieces], [len(piece) for piece in pieces]
        got, wanted = perplexity_of_all(each, lengths), math.exp(-np.log(p[: ends[-1]]).mean())
        case, what = f"pieces that end at {ends}", "what may be averaged is the mean of -log p"
        mistake(got, np.mean(each), wanted, f"{case}: this averages perplexities; {what}.")
        mistake(got, np.average(each, weights=lengths), wanted, f"{case}: weighted, but of perplexities; {what}.")
        mistake(got, math.exp(np.mean(np.log(each))), wanted, f"{case}: a long piece counts for more than a short one.")
        expect(close(got, wanted), f"{case}: got {got}, wanted {wanted:.4f}.")


@exercise("6.4")
def a_mask_for_a_batch(masked_attention: Any) -> None:
    """A mask multiplies weights; padding needs no mask where there is a causal one."""
    rng = np.random.default_rng(64)
    x, lengths = rng.standard_normal((3, 6, 4)), np.array([6, 4, 1])
    got = masked_attention(x.copy(), lengths)
    expect(np.shape(got) == x.shape, f"the shape must be {x.shape}, got {np.shape(got)}.")
    expect(np.isfinite(got).all(), "a place that may look at nothing gets nan: a softmax over no place at all.")
    other = x.copy()
    other[1, :2], other[2, :5] = 100, -100
    moved = masked_attention(other, lengths)
    for i, length in enumerate(lengths):
        words = slice(6 - length, None)
        seen = "what stands in the padding changes the words: the causal mask lets them look back at it"
        expect(close(moved[i, words], got[i, words]), f"length {length}: {seen}.")
        alone = x[i, words]  # the sentence without padding
        wanted = F.scaled_dot_product_attention(alone, alone, alone, is_causal=True).data
        scores = alone @ alone.T / 2
        weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        mistake(got[i, words], weights @ alone, wanted, f"length {length}: a word looks at words that come later.")
        if length == 6:
            product_ = (weights * np.tri(6)) @ alone
            masked = "the weights of a place no longer sum to 1. Mask the scores, before the softmax"
            mistake(got[i, words], product_, wanted, f"length {length}: {masked}.")
        expect(close(got[i, words], wanted), f"length {length}: not as if the padding were not there.")


NEXT = np.array([
    [0, 0.00, 0.55, 0.45, 0.00],
    [0, 1.00, 0.00, 0.00, 0.00],
    [0, 0.30, 0.00, 0.36, 0.34],
    [0, 0.05, 0.00, 0.00, 0.95],
    [0, 0.90, 0.05, 0.05, 0.00],
])  # fmt: skip


@exercise("6.5")
def beam_search(my_beam_search: Any) -> str:
    """Greedy search finds the most likely sentence; a finished sentence may stay in the beam."""
    tables = [NEXT]
    for seed in range(20):  # random languages of six words
        table = np.random.default_rng(seed).random((6, 6)) ** 4
        table[:, 0] = 0
        table[1] = [0, 1, 0, 0, 0, 0]
        tables.append(table / table.sum(axis=1, keepdims=True))
    lost = 0
    for table in tables:
        every = (s for length in range(6) for s in product(range(2, len(table)), repeat=length))
        best = max(_probability(table, s) for s in every)
        narrow, wide = my_beam_search(table, 1), my_beam_search(table, 50)
        for found in (narrow, wide):
            expect(isinstance(found, tuple | list) and len(found) == 2, "return the sentence and its probability.")
            sentence, p = found
            marks = "a mark is in the sentence: a finished beginning must leave the beam, without its </s>"
            expect(not {0, 1} & set(sentence), f"{tuple(sentence)}: {marks}.")
            wanted = _probability(table, sentence)
            nothing = found is narrow and p == 0  # a beam of 1 need not meet a finished sentence
            expect(nothing or close(p, wanted), f"{tuple(sentence)} has the probability {wanted}, not {p}.")
        expect(narrow[1] <= wide[1] * (1 + 1e-9), "a beam of 1 found a better sentence than one of 50?")
        short = f"a beam of 50 found {wide}, but the best has {best:.4f}"
        expect(wide[1] >= best * (1 - 1e-9), f"{short}. Does it keep several beginnings in each round?")
        lost += narrow[1] < best * (1 - 1e-9)
    greedy: list[int] = []
    while (word := int(NEXT[greedy[-1] if greedy else 0].argmax())) != 1:
        greedy.append(word)
    narrow = my_beam_search(NEXT, 1)[0]
    expect(tuple(narrow) == tuple(greedy), f"a beam of 1 must be greedy search: {tuple(greedy)}, got {tuple(narrow)}.")
    return f"In {lost} of {len(tables)} languages greedy search misses the most likely sentence."


def _probability(table: Any, sentence: Any) -> float:
    return math.prod(table[i, j] for i, j in pairwise([0, *sentence, 1]))


@exercise("6.6")
def what_goes_in_what_comes_out(teacher_forcing: Any, loss_without_padding: Any) -> None:
    """Decoder input and wanted output are the same words; padding may count in the loss."""
    begin, end = 1, 2
    target = np.array([[begin, 5, 3, 6, end], [begin, 4, end, 0, 0], [begin, 7, 7, end, 0]])
    pair = teacher_forcing(target)
    expect(isinstance(pair, tuple | list) and len(pair) == 2, "return two arrays.")
    read, wanted = map(np.asarray, pair)
    expect(read.shape == wanted.shape == (3, 4), "both must be one place shorter than the target.")
    same = "the decoder is given the very words that it is to say: it would learn to copy"
    expect(not np.array_equal(read, wanted), f"{same}.")
    expect((read[:, 0] == begin).all(), "the decoder begins by reading <s>.")
    expect(not (wanted == begin).any(), "nobody has to say <s>.")
    expect(np.array_equal(read[:, 1:], wanted[:, :-1]), "what was to be said is read next.")
    scores = np.random.default_rng(66).standard_normal((3, 4, 8))
    log_p = scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))
    got = loss_without_padding(log_p, wanted)
    flat = log_p.reshape(-1, 8), wanted.reshape(-1)
    right, all_places = F.cross_entropy(*flat, ignore_index=0).item(), F.cross_entropy(*flat).item()
    mistake(got, all_places, right, "padding counts in this mean, as if it were a word to say.")
    kept = wanted != 0
    shrunk = right * kept.sum() / kept.size
    mistake(got, shrunk, right, "padding adds nothing to the sum, but its places are counted in the mean.")
    expect(close(got, right, rtol=1e-6), f"the loss is {got:.5f}, wanted {right:.5f}.")
