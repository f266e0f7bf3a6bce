"""Tensors from nothing."""

import numpy as np
import pytest
from helpers import host

import minirad as mr


@pytest.mark.parametrize("size", [(), (3,), (2, 0), (2, 3)], ids=str)
def test_shapes_and_values(size):
    for x, value in ((mr.zeros(size), 0), (mr.ones(*size), 1), (mr.full(size, 2.5), 2.5)):
        np.testing.assert_array_equal(host(x), np.full(size, value, "float32"), strict=True)
    for function in (mr.randn, mr.rand):
        assert function(size).shape == function(*size).shape == size


def test_dtypes_are_those_of_pytorch(torch):
    for ours, theirs in (
        (mr.zeros(2), torch.zeros(2)),
        (mr.ones(2, dtype="int64"), torch.ones(2, dtype=torch.int64)),
        (mr.full((2,), 3), torch.full((2,), 3)),
        (mr.full((2,), True), torch.full((2,), True)),
        (mr.full((2,), 0.1), torch.full((2,), 0.1)),
        (mr.arange(3), torch.arange(3)),
        (mr.arange(1, 4, 2), torch.arange(1, 4, 2)),
        (mr.arange(0, 1, 0.25), torch.arange(0, 1, 0.25)),
        (mr.arange(3.0), torch.arange(3.0)),
    ):
        np.testing.assert_array_equal(host(ours), theirs.numpy(), strict=True)


def test_leaves_may_require_a_gradient():
    for x in (mr.zeros(2, requires_grad=True), mr.randn(2, requires_grad=True), mr.full((2,), 1.0, requires_grad=True)):
        assert x.requires_grad
        assert x.grad is None


def test_the_seed_decides_the_draws():
    draws = []
    for _ in range(2):
        mr.manual_seed(5)
        draws.append((host(mr.randn(10)), host(mr.rand(10, dtype="float64"))))
    np.testing.assert_array_equal(draws[0][0], draws[1][0])
    np.testing.assert_array_equal(draws[0][1], draws[1][1])
    own = [host(mr.randn(10, generator=np.random.default_rng(1))) for _ in range(2)]
    np.testing.assert_array_equal(*own)


def test_distributions():
    x, u = host(mr.randn(100_000)), host(mr.rand(100_000))
    assert x.dtype == u.dtype == "float32"
    assert abs(x.mean()) < 0.02
    assert abs(x.std() - 1) < 0.02
    assert abs(u.mean() - 0.5) < 0.01
    assert u.min() >= 0
    assert u.max() < 1


def test_rand_never_reaches_one():
    class Edge:
        """Draws the largest numbers that the generator can draw."""

        def random(self, size, dtype="float64"):
            return np.full(size, np.nextafter(np.array(1, dtype), np.array(0, dtype)))

    assert host(mr.rand(3, generator=Edge())).max() < 1


@pytest.mark.parametrize("size", [(-1,), (2.0,), (True,), ("3",)], ids=str)
def test_sizes_refused(size):
    for name in ("zeros", "ones", "randn", "rand"):
        with pytest.raises(ValueError, match=f"{name}: size must be integers >= 0, got"):
            getattr(mr, name)(*size)


@pytest.mark.parametrize("dtype", ["float16", "complex64"])
def test_dtypes_refused(dtype):
    with pytest.raises(
        TypeError, match=f"tensor: dtype must be float32, float64, bool or an integer type, got {dtype}"
    ):
        mr.zeros(2, dtype=dtype)


def test_integers_require_no_gradient():
    with pytest.raises(TypeError, match="tensor: only float32 and float64 can require a gradient, got int64"):
        mr.zeros(2, dtype="int64", requires_grad=True)


def test_like_another():
    x = mr.tensor([[1.0, 2.0, 3.0]], dtype="float64")
    for made, value in ((mr.zeros_like(x), 0.0), (mr.ones_like(x), 1.0)):
        assert made.shape == x.shape
        assert made.dtype == x.dtype
        assert made.tolist() == [[value] * 3]
        assert not made.requires_grad
    assert mr.ones_like(x, dtype="float32", requires_grad=True).dtype == "float32"


def test_clone_is_a_copy_that_hands_the_gradient_on():
    x = mr.tensor([1.0, 2.0], requires_grad=True)
    copy = x.clone()
    (copy * mr.tensor([3.0, 4.0])).sum().backward()
    assert host(x.grad).tolist() == [3.0, 4.0]
    with mr.no_grad():
        x[0] = 9.0
    assert copy.tolist() == [1.0, 2.0]
