"""The stand-in for CuPy is strict: each refusal, and each point where CuPy differs from NumPy."""

import copy
import inspect
import math
import pickle

import fake_cupy
import numpy as np
import pytest
from fake_cupy import NAMES, cupy


@pytest.fixture
def x():
    return cupy.arange(6.0).reshape(2, 3)


@pytest.fixture
def h():
    return np.arange(6.0).reshape(2, 3)


def subtract_in_place(a, b):
    a -= b


def assign(a, index, value):
    a[index] = value


# Implicit conversion.

CONVERSIONS = {
    "asarray": lambda x, h: np.asarray(x),
    "array": lambda x, h: np.array(x),
    "array of a list": lambda x, h: np.array([x, x]),
    "array of its rows": lambda x, h: np.array(list(x)),
    "ascontiguousarray": lambda x, h: np.ascontiguousarray(x),
    "astype function": lambda x, h: np.astype(x, "float32"),
    "a NumPy function": lambda x, h: np.sum(x),
    "stack": lambda x, h: np.stack([x, x]),
    "a mixed list": lambda x, h: np.concatenate([h, x]),
    "a universal function": lambda x, h: np.exp(x),
    "with a host array": lambda x, h: np.add(h, x),
    "reduce": lambda x, h: np.add.reduce(x),
    "at": lambda x, h: np.add.at(h, 0, x[0]),
    "out=": lambda x, h: np.add(h, h, out=x),
    "matmul": lambda x, h: np.matmul(h.T, x),
    "copyto": lambda x, h: np.copyto(h, x),
    "frombuffer": lambda x, h: np.frombuffer(x),
    "memoryview": lambda x, h: memoryview(x),
    "bytes": lambda x, h: bytes(x),
    "a NumPy scalar": lambda x, h: np.float32(x[0, 0]),
    "a host array as value": lambda x, h: assign(h, ..., x),
    "as index of a host array": lambda x, h: h[x],
    "a mask of a host array": lambda x, h: h[x > 2],
    "assert_allclose": lambda x, h: np.testing.assert_allclose(x, h),
    "a generator of the host": lambda x, h: np.random.default_rng(0).permutation(x),
    "linalg": lambda x, h: np.linalg.norm(x),
}


@pytest.mark.parametrize("convert", CONVERSIONS.values(), ids=CONVERSIONS)
def test_no_implicit_conversion(convert, x, h):
    with pytest.raises(TypeError):
        convert(x, h)


@pytest.mark.parametrize("name", ["__array_interface__", "__array_struct__", "__buffer__", "__index__", "ctypes"])
def test_no_way_into_the_memory(name, x):
    assert not hasattr(x, name)


def test_as_an_index_of_python():
    three = cupy.asarray(3)
    for use in (range, [1, 2, 3, 4].__getitem__, cupy.zeros, cupy.arange, cupy.ones(3).reshape):
        with pytest.raises(TypeError):
            use(three)
    with pytest.raises(TypeError):
        cupy.ones(9)[:three]
    with pytest.raises(TypeError):
        cupy.ones((1, 1)).sum(axis=cupy.asarray(0))


def test_explicit_conversion(x, h):
    for y in (x.get(), cupy.asnumpy(x)):
        assert type(y) is np.ndarray
        np.testing.assert_array_equal(y, h)
        y[...] = 9
    assert x.tolist() == h.tolist()  # they were copies
    assert (x[1, 2].item(), float(x[1, 2]), int(x[1, 2]), math.sqrt(x[0, 1])) == (5.0, 5.0, 5, 1.0)
    assert type(x[1, 2].item()) is float
    assert bool(x[0, 1])
    assert not bool(x[0, 0])
    assert str(x) == str(h)
    assert f"{x[0, 1]:.2f}" == "1.00"


def test_truth_of_several(x):
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    with pytest.raises(TypeError):
        float(x)
    with pytest.raises(ValueError, match="size 1"):
        x.item()
    with pytest.warns(DeprecationWarning, match="empty"):
        assert not bool(x[:0])


# Mixing with host arrays.

