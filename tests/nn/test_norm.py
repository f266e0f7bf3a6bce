"""Layers that normalise: parameters, buffers and results as PyTorch's, in training and in use."""

import pickle
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from helpers import host
from ops import compare

import minirad as mr
import minirad.nn.functional as F
from minirad.nn import BatchNorm1d, BatchNorm2d, LayerNorm

BUFFERS = ["running_mean", "running_var", "num_batches_tracked"]
SHAPES = [(BatchNorm1d, (4, 3)), (BatchNorm1d, (4, 3, 5)), (BatchNorm2d, (4, 3, 2, 5))]
OPTIONS = [
    {},
    {"momentum": None},
    {"momentum": 0.3, "eps": 0.1},
    {"affine": False},
    {"track_running_stats": False},
    {"affine": False, "track_running_stats": False, "momentum": None},
]


def batches(shape, n=3):
    rng = np.random.default_rng(0)
    return [rng.normal(i, 1 + i, shape) for i in range(n)]


def same_state(ours, theirs):
    """The names in one order, the shapes, the dtypes and, nearly, the values."""
    state, peer = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(peer)
    for name, array in state.items():
        np.testing.assert_allclose(array, peer[name].numpy(), rtol=1e-12, atol=1e-12, strict=True)


def wrong(value: Any) -> Any:
    """Something that the type hints don't allow."""
    return value


def count(norm):
    return norm.state_dict()["num_batches_tracked"]


# ---- batch normalisation


@pytest.mark.parametrize("layer", [BatchNorm1d, BatchNorm2d])
def test_layout(layer):
    norm = layer(3)
    assert [(name, p.shape, p.dtype) for name, p in norm.named_parameters()] == [
        ("weight", (3,), "float32"),
        ("bias", (3,), "float32"),
    ]
    assert [(name, b.shape, b.dtype) for name, b in norm.named_buffers()] == [
        ("running_mean", (3,), "float32"),
        ("running_var", (3,), "float32"),
        ("num_batches_tracked", (), "int64"),
    ]
    state = {name: array.tolist() for name, array in norm.state_dict().items()}
    assert state == {
        "weight": [1, 1, 1],
        "bias": [0, 0, 0],
        "running_mean": [0, 0, 0],
        "running_var": [1, 1, 1],
        "num_batches_tracked": 0,
    }
    assert list(layer(3, affine=False).state_dict()) == BUFFERS
    assert list(layer(3, track_running_stats=False).state_dict()) == ["weight", "bias"]


def test_the_optimizer_gets_no_statistics():
    norm = BatchNorm1d(3)
    optimizer = mr.optim.SGD(norm.parameters(), lr=0.1)
    assert sum(p.numel() for group in optimizer.param_groups for p in group["params"]) == 6
    norm(mr.randn(4, 3)).sum().backward()
    moved = [host(b).copy() for b in norm.buffers()]
    optimizer.step()
    for array, before in zip(norm.buffers(), moved, strict=True):
        np.testing.assert_array_equal(host(array), before)


def test_training_moves_the_statistics_and_use_takes_them():
    norm = BatchNorm1d(2, momentum=0.5, eps=0).double()
    x = mr.tensor([[1.0, 0.0], [3.0, 8.0]]).double()
    assert host(norm(x)).tolist() == [[-1, -1], [1, 1]]
    assert (host(norm.running_mean).tolist(), host(norm.running_var).tolist()) == ([1, 2], [1.5, 16.5])
    norm.eval()
    y = norm(x[:1])
    np.testing.assert_allclose(host(y), [[0, -2 / np.sqrt(16.5)]], rtol=1e-12)
    assert (host(norm.running_mean).tolist(), count(norm)) == ([1, 2], 1)


