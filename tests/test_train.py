import math
import os
import sys
from importlib import import_module

import numpy as np
import pytest
from commands import read_terminal
from helpers import host

from minirad.backend import manual_seed, to_device
from minirad.data import Loader
from minirad.models import MLP
from minirad.nn import CrossEntropyLoss, Dropout, Linear, Sequential
from minirad.optim import SGD, RAdam
from minirad.optim.lr_scheduler import LinearWarmup
from minirad.tensor import is_grad_enabled
from minirad.train import History, classification_scores, predict, train

N, FEATURES, CLASSES, BATCH = 20, 5, 3, 6
STEPS = math.ceil(N / BATCH)  # an epoch


def images():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, FEATURES)).astype(np.float32), rng.integers(CLASSES, size=N)


def parts(rule=RAdam, lr=0.01):
    """A model, its optimizer and its data: the same each time."""
    manual_seed(3)
    model = MLP(FEATURES, (7,), CLASSES)
    return model, rule(model.parameters(), lr=lr), Loader(*images(), batch_size=BATCH)


def weights(model):
    return {name: array.tobytes() for name, array in model.state_dict().items()}


@pytest.mark.parametrize("rule", [SGD, RAdam])
@pytest.mark.parametrize("warmup", [False, True])
def test_the_loop_does_what_one_writes_by_hand(rule, warmup):
    model, optimizer, loader = parts(rule)
    schedule = LinearWarmup(optimizer, 5) if warmup else None
    criterion, losses = CrossEntropyLoss(), []
    for _ in range(3):
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            if schedule:
                schedule.step()
            losses.append(loss.item())

    other, optimizer, loader = parts(rule)
    history = train(
        other, CrossEntropyLoss(), optimizer, loader, 3, scheduler=LinearWarmup(optimizer, 5) if warmup else None
    )
    assert history.losses == losses  # bit for bit
    assert weights(other) == weights(model)
    assert history.stopped is None
    assert [row["epoch"] for row in history.epochs] == [1, 2, 3]
    assert [len(row["loss"]) for row in history.epochs] == [STEPS] * 3


class Recorder:
    """Stands before an optimizer or a schedule and notes each call."""

    def __init__(self, calls, inner):
        self.calls, self.inner = calls, inner

    def zero_grad(self):
        self.calls.append("zero_grad")
        self.inner.zero_grad()

    def step(self):
        self.calls.append(type(self.inner).__name__)
        self.inner.step()


def test_the_schedule_steps_after_each_step_of_the_optimizer():
    calls = []
    model, optimizer, loader = parts(SGD)
    schedule = LinearWarmup(optimizer, 4)
    train(model, CrossEntropyLoss(), Recorder(calls, optimizer), loader, 2, scheduler=Recorder(calls, schedule))
    assert calls == ["zero_grad", "SGD", "LinearWarmup"] * 2 * STEPS


def test_the_schedule_sets_the_rate_of_each_step():
    used = []
    model, optimizer, loader = parts(SGD, lr=0.4)
    schedule = LinearWarmup(optimizer, 4)
    step = optimizer.step
    optimizer.step = lambda: (used.append(optimizer.param_groups[0]["lr"]), step())
    train(model, CrossEntropyLoss(), optimizer, loader, 2, scheduler=schedule)
    assert used == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4])


def test_evaluate_sees_the_model_in_eval_mode_and_without_recording():
    model, optimizer, loader = parts()
    criterion, training = CrossEntropyLoss(), []
    seen = []

    def noting(prediction, y):
        training.append(model.training)
        assert is_grad_enabled()
        return criterion(prediction, y)

    def evaluate(given):
        assert given is model
        assert not any(module.training for _, module in model.named_modules())
        assert not is_grad_enabled()
        assert not model(to_device(images()[0])).requires_grad
        seen.append(len(training))
        return {"score": 10.0 * len(seen)}

    history = train(model, noting, optimizer, loader, 3, evaluate=evaluate)
    assert seen == [STEPS, 2 * STEPS, 3 * STEPS]  # once, at the end of each epoch
    assert all(training)
    assert [row["score"] for row in history.epochs] == [10.0, 20.0, 30.0]
    assert is_grad_enabled()
    assert not model.training