OPERATORS = {
    "right": lambda x, h: x + h,
    "left": lambda x, h: h + x,
    "matmul": lambda x, h: x @ h.T,
    "left matmul": lambda x, h: h.T @ x,
    "comparison": lambda x, h: x < h,
    "left comparison": lambda x, h: h < x,
    "equal": lambda x, h: x == h,
    "power": lambda x, h: x**h,
    "one number": lambda x, h: x * np.array(2.0),
    "in place": subtract_in_place,
    "in place on the host": lambda x, h: subtract_in_place(h, x),
}
ARGUMENTS = {
    "sum": lambda x, h: cupy.sum(h),
    "exp": lambda x, h: cupy.exp(h),
    "maximum": lambda x, h: cupy.maximum(x, h),
    "where": lambda x, h: cupy.where(x > 1, x, h),
    "where's condition": lambda x, h: cupy.where(h > 1, x, 0),
    "concatenate": lambda x, h: cupy.concatenate([x, h]),
    "stack": lambda x, h: cupy.stack((h, h)),
    "take": lambda x, h: cupy.take(x, np.array([0])),
    "a method": lambda x, h: x.dot(h.T),
    "a method's keyword": lambda x, h: x.clip(min=h),
    "einsum": lambda x, h: cupy.einsum("ij,ij", x, h),
    "linalg": lambda x, h: cupy.linalg.norm(h),
    "zeros_like": lambda x, h: cupy.zeros_like(h),
    "full": lambda x, h: cupy.full(3, np.array(2.0)),
    "copyto": lambda x, h: cupy.copyto(x, h),
    "add.at": lambda x, h: cupy.add.at(x, 0, h[0]),
    "add.at on the host": lambda x, h: cupy.add.at(h, 0, 1.0),
}
OUTS = {
    "a universal function": lambda x, h: cupy.add(x, x, out=h),
    "a function": lambda x, h: cupy.sum(x, axis=0, out=h[0]),
    "a method": lambda x, h: x.max(axis=0, out=h[0]),
    "matmul": lambda x, h: cupy.matmul(x, x.T, out=h[:, :2]),
}
INDICES = {
    "integers": lambda x, h: x[np.array([0])],
    "a mask": lambda x, h: x[h > 1],
    "in a tuple": lambda x, h: x[:, np.array([0])],
    "to assign": lambda x, h: assign(x, np.array([0]), 1.0),
    "of add.at": lambda x, h: cupy.add.at(x, np.array([0]), 1.0),
}
VALUES = {
    "all": lambda x, h: assign(x, ..., h),
    "a slice": lambda x, h: assign(x, slice(None), h),
    "one element": lambda x, h: assign(x, (0, 0), np.array(1.0)),
    "a mask": lambda x, h: assign(x, x > 1, h[0]),
    "integers": lambda x, h: assign(x, [0], h[:1]),
    "a list": lambda x, h: assign(x, 0, [1, 2, 3]),
    "fill": lambda x, h: x.fill(h[0]),
}
MIXED = {"operators": OPERATORS, "arguments": ARGUMENTS, "out": OUTS, "indices": INDICES, "values": VALUES}


@pytest.mark.parametrize(
    "mix", [pytest.param(f, id=f"{kind}: {name}") for kind, cases in MIXED.items() for name, f in cases.items()]
)
def test_no_mixing(mix, x, h):
    with pytest.raises(TypeError):
        mix(x, h)
    assert x.tolist() == h.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("make", [getattr(cupy, name) for name in fake_cupy.CREATORS], ids=fake_cupy.CREATORS)
def test_these_take_host_arrays_and_copy_them(make, h):
    x = make(h)
    assert type(x) is cupy.ndarray
    x[...] = 9
    assert h.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert make([[1, 2], [3, 4]]).sum(axis=0).tolist() == [4, 6]


def test_lists_of_arrays(x):
    assert cupy.array([x[0], x[1]]).tolist() == x.tolist()
    with pytest.raises(TypeError, match="one list"):
        cupy.array([x[0, 0], 1.0])


def test_set(x, h):
    x.set(h + 1)
    assert x.tolist() == (h + 1).tolist()
    for other in (h.astype("float32"), h.T, [1.0]):
        with pytest.raises(TypeError):
            x.set(other)


@pytest.mark.parametrize("value", [[1.0, 2.0], (1.0,), 2.0, "one", None])
@pytest.mark.parametrize("name", ["sum", "max", "ravel", "transpose", "zeros_like"])
def test_no_lists_nor_numbers_for_arrays(name, value):
    with pytest.raises(TypeError, match="must be a device array"):
        getattr(cupy, name)(value)


@pytest.mark.parametrize("value", [[1.0, 2.0], (1.0,), "one", None])
def test_no_lists_for_universal_functions(value):
    with pytest.raises(TypeError, match="unsupported type"):
        cupy.exp(value)
    assert cupy.exp(2.0).shape == ()


# Names, methods, keywords.


@pytest.mark.parametrize("name", ["vecdot", "matvec", "block", "insert", "geomspace", "einsum_path", "errstate"])
def test_names_of_numpy_that_cupy_lacks(name):
    assert hasattr(np, name)
    assert not hasattr(cupy, name)


@pytest.mark.parametrize("name", ["random", "numpy", "json", "scatter_add", "no_such_function"])
def test_other_names_that_are_not_there(name):
    assert not hasattr(cupy, name)


