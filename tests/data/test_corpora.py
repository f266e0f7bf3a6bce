import io
import sys
import zipfile

import numpy as np
import pytest
from data.image_checks import publish, real

from minirad.data import Chunks, DataError, ptb, python_docs, tinyshakespeare, wikitext2


def text(corpus, ids, between=" "):
    return between.join(corpus.vocabulary.tokens[i] for i in ids)


def check(corpus):
    assert corpus.vocabulary.marks == ("<unk>",)
    for split in (corpus.train, corpus.validation, corpus.test):
        assert split.dtype == np.int64
        assert split.ndim == 1
        assert 0 <= split.min() <= split.max() < len(corpus.vocabulary)
    seen = np.bincount(corpus.train, minlength=len(corpus.vocabulary))
    assert [corpus.vocabulary.counts.get(token, 0) for token in corpus.vocabulary.tokens[1:]] == seen[1:].tolist()


# Python's own text.


def topics_text():
    topics = pytest.importorskip("pydoc_data.topics").topics
    return "\n".join(topics[name] for name in sorted(topics))


def test_characters_of_python_docs():
    corpus, expected = python_docs(), topics_text()
    check(corpus)
    assert corpus.name == "python-docs"
    ids = np.concatenate([corpus.train, corpus.validation, corpus.test])
    assert len(ids) == len(expected) > 300_000
    known = set(expected[: len(corpus.train)])
    assert text(corpus, ids, "") == "".join(c if c in known else "<unk>" for c in expected)
    assert len(corpus.validation) == len(corpus.test) == len(expected) // 20


@pytest.mark.skipif(sys.version_info[:3] != (3, 11, 7), reason="each version of Python has another text")
def test_python_docs_of_one_version():
    corpus = python_docs()
    assert [len(split) for split in (corpus.train, corpus.validation, corpus.test)] == [418_544, 23_252, 23_252]
    assert len(corpus.train) + len(corpus.validation) + len(corpus.test) == 465_048
    assert len(corpus.vocabulary) == 104
    assert len(python_docs("words").vocabulary) == 3502


def test_words_of_python_docs():
    corpus = python_docs("words")
    check(corpus)
    assert text(corpus, corpus.train[:6]).startswith('the " assert " statement <eos>')
    assert (corpus.train == corpus.vocabulary.ids["<eos>"]).sum() > 5000
    small = python_docs("words", size=500, min_count=3)
    assert len(small.vocabulary) == 500
    assert len(small.train) == len(corpus.train)
    assert (small.train == 0).sum() > 0 == (corpus.train == 0).sum()


def test_the_order_of_topics_is_alphabetical(monkeypatch):
    monkeypatch.setattr(pytest.importorskip("pydoc_data.topics"), "topics", {"b": "second", "c": "x" * 9, "a": "first"})
    assert text(python_docs(), python_docs().train, "").startswith("first\nsecond\nxxx")


@pytest.mark.parametrize("unit", ["letters", None, ""])
def test_bad_unit(unit):
    with pytest.raises(ValueError, match=f"^python_docs: unit must be 'characters' or 'words', got {unit!r}$"):
        python_docs(unit)


def test_a_python_without_its_text(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match=r"^python-docs: this Python comes without pydoc_data$"):
        python_docs()


# Files, with a handful of words.


def test_tinyshakespeare(tmp_path, monkeypatch):
    content = "First Citizen:\r\nSpeak, speak.\n" * 2 + "Zounds!"
    publish(monkeypatch, tmp_path, "tinyshakespeare", {"input.txt": content.encode()})
    corpus = tinyshakespeare()
    check(corpus)
    assert text(corpus, corpus.train, "") == content[:61]  # of 67
    assert text(corpus, corpus.validation, "") == "<unk><unk>n"
    assert text(corpus, corpus.test, "") == "<unk>s<unk>"


LINES = {
    "train": " the cat <unk> N\n \n the dog\u2028sat \n",
    "valid": " the cat sat \n",
    "test": " a <unk> cat \n",
}
WORDS = {
    "train": "the cat <unk> N <eos> <eos> the dog sat <eos>",
    "valid": "the cat sat <eos>",
    "test": "<unk> <unk> cat <eos>",
}


def check_lines(corpus):
    check(corpus)
    for part, split in zip(LINES, (corpus.train, corpus.validation, corpus.test), strict=True):
        assert text(corpus, split) == WORDS[part]
    assert corpus.vocabulary.tokens == ["<unk>", "<eos>", "the", "N", "cat", "dog", "sat"]
    assert corpus.vocabulary.counts["<unk>"] == 1


def test_ptb(tmp_path, monkeypatch):
    publish(monkeypatch, tmp_path, "ptb", {f"ptb.{part}.txt": lines.encode() for part, lines in LINES.items()})
    check_lines(ptb())
    assert ptb(size=3).vocabulary.tokens == ["<unk>", "<eos>", "the"]
    assert ptb(min_count=2).vocabulary.tokens == ["<unk>", "<eos>", "the"]


def wikitext_zip(lines):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("wikitext-2/", "")
        for part, content in lines.items():
            archive.writestr(f"wikitext-2/wiki.{part}.tokens", content)
    return {"wikitext-2-v1.zip": file.getvalue()}


def test_wikitext2(tmp_path, monkeypatch):
    publish(monkeypatch, tmp_path, "wikitext-2", wikitext_zip(LINES))
    check_lines(wikitext2())
    assert wikitext2(size=3).vocabulary.tokens == ["<unk>", "<eos>", "the"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"train": "", "test": ""}, r"it lacks wikitext-2/wiki\.valid\.tokens"),
        ({**LINES, "valid": b"\xff"}, "is damaged: 'utf-8' codec can't decode"),
        ({**LINES, "valid": bytes(40 << 20)}, "it holds more than 33,554,432 bytes"),
    ],
)
def test_wrong_wikitext2(tmp_path, monkeypatch, lines, message):
    publish(monkeypatch, tmp_path, "wikitext-2", wikitext_zip(lines))
    with pytest.raises(DataError, match=message):
        wikitext2()


# The real ones, where they are.


@pytest.mark.parametrize(
    ("name", "load", "lengths", "kinds"),
    [
        ("tinyshakespeare", tinyshakespeare, [1_003_856, 55_769, 55_769], 66),
        ("ptb", ptb, [929_589, 73_760, 82_430], 10_000),
        ("wikitext-2", wikitext2, [2_088_628, 217_646, 245_569], 33_278),
    ],
)
def test_real_counts(name, load, lengths, kinds):
    real(name, f"run minirad.data.{load.__name__}(), or set MINIRAD_DATA")
    corpus = load()
    check(corpus)
    assert [len(split) for split in (corpus.train, corpus.validation, corpus.test)] == lengths
    assert len(corpus.vocabulary) == kinds
    chunks = Chunks(corpus.train, 32, 32)
    assert len(chunks) == -(-((lengths[0] - 1) // 32) // 32)
