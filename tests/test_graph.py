"""mr.graph(t): what is drawn, and what is folded."""

import gc
import os
import re
import shutil
import subprocess
import sys
import weakref

import pytest
from helpers import host
from hypothesis import given
from hypothesis import strategies as st

import minirad as mr
from minirad.models import MLP
from minirad.nn import Linear, Module, ModuleList, ReLU, Sequential, Tanh
from minirad.nn import functional as F
from minirad.tensor import _observers

STRING = r'"(?:[^"\\]|\\.)*"'
ATTRIBUTES = rf"\[(?:\w+=(?:\w+|[\d.]+|{STRING})(?:, )?)+\]"
STATEMENTS = {
    "open": re.compile(r"(?:digraph|subgraph) (\w+) \{"),
    "close": re.compile(r"\}"),
    "defaults": re.compile(rf"(?:graph|node|edge) {ATTRIBUTES}"),
    "title": re.compile(rf"label=({STRING})"),
    "arrow": re.compile(rf"(\w+) -> (\w+)(?: ({ATTRIBUTES}))?"),
    "node": re.compile(rf"(\w+) ({ATTRIBUTES})"),
}


class Parsed:
    """A picture's source, read: nodes as {id: (first line of the label, frames)}, arrows as pairs of ids."""

    def __init__(self, graph):
        self.nodes, self.styles, self.arrows, self.back, self.frames = {}, {}, [], [], []
        frames, depth = [], 0
        for line in map(str.strip, filter(None, str(graph).split("\n"))):
            kind, match = next((k, m) for k, p in STATEMENTS.items() if (m := p.fullmatch(line)))
            if kind == "open":
                depth += 1
                frames += [""] * (match[1] != "tape")
            elif kind == "close":
                depth -= 1
                frames = frames[:-1]
            elif kind == "title":
                frames[-1] = match[1][1:-1]
                self.frames.append(frames[-1])
            elif kind == "node":
                assert match[1] not in self.nodes
                label = re.search(rf"label=({STRING})", match[2])[1][1:-1]
                self.nodes[match[1]] = (label.split(r"\n")[0], tuple(frames))
                self.styles[match[1]] = label.split(r"\n")[1:], match[2]
            elif kind == "arrow":
                (self.back if "dashed" in (match[3] or "") else self.arrows).append((match[1], match[2]))
        assert depth == 0
        assert {node for arrow in self.arrows + self.back for node in arrow} <= set(self.nodes)

    def ops(self):
        return [label for node, (label, _) in self.nodes.items() if node.startswith("op")]

    def leaves(self):
        return sorted(label for node, (label, _) in self.nodes.items() if node.startswith("leaf"))

    def named_arrows(self):
        return sorted((self.nodes[a][0], self.nodes[b][0]) for a, b in self.arrows)

    def times(self, node):
        """How many ops of the tape an op stands for."""
        n = 1
        for frame in self.nodes[node][1]:
            n *= int(match[1]) if (match := re.search(r"× (\d+)$", frame)) else 1
        return n


def leaf(*data):
    return mr.tensor(list(data), requires_grad=True)


def tape_size(tensor):
    return sum(node.vjp is not None for node in tensor.tape())


def loss_of(model, width):
    return F.cross_entropy(model(mr.randn(2, width)), [0, 1])


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    assert not _observers


# ---- what is drawn


def test_a_small_tape():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = (x * w + 1).tanh()
    picture = Parsed(mr.graph((y * y).sum(), params={"x": x, "w": w}))
    assert picture.ops() == ["mul", "add", "tanh", "mul", "sum"]
    assert picture.leaves() == ["w", "x"]
    assert picture.named_arrows() == [
        ("add", "tanh"), ("mul", "add"), ("mul", "sum"), ("tanh", "mul"), ("tanh", "mul"), ("w", "mul"), ("x", "mul")
    ]  # fmt: skip
    assert not picture.back
    assert picture.styles["op0"][0] == ["(2,) float32"]
    assert picture.styles["op4"][0] == ["() float32"]


