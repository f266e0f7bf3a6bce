"""in_use: everything in eval mode, nothing recorded, and afterwards each module as it was."""

import pytest

import minirad as mr
from minirad.models import LSTMLanguageModel
from minirad.models.in_use import in_use
from minirad.nn import Dropout, Linear, Sequential


def modes(model):
    return [module.training for _, module in model.named_modules()]


def model():
    return Sequential(Linear(2, 2), Sequential(Dropout(), Linear(2, 2)))


@pytest.mark.parametrize("frozen", ["none", "a part", "the top alone", "all"])
def test_each_module_gets_its_mode_back(frozen):
    net = model()
    if frozen == "a part":
        net[1].eval()
    elif frozen == "the top alone":
        net.training = False
    elif frozen == "all":
        net.eval()
    before = modes(net)
    with in_use(net):
        assert not any(modes(net))
        assert not net(mr.ones(1, 2)).requires_grad
    assert modes(net) == before
    assert mr.is_grad_enabled()
    with pytest.raises(KeyError), in_use(net):
        raise KeyError
    assert modes(net) == before
    assert mr.is_grad_enabled()


def test_it_may_stand_inside_itself():
    net = model()
    with in_use(net):
        with in_use(net):
            pass
        assert not any(modes(net))
    assert all(modes(net))


def test_what_is_no_module_has_no_mode():
    with in_use(object()):
        assert not mr.is_grad_enabled()


def test_writing_and_perplexity_wake_no_frozen_part():
    net = LSTMLanguageModel(9, 4, 4, 1)
    net.lstm.eval()
    net.generate([[1]], 1)
    net.perplexity([([[1]], [[2]])])
    assert net.training
    assert not net.lstm.training
