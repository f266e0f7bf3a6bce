"""Positions: the paper's equations, and where they start."""

import numpy as np
import pytest
from helpers import host

import minirad as mr
from minirad.nn import LearnedPositions, SinusoidalPositions

KINDS = [SinusoidalPositions, LearnedPositions]


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_the_equations_of_section_3_5(width):
    table = host(SinusoidalPositions(7, width)(mr.zeros(7, width, dtype="float64")))
    for place in range(7):
        for j in range(width):
            angle = place / 10000 ** (2 * (j // 2) / width)
            assert abs(table[place, j] - (np.cos(angle) if j % 2 else np.sin(angle))) < 1e-14


def test_a_step_is_a_rotation():
    """PE(pos + k) follows from PE(pos) by a matrix that depends on k alone."""
    table = host(SinusoidalPositions(30, 6)(mr.zeros(30, 6, dtype="float64")))
    for k in (1, 5):
        turn = np.linalg.lstsq(table[:12], table[k : 12 + k], rcond=None)[0]
        np.testing.assert_allclose(table[12 : 30 - k] @ turn, table[12 + k :], atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_the_places_begin_where_they_are_told(kind):
    positions, x = kind(9, 4), mr.randn(2, 6, 4)
    whole = host(positions(x))
    np.testing.assert_array_equal(host(positions(x[:, 4:], first=4)), whole[:, 4:])
    assert positions(mr.zeros(2, 0, 4)).shape == (2, 0, 4)
    assert positions(mr.zeros(9, 4)).shape == (9, 4)


def test_what_is_learned():
    assert not list(SinusoidalPositions(9, 4).parameters())
    assert not SinusoidalPositions(9, 4).state_dict()
    positions = LearnedPositions(9, 4).double()
    assert [(name, p.shape) for name, p in positions.named_parameters()] == [("weight", (9, 4))]
    assert abs(host(LearnedPositions(100, 50).weight).std() - 0.02) < 0.001
    x = mr.randn(2, 3, 4, dtype="float64", requires_grad=True)
    assert mr.gradcheck(lambda x, _: positions(x, first=2), [x, positions.weight])
    positions(x, first=2).sum().backward()
    np.testing.assert_array_equal(host(positions.weight.grad)[:, 0], [0, 0, 2, 2, 2, 0, 0, 0, 0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_stays(dtype):
    assert SinusoidalPositions(5, 4)(mr.zeros(3, 4, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_repr_and_what_is_refused(kind):
    name = kind.__name__
    assert repr(kind(5, 4)) == f"{name}(5, 4)"
    for sizes, message in (((0, 4), "max_length .* got 0"), ((5, -1), "width .* got -1"), ((5.0, 4), "got 5.0")):
        with pytest.raises(ValueError, match=f"{name}: .*{message}"):
            kind(*sizes)
    for shape, first in (((2, 6, 4), 0), ((2, 3, 4), 3), ((2, 3, 4), -1), ((2, 3, 5), 0), ((4,), 0)):
        with pytest.raises(ValueError, match=rf"{name}: x must be \(\.\.\., l, 4\) with places 0 \.\. 4, got shape"):
            kind(5, 4)(mr.zeros(shape), first)
    for first in (1.0, "1", None):
        with pytest.raises(ValueError, match=f"{name}: first must be an integer, got {first!r}"):
            kind(5, 4)(mr.zeros(2, 3, 4), first)
    with pytest.raises(TypeError, match=f"{name}: needs float32 or float64, got int64"):
        kind(5, 4)(mr.tensor([[1, 2, 3, 4]]))