def test_ops_leaves_parameters_and_constants_look_different():
    layer = Linear(2, 3)
    y = layer(mr.ones(4, 2)) * leaf(1.0)
    picture = Parsed(mr.graph(y, constants=True))
    looks = {label: picture.styles[node][1].partition(", label")[0] for node, (label, _) in picture.nodes.items()}
    assert looks.keys() == {"linear", "mul", "parameter", "leaf", "constant"}
    assert looks["linear"] == looks["mul"]
    assert len(set(looks.values())) == 4
    assert "constant" not in Parsed(mr.graph(y)).leaves()


def test_names_of_parameters():
    model = MLP(4, [3], 2)
    named = Parsed(mr.graph(loss_of(model, 4), module=model))
    assert named.leaves() == sorted(name for name, _ in model.named_parameters())
    assert Parsed(mr.graph(loss_of(model, 4), params=dict(model.named_parameters()))).leaves() == named.leaves()
    assert Parsed(mr.graph(loss_of(model, 4))).leaves() == ["parameter"] * 4


def test_params_come_before_module():
    layer = Linear(2, 2, bias=False)
    picture = mr.graph(layer(mr.ones(2)), module=layer, params={"mine": layer.weight})
    assert Parsed(picture).leaves() == ["mine"]


def test_a_leaf_alone():
    picture = Parsed(mr.graph(leaf(1.0), fold=False))
    assert picture.leaves() == ["leaf"]
    assert not picture.ops()


def test_a_leaf_used_twice_is_one_node():
    x = leaf(1.0)
    assert Parsed(mr.graph(x.exp() + x)).leaves() == ["leaf"]


def test_any_name_can_be_written():
    x = leaf(1.0)
    assert Parsed(mr.graph(x * 2, params={'a "b" \\': x})).leaves() == [r"a \"b\" \\"]


def test_the_tape_is_as_before():
    def gradients(draw):
        mr.manual_seed(1)
        model = MLP(4, [3, 3, 3], 2)
        if draw:
            with mr.graph.recording(model):
                loss = loss_of(model, 4)
            mr.graph(loss, constants=True)
        else:
            loss = loss_of(model, 4)
        loss.backward()
        return [host(p.grad).tolist() for p in model.parameters()]

    assert gradients(True) == gradients(False)


# ---- modules


def test_frames_for_modules():
    model = MLP(4, [3], 2)
    with mr.graph.recording(model):
        loss = loss_of(model, 4)
    picture = Parsed(mr.graph(loss))
    inside = ("MLP", "layers: Sequential")
    assert [picture.nodes[f"op{i}"] for i in range(4)] == [
        ("linear  layers.1", inside),
        ("relu  layers.2", inside),
        ("linear  layers.3", inside),
        ("cross_entropy", ()),
    ]
    assert picture.leaves() == sorted(name for name, _ in model.named_parameters())
    assert {frames for node, (_, frames) in picture.nodes.items() if node.startswith("leaf")} == {inside}


class Shared(Module):
    """One layer, called twice; a parameter of its own; and ops between."""

    def __init__(self):
        self.layer, self.scale = Sequential(Linear(2, 2), Tanh()), mr.nn.Parameter([1.0, 2.0])

    def forward(self, x):
        return self.layer((self.layer(x) * self.scale).relu()) * self.scale


def test_a_module_that_is_called_twice_has_two_frames():
    with mr.graph.recording(model := Shared()):
        y = model(mr.ones(2))
    picture = Parsed(mr.graph(y))
    inner = ("Shared", "layer: Sequential")
    assert [picture.nodes[node] for node in picture.nodes if node.startswith("op")] == [
        ("linear  layer.0", inner), ("tanh  layer.1", inner), ("mul", inner[:1]), ("relu", inner[:1]),
        ("linear  layer.0", inner), ("tanh  layer.1", inner), ("mul", inner[:1])
    ]  # fmt: skip
    assert str(mr.graph(y)).count("subgraph") == 3
    assert {frames for node, (_, frames) in picture.nodes.items() if node.startswith("leaf")} == {inner[:1]}


