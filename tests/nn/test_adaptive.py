"""The adaptive softmax: a distribution over all classes, computed where it is needed, as PyTorch's."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from helpers import host
from hypothesis import given
from hypothesis import strategies as st

import minirad as mr
from minirad.nn import AdaptiveLogSoftmaxWithLoss


def numbers(*shape, seed=0, dtype="float64"):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def anything(value: Any) -> Any:
    """Something that the type hints don't allow."""
    return value


@st.composite
def settings(draw):
    """Any number of clusters, down to one class each."""
    n_classes = draw(st.integers(2, 12))
    cutoffs = sorted(draw(st.sets(st.integers(1, n_classes - 1), min_size=1, max_size=4)))
    return {
        "in_features": 16, "n_classes": n_classes, "cutoffs": cutoffs,
        "div_value": draw(st.sampled_from([1.0, 1.5, 2])), "head_bias": draw(st.booleans()),
    }  # fmt: skip


def test_layout():
    """Names and shapes as in PyTorch."""
    model = AdaptiveLogSoftmaxWithLoss(64, 20, [5, 9], head_bias=True)
    assert [(name, p.shape) for name, p in model.named_parameters()] == [
        ("head.weight", (7, 64)),
        ("head.bias", (7,)),
        ("tail.0.0.weight", (16, 64)),
        ("tail.0.1.weight", (4, 16)),
        ("tail.1.0.weight", (4, 64)),
        ("tail.1.1.weight", (11, 4)),
    ]
    assert model.cutoffs == [5, 9, 20]


@given(settings(), st.integers(0, 4))
def test_probabilities_sum_to_one(options, n):
    model = AdaptiveLogSoftmaxWithLoss(**options).double()
    log_p = host(model.log_prob(mr.tensor(5 * numbers(n, 16))))
    assert log_p.shape == (n, options["n_classes"])
    np.testing.assert_allclose(np.exp(log_p).sum(1), 1, rtol=1e-12)


