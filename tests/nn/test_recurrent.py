"""LSTMCell and LSTM: parameters, results and gradients as PyTorch's, with every option."""

import pickle
from copy import deepcopy
from itertools import product
from typing import Any

import numpy as np
import pytest
from helpers import host
from hypothesis import given
from hypothesis import strategies as st

import minirad as mr
import minirad.nn.functional as F
from minirad.nn import LSTM, LSTMCell


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def leaf(array):
    return mr.tensor(array, requires_grad=True)


def agree(ours, theirs, tolerance=1e-10):
    np.testing.assert_allclose(
        host(ours), theirs.detach().numpy(), rtol=tolerance, atol=tolerance, strict=tolerance < 1e-9
    )


def agree_all_the_way(ours, theirs, inputs, inputs_torch, tolerance=1e-10):
    """All outputs agree, and the gradients of all inputs, given random cotangents for all outputs at once."""
    total = total_torch = 0
    for y, y_torch in zip(ours, theirs, strict=True):
        agree(y, y_torch, tolerance)
        cotangent = numbers(*y.shape, seed=2).astype(str(y.dtype))
        total = total + (y * mr.tensor(cotangent)).sum()
        total_torch = total_torch + (y_torch * y_torch.new_tensor(cotangent)).sum()
    total.backward()
    total_torch.backward()
    for x, x_torch in zip(inputs, inputs_torch, strict=True):
        agree(x.grad, x_torch.grad, tolerance)


# ---- whole sequences


def test_layout():
    """Names and shapes in PyTorch's order."""
    layer = LSTM(3, 2, num_layers=2, bidirectional=True)
    assert [(name, p.shape, p.dtype) for name, p in layer.named_parameters()] == [
        (f"{name}_l{k}{end}", shape, "float32")
        for k, inputs in ((0, 3), (1, 4))
        for end in ("", "_reverse")
        for name, shape in (("weight_ih", (8, inputs)), ("weight_hh", (8, 2)), ("bias_ih", (8,)), ("bias_hh", (8,)))
    ]
    assert [name for name, _ in LSTM(3, 2, bias=False).named_parameters()] == ["weight_ih_l0", "weight_hh_l0"]


def test_initial_values():
    """Uniform up to 1/sqrt(hidden_size), biases too, drawn from the stream "init"."""
    layer = LSTM(30, 100)
    for name, p in layer.named_parameters():
        values = host(p)
        assert np.abs(values).max() <= 0.1, name
        assert abs(values.std() / (0.1 / np.sqrt(3)) - 1) < 0.1, name
    mr.manual_seed(0)
    for name, array in LSTM(30, 100).state_dict().items():
        np.testing.assert_array_equal(array, layer.state_dict()[name])


