from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.backend import manual_seed, stream, to_host, xp
from minirad.data import LengthBatches, padded, padding_mask
from minirad.data.vocabulary import BEGIN, END, PADDING

sentences = st.lists(st.integers(4, 9), max_size=12)
pairs_lists = st.lists(st.tuples(sentences.filter(bool), sentences), min_size=1, max_size=60)
limits = st.one_of(
    st.builds(dict, batch_size=st.integers(1, 70)), st.builds(dict, max_tokens=st.sampled_from([14, 20, 57, 300, 9999]))
)


def rng(seed=0):
    return np.random.default_rng(seed)


def epoch(batches):
    """One epoch, on the host."""
    return [(to_host(source), to_host(target)) for source, target in batches]


def unpadded(row):
    """The sentence, and that nothing but padding is behind it."""
    length = int((row != PADDING).sum())
    assert (row[length:] == PADDING).all()
    return tuple(row[:length].tolist())


def pairs_of(batch):
    return [(unpadded(s), unpadded(t)) for s, t in zip(*batch, strict=True)]


def with_marks(pairs):
    return [(tuple(source), (BEGIN, *target, END)) for source, target in pairs]


@given(pairs=pairs_lists, limit=limits, shuffle=st.booleans(), seed=st.integers(0, 99))
def test_every_pair_comes_once_with_its_marks(pairs, limit, shuffle, seed):
    batches = LengthBatches(pairs, **limit, shuffle=shuffle, generator=rng(seed))
    for _ in range(2):
        seen = epoch(batches)
        assert len(seen) == len(batches)
        assert Counter(pair for batch in seen for pair in pairs_of(batch)) == Counter(with_marks(pairs))


@given(pairs=pairs_lists, limit=limits, seed=st.integers(0, 99))
def test_shapes_and_limits(pairs, limit, seed):
    batches = epoch(LengthBatches(pairs, **limit, generator=rng(seed)))
    for source, target in batches:
        assert (source.dtype, target.dtype) == (np.int64, np.int64)
        n, s = source.shape
        _, t = target.shape
        # No wider than the longest sentence.
        assert (source[:, -1] != PADDING).any()
        assert (target[:, -1] != PADDING).any()
        assert n <= limit.get("batch_size", n)
        assert n * max(s, t) <= limit.get("max_tokens", 10**9)
    if batch_size := limit.get("batch_size"):
        assert sorted(len(s) for s, _ in batches)[1:] == [batch_size] * (len(batches) - 1)


@given(pairs=pairs_lists, batch_size=st.integers(1, 70), seed=st.integers(0, 99))
def test_little_padding(pairs, batch_size, seed):
    padding = sum((s == PADDING).sum() for s, _ in epoch(LengthBatches(pairs, batch_size, generator=rng(seed))))
    lengths = [len(source) for source, _ in pairs]
    assert padding <= batch_size * (max(lengths) - min(lengths))


@given(pairs=pairs_lists)
def test_batches_are_cut_as_late_as_max_tokens_allows(pairs):
    batches = epoch(LengthBatches(pairs, max_tokens=40, shuffle=False))
    for (s, t), (next_s, next_t) in pairwise(batches):
        longest = max(s.shape[1], t.shape[1], len(unpadded(next_s[0])), len(unpadded(next_t[0])))
        assert (len(s) + 1) * longest > 40


def numbered(n, length=3):
    """Pairs of one length, each with a number of its own."""
    return [([100 + i] * length, [200 + i] * length) for i in range(n)]


def order(batches):
    return [int(i) - 100 for source, _ in epoch(batches) for i in source[:, 0]]


def test_every_epoch_has_another_order():
    batches = LengthBatches(numbered(50), batch_size=7, generator=rng())
    orders = [tuple(order(batches)) for _ in range(3)]
    assert len(set(orders)) == 3
    assert tuple(range(50)) not in orders


def test_other_pairs_come_together_in_each_epoch():
    batches = LengthBatches(numbered(50), batch_size=7, generator=rng())
    together = [{frozenset(source[:, 0].tolist()) for source, _ in epoch(batches)} for _ in range(2)]
    assert together[0] != together[1]


def test_batches_come_in_a_new_order_too():
    # All of different lengths: only the batches can be shuffled.
    pairs = [([4] * length, [5]) for length in range(1, 41)]
    batches = LengthBatches(pairs, batch_size=4, generator=rng())
    widths = [[source.shape[1] for source, _ in epoch(batches)] for _ in range(3)]
    assert all(sorted(order) == list(range(4, 41, 4)) for order in widths)
    assert len({tuple(order) for order in widths}) == 3


def test_without_shuffling_the_order_is_that_of_the_lengths():
    pairs = [([4], [5, 5]), ([6, 6], [7]), ([8], [9]), ([4, 5], [6])]
    batches = LengthBatches(pairs, batch_size=3, shuffle=False)
    before = stream("shuffle").bit_generator.state
    for _ in range(2):
        seen = [pair for batch in epoch(batches) for pair in pairs_of(batch)]
        assert seen == with_marks([pairs[2], pairs[0], pairs[1], pairs[3]])
    assert stream("shuffle").bit_generator.state == before


def test_the_same_generator_gives_the_same_orders():
    first, second = (LengthBatches(numbered(50), batch_size=7, generator=rng(3)) for _ in range(2))
    assert [order(first), order(first)] == [order(second), order(second)]
    assert order(LengthBatches(numbered(50), batch_size=7, generator=rng(4))) != order(first)


def test_the_stream():
    batches = LengthBatches(numbered(50), max_tokens=40)
    manual_seed(5)
    first = [order(batches), order(batches)]
    manual_seed(5)
    assert [order(batches), order(batches)] == first
    assert first[0] != first[1]


def test_arrays_of_the_backend():
    for source, target in LengthBatches(numbered(5), 2):
        assert type(source) is type(target) is xp.ndarray


def test_padded_and_its_mask():
    ids = padded([[5, 6, 7], [], [8]])
    assert to_host(ids).tolist() == [[5, 6, 7], [PADDING] * 3, [8, PADDING, PADDING]]
    mask = padding_mask(ids)
    assert type(mask) is xp.ndarray
    assert to_host(mask).tolist() == [[False] * 3, [True] * 3, [False, True, True]]
    assert padded([]).shape == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, TypeError, "needs batch_size or max_tokens, got None and None"),
        ({"batch_size": 2, "max_tokens": 9}, TypeError, "needs batch_size or max_tokens, got 2 and 9"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be an integer, got 2.0"),
        ({"max_tokens": True}, TypeError, "max_tokens must be an integer, got True"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"max_tokens": -1}, ValueError, "max_tokens must be at least 1, got -1"),
        ({"batch_size": 2, "pairs": []}, ValueError, "pairs must hold at least one pair, got none"),
        ({"batch_size": 2, "pairs": [([4], []), ([], [5])]}, ValueError, "the source of pair 1 is empty"),
        (
            {"max_tokens": 5, "pairs": [([4], [5]), ([4], [5] * 4)]},
            ValueError,
            "pair 1 has 6 tokens, marks included, more than max_tokens=5",
        ),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=f"^LengthBatches: {message}$"):
        LengthBatches(**{"pairs": numbered(3), **arguments})
