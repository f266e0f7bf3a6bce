"""mr.profile(): what is counted, that the seconds add up, and that nothing stays behind."""

import gc
import inspect
import threading
import time
import weakref
from itertools import count
from types import FunctionType

import pytest
from helpers import host

import minirad as mr
from minirad import functional, profiler
from minirad.functional import relu as relu_by_another_name
from minirad.models import MLP
from minirad.nn import functional as F
from minirad.tensor import Tensor, _observers

FUNCTIONS = [f for f in vars(functional).values() if isinstance(f, FunctionType)]
CODE = [(f.__code__, f.__defaults__, f.__kwdefaults__, inspect.signature(f)) for f in FUNCTIONS]


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    assert not _observers
    assert [(f.__code__, f.__defaults__, f.__kwdefaults__, inspect.signature(f)) for f in FUNCTIONS] == CODE


@pytest.fixture
def clock(monkeypatch):
    """A clock that is one second later each time one looks at it."""
    ticks = count()
    monkeypatch.setattr(profiler, "perf_counter", lambda: float(next(ticks)))


def by_name(p):
    return {row.op: row for row in p.rows}


def leaf(*data):
    return mr.tensor(list(data), requires_grad=True)


def own_op(x):
    def vjp(g):
        return (g * 2,)

    return Tensor(x.data * 2, (x,), vjp)


# ---- what is counted


def test_a_training_step():
    model = MLP(4, [8, 8], 3)
    optimizer = mr.optim.RAdam(model.parameters())
    with mr.profile() as p:
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(model(mr.ones(5, 4)), [0, 1, 2, 0, 1]).backward()
            optimizer.step()
    rows = by_name(p)
    calls = {op: row.calls for op, row in rows.items() if row.backward}
    assert calls == {"linear": 9, "relu": 6, "cross_entropy": 3}
    assert all(rows[op].forward > 0 for op in calls)
    assert (rows["flatten"].calls, rows["flatten"].backward) == (3, 0)  # there is nothing to flatten: no op on the tape
    assert rows["linear"].bytes == 3 * 4 * 5 * (8 + 8 + 3)
    assert rows["cross_entropy"].bytes == 3 * 4
    assert p.rows == sorted(p.rows, key=lambda row: -row.seconds)


def test_the_seconds_add_up():
    model = MLP(64, [64, 64], 10)
    start = time.perf_counter()
    with mr.profile() as p:
        for _ in range(5):
            F.cross_entropy(model(mr.ones(32, 64)).std(dim=0), 1).backward()
        time.sleep(0.02)
    wall = time.perf_counter() - start
    assert 0 < sum(row.seconds for row in p.rows) < p.seconds <= wall
    assert p.outside == pytest.approx(p.seconds - sum(row.forward + row.backward for row in p.rows))
    assert p.outside > 0.02


def test_an_op_inside_of_an_op_counts_once(clock):
    x = leaf(1.0, 2.0)
    with mr.profile() as p:  # 0
        y = x.std()  # std 1, var 2 to 3, std 4
        y.backward()  # 5 to 6, 7 to 8
    rows = by_name(p)
    assert (rows["std"].forward, rows["var"].forward) == (2, 1)
    assert (rows["std"].backward, rows["var"].backward) == (1, 1)
    assert (rows["std"].calls, rows["var"].calls) == (1, 1)
    assert (p.seconds, p.outside) == (9, 4)


def test_bytes_are_those_of_new_results():
    x = mr.ones(3, 4, requires_grad=True)
    with mr.profile() as p:
        _ = x.max(dim=0)  # values and indices
        x.relu()
        x.flatten(0, 0)  # x itself
        x.flatten()  # made by reshape
        with mr.no_grad():
            x.std(0)
        x * 2  # the constant 2 is no result
    sizes = {row.op: row.bytes for row in p.rows}
    assert sizes == {"max": 4 * 4 + 4 * 8, "relu": 48, "flatten": 0, "reshape": 48, "std": 16, "var": 16, "mul": 48}


class Holder:
    """Took the functions along before the profile began."""

    functions = (mr.relu, F.relu, relu_by_another_name)


def test_functions_are_found_by_any_name():
    x = mr.ones(2)
    with mr.profile() as p:
        for function in (*Holder.functions, mr.relu, F.relu, Tensor.relu, mr.nn.ReLU()):
            function(x)
        x.relu()
        y = x + x
        y += x
        x.T @ x
        x[0]
    calls = {row.op: row.calls for row in p.rows}
    assert calls == {"relu": 8, "add": 2, "permute": 1, "matmul": 1, "getitem": 1}


def test_arguments_and_defaults_pass():
    x = mr.randn(4, 3)

    def results():
        yield F.cross_entropy(x, [0, 1, 2, 0], label_smoothing=0.1, reduction="sum")
        yield F.cross_entropy(x, target=[0, 1, 2, 0])
        yield x.sum(axis=1, keepdims=True)
        yield x.var(0, 0)
        yield mr.clip(x, max=0.5)
        yield mr.zeros(2, 3, dtype="float64")

    plain = [host(y).tolist() for y in results()]
    with mr.profile():
        assert [host(y).tolist() for y in results()] == plain


