"""Layers without parameters."""

import numpy as np
import pytest
from helpers import host

import minirad as mr
from minirad import nn


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.ReLU(), mr.relu),
        (nn.Tanh(), mr.tanh),
        (nn.Sigmoid(), mr.sigmoid),
        (nn.GELU(), mr.gelu),
        (nn.GELU("tanh"), lambda x: mr.gelu(x, "tanh")),
        (nn.Flatten(), lambda x: x.reshape(2, 12)),
        (nn.Flatten(0, 1), lambda x: x.reshape(6, 4)),
    ],
)
def test_a_layer_is_its_function(layer, function):
    x = mr.randn(2, 3, 4)
    np.testing.assert_array_equal(host(layer(x)), host(function(x)), strict=True)


@pytest.mark.parametrize("name", ["ReLU", "Tanh", "Sigmoid", "GELU", "Flatten"])
def test_as_in_pytorch(torch, name):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    theirs = getattr(torch.nn, name)()(torch.tensor(x)).numpy()
    np.testing.assert_allclose(host(getattr(nn, name)()(mr.tensor(x))), theirs, rtol=1e-12, strict=True)


def test_dropout_in_training_only():
    layer = nn.Dropout(0.25)
    x = mr.ones(1000)
    assert set(np.unique(host(layer(x)))) == {0, np.float32(4 / 3)}
    layer.eval()
    assert layer(x) is x


def test_dropout_has_one_half_as_default():
    assert nn.Dropout().p == 0.5
    assert repr(nn.Dropout(0.1)) == "Dropout(p=0.1)"
    for p in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"Dropout: p must lie in \[0, 1\], got"):
            nn.Dropout(p)
