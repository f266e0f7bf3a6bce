"""optim.trace: its rows are what the rule does, to the last bit, and the training does not notice it."""

import csv
import json
from inspect import getmodule, getsource
from math import isnan, nan, nextafter, sqrt

import numpy as np
import pytest
from helpers import device, host
from optim.plain import Plain, plains, values

import minirad as mr
from minirad import optim
from minirad.optim import trace
from minirad.optim.trace_lines import LINES, radam
from minirad.variance import rectification, sma_length, sma_limit

RULES = {
    "SGD": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "plain": lambda p: optim.SGD(p, lr=0.1),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1, eps=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01, eps=0.1),
    "centered": lambda p: optim.RMSprop(p, lr=0.01, centered=True, eps=0.1),
    "both": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "Adam": lambda p: optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: optim.Adam(p, lr=0.1, amsgrad=True, betas=(0.5, 0.6)),
    "AdamW": lambda p: optim.AdamW(p, lr=0.1),
    "RAdam": lambda p: optim.RAdam(p, lr=0.1, betas=(0.8, 0.99), weight_decay=0.1, eps=0.01),
    "torch": lambda p: optim.RAdamDialect(p, "torch", lr=0.1),
    "optax": lambda p: optim.RAdamDialect(p, "optax", lr=0.1, eps=0.1),
    "official": lambda p: optim.RAdamDialect(p, "official", lr=0.1, maximize=True),
    "exact": lambda p: optim.RAdamExact(p, lr=0.1),
    "eps": lambda p: optim.AdamEps(p, lr=0.1, eps=0.1),
    "2k": lambda p: optim.Adam2k(p, lr=0.1, frozen=3, hidden_warmup=False),
    "phases": lambda p: optim.PhaseSwitched(p, ("sgd", "adam", "radam"), (3, 6), lr=0.1),
    "early": lambda p: optim.PhaseSwitched(p, ("skip", "radam", "sgd"), (3, 6), lr=0.1),
}


@pytest.fixture(params=list(RULES))
def rule(request):
    return RULES[request.param]


def run(optimizer, parameters, steps=9, after=lambda: None):
    """Steps with gradients that depend on theta and on the step. Some are missing."""
    for t in range(1, steps + 1):
        for i, p in enumerate(parameters):
            p.grad = None if i == 1 and t % 4 == 2 else device(np.sin(host(p.data) + t), host(p.data).dtype)
        optimizer.step()
        after()


# ---- the rows are what the rule does


def test_theta_and_the_states_are_those_of_the_training(rule):
    parameters = plains((2, 3), (4,))
    optimizer = rule([("a", parameters[0]), ("b", parameters[1])])
    steps = trace(optimizer, {"a": [(0, 1), 5], "b": 2})
    seen = []
    run(
        optimizer,
        parameters,
        after=lambda: seen.append(
            (*host(parameters[0].data).ravel()[[1, 5]], host(parameters[1].data)[2], optimizer.state_dict()["state"])
        ),
    )
    rows = steps.rows
    for row in rows:
        name, place = row["parameter"], {"0, 1": 1, "1, 2": 5, "2": 2}[row["index"]]
        mine = next(s for s in seen if s[3][name]["t"] == row["t"])
        assert row["theta"] == mine[{1: 0, 5: 1, 2: 2}[place]]
        for key, array in mine[3][name].items():
            if key in rows.dtype.names and key != "t":
                assert row[key] == array.ravel()[place]
    assert [int((rows["parameter"] == name).sum()) for name in "ab"] == [18, 7]  # b had no gradient at two steps
    assert rows["t"][rows["parameter"] == "b"].tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_the_training_does_not_notice(rule):
    ours, theirs = plains((2, 3), (4,), dtype="float32"), plains((2, 3), (4,), dtype="float32")
    traced, other = rule(ours), rule(theirs)
    steps = trace(traced, norms=["0"])
    run(traced, ours)
    run(other, theirs)
    assert all(np.array_equal(a, b) for a, b in zip(values(ours), values(theirs), strict=True))
    assert len(steps.rows) == 9


