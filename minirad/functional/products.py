"""Products of large matrices on all cores."""

from __future__ import annotations

from minirad.backend import Array, backend_name, xp
from minirad.memory import empty
from minirad.threads import in_parallel


def product(a: Array, b: Array) -> Array:
    """a @ b, (n, k) @ (k, m) -> (n, m). Our threads share the rows.

    The linear algebra's own threads would be as fast, but go on spinning for milliseconds, beside ours that come next.
    """
    if backend_name() == "cupy":
        return a @ b
    out = empty((len(a), b.shape[1]), a.dtype)
    in_parallel(lambda first, last: xp.matmul(a[first:last], b, out=out[first:last]), len(a), a.size * b.shape[1] // 50)
    return out