def test_without_momentum_the_statistics_are_the_average_over_all_batches():
    norm = BatchNorm1d(3, momentum=None).double()
    data = batches((4, 3))
    for x in data:
        norm(mr.tensor(x))
    np.testing.assert_allclose(host(norm.running_mean), np.mean([x.mean(0) for x in data], 0), rtol=1e-12)
    np.testing.assert_allclose(host(norm.running_var), np.mean([x.var(0, ddof=1) for x in data], 0), rtol=1e-12)
    assert count(norm) == 3


def test_without_statistics_use_is_like_training():
    norm, x = BatchNorm1d(3, track_running_stats=False), mr.randn(4, 3)
    trained = host(norm(x))
    np.testing.assert_array_equal(host(norm.eval()(x)), trained)


def test_a_momentum_of_0_keeps_the_statistics():
    norm = BatchNorm1d(3, momentum=0)
    norm(mr.randn(4, 3) + 5)
    assert (host(norm.running_mean).tolist(), host(norm.running_var).tolist()) == ([0] * 3, [1] * 3)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("layer", "shape"), SHAPES, ids=str)
def test_as_in_pytorch(torch, layer, shape, options):
    """Three steps of training, then in use: outputs, gradients and statistics."""
    ours = layer(3, **options).double()
    theirs = getattr(torch.nn, layer.__name__)(3, **options).double()
    same_state(ours, theirs)
    rng = np.random.default_rng(1)
    state = {name: rng.uniform(1, 2, array.shape) for name, array in ours.state_dict().items() if array.ndim}
    ours.load_state_dict(ours.state_dict() | state)
    theirs.load_state_dict(theirs.state_dict() | {name: torch.tensor(array) for name, array in state.items()})
    for i, data in enumerate(batches(shape, 4)):
        if i == 3:
            assert ours.eval() is ours
            theirs.eval()
        x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        ours.zero_grad()
        theirs.zero_grad()
        compare(ours(x), theirs(x_torch), [x, *ours.parameters()], [x_torch, *theirs.parameters()])
        same_state(ours, theirs)


def test_the_residual_and_relu_on_the_way(torch):
    data, other = batches((4, 3, 2, 2), 2)
    ours, theirs = BatchNorm2d(3).double(), torch.nn.BatchNorm2d(3).double()
    x, r = (mr.tensor(array, requires_grad=True) for array in (data, other))
    x_torch, r_torch = (torch.tensor(array, requires_grad=True) for array in (data, other))
    y = ours(x, residual=r, relu=True)
    y_torch = torch.relu(theirs(x_torch) + r_torch)
    compare(y, y_torch, [x, r, *ours.parameters()], [x_torch, r_torch, *theirs.parameters()])
    separate = F.relu(F.batch_norm(x.detach(), None, None, ours.weight, ours.bias, training=True) + r.detach())
    np.testing.assert_allclose(host(y), host(separate), rtol=1e-12)


def test_states_travel_both_ways(torch):
    ours, theirs, back = BatchNorm2d(3), torch.nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    for data in batches((4, 3, 2, 2)):
        theirs(torch.tensor(data, dtype=torch.float32))
    buffers = dict(ours.named_buffers())
    ours.load_state_dict(theirs.state_dict())
    assert all(array is buffers[name] for name, array in ours.named_buffers())  # in place
    assert (ours.state_dict()["num_batches_tracked"].dtype, count(ours)) == ("int64", 3)
    back.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    assert back.num_batches_tracked.dtype == torch.int64
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name


def test_loading_refuses_other_states():
    norm = BatchNorm1d(3)
    for change in (
        {"running_mean": np.zeros(4)},
        {"num_batches_tracked": np.zeros(())},
        {"running_var": np.ones(3, int)},
    ):
        with pytest.raises(ValueError, match=f"load_state_dict: {next(iter(change))} of BatchNorm1d is"):
            norm.load_state_dict(norm.state_dict() | change)
    with pytest.raises(
        ValueError, match=r"BatchNorm1d misses \['num_batches_tracked', 'running_mean', 'running_var'\]"
    ):
        norm.load_state_dict(BatchNorm1d(3, track_running_stats=False).state_dict())


