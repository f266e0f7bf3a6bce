"""Module: names and order as in PyTorch, saving, loading, switching."""

import copy
import pickle

import numpy as np
import pytest
from helpers import device, host

import minirad as mr
from minirad.nn import Linear, Module, Parameter, ReLU, Sequential


class Block(Module):
    """Parameters between modules, a buffer, and what is neither."""

    def __init__(self):
        self.first = Linear(2, 3)
        self.scale = Parameter([1.0, 2.0, 3.0])
        self.inner = Sequential(Linear(3, 3), ReLU(), Linear(3, 2, bias=False))
        self.register_buffer("steps", np.array([0, 1]))
        self.shift = Parameter([0.5])
        self.constant = mr.ones(3)
        self.name = "block"

    def forward(self, x):
        return self.inner(self.first(x) * self.scale + self.shift)


NAMES = ["scale", "shift", "first.weight", "first.bias", "inner.0.weight", "inner.0.bias", "inner.2.weight"]


def torch_block(torch):
    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(2, 3)
            self.scale = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
            self.inner = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2, bias=False))
            self.register_buffer("steps", torch.tensor([0, 1]))
            self.shift = torch.nn.Parameter(torch.tensor([0.5]))

        def forward(self, x):
            return self.inner(self.first(x) * self.scale + self.shift)

    return Block()


# ---- names


def test_names_and_order():
    model = Block()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert [p.shape for p in model.parameters()] == [p.shape for _, p in model.named_parameters()]
    assert [name for name, _ in model.named_buffers()] == ["steps"]
    assert [host(b).tolist() for b in model.buffers()] == [[0, 1]]
    assert [name for name, _ in model.named_children()] == ["first", "inner"]
    assert [name for name, _ in model.named_modules()] == ["", "first", "inner", "inner.0", "inner.1", "inner.2"]
    assert list(model.state_dict()) == [*NAMES[:2], "steps", *NAMES[2:]]


def test_names_and_order_are_those_of_pytorch(torch):
    ours, theirs = Block(), torch_block(torch)
    for method in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [name for name, _ in getattr(ours, method)()] == [name for name, _ in getattr(theirs, method)()]
    assert list(ours.state_dict()) == list(theirs.state_dict())


