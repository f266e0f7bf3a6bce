"""Checkpoints: going on in a new process gives the same bits; what does not fit changes nothing."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from helpers import BACKEND, device, host
from optim.plain import Plain, plains

import minirad as mr
from minirad import checkpoint, optim

safetensors = pytest.importorskip("safetensors", reason="needs the extra minirad[lab]")

# Trains a small net with dropout, shuffled data and a schedule; saves or loads where it is told to.
PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
if {fake!r} == "fake-cupy":
    from fake_cupy import cupy
    sys.modules["cupy"] = cupy
import minirad as mr
mr.use_backend({backend!r})
from minirad import checkpoint
from minirad.backend import stream, to_host
rule, settings, first, last, load, save = {arguments!r}
mr.manual_seed(3)
model = mr.nn.Sequential(mr.nn.Linear(6, 8), mr.nn.Tanh(), mr.nn.Dropout(0.3), mr.nn.Linear(8, 2))
optimizer = getattr(mr.optim, rule)(model.named_parameters(), **settings)
warmup = mr.optim.lr_scheduler.LinearWarmup(optimizer, 6)
scheduler = mr.optim.lr_scheduler.SequentialLR(optimizer, [warmup, mr.optim.lr_scheduler.StepLR(optimizer, 3)], [6])
if load:
    assert checkpoint.load(load, model=model, optimizer=optimizer, scheduler=scheduler) == {{"step": first}}
for t in range(first, last):
    x = mr.tensor(stream("shuffle").standard_normal((5, 6)).astype("float32"))
    optimizer.zero_grad()
    (model(x) * model(x)).mean().backward()
    if t % 4 == 1:
        list(model.parameters())[1].grad = None  # its own t stays behind
    optimizer.step()
    scheduler.step()
if save:
    checkpoint.save(save, model=model, optimizer=optimizer, scheduler=scheduler, extra={{"step": last}})
print([to_host(p.data).tobytes().hex() for p in model.parameters()], optimizer.param_groups[0]["lr"])
"""

RULES = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.1}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.5, "centered": True}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.01, "maximize": True}),
    ("RAdam", {"lr": 0.01, "betas": (0.8, 0.99)}),
    ("RAdamDialect", {"lr": 0.01, "dialect": "official"}),
    ("RAdamDialect", {"lr": 0.01, "dialect": {"threshold": 4.5, "epsilon": "after"}}),
    ("Adam2k", {"lr": 0.01, "frozen": 6, "hidden_warmup": False}),
    ("PhaseSwitched", {"lr": 0.01, "phases": ("sgd", "adam", "radam"), "until": (3, 9)}),
]


def run(*arguments):
    """The program in a process of its own; what it printed."""
    fill = {"tests": str(Path(__file__).parent), "fake": BACKEND, "backend": BACKEND.removeprefix("fake-")}
    environment = {key: value for key, value in os.environ.items() if key != "MINIRAD_BACKEND"}
    environment["PYTHONPATH"] = str(Path(mr.__file__).parents[1])
    command = [sys.executable, "-c", PROGRAM.format(arguments=arguments, **fill)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "settings"), RULES)
def test_going_on_in_a_new_process_gives_the_same_bits(rule, settings, tmp_path):
    whole = run(rule, settings, 0, 14, "", str(tmp_path / "whole"))
    run(rule, settings, 0, 5, "", str(tmp_path / "half"))
    assert run(rule, settings, 5, 14, str(tmp_path / "half"), str(tmp_path / "rest")) == whole
    assert (tmp_path / "rest").read_bytes() == (tmp_path / "whole").read_bytes()  # every state, stream and setting


def parts(seed=0):
    """A model, its optimizer with some steps behind it, and a schedule."""
    mr.manual_seed(seed)
    model = mr.nn.Sequential(mr.nn.Linear(3, 4), mr.nn.Linear(4, 2))
    optimizer = optim.RAdam(model.named_parameters(), lr=0.1 + seed)
    scheduler = optim.lr_scheduler.LinearWarmup(optimizer, 10)
    for _ in range(3 + seed):
        for p in model.parameters():
            p.grad = device(np.ones(p.shape, "float32"))
        optimizer.step()
        scheduler.step()
    return {"model": model, "optimizer": optimizer, "scheduler": scheduler}


