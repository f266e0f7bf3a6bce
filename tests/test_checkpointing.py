"""Trainings that are killed go on where they were: the same weights, history and file, bit for bit."""

import json
import math
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import environment
from helpers import BACKEND
from hypothesis import given, settings
from hypothesis import strategies as st
from interrupted import BATCH, EPOCHS, SETTINGS, STEPS, Criterion, StoppedError, everything, images

import minirad as mr
from minirad import checkpointing, nn, optim
from minirad.backend import STREAMS, stream
from minirad.checkpoint import peek, random_state
from minirad.checkpointing import Checkpoint
from minirad.data import LengthBatches, Loader
from minirad.optim.lr_scheduler import LinearWarmup, StepLR
from minirad.train import train

pytest.importorskip("safetensors", reason="needs the extra minirad[lab]")


def weights(model):
    return {name: array.tobytes() for name, array in model.state_dict().items()}


def outcome(path, args, options, **kept):
    """All that a training leaves: the history as JSON keeps it, the weights, the file and the places of the streams."""
    history = train(*args, **options, checkpoint=Checkpoint(path, settings=SETTINGS, **kept))
    return json.dumps(history.epochs), history.stopped, weights(args[0]), path.read_bytes(), random_state()


# ---- the same bits


def test_a_checkpoint_changes_nothing(tmp_path):
    args, options = everything()
    plain = train(*args, **options)
    other, options = everything()
    assert outcome(tmp_path / "c", other, options, every=0)[:3] == (json.dumps(plain.epochs), None, weights(args[0]))


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("steps", range(EPOCHS * STEPS))
def test_interrupted_at_any_step(tmp_path, steps, own):
    whole = outcome(tmp_path / "whole", *everything(own=own))
    args, options = everything(own=own)
    args[1].left = steps
    with pytest.raises(StoppedError):
        outcome(tmp_path / "c", args, options, every=0)
    args, options = everything(seed=8, own=own)  # whatever there was before is overwritten
    assert outcome(tmp_path / "c", args, options) == whole
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["c", "whole"]


@pytest.mark.parametrize("rule", [optim.SGD, optim.Adam])
@pytest.mark.parametrize("every", [0, math.inf])
def test_interrupted_again_and_again(tmp_path, rule, every):
    """Without a checkpoint in the middle, an epoch is begun again."""
    whole = outcome(tmp_path / "whole", *everything(rule=rule), every=every)
    for left in [2, 5, 5, 6, 4, math.inf]:
        args, options = everything(rule=rule)
        args[1].left = left
        try:
            assert outcome(tmp_path / "c", args, options, every=every) == whole
        except StoppedError:
            assert left < math.inf
        else:
            break


def test_going_on_with_the_same_objects(tmp_path):
    """As one does in a notebook: stop the cell, and start it again."""
    whole = outcome(tmp_path / "whole", *everything())
    args, options = everything()
    args[1].left = 6
    with pytest.raises(StoppedError):
        outcome(tmp_path / "c", args, options, every=0)
    args[1].left = math.inf
    assert outcome(tmp_path / "c", args, options) == whole


def test_interrupted_while_it_evaluates(tmp_path):
    whole = outcome(tmp_path / "whole", *everything())
    args, options = everything()

    def failing(model):
        stream("noise").random(99)
        raise StoppedError

    with pytest.raises(StoppedError):
        outcome(tmp_path / "c", args, options | {"evaluate": failing}, every=0)
    assert len(peek(tmp_path / "c")["begun"]["loss"]) == STEPS
    assert outcome(tmp_path / "c", *everything()) == whole


@settings(max_examples=15)
@given(st.data())
def test_without_shuffling_and_schedule(tmp_path_factory, data):
    def build():
        mr.manual_seed(1)
        model = nn.Linear(4, 3)
        x, y = images()
        loader = Loader(x[:, 0, 0], y, batch_size=BATCH, shuffle=False, drop_last=True)
        return (model, Criterion(), optim.SGD(model.parameters(), lr=0.1), loader, EPOCHS), {}

    folder = tmp_path_factory.mktemp("c")
    whole = outcome(folder / "whole", *build())
    args, options = build()
    args[1].left = data.draw(st.integers(0, EPOCHS * (STEPS - 1) - 1))
    with pytest.raises(StoppedError):
        outcome(folder / "c", args, options, every=data.draw(st.sampled_from([0, 0.001, 10])))
    assert outcome(folder / "c", *build()) == whole


