"""Sequential and ModuleList: order, names, indices."""

import pytest
from helpers import host

import minirad as mr
from minirad.nn import Linear, ModuleList, ReLU, Sequential


def test_modules_in_a_row():
    model = Sequential(Linear(2, 3), ReLU(), Linear(3, 1))
    x = mr.ones(4, 2)
    assert host(model(x)).tolist() == host(model[2](model[1](model[0](x)))).tolist()
    assert host(Sequential()(x)).tolist() == host(x).tolist()


@pytest.mark.parametrize("kind", [Sequential, ModuleList])
def test_as_a_list(kind):
    modules = [Linear(1, 2), ReLU(), Linear(2, 1)]
    held = kind(*modules) if kind is Sequential else kind(modules)
    assert len(held) == 3
    assert list(held) == modules
    assert (held[0], held[-1]) == (modules[0], modules[2])
    assert list(held[1:]) == modules[1:]
    assert type(held[1:]) is type(held)
    assert [name for name, _ in held.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(IndexError):
        held[3]
    assert held.append(ReLU()) is held
    assert [name for name, _ in held.named_children()] == ["0", "1", "2", "3"]


def test_a_slice_of_a_model_is_a_model():
    model = Sequential(Linear(2, 3), ReLU(), Linear(3, 1))
    assert model[:2](mr.ones(1, 2)).shape == (1, 3)
    assert [p is q for p, q in zip(model[:1].parameters(), model[0].parameters(), strict=True)] == [True, True]


def test_the_same_module_twice():
    layer = Linear(2, 2)
    model = Sequential(layer, layer)
    x = mr.ones(1, 2)
    assert host(model(x)).tolist() == host(layer(layer(x))).tolist()
    assert len(list(model.parameters())) == 2


def test_only_modules():
    for make in (lambda: Sequential(Linear(1, 1), mr.relu), lambda: ModuleList([3]), lambda: ModuleList().append(None)):
        with pytest.raises(TypeError, match=r"(Sequential|ModuleList): expected a Module, got"):
            make()


def test_a_list_has_no_forward():
    with pytest.raises(TypeError, match=r"ModuleList does not define forward\(\)"):
        ModuleList()(1)
