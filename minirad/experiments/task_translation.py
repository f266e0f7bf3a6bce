"""The task of figures 1 to 3 and table 2: a Transformer learns to translate. What exhibits share, and no claim.

The data are number words, which need no download, or Multi30k. The net is post-LN, the one that Adam without a warmup
can get stuck in. All arms of a seed start from the same weights and see the same batches.

A training gives the loss of its steps, and at the end the loss on validation data, which rates are tuned by, and on
test data, which is reported. Beside it stand two losses that need no training: that of a model that knows nothing,
log V, and that of one that knows how often each word comes, and no more. A run that does not get below the second has
not begun to translate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count, islice
from math import cos, isfinite, log, nan, pi
from typing import Any

import numpy as np

from minirad import data
from minirad.backend import manual_seed
from minirad.data.support import lab
from minirad.data.translation import IdPair, TranslationData, bleu
from minirad.experiments.arms import Setup, optimizer_of
from minirad.experiments.curves import thin
from minirad.experiments.experiment import Experiment
from minirad.experiments.results import Row, rounded
from minirad.models import Translator, beam_search, greedy_search
from minirad.models.in_use import in_use
from minirad.nn.utils import clip_grad_norm_

POINTS = 100  # of a training's curve that are kept


def _constant(t: int, steps: int) -> float:
    return 1.0


def _linear(t: int, steps: int) -> float:
    return 1 - (t - 1) / steps


def _cosine(t: int, steps: int) -> float:
    return (1 + cos(pi * (t - 1) / steps)) / 2


DECAYS: dict[str, Callable[[int, int], float]] = {"constant": _constant, "linear": _linear, "cosine": _cosine}


@dataclass(frozen=True)
class Training:
    """One training. The seed gives the initial weights, the order of the data and what dropout drops.

    Attributes:
        arm: a key of arms.ARMS.
        lr, beta2, weight_decay: of its optimizer.
        data: "number-words" or "multi30k".
        direction: "de-en" or "en-de".
        pairs: how many number words.
        max_length: of Multi30k, leave out pairs with a longer sentence.
        vocabulary, min_count: of Multi30k, the most ids of each language, and how often a word must come.
        layers, width, heads, feed_forward, dropout: of the Translator.
        smoothing: of the labels, in training.
        clip: the largest norm of all gradients together, or None.
        decay: a key of DECAYS: what all arms' rates are multiplied with, besides an arm's own schedule.
        steps: of the whole run.
        batch: pairs of any lengths in a batch; or, if max_tokens is given, so many tokens in pairs of like lengths.
        beam: translate at the end, with so wide a beam (1: greedy search); 0: don't.
        translate: "validation" or "test".
    """

    arm: str
    lr: float
    seed: int
    beta2: float = 0.999
    weight_decay: float = 0.0
    data: str = "number-words"
    direction: str = "de-en"
    pairs: int = 20_000
    max_length: int | None = None
    vocabulary: int | None = None
    min_count: int = 1
    layers: int = 6
    width: int = 64
    heads: int = 4
    feed_forward: int = 256
    dropout: float = 0.0
    smoothing: float = 0.0
    clip: float | None = None
    decay: str = "constant"
    steps: int = 200
    batch: int = 64
    max_tokens: int | None = None
    beam: int = 0
    translate: str = "validation"


def experiment(name: str, edition: int = 1) -> Experiment:
    """Trainings of the exhibit of this name."""
    return Experiment(name, Training, train, edition, headline="validation_loss")


def train(training: Training) -> list[Row]:
    """The row of a training: its curve, and how it ended.

    Returns:
        One row: "step" and "loss", the thinned curve; "validation_loss" and "test_loss", None if the run diverged;
        "unigram" and "nothing", the losses to hold against the test loss; "stopped", why, or None; and with a beam
        "bleu" and "exact", the share of translations that are right word for word.
    """
    pairs = pairs_of(training)
    model, losses, stopped = trained(training, pairs)
    ends = [nan if stopped else mean_loss(model, split) for split in (pairs.validation, pairs.test)]
    kept = thin(losses, POINTS)
    # JSON has no nan: None stands for it.
    shown = [x if isfinite(x) else None for x in rounded([*(losses[i] for i in kept), *ends, *baselines(pairs)])]
    row: Row = {"step": (kept + 1).tolist(), "loss": shown[:-4], "validation_loss": shown[-4], "test_loss": shown[-3]}
    row |= {"unigram": shown[-2], "nothing": shown[-1], "stopped": stopped}
    if training.beam:
        row |= {"bleu": 0.0, "exact": 0.0} if stopped else scored(model, pairs, training.translate, training.beam)
    return [row]


# Called at step t = 1, 2, ... when the gradients are there (clipped, if they are), before theta moves. Whatever is true
# ends the training there.
Watch = Callable[[int, Translator], object]


def trained(
    training: Training, pairs: TranslationData, watch: Watch | None = None
) -> tuple[Translator, list[float], str | None]:
    """The net after its steps, the training loss of each, and why it stopped early, if it did."""
    manual_seed(training.seed)
    model = Translator(
        len(pairs.source), len(pairs.target), training.width, training.heads, training.layers, training.feed_forward,
        training.dropout,
    )  # fmt: skip
    setup = Setup(
        training.lr, training.steps, training.beta2, training.weight_decay,
        lambda t: DECAYS[training.decay](t, training.steps),
    )  # fmt: skip
    losses: list[float] = []
    with np.errstate(all="ignore"):  # a run that diverges says so in its result
        optimizer, schedule = optimizer_of(training.arm, model.named_parameters(), setup)
        for t, (source, target) in enumerate(islice(batches(training, pairs), training.steps), 1):
            optimizer.zero_grad()
            loss = model.loss(source, target, training.smoothing)
            losses.append(loss.item())
            if not isfinite(losses[-1]):
                return model, losses, f"the loss is {losses[-1]} at step {t}"
            loss.backward()
            if training.clip is not None:
                clip_grad_norm_(model.parameters(), training.clip)
            if watch is not None and watch(t, model):
                break
            optimizer.step()
            schedule.step()
    return model, losses, None


# ---- the data


def pairs_of(training: Training) -> TranslationData:
    """The sentences of a training. Raises DataError or ImportError if they can't be had."""
    return load(
        training.data, training.direction, training.pairs, training.max_length, training.vocabulary, training.min_count
    )


