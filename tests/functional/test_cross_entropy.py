"""Losses: every shape and option of PyTorch's, and the fused op against the same written plainly."""

import numpy as np
import pytest
from helpers import host
from hypothesis import given
from hypothesis import strategies as st
from ops import SHAPES, Op, check_op, check_torch, compare

import minirad as mr
import minirad.nn.functional as F

REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


@st.composite
def classified(draw):
    """Logits (n, c), (c,) or (n, c, d1, ...), targets with some of them ignored, and every option."""
    c = draw(st.integers(1, 4))
    shape = draw(st.sampled_from([(c,), (1, c), (3, c), (2, c, 3), (2, c, 1, 2)]))
    class_axis = min(1, len(shape) - 1)
    shape_of_target = shape[:class_axis] + shape[class_axis + 1 :]
    ignore = draw(st.sampled_from([-100, -1, 0]))
    n = int(np.prod(shape_of_target))
    target = draw(st.lists(st.sampled_from([*range(c), ignore]), min_size=n, max_size=n))
    if all(label == ignore for label in target):  # a mean over nothing is a test of its own
        target, ignore = [c - 1] * n, -100
    return (shape,), {
        "target": np.array(target).reshape(shape_of_target),
        "ignore_index": ignore,
        "reduction": draw(REDUCTIONS),
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0, np.float64(0.25)])),
    }


def plain(x, target, ignore_index, reduction, label_smoothing):
    """Cross entropy as one reads it: the mean of -q . log p over what is not ignored."""
    class_axis = min(1, x.ndim - 1)
    dims = [i for i in range(x.ndim) if i != class_axis]
    rows = x.permute(*dims, class_axis).reshape(-1, x.shape[class_axis])
    labels = target.reshape(-1)
    n, c = rows.shape
    counted = labels != ignore_index
    q = np.full((n, c), label_smoothing / c)
    q[np.arange(n)[counted], labels[counted]] += 1 - label_smoothing
    losses = -(F.log_softmax(rows, 1) * mr.tensor(q * counted[:, None], dtype=x.dtype)).sum(1)
    if reduction == "none":
        return losses.reshape(target.shape)
    return losses.sum() / (int(counted.sum()) if reduction == "mean" else 1)


def reference(x, target, **options):
    return host(plain(mr.tensor(x), target, **options))


def cross_entropy(x, target, **options):
    return F.cross_entropy(x, mr.tensor(target), **options)


def torch_cross_entropy(x, target, **options):
    import torch

    return torch.nn.functional.cross_entropy(x, torch.tensor(target), **options)


CROSS_ENTROPY = Op("cross_entropy", cross_entropy, reference, torch_cross_entropy, classified())
MSE = Op(
    "mse_loss",
    F.mse_loss,
    lambda x, y, reduction: {"mean": np.mean, "sum": np.sum, "none": lambda z: z}[reduction]((x - y) ** 2),
    "nn.functional.mse_loss",
    st.tuples(
        SHAPES.filter(lambda s: 0 not in s).map(lambda s: (s, s)), st.fixed_dictionaries({"reduction": REDUCTIONS})
    ),
)


@pytest.mark.parametrize("op", [CROSS_ENTROPY, MSE], ids=str)
@given(data=st.data())
def test_value_and_gradient(op, data):
    check_op(op, *data.draw(op.cases))


@pytest.mark.parity
@pytest.mark.parametrize("op", [CROSS_ENTROPY, MSE], ids=str)
@given(data=st.data())
def test_as_in_pytorch(op, data):
    check_torch(op, *data.draw(op.cases))


@given(classified())
def test_cross_entropy_is_what_it_replaces(case):
    (shape,), options = case
    results = []
    for function in (cross_entropy, plain):
        x = mr.tensor(*CROSS_ENTROPY.arrays((shape,)), requires_grad=True)
        y = function(x, **options)
        (y * y).sum().backward()
        results.append([host(y), host(x.grad)])
    for fused, written_out in zip(*results, strict=True):
        np.testing.assert_allclose(fused, written_out, rtol=1e-12, atol=1e-12, strict=True)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("shape", [(700, 600), (3, 150_000), (2, 600, 350)], ids=str)
