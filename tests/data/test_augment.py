import numpy as np
import pytest
from helpers import BACKEND, device, host
from hypothesis import given
from hypothesis import strategies as st

from minirad.backend import STREAMS, manual_seed, stream, xp
from minirad.data import crop_and_flip, random_crop, random_flip
from minirad.data.preparing import mean_and_std, normalised


def rng(seed=0):
    return np.random.default_rng(seed)


def images(shape, dtype="float32", channels_last=False):
    """Images of which no two pixels are alike, on the host."""
    x = rng().permutation(np.prod(shape)).reshape(shape).astype(dtype)
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if channels_last else x


batches = st.builds(
    images,
    st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(1, 6), st.integers(1, 6)),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
)
seeds = st.integers(0, 99)


# Flips.


@given(x=batches, seed=seeds, p=st.floats(0, 1))
def test_a_flip_is_a_flip(x, seed, p):
    out = host(random_flip(device(x), p, rng(seed)))
    assert (out.dtype, out.shape) == (x.dtype, x.shape)
    for image, flipped, draw in zip(x, out, rng(seed).random(len(x)), strict=True):
        np.testing.assert_array_equal(flipped, image[:, :, ::-1] if draw < p else image)


@given(x=batches, seed=seeds)
def test_two_flips_are_none(x, seed):
    once = random_flip(device(x), generator=rng(seed))
    np.testing.assert_array_equal(host(random_flip(once, generator=rng(seed))), x)


@given(x=batches)
def test_never_and_always(x):
    np.testing.assert_array_equal(host(random_flip(device(x), 0)), x)
    np.testing.assert_array_equal(host(random_flip(device(x), 1)), x[..., ::-1])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_how_many_are_flipped(p):
    x = np.tile(np.array([0.0, 1.0]), (10_000, 1, 1, 1))
    count = host(random_flip(device(x), p))[:, 0, 0, 0].sum()
    assert abs(count - 10_000 * p) < 4 * np.sqrt(10_000 * p * (1 - p))


def test_integers_can_be_flipped():
    x = np.arange(4, dtype=np.uint8).reshape(1, 1, 2, 2)
    assert host(random_flip(device(x), 1)).tolist() == [[[[1, 0], [3, 2]]]]


# Crops.


@given(data=st.data(), x=batches, seed=seeds, padding=st.integers(0, 7))
def test_a_crop_is_a_window_of_the_padded_image(data, x, seed, padding):
    n, channels, height, width = x.shape
    fill = data.draw(
        st.one_of(st.integers(-9, -1), st.lists(st.integers(-9, -1), min_size=channels, max_size=channels))
    )
    out = host(random_crop(device(x), fill, padding, rng(seed)))
    assert (out.dtype, out.shape) == (x.dtype, x.shape)
    rows, columns = rng(seed).integers(0, 2 * padding + 1, (2, n))
    for image, cropped, row, column in zip(x, out, rows, columns, strict=True):
        for c in range(channels):
            padded = np.pad(image[c], padding, constant_values=np.broadcast_to(fill, channels)[c])
            np.testing.assert_array_equal(cropped[c], padded[row : row + height, column : column + width])


def test_a_crop_by_hand():
    class Fixed:
        def integers(self, low, high, size):
            assert (low, high, size) == (0, 3, (2, 3))
            return np.array([[0, 1, 2], [2, 1, 1]])

    x = np.arange(1, 5, dtype="float32").reshape(1, 1, 2, 2).repeat(3, axis=0)
    up_right, as_it_was, down = host(random_crop(device(x), -1, 1, Fixed())).tolist()
    assert up_right == [[[-1, -1], [2, -1]]]
    assert as_it_was == [[[1, 2], [3, 4]]]
    assert down == [[[3, 4], [-1, -1]]]


def test_all_windows_are_as_likely():
    # A pixel's value tells where it was, so the one in the middle tells the window.
    n, size, padding = 8100, 9, 4
    where = np.arange(size * size, dtype="float32").reshape(1, 1, size, size)
    out = host(random_crop(device(where.repeat(n, axis=0)), -1.0, padding))
    counts = np.bincount(out[:, 0, 4, 4].astype(int), minlength=81)
    chi_squared = ((counts - 100) ** 2 / 100).sum()
    assert abs(chi_squared - 80) < 4 * np.sqrt(160)  # 81 cells of 100


def test_without_padding_nothing_changes():
    x = images((4, 3, 5, 5))
    np.testing.assert_array_equal(host(random_crop(device(x), 0.0, 0)), x)


# Both.


@given(x=batches, seed=seeds)
def test_crop_and_flip(x, seed):
    generator = rng(seed)
    expected = random_crop(random_flip(device(x), 0.5, generator), -1.0, 2, generator)
    np.testing.assert_array_equal(host(crop_and_flip(device(x), -1.0, 2, rng(seed))), host(expected))