@lru_cache(maxsize=2)
def load(
    name: str,
    direction: str = "de-en",
    pairs: int = 20_000,
    max_length: int | None = None,
    vocabulary: int | None = None,
    min_count: int = 1,
) -> TranslationData:
    """The data set with the settings of Training; read once in a process."""
    source, target = direction.split("-")
    if name == "multi30k":
        return data.multi30k(source, target, vocabulary, min_count, max_length)
    if name != "number-words":
        raise ValueError(f"data must be 'number-words' or 'multi30k', got {name!r}")
    numbers = data.number_words(pairs, generator=np.random.default_rng(0))  # the same numbers for all seeds
    return numbers if direction == "de-en" else turned(numbers)


def turned(pairs: TranslationData) -> TranslationData:
    """The way back: from the target language to the source language. No word may be unknown."""

    def back(split: list[IdPair]) -> list[IdPair]:
        return [(target, source) for source, target in split]

    return replace(
        pairs,
        source=pairs.target,
        target=pairs.source,
        train=back(pairs.train),
        validation=back(pairs.validation),
        test=back(pairs.test),
        validation_references=[pairs.source.decode(source) for source, _ in pairs.validation],
        test_references=[pairs.source.decode(source) for source, _ in pairs.test],
    )


def batches(training: Training, pairs: TranslationData) -> Iterator[Any]:
    """Source and target, without end: one epoch after the other."""
    epoch: data.Loader | data.LengthBatches = (
        loader(pairs, training.batch)
        if training.max_tokens is None
        else data.LengthBatches(pairs.train, max_tokens=training.max_tokens)
    )
    return (batch for _ in count() for batch in epoch)