def test_an_op_of_ones_own_is_counted_but_its_forward_is_outside(clock):
    x = leaf(1.0)
    with mr.profile() as p:
        own_op(x).backward()
    assert p.rows == [profiler.Row("own_op", calls=1, forward=0.0, backward=1.0, bytes=4)]
    assert host(x.grad).tolist() == [2.0]


def test_without_a_tape():
    with mr.profile() as p, mr.no_grad():
        leaf(1.0, 2.0).max()
        own_op(leaf(1.0))  # nothing tells that this was an op
    assert {row.op: (row.calls, row.backward) for row in p.rows} == {"max": (1, 0)}


def test_gradients_are_the_same():
    def gradients():
        x = leaf(1.0, 2.0, 4.0)
        y = (x.std() * x.exp() + x.max(0).values).log_softmax(0)[1]
        y.backward()
        return host(x.grad).tolist()

    plain = gradients()
    with mr.profile():
        assert gradients() == plain


# ---- where it begins and ends


def test_only_what_is_made_and_run_inside():
    x = leaf(1.0)
    before = x.exp()
    with mr.profile() as p:
        inside = x.log()
        before.backward()
    inside.backward()
    x.relu()
    assert {row.op: (row.calls, row.backward) for row in p.rows} == {"log": (1, 0)}


def test_profiles_inside_of_each_other():
    x = leaf(1.0)
    with mr.profile() as outer:
        x.exp()
        with mr.profile() as inner:
            x.log().backward()
        x.relu()
    assert {row.op: row.calls for row in inner.rows} == {"log": 1}
    assert {row.op: row.calls for row in outer.rows} == {"exp": 1, "log": 1, "relu": 1}
    assert all(by_name(p)["log"].backward > 0 for p in (outer, inner))


def test_with_debug():
    x = leaf(-1.0)
    for first, second in ((mr.debug, mr.profile), (mr.profile, mr.debug)):
        with first(), second():
            x.exp().backward()
            y = x.exp()
            y.data[...] = 3
            with pytest.raises(RuntimeError, match="data that exp used"):
                y.backward()


def test_an_error_in_an_op(clock):
    x = leaf(1.0, 2.0)
    with mr.profile() as p:
        with pytest.raises(ValueError, match="var: shape"):
            x.std(correction=5)
        x.exp()
    assert p.rows == [profiler.Row("exp", calls=1, forward=1.0, bytes=8)]


def test_an_error_in_backward():
    def broken(x):
        def vjp(g):
            raise KeyError("no")

        return Tensor(x.data, (x,), vjp)

    with pytest.raises(KeyError), mr.profile() as p:
        broken(leaf(1.0)).exp().backward()
    assert by_name(p)["exp"].backward > 0


def test_other_threads_are_not_counted():
    x, results = leaf(1.0), []

    def work():
        y = x.exp()
        y.backward()
        results.append(y)

    with mr.profile() as p:
        x.log()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [row.op for row in p.rows] == ["log"]
    assert len(results) == 1


def test_nothing_is_kept_alive():
    gc.collect()
    gc.disable()
    try:
        model = MLP(4, [3], 2)
        with mr.profile() as p:
            loss = F.cross_entropy(model(mr.ones(1, 4)), [1])
            kept = F.cross_entropy(model(mr.ones(1, 4)), [1])
            alive = [weakref.ref(loss), weakref.ref(loss.parents[0])]
            loss.backward()
            del loss
            assert [ref() for ref in alive] == [None, None]
        alive += [weakref.ref(kept), weakref.ref(kept.parents[0]), weakref.ref(p)]
        del kept, p
        assert [ref() for ref in alive] == [None] * 5
    finally:
        gc.enable()


def test_no_objects_pile_up():
    def step():
        F.cross_entropy(model(mr.ones(2, 4)).std(dim=0), 1).backward()

    model = MLP(4, [3], 2)
    with mr.profile():
        step()
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(50):
            step()
        gc.collect()
        assert len(gc.get_objects()) <= before + 20


# ---- the table


def test_the_table(clock):
    x = leaf(1.0, 2.0)
    with mr.profile() as p:
        x.std().backward()
        own_op(x)
    assert str(p) == repr(p)
    assert [line.split() for line in str(p).split("\n")] == [
        ["op", "calls", "forward", "ms", "backward", "ms", "total", "ms", "share", "bytes"],
        ["-" * len(str(p).split("\n")[0])],
        ["std", "1", "2,000.000", "1,000.000", "3,000.000", "33.3%", "4"],
        ["var", "1", "1,000.000", "1,000.000", "2,000.000", "22.2%", "4"],
        ["own_op", "1", "-", "-", "-", "0.0%", "8"],
        ["-" * len(str(p).split("\n")[0])],
        ["all", "ops", "3", "3,000.000", "2,000.000", "5,000.000", "55.6%", "16"],
        ["outside", "ops", "4,000.000", "44.4%"],
        ["everything", "9,000.000", "100.0%"],
    ]


def test_the_table_of_nothing():
    with mr.profile() as p:
        assert "all ops" in str(p)
    assert len(str(p).split("\n")) == 6
    assert p.outside == p.seconds > 0