def test_black_around_normalised_images_is_black_around_photos():
    photos = rng().integers(0, 256, (20, 3, 8, 8), dtype=np.uint8)
    mean, std = mean_and_std(photos)
    black = normalised(np.zeros((1, 3, 1, 1)), mean, std).ravel().tolist()
    after = host(crop_and_flip(device(normalised(photos, mean, std)), black, generator=rng(1)))
    before = host(crop_and_flip(device(photos.astype("float32")), 0.0, generator=rng(1)))
    np.testing.assert_array_equal(after, normalised(before, mean, std))


# What holds for all.

ALL = {
    "flip": random_flip,
    "crop": lambda x, generator=None: random_crop(x, 0.0, generator=generator),
    "both": lambda x, generator=None: crop_and_flip(x, 0.0, generator=generator),
}
NOTHING = {"no flip": lambda x: random_flip(x, 0), "no padding": lambda x: random_crop(x, 0.0, 0)}
each = pytest.mark.parametrize("augment", ALL.values(), ids=list(ALL))
each_or_none = pytest.mark.parametrize("augment", (ALL | NOTHING).values(), ids=list(ALL | NOTHING))


@each_or_none
def test_a_new_array_of_the_backend(augment):
    x = device(images((6, 3, 4, 4)))
    before = host(x).copy()
    out = augment(x)
    assert type(out) is xp.ndarray
    out[...] = -5.0
    np.testing.assert_array_equal(host(x), before)


@pytest.mark.skipif(BACKEND != "numpy", reason="CuPy's indexing always gives C order")
@pytest.mark.parametrize("channels_last", [False, True])
@each_or_none
def test_the_memory_layout_stays(augment, channels_last):
    x = images((6, 3, 4, 5), channels_last=channels_last)
    assert augment(x).strides == x.strides


@each
def test_any_view_will_do(augment):
    x = device(images((12, 6, 5, 7)))[::2, ::-1, ::2, ::3]
    expected = host(augment(x.copy(), generator=rng(2)))
    np.testing.assert_array_equal(host(augment(x, generator=rng(2))), expected)


@each
def test_the_stream(augment):
    x = device(images((20, 3, 8, 8)))
    manual_seed(5)
    first = host(augment(x))
    manual_seed(5)
    for name in set(STREAMS) - {"noise"}:
        stream(name).random(10)  # other streams do not matter
    np.testing.assert_array_equal(host(augment(x)), first)
    following = {name: stream(name).random() for name in STREAMS}
    manual_seed(5)
    for name in set(STREAMS) - {"noise"}:
        stream(name).random(10)
        assert stream(name).random() == following[name]  # and are left alone
    assert stream("noise").random() != following["noise"]


@each
def test_a_generator_of_its_own_leaves_the_stream_alone(augment):
    manual_seed(5)
    expected = stream("noise").random()
    manual_seed(5)
    augment(device(images((3, 3, 8, 8))), generator=rng())
    assert stream("noise").random() == expected


# Bad input.


@pytest.mark.parametrize("shape", [(), (3,), (3, 4, 5), (1, 2, 3, 4, 5)])
def test_wrong_shape(shape):
    message = r"x must be \(n, channels, height, width\), got shape \("
    with pytest.raises(ValueError, match=f"random_flip: {message}"):
        random_flip(device(np.zeros(shape)))
    with pytest.raises(ValueError, match=f"random_crop: {message}"):
        random_crop(device(np.zeros(shape)), 0.0)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_wrong_p(p):
    with pytest.raises(ValueError, match=rf"random_flip: p must lie in \[0, 1\], got {p}"):
        random_flip(device(np.zeros((1, 1, 2, 2))), p)


@pytest.mark.parametrize("fill", [[1.0, 2.0], [1.0] * 4, [[1.0, 2.0, 3.0]], []])
def test_wrong_fill(fill):
    with pytest.raises(ValueError, match="random_crop: fill must be one number or 3, one for each channel, got"):
        random_crop(device(np.zeros((1, 3, 2, 2))), fill)


@pytest.mark.parametrize("padding", [-1, 1.0, True, (1, 2), None])
def test_wrong_padding(padding):
    with pytest.raises(ValueError, match="random_crop: padding must be an integer >= 0, got"):
        random_crop(device(np.zeros((1, 3, 2, 2))), 0.0, padding)


def test_bytes_are_not_padded():
    with pytest.raises(TypeError, match="random_crop: x must hold floating-point numbers, got uint8"):
        random_crop(device(np.zeros((1, 3, 2, 2), np.uint8)), 0.0)


def test_bad_input_draws_nothing():
    before = stream("noise").bit_generator.state
    with pytest.raises(ValueError, match="padding"):
        random_crop(device(np.zeros((1, 3, 2, 2))), 0.0, -1)
    with pytest.raises(ValueError, match="random_flip"):
        random_flip(device(np.zeros((1, 3, 2, 2))), 2)
    assert stream("noise").bit_generator.state == before
