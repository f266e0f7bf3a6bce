"""The fused LSTM against a loop over a plain cell, central differences, and PyTorch's packed sequences."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st
from ops import Op, check_op, compare

import minirad as mr
import minirad.nn.functional as F
from minirad import threads

NAMES = ["x", "h_0", "c_0", "weight_ih", "weight_hh", "bias_ih", "bias_hh"]


def shapes(steps, n, inputs, size, biased=True):
    weights = ((4 * size, inputs), (4 * size, size)) + ((4 * size,), (4 * size,)) * biased
    return ((steps, n, inputs), (n, size), (n, size), *weights)


@st.composite
def sequences(draw, most=4):
    """Sequences of any length, batches of none and one too, perhaps with lengths, perhaps from the end."""
    steps, n, inputs, size = draw(st.integers(1, most)), draw(st.integers(0, 3)), draw(st.integers(0, 3)), 2
    lengths = draw(st.none() | st.lists(st.integers(1, steps), min_size=n, max_size=n))
    options = {"lengths": None if lengths is None else np.array(lengths, int), "reverse": draw(st.booleans())}
    return shapes(steps, n, inputs, size, draw(st.booleans())), options


def plain(x, h_0, c_0, weight_ih, weight_hh, *biases, lengths=None, reverse=False):
    """The equations, one after the other, for one sequence after the other."""
    size = h_0.shape[1]
    columns = []
    for k in range(x.shape[1]):
        h, c = h_0[k], c_0[k]
        steps = range(x.shape[0] if lengths is None else int(lengths[k]))
        outputs = [F.zeros(size, dtype=x.dtype)] * x.shape[0]
        for t in reversed(steps) if reverse else steps:
            z = weight_ih @ x[t, k] + weight_hh @ h
            for bias in biases:
                z = z + bias
            i, f, g, o = (z[j * size : (j + 1) * size] for j in range(4))
            c = F.sigmoid(f) * c + F.sigmoid(i) * F.tanh(g)
            h = F.sigmoid(o) * F.tanh(c)
            outputs[t] = h
        columns.append(F.stack([*outputs, c]))
    return F.stack(columns, dim=1) if columns else F.zeros(x.shape[0] + 1, 0, size, dtype=x.dtype)


def reference(*arrays, **options):
    return host(plain(*(mr.tensor(array) for array in arrays), **options))


LSTM = Op("lstm", F.lstm, reference, "none", sequences())


def tensors(*sizes, scale=1.0, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return [mr.tensor(scale * rng.standard_normal(size), requires_grad=True, dtype=dtype) for size in sizes]


@given(LSTM.cases)
def test_value_and_gradient(case):
    check_op(LSTM, *case)


@given(sequences(most=6))
def test_the_fused_op_is_a_loop_over_cells(case):
    sizes, options = case
    results = []
    for function in (F.lstm, plain):
        inputs = tensors(*sizes)
        y = function(*inputs, **options)
        if y.requires_grad:  # not without a sequence
            y.backward(mr.tensor(np.random.default_rng(1).standard_normal(y.shape)))
        results.append([host(y), *(np.zeros(x.shape) if x.grad is None else host(x.grad) for x in inputs)])
    for fused, written_out in zip(*results, strict=True):
        np.testing.assert_allclose(fused, written_out, rtol=1e-10, atol=1e-12, strict=True)


@pytest.mark.parity
@given(sequences(most=6))
def test_as_in_pytorch(case):
    """Through its own op, in float64 and float32; lengths as packed sequences, from the end as its second direction."""
    import torch

    sizes, options = case
    if not sizes[0][1] or not sizes[0][2]:
        return  # PyTorch refuses batches of none and inputs of no width
    for dtype, tolerance in (("float64", 1e-10), ("float32", 2e-5)):
        ours = tensors(*sizes, dtype=dtype)
        theirs = [torch.tensor(host(x), requires_grad=True) for x in ours]
        expected = torch_lstm(torch, *theirs, **options)
        compare(F.lstm(*ours, **options), expected, ours, theirs, tolerance)


def torch_lstm(torch, x, h_0, c_0, *weights, lengths, reverse):
    """PyTorch knows the other direction only beside the first one, so that gets weights that do not matter."""
    biased, two = len(weights) == 4, [*(w.detach() for w in weights), *weights] if reverse else list(weights)
    h, c = (torch.stack([s] * (1 + reverse)) for s in (h_0, c_0))
    settings = (biased, 1, 0.0, False, reverse)
    if lengths is None:
        y, _, c_n = torch.lstm(x, (h, c), two, *settings, False)
    else:
        nn: Any = torch.nn
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        h, c = (s[:, packed.sorted_indices] for s in (h, c))
        data, _, c_n = torch.lstm(packed.data, packed.batch_sizes, (h, c), two, *settings)
        packed = nn.utils.rnn.PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        y, _ = nn.utils.rnn.pad_packed_sequence(packed, total_length=len(x))
        c_n = c_n[:, packed.unsorted_indices]
    return torch.cat([y[:, :, -h_0.shape[1] :], c_n[-1:]])


def test_one_step_by_hand():
    """Weights of 0: the gates are those of the biases."""
    zeros = [mr.zeros(shape, dtype="float64") for shape in shapes(1, 1, 2, 1)]
    x, h, c, w_ih, w_hh, _, zero = zeros
    c = c + 2.0
    bias = mr.tensor([0.0, np.log(3), np.log(2), 50.0], dtype="float64")  # i 1/2, f 3/4, g 3/5, o 1
    y = host(F.lstm(x, h, c, w_ih, w_hh, bias, zero))
    c_1 = 0.75 * 2 + 0.5 * 0.6
    np.testing.assert_allclose(y, [[[np.tanh(c_1)]], [[c_1]]], rtol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_what_lies_behind_the_end_counts_for_nothing(reverse):
    """Not even NaN and infinity."""
    sizes, lengths = shapes(4, 3, 2, 2), np.array([2, 4, 1])
    outside = np.arange(4)[:, None] >= lengths
    results = []
    for filling in (0.0, 1e30, np.inf, np.nan):
        x, *others = tensors(*sizes)
        data = host(x).copy()
        data[outside] = filling
        x = mr.tensor(data, requires_grad=True)
        y = F.lstm(x, *others, lengths=lengths, reverse=reverse)
        cotangent = np.random.default_rng(1).standard_normal(y.shape)
        cotangent[:-1][outside] = filling  # nor there on the way back
        with np.errstate(all="ignore"):
            y.backward(mr.tensor(cotangent))
        assert not host(y)[:-1][outside].any()
        assert not host(x.grad)[outside].any()
        results.append([host(y), *(host(p.grad) for p in (x, *others))])
    for result in results[1:]:
        for array, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(array, expected)


def test_lengths_cut_sequences_off():
    """As if each had been there alone, for its steps."""
    x, h, c, *weights = tensors(*shapes(5, 3, 2, 4))
    lengths = [3, 5, 1]
    for reverse in (False, True):
        y = host(F.lstm(x, h, c, *weights, lengths=lengths, reverse=reverse))
        for k, length in enumerate(lengths):
            alone = host(F.lstm(x[:length, k : k + 1], h[k : k + 1], c[k : k + 1], *weights, reverse=reverse))
            np.testing.assert_allclose(y[[*range(length), -1], k], alone[:, 0], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "uint64"])
def test_lengths_of_any_integer_type(dtype):
    inputs = tensors(*shapes(4, 2, 2, 2))
    expected = host(F.lstm(*inputs, lengths=[4, 2], reverse=True))
    for lengths in (device([4, 2], dtype), mr.tensor(np.array([4, 2], dtype))):
        np.testing.assert_array_equal(host(F.lstm(*inputs, lengths=lengths, reverse=True)), expected)


@pytest.mark.parametrize("reverse", [False, True])
def test_inputs_that_lie_in_memory_in_another_order(reverse):
    sizes = shapes(3, 2, 4, 5)
    expected, found = [], []
    for results, turned in ((expected, False), (found, True)):
        inputs = tensors(*sizes)
        if turned:
            inputs = [mr.Tensor(device(host(x).T.copy()).T) for x in inputs]
            for x in inputs:
                x.requires_grad = True
        y = F.lstm(*inputs, reverse=reverse)
        cotangent = np.random.default_rng(1).standard_normal(y.shape)
        y.backward(mr.Tensor(device(cotangent.T.copy()).T) if turned else mr.tensor(cotangent))
        results += [host(y), *(host(x.grad) for x in inputs)]
    for array, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("wanted", range(7), ids=NAMES)
def test_a_gradient_that_no_one_needs_is_not_computed(wanted):
    inputs = tensors(*shapes(3, 2, 4, 5))
    for i, x in enumerate(inputs):
        x.requires_grad = i == wanted
    y = F.lstm(*inputs)
    assert y.vjp is not None
    gradients = y.vjp(device(np.ones(y.shape)))
    assert [i for i, g in enumerate(gradients) if g is not None] == [wanted]


def test_the_same_bits_each_time_and_two_threads():
    """Large enough to be shared."""
    pytest.importorskip("threadpoolctl", reason="needs threadpoolctl")
    before = mr.get_num_threads() or 1
    try:
        runs = {}
        for count, run in ((1, 0), (1, 1), (2, 0), (2, 1)):
            mr.set_num_threads(count)
            inputs = tensors(*shapes(20, 9, 64, 64), scale=0.2, dtype="float32")
            assert threads.SMALL < 8 * 20 * 9 * 4 * 64
            y = F.lstm(*inputs, lengths=[20, 5, 1, 7, 12, 20, 3, 9, 10])
            y.backward(mr.tensor(np.random.default_rng(1).standard_normal(y.shape), dtype="float32"))
            runs[count, run] = [host(y), *(host(x.grad) for x in inputs)]
    finally:
        mr.set_num_threads(before)
    for count in (1, 2):
        for first, second in zip(runs[count, 0], runs[count, 1], strict=True):
            np.testing.assert_array_equal(first, second)
    for one, two in zip(runs[1, 0], runs[2, 0], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


def test_chunks_with_the_state_carried_are_one_long_sequence():
    """Also on the way back, through the state; detached, the gradient ends at the chunk's start."""
    x, h, c, *weights = tensors(*shapes(6, 2, 3, 4))
    whole = F.lstm(x, h, c, *weights)
    cotangent = mr.tensor(np.random.default_rng(1).standard_normal(whole.shape))
    whole.backward(cotangent)
    expected = [host(p.grad) for p in (x, h, c, *weights)]
    for p in (x, h, c, *weights):
        p.grad = None
    first = F.lstm(x[:2], h, c, *weights)
    second = F.lstm(x[2:], first[-2], first[-1], *weights)
    joined = F.cat([first[:-1], second])
    np.testing.assert_allclose(host(joined), host(whole), rtol=1e-12)
    joined.backward(cotangent)
    for p, g in zip((x, h, c, *weights), expected, strict=True):
        np.testing.assert_allclose(host(p.grad), g, rtol=1e-10, atol=1e-12)
    x.grad = None
    first = F.lstm(x[:2], h, c, *weights)
    F.lstm(x[2:], first[-2].detach(), first[-1].detach(), *weights).sum().backward()
    assert not host(x.grad)[:2].any()
    assert host(x.grad)[2:].all()


