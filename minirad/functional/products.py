"""Products and sums of large matrices on all cores.

The linear algebra's own threads would be as fast, but go on spinning for milliseconds, beside ours that come next. So
it gets what it does on one thread anyway, and what is larger is shared out here.
"""

from __future__ import annotations

from minirad.backend import Array, xp
from minirad.memory import empty
from minirad.threads import alone, in_parallel

TINY, SMALL = 9_000, 262_144  # multiplications with a vector, and a matrix, up to which OpenBLAS uses one thread


def product(a: Array, b: Array, bias: Array | None = None) -> Array:
    """a @ b + bias, (n, k) @ (k, m) -> (n, m). Our threads share the rows."""
    if a.size * b.shape[1] <= SMALL or alone():
        small = a @ b
        return small if bias is None else xp.add(small, bias, out=small)
    out = empty((len(a), b.shape[1]), a.dtype)

    def work(first: int, last: int) -> None:
        rows = xp.matmul(a[first:last], b, out=out[first:last])
        if bias is not None:
            rows += bias

    in_parallel(work, len(a), a.size * b.shape[1] // 50 + out.size)
    return out


def sum_of_rows(a: Array) -> Array:
    """a.sum(axis=0) of a (n, m). A product with ones is 15 times as fast; our threads share the columns."""
    if a.size <= TINY:
        return a.sum(axis=0)
    ones = xp.ones((1, len(a)), a.dtype)
    return xp.concatenate(in_parallel(lambda first, last: (ones @ a[:, first:last])[0], a.shape[1], a.size // 4))
