"""Data sets of translations: pairs of sentences as ids. And BLEU, the score of a translation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from minirad.data.download import fetch
from minirad.data.support import DataError, lab, lines_of, read_text
from minirad.data.vocabulary import Vocabulary

Words = list[str]
WordPair = tuple[Words, Words]  # a sentence and its translation
IdPair = tuple[list[int], list[int]]
_LANGUAGES = ("de", "en")


@dataclass(frozen=True, eq=False)
class TranslationData:
    """A data set of translations. The sentences have no marks of begin and end: LengthBatches puts them in.

    Attributes:
        name: its name in the registry.
        source: the vocabulary of the language to translate from.
        target: that of the language to translate to.
        train: what to train on: pairs of a source and a target sentence, as lists of ids.
        validation: what to choose settings by.
        test: what to report.
        validation_references: the target sentences of validation as words, for bleu(). To decode them from the ids
            would lose the words that are not in the vocabulary.
        test_references: those of test.
    """

    name: str
    source: Vocabulary
    target: Vocabulary
    train: list[IdPair]
    validation: list[IdPair]
    test: list[IdPair]
    validation_references: list[Words]
    test_references: list[Words]


def translation_data(
    name: str,
    source: Vocabulary,
    target: Vocabulary,
    train: Sequence[WordPair],
    validation: Sequence[WordPair],
    test: Sequence[WordPair],
) -> TranslationData:
    """The data set of these sentences, encoded with these vocabularies."""

    def encoded(pairs: Sequence[WordPair]) -> list[IdPair]:
        return [(source.encode(sentence), target.encode(translation)) for sentence, translation in pairs]

    return TranslationData(
        name,
        source,
        target,
        encoded(train),
        encoded(validation),
        encoded(test),
        validation_references=[translation for _, translation in validation],
        test_references=[translation for _, translation in test],
    )


def multi30k(
    source: str = "de", target: str = "en", size: int | None = None, min_count: int = 1, max_length: int | None = None
) -> TranslationData:
    """Multi30k: captions of photos in German and English, 29,000 / 1,014 / 1,000 pairs.

    The test set is that of 2016, from Flickr. The vocabularies are made from the training sentences alone: the other
    splits have unknown words.

    Args:
        source, target: "de" and "en", or the other way round.
        size: how many ids each vocabulary has at most, marks included.
        min_count: how often a word must come in the training sentences to be in the vocabulary.
        max_length: leave out pairs, in all splits, of which a sentence has more words than this.

    Raises:
        DataError: the files can't be had.
        ValueError: source and target are not "de" and "en", or max_length is no integer >= 1 or leaves no pair; size
            and min_count as in Vocabulary.
    """
    if sorted((source, target)) != sorted(_LANGUAGES):
        raise ValueError(f"multi30k: source and target must be 'de' and 'en', got {source!r} and {target!r}")
    if max_length is not None and (isinstance(max_length, bool) or not isinstance(max_length, int) or max_length < 1):
        raise ValueError(f"multi30k: max_length must be an integer >= 1, got {max_length!r}")
    paths = fetch("multi30k")
    splits: list[list[WordPair]] = []
    for split in ("train", "val", "test_2016_flickr"):
        texts = (read_text(paths[f"{split}.{side}.gz"]) for side in (source, target))
        sides = [[tokenise(line) for line in lines_of(text)] for text in texts]
        if len(sides[0]) != len(sides[1]):
            raise DataError(f"multi30k: {split} has {len(sides[0])} lines in {source} and {len(sides[1])} in {target}")
        pairs = [
            (sentence, translation)
            for sentence, translation in zip(*sides, strict=True)
            if max_length is None or max(len(sentence), len(translation)) <= max_length
        ]
        if not pairs:
            raise ValueError(f"multi30k: no pair of {split} has at most max_length={max_length} words")
        splits.append(pairs)
    vocabulary, target_vocabulary = (
        Vocabulary(Counter(word for pair in splits[0] for word in pair[side]), size, min_count) for side in (0, 1)
    )
    return translation_data("multi30k", vocabulary, target_vocabulary, *splits)


def tokenise(text: str) -> Words:
    """The words of a sentence in lower case. What is no letter, digit or underscore is a word by itself."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


def bleu(hypotheses: Sequence[Words], references: Sequence[Words]) -> float:
    """BLEU of translations against one reference each, 0 to 100, as sacrebleu computes it for a whole corpus.

    Both are words as ``tokenise`` gives them, and sacrebleu splits them no further. So the score can be compared with
    others on the same words, and not with scores of another tokenisation.

    Args:
        hypotheses: the translations, as lists of words.
        references: the right ones, in the same order.

    Raises:
        ValueError: their numbers differ, or are 0. ImportError: sacrebleu is missing.

    Source: Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL 2002.
    """
    if len(hypotheses) != len(references) or not len(references):
        raise ValueError(
            "bleu: hypotheses and references must be as many, at least 1, "
            f"got {len(hypotheses)} and {len(references)} sentences"
        )
    lines = [[" ".join(words) for words in sentences] for sentences in (hypotheses, references)]
    # force: it would warn of text that is split into words already.
    return float(lab("sacrebleu").corpus_bleu(lines[0], [lines[1]], tokenize="none", force=True).score)
