"""An error inside a model is told where in the model it was raised."""

import pytest

import minirad as mr
from minirad.models import MLP
from minirad.nn import Linear, Module, ReLU, Sequential


def notes(model, *args):
    """The notes of the error that a call raises."""
    with pytest.raises((ValueError, TypeError, ZeroDivisionError)) as found:
        model(*args)
    return getattr(found.value, "__notes__", [])


def test_the_whole_path_is_named_once():
    model = Sequential(Sequential(Linear(3, 4), ReLU()), Sequential(Linear(4, 5), Linear(6, 2)))
    assert notes(model, mr.ones(2, 3)) == ["in the module 1.1 (Linear)"]
    assert notes(model, mr.ones(2, 4)) == ["in the module 0.0 (Linear)"]
    assert notes(MLP(3, [4], 2), mr.ones(2, 5))[0].endswith("(Linear)")


def test_a_layer_alone_needs_no_note():
    assert notes(Linear(3, 4), mr.ones(2, 5)) == []


def test_other_notes_stay_and_the_error_is_the_same():
    class Failing(Module):
        def forward(self, x):
            error = ZeroDivisionError("what it says")
            error.add_note("its own note")
            raise error

    assert notes(Sequential(ReLU(), Failing()), mr.ones(1)) == ["its own note", "in the module 1 (Failing)"]
    with pytest.raises(ZeroDivisionError) as found:
        Sequential(Failing())(mr.ones(1))
    assert str(found.value) == "what it says"


def test_a_module_that_its_parent_does_not_know_keeps_what_is_known():
    class Hidden(Module):
        def __init__(self):
            self.parts = [Sequential(ReLU(), Linear(3, 4))]  # a plain list: not in named_modules()

        def forward(self, x):
            return self.parts[0](x)

    assert notes(Sequential(Hidden()), mr.ones(2, 5)) == ["in the module 1 (Linear)"]
