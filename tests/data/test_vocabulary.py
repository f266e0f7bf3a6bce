import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.data import DataError, Vocabulary
from minirad.data.vocabulary import BEGIN, END, MARKS, PADDING, UNKNOWN

tokens = st.text(min_size=1, max_size=6).filter(lambda token: token not in MARKS)
countings = st.dictionaries(tokens, st.integers(1, 9), max_size=12)
FRUIT = {"fig": 3, "pear": 5, "apple": 3, "kiwi": 1}


def test_order_is_by_count_then_alphabetical():
    assert Vocabulary(FRUIT).tokens == [*MARKS, "pear", "apple", "fig", "kiwi"]
    assert Vocabulary(FRUIT, marks=()).tokens == ["pear", "apple", "fig", "kiwi"]


@given(counts=countings, seed=st.randoms())
def test_order_does_not_depend_on_the_order_of_reading(counts, seed):
    items = list(counts.items())
    seed.shuffle(items)
    assert Vocabulary(dict(items)).tokens == Vocabulary(counts).tokens


def test_marks():
    vocabulary = Vocabulary(FRUIT)
    ids = [vocabulary.padding, vocabulary.unknown, vocabulary.begin, vocabulary.end]
    assert ids == [PADDING, UNKNOWN, BEGIN, END] == [0, 1, 2, 3]
    assert [vocabulary.tokens[i] for i in ids] == ["<pad>", "<unk>", "<s>", "</s>"]
    assert vocabulary.marks == MARKS


@pytest.mark.parametrize("name", ["padding", "unknown", "begin", "end"])
def test_a_mark_that_is_not_there(name):
    mark = MARKS[["padding", "unknown", "begin", "end"].index(name)]
    with pytest.raises(ValueError, match=rf"^Vocabulary: there is no '{mark}', the marks are \('a',\)"):
        getattr(Vocabulary(FRUIT, marks=["a"]), name)


def test_a_mark_that_was_seen_has_one_id_and_its_count():
    vocabulary = Vocabulary({"b": 5, "<unk>": 3, "a": 9}, marks=["<unk>"])
    assert vocabulary.tokens == ["<unk>", "a", "b"]
    assert vocabulary.counts == {"<unk>": 3, "a": 9, "b": 5}


@given(counts=countings, size=st.none() | st.integers(4, 20), min_count=st.integers(1, 9))
def test_limits(counts, size, min_count):
    vocabulary = Vocabulary(counts, size, min_count)
    frequent = {token for token, count in counts.items() if count >= min_count}
    assert len(vocabulary) == len(vocabulary.tokens) == min(size or 999, len(MARKS) + len(frequent))
    assert vocabulary.counts == {token: counts[token] for token in vocabulary.tokens[len(MARKS) :]}
    assert set(vocabulary.counts) <= frequent
    left_out = [counts[token] for token in frequent - set(vocabulary.tokens)]
    assert max(left_out, default=0) <= min(vocabulary.counts.values(), default=99)
    assert all(vocabulary.ids[token] == i for i, token in enumerate(vocabulary.tokens))


@given(counts=countings, size=st.integers(4, 20), text=st.lists(tokens))
def test_encode_and_decode(counts, size, text):
    vocabulary = Vocabulary(counts, size)
    ids = vocabulary.encode(text)
    assert ids == [vocabulary.ids.get(token, UNKNOWN) for token in text]
    assert vocabulary.decode(ids) == [token if token in vocabulary else "<unk>" for token in text]
    known = [token for token in text if token in vocabulary]
    assert vocabulary.decode([BEGIN, *vocabulary.encode(known), END, *ids, PADDING]) == known


def test_decode_leaves_out_padding_wherever_it_is():
    vocabulary = Vocabulary(FRUIT)
    assert vocabulary.decode([0, 2, 5, 0, 4, 1]) == ["apple", "pear", "<unk>"]
    assert vocabulary.decode([]) == []


def test_decode_knows_only_its_own_marks():
    counts = {"<s>": 2, "</s>": 1, "a": 3}
    assert Vocabulary(counts, marks=()).decode([0, 1, 2, 0]) == ["a", "<s>", "</s>", "a"]


