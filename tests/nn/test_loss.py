"""Losses as modules."""

import numpy as np
import pytest
from helpers import host

import minirad as mr
from minirad import nn


@pytest.mark.parametrize("options", [{}, {"reduction": "sum"}, {"ignore_index": 1, "label_smoothing": 0.1}], ids=str)
def test_cross_entropy(options):
    x, target = mr.randn(5, 3), mr.tensor([0, 1, 2, 1, 0])
    ours, function = nn.CrossEntropyLoss(**options)(x, target), nn.functional.cross_entropy(x, target, **options)
    assert ours.item() == function.item()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mse(reduction):
    x, y = mr.randn(5), mr.randn(5)
    expected = nn.functional.mse_loss(x, y, reduction=reduction)
    np.testing.assert_array_equal(host(nn.MSELoss(reduction=reduction)(x, y)), host(expected))


def test_as_in_pytorch(torch):
    rng = np.random.default_rng(0)
    x, y, target = rng.standard_normal((4, 3)), rng.standard_normal((4, 3)), np.array([0, 2, 1, 1])
    ours = nn.CrossEntropyLoss(label_smoothing=0.2)(mr.tensor(x), mr.tensor(target))
    theirs = torch.nn.CrossEntropyLoss(label_smoothing=0.2)(torch.tensor(x), torch.tensor(target))
    assert abs(ours.item() - theirs.item()) < 1e-12
    assert (
        abs(nn.MSELoss()(mr.tensor(x), mr.tensor(y)).item() - torch.nn.MSELoss()(*map(torch.tensor, (x, y))).item())
        < 1e-12
    )
