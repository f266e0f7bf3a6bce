"""The lines that a trace prints are read by this test as formulas: each gives what stands in its column."""

import re

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st
from optim.plain import Plain, plains

from minirad import optim
from minirad.optim import trace
from minirad.optim.trace_lines import LINES
from minirad.variance import sma_limit, variance

TOKEN = re.compile(r"[A-Za-z]\w*?(?:_\{t-1\}|')|[A-Za-z]\w*|\d+(?:\.\d+)?|>=|<=|[-+*/^(),<>]")
FUNCTIONS = {"sqrt": np.sqrt, "max": max, "Var": variance}


def python(formula):
    """A formula as Python: "2 t beta2^t" is 2*t*beta2**t."""
    out, operand = [], False
    for token in TOKEN.findall(formula):
        name, number = token[0].isalpha(), token[0].isdigit()
        if operand and (name or number or token == "("):
            out.append("*")
        operand = number or token == ")" or (name and token not in FUNCTIONS)
        out.append(f"x[{token!r}]" if name and token not in FUNCTIONS else "**" if token == "^" else token)
    return "".join(out)


class Names(dict):
    """What the names of a formula mean at one step."""

    def __missing__(self, name):
        if not name.endswith("_t"):
            raise KeyError(name)
        return self[name.removesuffix("_t")]


def value(formula, x):
    """What a formula gives; of "a if word, else b" one side."""
    if choice := re.match(r"(.+?) (if|in the phase of) (\w+), else (.+)", formula):
        one, kind, word, other = choice.groups()
        return value(one if x["branch" if kind == "if" else "phase"] == word else other, x)
    with np.errstate(all="ignore"):
        return eval(python(formula), FUNCTIONS | {"x": x})


def branch(text, x):
    """The word of "up to here: this; then: that if rho_t > 4, else the other"."""
    for piece in text.split("; "):
        when, _, what = piece.rpartition(": ")
        if when in ("", "then") or value(when, x):
            choice = re.fullmatch(r"(\w+) if (.+), else (\w+)", what)
            return what if choice is None else choice[1] if value(choice[2], x) else choice[3]
    raise AssertionError(f"{text!r} says nothing of step {x['t']}")


def settings_of(group, t):
    """The settings by the names that the lines have for them."""
    names = {key: float(value) for key, value in group.items() if isinstance(value, int | float)}
    if "betas" in group:
        names["beta1"], names["beta2"] = group["betas"]
        names["rho_inf"] = sma_limit(names["beta2"])
    if "phases" in group:
        names["phase"] = group["phases"][sum(t > last for last in group["until"])]
    return names


def check(optimizer, steps=9, seed=0):
    """Train, and evaluate all lines at each step."""
    [[p]] = [group["params"] for group in optimizer.param_groups]
    start, rng, gradients = host(p.data).copy(), np.random.default_rng(seed), []
    with trace(optimizer, {"0": range(len(start))}) as found:
        for t in range(steps):
            p.grad = None if t % 5 == 3 else device(rng.normal(1, 2, len(start)))
            gradients += [] if p.grad is None else [host(p.grad)]
            optimizer.step()
    group, rows = optimizer.param_groups[0], found.rows
    columns = [name for name in rows.dtype.names if name not in ("t", "parameter", "index", "lr")]
    assert [line.name for line in found.lines] == columns
    for i in range(len(start)):
        before = dict.fromkeys(columns, 0.0) | {"theta": start[i]}
        for row in rows[rows["index"] == str(i)]:
            row = dict(zip(rows.dtype.names, row.tolist(), strict=True))
            x = Names({f"{k}_{{t-1}}": v for k, v in before.items()} | settings_of(group, row["t"]) | row)
            for line in found.lines:
                told(line, x, row, gradients[row["t"] - 1][i])
            before = row


def told(line, x, row, gradient):
    """One line at one step."""
    if line.name == "branch":
        assert branch(line.text, x) == row["branch"]
        return
    name, formula = re.fullmatch(r"(\S+) = (.+)", line.text).groups()
    assert name in (line.name, f"{line.name}_t")
    formula, _, begin = formula.partition(", and ")
    formula = formula.partition(": ")[0]
    if begin and row["t"] == 1:
        which, start = begin.split(" = ")
        x = Names(x)
        x[f"{line.name}_{{t-1}}"] = value(start, x)
        formula = start if which.endswith("_1") else formula
    if line.name == "g":
        expected = {
            "gradient of f_t at theta_{t-1}": gradient,
            "-(gradient of f_t at theta_{t-1}), to climb": -gradient,
        }
        assert row["g"] == expected[formula]
    elif np.isnan(row[line.name]):
        assert line.name in ("l", "r")
        assert row["branch"] != "adaptive"
    else:
        assert row[line.name] == pytest.approx(value(formula, x), rel=1e-7, abs=1e-10), (line, row)