@pytest.mark.parametrize("how", [deepcopy, lambda norm: pickle.loads(pickle.dumps(norm))], ids=["deepcopy", "pickle"])
def test_copies_share_nothing(how):
    norm = BatchNorm1d(3)
    norm(mr.randn(4, 3))
    twin = how(norm)
    before = norm.state_dict()
    twin(mr.randn(4, 3) + 5)
    for name, array in norm.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert twin.state_dict()["num_batches_tracked"] == 2
    assert (twin.state_dict()["running_mean"] != before["running_mean"]).all()


def test_double_and_float():
    norm = BatchNorm1d(3).double()
    assert [b.dtype for b in norm.buffers()] == ["float64", "float64", "int64"]
    y = norm(mr.randn(4, 3).double())
    assert y.dtype == "float64"
    assert norm.float()(mr.randn(4, 3)).dtype == "float32"
    assert [b.dtype for b in norm.buffers()] == ["float32", "float32", "int64"]
    assert count(norm) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda norm: norm(mr.ones(1, 3)),
        lambda norm: norm(mr.ones(4, 2)),
        lambda norm: norm(mr.ones(4, 3, dtype="float64")),
        lambda norm: norm(mr.ones(4, 3), residual=mr.ones(4, 2)),
    ],
    ids=["one value a channel", "channels", "dtype", "residual"],
)
def test_what_is_refused_changes_nothing(wrong):
    norm = BatchNorm1d(3)
    with pytest.raises((TypeError, ValueError), match=r"BatchNorm1d|batch_norm"):
        wrong(norm)
    assert count(norm) == 0
    assert host(norm.running_mean).tolist() == [0, 0, 0]


def test_another_dtype_is_refused_without_weights_too():
    """Its statistics would be rounded silently."""
    norm = BatchNorm1d(3, affine=False)
    for mode in (True, False):
        with pytest.raises(TypeError, match="batch_norm: running_mean"):
            norm.train(mode)(mr.ones(4, 3, dtype="float64"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchNorm1d(0), "BatchNorm1d: num_features must be a positive integer, got 0"),
        (lambda: BatchNorm2d(wrong(3.0)), "BatchNorm2d: num_features must be a positive integer, got 3.0"),
        (lambda: BatchNorm2d(3, momentum=1.5), r"BatchNorm2d: momentum must lie in \[0, 1\] or be None, got 1.5"),
        (lambda: BatchNorm2d(3, momentum=-0.1), r"BatchNorm2d: momentum must lie in \[0, 1\] or be None, got -0.1"),
        (lambda: BatchNorm1d(3)(mr.ones(2, 4)), r"BatchNorm1d: x must be \(n, 3\) or \(n, 3, l\), got shape \(2, 4\)"),
        (lambda: BatchNorm1d(3)(mr.ones(3)), r"BatchNorm1d: x must be \(n, 3\) or \(n, 3, l\), got shape \(3,\)"),
        (lambda: BatchNorm1d(3)(mr.ones(2, 3, 1, 1)), r"BatchNorm1d: x must be .*, got shape \(2, 3, 1, 1\)"),
        (lambda: BatchNorm2d(3)(mr.ones(2, 3)), r"BatchNorm2d: x must be \(n, 3, h, w\), got shape \(2, 3\)"),
        (lambda: BatchNorm2d(3)(mr.ones(2, 4, 1, 1)), r"BatchNorm2d: x must be .*, got shape \(2, 4, 1, 1\)"),
        (lambda: BatchNorm2d(3)(mr.ones(1, 3, 1, 1)), "batch_norm: the statistics need more than one value a channel"),
        (lambda: LayerNorm(0), "LayerNorm: normalized_shape must be positive integers, got 0"),
        (lambda: LayerNorm(()), r"LayerNorm: normalized_shape must be positive integers, got \(\)"),
        (lambda: LayerNorm((3, -1)), r"LayerNorm: normalized_shape must be positive integers, got \(3, -1\)"),
        (lambda: LayerNorm(wrong("3")), "LayerNorm: normalized_shape must be positive integers, got '3'"),
        (lambda: LayerNorm(wrong(3.0)), "LayerNorm: normalized_shape must be positive integers, got 3.0"),
        (lambda: LayerNorm((2, 3))(mr.ones(3, 2)), r"layer_norm: x of shape \(3, 2\) must end in .* \(2, 3\)"),
    ],
    ids=range(16),
)
def test_norms_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_one_value_is_enough_in_use():
    assert BatchNorm2d(3).eval()(mr.ones(1, 3, 1, 1)).shape == (1, 3, 1, 1)


