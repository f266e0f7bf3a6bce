"""Flat vectors: parameters become views of one, steps go over it in blocks, and what is assigned is copied in."""

import tracemalloc
from copy import deepcopy

import numpy as np
import pytest
from helpers import BACKEND, device, host
from hypothesis import given
from hypothesis import strategies as st
from optim.plain import Plain, descend, plains, values
from optim.rules import MOVED, RULES, equal_states, model_and_loss, same, train

import minirad as mr
from minirad.optim import Optimizer

on_host = pytest.mark.skipif(BACKEND != "numpy", reason="a GPU takes the whole vector in one block")


# ---- one vector


def test_data_become_views_of_one_vector(rule):
    a, b = plains((2, 3), (4,))
    before = values([a, b])
    optimizer = rule([a, b])
    assert same([a, b], [Plain(x) for x in before])
    for _ in range(MOVED):
        optimizer.step()
    assert not same([a, b], [Plain(x) for x in before])
    theta = a.data.base[0]  # theta, g and the states are the rows of one array
    assert theta.shape == (10,)
    theta[...] = 7.0
    assert all((x == 7).all() for x in values([a, b]))


def test_a_tensor_sums_its_gradient_up_in_the_vector(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.parameters())
    loss(model).backward()
    gradients = [p.grad for p in model.parameters()]
    once = [host(g).copy() for g in gradients]
    loss(model).backward()
    for p, g, first in zip(model.parameters(), gradients, once, strict=True):
        assert p.grad is g  # in place, and so no copying at step()
        assert g.base.shape[1:] == (26,)  # a row, like theta
        assert host(g) == pytest.approx(2 * first, rel=1e-6)
    optimizer.step()


def test_parameters_need_not_be_contiguous(rule):
    a = Plain(np.arange(6.0).reshape(2, 3))
    a.data = a.data.T
    b = Plain(host(a.data).copy())
    descend(rule([a]), [a], MOVED)
    descend(rule([b]), [b], MOVED)
    assert a.data.shape == (3, 2)
    assert same([a], [b])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1, 1, 1)])
@pytest.mark.parametrize("block", [None, 2])
def test_odd_shapes(rule, shape, block):
    parameters = plains((2,), shape, (3,))
    descend(rule(parameters, block=block), parameters, MOVED)
    assert parameters[1].data.shape == shape
    alone = plains(shape)
    descend(rule(alone, block=block), alone, MOVED)
    assert alone[0].data.shape == shape


def test_arithmetic_with_a_single_number(rule):
    """NumPy makes scalars of arrays of shape (): they are taken too."""
    p = Plain(2.0)
    optimizer = rule([p])
    p.data = p.data * 2
    p.grad = p.data * 0.5
    for _ in range(MOVED):
        optimizer.step()
    assert isinstance(p.data, mr.backend.xp.ndarray)
    assert host(p.data) != 4


# ---- blocks


@pytest.mark.parametrize("name", RULES)
@given(st.integers(1, 70), st.integers(1, 80), st.sampled_from(["float32", "float64"]))
def test_blocks_of_any_size_give_the_same_bits(name, size, block, dtype):
    whole, cut = plains((size,), (7,), dtype=dtype), plains((size,), (7,), dtype=dtype)
    descend(RULES[name](whole, block=None), whole, MOVED)
    descend(RULES[name](cut, block=block), cut, MOVED)
    assert same(whole, cut)


class Watched(Optimizer):
    """Notes the length of each block."""

    states = ("m",)

    def __init__(self, params, block):
        self.seen = []
        super().__init__(params, {}, block=block)

    def update(self, theta, g, m, s):
        self.seen.append((len(theta), len(g), len(m), s.t))


def test_one_call_of_update_where_block_is_none():
    optimizer = Watched(plains((50_000,), (3, 4), ()), block=None)
    optimizer.step()
    optimizer.step()
    assert optimizer.seen == [(50_013,) * 3 + (1,), (50_013,) * 3 + (2,)]


@on_host
def test_blocks_cover_everything_once():
    optimizer = Watched(plains((5,), (2, 4), ()), block=6)
    optimizer.step()
    assert [n for n, *_ in optimizer.seen] == [6, 6, 2]


def test_a_gpu_takes_the_whole_vector_in_one_block(monkeypatch):
    monkeypatch.setattr("minirad.optim.optimizer.backend_name", lambda: "cupy")
    optimizer = Watched(plains((5,), (2, 4), ()), block=6)
    optimizer.step()
    assert [n for n, *_ in optimizer.seen] == [14]


@on_host
def test_a_step_needs_the_memory_of_a_few_blocks(saved_rule):
    block, itemsize = 1000, 8
    parameters = plains((100 * block,))
    optimizer = saved_rule(parameters, block=block)
    for _ in range(MOVED):
        optimizer.step()
    tracemalloc.start()
    try:
        optimizer.step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * block * itemsize  # one vector would be 100 blocks


# ---- assigning