some = st.sampled_from
rates, decays, flags = some([0.01, 0.3]), some([0, 0.2]), st.booleans()
betas = st.tuples(some([0, 0.5, 0.9]), some([0.3, 0.6, 0.8, 0.99, 0.999]))
common = {"lr": rates, "weight_decay": decays, "eps": some([1e-8, 0.1]), "maximize": flags}
dialects = st.one_of(
    some(["paper", "official", "torch"]),
    st.builds(
        optim.Dialect,
        threshold=some([4.5, 5, 7]),
        inclusive=flags,
        early=some(["momentum", "skip"]),
        epsilon=some(["before", "after"]),
        decay=some(["decoupled", "l2"]),
    ),
)
plain_sgd = {"lr": rates, "weight_decay": decays, "maximize": flags}
OPTIONS = {
    "SGD": (optim.SGD, plain_sgd),
    "momentum": (optim.SGD, {**plain_sgd, "momentum": some([0.5, 0.9]), "dampening": some([0, 0.3])}),
    "Nesterov": (optim.SGD, {**plain_sgd, "momentum": some([0.5, 0.9]), "nesterov": st.just(True)}),
    "Adagrad": (optim.Adagrad, {**common, "lr_decay": some([0, 0.1]), "initial_accumulator_value": some([0, 0.5])}),
    "RMSprop": (
        optim.RMSprop,
        {**common, "alpha": some([0.5, 0.9]), "momentum": some([0, 0.9]), "centered": flags},
    ),
    "Adam": (optim.Adam, {**common, "betas": betas, "amsgrad": flags}),
    "AdamW": (optim.AdamW, {**common, "betas": betas, "amsgrad": flags}),
    "AdamEps": (optim.AdamEps, {**common, "betas": betas}),
    "Adam2k": (optim.Adam2k, {**common, "betas": betas, "frozen": some([0, 3]), "hidden_warmup": flags}),
    "RAdam": (optim.RAdam, {**common, "betas": betas}),
    "RAdamExact": (optim.RAdamExact, {**common, "betas": betas}),
    "RAdamDialect": (optim.RAdamDialect, {**common, "betas": betas, "dialect": dialects}),
    "optax": (
        optim.RAdamDialect,
        {**common, "betas": betas, "dialect": st.just("optax"), "weight_decay": st.just(0)},
    ),
    "PhaseSwitched": (
        optim.PhaseSwitched,
        {
            **common,
            "betas": betas,
            "phases": st.tuples(*[some(["sgd", "adam", "radam", "skip"])] * 3),
            "until": some([(2, 4), (4, 6)]),
        },
    ),
}


def test_every_rule_with_lines_is_here():
    assert {kind for kind, _ in OPTIONS.values()} == set(LINES)


@pytest.mark.parametrize("name", list(OPTIONS))
@given(data=st.data())
def test_every_line_gives_its_column(name, data):
    kind, options = OPTIONS[name]
    settings = data.draw(st.fixed_dictionaries(options))
    check(kind([Plain([1.5, -2.0])], **settings), seed=data.draw(st.integers(0, 9)))


def texts(kind, *names, **settings):
    """Some lines of a rule."""
    lines = trace(kind(plains((1,)), **settings)).lines
    assert max(len(line.text) for line in lines) <= 120
    return [line.text for line in lines if line.name in names]


def test_the_two_decays_look_different():
    """The same argument, two algorithms."""
    l2 = "g' = g_t + weight_decay theta_{t-1}: L2 decay, in the gradient"
    decoupled = "theta_t = (1 - lr weight_decay) theta_{t-1} - step_size m_hat: decoupled decay"
    plain = "theta_t = theta_{t-1} - step_size m_hat"
    for dialect in ("torch", "official"):
        assert texts(optim.RAdamDialect, "g'", "theta", dialect=dialect) == [plain]
    assert texts(optim.RAdamDialect, "g'", "m", "theta", dialect="torch", weight_decay=0.1) == [
        l2, "m_t = beta1 m_{t-1} + (1 - beta1) g'", plain,
    ]  # fmt: skip
    assert texts(optim.RAdamDialect, "g'", "theta", dialect="paper", weight_decay=0.1) == [decoupled]
    assert texts(optim.RAdamDialect, "g'", "theta", dialect="official", weight_decay=0.1) == [
        "theta_t = theta_{t-1} if skip, else (1 - lr weight_decay) theta_{t-1} - step_size m_hat: decoupled decay"
    ]
    assert texts(optim.Adam, "g'", "v", "theta", weight_decay=0.1) == [
        l2, "v_t = beta2 v_{t-1} + (1 - beta2) g'^2", plain,
    ]  # fmt: skip
    assert texts(optim.AdamW, "g'", "theta") == [decoupled]  # its weight_decay is not 0
    assert texts(optim.AdamW, "g'", "theta", weight_decay=0) == [plain]