def everything(built):
    """All that a checkpoint restores, comparable with ==."""
    model = {name: array.tobytes() for name, array in built["model"].state_dict().items()}
    state = built["optimizer"].state_dict()
    arrays = {
        name: {key: x if isinstance(x, int) else x.tobytes() for key, x in own.items()}
        for name, own in state["state"].items()
    }
    return model, arrays, state["param_groups"], built["scheduler"].state_dict()


def test_everything_comes_back(tmp_path):
    saved, other = parts(), parts(seed=1)
    checkpoint.save(tmp_path / "c", **saved, extra={"epoch": 3, "best": [0.5, None]})
    draws = mr.backend.stream("noise").random(3).tolist()
    assert everything(saved) != everything(other)
    assert checkpoint.load(tmp_path / "c", **other) == {"epoch": 3, "best": [0.5, None]}
    assert everything(saved) == everything(other)
    assert mr.backend.stream("noise").random(3).tolist() == draws
    assert isinstance(other["optimizer"].param_groups[0]["betas"], tuple)


def test_each_part_can_be_saved_and_loaded_alone(tmp_path):
    saved, other = parts(), parts(seed=1)
    for name in ("model", "optimizer", "scheduler"):
        checkpoint.save(tmp_path / name, **{name: saved[name]})
        checkpoint.load(tmp_path / name, **{name: other[name]})
        for missing in {"model", "optimizer", "scheduler"} - {name}:
            with pytest.raises(ValueError, match=f"checkpoint.load: .*{name} holds no {missing}"):
                checkpoint.load(tmp_path / name, **{missing: other[missing]})
    assert everything(saved) == everything(other)


def test_a_part_of_a_checkpoint_can_be_loaded(tmp_path):
    """To look at a trained model, no optimizer is needed."""
    saved, other = parts(), parts(seed=1)
    checkpoint.save(tmp_path / "c", **saved)
    before = everything(other)[1:]
    checkpoint.load(tmp_path / "c", model=other["model"])
    assert everything(other) == (everything(saved)[0], *before)


def test_arrays_that_are_not_contiguous_and_single_numbers(tmp_path):
    """safetensors would write a transposed array's bytes in the wrong order."""

    class Odd(mr.nn.Module):
        def __init__(self, factor):
            self.weight = mr.nn.Parameter(device(factor * np.arange(6.0).reshape(2, 3).T))
            self.scale = mr.nn.Parameter(device(np.array(factor * 2.5)))
            self.register_buffer("count", np.array(factor))

    ours, theirs = Odd(1.0), Odd(0.0)
    optimizer, other = (optim.Adam(m.named_parameters()) for m in (ours, theirs))
    for p in ours.parameters():
        p.grad = p.data.copy()
    optimizer.step()
    checkpoint.save(tmp_path / "c", model=ours, optimizer=optimizer)
    checkpoint.load(tmp_path / "c", model=theirs, optimizer=other)
    for name, array in ours.state_dict().items():
        assert np.array_equal(theirs.state_dict()[name], array)
        assert theirs.state_dict()[name].shape == array.shape
    assert other.state_dict()["state"]["scale"]["v"] == optimizer.state_dict()["state"]["scale"]["v"]
    assert host(theirs.weight.data)[2, 1] == pytest.approx(5.0, abs=0.01)


def test_settings_of_every_kind(tmp_path):
    """NumPy's numbers, tuples and dialects go through JSON."""
    dialect = optim.Dialect(threshold=4.5, early="skip")
    ours, theirs = plains((3,)), plains((3,))
    optimizer = optim.RAdamDialect(ours, dialect, lr=np.float32(0.125), betas=(np.float64(0.5), 0.75))
    optimizer.step()
    checkpoint.save(tmp_path / "c", optimizer=optimizer)
    other = optim.RAdamDialect(theirs, "torch")
    checkpoint.load(tmp_path / "c", optimizer=other)
    for _ in range(9):
        theirs[0].data = ours[0].data.copy()
        optimizer.step()
        other.step()
        assert np.array_equal(host(ours[0].data), host(theirs[0].data))
    assert other.param_groups[0]["lr"] == 0.125