def test_batches_of_like_length(tmp_path):
    """Their order takes two draws an epoch, and is that of another stream than the dropout's."""

    class Guess(nn.Module):
        def __init__(self):
            self.embedding, self.dropout, self.linear = nn.Embedding(9, 4), nn.Dropout(0.5), nn.Linear(4, 9)

        def forward(self, source):
            return self.linear(self.dropout(self.embedding(source)).mean(1))

    class FirstWord(Criterion):
        def forward(self, logits, target):
            return super().forward(logits, target[:, 1])

    def build():
        mr.manual_seed(1)
        model = Guess()
        pairs = [([4 + i % 5] * (1 + i % 3), [4 + (i + j) % 5 for j in range(2)]) for i in range(17)]
        return (model, FirstWord(), optim.Adam(model.parameters()), LengthBatches(pairs, BATCH), EPOCHS), {}

    whole = outcome(tmp_path / "whole", *build())
    for left in (2, 4):
        args, options = build()
        args[1].left = left
        with pytest.raises(StoppedError):
            outcome(tmp_path / "c", args, options, every=0)
    assert outcome(tmp_path / "c", *build()) == whole


def test_generators_of_ones_own(tmp_path):
    def build(seed):
        args, options = everything()
        generator = np.random.default_rng(seed)
        args[0].forward_, args[0].forward = args[0].forward, lambda x: args[0].forward_(x) * generator.random()
        return args, options, {"generators": {"factor": generator}}

    args, options, generators = build(1)
    whole = outcome(tmp_path / "whole", args, options, **generators)
    args, options, generators = build(1)
    args[1].left = 6
    with pytest.raises(StoppedError):
        outcome(tmp_path / "c", args, options, every=0, **generators)
    args, options, generators = build(2)
    assert outcome(tmp_path / "c", args, options, **generators) == whole


def test_a_run_that_is_done_is_not_run_again(tmp_path):
    whole = outcome(tmp_path / "c", *everything())
    args, options = everything(seed=5)
    args[1].left = 0  # a single step would fail
    assert outcome(tmp_path / "c", args, options | {"evaluate": None}) == whole
    assert not args[0].training


def test_more_epochs_can_be_asked_for(tmp_path):
    args, options = everything()
    whole = outcome(tmp_path / "whole", (*args[:4], EPOCHS + 2), options)
    outcome(tmp_path / "c", *everything())
    args, options = everything()
    assert outcome(tmp_path / "c", (*args[:4], EPOCHS + 2), options) == whole


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_run_that_diverged_stays_so(tmp_path, bad):
    class Diverging(Criterion):
        def forward(self, *args):
            loss = super().forward(*args)
            return loss * bad if self.left < 0.5 else loss

    def build(left):
        (model, _, *rest), options = everything()
        criterion = Diverging()
        criterion.left = left
        return (model, criterion, *rest), options

    whole = outcome(tmp_path / "c", *build(STEPS + 2))
    assert whole[1] == f"the loss is {bad} at step {STEPS + 2}"
    assert outcome(tmp_path / "c", *build(0)) == whole  # a single step would fail


