"""model.summary(): the shapes, the counts, and that the model stays as it was."""

import pytest
from helpers import host

import minirad as mr
from minirad.backend import stream
from minirad.models import MLP
from minirad.nn import Conv2d, Dropout, Linear, Module, ModuleList, Parameter, ReLU, Sequential

TABLE = """\
layer     type        output shape  parameters  multiply-adds
-------------------------------------------------------------
          MLP         (5, 10)                -              -
layers    Sequential  (5, 10)                -              -
layers.0  Flatten     (5, 64)                -              -
layers.1  Linear      (5, 128)           8,320         40,960
layers.2  ReLU        (5, 128)               -              -
layers.3  Linear      (5, 10)            1,290          6,400
-------------------------------------------------------------
total                                    9,610         47,360
for input (5, 1, 8, 8) float32; multiply-adds are those of Linear and Conv2d"""


def by_name(summary):
    return {row.name: row for row in summary.rows}


def test_the_table():
    summary = MLP(64, [128], 10).summary((5, 1, 8, 8))
    assert str(summary) == repr(summary) == TABLE
    assert (summary.parameters, summary.frozen, summary.multiply_adds) == (9610, 0, 47360)


def test_a_layer_alone():
    [row] = Linear(3, 2, bias=False).summary([7, 4, 3]).rows
    assert (row.name, row.type, row.output, row.parameters, row.multiply_adds) == ("", "Linear", "(7, 4, 2)", 6, 168)


def test_multiply_adds_of_a_convolution():
    model = Sequential(Conv2d(4, 6, 3, padding=1), ReLU(), Conv2d(6, 2, (1, 3), bias=False))
    summary = model.summary((2, 4, 5, 7))
    assert [row.output for row in summary.rows[1:]] == ["(2, 6, 5, 7)", "(2, 6, 5, 7)", "(2, 2, 5, 5)"]
    assert summary.multiply_adds == 2 * 6 * 5 * 7 * (4 * 9) + 2 * 2 * 5 * 5 * (6 * 3)
    assert summary.parameters == 4 * 6 * 9 + 6 + 6 * 2 * 3


class Odd(Module):
    """Parameters of its own, one of them frozen; a layer called twice, and one never; a tied weight."""

    def __init__(self):
        self.scale, self.frozen = Parameter([1.0, 1.0, 1.0]), Parameter([0.0]).requires_grad_(False)
        self.layer, self.unused, self.again = Linear(3, 3), Linear(3, 7), Linear(3, 3)
        self.again.weight = self.layer.weight
        self.alias = self.layer
        self.many = ModuleList([Linear(3, 2), Linear(3, 4)])

    def forward(self, x):
        x = self.again(self.layer(self.layer(x) * self.scale + self.frozen))
        return [layer(x) for layer in self.many], (x, "text")


def test_what_is_shared_frozen_or_not_called():
    model = Odd()
    summary = model.summary((2, 3))
    rows = by_name(summary)
    assert list(rows) == [name for name, _ in model.named_modules()]
    assert rows[""].output == "(((2, 2), (2, 4)), ((2, 3), str))"
    assert rows["layer"].multiply_adds == 2 * (2 * 3 * 3)
    assert (rows["layer"].parameters, rows["again"].parameters) == (12, 3)
    assert (rows["unused"].output, rows["unused"].parameters, rows["unused"].multiply_adds) == ("", 28, 0)
    assert rows[""].parameters == 4
    assert summary.parameters == sum(p.numel() for p in model.parameters())
    assert summary.frozen == 1
    assert "not called" in str(summary)
    assert str(summary).endswith("; 1 of the parameters are frozen")


def test_the_model_stays_as_it_was():
    class Counting(Module):
        def __init__(self):
            self.calls = []

        def forward(self, x):
            self.calls.append((self.training, mr.is_grad_enabled(), x.requires_grad))
            return x

    model = Sequential(Linear(2, 2), Dropout(0.5), Counting(), Linear(2, 2))
    model[1].eval()
    before, draws = model.state_dict(), stream("dropout").bit_generator.state
    model.summary((3, 2))
    assert model[2].calls == [(False, False, False)]
    assert [module.training for _, module in model.named_modules()] == [True, True, False, True, True]
    assert stream("dropout").bit_generator.state == draws
    assert all((before[name] == value).all() for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert all("forward" not in vars(module) for _, module in model.named_modules())
    assert mr.is_grad_enabled()


def test_the_dtype_of_the_input():
    class Table(Module):
        def __init__(self):
            self.weight = Parameter(mr.ones(4, 2))

        def forward(self, x):
            return self.weight[x]

    assert Linear(2, 2).double().summary((1, 2)).input == "input (1, 2) float64"
    assert ReLU().summary((1, 2)).input == "input (1, 2) float32"
    summary = Table().summary((3, 5), dtype="int64")
    assert (summary.input, summary.rows[0].output) == ("input (3, 5) int64", "(3, 5, 2)")


def test_no_input_is_too_small():
    assert Linear(3, 2).summary((0, 3)).rows[0].output == "(0, 2)"


class Two(Module):
    """Takes two tensors."""

    def __init__(self):
        self.layer = Linear(2, 2)

    def forward(self, x, y):
        return self.layer(x) + y


BAD = {
    "two tensors": (Two(), (1, 2), r"Two.forward\(\) fails on one tensor of zeros, .* missing 1 required .* 'y'"),
    "no batch axis": (
        MLP(4, [3], 2),
        (4,),
        r"MLP.forward\(\) fails .* \(4,\) \(the batch axis included\) .*: flatten:",
    ),
    "width": (MLP(4, [3], 2), (1, 5), r"MLP.forward\(\) fails .* and dtype float32: linear: x of shape"),
    "no forward": (Module(), (1, 5), r"Module.forward\(\) fails .*: Module does not define forward"),
    "negative": (Linear(2, 2), (1, -2), r"input_shape must be integers >= 0, got \(1, -2\)"),
    "float": (Linear(2, 2), (1, 2.0), r"input_shape must be integers >= 0, got \(1, 2.0\)"),
    "text": (Linear(2, 2), "ab", r"input_shape must be integers >= 0, got 'ab'"),
    "nothing": (Linear(2, 2), None, r"input_shape must be integers >= 0, got None"),
}


@pytest.mark.parametrize(("model", "shape", "message"), BAD.values(), ids=BAD)
def test_bad_input(model, shape, message):
    with pytest.raises(ValueError, match=rf"^summary: {message}"):
        model.summary(shape)
    assert all(module.training for _, module in model.named_modules())
    assert all("forward" not in vars(module) for _, module in model.named_modules())
    assert mr.is_grad_enabled()


def test_it_computes_what_the_model_computes():
    seen = []

    class Last(Module):
        def forward(self, x):
            seen.append(host(x).tolist())
            return x

    model = Sequential(Linear(2, 2), Last())
    model.summary((1, 2))
    model(mr.zeros(1, 2))
    assert seen[0] == seen[1]
