import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.backend import manual_seed
from minirad.data import DataError, english_number, german_number, number_words

num2words = pytest.importorskip("num2words").num2words
below_a_million = st.integers(0, 10**6 - 1)


@pytest.mark.parametrize(
    ("n", "german", "english"),
    [
        (0, "null", "zero"),
        (1, "eins", "one"),
        (17, "siebzehn", "seventeen"),
        (21, "ein und zwanzig", "twenty one"),
        (101, "ein hundert eins", "one hundred and one"),
        (1000, "ein tausend", "one thousand"),
        (1100, "ein tausend ein hundert", "one thousand one hundred"),
        (16_060, "sechzehn tausend sechzig", "sixteen thousand and sixty"),
        (
            98_765,
            "acht und neunzig tausend sieben hundert fünf und sechzig",
            "ninety eight thousand seven hundred and sixty five",
        ),
        (
            999_999,
            "neun hundert neun und neunzig tausend neun hundert neun und neunzig",
            "nine hundred and ninety nine thousand nine hundred and ninety nine",
        ),
    ],
)
def test_names(n, german, english):
    assert " ".join(german_number(n)) == german
    assert " ".join(english_number(n)) == english


@given(n=below_a_million)
def test_german_joined_is_the_word_again(n):
    words = german_number(n)
    assert "".join(words) == num2words(n, lang="de")
    assert 1 <= len(words) <= 11


@given(n=below_a_million)
def test_english_has_all_letters(n):
    words = english_number(n)
    assert "".join(words) == re.sub("[^a-z]", "", num2words(n, lang="en"))
    assert 1 <= len(words) <= 11
    assert all(word.isalpha() for word in words)


def test_all_below_two_thousand_differ():
    for name in (german_number, english_number):
        assert len({tuple(name(n)) for n in range(2000)}) == 2000


@pytest.mark.parametrize("name", [german_number, english_number])
@pytest.mark.parametrize("n", [-1, 10**6])
def test_out_of_range(name, n):
    with pytest.raises(ValueError, match=rf"^{name.__name__}: n must be 0 .. 999,999, got {n}$"):
        name(n)


def test_a_spelling_that_is_not_known(monkeypatch):
    monkeypatch.setattr("num2words.num2words", lambda n, lang: "dreissig")
    with pytest.raises(DataError, match=r"^german_number: num2words calls 30 'dreissig', which is not made of known"):
        german_number(30)


# The data set.


@pytest.fixture(scope="module")
def data():
    return number_words(400, generator=np.random.default_rng(1))


def test_splits(data):
    assert [len(split) for split in (data.train, data.validation, data.test)] == [360, 20, 20]
    assert data.name == "number-words"


def test_no_number_comes_twice(data):
    pairs = [*data.train, *data.validation, *data.test]
    assert len({tuple(source) for source, _ in pairs}) == len({tuple(target) for _, target in pairs}) == 400


def test_both_sides_name_the_same_number(data):
    numbers = np.random.default_rng(1).choice(10**6, 400, replace=False).tolist()
    expected = {tuple(german_number(n)): english_number(n) for n in numbers}
    for source, target in [*data.train, *data.validation, *data.test]:
        assert data.target.decode(target) == expected.pop(tuple(data.source.decode(source)))
    assert not expected


def test_sentences_have_no_marks_and_no_unknown_words(data):
    ids = [i for pair in [*data.train, *data.validation, *data.test] for sentence in pair for i in sentence]
    assert min(ids) > max(data.source.padding, data.source.unknown, data.source.begin, data.source.end)


def test_references(data):
    for pairs, references in ((data.validation, data.validation_references), (data.test, data.test_references)):
        assert [data.target.decode(target) for _, target in pairs] == references


def test_vocabularies_are_complete_and_always_the_same(data):
    assert (len(data.source), len(data.target)) == (36, 35)
    other = number_words(20, generator=np.random.default_rng(2))
    assert (other.source.tokens, other.target.tokens) == (data.source.tokens, data.target.tokens)
    assert other.test != data.test[: len(other.test)]
    for n in range(0, 10**6, 9973):
        assert data.source.unknown not in data.source.encode(german_number(n))
        assert data.target.unknown not in data.target.encode(english_number(n))


def test_the_stream():
    manual_seed(3)
    first, second = number_words(20), number_words(20)
    manual_seed(3)
    assert number_words(20).train == first.train != second.train


@pytest.mark.parametrize("pairs", [19, 0, -5, 10**6 + 1, 100.0, True, "20"])
def test_bad_number_of_pairs(pairs):
    with pytest.raises(
        ValueError, match=rf"^number_words: pairs must be an integer of 20 to 1,000,000, got {pairs!r}$"
    ):
        number_words(pairs)