def test_calls_one_after_the_other_have_a_frame_each():
    with mr.graph.recording(model := Sequential(Linear(2, 2), Tanh())):
        y = model(model(mr.ones(2)))
    assert Parsed(mr.graph(y)).frames == ["Sequential", "Sequential"]


def test_a_part_of_a_model_can_be_recorded():
    model = MLP(4, [3], 2)
    with mr.graph.recording(model.layers[1]):
        loss = loss_of(model, 4)
    picture = Parsed(mr.graph(loss))
    assert picture.ops() == ["linear", "relu", "linear", "cross_entropy"]
    assert picture.leaves() == ["bias", "parameter", "parameter", "weight"]


def test_recording_under_no_grad_notes_nothing():
    model = Linear(2, 2)
    with mr.graph.recording(model), mr.no_grad():
        y = model(mr.ones(2))
    with pytest.raises(RuntimeError, match="no_grad"):
        mr.graph(y)


def test_recording_ends_after_an_error():
    model = MLP(4, [3], 2)
    with pytest.raises(ValueError, match="linear"), mr.graph.recording(model):
        model(mr.ones(1, 5))
    assert all("forward" not in vars(module) for _, module in model.named_modules())
    with mr.graph.recording(model):
        assert Parsed(mr.graph(loss_of(model, 4))).frames == ["MLP", "layers: Sequential"]


def test_recording_inside_of_recording():
    model = MLP(4, [3], 2)
    with mr.graph.recording(model):
        with mr.graph.recording(model):
            pass
        loss = loss_of(model, 4)
    assert "forward" not in vars(model)
    assert Parsed(mr.graph(loss)).frames == ["MLP", "layers: Sequential"]


def test_a_forward_that_was_set_on_the_module_itself_stays():
    layer = Linear(2, 2)
    layer.forward = own = lambda x: F.linear(x, layer.weight).tanh()
    with mr.graph.recording(layer):
        y = layer(mr.ones(2))
    assert layer.forward is own
    assert Parsed(mr.graph(y)).ops() == ["linear", "tanh"]


def test_with_debug_and_profile():
    model = MLP(4, [3], 2)
    with mr.debug(), mr.graph.recording(model), mr.profile() as p:
        loss = loss_of(model, 4)
        assert Parsed(mr.graph(loss)).frames == ["MLP", "layers: Sequential"]
        loss.backward()
    assert {row.op: row.calls for row in p.rows}["linear"] == 2


def test_nothing_is_kept_alive():
    gc.collect()
    gc.disable()
    try:
        model = MLP(4, [3, 3, 3], 2)
        with mr.graph.recording(model):
            loss = loss_of(model, 4)
        picture = mr.graph(loss)
        alive = [
            weakref.ref(thing) for thing in (loss, loss.parents[0], model, model.layers[1], model.layers[1].weight)
        ]
        del loss, model
        assert [ref() for ref in alive] == [None] * 5
        assert str(picture)
    finally:
        gc.enable()


# ---- folding


class Block(Module):
    """A residual block."""

    def __init__(self, n_in, n_out):
        self.a, self.b, self.act = Linear(n_in, n_out), Linear(n_out, n_out), ReLU()
        self.short = None if n_in == n_out else Linear(n_in, n_out)

    def forward(self, x):
        y = self.b(self.act(self.a(x)))
        return self.act(y + (x if self.short is None else self.short(x)))


def drawn(model, width, **options):
    with mr.graph.recording(model):
        loss = loss_of(model, width)
    return loss, Parsed(mr.graph(loss, **options))