def test_the_lines_fit_together(rule):
    """theta moves by the update, and the update is what the algorithm's last line says."""
    [p] = plains((3,))
    start = host(p.data).copy()
    optimizer = rule([("p", p)])
    steps = trace(optimizer, {"p": [0, 1, 2]})
    run(optimizer, [p])
    rows, s = steps.rows, optimizer.param_groups[0]
    for i in range(3):
        own = rows[rows["index"] == str(i)]
        before = np.concatenate([start[i : i + 1], own["theta"][:-1]])
        assert own["update"] == pytest.approx(own["theta"] - before, rel=1e-12, abs=1e-15)
        size = own["step_size"] if "step_size" in rows.dtype.names else own["lr"]
        direction = own["m_hat"] if "m_hat" in rows.dtype.names else own["g"]
        if s.get("momentum"):
            size, direction = own["lr"], own["m"]
        decoupled = isinstance(optimizer, optim.RAdam | optim.AdamW)
        decay = -s["lr"] * s["weight_decay"] * before if decoupled else 0
        assert own["update"] == pytest.approx(decay - size * direction, rel=1e-9, abs=1e-15)


def test_every_number_of_radam():
    """Algorithm 2 by hand, from the gradients of the rows alone."""
    p = Plain([1.0, -3.0])
    optimizer = optim.RAdam([("p", p)], lr=0.1, betas=(0.8, 0.99), eps=1e-3)
    with trace(optimizer, {"p": 1}) as steps:
        run(optimizer, [p])
    m = v = 0.0
    for t, row in enumerate(steps.rows, 1):
        v, m = 0.99 * v + 0.01 * row["g"] ** 2, 0.8 * m + 0.2 * row["g"]
        assert (row["t"], row["lr"], row["rho"]) == (t, 0.1, sma_length(t, 0.99))
        assert [row["m"], row["v"]] == pytest.approx([m, v], rel=1e-12)
        assert [row["m_hat"], row["v_hat"]] == pytest.approx([m / (1 - 0.8**t), v / (1 - 0.99**t)], rel=1e-12)
        if t < 5:
            assert (row["branch"], row["step_size"]) == ("momentum", 0.1)
            assert isnan(row["r"])
            assert isnan(row["l"])
        else:
            assert row["branch"] == "adaptive"
            assert row["r"] == rectification(t, 0.99)
            assert row["l"] == pytest.approx(sqrt(1 - 0.99**t) / (sqrt(v) + 1e-3), rel=1e-12)
            assert row["step_size"] == pytest.approx(0.1 * row["r"] * row["l"], rel=1e-12)


def test_the_branches_of_the_dialects():
    found = {}
    for name, build in RULES.items():
        [p] = plains((1,))
        optimizer = build([p])
        with trace(optimizer) as steps:
            run(optimizer, [p], 6)
        if "branch" in steps.rows.dtype.names:
            found[name] = steps.rows["branch"].tolist()
    assert found == {
        "RAdam": ["momentum"] * 4 + ["adaptive"] * 2,
        "torch": ["momentum"] * 5 + ["adaptive"],
        "optax": ["momentum"] * 5 + ["adaptive"],
        "official": ["skip"] * 5 + ["adaptive"],
        "exact": ["momentum"] * 2 + ["adaptive"] * 4,
        "2k": ["frozen"] * 3 + ["adaptive"] * 3,
        "phases": ["momentum"] * 3 + ["adaptive"] * 3,
        "early": ["skip"] * 3 + ["momentum"] + ["adaptive"] * 2,
    }


def test_r_is_shown_where_a_step_uses_it():
    """torch's threshold is 5, and so it leaves r_5 alone; of the phases, sgd has none and Adam's is 1."""
    found = {}
    for name in ("torch", "phases"):
        [p] = plains((1,))
        optimizer = RULES[name]([p])
        with trace(optimizer) as steps:
            run(optimizer, [p], 8)
        found[name] = steps.rows["r"].tolist()
    r = [rectification(t, 0.999) for t in range(1, 9)]
    assert found["torch"] == pytest.approx([nan] * 5 + r[5:], nan_ok=True)
    assert found["phases"] == pytest.approx([nan] * 3 + [1.0] * 3 + r[6:], nan_ok=True)


@pytest.mark.parametrize(
    ("kind", "beta2", "limit"), [(optim.RAdam, 0.6, 4), (optim.RAdamExact, nextafter(1 / 3, 1), 2)]
)
def test_a_beta2_that_just_fails_to_be_adaptive(kind, beta2, limit):
    """After 100 steps rho_t is rho_inf, 4 or 2, and that is not enough."""
    optimizer = kind(plains((1,)), betas=(0.9, beta2))
    with trace(optimizer) as steps:
        for _ in range(100):
            optimizer.step()
    assert steps.rows["rho"][-1] == sma_limit(beta2) == limit
    assert set(steps.rows["branch"]) == {"momentum"}


