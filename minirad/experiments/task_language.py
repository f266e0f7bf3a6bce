"""The task of E9: an LSTM language model of words, with an adaptive softmax. Which arms and rates: see there.

The text is read as batch rows side by side, ``unroll`` words at a time, with the state carried on, and from its
beginning again when it is over. The gradient is clipped to a norm. At two thirds of the run the rate falls to a tenth:
the paper's fell at epoch 10.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count, islice
from math import inf, isfinite, log
from statistics import fmean
from typing import Any

import numpy as np

from minirad import data
from minirad.backend import manual_seed
from minirad.data import Chunks, Corpus, Vocabulary
from minirad.data.corpora import END_OF_LINE
from minirad.data.support import lines_of
from minirad.data.vocabulary import MARKS, UNKNOWN
from minirad.experiments.arms import Setup, optimizer_of
from minirad.experiments.experiment import Experiment
from minirad.experiments.results import Row, rounded
from minirad.models import LSTMLanguageModel
from minirad.nn.utils import clip_grad_norm_

FALLS_AFTER, FALLS_TO = 2 / 3, 0.1  # the rate: at this share of the run, to this share
LOOKS = 10  # how often a run is scored on held-out text: after each tenth of it
POINTS = 50  # of the curve of the training loss


@dataclass(frozen=True)
class Training:
    """One training. The defaults are those of the laptop scale; ``split`` says which text it is scored on.

    ``min_count``: words that come less often in the training text are "<unk>". ``cutoffs`` are those of the adaptive
    softmax; those beyond the vocabulary are left out, and if that is all of them, the softmax is a plain one.
    """

    arm: str
    lr: float
    seed: int
    beta2: float = 0.999
    split: str = "test"
    corpus: str = "tinyshakespeare"
    min_count: int = 3
    embedding: int = 64
    hidden: int = 128
    layers: int = 2
    cutoffs: tuple[int, ...] = (500, 2000)
    dropout: float = 0.1
    batch: int = 32
    unroll: int = 20
    clip: float = 5.0
    steps: int = 1000


def experiment(name: str) -> Experiment:
    """These trainings as those of an exhibit."""
    return Experiment(name, Training, train, headline="log_perplexity")


def falling(t: int, steps: int) -> float:
    """What the rate is multiplied with at step t: 1 in the first two thirds of the run, then a tenth."""
    return 1.0 if t <= round(FALLS_AFTER * steps) else FALLS_TO


def train(training: Training) -> list[Row]:
    """The held-out log-perplexity after each tenth of the run, the training loss, and why it stopped early, if it did.

    No score is above the logarithm of the number of words, which a model that knows nothing has; a run whose loss is
    not finite has this score from there on. The training loss is averaged over stretches of equal length.
    """
    manual_seed(training.seed)
    texts = corpus_of(training.corpus, training.min_count)
    words = len(texts.vocabulary)
    model = LSTMLanguageModel(
        words, training.embedding, training.hidden, training.layers, training.dropout,
        [cutoff for cutoff in training.cutoffs if cutoff < words] or None,
    )  # fmt: skip
    setup = Setup(training.lr, training.steps, training.beta2, decay=partial(falling, steps=training.steps))
    optimizer, scheduler = optimizer_of(training.arm, model.named_parameters(), setup)
    held_out = Chunks(getattr(texts, training.split), training.batch, training.unroll)
    losses, scores = list[float](), list[float]()
    looks = [round(i * training.steps / LOOKS) for i in range(1, LOOKS + 1)]
    stopped, state = None, None
    for t, (begins, ids, targets) in enumerate(islice(_chunks(texts.train, training), training.steps), 1):
        optimizer.zero_grad()
        loss, state = model.loss(ids, targets, None if begins else state)
        losses.append(loss.item())
        if not isfinite(losses[-1]):
            stopped = f"the loss is {losses.pop()} at step {t}"
            break
        loss.backward()
        clip_grad_norm_(model.parameters(), training.clip)
        optimizer.step()
        scheduler.step()
        if t in looks:
            scores += [log_perplexity(model, held_out, words)] * looks.count(t)
    losses += [log(words)] * (training.steps - len(losses))
    scores += [log(words)] * (LOOKS - len(scores))
    curve = [fmean(stretch) for stretch in np.array_split(losses, min(POINTS, training.steps))]
    return [
        {"log_perplexity": rounded(scores)[-1], "held_out": rounded(scores), "loss": rounded(curve, 5), "words": words},
        {"stopped": stopped},
    ]


def log_perplexity(model: LSTMLanguageModel, chunks: Any, words: int) -> float:
    """The mean of -log p over held-out words, at most the log(words) of a model that knows nothing."""
    try:
        found = log(model.perplexity(chunks))
    except OverflowError:
        found = inf
    return found if found < log(words) else log(words)  # also for nan


@lru_cache(maxsize=1)
def corpus_of(name: str, min_count: int) -> Corpus:
    """A corpus of words: "tinyshakespeare", "python-docs" or "wikitext-2".

    Raises:
        DataError: it can't be had. ValueError: there is none of this name.
    """
    if name == "python-docs":
        return data.python_docs("words", min_count=min_count)
    if name == "wikitext-2":
        return data.wikitext2(min_count=min_count)
    if name == "tinyshakespeare":
        return in_words(data.tinyshakespeare(), min_count)
    raise ValueError(f"task_language: corpus must be tinyshakespeare, python-docs or wikitext-2, got {name!r}")


def in_words(corpus: Corpus, min_count: int) -> Corpus:
    """A corpus of characters as one of words: lower case, punctuation split off. Its three parts stay what they are."""
    splits = []
    for ids in (corpus.train, corpus.validation, corpus.test):
        text = "".join(corpus.vocabulary.tokens[i] for i in ids)
        splits.append([word for line in lines_of(text) for word in (*data.tokenise(line), END_OF_LINE)])
    vocabulary = Vocabulary(Counter(splits[0]), min_count=min_count, marks=[MARKS[UNKNOWN]])
    return Corpus(corpus.name, vocabulary, *(np.array(vocabulary.encode(words), np.int64) for words in splits))


def _chunks(ids: np.ndarray, training: Training) -> Iterator[tuple[bool, Any, Any]]:
    """Chunks without end: whether the text begins here, what to read, and what comes after each word."""
    chunks = Chunks(ids, training.batch, training.unroll)
    return ((i == 0, *chunk) for _ in count() for i, chunk in enumerate(chunks))