def test_assigned_data_are_copied_in_at_the_next_step(rule):
    a, b = plains((2, 3), (4,)), plains((2, 3), (4,))
    ours, theirs = rule(a), rule(b)
    descend(ours, a, 2)
    descend(theirs, b, 2)
    home = a[0].data
    new = np.full((2, 3), 7.0)
    a[0].data = device(new)
    b[0].data[...] = device(new)
    mine = a[0].data
    descend(ours, a, MOVED)
    descend(theirs, b, MOVED)
    assert same(a, b)
    assert a[0].data is home
    assert (host(mine) == 7).all()  # the caller's array is left alone


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda x: device(np.zeros((3, 2))), r"float64 \(3, 2\)"),
        (lambda x: x.astype("float32"), r"float32 \(2, 3\)"),
        (lambda x: x.reshape(6), r"float64 \(6,\)"),
        (lambda x: [[1.0, 2.0, 3.0]] * 2, r"builtins\.list *\. Convert a model first"),
        (lambda x: mr.tensor(np.zeros((2, 3))), r"minirad.tensor.Tensor"),
    ],
    ids=["shape", "dtype", "flat", "list", "tensor"],
)
@pytest.mark.parametrize("what", ["data", "grad"])
def test_what_does_not_fit_any_more_raises_by_name(saved_rule, what, change, got):
    parameters = plains((4,), (2, 3))
    optimizer = saved_rule([("first", parameters[0]), ("second.weight", parameters[1])])
    descend(optimizer, parameters, 1)
    before, state = values(parameters), deepcopy(optimizer.state_dict())
    setattr(parameters[1], what, change(parameters[1].data))
    word = {"data": "data", "grad": "gradient"}[what]
    with pytest.raises(ValueError, match=rf"the {word} of parameter 'second.weight' must be float64 .*\(2, 3\).*{got}"):
        optimizer.step()
    assert np.array_equal(host(parameters[0].data), before[0])
    assert equal_states(optimizer.state_dict(), state)


@pytest.mark.skipif(BACKEND == "numpy", reason="NumPy has no other arrays beside")
def test_another_backend_raises_by_name(rule):
    [p] = plains((2,))
    optimizer = rule([p])
    p.data = host(p.data)
    with pytest.raises(ValueError, match=r"the data of parameter '0' must be float64 .*got numpy\.ndarray"):
        optimizer.step()
    with pytest.raises(TypeError, match="of the backend in use"):
        rule([p])


def test_a_converted_model_raises_by_name(rule):
    model, _ = model_and_loss()
    optimizer = rule(model.named_parameters())
    model.double()
    for p in model.parameters():
        p.grad = p.data.copy()
    with pytest.raises(ValueError, match=r"parameter '0.weight' must be float32 .* Convert a model first, then build"):
        optimizer.step()


def test_loading_a_model_does_not_move_its_parameters(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.parameters())
    saved = model.state_dict()
    homes = [p.data for p in model.parameters()]
    train(model, loss, optimizer, 3)
    model.load_state_dict(saved)
    assert all(p.data is home for p, home in zip(model.parameters(), homes, strict=True))
    assert all(np.array_equal(saved[name], host(p)) for name, p in model.named_parameters())


def test_swapped_data_and_gradients(rule):
    a, b = plains((3,), (3,))
    c, d = Plain(host(a.data)), Plain(host(b.data))
    optimizer, other = rule([a, b]), rule([c, d])
    a.grad = b.grad = c.grad = d.grad = None
    a.data, b.data = b.data, a.data
    c.data, d.data = device(host(d.data).copy()), device(host(c.data).copy())
    optimizer.step()
    other.step()
    assert same([a, b], [c, d])
    for p, q in ((a, c), (b, d)):
        p.grad, q.grad = device(np.arange(3.0)), device(np.arange(3.0) + (p is b))
    b.grad = device(np.arange(3.0) + 1)
    optimizer.step()
    other.step()
    a.grad, b.grad = b.grad, a.grad
    c.grad, d.grad = d.grad, c.grad
    optimizer.step()
    other.step()
    assert same([a, b], [c, d])


def test_swapped_gradients_of_tensors(rule):
    w, v = (mr.tensor([float(i), 1.0], requires_grad=True) for i in range(2))
    optimizer = rule([w, v])
    (w * 2 + v * 3).sum().backward()
    w.grad, v.grad = v.grad, w.grad
    optimizer.step()
    assert (host(w.grad) == 3).all()
    assert (host(v.grad) == 2).all()


def test_swaps_across_groups_and_dtypes(rule):
    a, b = (mr.tensor([float(i), 1.0], requires_grad=True) for i in range(2))
    optimizer = rule([{"params": [a]}, {"params": [b]}])
    (a * 2 + b * 3).sum().backward()
    a.grad, b.grad = b.grad, a.grad
    a.data, b.data = b.data, a.data
    c, d = (mr.tensor(x.tolist(), requires_grad=True) for x in (a, b))
    c.grad, d.grad = host(a.grad).copy(), host(b.grad).copy()
    c.grad, d.grad = device(c.grad), device(d.grad)
    other = rule([c, d])
    optimizer.step()
    other.step()
    assert (a.tolist(), b.tolist()) == (c.tolist(), d.tolist())
    assert (host(a.grad).tolist(), host(b.grad).tolist()) == ([3.0, 3.0], [2.0, 2.0])


def test_assigned_data_count_as_a_write(rule):
    w = mr.tensor([1.0, 2.0], requires_grad=True)
    optimizer = rule([w])
    loss = (w * w).sum()
    w.data = device(np.array([3.0, 4.0], "float32"))
    optimizer.step()  # no gradient: nothing moves, but what was assigned is copied in
    with pytest.raises(RuntimeError, match="changed afterwards"):
        loss.backward()


def test_nothing_is_copied_in_before_all_is_checked(rule):
    a, b = plains((3,), (3,))
    optimizer = rule([{"params": [a]}, {"params": [b]}])
    assigned = device(np.arange(3.0))
    a.data, b.data = assigned, device(np.arange(4.0))
    with pytest.raises(ValueError, match="the data of parameter '1' must be float64 of shape"):
        optimizer.step()
    assert a.data is assigned
