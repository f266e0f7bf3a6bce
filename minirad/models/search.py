"""From a model that says how likely each next word is to a translation: greedy search and beam search.

Greedy search takes the likeliest word each time. But the likeliest sentence may begin with another word: beam search
goes on with the best few beginnings at once.

A model has two methods. ``start(source)`` gives what it keeps of each sentence (with ``choose(rows)`` to take rows of
it), and ``step(words, kept)`` takes one more word for each row and gives log-probabilities of the next, (rows, words);
it may change kept. If the model is a Module, it is in eval mode meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import Any

from minirad.backend import to_host, xp
from minirad.models.in_use import in_use


@dataclass(frozen=True)
class Hypothesis:
    """A translation, or its beginning.

    Attributes:
        words: its ids, without marks.
        log_p: the log-probability of all of it; of the mark of the end too, once that is there.
        score: what is compared, log_p / penalty(length).
    """

    words: tuple[int, ...]
    log_p: float
    score: float


def greedy_search(model: Any, source: Any, begin: int, end: int, max_length: int = 100) -> list[list[int]]:
    """For each sentence of source (n, s) the ids of a translation, the likeliest next word each time.

    Args:
        model: see the top of this file.
        source: whatever model.start takes.
        begin, end: the ids of the marks in front of a sentence and behind it; they are not in the result.
        max_length: cut off here, the mark of the end counted.

    Raises:
        ValueError: max_length is no positive integer, or end is none of the model's words.
        FloatingPointError: a log-probability is nan.
    """
    check("greedy_search", max_length)
    found: list[list[int]] = [[] for _ in range(len(source))]
    with in_use(model):
        kept, open_ = model.start(source), list(range(len(source)))
        words = [begin] * len(source)
        while open_ and len(found[open_[0]]) < max_length - 1:
            words = next_words("greedy_search", model, words, kept, end).argmax(axis=1).tolist()
            going_on = [row for row, word in enumerate(words) if word != end]
            if len(going_on) < len(words):
                kept = kept.choose(going_on)
            open_, words = [open_[row] for row in going_on], [words[row] for row in going_on]
            for i, word in zip(open_, words, strict=True):
                found[i].append(word)
    return found


def beam_search(
    model: Any, source: Any, begin: int, end: int, beam: int = 5, alpha: float = 0.6, max_length: int = 100
) -> list[Hypothesis]:
    """For each sentence of source (n, s) the best translation that beam search finds.

    From all beginnings that are open, and all words that may come next, the likeliest ``beam`` are taken in each step.
    Those that end with the mark of the end are translations; the others stay open. Of a translation Y of source X, with
    its length |Y| (the mark counted), this is compared:

        score = log P(Y|X) / penalty(|Y|)        penalty(l) = ((5 + l) / 6)^alpha

    A longer sentence is less likely, since it is a product of more numbers below 1; the penalty makes up for that.
    A search is over when no open beginning can win any more: log P only falls, and the penalty is at most that of
    max_length.

    Args:
        model, source, begin, end: see greedy_search.
        beam: how many beginnings to go on with. One is greedy search.
        alpha: >= 0; 0 compares probabilities.
        max_length: the longest translation, the mark counted. What is open then gets the mark at once.

    Raises:
        ValueError: beam or max_length is no positive integer, alpha is negative or so large that a penalty overflows,
            or end is none of the model's words.
        FloatingPointError: a log-probability is nan.

    Source of the penalty: Wu et al., "Google's Neural Machine Translation System", 2016, eq. (14).
    """
    check("beam_search", max_length, beam, alpha)

    def score(log_p: float, length: int) -> float:
        return log_p / penalty(length, alpha)

    def bound(beginning: Hypothesis) -> float:
        return score(beginning.log_p, max_length)

    best: list[Hypothesis | None] = [None] * len(source)
    open_ = {i: [Hypothesis((), 0.0, 0.0)] for i in range(len(source))}
    with in_use(model):
        kept, words = model.start(source), [begin] * len(source)
        for length in range(1, max_length + 1):
            if not open_:
                break
            log_p = next_words("beam_search", model, words, kept, end)
            rows, first = list[int](), 0
            for i, beginnings in list(open_.items()):
                block = log_p[first : first + len(beginnings)].astype(float)
                block += [[beginning.log_p] for beginning in beginnings]
                if length == max_length:  # nothing but the mark of the end
                    block[:, :end] = block[:, end + 1 :] = -inf
                going_on = list[tuple[int, Hypothesis]]()
                for row, word, value in likeliest(block, beam):
                    here = Hypothesis((*beginnings[row].words, word), value, score(value, length))
                    if word != end:
                        going_on.append((first + row, here))
                    elif (leader := best[i]) is None or here.score > leader.score:
                        best[i] = Hypothesis(here.words[:-1], value, here.score)
                first += len(beginnings)
                leader = best[i]
                if not going_on or (leader and all(bound(here) <= leader.score for _, here in going_on)):
                    del open_[i]
                else:
                    open_[i] = [here for _, here in going_on]
                    rows += [row for row, _ in going_on]
            words = [here.words[-1] for beginnings in open_.values() for here in beginnings]
            kept = kept.choose(rows)
    return [leader or Hypothesis((), -inf, -inf) for leader in best]


def penalty(length: int, alpha: float) -> float:
    """What the log-probability of a translation of this length is divided by."""
    return ((5 + length) / 6) ** alpha


def next_words(function: str, model: Any, words: list[int], kept: Any, end: int) -> Any:
    """The model's step as a NumPy array (rows, words). Raises where no search can go on."""
    log_p = to_host(model.step(xp.asarray(words, "int64"), kept))
    if not 0 <= end < log_p.shape[1]:
        raise ValueError(f"{function}: end must be one of the model's words, 0 .. {log_p.shape[1] - 1}, got {end!r}")
    if isnan(log_p.max()):  # one nan is enough
        raise FloatingPointError(f"{function}: the model gave a log-probability of nan")
    return log_p


def likeliest(block: Any, n: int) -> list[tuple[int, int, float]]:
    """The n largest elements of a NumPy array, in any order: (row, column, value). None that is -inf."""
    flat = block.reshape(-1)
    chosen = range(flat.size) if flat.size <= n else flat.argpartition(-n)[-n:].tolist()
    return [(*divmod(i, block.shape[1]), float(flat[i])) for i in chosen if flat[i] > -inf]


def check(name: str, max_length: int, beam: int = 1, alpha: float = 0.0) -> None:
    """Raise unless these make sense."""
    for argument, n in (("max_length", max_length), ("beam", beam)):
        if not isinstance(n, int) or n < 1:
            raise ValueError(f"{name}: {argument} must be a positive integer, got {n!r}")
    if not 0 <= alpha < inf:
        raise ValueError(f"{name}: alpha must be a number >= 0, got {alpha!r}")
    try:
        penalty(max_length, alpha)
    except OverflowError:
        raise ValueError(
            f"{name}: alpha must leave the penalty of max_length={max_length} finite, got {alpha!r}"
        ) from None
