import gzip
from collections import Counter

import numpy as np
import pytest
from data.image_checks import publish, real
from hypothesis import given
from hypothesis import strategies as st

from minirad.backend import to_host
from minirad.data import DataError, LengthBatches, bleu, get, multi30k, problem, tokenise

# Words.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Two men, in blue.", "two men , in blue ."),
        ("a woman's hat", "a woman ' s hat"),
        ("ein blau-weißes Fass", "ein blau - weißes fass"),
        ("ÄPFEL „Über“ café", "äpfel „ über “ café"),
        ("  two\tspaces \u00a0 ", "two spaces"),
        ("50% (#7) ...", "50 % ( # 7 ) . . ."),
        ("", ""),
    ],
)
def test_tokenise(text, words):
    assert tokenise(text) == words.split()


@given(text=st.text())
def test_tokenise_loses_nothing_but_spaces(text):
    words = tokenise(text)
    assert "".join(words) == "".join(text.lower().split())
    assert tokenise(" ".join(words)) == words
    assert all(words)


# A handful of sentences.

TINY = {
    "train.de.gz": "Ein Mann.\nEin Hund, ein Mann.\nZwei\u2028Hunde\n",
    "train.en.gz": "A man.\nA dog, a man.\nTwo dogs\n",
    "val.de.gz": "Ein Mann schläft.\n",
    "val.en.gz": "A man is asleep.\n",
    "test_2016_flickr.de.gz": "Zwei Hunde.\nEin Vogel singt im Baum.\n",
    "test_2016_flickr.en.gz": "Two dogs.\nA bird sings in the tree.\n",
}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    def put(**changes):
        contents = TINY | {name.replace("__", "."): text for name, text in changes.items()}
        publish(
            monkeypatch, tmp_path, "multi30k", {name: gzip.compress(text.encode()) for name, text in contents.items()}
        )

    return put


def texts(vocabulary, sentences):
    return [" ".join(vocabulary.decode(ids)) for ids in sentences]


def sides(data, pairs):
    sources, targets = zip(*pairs, strict=True)
    return texts(data.source, sources), texts(data.target, targets)


def test_multi30k(tiny):
    tiny()
    data = multi30k()
    assert data.name == "multi30k"
    assert sides(data, data.train) == (
        ["ein mann .", "ein hund , ein mann .", "zwei hunde"],
        ["a man .", "a dog , a man .", "two dogs"],
    )
    # Words that training has not are unknown, in the ids only.
    assert sides(data, data.validation) == (["ein mann <unk> ."], ["a man <unk> <unk> ."])
    assert data.validation_references == [["a", "man", "is", "asleep", "."]]
    assert data.test_references[1] == ["a", "bird", "sings", "in", "the", "tree", "."]
    assert data.source.counts == {"ein": 3, ".": 2, "mann": 2, ",": 1, "hund": 1, "hunde": 1, "zwei": 1}
    assert data.target.counts == {"a": 3, ".": 2, "man": 2, ",": 1, "dog": 1, "dogs": 1, "two": 1}


def test_the_other_way_round(tiny):
    tiny()
    data, other = multi30k(), multi30k(source="en", target="de")
    assert other.train == [(target, source) for source, target in data.train]
    assert other.source.tokens == data.target.tokens
    assert other.test_references[0] == ["zwei", "hunde", "."]


def test_limits(tiny):
    tiny()
    assert [len(vocabulary) for data in [multi30k(size=6)] for vocabulary in (data.source, data.target)] == [6, 6]
    assert multi30k(min_count=2).source.tokens[4:] == ["ein", ".", "mann"]
    data = multi30k(max_length=5)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [2, 1, 1]
    assert len(data.test_references) == 1
    assert "hund" not in data.source  # it is in the sentence that is too long


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "en"}, "source and target must be 'de' and 'en', got 'en' and 'en'"),
        ({"source": "fr"}, "source and target must be 'de' and 'en', got 'fr' and 'en'"),
        ({"max_length": 0}, "max_length must be an integer >= 1, got 0"),
        ({"max_length": 2.0}, "max_length must be an integer >= 1, got 2.0"),
        ({"max_length": True}, "max_length must be an integer >= 1, got True"),
        ({"max_length": 1}, "no pair of train has at most max_length=1 words"),
        ({"max_length": 3}, "no pair of val has at most max_length=3 words"),
    ],
)
def test_bad_arguments(tiny, arguments, message):
    tiny()
    with pytest.raises(ValueError, match=f"^multi30k: {message}$"):
        multi30k(**arguments)


