import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import backend, device, host

import minirad as mr
from minirad import backend as seam
from minirad.backend import STREAMS, manual_seed, stream, to_device, to_host, use_backend, xp


def run(code, **environment):
    """Run Python code in a process of its own; its output, standard error included."""
    variables = {key: value for key, value in os.environ.items() if key != "MINIRAD_BACKEND"}
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**variables, **paths, **environment}, capture_output=True, text=True)
    return done.stdout + done.stderr


# Choosing.


@pytest.mark.parametrize("name", ["torch", "NumPy", "", None, 3])
def test_unknown_backend(name):
    before = mr.backend_name()
    with pytest.raises(ValueError, match=r"use_backend: name must be 'numpy' or 'cupy', got "):
        use_backend(name)
    assert mr.backend_name() == before


def test_cupy_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # as if it were not installed
    before = mr.backend_name()
    with pytest.raises(ImportError, match="pip install cupy-cuda13x") as error:
        use_backend("cupy")
    assert "\n" not in str(error.value)
    assert mr.backend_name() == before
    assert host(xp.zeros(2)).tolist() == [0, 0]


def test_cupy_without_a_device(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(is_available=lambda: False))
    before = mr.backend_name()
    with pytest.raises(RuntimeError, match="finds no GPU") as error:
        use_backend("cupy")
    assert "\n" not in str(error.value)
    assert mr.backend_name() == before


def test_switching(monkeypatch):
    from fake_cupy import cupy

    monkeypatch.setitem(sys.modules, "cupy", cupy)
    with backend("numpy"):
        assert mr.backend_name() == "numpy"
        assert type(xp.zeros(2)) is np.ndarray
        with backend("cupy"):
            assert mr.backend_name() == "cupy"
            assert type(xp.zeros(2)) is cupy.ndarray
        assert type(xp.zeros(2)) is np.ndarray


def test_missing_name():
    with pytest.raises(AttributeError, match="no_such_function"):
        _ = xp.no_such_function


FIRST_USE = "from minirad.backend import backend_name; print(backend_name())"


def test_environment_variable():
    assert run(FIRST_USE).strip() == "numpy"
    assert run(FIRST_USE, MINIRAD_BACKEND="numpy").strip() == "numpy"
    fake = "import sys, fake_cupy; sys.modules['cupy'] = fake_cupy.cupy; "
    assert run(fake + FIRST_USE, MINIRAD_BACKEND="cupy").strip() == "cupy"


def test_environment_variable_is_read_at_the_first_use():
    late = f"import os, minirad; os.environ['MINIRAD_BACKEND'] = 'numpy'; {FIRST_USE}"
    assert run(late, MINIRAD_BACKEND="abacus").strip() == "numpy"
    assert "must be 'numpy' or 'cupy', got 'abacus'" in run(FIRST_USE, MINIRAD_BACKEND="abacus")
    chosen = f"import minirad; minirad.use_backend('numpy'); {FIRST_USE}"
    assert run(chosen, MINIRAD_BACKEND="abacus").strip() == "numpy"
    missing = f"import sys; sys.modules['cupy'] = None; {FIRST_USE}"
    assert "pip install cupy-cuda13x" in run(missing, MINIRAD_BACKEND="cupy")


# Host and device.


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_there_and_back(shape, dtype):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    there = to_device(array)
    assert type(there) is xp.ndarray
    assert (there.shape, there.dtype) == (array.shape, array.dtype)
    back = to_host(there)
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_no_copy_without_need():
    array = np.ones(3)
    assert to_host(array) is array
    there = to_device(array)
    assert to_device(there) is there
    if mr.backend_name() == "numpy":
        assert there is array


def test_numbers_and_lists_to_the_device():
    assert host(to_device([[1, 2]])).tolist() == [[1, 2]]
    assert type(to_device(2.5)) is xp.ndarray


def test_helpers():
    assert type(host(mr.tensor([1.0]))) is type(host(device([1.0]))) is type(host([1.0])) is np.ndarray
    assert type(device([1.0], "float32")) is xp.ndarray
    assert device([1.0], "float32").dtype == "float32"


# Random streams.


def draws(name, n=5):
    return stream(name).random(n).tolist()


def test_same_seed_same_draws():
    manual_seed(7)
    first = {name: draws(name) for name in STREAMS}
    manual_seed(7)
    assert {name: draws(name) for name in STREAMS} == first
    manual_seed(8)
    assert all(draws(name) != first[name] for name in STREAMS)


def test_streams_are_independent():
    manual_seed(7)
    alone = {name: draws(name) for name in STREAMS}
    assert len({tuple(numbers) for numbers in alone.values()}) == len(STREAMS)
    for busy in STREAMS:
        manual_seed(7)
        draws(busy, 1000)
        assert all(draws(name) == alone[name] for name in STREAMS if name != busy)


def test_draws_are_on_the_host():
    assert type(stream("init").standard_normal(3)) is np.ndarray


def test_seed_is_zero_until_it_is_set():
    code = "from minirad.backend import stream; print(stream('noise').random(5).tolist())"
    manual_seed(0)
    assert run(code).strip() == str(draws("noise"))


@pytest.mark.parametrize("seed", [-1, 1.0, "1", None, True])
def test_bad_seed(seed):
    manual_seed(7)
    expected = draws("init", 2)
    manual_seed(7)
    draws("init", 1)
    with pytest.raises(ValueError, match="manual_seed: n must be an integer >= 0, got "):
        manual_seed(seed)
    assert draws("init", 1) == expected[1:]  # the streams go on as if nothing had been


@pytest.mark.parametrize("name", ["weights", "", None])
def test_unknown_stream(name):
    with pytest.raises(ValueError, match="stream: name must be one of init, dropout, shuffle, noise, got "):
        stream(name)


# Importing.

NUMPY_ALONE = """
import sys, time

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "numpy", "minirad"}:
            raise ModuleNotFoundError(f"{name} is refused", name=name)

sys.meta_path.insert(0, Refuse())
PLANTED
import numpy
start = time.perf_counter()
import minirad as mr
took = time.perf_counter() - start
x = mr.tensor([3.0], requires_grad=True)
(x * x).backward()
print(f"{1000 * took:.1f} {x.grad.item()}")
"""


def test_import_needs_numpy_alone(record_testsuite_property):
    milliseconds, gradient = run(NUMPY_ALONE.replace("PLANTED", "")).split()
    assert gradient == "6.0"
    record_testsuite_property("import minirad, milliseconds on top of NumPy", milliseconds)  # reported, not judged
    assert "pytest is refused" in run(NUMPY_ALONE.replace("PLANTED", "import pytest"))


def test_the_array_module_is_bound_only_at_its_first_use():
    code = "import minirad.backend as b; print(b._module, dict(vars(b.xp)))"
    assert run(code).strip() == "None {}"
    assert seam.xp is xp