@given(settings(), st.data())
def test_the_loss_is_that_of_log_prob(options, data):
    """Value and gradients, whatever clusters the targets lie in."""
    n = data.draw(st.integers(1, 5))
    target = np.array(data.draw(st.lists(st.integers(0, options["n_classes"] - 1), min_size=n, max_size=n)))
    model = AdaptiveLogSoftmaxWithLoss(**options).double()
    results = []
    for whole in (False, True):
        model.zero_grad()
        x = mr.tensor(numbers(n, 16), requires_grad=True)
        if whole:
            output = model.log_prob(x)[np.arange(n), target]
            loss = -output.mean()
        else:
            output, loss = model(x, target)
        loss.backward()
        gradients = [np.zeros(p.shape) if p.grad is None else host(p.grad) for p in model.parameters()]
        results.append([host(output), host(loss), host(x.grad), *gradients])
    for ours, expected in zip(*results, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parity
@given(settings(), st.data())
def test_as_in_pytorch(options, data):
    import torch

    n = data.draw(st.integers(1, 5))
    target = np.array(data.draw(st.lists(st.integers(0, options["n_classes"] - 1), min_size=n, max_size=n)))
    torch.manual_seed(0)
    ours, theirs = (
        AdaptiveLogSoftmaxWithLoss(**options).double(),
        torch.nn.AdaptiveLogSoftmaxWithLoss(**options).double(),
    )
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    x, x_torch = mr.tensor(numbers(n, 16), requires_grad=True), torch.tensor(numbers(n, 16), requires_grad=True)
    (output, loss), peer = ours(x, target), theirs(x_torch, torch.tensor(target))
    near = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(host(output), peer.output.detach().numpy(), **near, strict=True)
    np.testing.assert_allclose(host(loss), peer.loss.detach().numpy(), **near, strict=True)
    cotangent = numbers(n, seed=1)
    ((output * mr.tensor(cotangent)).sum() + loss).backward()
    ((peer.output * torch.tensor(cotangent)).sum() + peer.loss).backward()
    for p, q in zip((x, *ours.parameters()), (x_torch, *theirs.parameters()), strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            np.testing.assert_allclose(host(p.grad), q.grad.numpy(), **near)
    np.testing.assert_allclose(host(ours.log_prob(x)), theirs.log_prob(x_torch).detach().numpy(), **near)
    np.testing.assert_array_equal(host(ours.predict(x)), theirs.predict(x_torch).numpy(), strict=True)


def test_float32_as_in_pytorch(torch):
    torch.manual_seed(0)
    ours, theirs = (
        AdaptiveLogSoftmaxWithLoss(64, 500, [20, 100]),
        torch.nn.AdaptiveLogSoftmaxWithLoss(64, 500, [20, 100]),
    )
    ours.load_state_dict(theirs.state_dict())
    data, target = numbers(200, 64, dtype="float32"), np.random.default_rng(1).integers(0, 500, 200)
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    loss, loss_torch = ours(x, target).loss, theirs(x_torch, torch.tensor(target)).loss
    loss.backward()
    loss_torch.backward()
    np.testing.assert_allclose(loss.item(), loss_torch.item(), rtol=1e-6)
    np.testing.assert_allclose(host(x.grad), x_torch.grad.numpy(), rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(host(ours.predict(x)), theirs.predict(x_torch).numpy())


def test_only_the_clusters_that_occur_are_computed(monkeypatch):
    """And these for their own examples only."""
    model, x = AdaptiveLogSoftmaxWithLoss(64, 20, [5, 9, 15], div_value=2.0), mr.randn(4, 64)
    seen: list[tuple[int, int]] = []
    for i, cluster in enumerate(model.tail):
        forward = cluster.forward
        monkeypatch.setattr(cluster, "forward", lambda x, i=i, run=forward: (seen.append((i, len(x))), run(x))[1])
    model(x, [0, 4, 3, 1])
    assert not seen
    loss = model(x, [16, 6, 19, 1]).loss
    assert seen == [(0, 1), (2, 2)]
    loss.backward()
    assert [p.grad is None for p in model.parameters()] == [False, False, False, True, True, False, False]


def test_predict_asks_the_clusters_only_where_they_may_win(monkeypatch):
    model = AdaptiveLogSoftmaxWithLoss(8, 6, [2, 4], div_value=2.0).double()
    x = mr.tensor(3 * numbers(200, 8))
    expected = host(model.log_prob(x)).argmax(1)
    assert set(expected) == set(range(6))
    rows: list[int] = []
    log_prob = model.log_prob
    monkeypatch.setattr(model, "log_prob", lambda x: (rows.append(len(x)), log_prob(x))[1])
    best = model.predict(x)
    np.testing.assert_array_equal(host(best), expected)
    assert not best.requires_grad
    in_head = host(model.head(x)).argmax(1) < 2
    assert rows == [200 - in_head.sum()]
    rows.clear()
    model.predict(x[in_head.nonzero()[0]])
    assert not rows


def test_one_example_and_any_axes():
    model = AdaptiveLogSoftmaxWithLoss(8, 6, [2, 4], div_value=2.0)
    x, target = mr.randn(2, 3, 8), np.array([[0, 5, 2], [3, 3, 1]])
    output, loss = model(x, target)
    flat, loss_of_flat = model(x.reshape(6, 8), target.reshape(6))
    np.testing.assert_allclose(host(output), host(flat).reshape(2, 3), rtol=1e-5)
    assert loss.item() == pytest.approx(loss_of_flat.item(), rel=1e-5)
    assert (model.log_prob(x).shape, model.predict(x).shape) == ((2, 3, 6), (2, 3))
    one = model(x[0, 1], 5)
    assert (one.output.shape, model.log_prob(x[0, 1]).shape, model.predict(x[0, 1]).shape) == ((), (6,), ())
    assert one.output.item() == pytest.approx(host(output)[0, 1], rel=1e-5)
    assert -one.loss.item() == pytest.approx(one.output.item())


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_targets_of_any_integer_type(dtype):
    """Also of one too small for the number of classes."""
    model, x = AdaptiveLogSoftmaxWithLoss(8, 300, [254, 255], div_value=2.0), mr.randn(2, 8)
    output = model(x, mr.tensor(np.array([255, 0], dtype))).output
    np.testing.assert_array_equal(host(output), host(model(x, [255, 0]).output))


def test_copies_and_repr():
    model, x = AdaptiveLogSoftmaxWithLoss(8, 6, [2, 4], div_value=2.0), mr.randn(2, 8)
    np.testing.assert_array_equal(host(deepcopy(model).log_prob(x)), host(model.log_prob(x)))
    assert repr(model).startswith(
        "AdaptiveLogSoftmaxWithLoss(\n  (head): Linear(8, 4, bias=False)\n  (tail): ModuleList("
    )


def test_it_learns():
    """Which of 12 classes, by what stands there."""
    model = AdaptiveLogSoftmaxWithLoss(12, 12, [4, 8], div_value=1.0)
    optimizer = mr.optim.Adam(model.parameters(), lr=0.05)
    x, target = np.eye(12, dtype="float32"), np.arange(12)
    for _ in range(100):
        optimizer.zero_grad()
        loss = model(x, target).loss
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    assert host(model.predict(x)).tolist() == list(range(12))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 6, [2]), "in_features must be a positive integer, got 0"),
        ((8, 6.0, [2]), "n_classes must be a positive integer, got 6.0"),
        ((8, 6, []), r"cutoffs must be growing integers from 1 to n_classes - 1 = 5, got \[\]"),
        ((8, 6, [0, 2]), r"cutoffs must be .*, got \[0, 2\]"),
        ((8, 6, [2, 2]), r"cutoffs must be .*, got \[2, 2\]"),
        ((8, 6, [4, 2]), r"cutoffs must be .*, got \[4, 2\]"),
        ((8, 6, [2, 6]), r"cutoffs must be .*, got \[2, 6\]"),
        ((8, 6, [2.0]), r"cutoffs must be .*, got \[2.0\]"),
        ((8, 6, 2), r"cutoffs must be .*, got 2"),
        (
            (8, 6, [2, 4]),
            "div_value must be positive and leave each of the 2 clusters at least one of 8 features, got 4.0",
        ),
        ((8, 6, [2], -1.0), "div_value must be positive .*, got -1.0"),
        ((8, 6, [2], 0), "div_value must be positive .*, got 0"),
    ],
    ids=str,
)
def test_settings_refused(arguments, message):
    with pytest.raises(ValueError, match=f"AdaptiveLogSoftmaxWithLoss: {message}"):
        AdaptiveLogSoftmaxWithLoss(*anything(arguments))


