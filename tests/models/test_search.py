"""Greedy and beam search: against an exhaustive search, and a real model with and without what it keeps."""

from itertools import product
from math import inf

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st

import minirad as mr
import minirad.nn.functional as F
from minirad.models import Translator, beam_search, greedy_search
from minirad.models.search import Hypothesis
from minirad.nn import Module

BEGIN, END = 1, 0


class Rows:
    """What Table keeps: of each row its sentence and its words so far."""

    def __init__(self, rows):
        self.rows = rows

    def choose(self, rows):
        return Rows([self.rows[row] for row in rows])


class Table(Module):
    """A model of words 0 .. words - 1. Sentence and prefix decide the probabilities, and there is no rule in them."""

    def __init__(self, words, seed=0, fixed=None):
        self.words, self.seed, self.fixed, self.steps = words, seed, fixed or {}, 0

    def start(self, source):
        return Rows([(int(i), ()) for i in source])

    def log_p(self, sentence, prefix):
        if prefix in self.fixed:
            with np.errstate(divide="ignore"):
                return np.log(np.array(self.fixed[prefix], float))
        z = np.random.default_rng([self.seed, sentence, *prefix]).normal(0, 2, self.words)
        return z - np.log(np.exp(z).sum())

    def step(self, words, kept):
        self.steps += 1
        assert not self.training
        kept.rows = [(i, (*prefix, int(word))) for (i, prefix), word in zip(kept.rows, host(words), strict=True)]
        return device(np.array([self.log_p(i, prefix[1:]) for i, prefix in kept.rows]))


def every_translation(model, sentence, max_length, alpha):
    """(score, words) of every translation that a search of this length can find."""
    others = [word for word in range(model.words) if word != END]
    for length in range(1, max_length + 1):
        for words in product(others, repeat=length - 1):
            log_p = sum(model.log_p(sentence, words[:i])[word] for i, word in enumerate((*words, END)))
            yield log_p / ((5 + length) / 6) ** alpha, words


SIZES = {
    "words": st.integers(2, 4), "max_length": st.integers(1, 4), "alpha": st.sampled_from([0.0, 0.6, 1.0, 3.0]),
    "seed": st.integers(0, 10**6),
}  # fmt: skip


@given(**SIZES)
def test_a_wide_beam_finds_what_an_exhaustive_search_finds(words, max_length, alpha, seed):
    model = Table(words, seed)
    beam = words**max_length  # nothing is ever left out
    found = beam_search(model, [0, 1, 2], BEGIN, END, beam, alpha, max_length)
    for sentence, hypothesis in enumerate(found):
        score, best = max(every_translation(model, sentence, max_length, alpha))
        assert hypothesis.words == best
        assert abs(hypothesis.score - score) < 1e-9
        assert abs(hypothesis.log_p - score * ((6 + len(best)) / 6) ** alpha) < 1e-9


@given(**SIZES, beam=st.integers(1, 5))
def test_any_beam_finds_a_translation_that_is_scored_right(words, max_length, alpha, seed, beam):
    model = Table(words, seed)
    for sentence, hypothesis in enumerate(beam_search(model, [0, 1], BEGIN, END, beam, alpha, max_length)):
        every = {w: score for score, w in every_translation(model, sentence, max_length, alpha)}
        assert abs(every[hypothesis.words] - hypothesis.score) < 1e-9
        assert hypothesis.score <= max(every.values()) + 1e-9


@given(**SIZES, beam=st.integers(1, 3))
def test_the_search_that_stops_early_finds_what_one_that_goes_on_finds(words, max_length, alpha, seed, beam):
    """The same beam, written plainly for one sentence, to the last step."""
    model, best, open_ = Table(words, seed), (-inf, ()), [((), 0.0)]
    for length in range(1, max_length + 1):
        allowed = range(words) if length < max_length else [END]
        candidates = [((*p, w), log_p + model.log_p(0, p)[w]) for p, log_p in open_ for w in allowed]
        candidates = sorted(candidates, key=lambda found: -found[1])[:beam]
        ended = [(log_p / ((5 + length) / 6) ** alpha, p[:-1]) for p, log_p in candidates if p[-1] == END]
        best = max([best, *ended], key=lambda found: found[0])
        open_ = [(p, log_p) for p, log_p in candidates if p[-1] != END]
    hypothesis = beam_search(model, [0], BEGIN, END, beam, alpha, max_length)[0]
    assert hypothesis.words == best[1]
    assert abs(hypothesis.score - best[0]) < 1e-9


