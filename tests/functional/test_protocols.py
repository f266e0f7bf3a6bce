"""What Python asks of a tensor: numbers, truth, iteration, printing, copies, x += y."""

import copy
import operator
import pickle
import sys
from itertools import count

import numpy as np
import pytest
from helpers import host

import minirad as mr


def leaf(*data):
    return mr.tensor(list(data), requires_grad=True)


def test_as_a_number():
    x = leaf(2.5)
    assert (float(x), int(x), f"{x:.2f}") == (2.5, 2, "2.50")
    n = mr.tensor(2)
    assert "abc"[n] == "c"
    assert list(range(n)) == [0, 1]
    assert f"{n:03d}" == "002"
    with pytest.raises(TypeError):
        operator.index(x)
    with pytest.raises(ValueError, match="item: needs a tensor with one element"):
        f"{mr.ones(2):.1f}"


def test_truth_values():
    assert mr.tensor([[1.0]])
    assert not mr.tensor(0)
    assert mr.tensor(2.0) > 1
    for x in (mr.ones(2), mr.ones(0)):
        with pytest.raises(ValueError, match=r"the truth value of a tensor of shape \(.,\) is ambiguous: .*where"):
            bool(x)


def test_len_and_iteration_of_a_single_number():
    with pytest.raises(TypeError, match=r"len\(\) of a tensor of shape \(\)"):
        len(mr.tensor(1.0))
    with pytest.raises(TypeError, match=r"len\(\) of a tensor of shape \(\)"):
        iter(mr.tensor(1.0))


def test_iteration_gives_rows_with_gradients():
    x = mr.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    (first * 2 + second * 3).sum().backward()
    assert host(x.grad).tolist() == [[2, 2], [3, 3]]
    assert len(x) == len(list(x)) == 2


def test_numpy_takes_tensors():
    x = mr.tensor([1.0, 2.0])
    np.testing.assert_array_equal(np.asarray(x), np.array([1, 2], "float32"), strict=True)
    np.testing.assert_array_equal(np.asarray(x, dtype="float64"), np.array([1.0, 2.0]), strict=True)
    taken = np.array(x)
    taken[0] = 5
    assert host(x).tolist() == [1, 2]


# ---- printing


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: mr.tensor(1.5), "tensor(1.5)"),
        (lambda: mr.tensor([1, 2]), "tensor([1, 2])"),
        (lambda: mr.tensor([True]), "tensor([ True])"),
        (lambda: mr.tensor([1.0], dtype="float64"), "tensor([1.], dtype=float64)"),
        (lambda: mr.tensor([1], dtype="int32"), "tensor([1], dtype=int32)"),
        (lambda: leaf(1.0), "tensor([1.], requires_grad=True)"),
        (lambda: leaf(1.0).exp() * 0, "tensor([0.], op=mul)"),
        (lambda: mr.maximum(leaf(1.0), 0), "tensor([1.], op=maximum)"),
        (lambda: leaf(1.0, 2.0).max(), "tensor(2., op=max)"),
        (lambda: leaf(1.0, 2.0).min(0).values, "tensor(1., op=min)"),
        (lambda: leaf(1.0)[0].max(0).values, "tensor(1., op=max)"),
        (lambda: leaf(4.0).std(correction=0) * 0 + leaf(1.0)[0], "tensor(1., op=add)"),
        (lambda: mr.nn.Parameter([[1.0], [2.0]]), "parameter([[1.],\n           [2.]], requires_grad=True)"),
        (lambda: mr.zeros(0, 3), "tensor([], shape=(0, 3))"),
    ],
)
def test_repr(make, text):
    assert repr(make()) == text


def test_repr_after_backward():
    y = leaf(1.0) * 2
    y.backward()
    assert repr(y) == "tensor([2.], used by backward())"


def test_repr_of_a_large_tensor_is_short():
    assert len(repr(mr.zeros(1000, 1000))) < 1000


# ---- copies


@pytest.mark.parametrize("how", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies(how):
    x = mr.nn.Parameter([1.0, 2.0])
    (x * x).sum().backward()
    with mr.no_grad():
        x += 1.0
    y = how(x)
    assert (type(y), y.requires_grad) == (mr.nn.Parameter, True)
    np.testing.assert_array_equal(host(y), host(x))
    np.testing.assert_array_equal(host(y.grad), host(x.grad))
    y.grad = None
    (y * 3).sum().backward()
    assert host(y.grad).tolist() == [3, 3]
    assert host(x.grad).tolist() == [2, 4]


def test_deepcopy_unshares():
    x = mr.tensor([1.0])
    y, again = copy.deepcopy([x, x])
    assert y is again
    y += 1.0
    assert x.item() == 1


def test_a_pickled_leaf_works_in_a_young_process(monkeypatch):
    x = leaf(2.0)
    for _ in range(100):
        with mr.no_grad():
            x += 1.0
    pickled = pickle.dumps(x)
    monkeypatch.setattr(sys.modules["minirad.tensor"], "_clock", count(1))
    y = pickle.loads(pickled)
    (y * y).sum().backward()
    assert host(y.grad).tolist() == [204]


def test_the_result_of_an_op_is_not_copied():
    with pytest.raises(TypeError, match=r"copy: this tensor is the result of a recorded op; copy x.detach\(\) instead"):
        copy.deepcopy(leaf(1.0) * 2)


# ---- x += y


def test_in_place_changes_the_array_of_a_constant():
    x = mr.tensor([1.0, 2.0])
    same, array = x, x.data
    x += 1.0
    x *= mr.tensor([2.0, 3.0])
    x -= [1.0, 1.0]
    x /= 3
    assert x is same
    assert x.data is array
    np.testing.assert_allclose(host(x), [1, 8 / 3], rtol=1e-6)


def test_in_place_on_a_leaf():
    x = leaf(1.0, 2.0)
    with pytest.raises(TypeError, match=r"x \+= y: the tape records no writes"):
        x -= 0.1
    with mr.no_grad():
        x -= 0.5
    assert x.requires_grad
    assert host(x).tolist() == [0.5, 1.5]


def test_a_sum_of_losses():
    x = leaf(2.0)
    total = mr.tensor([0.0])
    zero = total
    for _ in range(3):
        total += x * x
    total.backward()
    assert host(x.grad).tolist() == [12]
    assert zero.item() == 0


def test_in_place_results_that_do_not_fit():
    x, n = mr.zeros(2), mr.tensor([1, 2])
    with pytest.raises(ValueError, match=r"x \+= y: float32 of shape \(2,\) cannot hold a result of float32, \(3, 2\)"):
        x += mr.zeros(3, 2)
    with pytest.raises(ValueError, match=r"int64 of shape \(2,\) cannot hold a result of float32, \(2,\)"):
        n /= 2
    assert host(n).tolist() == [1, 2]


def test_names_that_a_pytorch_user_tries():
    x = mr.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert x.size() == (2, 3)
    assert x.size(-1) == 3
    assert x.view(3, -1).tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert x.requires_grad_() is x
    assert x.requires_grad
    assert not x.requires_grad_(False).requires_grad
    with pytest.raises(TypeError, match="requires_grad_: needs a leaf"):
        (x.requires_grad_() * 2).requires_grad_(False)
    with pytest.raises(TypeError, match="int64"):
        mr.arange(3).requires_grad_()