@pytest.mark.parametrize(
    ("shape", "target", "message"),
    [
        ((2, 7), [0, 1], r"input must be \(..., 8\), got shape \(2, 7\)"),
        ((), 0, r"input must be \(..., 8\), got shape \(\)"),
        ((2, 8), [0], r"input of shape \(2, 8\) needs target of shape \(2,\), got \(1,\)"),
        ((8,), [0], r"input of shape \(8,\) needs target of shape \(\), got \(1,\)"),
        ((2, 8), [0, 6], "target must be 0 .. 5, got 0 .. 6"),
        ((2, 8), [-1, 5], "target must be 0 .. 5, got -1 .. 5"),
    ],
    ids=str,
)
def test_inputs_refused(shape, target, message):
    model = AdaptiveLogSoftmaxWithLoss(8, 6, [2])
    with pytest.raises(ValueError, match=f"AdaptiveLogSoftmaxWithLoss: {message}"):
        model(mr.ones(shape), target)


def test_types_refused():
    model = AdaptiveLogSoftmaxWithLoss(8, 6, [2])
    with pytest.raises(TypeError, match="AdaptiveLogSoftmaxWithLoss: target must be integers, got float32"):
        model(mr.ones(2, 8), [0.0, 1.0])
    for dtype in ("float64", "int64"):
        x = mr.ones(2, 8, dtype=dtype)
        for call in (lambda x=x: model(x, [0, 1]), lambda x=x: model.log_prob(x), lambda x=x: model.predict(x)):
            with pytest.raises(TypeError, match=f"AdaptiveLogSoftmaxWithLoss: input must be float32, got {dtype}"):
                call()


def test_the_order_of_the_examples_does_not_matter():
    model, x, target = (
        AdaptiveLogSoftmaxWithLoss(8, 6, [2, 4], div_value=2.0).double(),
        numbers(30, 8),
        np.arange(30) % 6,
    )
    order = np.random.default_rng(3).permutation(30)
    np.testing.assert_allclose(
        host(model(mr.tensor(x[order]), target[order]).output),
        host(model(mr.tensor(x), target).output)[order],
        rtol=1e-12,
    )
