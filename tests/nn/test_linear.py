"""Linear: layout, initialisation and PyTorch's results."""

from math import sqrt

import numpy as np
import pytest
from helpers import host
from ops import compare

import minirad as mr
from minirad.nn import Linear


def test_layout():
    layer = Linear(3, 2)
    assert [(name, p.shape, p.dtype) for name, p in layer.named_parameters()] == [
        ("weight", (2, 3), "float32"),
        ("bias", (2,), "float32"),
    ]
    assert Linear(3, 2, bias=False).bias is None
    assert [name for name, _ in Linear(3, 2, bias=False).named_parameters()] == ["weight"]


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)], ids=str)
def test_the_affine_map(shape):
    layer, x = Linear(3, 2), mr.randn(shape)
    expected = host(x) @ host(layer.weight).T + host(layer.bias)
    np.testing.assert_allclose(host(layer(x)), expected, rtol=1e-5, atol=1e-6)


def test_initial_values():
    layer = Linear(100, 400)
    for p in layer.parameters():
        values = host(p)
        assert np.abs(values).max() <= np.float32(0.1)
        assert np.abs(values).max() > 0.099
        assert abs(values.std() - 0.1 / sqrt(3)) < 0.003
        assert abs(values.mean()) < 0.01


def test_initial_values_spread_as_in_pytorch(torch):
    ours, theirs = Linear(100, 400), torch.nn.Linear(100, 400)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert p.shape == tuple(q.shape)
        assert abs(host(p).std() / q.std().item() - 1) < 0.1
        assert abs(np.abs(host(p)).max() / q.abs().max().item() - 1) < 0.01


def test_the_seed_decides_the_weights():
    layers = []
    for _ in range(2):
        mr.manual_seed(4)
        layers.append(Linear(3, 2))
    for p, q in zip(*(layer.parameters() for layer in layers), strict=True):
        np.testing.assert_array_equal(host(p), host(q))
    assert (host(Linear(3, 2).weight) != host(layers[0].weight)).any()


@pytest.mark.parametrize("bias", [True, False])
def test_as_in_pytorch(torch, bias):
    ours, theirs = Linear(4, 3, bias=bias).double(), torch.nn.Linear(4, 3, bias=bias).double()
    ours.load_state_dict(theirs.state_dict())
    data = np.random.default_rng(0).standard_normal((2, 5, 4))
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    compare(ours(x), theirs(x_torch), [x, *ours.parameters()], [x_torch, *theirs.parameters()])
    theirs.load_state_dict({name: torch.tensor(array + 1) for name, array in ours.state_dict().items()})
    np.testing.assert_allclose(theirs.weight.detach().numpy(), host(ours.weight) + 1)


@pytest.mark.parametrize("widths", [(0, 1), (1, 0), (-1, 1), (1.0, 1), ("3", 1)], ids=str)
def test_widths_refused(widths):
    with pytest.raises(ValueError, match=r"Linear: (in|out)_features must be a positive integer, got"):
        Linear(*widths)


def test_inputs_refused():
    with pytest.raises(
        ValueError, match=r"linear: x of shape \(2, 4\) does not fit weight \(n_out, n_in\) of shape \(2, 3\)"
    ):
        Linear(3, 2)(mr.ones(2, 4))
    with pytest.raises(TypeError, match="linear: operands have different dtypes, int64 and float32"):
        Linear(3, 2)(mr.tensor([[1, 2, 3]]))
