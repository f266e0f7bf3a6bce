"""The task of translation: its data, its losses, its rows; that all arms of a seed train on the same."""

from dataclasses import replace
from itertools import pairwise
from math import log

import numpy as np
import pytest
from helpers import host

from minirad import data
from minirad.data.download import DataError
from minirad.experiments import task_translation as task
from minirad.experiments.arms import ARMS
from minirad.experiments.task_translation import Training, train

for needed in ("num2words", "scipy"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

TINY = Training("adam", 3e-3, 100, layers=1, width=8, feed_forward=16, pairs=200, steps=4)  # 180 pairs: three batches


def test_the_row():
    """The curve, the loss at the end, and what to hold against it; twice the same."""
    (row,) = train(TINY)
    assert [row] == train(TINY)
    assert row["step"] == [1, 2, 3, 4]
    assert all(2 < x < 8 for x in [*row["loss"], row["validation_loss"], row["test_loss"]])
    assert row["validation_loss"] != row["test_loss"]
    assert row["nothing"] == pytest.approx(log(35), abs=1e-5)
    assert 2 < row["unigram"] < row["nothing"]
    assert row["stopped"] is None


def test_a_long_curve_is_thinned():
    (row,) = train(replace(TINY, steps=150, pairs=40))
    assert len(row["step"]) == len(row["loss"]) <= task.POINTS
    assert (row["step"][0], row["step"][-1]) == (1, 150)


@pytest.mark.parametrize("arm", ARMS)
def test_the_arms_of_a_seed_train_on_the_same(arm):
    """The same weights and the same first batch for each."""
    (row,) = train(replace(TINY, arm=arm, dropout=0.1))
    assert row["loss"][0] == train(replace(TINY, dropout=0.1))[0]["loss"][0]
    assert row["loss"][0] != train(replace(TINY, dropout=0.1, seed=101))[0]["loss"][0]


def test_a_training_that_diverges():
    """It says so, and counts as a model that knows nothing."""
    rows = train(replace(TINY, lr=1e30, steps=20))
    assert rows[0]["validation_loss"] is rows[0]["test_loss"] is None
    assert rows[0]["loss"][-1] is None
    assert rows[0]["stopped"].endswith(f"at step {len(rows[0]['loss'])}")
    assert task.loss_of(rows) == rows[0]["nothing"]
    assert task.stuck(rows, 1.2)


@pytest.mark.parametrize(("loss", "counts", "is_stuck"), [(1.0, 1.0, False), (2.75, 2.75, True), (9.0, 3.5, True)])
def test_what_a_loss_counts(loss, counts, is_stuck):
    rows = [{"test_loss": loss, "validation_loss": 0.5, "nothing": 3.5, "unigram": 3.0}]
    assert task.loss_of(rows) == counts
    assert task.loss_of(rows, "validation") == 0.5
    assert task.stuck(rows, 0.9) is is_stuck


@pytest.mark.parametrize(
    ("decay", "rates"),
    [("constant", [1, 1, 1, 1]), ("linear", [1, 0.75, 0.5, 0.25]), ("cosine", [1, 0.8536, 0.5, 0.1464])],
)
def test_the_shared_decay(decay, rates):
    assert [task.DECAYS[decay](t, 4) for t in (1, 2, 3, 4)] == pytest.approx(rates, abs=1e-4)


def test_decay_and_warmup_multiply(monkeypatch):
    seen = []

    def spied(*arguments):
        optimizer, schedule = optimizer_of(*arguments)
        step = optimizer.step
        optimizer.step = lambda: seen.append(optimizer.param_groups[0]["lr"]) or step()
        return optimizer, schedule

    optimizer_of = task.optimizer_of
    monkeypatch.setattr(task, "optimizer_of", spied)
    train(replace(TINY, arm="adam-warmup-50", decay="linear"))
    assert seen == pytest.approx([3e-3 * x for x in (0.5, 0.75, 0.5, 0.25)])


def test_watched_with_gradients_before_theta_moves():
    pairs, seen = task.pairs_of(TINY), []

    def watch(t, model):
        seen.append((t, host(model.target_embedding.weight.data).copy(), model.target_embedding.weight.grad is None))

    model, _, _ = task.trained(replace(TINY, clip=1.0), pairs, watch)
    assert [t for t, _, _ in seen] == [1, 2, 3, 4]
    assert not any(missing for _, _, missing in seen)
    thetas = [theta for _, theta, _ in seen] + [host(model.target_embedding.weight.data)]
    assert all((a != b).any() for a, b in pairwise(thetas))


def test_whoever_watches_can_end_it():
    pairs = task.pairs_of(TINY)
    _, losses, stopped = task.trained(TINY, pairs, lambda t, model: t == 2)
    assert (len(losses), stopped) == (2, None)
    assert losses == task.trained(TINY, pairs)[1][:2]


def test_clipping_and_smoothing_count():
    loss = train(TINY)[0]["loss"]
    assert train(replace(TINY, smoothing=0.1))[0]["loss"][0] != loss[0]
    assert train(replace(TINY, arm="sgd", clip=1e-3))[0]["loss"][1] != train(replace(TINY, arm="sgd"))[0]["loss"][1]


def test_the_way_back():
    there, back = task.load("number-words", pairs=200), task.load("number-words", "en-de", pairs=200)
    assert back.train == [(target, source) for source, target in there.train]
    assert back.validation_references == [back.target.decode(target) for _, target in back.validation]
    assert back.test_references[0] == there.source.decode(there.test[0][0])
    assert task.turned(back).validation == there.validation
    assert task.turned(back).test_references == there.test_references


def test_unknown_data():
    with pytest.raises(ValueError, match="'number-words' or 'multi30k', got 'iwslt'"):
        task.load("iwslt")


def test_multi30k_is_asked_for_as_the_settings_say(monkeypatch):
    asked = []
    monkeypatch.setattr(data, "multi30k", lambda *arguments: asked.append(arguments))
    task.load.cache_clear()
    task.load("multi30k", "en-de", max_length=16, vocabulary=2000, min_count=2)
    task.load.cache_clear()
    assert asked == [("en", "de", 2000, 2, 16)]


def test_batches_of_like_lengths():
    pairs = task.pairs_of(TINY)
    training = replace(TINY, max_tokens=100)
    some = [next(batch) for batch in [task.batches(training, pairs)] for _ in range(30)]  # more than an epoch
    assert all(source.shape[0] * max(source.shape[1], target.shape[1]) <= 100 for source, target in some)
    assert next(task.batches(TINY, pairs))[0].shape[0] == 64


def test_the_losses_without_training():
    """On words that can be counted by hand."""
    pairs = task.load("number-words", pairs=200)
    a, b = 10, 11
    few = replace(pairs, train=[([4], [a]), ([4], [a, b])], test=[([4], [a]), ([4], [12])])
    unigram, nothing = task.baselines(few)  # of five words a came twice, b once, the end twice, id 12 never
    assert unigram == pytest.approx(-(log(2 / 5) + log(1 / 5) + 2 * log(2 / 5)) / 4)
    assert nothing == pytest.approx(log(len(pairs.target)))


def test_translations_come_in_the_order_of_the_split(monkeypatch):
    """Whatever the order they are made in: here each "translation" is its own source."""
    pairs = replace(task.load("number-words", pairs=200), target=task.load("number-words", pairs=200).source)
    monkeypatch.setattr(
        task, "greedy_search", lambda model, sources, *rest: [[int(i) for i in row if i] for row in sources]
    )
    for split, own in (("validation", pairs.validation), ("test", pairs.test)):
        assert task.translations(None, pairs, split, 1) == [pairs.source.decode(source) for source, _ in own]


@pytest.mark.parametrize("beam", [1, 2])
def test_bleu(beam):
    pytest.importorskip("sacrebleu", reason="needs the extra minirad[lab]")
    (row,) = train(replace(TINY, beam=beam, translate="test"))
    assert 0 <= row["bleu"] <= 100
    assert 0 <= row["exact"] <= 1
    with np.errstate(all="ignore"):
        (row,) = train(replace(TINY, beam=beam, lr=1e30, steps=20))
    assert (row["bleu"], row["exact"]) == (0, 0)


def test_refused_early(monkeypatch):
    def absent(*arguments):
        raise DataError("not there")

    monkeypatch.setattr(task, "load", absent)
    task.before(TINY)
    with pytest.raises(DataError, match="not there"):
        task.before(replace(TINY, data="multi30k"))