def test_equal_blocks_are_drawn_once():
    model = Sequential(Linear(4, 8), ReLU(), *[Block(8, 8) for _ in range(6)], Linear(8, 3))
    loss, picture = drawn(model, 4)
    frame = "2 … 7: Block × 6"
    assert picture.frames == ["Sequential", frame]
    assert [label for label, frames in picture.nodes.values() if frame in frames] == [
        "2.a.weight", "2.a.bias", "linear  2.a", "relu  2.act",
        "2.b.weight", "2.b.bias", "linear  2.b", "add", "relu  2.act"
    ]  # fmt: skip
    # Into the first block, from the last one, and from each to the next: along the branch and along the shortcut.
    arrows = picture.named_arrows()
    assert ("relu  1", "linear  2.a") in arrows
    assert ("relu  1", "add") in arrows
    assert ("relu  2.act", "linear  8") in arrows
    assert [(picture.nodes[a][0], picture.nodes[b][0]) for a, b in picture.back] == [
        ("relu  2.act", "linear  2.a"),
        ("relu  2.act", "add"),
    ]
    assert len(picture.ops()) == tape_size(loss) - 5 * 5
    assert len(drawn(model, 4, fold=False)[1].ops()) == tape_size(loss)


def test_stages_of_a_residual_net():
    def stage(n_in, n):
        return Sequential(Block(n_in, n), Block(n, n), Block(n, n))

    model = Sequential(Linear(4, 8), ReLU(), stage(8, 8), stage(8, 12), Linear(12, 3))
    loss, picture = drawn(model, 4)
    assert picture.frames == [
        "Sequential", "2: Sequential", "2.0 … 2.2: Block × 3", "3: Sequential", "3.0: Block", "3.1 … 3.2: Block × 2"
    ]  # fmt: skip
    assert sum(map(picture.times, (n for n in picture.nodes if n.startswith("op")))) == tape_size(loss)


def test_layers_in_turn_are_folded_with_linear_first():
    model = MLP(4, [8] * 5, 3)
    _, picture = drawn(model, 4)
    assert picture.frames == ["MLP", "layers: Sequential", "layers.3 … layers.10 × 4"]
    assert [label for label, frames in picture.nodes.values() if len(frames) == 3][-2:] == [
        "linear  layers.3", "relu  layers.4"
    ]  # fmt: skip


def test_without_modules_too():
    loss = loss_of(MLP(4, [8] * 5, 3), 4)
    picture = Parsed(mr.graph(loss))
    assert picture.ops() == ["linear", "relu", "linear", "relu", "linear", "cross_entropy"]
    assert picture.frames == ["× 4"]


def test_a_few_ops_are_drawn_as_they_are():
    x = leaf(1.0)
    assert Parsed(mr.graph(x.tanh().tanh().tanh().tanh())).ops() == ["tanh"] * 4
    assert Parsed(mr.graph(x.tanh().tanh().tanh().tanh().tanh())).ops() == ["tanh"]


def chain(x, n=6):
    for _ in range(n):
        x = x * 2 + 1
    return x


def test_arrows_of_a_chain_of_ops():
    x = leaf(1.0, 2.0)
    picture = Parsed(mr.graph(chain(x).sum(), params={"x": x}))
    assert picture.named_arrows() == [("add", "sum"), ("mul", "add"), ("x", "mul")]
    assert picture.back == [("op1", "op0")]


def test_a_repeated_op_has_an_arrow_to_itself():
    picture = Parsed(mr.graph(leaf(1.0).tanh().tanh().tanh().tanh().tanh().tanh()))
    assert picture.back == [("op0", "op0")]
    assert picture.frames == ["× 6"]


UNITS = {
    "the same": lambda x: x * 2 + 1,
    "another op": lambda x: x * 2 - 1,
    "another order": lambda x: 1 + x * 2,
    "another shape": lambda x: x * 2 + mr.ones(2),
    "a leaf": lambda x: x * 2 + leaf(1.0, 1.0),
    "another arrow": lambda x: x * 2 + x,
}