OPTIONS = [
    {"num_layers": layers, "bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}
    for layers, bias, batch_first, bidirectional in product((1, 2, 3), (True, False), (True, False), (True, False))
]


@pytest.mark.parametrize("given_state", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(map(str, o.values())))
def test_as_in_pytorch(torch, options, given_state):
    torch.manual_seed(0)
    ours, theirs = LSTM(3, 4, **options).double(), torch.nn.LSTM(3, 4, **options).double()
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    ours.load_state_dict(theirs.state_dict())
    arrays = [numbers(5, 2, 3)]
    if given_state:
        layers = options["num_layers"] * (1 + options["bidirectional"])
        n = arrays[0].shape[0 if options["batch_first"] else 1]
        arrays += [numbers(layers, n, 4, seed=1), numbers(layers, n, 4, seed=3)]
    inputs, inputs_torch = [leaf(a) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    y, state = ours(inputs[0], tuple(inputs[1:]) or None)
    y_torch, state_torch = theirs(inputs_torch[0], tuple(inputs_torch[1:]) or None)
    agree_all_the_way(
        (y, *state), (y_torch, *state_torch),
        [*inputs, *ours.parameters()], [*inputs_torch, *theirs.parameters()],
    )  # fmt: skip


def test_float32_as_in_pytorch(torch):
    torch.manual_seed(0)
    ours, theirs = LSTM(16, 32, num_layers=2), torch.nn.LSTM(16, 32, num_layers=2)
    ours.load_state_dict(theirs.state_dict())
    data = numbers(20, 4, 16).astype("float32")
    x, x_torch = leaf(data), torch.tensor(data, requires_grad=True)
    (y, state), (y_torch, state_torch) = ours(x), theirs(x_torch)
    agree_all_the_way(
        (y, *state), (y_torch, *state_torch), [x, *ours.parameters()], [x_torch, *theirs.parameters()], 1e-4
    )


@pytest.mark.parity
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4), st.sampled_from(OPTIONS[:16]), st.booleans(), st.integers(0, 2)
)
def test_lengths_are_packed_sequences(lengths, options, given_state, longer):
    import torch

    nn: Any = torch.nn
    torch.manual_seed(0)
    ours, theirs = LSTM(3, 2, **options).double(), nn.LSTM(3, 2, **options).double()
    ours.load_state_dict(theirs.state_dict())
    steps, n = max(lengths) + longer, len(lengths)
    data = numbers(n, steps, 3) if options["batch_first"] else numbers(steps, n, 3)
    x, x_torch = leaf(data), torch.tensor(data, requires_grad=True)
    layers = options["num_layers"] * (1 + options["bidirectional"])
    start = [numbers(layers, n, 2, seed=seed) for seed in (1, 3)]
    state = tuple(leaf(a) for a in start) if given_state else None
    state_torch = tuple(torch.tensor(a, requires_grad=True) for a in start) if given_state else None
    packing = {"lengths": torch.tensor(lengths), "batch_first": options["batch_first"], "enforce_sorted": False}
    packed, end_torch = theirs(nn.utils.rnn.pack_padded_sequence(x_torch, **packing), state_torch)
    y_torch, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=options["batch_first"], total_length=steps)
    y, end = ours(x, state, lengths=np.array(lengths))
    agree_all_the_way(
        (y, *end), (y_torch, *end_torch),
        [x, *(state or ()), *ours.parameters()], [x_torch, *(state_torch or ()), *theirs.parameters()],
    )  # fmt: skip


def test_lengths_may_come_as_anything():
    layer, x = LSTM(3, 2, bidirectional=True), mr.randn(4, 2, 3)
    expected = host(layer(x, lengths=[4, 2])[0])
    assert not expected[2:, 1].any()
    for lengths in (np.array([4, 2]), np.array([4, 2], "uint8"), mr.tensor([4, 2])):
        np.testing.assert_array_equal(host(layer(x, lengths=lengths)[0]), expected)
    np.testing.assert_array_equal(host(layer(x, lengths=[4, 4])[0]), host(layer(x)[0]))


def test_dropout_is_between_the_layers_only():
    """In training, on what one layer hands to the next: by its statistics, and never on the last output."""
    layer = LSTM(3, 400, num_layers=2, dropout=0.25)
    state = {name: np.zeros_like(array) for name, array in layer.state_dict().items()}
    size = 400
    # Layer 0 says o tanh(i g) = tanh(1) for all units; layer 1 has an input gate open, and g = tanh(x) of its own unit.
    state["bias_ih_l0"] = np.repeat([50.0, 0.0, 50.0, 50.0], size)
    state["weight_ih_l1"] = np.concatenate([np.zeros((2 * size, size)), np.eye(size), np.zeros((size, size))])
    state["bias_ih_l1"] = np.repeat([50.0, -50.0, 0.0, 50.0], size)
    layer.load_state_dict(state)
    x = mr.zeros(1, 50, 3)
    y = host(layer(x)[0])
    dropped = y == 0
    assert abs(dropped.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / y.size)
    kept = np.tanh(np.tanh(np.tanh(1) / 0.75))
    np.testing.assert_allclose(y[~dropped], kept, rtol=1e-5)
    np.testing.assert_allclose(host(layer.eval()(x)[0]), np.tanh(np.tanh(np.tanh(1))), rtol=1e-5)
    one = LSTM(3, 4, dropout=0.9)  # nothing lies between
    x = mr.randn(2, 3, 3)
    np.testing.assert_array_equal(host(one(x)[0]), host(one(x)[0]))


def test_dropout_draws_from_its_stream_anew_each_time():
    layer, x = LSTM(3, 4, num_layers=2, dropout=0.5), mr.randn(2, 3, 3)
    runs = []
    for _ in range(2):
        mr.manual_seed(1)
        runs.append([host(layer(x)[0]), host(layer(x)[0])])
    assert (runs[0][0] != runs[0][1]).any()
    np.testing.assert_array_equal(runs[0], runs[1])


