"""Clipping gradients, also against PyTorch."""

from math import inf, nan, sqrt

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st
from optim.plain import Plain, plains

import minirad as mr
from minirad.nn.utils import clip_grad_norm_, clip_grad_value_


def gradients(parameters):
    return [None if p.grad is None else host(p.grad).copy() for p in parameters]


def test_a_long_gradient_is_shortened():
    a, b = Plain([1.0, 1.0], [3.0, 0.0]), Plain(0.0, 4.0)
    norm = clip_grad_norm_([a, b], 1.0)
    assert isinstance(norm, mr.Tensor)
    assert norm.item() == 5
    assert host(a.grad) == pytest.approx([0.6, 0], rel=1e-6)
    assert host(b.grad) == pytest.approx(0.8, rel=1e-6)


def test_a_short_gradient_stays_as_it_is():
    parameters = plains((3, 2), (4,))
    before = gradients(parameters)
    clip_grad_norm_(parameters, 100.0)
    assert all(np.array_equal(x, y) for x, y in zip(before, gradients(parameters), strict=True))


@given(st.sampled_from([0.5, 1.0, 2.0, 3.0, inf]), st.floats(1e-3, 1e3), st.integers(0, 99))
def test_the_norm_is_at_most_what_it_may_be_and_the_direction_stays(norm_type, max_norm, seed):
    parameters = plains((3, 2), (), (4,), seed=seed)
    before = np.concatenate([g.ravel() for g in gradients(parameters)])
    norm = clip_grad_norm_(parameters, max_norm, norm_type).item()
    after = np.concatenate([g.ravel() for g in gradients(parameters)])
    assert norm == pytest.approx(np.linalg.norm(before, norm_type), rel=1e-9)
    assert np.linalg.norm(after, norm_type) == pytest.approx(min(norm, max_norm), rel=1e-2)
    assert np.linalg.norm(after, norm_type) <= max_norm * (1 + 1e-9)
    assert after == pytest.approx(before * (np.linalg.norm(after) / np.linalg.norm(before)), rel=1e-9)


def test_the_optimizer_steps_with_what_is_left():
    w = mr.tensor([3.0, 4.0], requires_grad=True)
    optimizer = mr.optim.SGD([w], lr=1.0)
    (w * w * 0.5).sum().backward()
    home = w.grad
    clip_grad_norm_([w], 1.0)
    assert w.grad is home
    optimizer.step()
    assert w.tolist() == pytest.approx([3 - 0.6, 4 - 0.8], rel=1e-6)


def test_one_parameter_none_at_all_and_those_without_gradient():
    p = Plain([3.0, 4.0], [3.0, 4.0])
    assert clip_grad_norm_(p, 10.0).item() == 5
    assert clip_grad_norm_([], 1.0).item() == 0
    assert clip_grad_norm_([Plain(1.0), Plain([], [])], 1.0).item() == 0
    assert clip_grad_norm_([Plain(1.0), p, p], 1.0).item() == 5  # given twice, it counts once
    clip_grad_value_(iter([Plain(1.0), p]), 0.5)
    assert host(p.grad).tolist() == [0.5, 0.5]


def test_both_dtypes_at_once():
    single, double = Plain([3.0], [3.0], "float32"), Plain([4.0], [4.0])
    assert clip_grad_norm_([single, double], 1.0).item() == 5
    assert (str(single.grad.dtype), str(double.grad.dtype)) == ("float32", "float64")
    assert host(single.grad) == pytest.approx([0.6], rel=1e-6)


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_a_norm_that_is_not_finite(bad):
    p = Plain([1.0, 2.0], [bad, 2.0])
    with pytest.raises(
        RuntimeError, match=r"clip_grad_norm_: the gradients' norm is (nan|inf), so they can't be clipped"
    ):
        clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    assert host(p.grad)[1] == 2
    with np.errstate(all="ignore"):
        clip_grad_norm_([p], 1.0)
    assert not np.isfinite(host(p.grad)[0])


def test_values_are_cut():
    p = Plain([0.0] * 5, [-3.0, -0.5, 0.0, 0.5, inf])
    clip_grad_value_([p], 1)
    assert host(p.grad).tolist() == [-1, -0.5, 0, 0.5, 1]


@pytest.mark.parametrize("value", [0, -1.0, nan, "1", True, None])
def test_bad_limits_change_nothing(value):
    p = Plain([1.0], [5.0])
    with pytest.raises(ValueError, match="clip_grad_norm_: max_norm must be a positive number, got"):
        clip_grad_norm_([p], value)
    with pytest.raises(ValueError, match="clip_grad_norm_: norm_type must be a positive number, got"):
        clip_grad_norm_([p], 1.0, value)
    with pytest.raises(ValueError, match="clip_grad_value_: clip_value must be a positive number, got"):
        clip_grad_value_([p], value)
    assert host(p.grad) == 5


def test_limits_may_be_numbers_of_numpy():
    """And a float32 gradient stays one."""
    for limit in (np.float32(0.5), np.float64(0.5), np.int64(1)):
        p, q = Plain([3.0, 4.0], [3.0, 4.0], "float32"), Plain([3.0, 4.0], [3.0, 4.0], "float32")
        clip_grad_norm_([p], limit, np.float64(2))
        clip_grad_value_([q], limit)
        assert p.grad.dtype == q.grad.dtype == "float32"
        assert np.linalg.norm(host(p.grad)) == pytest.approx(float(limit), rel=1e-5)
        assert host(q.grad).tolist() == [limit, limit]


def test_what_are_no_parameters():
    with pytest.raises(TypeError, match=r"clip_grad_norm_: parameters must have \.grad, got (ndarray|float)"):
        clip_grad_norm_([1.0], 1.0)
    with pytest.raises(TypeError, match=r"clip_grad_value_: parameters must have \.grad, got"):
        clip_grad_value_([device([1.0])], 1.0)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_as_pytorch(torch, norm_type, dtype):
    for max_norm in (0.1, 1.0, 3.0, 50.0):
        ours = plains((3, 4), (), (5,), dtype=dtype)
        theirs = [torch.nn.Parameter(torch.from_numpy(np.array(host(p.data)))) for p in ours]
        for p, q in zip(ours, theirs, strict=True):
            q.grad = torch.from_numpy(np.array(host(p.grad)))
        norm = clip_grad_norm_(ours, max_norm, norm_type)
        expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
        rel = 1e-12 if dtype == "float64" else 1e-6
        assert norm.item() == pytest.approx(expected.item(), rel=rel)
        for p, q in zip(ours, theirs, strict=True):
            assert host(p.grad) == pytest.approx(q.grad.numpy(), rel=rel)
        clip_grad_value_(ours, 0.2)
        torch.nn.utils.clip_grad_value_(theirs, 0.2)
        for p, q in zip(ours, theirs, strict=True):
            assert host(p.grad) == pytest.approx(q.grad.numpy(), rel=rel)


def test_the_length_of_a_vector_of_ones():
    p = Plain(np.zeros((30, 30)), np.ones((30, 30)))
    assert clip_grad_norm_([p], 1.0).item() == pytest.approx(30)
    assert np.linalg.norm(host(p.grad)) == pytest.approx(1, rel=1e-6)
    assert sqrt((host(p.grad) ** 2).sum()) <= 1