def test_a_file_without_pickle_that_others_can_read(tmp_path):
    from safetensors.numpy import load_file

    saved = parts()
    checkpoint.save(tmp_path / "c.safetensors", **saved)
    arrays = load_file(tmp_path / "c.safetensors")
    assert np.array_equal(arrays["model/0.weight"], saved["model"].state_dict()["0.weight"])
    assert arrays.keys() >= {"optimizer/m/0.weight", "optimizer/v/1.bias"}
    with safetensors.safe_open(tmp_path / "c.safetensors", framework="numpy") as file:
        header = json.loads(file.metadata()["minirad"])
    assert header["optimizer"]["t"] == dict.fromkeys(["0.weight", "0.bias", "1.weight", "1.bias"], 3)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    saved = parts()
    for name in "ab":
        checkpoint.save(tmp_path / name, **saved)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


# ---- what is refused


def other_model():
    return {"model": mr.nn.Sequential(mr.nn.Linear(3, 4), mr.nn.Linear(4, 3))}


def other_optimizer():
    built = parts(seed=1)
    built["optimizer"].release()
    return built | {"optimizer": optim.RAdam([("x", p) for p in list(built["model"].parameters())[:1]])}


def other_scheduler():
    built = parts(seed=1)
    groups = [{"params": [p]} for p in plains((2,), (3,))]
    return built | {"scheduler": optim.lr_scheduler.LinearWarmup(optim.SGD(groups, lr=1.0), 3)}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (other_model, "load_state_dict: 1.weight of Sequential"),
        (other_optimizer, "RAdam.load_state_dict: the saved groups hold other parameters"),
        (other_scheduler, "LinearWarmup.load_state_dict: 1 rates for 2 groups"),
    ],
)
def test_what_does_not_fit_changes_nothing(build, message, tmp_path):
    checkpoint.save(tmp_path / "c", **parts())
    built = build()
    before = {name: deepcopy(part.state_dict()) for name, part in built.items()}
    draws = mr.backend.stream("init").bit_generator.state
    with pytest.raises(ValueError, match=message):
        checkpoint.load(tmp_path / "c", **built)
    for name, part in built.items():
        assert str(part.state_dict()) == str(before[name]), name
    assert mr.backend.stream("init").bit_generator.state == draws


def test_another_rule(tmp_path):
    checkpoint.save(tmp_path / "c", **parts())
    with pytest.raises(ValueError, match=r"checkpoint.load: .*c is of RAdam, not of Adam"):
        checkpoint.load(tmp_path / "c", optimizer=optim.Adam(plains((3,))))


@pytest.mark.parametrize("spoil", ["empty", "cut", "text", "page", "foreign", "header"])
def test_a_file_that_is_no_checkpoint(spoil, tmp_path):
    from safetensors.numpy import save

    path = tmp_path / "c"
    checkpoint.save(path, **parts())
    content = {
        "empty": b"",
        "cut": path.read_bytes()[:-20],
        "text": b"hello",
        "page": b"<!doctype html><title>Log in</title>" * 99,
        "foreign": save({"w": np.zeros(3)}),
        "header": save({"w": np.zeros(3)}, metadata={"minirad": "{"}),
    }
    path.write_bytes(content[spoil])
    built = parts(seed=1)
    before = everything(built)
    with pytest.raises(ValueError, match=r"checkpoint.load: .*c is no checkpoint of minirad, or is damaged"):
        checkpoint.load(path, **built)
    assert everything(built) == before


def test_another_format(tmp_path):
    from safetensors.numpy import save

    (tmp_path / "c").write_bytes(save({}, metadata={"minirad": '{"format": 99}'}))
    with pytest.raises(ValueError, match="has format 99; this minirad reads 1"):
        checkpoint.load(tmp_path / "c")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "missing")


def test_what_json_can_not_hold(tmp_path):
    with pytest.raises(TypeError, match=r"checkpoint\.save: JSON can't hold a Plain"):
        checkpoint.save(tmp_path / "c", extra={"x": Plain(1.0)})
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    saved = parts()
    checkpoint.save(tmp_path / "c", **saved)
    old = (tmp_path / "c").read_bytes()

    def fail(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path / "c", model=saved["model"])
    assert (tmp_path / "c").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_without_safetensors(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match="checkpoints need safetensors"):
        checkpoint.save(tmp_path / "c")
    with pytest.raises(ImportError, match="checkpoints need safetensors"):
        checkpoint.load(tmp_path / "c")
