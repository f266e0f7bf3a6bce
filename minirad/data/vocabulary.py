"""Vocabulary: tokens and their numbers. A model sees only the numbers, the ids."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from minirad.data.support import DataError
from minirad.files import write_whole

MARKS = ("<pad>", "<unk>", "<s>", "</s>")
PADDING, UNKNOWN, BEGIN, END = range(len(MARKS))  # their ids in every vocabulary of sentences


class Vocabulary:
    """The marks, then the tokens: the most frequent one first, equally frequent ones in alphabetical order.

    So the ids depend on the counts alone, not on the order in which a text was read.

    Args:
        counts: how often each token was seen: collections.Counter(tokens), say.
        size: how many ids at most, the marks included; None keeps all.
        min_count: leave out tokens that were seen less often.
        marks: what is not text and has the first ids. A running text needs none but "<unk>", if that.

    Attributes:
        tokens: the token of each id.
        ids: the id of each token.
        counts: how often each token was seen, in the order of the ids; a mark is there only if it was seen.
        marks: as given.

    Raises:
        TypeError: a token is no string, a count, size or min_count no integer.
        ValueError: a count is negative, min_count is below 1, size is too small for the marks, or two marks are equal.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        size: int | None = None,
        min_count: int = 1,
        marks: Iterable[str] = MARKS,
    ) -> None:
        marks = tuple(marks)
        for token, count in counts.items():
            if not isinstance(token, str) or not _is_integer(count):
                raise TypeError(f"Vocabulary: counts must map strings to integers, got {token!r}: {count!r}")
            if count < 0:
                raise ValueError(f"Vocabulary: counts must not be negative, got {token!r}: {count}")
        if len(set(marks)) != len(marks):
            raise ValueError(f"Vocabulary: marks must differ, got {marks}")
        if not _is_integer(min_count) or not (size is None or _is_integer(size)):
            raise TypeError(f"Vocabulary: size and min_count must be integers, got {size!r} and {min_count!r}")
        if min_count < 1:
            raise ValueError(f"Vocabulary: min_count must be at least 1, got {min_count}")
        if size is not None and size < max(1, len(marks)):
            raise ValueError(f"Vocabulary: size must be at least {max(1, len(marks))}, got {size}")

        words = [token for token, count in counts.items() if count >= min_count and token not in marks]
        words.sort(key=lambda token: (-counts[token], token))
        self.marks = marks
        self.tokens: list[str] = [*marks, *words][:size]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self.counts = {token: counts[token] for token in self.tokens if token in counts}

    def __len__(self) -> int:
        """How many ids there are."""
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self.ids

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens: {', '.join(self.tokens[:8])}{' ...' if len(self) > 8 else ''})"

    @property
    def padding(self) -> int:
        """The id of "<pad>", which fills up short sentences."""
        return self._mark(PADDING)

    @property
    def unknown(self) -> int:
        """The id of "<unk>", which stands for every token that has no id."""
        return self._mark(UNKNOWN)

    @property
    def begin(self) -> int:
        """The id of "<s>", which stands in front of a sentence."""
        return self._mark(BEGIN)

    @property
    def end(self) -> int:
        """The id of "</s>", which stands behind a sentence."""
        return self._mark(END)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The id of each token; that of "<unk>" where it has none.

        Raises:
            ValueError: a token has no id, and there is no "<unk>".
        """
        unknown = self.ids.get(MARKS[UNKNOWN])
        ids = []
        for token in tokens:
            i = self.ids.get(token, unknown)
            if i is None:
                raise ValueError(f"Vocabulary.encode: {token!r} has no id, and there is no {MARKS[UNKNOWN]!r}")
            ids.append(i)
        return ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens of a sentence: up to the first "</s>", without "<pad>" and "<s>", if these are marks here.

        Raises:
            ValueError: an id is out of range.
        """
        pad, _, begin, end = (mark if mark in self.marks else None for mark in MARKS)
        tokens: list[str] = []
        for i in ids:
            if not 0 <= i < len(self):
                raise ValueError(f"Vocabulary.decode: ids must lie in 0 .. {len(self) - 1}, got {i}")
            token = self.tokens[i]
            if token == end:
                break
            if token not in (pad, begin):
                tokens.append(token)
        return tokens

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the marks and the counts as JSON: a text that any editor shows.

        Raises:
            OSError: the file can't be written.
        """
        content = {"marks": self.marks, "counts": self.counts}
        write_whole(Path(path), (json.dumps(content, ensure_ascii=False, indent=0) + "\n").encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Read what save() wrote.

        Raises:
            DataError: the file can't be read, or holds no vocabulary.
        """
        try:
            content = json.loads(Path(path).read_bytes())
            return cls(content["counts"], marks=content["marks"])
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"{path} holds no vocabulary: {error}") from None

    def _mark(self, index: int) -> int:
        if MARKS[index] not in self.ids:
            raise ValueError(f"Vocabulary: there is no {MARKS[index]!r}, the marks are {self.marks}")
        return self.ids[MARKS[index]]


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
