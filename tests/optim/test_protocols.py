"""Copies, pickles and text."""

import pickle
from copy import copy, deepcopy

import pytest
from optim.plain import Plain, descend, plains, values
from optim.rules import MOVED, equal_states, model_and_loss, same, train

from minirad.optim import SGD


def test_copies_of_model_and_optimizer_go_on_alike_and_apart(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.parameters())
    train(model, loss, optimizer, 4)
    model2, optimizer2 = deepcopy((model, optimizer))
    assert all(p is q for p, q in zip(model2.parameters(), optimizer2.param_groups[0]["params"], strict=True))
    before = values(model2.parameters())
    train(model, loss, optimizer, MOVED)
    assert same([Plain(x, dtype="float32") for x in before], list(model2.parameters()))
    train(model2, loss, optimizer2, MOVED)
    assert same(list(model.parameters()), list(model2.parameters()))
    if optimizer.rule != "Algorithm1":  # it has no state_dict()
        assert equal_states(optimizer.state_dict(), optimizer2.state_dict())


def test_a_copy_of_the_optimizer_alone_has_parameters_of_its_own(rule):
    parameters = plains((2, 3), (4,))
    optimizer = rule(parameters)
    descend(optimizer, parameters, 3)
    copy = deepcopy(optimizer)
    theirs = copy.param_groups[0]["params"]
    descend(optimizer, parameters, MOVED)
    assert not same(parameters, theirs)
    descend(copy, theirs, MOVED)
    assert same(parameters, theirs)
    with pytest.raises(ValueError, match="belongs to another live optimizer"):
        rule(theirs)


def test_a_copy_of_the_model_alone_is_free(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.parameters())
    train(model, loss, optimizer, 2)
    copy = deepcopy(model)
    before = values(copy.parameters())
    train(model, loss, optimizer, 2)
    assert same([Plain(x, dtype="float32") for x in before], list(copy.parameters()))
    loss(copy).backward()
    rule(copy.parameters()).step()


def test_pickle_keeps_the_parameters_in_the_vector(saved_rule):
    parameters = plains((2, 3), (4,))
    optimizer = saved_rule(parameters)
    descend(optimizer, parameters, 3)
    theirs, copy = pickle.loads(pickle.dumps((parameters, optimizer)))
    descend(optimizer, parameters, MOVED)
    descend(copy, theirs, MOVED)
    assert same(parameters, theirs)


def test_no_shallow_copies(rule):
    with pytest.raises(TypeError, match=r"use copy\.deepcopy"):
        copy(rule(plains((3,))))


def test_repr():
    parameters = plains((2, 3), (4,), (5,))
    optimizer = SGD([{"params": parameters[:2]}, {"params": parameters[2], "lr": 0.5}], lr=0.1)
    assert repr(optimizer).splitlines() == [
        "SGD(",
        "  2 parameters, 10 numbers: lr=0.1, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False",
        "  1 parameters, 5 numbers: lr=0.5, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False",
        ")",
    ]