def test_where_epsilon_stands():
    after, before = "step_size = lr / (sqrt(v_hat) + eps)", "step_size = lr sqrt(1 - beta2^t) / (sqrt(v_t) + eps)"
    assert texts(optim.Adam, "step_size") == [after]
    assert texts(optim.AdamEps, "step_size") == [before]
    assert texts(optim.RAdamDialect, "l", dialect="torch") == ["l_t = sqrt(1 - beta2^t) / (sqrt(v_t) + eps)"]
    assert texts(optim.RAdamDialect, "l", dialect="optax") == ["l_t = 1 / (sqrt(v_hat) + eps)"]


def test_the_test_of_a_variant_is_in_its_branch():
    assert texts(optim.RAdamExact, "branch") == ["adaptive if rho_t > 2, else momentum"]
    for dialect, text in {
        "paper": "adaptive if rho_t > 4, else momentum",
        "torch": "adaptive if rho_t > 5, else momentum",
        "official": "adaptive if rho_t >= 5, else skip",
        "optax": "adaptive if rho_t >= 5, else momentum",
    }.items():
        assert texts(optim.RAdamDialect, "branch", dialect=dialect) == [text]
    assert texts(optim.Adam2k, "branch", frozen=3) == ["frozen if t <= 3, else adaptive"]
    assert texts(optim.PhaseSwitched, "branch", phases=("sgd", "adam", "radam")) == [
        "t <= 4: momentum; t <= 8: adaptive; then: adaptive if rho_t > 4, else momentum"
    ]
    assert texts(optim.PhaseSwitched, "branch", phases=("skip", "skip", "sgd")) == ["t <= 8: skip; then: momentum"]
    assert texts(optim.PhaseSwitched, "branch") == ["adaptive if rho_t > 4, else momentum"]


def test_options_that_are_off_leave_no_words():
    assert texts(optim.SGD, "g", "g'", "m", "theta", lr=1) == [
        "g_t = gradient of f_t at theta_{t-1}", "theta_t = theta_{t-1} - lr g_t",
    ]  # fmt: skip
    assert texts(optim.SGD, "g", "m", "theta", lr=1, momentum=0.9, dampening=0.5, maximize=True) == [
        "g_t = -(gradient of f_t at theta_{t-1}), to climb",
        "m_t = momentum m_{t-1} + (1 - dampening) g_t, and m_1 = g_t",
        "theta_t = theta_{t-1} - lr m_t",
    ]
    assert texts(optim.SGD, "m", "theta", lr=1, momentum=0.9, nesterov=True) == [
        "m_t = momentum m_{t-1} + g_t", "theta_t = theta_{t-1} - lr (g_t + momentum m_t)",
    ]  # fmt: skip
    assert texts(optim.RMSprop, "mean", "step_size", "m") == ["step_size = lr / (sqrt(v_t) + eps)"]
    assert texts(optim.Adam, "v_max", "v_hat", amsgrad=True) == [
        "v_max_t = max(v_max_{t-1}, v_t)", "v_hat = v_max_t / (1 - beta2^t)",
    ]  # fmt: skip


def test_each_group_has_its_lines_and_a_setting_may_change():
    """A column that some steps do not have is empty there."""
    a, b = plains((1,), (1,))
    optimizer = optim.SGD([{"params": [("a", a)], "momentum": 0.5}, {"params": [("b", b)], "weight_decay": 0.1}], lr=1)
    with trace(optimizer) as steps:
        optimizer.step()
        optimizer.param_groups[0]["momentum"] = 0
        optimizer.step()
    assert [line.name for line in steps.lines] == ["g", "m", "update", "theta"]
    assert [line.name for line in steps.lines_for("a")] == ["g", "update", "theta"]
    assert [line.name for line in steps.lines_for("b")] == ["g", "g'", "update", "theta"]
    with pytest.raises(ValueError, match="trace: no parameter 'c'"):
        steps.lines_for("c")
    rows = steps.rows
    assert rows.dtype.names == ("t", "parameter", "index", "lr", "g", "m", "update", "theta", "g'")
    assert np.isnan(rows["m"]).tolist() == [False, True, True, True]
    assert np.isnan(rows["g'"]).tolist() == [True, False, True, False]