def loader(pairs: TranslationData, batch: int) -> data.Loader:
    """Batches of pairs of any lengths."""
    begin, end = pairs.target.begin, pairs.target.end
    sources = data.padded([source for source, _ in pairs.train])
    targets = data.padded([[begin, *target, end] for _, target in pairs.train])
    return data.Loader(sources, targets, batch_size=batch)


def before(training: Training) -> None:
    """Refuse early what a training would lack: data, or the packages that make or score them."""
    if training.data == "number-words":
        lab("num2words")
    else:
        pairs_of(training)
    if training.beam:
        lab("sacrebleu")


# ---- how good a model is


def mean_loss(model: Translator, pairs: Sequence[IdPair]) -> float:
    """The mean of -log p over all words of the pairs, the mark of the end counted."""
    total, words = 0.0, 0
    with in_use(model):
        for source, target in data.LengthBatches(pairs, 250, shuffle=False):
            count = int((target[:, 1:] != model.padding).sum())
            total, words = total + model.loss(source, target).item() * count, words + count
    return total / words


def baselines(pairs: TranslationData) -> tuple[float, float]:
    """The test loss of a model that knows how often each word comes in training, and of one that knows nothing.

    The first is the cross entropy of the words' frequencies, the second log V, with all ids counted. A word that
    training does not have counts as seen once.
    """
    seen = Counter(word for _, target in pairs.train for word in [*target, pairs.target.end])
    words = [word for _, target in pairs.test for word in [*target, pairs.target.end]]
    total = seen.total()
    return sum(-log(max(1, seen[word]) / total) for word in words) / len(words), log(len(pairs.target))


def scored(model: Translator, pairs: TranslationData, split: str, beam: int) -> Row:
    """BLEU of the translations of a split, and the share that is right word for word."""
    references = pairs.test_references if split == "test" else pairs.validation_references
    found = translations(model, pairs, split, beam)
    right = [words == reference for words, reference in zip(found, references, strict=True)]
    return {"bleu": round(bleu(found, references), 4), "exact": round(float(np.mean(right)), 6)}


def translations(model: Translator, pairs: TranslationData, split: str, beam: int) -> list[list[str]]:
    """The translations of a split, "validation" or "test", as words, in its order; a beam of 1 is greedy search."""
    begin, end = pairs.target.begin, pairs.target.end
    sources = [source for source, _ in (pairs.test if split == "test" else pairs.validation)]
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    found: list[list[int]] = [[] for _ in sources]
    for start in range(0, len(order), 100):
        some = order[start : start + 100]
        batch = data.padded([sources[i] for i in some])
        longest = 2 * batch.shape[1] + 10
        if beam == 1:
            words = greedy_search(model, batch, begin, end, longest)
        else:
            words = [list(best.words) for best in beam_search(model, batch, begin, end, beam, max_length=longest)]
        for i, ids in zip(some, words, strict=True):
            found[i] = ids
    return [pairs.target.decode(ids) for ids in found]


# ---- of the rows of a training


def loss_of(rows: list[Row], split: str = "test") -> float:
    """The loss at the end; at most that of a model that knows nothing, which a run that diverged has too.

    Args:
        rows: of the training.
        split: "test", or "validation" to tune by.
    """
    (row,) = rows
    loss = row[f"{split}_loss"]
    return row["nothing"] if loss is None else min(loss, row["nothing"])


def stuck(rows: list[Row], share: float) -> bool:
    """Whether a run ended no lower than this share of the unigram loss."""
    return loss_of(rows) >= share * rows[0]["unigram"]
