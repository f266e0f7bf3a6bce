"""How many threads the linear algebra uses."""

import sys
from types import SimpleNamespace

import pytest

import minirad as mr


def blas_threads():
    from threadpoolctl import threadpool_info

    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_num_threads():
    pytest.importorskip("threadpoolctl", reason="needs threadpoolctl")
    before = mr.get_num_threads()
    try:
        for n in (1, 2, 1):
            mr.set_num_threads(n)
            assert blas_threads() == {n}
            assert mr.get_num_threads() == n
    finally:
        mr.set_num_threads(before)


def test_num_threads_are_those_of_the_linear_algebra(monkeypatch):
    pools = [{"user_api": "blas", "num_threads": 2}, {"user_api": "openmp", "num_threads": 8}]  # scikit-learn's, say
    monkeypatch.setitem(sys.modules, "threadpoolctl", SimpleNamespace(threadpool_info=lambda: pools))
    assert mr.get_num_threads() == 2


@pytest.mark.parametrize("n", [0, -1, 1.0, "2", None, True])
def test_bad_num_threads(n):
    with pytest.raises(ValueError, match="set_num_threads: n must be an integer >= 1, got "):
        mr.set_num_threads(n)


def test_num_threads_without_threadpoolctl(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(ImportError, match="pip install threadpoolctl"):
        mr.set_num_threads(1)
    with pytest.raises(ImportError, match="pip install threadpoolctl"):
        mr.get_num_threads()
