"""LengthBatches: pairs of sentences in batches of like length, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from minirad.backend import Array, stream, to_device
from minirad.data.vocabulary import BEGIN, END, PADDING


class LengthBatches:
    """Hands out batches: ``for source, target in batches`` is one epoch, and so is the next such loop.

    The pairs are sorted by length and cut into batches. Each epoch draws anew which of the pairs of equal lengths come
    together, and in which order the batches come. Every pair comes exactly once in an epoch.

    A batch is source (n, s) and target (n, t), int64 arrays of the backend: the target with "<s>" in front and "</s>"
    behind, both filled up with "<pad>". The ids of these marks are those of vocabulary.py.

    Args:
        pairs: source and target sentences as lists of ids, without marks.
        batch_size: how many pairs in a batch; the last one to be cut may have fewer. This or max_tokens must be given.
        max_tokens: how many tokens in a batch at most, n * max(s, t), padding included. Short sentences then come in
            large batches, and a step costs about as much as any other.
        shuffle: draw each epoch anew; else the order is always that of the lengths.
        generator: where is drawn from; the stream "shuffle" (see manual_seed) if there is none.

    Source is sorted first. So over a whole epoch it has at most batch_size * (longest - shortest) tokens of padding.

    Raises:
        TypeError: batch_size or max_tokens is no integer, or both or neither are given.
        ValueError: there is no pair, a source sentence is empty, batch_size is below 1, or a pair alone has more than
            max_tokens.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
        batch_size: int | None = None,
        max_tokens: int | None = None,
        shuffle: bool = True,
        generator: np.random.Generator | None = None,
    ) -> None:
        limits = [limit for limit in (batch_size, max_tokens) if limit is not None]
        if len(limits) != 1:
            raise TypeError(f"LengthBatches: needs batch_size or max_tokens, got {batch_size!r} and {max_tokens!r}")
        name = "max_tokens" if batch_size is None else "batch_size"
        if isinstance(limits[0], bool) or not isinstance(limits[0], int):
            raise TypeError(f"LengthBatches: {name} must be an integer, got {limits[0]!r}")
        if limits[0] < 1:
            raise ValueError(f"LengthBatches: {name} must be at least 1, got {limits[0]}")
        if len(pairs) == 0:
            raise ValueError("LengthBatches: pairs must hold at least one pair, got none")
        lengths = np.array([(len(source), len(target) + 2) for source, target in pairs])
        if not lengths.all():
            raise ValueError(f"LengthBatches: the source of pair {lengths[:, 0].argmin()} is empty")
        longest = lengths.max(axis=1)
        if max_tokens is not None and longest.max() > max_tokens:
            i = longest.argmax()
            raise ValueError(
                f"LengthBatches: pair {i} has {longest[i]} tokens, marks included, more than max_tokens={max_tokens}"
            )
        self.pairs, self.shuffle, self.generator = pairs, shuffle, generator
        self._lengths = lengths
        # The sorted lengths are the same in every epoch, and so are the places to cut at.
        in_order = longest[self._sorted(np.arange(len(pairs)))]
        self._cuts = _by_number(len(pairs), batch_size) if max_tokens is None else _by_tokens(in_order, max_tokens)

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return len(self._cuts)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        order, batches = np.arange(len(self.pairs)), np.arange(len(self))
        if self.shuffle:
            generator = self.generator or stream("shuffle")  # asked for each time: manual_seed starts it anew
            order, batches = generator.permutation(order), generator.permutation(batches)
        order = self._sorted(order)
        for start, stop in (self._cuts[i] for i in batches):
            chosen = [self.pairs[i] for i in order[start:stop]]
            yield (
                padded([source for source, _ in chosen]),
                padded([[BEGIN, *target, END] for _, target in chosen]),
            )

    def _sorted(self, order: np.ndarray) -> np.ndarray:
        """The order by source length, then by target length; what is equal stays as it was."""
        source, target = self._lengths[order].T
        return order[np.lexsort((target, source))]


def padded(sentences: Sequence[Sequence[int]]) -> Array:
    """The sentences as one int64 array (n, length of the longest), filled up with the id of "<pad>"."""
    array = np.full((len(sentences), max(map(len, sentences), default=0)), PADDING, np.int64)
    for row, sentence in zip(array, sentences, strict=True):
        row[: len(sentence)] = sentence
    return to_device(array)


def padding_mask(ids: Array) -> Array:
    """Where padding is: True there, as key_padding_mask wants it. Of the shape of ids."""
    return ids == PADDING


def _by_number(n: int, batch_size: int | None) -> list[tuple[int, int]]:
    assert batch_size is not None
    return [(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]


def _by_tokens(longest: np.ndarray, max_tokens: int) -> list[tuple[int, int]]:
    """Cut as late as max_tokens allows."""
    cuts, start, most = [], 0, 0
    for i, length in enumerate(longest.tolist()):
        most = max(most, length)
        if (i + 1 - start) * most > max_tokens:
            cuts.append((start, i))
            start, most = i, length
    return [*cuts, (start, len(longest))]
