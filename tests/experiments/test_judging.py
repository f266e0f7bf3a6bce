"""How numbers become verdicts: made-up results for each word, the signs, and what failures and single seeds give."""

from functools import partial
from math import inf, nan

import pytest

from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from minirad.experiments.judging import alike, larger, oftener, smaller

pytest.importorskip("scipy", reason="needs the extra minirad[lab]")

HIGH = {100: 0.9, 101: 0.91, 102: 0.89, 103: 0.9}
LOW = {100: 0.8, 101: 0.8, 102: 0.81, 103: 0.79}
MIXED = {100: 0.95, 101: 0.7, 102: 0.99, 103: 0.6}


def shifted(by):
    """LOW, moved by about so much."""
    return {seed: value + by + 1e-4 * (seed - 101.5) for seed, value in LOW.items()}


def moved(by, seeds):
    """Scores of so many seeds and others that lie lower, all by the same."""
    b = {100 + i: 0.8 + 0.01 * i for i in range(seeds)}
    return {seed: value + by for seed, value in b.items()}, b


@pytest.mark.parametrize(
    ("a", "b", "larger_word", "smaller_word"),
    [
        (HIGH, LOW, SUPPORTED, CONTRADICTED),
        (LOW, HIGH, CONTRADICTED, SUPPORTED),
        (MIXED, LOW, INCONCLUSIVE, INCONCLUSIVE),
        (shifted(0.0), LOW, INCONCLUSIVE, INCONCLUSIVE),
    ],
)
def test_each_word(a, b, larger_word, smaller_word):
    assert larger(a, b).word == larger_word
    assert smaller(a, b).word == smaller_word
    assert larger(a, b, note="why").note == smaller(a, b, note="why").note == "why"


@pytest.mark.parametrize("judge", [larger, smaller])
def test_the_difference_is_a_minus_b(judge):
    numbers = judge(HIGH, LOW).numbers
    assert numbers["difference"] == pytest.approx(0.1)
    assert numbers["low"] < 0.1 < numbers["high"]
    assert (numbers["low"] + numbers["high"]) / 2 == pytest.approx(0.1)
    assert 0 < numbers["p"] < 0.05
    assert numbers["seeds"] == 4
    assert numbers["detectable"] > 0


@pytest.mark.parametrize(
    ("judge", "a", "by", "word"),
    [
        (larger, HIGH, 0.05, SUPPORTED),
        (larger, HIGH, 0.1, INCONCLUSIVE),
        (larger, HIGH, 0.2, CONTRADICTED),
        (larger, shifted(-0.02), -0.1, SUPPORTED),  # worse, but by less than 0.1
        (smaller, shifted(-0.1), 0.05, SUPPORTED),
        (smaller, shifted(-0.1), 0.2, CONTRADICTED),
        (smaller, HIGH, -0.2, SUPPORTED),
    ],
)
def test_by_how_much(judge, a, by, word):
    """The word is about ``by``, the difference shown is the whole one."""
    verdict = judge(a, LOW, by)
    assert verdict.word == word
    assert verdict.numbers["difference"] == pytest.approx(sum(a.values()) / 4 - sum(LOW.values()) / 4)
    assert (verdict.numbers["p"] < 0.05) == (word != INCONCLUSIVE)


def test_p_and_the_interval_say_the_same():
    for k in range(40):
        verdict = larger({seed: value + k * 0.005 for seed, value in MIXED.items()}, LOW)
        assert (verdict.word == INCONCLUSIVE) == (verdict.numbers["p"] >= 0.05)


@pytest.mark.parametrize(
    ("a", "margin", "word"),
    [
        (shifted(0.001), 0.01, SUPPORTED),
        (shifted(-0.001), 0.01, SUPPORTED),
        (HIGH, 0.2, SUPPORTED),
        (HIGH, 0.1, INCONCLUSIVE),
        (MIXED, 0.1, INCONCLUSIVE),
        (HIGH, 0.05, CONTRADICTED),
        (shifted(-0.1), 0.05, CONTRADICTED),
    ],
)
def test_alike(a, margin, word):
    verdict = alike(a, LOW, margin, "why")
    assert (verdict.word, verdict.note, verdict.numbers["margin"]) == (word, "why", margin)
    assert verdict.numbers["difference"] == pytest.approx(sum(a.values()) / 4 - sum(LOW.values()) / 4)
    # The p-value is that of the test which decided: Holm's correction must be able to spare either word.
    assert (verdict.numbers["p"] < 0.05) == (word != INCONCLUSIVE)


def test_the_p_of_a_contradiction_grows_with_the_margin():
    near, far = alike(HIGH, LOW, 0.06).numbers["p"], alike(HIGH, LOW, 0.01).numbers["p"]
    assert far < near < 0.05
    assert far > larger(HIGH, LOW).numbers["p"]  # to be beyond a margin is more than to be beyond 0