def test_nothing_that_the_real_cupy_lacks():
    modules = {"cupy": cupy, "cupy.linalg": cupy.linalg, "cupy.lib.stride_tricks": cupy.lib.stride_tricks}
    for path, module in modules.items():
        assert {name for name in vars(module) if not name.startswith("__")} <= NAMES[path].keys()
    added = {"__weakref__", "_host"}  # how it is made
    assert {name for name in dir(cupy.ndarray) if not hasattr(object, name)} - added <= NAMES["ndarray"].keys()
    assert {name for name in dir(cupy.ufunc) if not name.startswith("_")} <= NAMES["ufunc"].keys()
    with pytest.raises(AttributeError):
        cupy.ones(3).no_such_attribute = 1


@pytest.mark.parametrize("name", ["get", "set", "item", "fill", "astype"])
def test_methods_of_its_own_take_what_the_real_ones_take(name):
    ours = list(inspect.signature(getattr(cupy.ndarray, name)).parameters)[1:]
    theirs = [parameter.rstrip("=") for parameter in NAMES["ndarray"][name][1:-1].split(", ")]
    assert ours == theirs[: len(ours)]


UNKNOWN_KEYWORDS = {
    "sum's where": lambda x: cupy.sum(x, where=x > 1),
    "sum's initial": lambda x: cupy.sum(x, initial=1),
    "exp's where": lambda x: cupy.exp(x, where=x > 1),
    "exp's order": lambda x: cupy.exp(x, order="C"),
    "var's correction": lambda x: cupy.var(x, correction=1),
    "max's initial": lambda x: x.max(initial=0),
    "clip's min": lambda x: cupy.clip(x, min=0),
    "take's mode": lambda x: cupy.take(x, [0], mode="wrap"),
    "item's index": lambda x: x.item(0),
    "astype's casting": lambda x: x.astype("float32", casting="safe"),
    "asarray's like": lambda x: cupy.asarray(x, like=x),
    "einsum's out": lambda x: cupy.einsum("ij->ij", x, out=x),
    "argsort's stable": lambda x: x.argsort(stable=True),
}


@pytest.mark.parametrize("call", UNKNOWN_KEYWORDS.values(), ids=UNKNOWN_KEYWORDS)
def test_keywords_that_cupy_lacks(call, x):
    with pytest.raises(TypeError):
        call(x)


def test_methods_of_universal_functions(x):
    assert cupy.add.reduce(x).tolist() == [3, 5, 7]
    assert cupy.multiply.reduce(x, axis=1).tolist() == [0, 60]
    assert cupy.add.accumulate(x, axis=1).tolist() == [[0, 1, 3], [3, 7, 12]]
    assert cupy.subtract.outer(x[0], x[1]).shape == (3, 3)
    for call in (cupy.maximum.reduce, cupy.logical_or.reduce, cupy.maximum.accumulate):
        with pytest.raises(NotImplementedError):
            call(x)


def test_at(x):
    cupy.add.at(x, ([0, 0, 1], [2, 2, -1]), cupy.asarray([1.0, 1.0, 1.0]))
    assert x.tolist() == [[0, 1, 4], [3, 4, 6]]
    cupy.maximum.at(x, 0, 3.0)
    assert x.tolist() == [[3, 3, 4], [3, 4, 6]]
    with pytest.raises(NotImplementedError):
        cupy.multiply.at(x, 0, 2.0)
    with pytest.raises(TypeError, match="float64"):
        cupy.subtract.at(x, 0, 1.0)
    with pytest.raises(TypeError, match="bool"):
        cupy.add.at(x > 1, 0, True)


@pytest.mark.parametrize("value", [["a"], [None], np.array([], "datetime64[s]"), np.ones(2, np.longdouble)])
def test_dtypes_that_cupy_lacks(value):
    with pytest.raises(ValueError, match="Unsupported dtype"):
        cupy.asarray(value)


def test_what_is_not_modelled_says_so(x):
    with pytest.raises(NotImplementedError, match="get_default_memory_pool"):
        cupy.get_default_memory_pool()


# What CuPy does, as CuPy does it.


def test_single_elements_are_arrays(x):
    for y in (x[0, 0], x.sum(), cupy.max(x), x[0] @ x[1], cupy.count_nonzero(x), cupy.allclose(x, x), x.all()):
        assert type(y) is cupy.ndarray
        assert y.shape == ()
    assert all(type(row) is cupy.ndarray for row in x)
    assert [type(y) for y in divmod(x[0, 0], 2)] == [cupy.ndarray] * 2
    with pytest.raises(TypeError):
        iter(x[0, 0])
    with pytest.raises(TypeError):
        len(x[0, 0])


