"""The LSTM layer of Hochreiter and Schmidhuber (with the forget gate of Gers et al.) over whole sequences, in one op.

What does not depend on the step before is done for all steps at once: the products with the inputs on the way there,
and on the way back all gradients of the weights. In the loop over the steps remain one product with the weights
of the hidden state and a few lines on arrays that stay in the cache. Threads share the sequences of a batch: each goes
through all steps of its own.
"""

from __future__ import annotations

from typing import Any

from minirad.backend import Array, xp
from minirad.functional.arithmetic import floating, pair
from minirad.functional.products import product
from minirad.memory import empty
from minirad.tensor import Tensor
from minirad.threads import in_parallel


def lstm(
    x: Any, h_0: Any, c_0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    lengths: Array = None, reverse: bool = False
) -> Tensor:  # fmt: skip
    """h_t of every step, and the last c in one more row: (steps + 1, n, hidden).

    With z = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh, cut into four, and s the sigmoid:

        i = s(z_i)    f = s(z_f)    g = tanh(z_g)    o = s(z_o)
        c_t = f c_{t-1} + i g
        h_t = o tanh(c_t)

    Args:
        x: (steps, n, inputs).
        h_0, c_0: (n, hidden).
        weight_ih, weight_hh: (4 hidden, inputs) and (4 hidden, hidden), the gates in the order i, f, g, o.
        bias_ih, bias_hh: (4 hidden,) each, or None for both.
        lengths: an integer array (n,): how many steps each sequence has, or None if all have all. What comes behind
            counts for nothing: h is 0 there, and the last c is that of the sequence's own last step.
        reverse: go through the sequences from their ends. h stands at the step whose x came last into it.
    """
    x, h_0, c_0, w_ih, w_hh, *biases = parents = checked(x, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh, lengths)
    (steps, n, inputs), size = x.shape, h_0.shape[1]
    inside = None if lengths is None else xp.arange(steps)[:, None, None] < lengths[:, None]

    # s(z) = tanh(z / 2) / 2 + 1 / 2: one tanh serves all gates. Halving is exact.
    scale = xp.repeat(xp.asarray([0.5, 0.5, 1, 0.5], x.dtype), size)
    shift = 1 - scale  # 0 for g
    rows = turned(x.data, lengths, reverse).reshape(steps * n, inputs)
    gates = product(rows, (w_ih.data * scale[:, None]).T).reshape(steps, n, 4 * size)
    if biases:
        gates += (biases[0].data + biases[1].data) * scale
    recurrent = (w_hh.data * scale[:, None]).T
    hidden = empty((steps + 2, n, size), x.dtype)  # h_0, h_1, ..., and the last c
    cells = empty((steps + 1, n, size), x.dtype)
    squashed = empty((steps, n, size), x.dtype)  # tanh(c_t)
    hidden[0], cells[0] = h_0.data, c_0.data

    def forward(first: int, last: int) -> None:
        part = slice(first, last)
        from_h = xp.empty((last - first, 4 * size), x.dtype)
        for t in range(steps):
            a = gates[t, part]
            a += xp.matmul(hidden[t, part], recurrent, out=from_h)
            xp.tanh(a, out=a)
            a *= scale
            a += shift
            i, f, g, o = a.reshape(-1, 4, size).swapaxes(0, 1)
            c = xp.multiply(f, cells[t, part], out=cells[t + 1, part])
            c += i * g
            h = xp.multiply(o, xp.tanh(c, out=squashed[t, part]), out=hidden[t + 1, part])
            if inside is not None:
                h *= inside[t, part]

    work = steps * n * size * 4
    in_parallel(forward, n, work * (size // 50 + 8))
    hidden[-1] = cells[-1] if lengths is None else cells[lengths, xp.arange(n)]
    out = hidden[1:]
    if reverse:
        out = xp.concatenate([turned(out[:-1], lengths, reverse), out[-1:]])

    def vjp(g_out):
        g_h = turned(g_out[:-1], lengths, reverse)
        if inside is not None:
            g_h = g_h * inside
        g_z = empty(gates.shape, x.dtype)
        g_h0, g_c0 = empty((n, size), x.dtype), empty((n, size), x.dtype)

        def backward(first: int, last: int) -> None:
            part = slice(first, last)
            dh, dc = xp.zeros((2, last - first, size), x.dtype)
            if lengths is None:
                dc += g_out[-1, part]
            for t in reversed(range(steps)):
                if lengths is not None:  # the sequences that end here
                    dc += xp.where(lengths[part, None] == t + 1, g_out[-1, part], 0)
                a, tanh_c = gates[t, part].reshape(-1, 4, size), squashed[t, part]
                i, f, g, o = a.swapaxes(0, 1)
                dh += g_h[t, part]
                dc += dh * o * (1 - tanh_c * tanh_c)
                dz = g_z[t, part].reshape(-1, 4, size)
                xp.multiply(dc, g, out=dz[:, 0])
                xp.multiply(dc, cells[t, part], out=dz[:, 1])
                xp.multiply(dc, i, out=dz[:, 2])
                xp.multiply(dh, tanh_c, out=dz[:, 3])
                dz *= a + floor  # the slope of the sigmoid a is a (1 - a), that of tanh (a + 1) (1 - a)
                dz *= 1 - a
                dc *= f
                xp.matmul(g_z[t, part], w_hh.data, out=dh)
            g_h0[part], g_c0[part] = dh, dc

        floor = (2 * scale - 1).reshape(4, size)  # 1 for g
        in_parallel(backward, n, work * (size // 50 + 16))
        g_rows = g_z.reshape(steps * n, 4 * size)
        g_x = turned(product(g_rows, w_ih.data).reshape(x.shape), lengths, reverse) if x.requires_grad else None
        g_ih = product(g_rows.T, rows) if w_ih.requires_grad else None
        g_hh = product(g_rows.T, hidden[:steps].reshape(steps * n, size)) if w_hh.requires_grad else None
        g_bias = (xp.ones((1, steps * n), x.dtype) @ g_rows)[0]
        return (g_x, g_h0, g_c0, g_ih, g_hh, *([g_bias] * len(biases)))

    return Tensor(out, parents, vjp)


def turned(array: Array, lengths: Array, reverse: bool) -> Array:
    """(steps, n, ...) with each sequence backwards, if it is to be: what is behind its end stays there."""
    if not reverse:
        return array
    if lengths is None:
        return array[::-1]
    t = xp.arange(len(array))[:, None]
    index = xp.where(t < lengths, lengths - 1 - t, t)
    return xp.take_along_axis(array, index[:, :, None], axis=0)


def checked(
    x: Any, h_0: Any, c_0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, lengths: Array
) -> tuple[Tensor, ...]:
    """All of them as tensors. Raises where something does not fit."""
    x = floating("lstm", x)
    named = [("h_0", h_0), ("c_0", c_0), ("weight_ih", weight_ih), ("weight_hh", weight_hh)]
    if (bias_ih is None) != (bias_hh is None):
        raise ValueError("lstm: bias_ih and bias_hh go together")
    named += [] if bias_ih is None else [("bias_ih", bias_ih), ("bias_hh", bias_hh)]
    tensors = [pair("lstm", x, value)[1] for _, value in named]
    if x.ndim != 3 or not x.shape[0]:
        raise ValueError(f"lstm: x must be (steps, n, inputs) with at least one step, got shape {x.shape}")
    (steps, n, inputs), size = x.shape, tensors[0].shape[-1] if tensors[0].ndim else 0
    fitting = [(n, size), (n, size), (4 * size, inputs), (4 * size, size), (4 * size,), (4 * size,)]
    for (name, _), tensor, shape in zip(named, tensors, fitting, strict=False):
        if tensor.shape != shape:
            raise ValueError(f"lstm: {name} must have shape {shape}, got {tensor.shape}")
    if lengths is not None:
        if lengths.shape != (n,) or lengths.dtype.kind not in "iu":
            raise ValueError(f"lstm: lengths must be integers of shape ({n},), got {lengths.dtype} {lengths.shape}")
        if n and (lengths.min() < 1 or lengths.max() > steps):
            raise ValueError(f"lstm: lengths must be 1 .. {steps}, got {lengths.min()} .. {lengths.max()}")
    return (x, *tensors)