@pytest.mark.parametrize(
    ("a", "b", "word", "p"),
    [
        ([True] * 6, [False] * 6, SUPPORTED, 2 / 64),
        ([False] * 6, [True] * 6, CONTRADICTED, 2 / 64),
        ([True] * 5, [False] * 5, INCONCLUSIVE, 2 / 32),
        ([True] * 9, [True] * 9, INCONCLUSIVE, 1.0),  # no pair differs
        ([True, False] * 8, [False, True] * 8, INCONCLUSIVE, 1.0),
        ([True] * 6 + [True, False] * 10, [False] * 6 + [True, False] * 10, SUPPORTED, 2 / 64),
    ],
)
def test_oftener(a, b, word, p):
    verdict = oftener(a, b, "why")
    assert (verdict.word, verdict.note) == (word, "why")
    numbers = verdict.numbers
    assert numbers["p"] == pytest.approx(p)
    assert numbers["pairs"] == len(a)
    for name, values in (("a", a), ("b", b)):
        assert numbers[f"share {name}"] == sum(values) / len(values)
        assert 0 <= numbers[f"low {name}"] <= numbers[f"share {name}"] <= numbers[f"high {name}"] <= 1
    assert numbers["only a"] - numbers["only b"] == sum(a) - sum(b)


@pytest.mark.parametrize(("a", "b"), [([True], []), ([], [])])
def test_pairs_that_are_none(a, b):
    with pytest.raises(ValueError, match=r"^oftener: a and b must be pairs"):
        oftener(a, b)


@pytest.mark.parametrize(
    ("judge", "seeds", "by", "word", "p"),
    [
        (larger, 2, 0.1, INCONCLUSIVE, 0.5),  # a t test would be certain
        (larger, 5, 0.1, INCONCLUSIVE, 0.0625),
        (larger, 6, 0.1, SUPPORTED, 0.03125),
        (larger, 6, -0.1, CONTRADICTED, 0.03125),
        (smaller, 6, 0.1, CONTRADICTED, 0.03125),
        (smaller, 9, 0.0, INCONCLUSIVE, 1.0),
        (partial(larger, by=0.1), 9, 0.1, INCONCLUSIVE, 1.0),
        (partial(larger, by=0.05), 6, 0.1, SUPPORTED, 0.03125),
        (partial(alike, margin=0.2), 4, 0.1, INCONCLUSIVE, 0.0625),
        (partial(alike, margin=0.2), 5, -0.1, SUPPORTED, 0.03125),  # both one-sided tests
        (partial(alike, margin=0.2), 5, 0.0, SUPPORTED, 0.03125),
        (partial(alike, margin=0.05), 5, 0.1, INCONCLUSIVE, 0.0625),
        (partial(alike, margin=0.05), 6, -0.1, CONTRADICTED, 0.03125),
    ],
)
def test_where_all_seeds_have_the_same_difference(judge, seeds, by, word, p):
    """There is no spread to make an interval of, as with a few seeds and a coarse score."""
    verdict = judge(*moved(by, seeds), note="why")
    assert (verdict.word, verdict.numbers["p"]) == (word, p)
    assert verdict.note == "why; all seeds have the same difference: no t interval, p is the sign test's"
    assert verdict.numbers["difference"] == pytest.approx(by, abs=1e-12)
    assert [verdict.numbers[name] for name in ("low", "high", "seeds", "detectable")] == [None, None, seeds, None]


@pytest.mark.parametrize("judge", [larger, smaller, lambda a, b: alike(a, b, 0.1)])
def test_one_seed_decides_nothing(judge):
    """As with --seeds 1."""
    verdict = judge({100: 0.9}, {100: 0.1})
    assert verdict.word == INCONCLUSIVE
    assert verdict.note == "one seed: no interval"
    assert verdict.numbers["difference"] == pytest.approx(0.8)
    assert [verdict.numbers[name] for name in ("low", "high", "p", "seeds", "detectable")] == [
        None,
        None,
        None,
        1,
        None,
    ]


@pytest.mark.parametrize("judge", [larger, smaller, lambda a, b: alike(a, b, 0.1)])
@pytest.mark.parametrize("score", [nan, inf])
def test_a_failure_needs_a_score(judge, score):
    """It must not vanish from a mean, or make a verdict silently."""
    for a, b in ((HIGH | {100: score}, LOW), (LOW, HIGH | {100: score}), ({100: score}, {100: 1.0})):
        with pytest.raises(ValueError, match="must be finite"):
            judge(a, b)


@pytest.mark.parametrize("judge", [larger, smaller, lambda a, b: alike(a, b, 0.1)])
def test_seeds_must_match(judge):
    with pytest.raises(ValueError, match="must have the same seeds"):
        judge(HIGH, {100: 0.8, 101: 0.8})
    with pytest.raises(ValueError, match="must have the same seeds"):
        judge({100: 0.8}, {101: 0.8})
