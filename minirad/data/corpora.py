"""Running texts for language models: one long row of ids for each split. Chunks cuts them.

A vocabulary is made from the training text alone. What another split has beyond it is "<unk>". In texts of words
"<eos>" stands at the end of each line.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from minirad.data.download import fetch
from minirad.data.support import DataError, lines_of, read_text
from minirad.data.translation import tokenise
from minirad.data.vocabulary import MARKS, UNKNOWN, Vocabulary
from minirad.data.zip_archive import read_zip_members

END_OF_LINE = "<eos>"


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text, split into three.

    Attributes:
        name: its name in the registry.
        vocabulary: what the ids stand for: "<unk>" and the tokens of the training text.
        train: what to train on, int64 (n,), in the order of the text.
        validation: what to choose settings by.
        test: what to report.
    """

    name: str
    vocabulary: Vocabulary
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def python_docs(unit: str = "characters", size: int | None = None, min_count: int = 1) -> Corpus:
    """The text of Python's language reference, as ``help("yield")`` shows it: about 465,000 characters. No download.

    The topics come in alphabetical order. The first nine tenths are for training, the next twentieth for validation,
    the last one for the test. Each version of Python has another text: results of two versions can't be compared.

    Args:
        unit: "characters" or "words": lower case, punctuation split off.
        size, min_count: as in Vocabulary.

    Raises:
        ValueError: unit is neither of the two; size and min_count as in Vocabulary.
        DataError: this Python comes without the text.
    """
    if unit not in ("characters", "words"):
        raise ValueError(f"python_docs: unit must be 'characters' or 'words', got {unit!r}")
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        raise DataError("python-docs: this Python comes without pydoc_data") from None
    text = "\n".join(topics[name] for name in sorted(topics))
    tokens = text if unit == "characters" else _words(" ".join(tokenise(line)) for line in lines_of(text))
    return _corpus("python-docs", _split(tokens), size, min_count)


def tinyshakespeare() -> Corpus:
    """A million characters of Shakespeare's plays: 1,115,394, of 65 kinds.

    The first nine tenths are for training, the next twentieth for validation, the last one for the test.

    Raises:
        DataError: the file can't be had.
    """
    return _corpus("tinyshakespeare", _split(read_text(fetch("tinyshakespeare")["input.txt"])))


def ptb(size: int | None = None, min_count: int = 1) -> Corpus:
    """Penn Treebank as it is usual for language models: words in lower case, 10,000 kinds, numbers as "N".

    Args:
        size, min_count: as in Vocabulary.

    Raises:
        DataError: the files can't be had. ValueError: as in Vocabulary.

    Source: Mikolov et al., "Recurrent neural network based language model", Interspeech 2010.
    """
    paths = fetch("ptb")
    splits = [_words(lines_of(read_text(paths[f"ptb.{part}.txt"]))) for part in ("train", "valid", "test")]
    return _corpus("ptb", splits, size, min_count)


def wikitext2(size: int | None = None, min_count: int = 1) -> Corpus:
    """WikiText-2: articles of Wikipedia, two million words for training, 33,278 kinds.

    Args:
        size, min_count: as in Vocabulary.

    Raises:
        DataError: the file can't be had. ValueError: as in Vocabulary.
    """
    path = fetch("wikitext-2")["wikitext-2-v1.zip"]
    names = [f"wikitext-2/wiki.{part}.tokens" for part in ("train", "valid", "test")]
    contents = read_zip_members(path, names, limit=_WIKITEXT2_LIMIT)
    try:
        splits = [_words(lines_of(contents[name].decode())) for name in names]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is damaged: {error}") from None
    return _corpus("wikitext-2", splits, size, min_count)


_WIKITEXT2_LIMIT = 1 << 25  # it has 13 MB


def _words(lines: Iterable[str]) -> list[str]:
    return [word for line in lines for word in (*line.split(), END_OF_LINE)]


def _split(tokens: Sequence[str]) -> list[Sequence[str]]:
    aside = len(tokens) // 20
    train = len(tokens) - 2 * aside
    return [tokens[:train], tokens[train : train + aside], tokens[train + aside :]]


def _corpus(name: str, splits: Sequence[Sequence[str]], size: int | None = None, min_count: int = 1) -> Corpus:
    vocabulary = Vocabulary(Counter(splits[0]), size, min_count, marks=[MARKS[UNKNOWN]])
    return Corpus(name, vocabulary, *(np.array(vocabulary.encode(tokens), np.int64) for tokens in splits))
