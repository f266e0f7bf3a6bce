"""The multi-layer perceptron, with PyTorch's weights."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import host
from ops import compare

import minirad as mr
from minirad.models import MLP


def torch_mlp(torch, in_features, hidden, out_features):
    nn, widths = torch.nn, [in_features, *hidden, out_features]
    layers = [nn.Flatten()]
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Module()
    model.layers = nn.Sequential(*layers[:-1])
    return model.double()


def test_layers():
    model = MLP(6, [5, 4], 3)
    assert [(name, p.shape) for name, p in model.named_parameters()] == [
        ("layers.1.weight", (5, 6)),
        ("layers.1.bias", (5,)),
        ("layers.3.weight", (4, 5)),
        ("layers.3.bias", (4,)),
        ("layers.5.weight", (3, 4)),
        ("layers.5.bias", (3,)),
    ]
    assert len(model.layers) == 6  # Flatten first; no ReLU behind the last
    assert [name for name, _ in MLP(2, [], 3).named_parameters()] == ["layers.1.weight", "layers.1.bias"]


@pytest.mark.parametrize("shape", [(5, 12), (5, 3, 4), (5, 1, 3, 4), (0, 12)], ids=str)
def test_inputs_of_any_shape(shape):
    x = mr.randn(shape)
    model = MLP(12, [8], 3)
    assert model(x).shape == (shape[0], 3)
    np.testing.assert_array_equal(host(model(x)), host(model(x.reshape(shape[0], 12))))


@pytest.mark.parametrize("hidden", [[], [8], [8, 5]], ids=str)
def test_outputs_and_gradients_as_in_pytorch(torch, hidden):
    ours, theirs = MLP(12, hidden, 3).double(), torch_mlp(torch, 12, hidden, 3)
    ours.load_state_dict(theirs.state_dict())
    data = np.random.default_rng(0).standard_normal((5, 3, 4))
    target = np.array([0, 1, 2, 2, 1])
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    y, y_torch = ours(x), theirs.layers(x_torch)
    np.testing.assert_allclose(host(y), y_torch.detach().numpy(), rtol=1e-10, atol=1e-12)
    loss = mr.nn.functional.cross_entropy(y, mr.tensor(target))
    loss_torch = torch.nn.functional.cross_entropy(y_torch, torch.tensor(target))
    compare(loss, loss_torch, [x, *ours.parameters()], [x_torch, *theirs.parameters()])


def test_it_learns():
    """A few hundred steps on a problem that no affine map solves."""
    rng = np.random.default_rng(0)
    data = rng.uniform(-1, 1, (200, 2)).astype("float32")
    x, target = mr.tensor(data), mr.tensor((data[:, 0] * data[:, 1] > 0).astype("int64"))
    model = MLP(2, [16], 2)
    optimizer = mr.optim.RAdam(model.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        mr.nn.functional.cross_entropy(model(x), target).backward()
        optimizer.step()
    accuracy = (model(x).argmax(1) == target).sum() / len(target)
    assert accuracy.item() > 0.95


def test_widths_refused():
    with pytest.raises(ValueError, match="Linear: out_features must be a positive integer, got 0"):
        MLP(3, [0], 2)
