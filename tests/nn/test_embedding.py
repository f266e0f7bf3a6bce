"""Embedding: layout, initial values, and results as PyTorch's."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from helpers import host
from ops import compare

import minirad as mr
from minirad.nn import Embedding, Linear


def anything(value: Any) -> Any:
    """Something that the type hints don't allow."""
    return value


def test_layout_and_initial_values():
    layer = Embedding(200, 30)
    assert [(name, p.shape, p.dtype) for name, p in layer.named_parameters()] == [("weight", (200, 30), "float32")]
    values = host(layer.weight)
    assert abs(values.mean()) < 4 / np.sqrt(6000)
    assert abs(values.std() - 1) < 4 / np.sqrt(12000)


@pytest.mark.parametrize("padding_idx", [2, -3])
def test_the_padding_starts_at_0_and_stays_there(padding_idx):
    layer = Embedding(5, 3, padding_idx)
    assert layer.padding_idx == 2
    assert host(layer.weight).any(1).tolist() == [True, True, False, True, True]
    optimizer = mr.optim.SGD(layer.parameters(), lr=1.0)
    layer([1, 2, 2]).sum().backward()
    before = host(layer.weight).copy()
    optimizer.step()
    assert (host(layer.weight) != before).any(1).tolist() == [False, True, False, False, False]


@pytest.mark.parametrize("padding_idx", [None, 0, -1])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0, 2)], ids=str)
def test_as_in_pytorch(torch, shape, padding_idx):
    ours, theirs = Embedding(5, 3, padding_idx).double(), torch.nn.Embedding(5, 3, padding_idx).double()
    assert ours.padding_idx == theirs.padding_idx
    ours.load_state_dict(theirs.state_dict())
    ids = np.random.default_rng(0).integers(0, 5, shape)
    compare(ours(mr.tensor(ids)), theirs(torch.tensor(ids)), [*ours.parameters()], [*theirs.parameters()])
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})


def test_tied_weights_are_one_parameter():
    """Both uses add to one gradient; the optimizer, deepcopy and the saved state know it."""
    embedding, score = Embedding(4, 3), Linear(3, 4, bias=False)
    score.weight = embedding.weight
    model = mr.nn.Sequential(embedding, score)
    assert [name for name, _ in model.named_parameters()] == ["0.weight"]
    assert list(model.state_dict()) == ["0.weight", "1.weight"]
    ids = [[0, 1], [3, 3]]
    (model(ids) * 2.0).sum().backward()
    weight = host(embedding.weight)
    expected = np.tile(2 * weight[ids].sum((0, 1)), (4, 1))
    np.add.at(expected, np.array(ids), 2 * weight.sum(0))
    np.testing.assert_allclose(host(embedding.weight.grad), expected, rtol=1e-5)
    twin = deepcopy(model)
    assert twin[0].weight is twin[1].weight
    assert twin[0].weight is not embedding.weight


def test_repr():
    assert repr(Embedding(5, 3)) == "Embedding(5, 3)"
    assert repr(Embedding(5, 3, padding_idx=-1)) == "Embedding(5, 3, padding_idx=4)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Embedding(0, 3), "Embedding: num_embeddings must be a positive integer, got 0"),
        (lambda: Embedding(5, anything(3.0)), "Embedding: embedding_dim must be a positive integer, got 3.0"),
        (lambda: Embedding(5, 3, 5), "Embedding: padding_idx must be an integer -5 .. 4, got 5"),
        (lambda: Embedding(5, 3, -6), "Embedding: padding_idx must be an integer -5 .. 4, got -6"),
        (lambda: Embedding(5, 3)([5]), "embedding: ids must be 0 .. 4, got 5 .. 5"),
        (lambda: Embedding(5, 3)([[0, -1]]), "embedding: ids must be 0 .. 4, got -1 .. 0"),
    ],
    ids=range(6),
)
def test_embedding_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_ids_are_integers():
    with pytest.raises(TypeError, match="embedding: ids must be integers, got float32"):
        Embedding(5, 3)(mr.ones(2))