# ---- when it is written


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by one second for each step, and the places at which checkpoints were written."""

    class Clock:
        now, written = 0.0, []

    def save(path, extra, **_):
        begun = extra["begun"]
        Clock.written.append((len(extra["epochs"]), 0 if begun is None else len(begun["loss"])))
        mr.checkpoint.save(path, extra=extra, **_)

    def step(self):
        Clock.now += 1
        super(Ticking, self).step()

    class Ticking(optim.SGD):
        rule = "SGD"

    Ticking.step = step
    Clock.written, Clock.rule = [], Ticking
    monkeypatch.setattr(checkpointing, "monotonic", lambda: Clock.now)
    monkeypatch.setattr(checkpointing, "checkpoint", type(sys)("checkpoint"))
    vars(checkpointing.checkpoint).update({**vars(mr.checkpoint), "save": save})
    return Clock


@pytest.mark.parametrize(
    ("every", "first"),
    [
        (0, [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1)]),
        (1, [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1)]),
        (2, [(0, 0), (0, 2), (0, 4), (1, 0), (1, 2), (1, 4), (2, 0)]),
        (3, [(0, 0), (0, 3), (1, 0), (1, 3), (2, 0), (2, 3), (3, 0)]),
        (99, [(0, 0), (1, 0), (2, 0), (3, 0)]),
    ],
)
def test_when_it_is_written(tmp_path, clock, every, first):
    """At the start, after each epoch, and every so many seconds in between."""
    args, options = everything(rule=clock.rule)
    outcome(tmp_path / "c", args, options, every=every)
    assert clock.written[: len(first)] == first


def test_its_folder_is_made_and_what_killed_processes_left_is_removed(tmp_path):
    folder = tmp_path / "a" / "b"
    whole = outcome(folder / "c", *everything())
    for name in (".c.0123abcd.part", ".cd.0123abcd.part", ".c.notes", "c.part"):
        (folder / name).write_text("half")
    assert outcome(folder / "c", *everything()) == whole
    assert sorted(path.name for path in folder.iterdir()) == [".c.notes", ".cd.0123abcd.part", "c", "c.part"]


# ---- killed processes

PROGRAM = """
import json, os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
if {fake!r} == "fake-cupy":
    from fake_cupy import cupy
    sys.modules["cupy"] = cupy
import minirad as mr
mr.use_backend({fake!r}.removeprefix("fake-"))
from minirad import files
from minirad.checkpointing import Checkpoint
from minirad.train import train
from interrupted import SETTINGS, everything