def test_while_adam_2k_is_frozen_its_step_size_is_0():
    """Also where v is 0."""
    optimizer = optim.Adam2k([Plain([1.0, 2.0], [0.0, 3.0])], lr=0.1, frozen=3)
    with trace(optimizer, {"0": [0, 1]}) as steps:
        for _ in range(4):
            optimizer.step()
    assert ((steps.rows["step_size"] == 0) == (steps.rows["t"] <= 3)).all()


def test_norms_are_root_mean_squares():
    [p] = plains((3, 4))
    optimizer = optim.Adam([("p", p)], lr=0.1)
    steps = trace(optimizer, norms="p")
    every = []
    run(optimizer, [p], after=lambda: every.append((host(p.data).copy(), optimizer.state_dict()["state"]["p"])))
    for row, (theta, state) in zip(steps.rows, every, strict=True):
        for name, array in (("theta", theta), ("m", state["m"]), ("v", state["v"])):
            assert row[name] == pytest.approx(sqrt((array**2).mean()), rel=1e-12)
        assert row["index"] == "rms"


def test_norms_of_several_parameters_are_each_their_own():
    """And none where a parameter is empty or has no gradient."""
    a, b, empty, c = parameters = plains((2,), (3,), (0,), (4,))
    optimizer = optim.Adam([("a", a), ("b", b), ("empty", empty), ("c", c)], lr=0.1)
    steps, expected = trace(optimizer, norms=["b", "empty", "c"]), []

    def note():
        moved = [(name, p) for name, p in (("b", b), ("c", c)) if p.grad is not None]
        expected.extend((name, sqrt((host(p.data) ** 2).mean())) for name, p in moved)

    run(optimizer, parameters, after=note)
    rows = steps.rows
    assert rows["parameter"].tolist() == [name for name, _ in expected]
    assert rows["theta"] == pytest.approx([theta for _, theta in expected], rel=1e-12)
    assert [int((rows["parameter"] == name).sum()) for name in "bc"] == [7, 9]


def test_without_a_gradient_ever_the_step_size_is_a_number_all_the_same():
    """v = 0, and so l = sqrt(1 - beta2^t) / eps."""
    optimizer = optim.RAdam([Plain([1.0], [0.0])], lr=0.5, eps=0.25)
    with trace(optimizer) as steps:
        for _ in range(5):
            optimizer.step()
    last = 0.5 * rectification(5, 0.999) * sqrt(1 - 0.999**5) / 0.25
    assert steps.rows["step_size"] == pytest.approx([0.5] * 4 + [last], rel=1e-12)


def test_rows_do_not_warn_once_more():
    """The step itself has: g^2 is infinite."""
    optimizer = optim.Adam([Plain([1.0], [1e200])])
    with trace(optimizer) as steps, np.errstate(all="ignore"):
        optimizer.step()
    assert steps.rows["v"] == [np.inf]


def test_a_rule_of_ones_own_is_traced_with_its_states():
    class Signs(optim.Optimizer):
        states = ("count",)

        def update(self, theta, g, count, s):
            count += 1
            theta -= s.lr * g / abs(g)

    p = Plain([1.0, 2.0], [3.0, -4.0])
    optimizer = Signs([p], {"lr": 0.5})
    steps = trace(optimizer, {"0": [0, 1]})
    optimizer.step()
    optimizer.step()
    assert steps.rows.dtype.names == ("t", "parameter", "index", "lr", "g", "count", "update", "theta")
    assert steps.rows["count"].tolist() == [1, 1, 2, 2]
    assert steps.rows["theta"].tolist() == [0.5, 2.5, 0, 3]


def test_a_rule_made_from_a_known_one_has_its_lines():
    class Mine(optim.RAdam):
        pass

    [p] = plains((2,))
    optimizer = Mine([p])
    steps = trace(optimizer)
    optimizer.step()
    assert steps.lines == trace(optim.RAdam(plains((2,)))).lines