# ---- layer normalisation


def test_layout_of_layer_norm():
    norm = LayerNorm((2, 3))
    assert [(name, p.shape, p.dtype) for name, p in norm.named_parameters()] == [
        ("weight", (2, 3), "float32"),
        ("bias", (2, 3), "float32"),
    ]
    assert {name: array.tolist() for name, array in norm.state_dict().items()} == {
        "weight": [[1, 1, 1]] * 2,
        "bias": [[0, 0, 0]] * 2,
    }
    assert LayerNorm(3).normalized_shape == LayerNorm([3]).normalized_shape == (3,)
    assert list(LayerNorm(3, bias=False).state_dict()) == ["weight"]
    assert list(LayerNorm(3, elementwise_affine=False).state_dict()) == []


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"elementwise_affine": False}, {"eps": 0.1}], ids=str)
@pytest.mark.parametrize("shape", [5, (5,), [4, 5], (3, 4, 5)], ids=str)
def test_layer_norm_as_in_pytorch(torch, shape, options):
    ours, theirs = LayerNorm(shape, **options).double(), torch.nn.LayerNorm(shape, **options).double()
    same_state(ours, theirs)
    rng = np.random.default_rng(0)
    state = {name: rng.standard_normal(array.shape) for name, array in ours.state_dict().items()}
    ours.load_state_dict(state)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    data = rng.standard_normal((2, 3, 4, 5))
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    compare(ours(x), theirs(x_torch), [x, *ours.parameters()], [x_torch, *theirs.parameters()])


def test_layer_norm_is_the_function_in_training_and_in_use():
    norm, x = LayerNorm(3, eps=0.1), mr.randn(4, 3)
    norm.load_state_dict({"weight": np.array([1.0, 2.0, 3.0]), "bias": np.array([4.0, 5.0, 6.0])})
    np.testing.assert_array_equal(host(norm(x)), host(F.layer_norm(x, 3, norm.weight, norm.bias, 0.1)))
    trained = host(norm(x))
    np.testing.assert_array_equal(host(norm.eval()(x)), trained)
    np.testing.assert_array_equal(host(deepcopy(norm)(x)), trained)


# ---- printing


def test_repr():
    assert repr(BatchNorm1d(3)) == "BatchNorm1d(3)"
    assert repr(BatchNorm2d(3)) == "BatchNorm2d(3)"
    assert repr(LayerNorm((2, 3))) == "LayerNorm((2, 3))"


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        (BatchNorm1d, {"eps": 1e-3}),
        (BatchNorm1d, {"momentum": None}),
        (BatchNorm2d, {"affine": False}),
        (BatchNorm2d, {"track_running_stats": False}),
        (LayerNorm, {"eps": 1e-3}),
        (LayerNorm, {"elementwise_affine": False}),
        (LayerNorm, {"bias": False}),
    ],
    ids=str,
)
def test_what_is_not_the_default_is_printed(layer, options):
    """As it is of a Conv2d."""
    assert repr(layer(3, **options)) != repr(layer(3))
