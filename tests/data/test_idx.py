import gzip
import struct
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from idx_files import CODES, idx_bytes

from minirad.data import DataError, read_idx

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = idx_bytes(IMAGES)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "file"


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_idx(path)
    text = str(error.value)
    assert str(path) in text
    assert "\n" not in text
    return text


@given(
    array=st.sampled_from(sorted(CODES)).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
    ),
    packed=st.booleans(),
)
def test_what_was_written_is_read(path, array, packed):
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    read = read_idx(path)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert read.shape == array.shape
    assert read.tobytes() == array.tobytes()  # bytes, since NaN is not NaN


def test_known_bytes(path):
    # By hand, so that reader and writer can't share a mistake: two axes, big-endian 16-bit integers.
    path.write_bytes(bytes.fromhex("00000b02 00000002 00000003 0001 0002 0003 fffe 0100 7fff"))
    np.testing.assert_array_equal(read_idx(path), np.array([[1, 2, 3], [-2, 256, 32767]], np.int16))


def test_the_result_can_be_written_to_and_the_path_be_a_string(path):
    path.write_bytes(WHOLE)
    read = read_idx(str(path))
    read[0] = 0
    assert read[0].sum() == 0


@given(data=st.data(), packed=st.booleans())
def test_cut_anywhere(path, data, packed):
    whole = gzip.compress(WHOLE) if packed else WHOLE
    refused(path, whole[: data.draw(st.integers(0, len(whole) - 1))])


def test_empty(path):
    assert "ends after 0 of 4 bytes" in refused(path, b"")


@pytest.mark.parametrize("whole", [WHOLE + b"\0", gzip.compress(WHOLE + b"\0"), gzip.compress(WHOLE) + b"more"])
def test_trailing_bytes(path, whole):
    refused(path, whole)


@pytest.mark.parametrize("magic", ["00000a03", "01000803", "00080803", "000008ff", "3c21444f"])
def test_wrong_magic(path, magic):
    assert "it begins with" in refused(path, bytes.fromhex(magic) + WHOLE[4:])


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 3), (2, 0, 4), (1, 3, 4)])
def test_wrong_lengths(path, shape):
    refused(path, WHOLE[:4] + struct.pack(">3I", *shape) + WHOLE[16:])


@pytest.mark.parametrize("packed", [False, True])
def test_a_header_that_promises_too_much_costs_no_memory(path, packed):
    lie = WHOLE[:4] + struct.pack(">3I", *[2**32 - 1] * 3) + bytes(1000)
    tracemalloc.start()
    try:
        refused(path, gzip.compress(lie) if packed else lie)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_impossible_shape(path):
    assert "too large" in refused(path, bytes([0, 0, 8, 4]) + struct.pack(">4I", 0, *[2**32 - 1] * 3))


@given(data=st.data())
def test_a_flipped_bit_in_gzip_is_never_read_as_something_else(path, data):
    content = bytearray(gzip.compress(WHOLE, mtime=0))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with suppress(DataError):  # or it is read right: the header of gzip has bits that mean nothing
        np.testing.assert_array_equal(read_idx(path), IMAGES)


def test_a_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(DataError, match=str(path.name)):
            read_idx(path)