def test_the_lines_of_a_variant_are_made_by_radam(monkeypatch):
    """From its test alone: with RAdam's own it is RAdam, text and numbers."""

    class Variant(optim.RAdam):
        pass

    monkeypatch.setitem(LINES, Variant, lambda s: radam(s, "adaptive if rho_t > 4, else momentum", lambda x: x.rho > 4))
    traces = []
    for kind in (Variant, optim.RAdam):
        [p] = plains((1,))
        optimizer = kind([p], lr=0.1, betas=(0.8, 0.99), eps=0.1)
        with trace(optimizer) as steps:
            run(optimizer, [p])
        traces.append(steps)
    assert [(line.name, line.text) for line in traces[0].lines] == [(line.name, line.text) for line in traces[1].lines]
    assert repr(traces[0].rows.tolist()) == repr(traces[1].rows.tolist())


def test_the_lines_of_radam():
    """Algorithm 2, where l_t is eq. (1), as a trace prints it."""
    assert [(line.name, line.text) for line in trace(optim.RAdam(plains((1,)))).lines] == [
        ("g", "g_t = gradient of f_t at theta_{t-1}"),
        ("v", "v_t = beta2 v_{t-1} + (1 - beta2) g_t^2"),
        ("m", "m_t = beta1 m_{t-1} + (1 - beta1) g_t"),
        ("m_hat", "m_hat = m_t / (1 - beta1^t)"),
        ("v_hat", "v_hat = v_t / (1 - beta2^t)"),
        ("rho", "rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)"),
        ("branch", "adaptive if rho_t > 4, else momentum"),
        ("l", "l_t = sqrt(1 - beta2^t) / (sqrt(v_t) + eps)"),
        ("r", "r_t = sqrt((rho_t-4)(rho_t-2) rho_inf / ((rho_inf-4)(rho_inf-2) rho_t))"),
        ("step_size", "step_size = lr r_t l_t if adaptive, else lr"),
        ("update", "update = theta_t - theta_{t-1}"),
        ("theta", "theta_t = theta_{t-1} - step_size m_hat"),
    ]


def test_the_lines_say_what_the_rules_files_say(rule):
    """How m, v and the mean go on from step to step, word for word."""
    optimizer = rule(plains((1,)))
    files = [getsource(getmodule(kind)) for kind in type(optimizer).__mro__ if issubclass(kind, optim.Optimizer)]
    files = [file.replace("(1 - dampening) ", "") for file in files]  # which a line has only where there is some
    lines = trace(optimizer).lines
    formulas = [line.text.split(" = ")[1].split("else ")[-1] for line in lines if line.name in ("m", "v", "mean")]
    assert formulas or isinstance(optimizer, optim.SGD)
    formulas = [text.replace("g'", "g_t").replace(" - mean_t^2", "") for text in formulas]  # which has its own comment
    assert [text for text in formulas if not any(text in file for file in files)] == []
    assert [line.text for line in lines if " = " in line.text and not line.text.startswith(line.name)] == []


def test_assigned_gradients_and_changed_settings_are_seen():
    p = Plain([1.0], [2.0])
    optimizer = optim.SGD([p], lr=0.5)
    steps = trace(optimizer)
    optimizer.step()
    p.grad = device([4.0])
    optimizer.param_groups[0].update(lr=0.25, maximize=True)
    optimizer.step()
    assert steps.rows["g"].tolist() == [2, -4]
    assert steps.rows["lr"].tolist() == [0.5, 0.25]
    assert steps.rows["theta"].tolist() == [0, 1]


def test_several_groups_and_dtypes():
    a, b, c = *plains((2,), (2,)), *plains((2,), dtype="float32")
    optimizer = optim.RAdam([{"params": [("a", a)], "lr": 0.5}, {"params": [("b", b), ("c", c)]}], lr=0.1)
    with trace(optimizer, {"a": 0, "b": 1, "c": 0}) as steps:
        run(optimizer, [a, b, c], 3)
    assert {(row["parameter"], row["lr"]) for row in steps.rows} == {("a", 0.5), ("b", 0.1), ("c", 0.1)}
    last = {row["parameter"]: row["theta"] for row in steps.rows}
    assert last == {"a": host(a.data)[0], "b": host(b.data)[1], "c": host(c.data)[0]}


# ---- choosing, and ending


def test_the_default_is_the_first_element_of_ten_parameters():
    parameters = plains((2, 2), (0,), (), *[(1,)] * 12)
    optimizer = optim.Adam(parameters)
    with trace(optimizer) as steps:
        optimizer.step()
    assert steps.rows["parameter"].tolist() == ["0", "2", *map(str, range(3, 11))]
    assert steps.rows["index"].tolist() == ["0, 0", "", *["0"] * 8]
    assert "\n2\n" in str(steps)  # a single number has no index


