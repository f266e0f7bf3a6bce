"""Checkers of chapter 4, a tensor that remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minirad as mr
from minirad.exercises.checking import close, exercise, expect, mistake
from minirad.exercises.helpers import leaf


@exercise("4.1")
def a_new_operation(softplus: Any) -> None:
    """An operation must know the loss, or what comes after it."""
    x = leaf([[-2.0, 0.0], [0.5, 3.0]])
    y = softplus(x)
    expect(isinstance(y, mr.Tensor), f"return a Tensor, not {type(y).__name__}.")
    expect(close(y.data, np.log1p(np.exp(x.data))), "the values are not log(1 + e^x).")
    expect(y.vjp is not None, "nothing is recorded: give the Tensor its parents and its vjp.")
    g, slope = np.array([[1.0, 2.0], [3.0, -4.0]]), 1 / (1 + np.exp(-x.data))
    got = y.vjp(g)
    expect(isinstance(got, tuple) and len(got) == 1, "the vjp returns a tuple with one gradient for each parent.")
    mistake(got[0], slope, g * slope, "the vjp ignores g. What comes after this operation is known to g alone.")
    expect(close(got[0], g * slope), "the vjp is wrong: g times the derivative e^x / (1 + e^x).")
    mr.gradcheck(lambda x: softplus(softplus(x) * x).tanh(), x)  # in a chain, with fan-out
    expect(softplus(mr.tensor([1.0])).vjp is None, "a constant must leave nothing on the tape.")


@exercise("4.2")
def undo_broadcasting(unbroadcast: Any) -> None:
    """A gradient of the wrong shape may be averaged, or cut to size."""
    rng = np.random.default_rng(42)
    cases: Any = [((4, 3), (3,)), ((4, 3), (4, 1)), ((4, 3), ()), ((2, 4, 3), (4, 1)), ((3,), (3,)), ((5, 1), (1, 1))]
    for big, small in cases:
        g, x, case = rng.standard_normal(big), leaf(np.zeros(small)), f"from {big} to {small}"
        (x + mr.zeros(*big, dtype="float64")).backward(g)
        got, wanted = unbroadcast(g.copy(), small), x.grad
        expect(np.shape(got) == small, f"{case}: got the shape {np.shape(got)}.")
        users = "each copy of an element is a user of it, and the gradients of users add up"
        mistake(got, wanted * (wanted.size / g.size), wanted, f"{case}: this is a mean. But {users}.")
        mistake(got, g.flat[: max(1, wanted.size)].reshape(small), wanted, f"{case}: cut to size. But {users}.")
        expect(close(got, wanted), f"{case}: got {got}, wanted {wanted}.")


class _Node:
    """A number of section 4.4 without a clock."""

    def __init__(self, *parents: _Node) -> None:
        self.parents = parents


@exercise("4.3")
def an_order_without_a_clock(by_counting: Any) -> None:
    """Nearest to the loss first is good enough."""
    rng, x = np.random.default_rng(43), _Node()
    s = _Node(x, x)
    far = _Node(_Node(_Node(s)), s)  # s is near the root, and far from it too
    graph = [_Node() for _ in range(5)]
    for _ in range(120):
        i, j = rng.integers(max(0, len(graph) - 12), len(graph), size=2)
        graph.append(_Node(graph[i], graph[j]))
    long = x
    for _ in range(20):
        long = _Node(long, long)
    for root in (_Node(s, _Node(s, s)), far, graph[-1], long):
        nodes, todo = {root}, [root]
        while todo:
            new = [parent for parent in todo.pop().parents if parent not in nodes]
            nodes.update(new)
            todo += new
        order = list(by_counting(root))
        expect(len(order) == len(nodes) and set(order) == nodes, "each node must be there exactly once.")
        place = {node: i for i, node in enumerate(order)}
        early = [node for node in nodes for parent in node.parents if place[parent] < place[node]]
        waits = "It must wait until the last of its uses is counted, however near to the root it is"
        expect(not early, f"a node came before one of its users. {waits}.")


@exercise("4.4", none=True)
def a_batch_in_pieces(gradient_in_pieces: Any) -> None:
    """zero_grad() belongs before every backward(); adding up is averaging."""
    rng = np.random.default_rng(44)
    x: Any = mr.tensor(rng.standard_normal((10, 3)))
    y = mr.tensor(rng.standard_normal(10))
    w: Any = mr.tensor(rng.standard_normal(3), requires_grad=True)

    def gradient(begin: int, end: int) -> Any:
        w.grad = None
        mr.mse_loss(x[begin:end] @ w, y[begin:end]).backward()
        return w.grad.copy()

    wanted = gradient(0, 10)
    for ends in ([10], [5, 10], [2, 3, 10]):
        parts = [(begin, end, gradient(begin, end)) for begin, end in zip([0, *ends], ends, strict=False)]
        w.grad = np.full(3, 100, w.dtype)  # of an earlier batch
        gradient_in_pieces(w, x, y, ends)
        got, case, near = w.grad, f"pieces that end at {ends}", 1e-5
        expect(got is not None, f"{case}: w.grad is None.")
        expect(abs(got).max() < 90, f"{case}: the gradient of an earlier batch is still in it.")
        total = np.sum([part for *_, part in parts], axis=0)
        mistake(got, total, wanted, f"{case}: a sum of means is no mean. How much does each piece weigh?", near)
        mistake(
            got, total / len(parts), wanted, f"{case}: the pieces have different lengths, and weigh the same.", near
        )
        begin, end, last = parts[-1]
        for wrong in (last, last * (end - begin) / 10):
            mistake(
                got, wrong, wanted, f"{case}: only the last piece is left. Clear the gradient once per batch.", near
            )
        expect(close(got, wanted, rtol=1e-4, atol=1e-5), f"{case}: got {got}, wanted {wanted}.")


@exercise("4.5")
def the_best_step_in_float32(best_step: Any) -> str:
    """The smaller the step, the better the derivative."""
    x = np.linspace(1, 1.1, 1000, dtype="float32")

    def measured(h: float) -> float:
        low, high = x - np.float32(h), x + np.float32(h)
        slope = (np.exp(high) - np.exp(low)) / (high - low)
        return float(np.mean(np.abs(slope / np.exp(x.astype("float64")) - 1)))

    answer = best_step(2.0**-24)
    expect(np.shape(answer) == (2,), "return the best h and the relative error there.")
    h, error = answer
    expect(h > 1e-4, f"h = {h:.1g} is so small that the difference has hardly any digits left.")
    best = min(measured(step) for step in 10.0 ** np.arange(-4, 0, 0.25))
    expect(measured(h) < 3 * best, f"h = {h:.2g} has the error {measured(h):.1g}, another step {best:.1g}.")
    far = f"the error that you give, {error:.1g}, is far from the measured one, {measured(h):.1g}"
    expect(error / 10 < measured(h) < error * 10, f"{far}. Are both parts in it?")
    h64, error64 = best_step(2.0**-53)
    expect(5e-6 < h64 < 1e-5 and error64 < 1e-10, f"with float64's u the best h is near 7e-6, not {h64:.1g}.")
    return f"float32: h = {h:.4f}, error {error:.0e};  float64: h = {h64:.0e}, error {error64:.0e}."


@exercise("4.6")
def a_check_that_costs_two_evaluations(gradient_is_right: Any) -> None:
    """The gradient is right because the loss falls."""

    def f(x: Any) -> Any:
        return np.sum(x**2) + np.prod(np.cos(x[:2]))

    def right(x: Any) -> Any:
        g = 2 * x
        g[0] -= np.sin(x[0]) * np.cos(x[1])
        g[1] -= np.cos(x[0]) * np.sin(x[1])
        return g

    candidates: list[tuple[str, Callable[..., Any], bool]] = [
        ("half of it", lambda x: 0.5 * right(x), False),
        ("the one without the product", lambda x: 2 * x, False),
        ("the right gradient", right, True),
    ]
    calls: list[int] = []

    def counted(x: Any) -> Any:
        calls.append(1)
        return f(x)

    point = np.linspace(0.5, 1.5, 1000)
    for name, candidate, wanted in candidates:
        for seed in range(20):
            calls.clear()
            got = gradient_is_right(counted, point.copy(), candidate(point), np.random.default_rng(seed))
            expect(wanted or not got, f"{name} passes your check. The loss falls with it too: that is no evidence.")
            expect(got or not wanted, f"{name} does not pass your check.")
            expect(len(calls) == 2, f"your check calls f {len(calls)} times, where 2 are wanted.")