def test_the_state_carried_on_is_one_long_sequence():
    layer = LSTM(3, 4, num_layers=2).double()
    x = leaf(numbers(6, 2, 3))
    whole, (h, c) = layer(x)
    first, state = layer(x[:2])
    second, (h_2, c_2) = layer(x[2:], state)
    for ours, expected in ((F.cat([first, second]), whole), (h_2, h), (c_2, c)):
        np.testing.assert_allclose(host(ours), host(expected), rtol=1e-12)
    second.sum().backward()
    assert host(x.grad)[:2].all()
    x.grad = None
    _, (h_1, c_1) = layer(x[:2])
    layer(x[2:], (h_1.detach(), c_1.detach()))[0].sum().backward()
    assert not host(x.grad)[:2].any()


def test_one_step_and_one_sequence():
    layer = LSTM(3, 4, bidirectional=True)
    y, (h, c) = layer(mr.randn(1, 1, 3))
    assert (y.shape, h.shape, c.shape) == ((1, 1, 8), (2, 1, 4), (2, 1, 4))
    np.testing.assert_array_equal(host(y)[0, 0], host(h).reshape(8))


def test_no_sequences():
    y, (h, c) = LSTM(3, 4)(mr.zeros(5, 0, 3))
    assert (y.shape, h.shape, c.shape) == ((5, 0, 4), (1, 0, 4), (1, 0, 4))


def test_states_travel_both_ways(torch):
    options: dict[str, Any] = {"num_layers": 2, "bidirectional": True}
    ours, theirs, back = LSTM(3, 4, **options), torch.nn.LSTM(3, 4, **options), torch.nn.LSTM(3, 4, **options)
    ours.load_state_dict(theirs.state_dict())
    back.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name


