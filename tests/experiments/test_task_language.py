"""The task of E9: what a training gives, that arms are paired, that failures have a score, words made of characters."""

from dataclasses import replace
from math import inf, log, nan

import numpy as np
import pytest

from minirad import data
from minirad.experiments import task_language as task
from minirad.experiments.experiment import Experiment
from minirad.experiments.task_language import Training

TINY = Training(
    "adam", 0.1, 100, embedding=4, hidden=8, layers=1, cutoffs=(4, 1000), dropout=0.1, batch=4, unroll=5, steps=20
)
WORDS = 12


@pytest.fixture(autouse=True)
def texts(monkeypatch):
    """A text of a few words in which each comes after the one before."""
    ids = np.arange(400) % WORDS
    vocabulary = data.Vocabulary({f"w{i:02d}": 400 - i for i in range(WORDS)}, marks=[])
    made = data.Corpus("made-up", vocabulary, ids, ids[:100], ids[:90])
    monkeypatch.setattr(task, "corpus_of", lambda name, min_count: made)
    return made


def test_the_rows():
    rows = task.train(TINY)
    assert rows == task.train(TINY)
    row, end = rows
    assert end == {"stopped": None}
    assert row.keys() == {"log_perplexity", "held_out", "loss", "words"}
    assert row["words"] == WORDS
    assert (len(row["held_out"]), len(row["loss"])) == (10, 20)  # of few steps, each
    assert row["log_perplexity"] == row["held_out"][-1] < row["held_out"][0] <= log(WORDS) + 1e-5
    assert row != task.train(replace(TINY, split="validation"))[0]
    assert row["loss"] == task.train(replace(TINY, split="validation"))[0]["loss"]


def test_a_curve_has_few_points():
    assert len(task.train(replace(TINY, steps=130))[0]["loss"]) == task.POINTS


def test_arms_of_a_seed_are_paired():
    first = [task.train(replace(TINY, arm=arm))[0]["loss"][0] for arm in ("adam", "radam", "adam-r")]
    assert len(set(first)) == 1  # the same weights, the same words, the same dropout
    assert task.train(replace(TINY, seed=101))[0]["loss"][0] != first[0]


def test_the_rate_falls(monkeypatch):
    seen = []

    def spied(*arguments):
        optimizer, scheduler = optimizer_of(*arguments)
        step = optimizer.step
        optimizer.step = lambda: seen.append(optimizer.param_groups[0]["lr"]) or step()
        return optimizer, scheduler

    optimizer_of = task.optimizer_of
    monkeypatch.setattr(task, "optimizer_of", spied)
    task.train(replace(TINY, steps=6))
    assert seen == pytest.approx([0.1] * 4 + [0.01] * 2)


def test_the_state_is_carried_and_begins_anew_with_the_text(monkeypatch):
    states = []
    loss = task.LSTMLanguageModel.loss

    def spied(self, ids, targets, state=None):
        if self.training:
            states.append(state is None)
        return loss(self, ids, targets, state)

    monkeypatch.setattr(task.LSTMLanguageModel, "loss", spied)
    task.train(replace(TINY, steps=42))
    assert [t for t, begins in enumerate(states) if begins] == [0, 20, 40]  # 399 words in 4 rows, 5 at a time: 20 steps


def test_a_run_that_diverges_knows_nothing():
    with np.errstate(all="ignore"):
        row, end = task.train(replace(TINY, arm="sgd", lr=1e38, clip=1e38))
    assert "the loss is" in end["stopped"]
    assert row["held_out"] == pytest.approx([log(WORDS)] * 10, abs=1e-5)
    assert row["log_perplexity"] == row["held_out"][-1]
    assert len(row["loss"]) == 20
    assert np.isfinite(row["loss"]).all()


@pytest.mark.parametrize(
    ("perplexity", "score"), [(3.0, log(3)), (50.0, log(WORDS)), (inf, log(WORDS)), (nan, log(WORDS))]
)
def test_no_score_is_worse_than_knowing_nothing(perplexity, score):
    class Model:
        def perplexity(self, chunks):
            return perplexity

    assert task.log_perplexity(Model(), [], WORDS) == pytest.approx(score)


def test_nor_is_one_beyond_all_numbers():
    class Model:
        def perplexity(self, chunks):
            raise OverflowError

    assert task.log_perplexity(Model(), [], WORDS) == log(WORDS)


def test_words_of_characters():
    lines = "To be, or not to be:\nthat is the question\n"
    letters = data.Vocabulary(dict.fromkeys(lines + "X", 1), marks=[])
    parts = [np.array(letters.encode(text)) for text in (lines, "to be\n", "X is\n")]
    words = task.in_words(data.Corpus("plays", letters, *parts), min_count=2)
    assert words.name == "plays"
    assert words.vocabulary.tokens[0] == "<unk>"
    assert sorted(words.vocabulary.tokens[1:]) == ["<eos>", "be", "to"]
    decoded = [[words.vocabulary.tokens[i] for i in ids] for ids in (words.train, words.validation, words.test)]
    unknown = ["<unk>"]
    assert decoded[0] == [
        *("to", "be"), *unknown * 3, *("to", "be"), *unknown, "<eos>", *unknown * 4, "<eos>"
    ]  # fmt: skip
    assert decoded[1] == ["to", "be", "<eos>"]
    assert decoded[2] == [*unknown * 2, "<eos>"]


def test_the_experiment_of_an_exhibit():
    found = task.experiment("E99")
    assert isinstance(found, Experiment)
    assert (found.name, found.settings, found.run) == ("E99", Training, task.train)
    assert found.make({"arm": "adam", "lr": 1, "seed": 2, "cutoffs": [3]}) == Training("adam", 1.0, 2, cutoffs=(3,))


class TestCorpora:
    """Without the made-up text."""

    @pytest.fixture(autouse=True)
    def _real(self, monkeypatch):
        monkeypatch.undo()

    def test_python_docs(self):
        corpus = task.corpus_of("python-docs", 5)
        assert corpus.vocabulary.tokens[0] == "<unk>"
        assert corpus.train.max() == len(corpus.vocabulary) - 1
        assert task.corpus_of("python-docs", 5) is corpus

    def test_one_that_there_is_not(self):
        with pytest.raises(ValueError, match=r"^task_language: corpus must be tinyshakespeare, .* got 'bible'$"):
            task.corpus_of("bible", 1)
