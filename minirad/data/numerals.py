"""Number words: German names of numbers and their English translations. No download, and no two opinions.

German says the units before the tens, English after them: 98,765 is "acht und neunzig tausend sieben hundert fünf und
sechzig" and "ninety eight thousand seven hundred and sixty five". So a translator must reorder, and whether it is right
can be told exactly.

The words are num2words'. German writes a number as one word; it is cut into the words that it is joined from. English
is split at spaces and hyphens, and its commas are left out: so "ninety-eight" is two words too, and both vocabularies
are small.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from minirad.backend import stream
from minirad.data.support import DataError, lab
from minirad.data.translation import TranslationData, translation_data
from minirad.data.vocabulary import Vocabulary

LIMIT = 10**6

_UNITS = "null eins ein zwei drei vier fünf sechs sieben acht neun"
_TEENS = "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"
_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
# Of two words that begin alike the longer one is tried first: vierzig before vier, eins before ein.
_GERMAN = re.compile("|".join(sorted(f"{_UNITS} {_TEENS} {_TENS} und hundert tausend".split(), reverse=True)))


def german_number(n: int) -> list[str]:
    """The German name of n, 0 <= n < 10^6, cut into the words it is joined from; at most 11.

    Raises:
        ValueError: n is out of range. ImportError: num2words is missing.
    """
    name = _name("german_number", n, "de")
    words = _GERMAN.findall(name)
    if "".join(words) != name:
        raise DataError(f"german_number: num2words calls {n} {name!r}, which is not made of known words")
    return words


def english_number(n: int) -> list[str]:
    """The English name of n, 0 <= n < 10^6, split at spaces and hyphens, without commas; at most 11 words.

    Raises:
        ValueError: n is out of range. ImportError: num2words is missing.
    """
    return _name("english_number", n, "en").replace(",", "").replace("-", " ").split()


def number_words(pairs: int = 20_000, generator: np.random.Generator | None = None) -> TranslationData:
    """Numbers below 10^6 in German, and in English: a translation data set that needs no download.

    The numbers are all different. A twentieth of the pairs is for validation, a twentieth for the test. The
    vocabularies are the same whatever numbers are drawn. 20,000 pairs take about 3 s.

    Args:
        pairs: how many in all, 20 to 10^6.
        generator: where the numbers are drawn from; the stream "shuffle" (see manual_seed) if there is none.

    Raises:
        ValueError: pairs is no integer of 20 to 10^6. ImportError: num2words is missing.
    """
    if isinstance(pairs, bool) or not isinstance(pairs, int) or not 20 <= pairs <= LIMIT:
        raise ValueError(f"number_words: pairs must be an integer of 20 to {LIMIT:,}, got {pairs!r}")
    lab("num2words")
    numbers = (generator or stream("shuffle")).choice(LIMIT, pairs, replace=False).tolist()
    aside = pairs // 20
    # The numbers up to 1,000 have all the words that there are.
    german, english = (
        Vocabulary(Counter(word for n in range(1001) for word in name(n))) for name in (german_number, english_number)
    )
    sentences = [(german_number(n), english_number(n)) for n in numbers]
    return translation_data(
        "number-words",
        german,
        english,
        train=sentences[2 * aside :],
        validation=sentences[aside : 2 * aside],
        test=sentences[:aside],
    )


def _name(function: str, n: int, language: str) -> str:
    if not 0 <= n < LIMIT:
        raise ValueError(f"{function}: n must be 0 .. {LIMIT - 1:,}, got {n}")
    return lab("num2words").num2words(n, lang=language)