def test_large_inputs_do_not_overflow():
    x, h, c, *weights = tensors(*shapes(2, 2, 3, 4), dtype="float32")
    y = F.lstm(x * 1e30, h, c, *weights)
    y.sum().backward()
    assert np.isfinite(host(y)).all()
    assert all(np.isfinite(host(p.grad)).all() for p in (h, c, *weights[1:]))


def test_memory_goes_back_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        y = F.lstm(*tensors(*shapes(3, 2, 3, 4)), lengths=[3, 1], reverse=True)
        ref = weakref.ref(y)
        del y
        assert ref() is None
    finally:
        gc.enable()


def test_a_write_to_the_output_is_noticed():
    y = F.lstm(*tensors(*shapes(3, 2, 3, 4)))
    y.detach()[0] = 0.0
    with pytest.raises(RuntimeError, match="backward: lstm used data of shape"):
        y.sum().backward()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": (2, 3)}, r"lstm: x must be \(steps, n, inputs\) with at least one step, got shape \(2, 3\)"),
        ({"x": (0, 2, 3)}, r"lstm: x must be .* with at least one step, got shape \(0, 2, 3\)"),
        ({"x": (3, 2, 4)}, r"lstm: weight_ih must have shape \(16, 4\), got \(16, 3\)"),
        ({"h_0": (1, 4)}, r"lstm: h_0 must have shape \(2, 4\), got \(1, 4\)"),
        ({"h_0": ()}, r"lstm: h_0 must have shape \(2, 4\), got \(\)"),
        ({"c_0": (2, 3)}, r"lstm: c_0 must have shape \(2, 4\), got \(2, 3\)"),
        ({"c_0": (1, 2, 4)}, r"lstm: c_0 must have shape \(2, 4\), got \(1, 2, 4\)"),
        ({"weight_ih": (12, 3)}, r"lstm: weight_ih must have shape \(16, 3\), got \(12, 3\)"),
        ({"weight_hh": (12, 4)}, r"lstm: weight_hh must have shape \(4 hidden, hidden\), got \(12, 4\)"),
        ({"weight_hh": (16,)}, r"lstm: weight_hh must have shape \(4 hidden, hidden\), got \(16,\)"),
        ({"weight_hh": (0, 0)}, r"lstm: weight_hh must have shape \(4 hidden, hidden\), got \(0, 0\)"),
        ({"bias_ih": (4,)}, r"lstm: bias_ih must have shape \(16,\), got \(4,\)"),
        ({"bias_hh": (16, 1)}, r"lstm: bias_hh must have shape \(16,\), got \(16, 1\)"),
        ({"bias_hh": None}, "lstm: bias_ih and bias_hh go together"),
        ({"bias_ih": None}, "lstm: bias_ih and bias_hh go together"),
    ],
    ids=str,
)
def test_lstm_refuses(changed, message):
    sizes = dict(zip(NAMES, shapes(3, 2, 3, 4), strict=True)) | changed
    inputs = {name: None if size is None else mr.ones(size) for name, size in sizes.items()}
    with pytest.raises(ValueError, match=message):
        F.lstm(**inputs)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([1, 0], "lstm: lengths must be 1 .. 3, got 0 .. 1"),
        ([4, 1], "lstm: lengths must be 1 .. 3, got 1 .. 4"),
        ([1, -1], "lstm: lengths must be 1 .. 3, got -1 .. 1"),
        ([1], r"lstm: lengths must have shape \(2,\), got \(1,\)"),
        ([[1, 2]], r"lstm: lengths must have shape \(2,\), got \(1, 2\)"),
        (2, r"lstm: lengths must have shape \(2,\), got \(\)"),
    ],
)
def test_lengths_refused(lengths, message):
    with pytest.raises(ValueError, match=message):
        F.lstm(*tensors(*shapes(3, 2, 3, 4)), lengths=lengths)


def test_types_refused():
    inputs = tensors(*shapes(3, 2, 3, 4), dtype="float32")
    for kind in ([1.0, 2.0], [True, True]):
        with pytest.raises(TypeError, match=r"lstm: lengths must be integers, got (float32|bool)"):
            F.lstm(*inputs, lengths=kind)
    with pytest.raises(TypeError, match="lstm: needs float32 or float64, got int64"):
        F.lstm(mr.tensor(np.ones((3, 2, 3), int)), *inputs[1:])
    for i in range(1, 7):
        wrong = [x.double() if j == i else x for j, x in enumerate(inputs)]
        with pytest.raises(TypeError, match="lstm: operands have different dtypes, float32 and float64"):
            F.lstm(*wrong)
