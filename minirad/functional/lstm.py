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
from minirad.functional.products import product, sum_of_rows
from minirad.memory import empty
from minirad.tensor import Tensor, as_tensor
from minirad.threads import in_parallel


def lstm(
    x: Any, h_0: Any, c_0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    lengths: Any = None, reverse: bool = False
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
        lengths: integers (n,): how many steps each sequence has, or None if all have all. What comes behind counts for
            nothing: h is 0 there, and the last c is that of the sequence's own last step.
        reverse: go through the sequences from their ends. h stands at the step whose x came last into it.

    Raises:
        TypeError: the dtypes differ, or lengths are no integers.
        ValueError: a shape does not fit, there is no step, or a length is not 1 .. steps.

    Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; Gers et al., "Learning to Forget", 2000.
    """
    parents = x, h_0, c_0, w_ih, w_hh, *biases = checked(x, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh)
    (steps, n, inputs), size = x.shape, w_hh.shape[1]
    lengths = None if lengths is None else checked_lengths("lstm", lengths, steps, n)
    inside: Any = None if lengths is None else xp.arange(steps)[:, None, None] < lengths[:, None]

    rows = turned(x.data, lengths, reverse)
    if inside is not None:
        rows = xp.where(inside, rows, 0)  # no infinity from there
    rows = rows.reshape(steps * n, inputs)
    bias = biases[0].data + biases[1].data if biases else None
    gates = product(rows, w_ih.data.T, bias).reshape(steps, n, 4 * size)
    hidden = empty((steps + 2, n, size), x.dtype)  # h_0, h_1, ..., and the last c
    cells = empty((steps + 1, n, size), x.dtype)
    squashed = empty((steps, n, size), x.dtype)  # tanh(c_t)
    hidden[0], cells[0] = h_0.data, c_0.data
    # s(z) = tanh(z / 2) / 2 + 1 / 2: one tanh serves all gates. g is not halved.
    scale = xp.repeat(xp.asarray([0.5, 0.5, 1, 0.5], x.dtype), size)
    shift = 1 - scale

    def forward(first: int, last: int) -> None:
        part = slice(first, last)
        from_h = xp.empty((last - first, 4 * size), x.dtype)
        for t in range(steps):
            a = gates[t, part]
            a += xp.matmul(hidden[t, part], w_hh.data.T, out=from_h)
            a *= scale
            xp.tanh(a, out=a)
            a *= scale
            a += shift
            i, f, g, o = a.reshape(last - first, 4, size).swapaxes(0, 1)
            c = xp.multiply(f, cells[t, part], out=cells[t + 1, part])
            c += i * g
            h = xp.multiply(o, xp.tanh(c, out=squashed[t, part]), out=hidden[t + 1, part])
            if inside is not None:
                h *= inside[t, part]

    work = gates.size * (size // 50 + 8)
    in_parallel(forward, n, work)
    hidden[-1] = cells[-1] if lengths is None else cells[lengths, xp.arange(n)]
    out = hidden[1:]
    if reverse:
        out = xp.concatenate([turned(out[:-1], lengths, reverse), out[-1:]])

    def vjp(g_out):
        g_h, g_last_c = turned(g_out[:-1], lengths, reverse), g_out[-1]
        if inside is not None:
            g_h = xp.where(inside, g_h, 0)
        g_z = empty(gates.shape, x.dtype)
        g_h0, g_c0 = xp.empty((2, n, size), x.dtype)
        floor = (2 * scale - 1).reshape(4, size)  # 1 for g, else 0

        def backward(first: int, last: int) -> None:
            part = slice(first, last)
            dh, dc = xp.zeros((2, last - first, size), x.dtype)
            for t in reversed(range(steps)):
                if lengths is not None:
                    dc += xp.where(lengths[part, None] == t + 1, g_last_c[part], 0)
                elif t == steps - 1:
                    dc += g_last_c[part]
                a, tanh_c = gates[t, part].reshape(last - first, 4, size), squashed[t, part]
                i, f, g, o = a.swapaxes(0, 1)
                dh += g_h[t, part]
                dc += dh * o * (1 - tanh_c * tanh_c)
                dz = g_z[t, part].reshape(last - first, 4, size)
                xp.multiply(dc, g, out=dz[:, 0])
                xp.multiply(dc, cells[t, part], out=dz[:, 1])
                xp.multiply(dc, i, out=dz[:, 2])
                xp.multiply(dh, tanh_c, out=dz[:, 3])
                dz *= a + floor  # the slope of the sigmoid a is a (1 - a), that of tanh (a + 1) (1 - a)
                dz *= 1 - a
                dc *= f
                if t or h_0.requires_grad:
                    xp.matmul(g_z[t, part], w_hh.data, out=dh)
            g_h0[part], g_c0[part] = dh, dc

        in_parallel(backward, n, 2 * work)
        g_rows = g_z.reshape(steps * n, 4 * size)
        g_x = g_ih = g_hh = g_bias = None
        if x.requires_grad:
            g_x = turned(product(g_rows, w_ih.data).reshape(x.shape), lengths, reverse)
        if w_ih.requires_grad:
            g_ih = product(g_rows.T, rows)
        if w_hh.requires_grad:
            g_hh = product(g_rows.T, hidden[:steps].reshape(steps * n, size))
        if any(bias.requires_grad for bias in biases):
            g_bias = sum_of_rows(g_rows)
        found = zip(parents, (g_x, g_h0, g_c0, g_ih, g_hh, g_bias, g_bias), strict=False)
        return tuple(gradient if parent.requires_grad else None for parent, gradient in found)

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
    x: Any, h_0: Any, c_0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any
) -> tuple[Tensor, ...]:
    """All of them as tensors, without biases that are None. Raises where something does not fit."""
    x = floating("lstm", x)
    if (bias_ih is None) != (bias_hh is None):
        raise ValueError("lstm: bias_ih and bias_hh go together")
    values = [h_0, c_0, weight_ih, weight_hh] + ([] if bias_ih is None else [bias_ih, bias_hh])
    tensors = [pair("lstm", x, value)[1] for value in values]
    if x.ndim != 3 or not x.shape[0]:
        raise ValueError(f"lstm: x must be (steps, n, inputs) with at least one step, got shape {x.shape}")
    (_, n, inputs), w_hh = x.shape, tensors[3]
    if w_hh.ndim != 2 or not w_hh.shape[1] or w_hh.shape[0] != 4 * w_hh.shape[1]:
        raise ValueError(f"lstm: weight_hh must have shape (4 hidden, hidden), got {w_hh.shape}")
    size = w_hh.shape[1]
    fitting = {"h_0": (n, size), "c_0": (n, size), "weight_ih": (4 * size, inputs), "weight_hh": w_hh.shape}
    fitting |= {"bias_ih": (4 * size,), "bias_hh": (4 * size,)}
    for (name, shape), tensor in zip(fitting.items(), tensors, strict=False):
        if tensor.shape != shape:
            raise ValueError(f"lstm: {name} must have shape {shape}, got {tensor.shape}")
    return (x, *tensors)


def checked_lengths(function: str, lengths: Any, steps: int, n: int) -> Array:
    """The lengths of n sequences of at most so many steps as an array."""
    array = as_tensor(lengths).data
    if array.dtype.kind not in "iu":
        raise TypeError(f"{function}: lengths must be integers, got {array.dtype}")
    if array.shape != (n,):
        raise ValueError(f"{function}: lengths must have shape ({n},), got {array.shape}")
    if n and (array.min() < 1 or array.max() > steps):
        raise ValueError(f"{function}: lengths must be 1 .. {steps}, got {array.min()} .. {array.max()}")
    return array.astype(xp.int64)  # unsigned ones would not go below 0