VIEWS = {
    "row": lambda x: x[0],
    "element": lambda x: x[0, 1],
    "slice": lambda x: x[:, 1:],
    "T": lambda x: x.T,
    "reshape": lambda x: x.reshape(3, 2),
    "ravel": lambda x: cupy.ravel(x),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "new axis": lambda x: x[None],
    "split": lambda x: cupy.split(x, 2)[0],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_share_memory(view, x):
    y = view(x)
    y += 10
    assert x[0, 1].item() == 11
    assert y.base is not None
    assert x.copy().base is None


def test_indices_that_copy(x):
    for index in ([0, 1], x > -1, cupy.asarray([0, 1])):
        x[index] *= 1
        y = x[index]
        y += 10
        assert x[0, 1].item() == 1


def test_indices_wrap_around(x):
    assert x[cupy.asarray([2, -3])].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert x[:, cupy.asarray([4, -7])].tolist() == [[1, 2], [4, 5]]
    assert x[..., cupy.asarray([4])].tolist() == [[1], [4]]
    assert x[None, cupy.asarray([3]), 1].tolist() == [[4]]
    assert cupy.take(x, cupy.asarray([6, -7])).tolist() == [0, 5]
    assert cupy.take_along_axis(x, cupy.asarray([[3], [-1]]), 1).tolist() == [[0], [5]]
    x[cupy.asarray([4])] = 7.0
    assert x[0].tolist() == [7, 7, 7]
    with pytest.raises(IndexError):
        x[2]
    with pytest.raises(IndexError):
        x[x]


def test_repeats_in_an_assignment(x):
    with pytest.raises(RuntimeError, match="twice"):
        x[cupy.asarray([0, 2])] = x.copy()
    with pytest.raises(RuntimeError, match="twice"):
        x[:, [1, 1]] += x[:, :2]
    x[:, [1, 1]] = 7.0  # the same value: no doubt
    x[[1, 0]] = x.copy()
    assert x.tolist() == [[3, 7, 5], [0, 7, 2]]


def test_results_are_in_c_order(x):
    for y in (x.T * 2, cupy.exp(x.T), -x.T):
        assert y.flags.c_contiguous
    assert not x.T.flags.c_contiguous


def test_out(x):
    y = cupy.empty((2, 3))
    assert cupy.add(x, 1, out=y) is y
    assert y.tolist() == [[1, 2, 3], [4, 5, 6]]
    z = x
    z *= 2
    assert z is x
    total = cupy.empty(())
    assert x.sum(out=total) is total
    with pytest.raises(ValueError, match="out of shape"):
        cupy.add(x[0], 1, out=y)  # NumPy would broadcast
    with pytest.raises(TypeError):
        cupy.add(x, 1.5, out=cupy.zeros((2, 3), int))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_promotion_is_that_of_numpy_2(dtype):
    x = cupy.ones(2, dtype)
    for y in (x + 1.5, 2 * x, x**2, x / 3, cupy.maximum(x, 0.0), cupy.where(x > 0, x, 0.0), x.sum() * 0.5):
        assert y.dtype == dtype
    assert (x * np.float64(2)).dtype == "float64"
    assert (np.float64(2) * x).dtype == "float64"
    assert (np.float32(2) * x).dtype == dtype
    assert (x + cupy.asarray(2.0)).dtype == "float64"
    assert type(np.float64(2) * x) is cupy.ndarray


def test_no_warnings_from_arithmetic():
    x = cupy.asarray([0.0, 1.0])
    assert str(x / 0) == "[nan inf]"
    assert cupy.log(x).tolist() == [-math.inf, 0]
    assert cupy.exp(x * 1e4).tolist() == [1, math.inf]


def test_other_types_may_have_the_operator(x):
    class Other:
        __array_ufunc__ = None

        def __radd__(self, other):
            return "mine"

    assert x + Other() == "mine"
    with pytest.raises(TypeError):
        x + "text"


def test_it_is_not_hashable(x):
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)


def test_copies(x):
    for y in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.copy(), cupy.array(x), +x):
        assert type(y) is cupy.ndarray
        y += 1
        assert y.tolist() == (x + 1).tolist()
    assert cupy.asarray(x) is x
    assert x.astype("float64", copy=False) is x
    assert x.astype("float64") is not x


def test_shape_can_be_assigned(x):
    x.shape = (3, 2)
    assert x.shape == (3, 2)
    y = x.T
    with pytest.raises(ValueError, match="copy"):
        y.shape = (6,)


def test_numpy_objects_are_numpys():
    for name in ("float32", "int64", "bool_", "pi", "newaxis", "finfo", "dtype"):
        assert getattr(cupy, name) is getattr(np, name)


def test_fuse(x):
    @cupy.fuse
    def double(a):
        return 2 * a

    @cupy.fuse(kernel_name="triple")
    def triple(a):
        return 3 * a

    assert (double(x) + triple(x)).tolist() == (5 * x).tolist()


def test_it_is_available():
    assert cupy.is_available() is True
    assert cupy.__version__ == NAMES["version"]