def test_large_vocabularies_too(shape, reduction):
    """Where chunks of rows are shared among threads."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    target[0] = -100
    options = {"ignore_index": -100, "reduction": reduction, "label_smoothing": 0.1}
    results = []
    for function in (cross_entropy, plain):
        x = mr.tensor(np.random.default_rng(1).standard_normal(shape), requires_grad=True)
        y = function(x, target, **options)
        (y * y).sum().backward()
        results.append([host(y), host(x.grad)])
    for fused, written_out in zip(*results, strict=True):
        np.testing.assert_allclose(fused, written_out, rtol=1e-9, atol=1e-14, strict=True)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_targets_of_any_integer_type(dtype):
    x, target = mr.tensor([[1.0, 2.0, 0.5]]), np.array([2], dtype)
    assert F.cross_entropy(x, mr.tensor(target)).item() == F.cross_entropy(x, [2]).item()


def test_logits_far_out(torch):
    data = [[1e4, 0.0, -1e4], [-np.inf, 0.0, 3.0]]
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    compare(
        F.cross_entropy(x, [2, 1]),
        torch.nn.functional.cross_entropy(x_torch, torch.tensor([2, 1])),
        [x],
        [x_torch],
        1e-6,
    )


def test_an_ignored_row_may_hold_anything(torch):
    data = [[-np.inf, 0.0, 1.0], [1.0, 2.0, 3.0]]
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    target = [-100, 0]
    theirs = torch.nn.functional.cross_entropy(x_torch, torch.tensor(target))
    compare(F.cross_entropy(x, target), theirs, [x], [x_torch], 1e-6)


def test_the_mean_over_nothing_is_nan_with_gradient_zero(torch):
    x, x_torch = mr.ones(2, 3, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(x_torch, torch.tensor([-100, -100]))
    compare(F.cross_entropy(x, [-100, -100]), theirs, [x], [x_torch])


@pytest.mark.parametrize(
    "options", [{}, {"label_smoothing": 0.1}, {"reduction": "sum"}, {"reduction": "none"}], ids=str
)
@pytest.mark.parametrize("shape", [(2, 3), (3,), (2, 3, 4), (0, 3), (2, 3, 0)], ids=str)
def test_where_nothing_counts_it_is_pytorchs_without_warnings(torch, shape, options):
    target = np.full(shape[:1] + shape[2:] if len(shape) > 1 else (), -100)
    x, x_torch = mr.ones(*shape, requires_grad=True), torch.ones(*shape, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(x_torch, torch.tensor(target), **options)
    compare(cross_entropy(x, target, **options), theirs, [x], [x_torch])


def test_the_gradient_is_softmax_minus_one_hot():
    x = mr.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    F.cross_entropy(x, [1]).backward()
    np.testing.assert_allclose(host(x.grad), host(F.softmax(x.detach(), 1)) - [[0, 1, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("input", "target", "options", "message"),
    [
        ((2, 3), [0, 1, 2], {}, r"cross_entropy: input of shape \(2, 3\) needs target shape \(2,\), got \(3,\)"),
        ((2, 3, 4), [0, 1], {}, r"input of shape \(2, 3, 4\) needs target shape \(2, 4\), got \(2,\)"),
        ((), 0, {}, r"cross_entropy: input of shape \(\) needs target"),
        ((2, 3), [0, 3], {}, "cross_entropy: targets must be 0 .. 2 or ignore_index=-100, got 0 .. 3"),
        ((2, 3), [1, -1], {}, "cross_entropy: targets must be 0 .. 2 or ignore_index=-100, got -1 .. 1"),
        ((2, 0), [0, 0], {}, r"cross_entropy: input must have at least one class, got shape \(2, 0\)"),
        ((2, 0), [-100, -100], {}, "cross_entropy: input must have at least one class"),
        ((0, 0), np.zeros(0, int), {}, "cross_entropy: input must have at least one class"),
        ((0,), -100, {}, "cross_entropy: input must have at least one class"),
        ((2, 3), [0, 1], {"label_smoothing": 1.5}, r"cross_entropy: label_smoothing must lie in \[0, 1\], got 1.5"),
        ((2, 3), [0, 1], {"reduction": "max"}, "cross_entropy: reduction must be 'mean', 'sum' or 'none', got 'max'"),
    ],
)
def test_cross_entropy_refuses(input, target, options, message):
    with pytest.raises(ValueError, match=message):
        F.cross_entropy(mr.ones(input), target, **options)


def test_types_refused():
    with pytest.raises(
        TypeError, match="cross_entropy: input must be floats and target integers, got float32, float32"
    ):
        F.cross_entropy(mr.ones(2, 3), mr.ones(2))
    with pytest.raises(TypeError, match="cross_entropy: input must be floats and target integers, got int64, int64"):
        F.cross_entropy(mr.tensor([[1, 2]]), mr.tensor([0]))
    with pytest.raises(TypeError, match="mse_loss: operands have different dtypes"):
        F.mse_loss(mr.ones(2), mr.ones(2, dtype="float64"))


def test_mse_refuses():
    with pytest.raises(ValueError, match=r"mse_loss: input has shape \(2, 1\), target \(2,\); they must agree"):
        F.mse_loss(mr.ones(2, 1), mr.ones(2))
    with pytest.raises(ValueError, match="mse_loss: reduction must be"):
        F.mse_loss(mr.ones(2), mr.ones(2), reduction="avg")