def test_negative_places_count_from_the_end():
    [p] = plains((2, 3))
    optimizer = optim.Adam([p])
    with trace(optimizer, {"0": -1}) as steps:
        optimizer.step()
    assert steps.rows["index"].tolist() == ["1, 2"]


def test_places_may_be_numbers_of_numpy():
    [p] = plains((2, 3))
    optimizer = optim.Adam([p])
    with trace(optimizer, {"0": np.int64(4)}) as steps:
        optimizer.step()
    with trace(optimizer, {"0": np.array([0, -1])}) as more:
        optimizer.step()
    assert [*steps.rows["index"], *more.rows["index"]] == ["1, 1", "0, 0", "1, 2"]


def test_after_stop_nothing_is_recorded():
    [p] = plains((2,))
    optimizer = optim.Adam([p])
    with trace(optimizer) as steps:
        optimizer.step()
    optimizer.step()
    assert len(steps.rows) == 1
    assert "_step" not in vars(optimizer)
    steps.stop()
    trace(optimizer)  # and another one can begin


@pytest.mark.parametrize(
    ("choice", "kind", "message"),
    [
        ({"x": 0}, ValueError, "trace: no parameter 'x'; there are a, b"),
        ({"a": 6}, IndexError, r"trace: parameter 'a' of shape \(2, 3\) has no index 6"),
        ({"a": [(0, 0), (2, 0)]}, IndexError, r"has no index \(2, 0\)"),
        ({"a": (0,)}, IndexError, r"has no index \(0,\)"),
        ({"a": [0.5]}, IndexError, "has no index 0.5"),
        ({"b": "0"}, IndexError, "has no index '0'"),
    ],
    ids=str,
)
def test_wrong_choices_change_nothing(choice, kind, message):
    a, b = plains((2, 3), (4,))
    optimizer = optim.Adam([("a", a), ("b", b)])
    with pytest.raises(kind, match=message):
        trace(optimizer, choice)
    with pytest.raises(ValueError, match="trace: no parameter 'c'"):
        trace(optimizer, norms=["c"])
    assert "_step" not in vars(optimizer)


def test_what_can_not_be_traced():
    with pytest.raises(TypeError, match="trace: expected an Optimizer, got list"):
        trace([])
    one = optim.algorithm1
    with pytest.raises(TypeError, match=r"trace: Algorithm1 has no update\(\) to replay"):
        trace(optim.Algorithm1(plains((2,)), 0.1, one.latest, one.constant))
    optimizer = optim.Adam(plains((2,)))
    first = trace(optimizer)
    with pytest.raises(ValueError, match="trace: this Adam is being traced already; call stop"):
        trace(optimizer)
    first.stop()
    trace(optimizer)


def test_replaying_a_step_calls_the_rule_with_what_it_saw():
    seen = []

    class Watched(optim.RAdam):
        def update(self, theta, g, m, v, s):
            seen.append((s.t, *(host(x)[0] for x in (theta, g, m, v))))
            super().update(theta, g, m, v, s)

    [p] = plains((1,))
    optimizer = Watched([p], lr=0.1)
    steps = trace(optimizer)
    run(optimizer, [p], 6)
    trained, now = list(seen), values([p])
    seen.clear()
    steps.replay(5)
    assert seen == trained[4:5]
    assert np.array_equal(values([p]), now)


# ---- showing


def test_the_table():
    p = Plain([1.0])
    optimizer = optim.RAdam([("theta", p)], lr=0.1)
    with trace(optimizer) as steps:
        for _ in range(5):
            p.grad = p.data.copy()
            optimizer.step()
    lines = str(steps).splitlines()
    assert lines[0] == "theta[0]"
    assert " ".join(lines[1].split()) == "t g v m m_hat rho branch r step_size update theta"
    assert " ".join(lines[2].split()) == "1 1 0.001 0.1 1 1 momentum - 0.1 -0.1 0.9"
    fifth = "5 0.6315 0.003361 0.324 0.7912 4.996 adaptive 0.01731 0.002109 -0.001669 0.6298"
    assert " ".join(lines[6].split()) == fifth
    assert max(map(len, lines)) <= 100
    assert steps.table(["branch", "t", "theta"]).splitlines() == [
        "theta[0]",
        "   t   branch     theta",
        "   1 momentum       0.9",
        "   2 momentum    0.8053",
        "   3 momentum    0.7158",
        "   4 momentum    0.6315",
        "   5 adaptive    0.6298",
    ]
    assert steps.table(["theta", "l"]).splitlines()[-1].split() == ["5", "0.6298", "1.218"]
    with pytest.raises(ValueError, match="trace: no column 'x'; there are t, parameter, index, lr, g, v"):
        steps.table(["x"])