@pytest.mark.parametrize("unit", UNITS)
def test_what_differs_is_not_folded(unit):
    x = leaf(1.0, 2.0)
    for i in range(6):
        x = UNITS[unit if i == 3 else "the same"](x)
    picture = Parsed(mr.graph(x))
    assert picture.frames == (["× 6"] if unit == "the same" else ["× 3"])
    assert len(picture.ops()) == (2 if unit == "the same" else 2 + 2 + 4)


def test_shapes_must_agree():
    with mr.graph.recording(model := Sequential(*[Linear(n, n + 1) for n in range(2, 12)])):
        y = model(mr.ones(2))
    assert len(Parsed(mr.graph(y)).ops()) == 10


def test_types_of_modules_must_agree():
    class Other(Linear):
        pass

    with mr.graph.recording(model := Sequential(*[kind(2, 2) for _ in range(4) for kind in (Linear, Other)])):
        y = model(mr.ones(2))
    assert Parsed(mr.graph(y)).frames == ["Sequential", "0 … 7 × 4"]


def test_wiring_must_agree():
    """Each takes from the first op, not from the one before: no chain, but side by side, without an arrow back."""
    x = leaf(1.0, 2.0).exp()
    picture = Parsed(mr.graph(mr.cat([x.tanh() for _ in range(6)])))
    assert picture.ops() == ["exp", "tanh", "cat"]
    assert picture.named_arrows() == [("exp", "tanh"), ("leaf", "exp"), ("tanh", "cat")]
    assert not picture.back
    # A block that reaches back over two others is no repetition of one that reaches back over one.
    y = [leaf(1.0)]
    for i in range(12):
        y.append(y[i] + y[i // 2])
    assert len(Parsed(mr.graph(y[-1])).ops()) > 6


def test_an_unrolled_recurrence():
    cell, xs = Linear(3, 3), mr.randn(6, 2, 3, requires_grad=True)
    for rows in ([xs[t] for t in range(6)], xs):  # taken apart before, or on the way
        h = mr.zeros(2, 3, requires_grad=True)
        for t in range(6):
            h = (cell(h) + rows[t]).tanh()
        picture = Parsed(mr.graph(h, params={"xs": xs}))
        assert sum(map(picture.times, (n for n in picture.nodes if n.startswith("op")))) == tape_size(h) == 24
        assert len(picture.ops()) <= 8
        assert picture.leaves() == ["leaf", "parameter", "parameter", "xs"]


def test_a_run_inside_of_a_run():
    def block():
        return Sequential(Linear(3, 3), *[Tanh() for _ in range(6)])

    with mr.graph.recording(model := Sequential(*[block() for _ in range(5)])):
        y = model(mr.ones(3))
    picture = Parsed(mr.graph(y))
    assert picture.nodes["op1"] == ("tanh", ("Sequential", "0 … 4: Sequential × 5", "0.1 … 0.6: Tanh × 6"))
    assert picture.ops() == ["linear  0.0", "tanh"]
    assert picture.times("op1") == 30
    assert picture.back == [("op1", "op1"), ("op1", "op0")]


def test_all_units_may_be_used_afterwards():
    x, kept = leaf(1.0, 2.0), []
    for _ in range(6):
        x = (x * 2).tanh()
        kept.append(x)
    assert Parsed(mr.graph(mr.stack(kept))).named_arrows() == [("leaf", "mul"), ("mul", "tanh"), ("tanh", "stack")]


@given(st.lists(st.sampled_from([lambda: Linear(3, 3), lambda: Linear(3, 3, bias=False), ReLU, Tanh]), min_size=1))
def test_no_op_is_lost(kinds):
    model = Sequential(Linear(3, 3), *[kind() for kind in kinds])
    loss, folded = drawn(model, 3)
    assert sum(folded.times(node) for node in folded.nodes if node.startswith("op")) == tape_size(loss)
    _, plain = drawn(model, 3, fold=False)
    assert len(plain.ops()) == tape_size(loss) == len(kinds) + 2
    assert len(plain.arrows) == len(kinds) + 1 + len(list(model.parameters()))


def test_a_list_of_heads():
    class Heads(Module):
        def __init__(self):
            self.heads = ModuleList(Sequential(Linear(4, 2), Tanh()) for _ in range(5))

        def forward(self, x):
            return mr.cat([head(x) for head in self.heads], dim=1)

    _, picture = drawn(Heads(), 4)
    assert picture.frames == ["Heads", "heads.0 … heads.4: Sequential × 5"]


def test_long_tapes():
    x = leaf(1.0)
    for i in range(20_000):
        x = x.tanh() if i % 7 % 3 else x * 2
    assert len(Parsed(mr.graph(x)).ops()) < 20


# ---- as a file, and in a notebook

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz's program dot")


def test_it_is_text(tmp_path):
    picture = mr.graph(chain(leaf(1.0)))
    assert str(picture) == repr(picture) == picture.dot
    picture.save(tmp_path / "tape.dot")
    assert (tmp_path / "tape.dot").read_text("utf-8") == picture.dot
    with pytest.raises(ValueError, match=r"graph.save writes DOT source; a picture is made by render\('tape.svg'\)"):
        picture.save("tape.svg")


def test_without_graphviz(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    picture = mr.graph(leaf(1.0) * 2)
    assert picture._repr_svg_() is None
    with pytest.raises(RuntimeError, match="needs Graphviz's program dot"):
        picture.render(tmp_path / "tape.svg")
    assert not list(tmp_path.iterdir())


@needs_dot
def test_rendered(tmp_path):
    _, _ = drawn(model := Sequential(Linear(4, 8), *[Block(8, 8) for _ in range(3)]), 4)
    with mr.graph.recording(model):
        picture = mr.graph(loss_of(model, 4), constants=True)
    assert "Block × 3" in picture._repr_svg_().replace("&#45;", "-")
    picture.render(tmp_path / "tape.png")
    assert (tmp_path / "tape.png").read_bytes().startswith(b"\x89PNG")


@needs_dot
def test_a_format_that_graphviz_does_not_know(tmp_path):
    with pytest.raises(ValueError, match="dot can't write 'nonsense'"):
        mr.graph(leaf(1.0) * 2).render(tmp_path / "tape.nonsense")
    assert not list(tmp_path.iterdir())


# ---- the name


def test_it_is_imported_when_asked_for():
    program = """
import sys
import minirad as mr
assert not {"minirad.graphing", "minirad.profiler"} & set(sys.modules)
import minirad.graphing
assert mr.graph is minirad.graphing.Graph
assert mr.profile is minirad.profiler.profile
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"MINIRAD_BACKEND": "numpy"})


# ---- bad input


def test_bad_input(tmp_path):
    with pytest.raises(TypeError, match="graph: expected a Tensor, got list"):
        mr.graph([1.0])
    with pytest.raises(RuntimeError, match="graph: this tensor was made without requires_grad"):
        mr.graph(mr.ones(2) * 2)
    with pytest.raises(ValueError, match=r"graph.render: path must end with .svg, .png or .pdf, got .*tape'"):
        mr.graph(leaf(1.0)).render(tmp_path / "tape")
    with pytest.raises(TypeError, match=r"graph.recording: expected a Module, got list"), mr.graph.recording([]):
        pass


def test_a_used_tape():
    x = leaf(1.0)
    y = x * 2
    loss, other = y.sum(), y.exp()
    loss.backward()
    for used in (loss, y, other):
        with pytest.raises(RuntimeError, match=r"graph: backward\(\) has dropped this tape"):
            mr.graph(used)