def test_one_generator_is_enough():
    assert Vocabulary(FRUIT).encode(token for token in ("fig", "plum")) == [6, 1]


def test_without_unknown():
    vocabulary = Vocabulary(FRUIT, marks=())
    assert vocabulary.encode(["kiwi", "pear"]) == [3, 0]
    with pytest.raises(ValueError, match=r"^Vocabulary.encode: 'plum' has no id, and there is no '<unk>'$"):
        vocabulary.encode(["kiwi", "plum"])


@pytest.mark.parametrize("i", [-1, 8, 100])
def test_ids_out_of_range(i):
    with pytest.raises(ValueError, match=rf"^Vocabulary.decode: ids must lie in 0 .. 7, got {i}$"):
        Vocabulary(FRUIT).decode([4, i])


def test_contains_and_repr():
    vocabulary = Vocabulary(FRUIT)
    assert "fig" in vocabulary
    assert "<pad>" in vocabulary
    assert "plum" not in vocabulary
    assert repr(vocabulary) == "Vocabulary(8 tokens: <pad>, <unk>, <s>, </s>, pear, apple, fig, kiwi)"
    assert repr(Vocabulary({**FRUIT, "lime": 1})).endswith(", kiwi ...)")


def test_a_counter():
    assert Vocabulary(Counter("abracadabra"), marks=()).tokens == list("abrcd")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"counts": {1: 2}}, TypeError, "counts must map strings to integers, got 1: 2"),
        ({"counts": {"a": 2.0}}, TypeError, "counts must map strings to integers, got 'a': 2.0"),
        ({"counts": {"a": True}}, TypeError, "counts must map strings to integers, got 'a': True"),
        ({"counts": {"a": -1}}, ValueError, "counts must not be negative, got 'a': -1"),
        ({"min_count": 0}, ValueError, "min_count must be at least 1, got 0"),
        ({"min_count": 1.0}, TypeError, "size and min_count must be integers, got None and 1.0"),
        ({"size": "9"}, TypeError, "size and min_count must be integers, got '9' and 1"),
        ({"size": True}, TypeError, "size and min_count must be integers, got True and 1"),
        ({"size": 3}, ValueError, "size must be at least 4, got 3"),
        ({"size": 0, "marks": ()}, ValueError, "size must be at least 1, got 0"),
        ({"marks": ["a", "b", "a"]}, ValueError, r"marks must differ, got \('a', 'b', 'a'\)"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=f"^Vocabulary: {message}$"):
        Vocabulary(**{"counts": FRUIT, **arguments})


# Files.


@given(counts=countings, size=st.none() | st.integers(4, 20), marks=st.sampled_from([MARKS, (), ("<unk>",)]))
def test_save_and_load(tmp_path_factory, counts, size, marks):
    path = tmp_path_factory.getbasetemp() / "vocabulary.json"
    vocabulary = Vocabulary(counts, size, marks=marks)
    vocabulary.save(path)
    loaded = Vocabulary.load(str(path))
    assert (loaded.tokens, loaded.counts, loaded.marks) == (vocabulary.tokens, vocabulary.counts, vocabulary.marks)


def test_the_file_is_plain_json(tmp_path):
    path = tmp_path / "vocabulary.json"
    Vocabulary({"grün": 2, "blau": 7}).save(path)
    assert json.loads(path.read_bytes()) == {"marks": list(MARKS), "counts": {"blau": 7, "grün": 2}}
    assert "grün" in path.read_text(encoding="utf-8")
    first = path.read_bytes()
    Vocabulary.load(path).save(path)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", '{"marks": [], "counts": []}', '{"marks": [], "counts": {"a": "b"}}', "\x00"]
)
def test_a_file_that_is_none(tmp_path, content):
    path = tmp_path / "vocabulary.json"
    path.write_text(content)
    with pytest.raises(DataError) as error:
        Vocabulary.load(path)
    assert str(error.value).startswith(f"{path} holds no vocabulary: ")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.json"):
        Vocabulary.load(tmp_path / "nowhere.json")
