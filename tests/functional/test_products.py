"""Products and sums that threads share, against NumPy's own."""

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st

import minirad as mr
from minirad import threads
from minirad.functional import products
from minirad.functional.by_rows import by_rows
from minirad.functional.products import product, sum_of_rows


@pytest.fixture
def two_threads():
    pytest.importorskip("threadpoolctl", reason="needs threadpoolctl")
    before = mr.get_num_threads() or 1
    mr.set_num_threads(2)
    yield
    mr.set_num_threads(before)


def numbers(*shape, dtype="float64"):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@given(st.tuples(*[st.integers(0, 4)] * 3), st.booleans(), st.booleans())
def test_product(sizes, turned, biased):
    n, k, m = sizes
    a, b = numbers(n, k), numbers(k, m)
    bias = numbers(m) if biased else None
    ours = [device(a.T.copy()).T, device(b.T.copy()).T] if turned else [device(a), device(b)]
    out = product(*ours, None if bias is None else device(bias))
    np.testing.assert_allclose(host(out), a @ b + (0 if bias is None else bias), rtol=1e-12, atol=1e-12, strict=True)


@given(st.integers(0, 4), st.integers(0, 4))
def test_sum_of_rows(n, m):
    a = numbers(n, m)
    np.testing.assert_allclose(host(sum_of_rows(device(a))), a.sum(0), rtol=1e-12, atol=1e-12, strict=True)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_ones(two_threads, dtype, turned):
    """Shared by two threads: the same bits each time, and another result than on one thread by roundings only."""
    a, b, bias = (numbers(*shape, dtype=dtype) for shape in ((301, 200), (200, 403), (403,)))
    ours = [device(array.T.copy()).T if turned else device(array) for array in (a, b)]
    assert a.size * b.shape[1] > products.SMALL
    out = host(product(*ours, device(bias)))
    near = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(out, a @ b + bias, **near, strict=True)
    np.testing.assert_array_equal(host(product(*ours, device(bias))), out)
    mr.set_num_threads(1)
    np.testing.assert_allclose(host(product(*ours, device(bias))), out, **near)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shape", [(100, 100), (4 * threads.SMALL // 301 + 1, 301)], ids=["one thread", "two"])
def test_large_sums(two_threads, shape, turned):
    a = numbers(*shape)
    assert a.size > products.TINY
    ours = device(a.T.copy()).T if turned else device(a)
    np.testing.assert_allclose(host(sum_of_rows(ours)), a.sum(0), rtol=1e-10, atol=1e-10, strict=True)
    np.testing.assert_array_equal(host(sum_of_rows(ours)), host(sum_of_rows(ours)))


@pytest.mark.parametrize("shape", [(0, 3), (4, 3), (1000, 700), (3, 200_000), (400_000, 1)])
def test_by_rows_covers_each_row_once(two_threads, shape):
    counts = np.zeros(shape[0], int)

    def work(part):
        counts[part] += 1  # each thread has rows of its own

    by_rows(work, *shape)
    assert (counts == 1).all()