folder, epochs, kill_at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
calls = 0
def dying(name, original):
    # Before and after each of the three things that writing a file does, and in the middle of the first.
    def call(*args):
        global calls
        for stage in range(3):
            calls += 1
            if calls == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if stage == 0 and name == "write":
                original(args[0][: len(args[0]) // 2])
            if stage == 1:
                result = original(args[0][len(args[0]) // 2 :]) if name == "write" else original(*args)
        return result
    return call
if kill_at:
    class File:
        def __init__(self, file):
            self.file = file
            self.write = dying("write", lambda content: (file.write(content), file.flush()))
        def __getattr__(self, name): return getattr(self.file, name)
        def __enter__(self): return self
        def __exit__(self, *_): self.file.close()
    files.open = lambda *args: File(open(*args))
    files.os = type(os)("os")
    vars(files.os).update(vars(os), fsync=dying("fsync", os.fsync), replace=dying("replace", os.replace))
args, options = everything()
print("begun", flush=True)
history = train(*args[:4], epochs, **options, checkpoint=Checkpoint(folder + "/c", every=0, settings=SETTINGS))
files.write_whole(Path(folder, "history.json"), json.dumps(history.epochs).encode())
"""


def start(folder, epochs, kill_at=0):
    program = PROGRAM.format(tests=str(Path(__file__).parent), fake=BACKEND)
    extra = {"MINIRAD_TEST_BACKEND": BACKEND} if BACKEND != "numpy" else {}
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder), str(epochs), str(kill_at)],
        env=environment(**extra), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(folder, epochs, kill_at=0):
    """Its exit code, and the files that it leaves."""
    with start(folder, epochs, kill_at) as process:
        process.communicate()
    return process.returncode, content(folder)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


needs_sigkill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


@needs_sigkill
@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_killed_at_random_moments(tmp_path, kills):
    """It writes after every step, so some of them hit it while it writes."""
    epochs, chance, hit = 15, random.Random(kills), 0
    with start(tmp_path / "whole", epochs) as process:
        process.stdout.readline()
        begun = time.monotonic()
        assert process.wait() == 0
        seconds = time.monotonic() - begun
    whole = content(tmp_path / "whole")
    for number in range(10 * kills):
        folder = tmp_path / f"killed{number}"
        while hit < kills:
            with start(folder, epochs) as process:
                process.stdout.readline()
                time.sleep(chance.uniform(0, seconds / 2))
                process.kill()
            if process.returncode == 0:
                break
            hit += 1
            if (folder / "c").exists():
                peek(folder / "c")  # never half a file
        assert finish(folder, epochs) == (0, whole)
        if hit == kills:
            return
    pytest.fail(f"only {hit} kills hit a running process")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return finish(tmp_path_factory.mktemp("whole"), 2)


@needs_sigkill
@pytest.mark.parametrize("kill_at", [2, 7, 8, 9, 11, 17, 18, 56, 62])
def test_killed_while_it_writes(tmp_path, undisturbed, kill_at):
    """Each file takes 9 stages; at the 8th of the first, it has not got its name yet."""
    assert finish(tmp_path / "killed", 2, kill_at)[0] == -signal.SIGKILL
    assert (tmp_path / "killed" / "c").exists() == (kill_at > 8)
    if kill_at > 8:
        peek(tmp_path / "killed" / "c")  # never half a file
    assert finish(tmp_path / "killed", 2) == undisturbed


# ---- what is refused


def refused(path, args, options, **kept):
    """The message with which it is refused; nothing has changed then."""
    before, states, content = weights(args[0]), random_state(), path.read_bytes()
    with pytest.raises(ValueError, match=re.escape(f"Checkpoint: {path} is ")) as error:
        train(*args, **options, checkpoint=Checkpoint(path, **{"settings": SETTINGS} | kept))
    assert weights(args[0]) == before
    assert random_state() == states
    assert path.read_bytes() == content
    return str(error.value).split(" is ", 1)[1]


@pytest.fixture
def path(tmp_path):
    outcome(tmp_path / "c", *everything())
    return tmp_path / "c"


def test_the_checkpoint_of_another_run_is_refused_by_name(path):
    args, options = everything()
    words = refused(path, args, options, settings={"lr": 0.02, "data": "digits"})
    expected = "data was not given, is digits; lr was 0.01, is 0.02; seed was 3, is not given"
    assert words == f"of another run: {expected}"


def test_another_rule(path):
    words = refused(path, *everything(rule=optim.RMSprop))
    assert "the optimizer was RAdam, is RMSprop" in words
    assert "alpha of group 0 was not given, is 0.99" in words


def test_another_rate(path):
    assert refused(path, *everything(lr=0.02)) == "of another run: initial_lr of group 0 was 0.01, is 0.02"


def test_another_schedule(path):
    args, options = everything()
    options["scheduler"] = StepLR(args[2], 3)
    assert refused(path, args, options) == "of another run: the schedule was LinearWarmup, is StepLR"
    args, options = everything()
    assert "the schedule was LinearWarmup, is NoneType" in refused(path, args, options | {"scheduler": None})


def test_other_arguments_of_the_schedule(path):
    args, options = everything()
    options["scheduler"] = LinearWarmup(args[2], 9)
    before, rates = weights(args[0]), options["scheduler"].get_last_lr()
    with pytest.raises(ValueError, match=r"LinearWarmup.load_state_dict: steps was 7, is 9"):
        train(*args, **options, checkpoint=Checkpoint(path, settings=SETTINGS))
    assert weights(args[0]) == before
    assert options["scheduler"].get_last_lr() == rates


def test_another_layer(path):
    args, options = everything()
    setattr(args[0], "2", nn.Tanh())
    assert refused(path, args, options) == "of another run: the model was (2): ReLU(), is (2): Tanh()"


def test_another_size(path):
    (model, criterion, optimizer, loader, epochs), options = everything()
    model.extra = nn.Linear(2, 2)
    assert "the model was ), is (extra): Linear(2, 2)" in refused(
        path, (model, criterion, optimizer, loader, epochs), options
    )


def test_other_parameters_under_the_same_print(path):
    """What the text does not show, the arrays do."""
    args, options = everything()
    args[0].more = nn.Parameter(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"load_state_dict: Sequential misses \['more'\]"):
        train(*args, **options, checkpoint=Checkpoint(path, settings=SETTINGS))


def test_another_number_of_batches(path):
    (model, criterion, optimizer, _, epochs), options = everything()
    loader = Loader(*images(), batch_size=5 * BATCH)
    words = refused(path, (model, criterion, optimizer, loader, epochs), options)
    assert words == "of another run: the number of batches was 4, is 1"


def test_other_generators(path):
    assert refused(path, *everything(own=True)) == "of another run: the list of generators was none, is loader"


def test_a_generator_with_the_name_of_a_stream(tmp_path):
    args, options = everything()
    kept = Checkpoint(tmp_path / "c", settings=SETTINGS, generators={"init": np.random.default_rng()})
    with pytest.raises(ValueError, match="random_state: a generator has the name of a stream: init"):
        train(*args, **options, checkpoint=kept)


def test_fewer_epochs(path):
    args, options = everything()
    words = refused(path, (*args[:4], EPOCHS - 1), options)
    assert words == "in epoch 3 already; epochs must not be fewer, got 2"


def test_a_checkpoint_that_train_did_not_write(path):
    mr.checkpoint.save(path)
    args, options = everything()
    with pytest.raises(ValueError, match=r"Checkpoint: .*c was not written by train\(\)"):
        train(*args, **options, checkpoint=Checkpoint(path))


def test_a_file_that_is_no_checkpoint(path):
    path.write_bytes(b"hello")
    args, options = everything()
    with pytest.raises(ValueError, match="is no checkpoint of minirad, or is damaged"):
        train(*args, **options, checkpoint=Checkpoint(path))
    assert path.read_bytes() == b"hello"


@pytest.mark.parametrize("place", [2, "scheduler"])
def test_what_has_no_state(path, place):
    args, options = everything()

    class Stepper:
        def step(self):
            pass

    if place == 2:
        args = (*args[:2], Stepper(), *args[3:])
    else:
        options["scheduler"] = Stepper()
    with pytest.raises(TypeError, match="Checkpoint: can't save the state of a Stepper"):
        train(*args, **options, checkpoint=Checkpoint(path))


@pytest.mark.parametrize("every", [-1, math.nan])
def test_seconds_that_make_no_sense(every):
    with pytest.raises(ValueError, match=f"Checkpoint: every must be at least 0 seconds, got {every}"):
        Checkpoint("c", every)


def test_what_can_t_be_written_is_found_out_before_the_first_step(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    args, options = everything()
    args[1].left = 0
    with pytest.raises(OSError, match="file"):
        train(*args, **options, checkpoint=Checkpoint(tmp_path / "file" / "c"))
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match="checkpoints need safetensors"):
        train(*args, **options, checkpoint=Checkpoint(tmp_path / "c"))


def test_a_score_that_json_can_not_hold(tmp_path):
    args, options = everything()
    with pytest.raises(TypeError, match="JSON can't hold a set"):
        train(*args, **options | {"evaluate": lambda _: {"x": {1}}}, checkpoint=Checkpoint(tmp_path / "c"))


# ---- where the streams are


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_every_kind_of_generator_goes_through_a_file(tmp_path, kind):
    generator = np.random.Generator(kind(1))
    generator.integers(5, dtype=np.int32)
    stream("init").random(3)
    mr.checkpoint.save(tmp_path / "c", generators={"own": generator}, extra={"b": 1, "a": 2})
    expected = [stream(name).random() for name in STREAMS], generator.random(5).tolist()
    mr.manual_seed(9)
    other = np.random.Generator(kind(2))
    assert list(mr.checkpoint.load(tmp_path / "c", generators={"own": other})) == ["b", "a"]  # in their order
    assert ([stream(name).random() for name in STREAMS], other.random(5).tolist()) == expected


@pytest.mark.parametrize(
    ("generators", "words"),
    [
        ({"own": np.random.Generator(np.random.SFC64(1))}, "generator 'own' is PCG64, expected SFC64"),
        ({"other": np.random.default_rng(1)}, "generator 'other' is missing, expected PCG64"),
    ],
)
def test_the_state_of_other_generators_changes_nothing(tmp_path, generators, words):
    mr.checkpoint.save(tmp_path / "c", model=nn.Linear(2, 2), generators={"own": np.random.default_rng(1)})
    stream("init").random()
    model = nn.Linear(2, 2)
    before, arrays = random_state(), weights(model)
    with pytest.raises(ValueError, match=f"set_random_state: the saved state of {words}"):
        mr.checkpoint.load(tmp_path / "c", model=model, generators=generators)
    assert random_state() == before
    assert weights(model) == arrays


def test_to_look_at_a_model_its_generators_are_not_needed(tmp_path):
    saved, other = nn.Linear(2, 2), nn.Linear(2, 2)
    mr.checkpoint.save(tmp_path / "c", model=saved, generators={"own": np.random.default_rng(1)})
    mr.checkpoint.load(tmp_path / "c", model=other)
    assert weights(other) == weights(saved)