@pytest.mark.parametrize("how", [deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_share_nothing(how):
    layer = LSTM(3, 4, num_layers=2)
    twin, x = how(layer), mr.randn(2, 3, 3)
    y = host(layer(x)[0])
    np.testing.assert_array_equal(host(twin(x)[0]), y)
    with mr.no_grad():
        twin.weight_hh_l0.copy_(0.0)
    np.testing.assert_array_equal(host(layer(x)[0]), y)


def test_it_learns_to_remember():
    """The sign of the first number, 6 steps later."""
    layer, score = LSTM(1, 8), mr.nn.Linear(8, 2)
    optimizer = mr.optim.Adam([*layer.parameters(), *score.parameters()], lr=0.03)
    rng = np.random.default_rng(0)
    for _ in range(250):
        x = rng.standard_normal((7, 32, 1)).astype("float32")
        loss = F.cross_entropy(score(layer(x)[1][0][0]), (x[0, :, 0] > 0).astype(int))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2


# ---- one step


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given_state", [True, False])
def test_the_cell_as_in_pytorch(torch, bias, given_state):
    ours, theirs = LSTMCell(3, 4, bias).double(), torch.nn.LSTMCell(3, 4, bias).double()
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]
    ours.load_state_dict(theirs.state_dict())
    arrays = [numbers(2, 3), *([numbers(2, 4, seed=1), numbers(2, 4, seed=3)] if given_state else [])]
    inputs, inputs_torch = [leaf(a) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    agree_all_the_way(
        ours(inputs[0], tuple(inputs[1:]) or None), theirs(inputs_torch[0], tuple(inputs_torch[1:]) or None),
        [*inputs, *ours.parameters()], [*inputs_torch, *theirs.parameters()],
    )  # fmt: skip


def test_a_loop_over_cells_is_an_lstm():
    layer, cell = LSTM(3, 4).double(), LSTMCell(3, 4).double()
    cell.load_state_dict({name.removesuffix("_l0"): array for name, array in layer.state_dict().items()})
    x, state, outputs = mr.tensor(numbers(5, 2, 3)), None, []
    for t in range(5):
        state = cell(x[t], state)
        outputs.append(state[0])
    y, (h, c) = layer(x)
    for ours, expected in ((F.stack(outputs), y), (state[0], h[0]), (state[1], c[0])):
        np.testing.assert_allclose(host(ours), host(expected), rtol=1e-12)


# ---- printing and errors


def test_repr():
    assert repr(LSTM(3, 4)) == "LSTM(3, 4)"
    assert repr(LSTM(3, 4, 2, False, True, 0.5, True)) == (
        "LSTM(3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)"
    )
    assert repr(LSTMCell(3, 4)) == "LSTMCell(3, 4)"
    assert repr(LSTMCell(3, 4, bias=False)) == "LSTMCell(3, 4, bias=False)"


def anything(value: Any) -> Any:
    """Something that the type hints don't allow."""
    return value


STATE = (mr.zeros(1, 2, 4), mr.zeros(1, 2, 4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LSTM(0, 4), "LSTM: input_size must be a positive integer, got 0"),
        (lambda: LSTM(3, anything(4.0)), "LSTM: hidden_size must be a positive integer, got 4.0"),
        (lambda: LSTM(3, 4, 0), "LSTM: num_layers must be a positive integer, got 0"),
        (lambda: LSTM(3, 4, dropout=1.5), r"LSTM: dropout must lie in \[0, 1\], got 1.5"),
        (lambda: LSTM(3, 4, dropout=anything("a")), r"LSTM: dropout must lie in \[0, 1\], got 'a'"),
        (lambda: LSTMCell(3, -1), "LSTMCell: hidden_size must be a positive integer, got -1"),
        (lambda: LSTM(3, 4)(mr.ones(5, 2, 2)), r"LSTM: x must be \(steps, n, 3\), got shape \(5, 2, 2\)"),
        (lambda: LSTM(3, 4)(mr.ones(5, 3)), r"LSTM: x must be \(steps, n, 3\), got shape \(5, 3\)"),
        (
            lambda: LSTM(3, 4, batch_first=True)(mr.ones(5, 2, 2)),
            r"LSTM: x must be \(n, steps, 3\), got shape \(5, 2, 2\)",
        ),
        (lambda: LSTM(3, 4)(mr.ones(0, 2, 3)), r"lstm: x must be .* at least one step, got shape \(0, 2, 3\)"),
        (lambda: LSTM(3, 4)(mr.ones(5, 3, 3), STATE), r"LSTM: h must have shape \(1, 3, 4\), got \(1, 2, 4\)"),
        (lambda: LSTM(3, 4)(mr.ones(5, 2, 3), (STATE[0], mr.ones(1))), r"LSTM: c must have shape \(1, 2, 4\), got"),
        (lambda: LSTM(3, 4)(mr.ones(5, 2, 3), lengths=[5, 6]), "LSTM: lengths must be 1 .. 5, got 5 .. 6"),
        (lambda: LSTM(3, 4)(mr.ones(5, 2, 3), lengths=[5, 0]), "LSTM: lengths must be 1 .. 5, got 0 .. 5"),
        (lambda: LSTM(3, 4)(mr.ones(5, 2, 3), lengths=[5]), r"LSTM: lengths must have shape \(2,\), got \(1,\)"),
        (lambda: LSTMCell(3, 4)(mr.ones(2, 4)), r"LSTMCell: x must be \(n, 3\), got shape \(2, 4\)"),
        (lambda: LSTMCell(3, 4)(mr.ones(1, 2, 3)), r"LSTMCell: x must be \(n, 3\), got shape \(1, 2, 3\)"),
        (lambda: LSTMCell(3, 4)(mr.ones(2, 3), STATE), r"LSTMCell: h must have shape \(2, 4\), got \(1, 2, 4\)"),
    ],
    ids=range(18),
)
def test_layers_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LSTM(3, 4)(mr.ones(5, 2, 3), STATE[0]), r"LSTM: the state must be a pair \(h, c\), got Tensor"),
        (lambda: LSTMCell(3, 4)(mr.ones(2, 3), anything((1, 2, 3))), r"LSTMCell: the state must be a pair \(h, c\)"),
        (lambda: LSTM(3, 4)(mr.ones(5, 2, 3), lengths=[1.0, 2.0]), "LSTM: lengths must be integers, got float32"),
        (lambda: LSTM(3, 4)(mr.ones(5, 2, 3, dtype="float64")), "lstm: operands have different dtypes"),
        (lambda: LSTM(3, 4)(np.ones((5, 2, 3), int)), "lstm: needs float32 or float64, got int64"),
    ],
    ids=range(5),
)
def test_types_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()