@given(words=SIZES["words"], max_length=st.integers(1, 6), seed=SIZES["seed"])
def test_a_beam_of_one_is_greedy_search(words, max_length, seed):
    model = Table(words, seed)
    greedy = greedy_search(model, [0, 1, 2], BEGIN, END, max_length)
    assert [list(h.words) for h in beam_search(model, [0, 1, 2], BEGIN, END, 1, 0.6, max_length)] == greedy
    for sentence, found in enumerate(greedy):
        for i, word in enumerate(found):
            assert model.log_p(sentence, tuple(found[:i])).argmax() == word
        if len(found) < max_length - 1:
            assert model.log_p(sentence, tuple(found)).argmax() == END


# The likeliest first word, 2, has no likely continuation; 3 has one.
TRAP = {(): [0, 0, 0.6, 0.4], (2,): [0.4, 0, 0.3, 0.3], (3,): [0.9, 0, 0.1, 0]}


def test_beam_search_gets_out_of_the_trap_that_greedy_search_falls_into():
    model = Table(4, fixed=TRAP)
    assert greedy_search(model, [0], BEGIN, END) == [[2]]
    found = beam_search(model, [0], BEGIN, END, beam=2, alpha=0)[0]
    assert found.words == (3,)
    assert abs(found.log_p - np.log(0.4 * 0.9)) < 1e-9
    assert found.score == found.log_p


def test_the_penalty_decides_between_short_and_long():
    """One word with probability 0.5, or two with 0.4."""
    model = Table(4, fixed={(): [0, 0, 0.5, 0.5], (2,): [1, 0, 0, 0], (3,): [0, 0, 0.8, 0.2], (3, 2): [1, 0, 0, 0]})
    for alpha, words in ((0.0, (2,)), (0.5, (2,)), (3.0, (3, 2))):
        assert beam_search(model, [0], BEGIN, END, 3, alpha, max_length=5)[0].words == words


def test_it_stops_when_no_open_beginning_can_win():
    sure = {(): [0.01, 0, 0.99], (2,): [0.99, 0, 0.01]}
    model = Table(3, fixed=sure)
    assert beam_search(model, [0], BEGIN, END, beam=3, max_length=50)[0].words == (2,)
    assert model.steps == 2
    model = Table(3, fixed=sure)
    assert greedy_search(model, [0], BEGIN, END, max_length=50) == [[2]]
    assert model.steps == 2


@pytest.mark.parametrize(("max_length", "stops"), [(4, True), (5, False)])
def test_what_is_open_could_still_gain_by_its_length(max_length, stops):
    """log 0.14 at the penalty of length 4 is worse than log 0.3 at that of length 1, and at that of length 5 better."""
    model = Table(6, fixed={(): [0.3] + [0.14] * 5})
    beam_search(model, [0], BEGIN, END, 6, 1.0, max_length)
    assert (model.steps == 1) == stops


def test_what_can_never_end_has_no_translation():
    model = Table(3, fixed={prefix: [0, 0, 1] for prefix in [(), (2,), (2, 2)]})
    assert beam_search(model, [0], BEGIN, END, max_length=3) == [Hypothesis((), -inf, -inf)]
    assert greedy_search(model, [0], BEGIN, END, max_length=3) == [[2, 2]]


def test_sentences_do_not_disturb_each_other():
    model = Table(4, 7)
    together = beam_search(model, range(6), BEGIN, END, 3, max_length=6)
    assert together == [beam_search(model, [i], BEGIN, END, 3, max_length=6)[0] for i in range(6)]
    together = greedy_search(model, range(6), BEGIN, END, 6)
    assert together == [greedy_search(model, [i], BEGIN, END, 6)[0] for i in range(6)]
    assert beam_search(model, [], BEGIN, END) == greedy_search(model, [], BEGIN, END) == []


# ---- the real model


class WithoutCache(Module):
    """A translator's forward() over all words again in each step."""

    def __init__(self, model, source, words=None):
        self.model, self.source = model, source
        self.words = np.zeros((len(source), 0), int) if words is None else words

    def start(self, source):
        return WithoutCache(self.model, source)

    def choose(self, rows):
        return WithoutCache(self.model, self.source[rows], self.words[rows])

    def step(self, words, kept):
        kept.words = np.concatenate([kept.words, host(words)[:, None]], axis=1)
        scores = self.model(device(kept.source), device(kept.words))
        return F.log_softmax(scores[:, -1], dim=-1).data