def test_without_evaluate_too_the_model_is_left_in_eval_mode():
    model, optimizer, loader = parts()
    train(model, CrossEntropyLoss(), optimizer, loader, 1)
    assert not model.training


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_the_run(bad):
    before, optimizer, loader = parts()
    kept = train(before, CrossEntropyLoss(), optimizer, loader, 1).losses  # the first epoch

    model, optimizer, loader = parts()
    criterion, calls, scores = CrossEntropyLoss(), [], []

    def failing(prediction, y):
        calls.append(1)
        loss = criterion(prediction, y)
        return loss if len(calls) <= STEPS else loss * 0 + bad

    def evaluate(given):
        scores.append(predict(given, images()[0]))
        return {"score": float(len(scores))}

    history = train(model, failing, optimizer, loader, 9, evaluate=evaluate)
    assert history.stopped == f"the loss is {bad} at step {STEPS + 1}"
    assert len(calls) == STEPS + 1
    assert history.losses[:-1] == kept  # what was recorded stays
    np.testing.assert_equal(history.losses[-1], bad)
    assert [row["score"] for row in history.epochs] == [1.0, 2.0]
    assert weights(model) == weights(before)  # the bad loss moved nothing
    assert not model.training


def test_zero_epochs_are_refused():
    model, optimizer, loader = parts()
    with pytest.raises(ValueError, match="train: epochs must be at least 1, got 0"):
        train(model, CrossEntropyLoss(), optimizer, loader, 0)


def test_history():
    assert History().losses == []
    assert History([{"loss": [3.0, 2.0]}, {"loss": [1.0]}]).losses == [3.0, 2.0, 1.0]


def test_quiet_where_there_is_no_terminal(capfd):
    model, optimizer, loader = parts()
    train(model, CrossEntropyLoss(), optimizer, loader, 2, title="shy")
    assert capfd.readouterr() == ("", "")


def test_a_bar_in_a_terminal(monkeypatch):
    pty = pytest.importorskip("pty", reason="needs a POSIX terminal")
    ours, theirs = pty.openpty()
    import_module("termios").tcsetwinsize(theirs, (24, 80))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        model, optimizer, loader = parts()
        train(model, CrossEntropyLoss(), optimizer, loader, 2, title="bold")
        monkeypatch.undo()
    shown = read_terminal(ours)
    assert "bold:   0%" in shown
    assert "0/2" in shown
    assert "\n" not in shown
    assert not [part for part in shown.split("\r") if part][-1].strip()  # it wipes itself away


def test_works_without_tqdm(monkeypatch):
    with_bar = train(*quick())
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert train(*quick()) == with_bar


def quick():
    model, optimizer, loader = parts()
    return model, CrossEntropyLoss(), optimizer, loader, 2


@pytest.mark.parametrize("batch_size", [1, 7, N, 1000])
def test_predict(batch_size):
    model, _, _ = parts()
    x, _ = images()
    outputs = predict(model, x, batch_size)
    assert type(outputs) is np.ndarray
    np.testing.assert_allclose(outputs, host(model(to_device(x))), rtol=1e-5, atol=1e-6)


def test_predict_records_nothing():
    seen = []

    class Noting(Linear):
        def forward(self, x):
            seen.append(is_grad_enabled())
            return super().forward(x)

    predict(Noting(FEATURES, CLASSES), images()[0], batch_size=8)
    assert seen == [False] * 3


def test_classification_scores():
    model, _, _ = parts()
    x, y = images()
    logits = host(model(to_device(x))).astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss, accuracy = classification_scores(model, CrossEntropyLoss(), x, y)
    assert loss == pytest.approx(-np.log(probabilities[np.arange(N), y]).mean(), rel=1e-5)
    assert accuracy == (probabilities.argmax(axis=1) == y).mean()
    assert (type(loss), type(accuracy)) == (float, float)


def test_dropout_is_on_while_training_only():
    manual_seed(3)
    model = Sequential(Dropout(0.5), Linear(FEATURES, CLASSES))
    x, y = images()
    outputs = []

    def evaluate(given):
        outputs.append([predict(given, x), predict(given, x)])
        return {}

    optimizer = SGD(model.parameters(), lr=1e-30)  # the weights stay as they are
    loader = Loader(x, y, batch_size=N, shuffle=False)
    history = train(model, CrossEntropyLoss(), optimizer, loader, 3, evaluate=evaluate)
    assert len(set(history.losses)) == 3  # another mask each time
    for first, second in outputs:
        np.testing.assert_array_equal(first, second)