def test_a_table_leaves_wide_columns_out_unless_they_are_asked_for():
    [p] = plains((1,))
    optimizer = RULES["both"]([p])
    with trace(optimizer) as steps:
        run(optimizer, [p], 1)
    assert str(steps).splitlines()[1].split() == ["t", "g", "v", "step_size", "m", "update", "theta"]
    assert steps.table(["mean"]).splitlines()[1].split() == ["t", "mean"]


def test_a_table_for_each_coordinate():
    a, b = Plain([[1.0, 2.0]], [[1.0, 1.0]]), Plain([3.0, 4.0], [1.0, 1.0])
    optimizer = optim.SGD([("a", a), ("b", b)], lr=1.0)
    with trace(optimizer, {"a": [0, 1], "b": 1}, norms="b") as steps:
        optimizer.step()
    assert steps.table(["theta"]) == "\n\n".join(
        f"{name}\n   t     theta\n   1 {theta:>9}"
        for name, theta in (("a[0, 0]", 0), ("a[0, 1]", 1), ("b[1]", 3), ("b, root mean square", 2.55))
    )


def test_before_the_first_step():
    steps = trace(optim.Adam(plains((2,))))
    assert str(steps) == "no steps yet"
    assert len(steps.rows) == 0
    assert steps.rows.dtype["parameter"] == np.dtype("U1")
    assert steps.rows.dtype.names[:4] == ("t", "parameter", "index", "lr")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1.0, "1"), (-0.0012345, "-0.001234"), (0.001, "0.001"), (0.00099, "9.90e-04"),
        (-1e-7, "-1.00e-07"), (12345.6, "1.235e+04"), (1e5, "1.00e+05"), (-1.234e150, "-1.2e+150"),
        (float("nan"), "-"), (float("inf"), "inf"), ("skip", "skip"), (12, "12"),
    ],
)  # fmt: skip
def test_a_number_fits_in_its_column(value, text):
    from minirad.optim.trace_rows import cell

    assert cell(value) == text.rjust(9)


def test_csv_and_json_lines_keep_every_digit(tmp_path):
    [p] = plains((2,))
    optimizer = optim.RAdam([p], lr=0.1)
    steps = trace(optimizer, {"0": [0, 1]}, norms=["0"])
    run(optimizer, [p], 6)
    steps.to_csv(tmp_path / "rows.csv")
    steps.to_jsonl(tmp_path / "rows.jsonl")
    assert b"\r" not in (tmp_path / "rows.csv").read_bytes() + (tmp_path / "rows.jsonl").read_bytes()
    with open(tmp_path / "rows.csv", encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    objects = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len(read) == len(objects) == len(steps.rows) == 18
    for row, line, one in zip(steps.rows, read, objects, strict=True):
        assert set(line) == set(one) == set(steps.rows.dtype.names)
        for name in steps.rows.dtype.names:
            value = row[name].item()
            if isinstance(value, float) and isnan(value):
                assert one[name] is None
                assert line[name] == "nan"
            else:
                assert one[name] == value
                assert type(value)(line[name]) == value


def test_a_model_in_training():
    mr.manual_seed(0)
    model = mr.nn.Sequential(mr.nn.Linear(3, 4), mr.nn.ReLU(), mr.nn.Linear(4, 1))
    optimizer = optim.RAdam(model.named_parameters(), lr=0.01)
    x = mr.tensor(np.ones((5, 3), "float32"))
    with trace(optimizer, {"0.weight": (3, 2), "2.bias": 0}, norms="0.weight") as steps:
        for _ in range(6):
            optimizer.zero_grad()
            (model(x) ** 2).mean().backward()
            optimizer.step()
    weight = steps.rows[steps.rows["index"] == "3, 2"]
    assert weight["theta"][-1] == host(dict(model.named_parameters())["0.weight"].data)[3, 2]
    assert len(steps.rows) == 18