def shared(nn):
    """One parameter under two names, one module under two names."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    model.again = model[0]
    return model


def test_what_is_shared_counts_once():
    model = shared(mr.nn)
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert [name for name, _ in model.named_modules()] == ["", "0", "1"]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias", "again.weight", "again.bias"]
    other = shared(mr.nn)
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(host(other[1].weight), host(model[0].weight))


def test_what_is_shared_is_named_as_in_pytorch(torch):
    ours, theirs = shared(mr.nn), shared(torch.nn)
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_an_attribute_set_anew_counts_as_what_it_is():
    model = Block()
    model.scale = None
    model.first = Linear(2, 3, bias=False)
    assert [name for name, _ in model.named_parameters()] == ["shift", "first.weight", *NAMES[4:]]
    assert [name for name, _ in model.named_buffers()] == ["steps"]


# ---- saving and loading


def test_weights_travel_both_ways(torch):
    x = np.random.default_rng(0).standard_normal((4, 2)).astype("float32")
    ours, theirs, back = Block(), torch_block(torch), torch_block(torch)
    ours.load_state_dict(theirs.state_dict())
    back.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    for peer in (theirs, back):
        np.testing.assert_allclose(
            host(ours(mr.tensor(x))), peer(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6
        )


def test_state_dict_holds_copies():
    model = Block()
    state = model.state_dict()
    before = host(model.scale).copy()
    for array in state.values():
        assert type(array) is np.ndarray
        array[...] = 7
    np.testing.assert_array_equal(host(model.scale), before)
    assert host(model.steps).tolist() == [0, 1]


def test_loading_copies_in_place():
    model, other = Block(), Block()
    arrays = [p.data for p in model.parameters()]
    state = other.state_dict()
    state["steps"] = np.array([5, 6])
    model.load_state_dict(state)
    assert all(p.data is array for p, array in zip(model.parameters(), arrays, strict=True))
    assert host(model.steps).tolist() == [5, 6]
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(host(p), host(q))


def test_loading_takes_tensors_and_other_dtypes():
    model = Linear(2, 1)
    model.load_state_dict({"weight": mr.tensor([[1.0, 2.0]]), "bias": np.array([3.0])})
    assert host(model.weight).tolist() == [[1, 2]]
    assert model.bias.dtype == "float32"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: state.pop("scale"),
            r"load_state_dict: Block misses \['scale'\] and does not know \[\]",
        ),
        (lambda state: state.update(other=np.ones(1)), r"Block misses \[\] and does not know \['other'\]"),
        (
            lambda state: state.update({"inner.2.weight": np.ones((3, 2))}),
            r"load_state_dict: inner.2.weight of Block is float32 of shape \(2, 3\), got float64 of shape \(3, 2\)",
        ),
    ],
)
def test_loading_refuses_before_it_changes_anything(change, message):
    model = Block()
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    change(state)
    with pytest.raises(ValueError, match=message):
        model.load_state_dict(state)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


# ---- switching


def test_train_and_eval():
    model = Sequential(mr.nn.Dropout(), Sequential(mr.nn.Dropout()))
    assert all(module.training for _, module in model.named_modules())
    assert model.eval() is model
    assert not any(module.training for _, module in model.named_modules())
    model.train()
    assert all(module.training for _, module in model.named_modules())


def test_zero_grad():
    model = Block()
    model(mr.ones(1, 2)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_double_and_float():
    model = Block()
    model.register_buffer("mean", np.ones(2, "float32"))
    x = mr.ones(1, 2, dtype="float64")
    with pytest.raises(TypeError, match="different dtypes"):
        model(x)
    parameters = list(model.parameters())
    assert model.double() is model
    assert model(x).dtype == "float64"
    assert all(p is q for p, q in zip(parameters, model.parameters(), strict=True))
    assert (model.mean.dtype, model.steps.dtype) == ("float64", "int64")
    assert model.float()(x.float()).dtype == "float32"


def test_a_conversion_between_forward_and_backward():
    model = Linear(2, 1)
    loss = model(mr.ones(1, 2)).sum()
    model.double()
    with pytest.raises(RuntimeError, match="that was changed afterwards"):
        loss.backward()


# ---- copying, printing, errors


@pytest.mark.parametrize("how", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_share_nothing(how):
    model = Sequential(Linear(2, 2), Linear(2, 2))
    model[1].weight = model[0].weight
    twin = how(model)
    assert twin[1].weight is twin[0].weight
    before = model.state_dict()
    with mr.no_grad():
        for p in twin.parameters():
            p += 1.0
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_repr():
    assert repr(Linear(2, 3)) == "Linear(2, 3)"
    assert repr(Sequential(Linear(2, 3, bias=False), Sequential(ReLU()))) == (
        "Sequential(\n  (0): Linear(2, 3, bias=False)\n  (1): Sequential(\n    (0): ReLU()\n  )\n)"
    )


def test_a_module_without_forward():
    with pytest.raises(TypeError, match=r"Module does not define forward\(\)"):
        Module()(mr.ones(1))


def test_buffers_take_tensors_and_host_arrays():
    model = Module()
    model.register_buffer("a", mr.ones(2))
    model.register_buffer("b", np.zeros(2))
    assert [type(array) for array in model.buffers()] == [type(device(0.0))] * 2
    model.a = device([5.0, 6.0])  # set anew, it stays a buffer
    assert model.state_dict()["a"].tolist() == [5, 6]


def test_a_buffer_is_a_copy():
    table = np.zeros(3, "float32")
    module = mr.nn.Module()
    module.register_buffer("table", table)
    module.load_state_dict({"table": np.ones(3, "float32")})
    assert table.tolist() == [0.0, 0.0, 0.0]


def test_loading_complex_numbers_is_refused():
    layer = mr.nn.Linear(2, 1)
    state = layer.state_dict()
    state["weight"] = state["weight"] + 1j
    with pytest.raises(ValueError, match="weight of Linear is float32 of shape"):
        layer.load_state_dict(state)