def test_sides_of_different_length(tiny):
    tiny(val__en__gz="A man.\nAnother one.\n")
    with pytest.raises(DataError, match=r"^multi30k: val has 1 lines in de and 2 in en$"):
        multi30k()


def test_a_file_that_is_no_text(tmp_path, monkeypatch):
    contents = {name: gzip.compress(text.encode("latin-1", "replace")) for name, text in TINY.items()}
    publish(monkeypatch, tmp_path, "multi30k", contents)
    with pytest.raises(DataError, match=r"val\.de\.gz is damaged: 'utf-8' codec can't decode"):
        multi30k()


# Multi30k itself, where it is.


@pytest.fixture(scope="module")
def data():
    place = real("multi30k", "run minirad.data.multi30k(), or set MINIRAD_DATA")
    assert all(problem(place / file.name, file) is None for file in get("multi30k").files)
    assert all((place / file.name).stat().st_size == file.bytes for file in get("multi30k").files)
    return multi30k()


def test_real_counts(data):
    assert [len(split) for split in (data.train, data.validation, data.test)] == [29_000, 1014, 1000]
    assert (len(data.source), len(data.target)) == (17_915, 9783)
    assert all(source and target for split in (data.train, data.validation, data.test) for source, target in split)
    assert data.target.tokens[4:9] == ["a", ".", "in", "the", "on"]


def test_real_limits(data):
    short = multi30k(size=2000, max_length=16)
    assert [len(split) for split in (short.train, short.validation, short.test)] == [22_550, 776, 808]
    assert len(short.source) == len(short.target) == 2000
    assert max(len(sentence) for pair in short.train for sentence in pair) <= 16


@pytest.mark.parametrize("limit", [{"batch_size": 64}, {"max_tokens": 4000}])
def test_real_batches(data, limit):
    batches = [tuple(map(to_host, batch)) for batch in LengthBatches(data.train, **limit)]
    padding = [np.mean(np.concatenate([array.ravel() for array in side]) == 0) for side in zip(*batches, strict=True)]
    assert padding[0] < 0.01
    assert padding[1] < 0.1
    seen = Counter(tuple(row[row != 0].tolist()) for source, _ in batches for row in source)
    assert seen == Counter(tuple(source) for source, _ in data.train)


# BLEU.


@pytest.fixture
def sacrebleu():
    return pytest.importorskip("sacrebleu")


REFERENCES = [sentence.split() for sentence in ("the cat sat on the mat .", "a dog , it seems , ran away")]


def test_bleu_of_what_is_right(sacrebleu):
    assert bleu(REFERENCES, REFERENCES) == pytest.approx(100)


def test_bleu_of_what_is_wrong(sacrebleu):
    assert bleu([["x"] * 7, ["y"] * 8], REFERENCES) == 0


def test_bleu_by_hand(sacrebleu):
    # Of 15 words, 13 pairs, 11 triples and 9 fours so many are right. The length is that of the references.
    hypotheses = [sentence.split() for sentence in ("the cat sat on a mat .", "a dog , it seems , ran away")]
    right, of = [14, 11, 8, 6], [15, 13, 11, 9]
    expected = 100 * np.prod(np.array(right) / of) ** 0.25
    assert bleu(hypotheses, REFERENCES) == pytest.approx(expected)


def test_bleu_punishes_what_is_short(sacrebleu):
    hypotheses = [REFERENCES[0][:5], REFERENCES[1]]
    assert bleu(hypotheses, REFERENCES) == pytest.approx(100 * np.exp(1 - 15 / 13))


def test_bleu_is_of_the_whole_corpus_and_splits_no_words(sacrebleu):
    words = [["it's", "50.5%", "“so”", "&amp;"] * 2, ["a-b", "c_d", "(e)", "f,g", "h."]]
    assert bleu(words, words) == pytest.approx(100)
    assert bleu([words[0], list("vwxyz")], words) != pytest.approx(bleu([words[0]], [words[0]]) / 2)
    # One word of five is wrong, however it is spelt.
    expected = 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    for word in ("a", "a,a", "(a)", "a."):
        assert bleu([[word, *"vwxy"]], [["b,b", *"vwxy"]]) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 1), (0, 0)])
def test_bleu_of_different_numbers(n, m):
    message = f"bleu: hypotheses and references must be as many, at least 1, got {n} and {m} sentences"
    with pytest.raises(ValueError, match=f"^{message}$"):
        bleu(REFERENCES[:n], REFERENCES[:m])
