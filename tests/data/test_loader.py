import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.backend import manual_seed, stream, to_device, to_host, xp
from minirad.data import Loader, random_crop, random_flip

sizes = st.integers(1, 40)


def host(loader):
    """One epoch, on the host."""
    return [tuple(to_host(array) for array in batch) for batch in loader]


def order(loader):
    """The first array of one epoch, in the order in which it came."""
    return np.concatenate([batch[0] for batch in host(loader)]).tolist()


def rng(seed=0):
    return np.random.default_rng(seed)


@given(n=sizes, batch_size=st.integers(1, 50), shuffle=st.booleans(), drop_last=st.booleans(), seed=st.integers(0, 99))
def test_epoch(n, batch_size, shuffle, drop_last, seed):
    x, y = np.arange(3 * n, dtype=np.float32).reshape(n, 3), np.arange(n)
    loader = Loader(x, y, batch_size=batch_size, shuffle=shuffle, generator=rng(seed), drop_last=drop_last)
    for _ in range(2):
        batches = host(loader)
        assert len(batches) == len(loader) == (n // batch_size if drop_last else -(-n // batch_size))
        seen = [i for _, y_batch in batches for i in y_batch.tolist()]
        assert len(set(seen)) == len(seen) == (n - n % batch_size if drop_last else n)
        assert set(seen) <= set(range(n))
        if not shuffle:
            assert seen == list(range(len(seen)))
        for x_batch, y_batch in batches:
            assert (x_batch.dtype, y_batch.dtype) == (x.dtype, y.dtype)
            np.testing.assert_array_equal(x_batch, x[y_batch])  # image and label stay together
        assert all(len(y_batch) == batch_size for _, y_batch in batches[:-1])


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_are_tuples_of_arrays_of_the_backend(count, shuffle):
    for batch in Loader(*[np.zeros((5, 2))] * count, batch_size=2, shuffle=shuffle):
        assert isinstance(batch, tuple)
        assert [type(array) for array in batch] == [xp.ndarray] * count


def test_takes_arrays_of_the_backend_and_lists():
    loader = Loader(to_device(np.arange(3)), [1.0, 2.0, 3.0], batch_size=3, shuffle=False)
    ((first, second),) = host(loader)
    assert (first.tolist(), second.tolist()) == ([0, 1, 2], [1.0, 2.0, 3.0])


def test_every_epoch_has_another_order():
    loader = Loader(np.arange(50), batch_size=7, generator=rng())
    orders = [order(loader) for _ in range(3)]
    assert len({tuple(o) for o in orders}) == 3
    assert list(range(50)) not in orders


def test_the_same_generator_gives_the_same_orders():
    first, second = (Loader(np.arange(50), batch_size=7, generator=rng(3)) for _ in range(2))
    assert [order(first), order(first)] == [order(second), order(second)]
    assert order(Loader(np.arange(50), batch_size=7, generator=rng(4))) != order(first)


def test_the_order_does_not_depend_on_the_batch_size():
    assert order(Loader(np.arange(50), batch_size=7, generator=rng())) == rng().permutation(50).tolist()
    assert order(Loader(np.arange(50), batch_size=50, generator=rng())) == rng().permutation(50).tolist()


def test_the_stream():
    loader = Loader(np.arange(50), batch_size=7)
    manual_seed(5)
    first = [order(loader), order(loader)]
    manual_seed(5)
    for name in ("init", "dropout", "noise"):
        stream(name).random(10)  # other streams do not matter
    assert [order(loader), order(loader)] == first
    manual_seed(6)
    assert order(loader) != first[0]


def test_a_generator_of_its_own_leaves_the_stream_alone():
    manual_seed(5)
    expected = stream("shuffle").random()
    manual_seed(5)
    order(Loader(np.arange(50), batch_size=7, generator=rng()))
    order(Loader(np.arange(50), batch_size=7, shuffle=False))
    assert stream("shuffle").random() == expected


def test_two_epochs_at_once():
    loader = Loader(np.arange(20), batch_size=3, generator=rng())
    pairs = list(zip(loader, loader, strict=True))
    for side in range(2):
        assert sorted(i for pair in pairs for i in to_host(pair[side][0]).tolist()) == list(range(20))


def test_drop_last_of_too_few_gives_nothing():
    loader = Loader(np.arange(3), batch_size=4, drop_last=True)
    assert (len(loader), host(loader)) == (0, [])


# A transform.


def test_the_transform_sees_each_batch_of_the_first_array():
    x, y = np.arange(10.0), np.arange(10)
    loader = Loader(x, y, x, batch_size=4, transform=lambda x: -x)
    for negative, y_batch, x_batch in host(loader):
        np.testing.assert_array_equal(negative, -x_batch)
        np.testing.assert_array_equal(x_batch, x[y_batch])


def test_the_transform_leaves_the_order_alone():
    x, y = np.zeros((20, 1, 2, 2), "float32"), np.arange(20)
    orders = {}
    for name, transform in (("none", None), ("flip", random_flip), ("crop", lambda x: random_crop(x, 0.0))):
        manual_seed(5)
        loader = Loader(x, y, batch_size=6, transform=transform)
        orders[name] = [np.concatenate([batch[1] for batch in host(loader)]).tolist() for _ in range(2)]
    assert orders["none"] == orders["flip"] == orders["crop"]


def test_every_epoch_is_augmented_anew_and_the_same_seed_gives_the_same():
    x = rng().standard_normal((20, 1, 3, 3)).astype("float32")
    loader = Loader(x, batch_size=6, shuffle=False, transform=lambda x: random_crop(x, 0.0, padding=2))
    first, second = order(loader), order(loader)
    assert first != second
    manual_seed(0)
    assert [order(loader), order(loader)] == [first, second]


@pytest.mark.parametrize("transform", [1, "flip", [random_flip]])
def test_wrong_transform(transform):
    with pytest.raises(TypeError, match="Loader: transform must be a function of a batch, got"):
        Loader(np.arange(3), batch_size=2, transform=transform)


# Bad input.


@pytest.mark.parametrize(
    "arrays",
    [(), (np.zeros(3), np.zeros(4)), (np.zeros((0, 2)),), (np.float32(1),), (np.zeros((2, 3)), np.zeros(()))],
)
def test_wrong_arrays(arrays):
    with pytest.raises(ValueError, match=r"^Loader: needs arrays of one length, at least 1, got shapes \["):
        Loader(*arrays, batch_size=2)


def test_arrays_without_numbers():
    with pytest.raises(TypeError, match="Loader"):
        Loader(np.array(["a", "b"]), batch_size=2)


@pytest.mark.parametrize(
    ("batch_size", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_wrong_batch_size(batch_size, error):
    with pytest.raises(error, match=f"Loader: batch_size must be .* got {batch_size}"):
        Loader(np.arange(3), batch_size=batch_size)