@pytest.mark.parametrize("norm_first", [False, True])
def test_the_search_with_kept_keys_and_values_is_the_one_without(norm_first):
    model = Translator(9, 7, 8, 2, 2, 16, 0.3, norm_first=norm_first, max_length=20).double()
    rng = np.random.default_rng(3)
    model.load_state_dict(  # so that the words differ
        {name: rng.normal(0, 1, a.shape) if a.ndim == 2 else a for name, a in model.state_dict().items()}
    )
    source = rng.integers(4, 9, (5, 6))
    source[1, 3:] = source[4, 1:] = 0
    plain = WithoutCache(model, source)
    for beam, alpha in ((4, 0.6), (2, 0.0)):
        found = beam_search(model, device(source), 2, 3, beam, alpha, max_length=9)
        expected = beam_search(plain, source, 2, 3, beam, alpha, max_length=9)
        assert [h.words for h in found] == [h.words for h in expected]
        np.testing.assert_allclose([h.score for h in found], [h.score for h in expected], rtol=1e-10)
    assert len({h.words for h in found}) > 1
    assert greedy_search(model, device(source), 2, 3, 9) == greedy_search(plain, source, 2, 3, 9)
    assert model.training


def test_a_search_records_nothing_and_leaves_the_mode_alone():
    model, source = Translator(9, 7, 8, 2, 1, 16), mr.tensor([[4, 5, 0]])
    for mode in (True, False):
        model.train(mode)
        before = greedy_search(model, source, 2, 3, 5)
        assert model.training is mode
        assert greedy_search(model, source, 2, 3, 5) == before  # no dropout
        with pytest.raises(ValueError, match="Translator: source must have at least one word"):
            beam_search(model, mr.tensor([[0, 0]]), 2, 3)
        assert model.training is mode
    assert mr.is_grad_enabled()


class Plain:
    """No Module: the two methods alone. Three words, each as likely as the others."""

    def __init__(self, p=1 / 3):
        self.p = p

    def start(self, source):
        return Rows(list(source))

    def step(self, words, kept):
        assert not mr.is_grad_enabled()
        return device(np.log(np.full((len(words), 3), self.p)))


def test_a_model_needs_two_methods():
    assert greedy_search(Plain(), [0], BEGIN, END) == [[]]
    assert beam_search(Plain(), [0], BEGIN, END)[0].words == ()


@pytest.mark.parametrize("end", [-1, 3, 99])
def test_an_end_that_is_no_word_is_refused(end):
    for search in (greedy_search, beam_search):
        message = rf"{search.__name__}: end must be one of the model's words, 0 \.\. 2, got {end}"
        with pytest.raises(ValueError, match=message):
            search(Table(3), [0], BEGIN, end)


def test_nan_stops_a_search():
    """In the first step, and in a later one; one of them is enough."""
    for fixed in ({(): [np.nan] * 3}, {(): [0.2, 0.2, 0.6], (2,): [np.nan, 0.5, 0.5]}):
        for search in (greedy_search, beam_search):
            model = Table(3, fixed=fixed)
            with pytest.raises(FloatingPointError, match=f"{search.__name__}: the model gave a log-probability of nan"):
                search(model, [0], BEGIN, END)
            assert model.training


@pytest.mark.parametrize("n", [0, -1, 2.0, None])
def test_numbers_refused(n):
    model = Table(3)
    with pytest.raises(ValueError, match=f"beam_search: beam must be a positive integer, got {n}"):
        beam_search(model, [0], BEGIN, END, n)
    with pytest.raises(ValueError, match=f"beam_search: max_length must be a positive integer, got {n}"):
        beam_search(model, [0], BEGIN, END, max_length=n)
    with pytest.raises(ValueError, match=f"greedy_search: max_length must be a positive integer, got {n}"):
        greedy_search(model, [0], BEGIN, END, n)
    assert not model.steps


def test_a_penalty_that_overflows_is_refused():
    message = "beam_search: alpha must leave the penalty of max_length=100 finite, got 1000.0"
    with pytest.raises(ValueError, match=message):
        beam_search(Table(3), [0], BEGIN, END, alpha=1000.0)
    assert beam_search(Table(3), [0], BEGIN, END, alpha=1000.0, max_length=1)[0].score == pytest.approx(
        Table(3).log_p(0, ())[END]
    )


@pytest.mark.parametrize("alpha", [-0.1, inf, float("nan")])
def test_penalties_refused(alpha):
    with pytest.raises(ValueError, match=f"beam_search: alpha must be a number >= 0, got {alpha}"):
        beam_search(Table(3), [0], BEGIN, END, alpha=alpha)
