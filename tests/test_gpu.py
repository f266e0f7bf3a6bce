"""On a real GPU minirad computes what it computes on the CPU, within float32."""

import numpy as np
import pytest
from helpers import backend, host

import minirad as mr
from minirad.models import MLP

pytestmark = pytest.mark.gpu


def on_both(compute):
    """What compute() returns, a list of arrays or tensors, on NumPy and on CuPy, started from the same seed."""
    results = []
    for name in ("numpy", "cupy"):
        with backend(name):
            mr.manual_seed(0)
            results.append([host(x) for x in compute()])
    return results


def assert_same(compute, rtol=2e-5, atol=2e-6):
    on_cpu, on_gpu = on_both(compute)
    assert len(on_cpu) == len(on_gpu) > 0
    for a, b in zip(on_cpu, on_gpu, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(b, a, rtol=rtol, atol=atol)


def model_and_data():
    """An MLP 20-32-5 and a batch of 16."""
    return MLP(20, [32], 5), mr.randn(16, 20), mr.tensor(np.arange(16) % 5)


def train(make_optimizer, steps):
    """The losses and the final parameters of an MLP on one batch."""
    model, x, y = model_and_data()
    optimizer = make_optimizer(model.parameters())
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = mr.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [losses, *(p.data for p in model.parameters())]


def test_arrays_lie_on_the_device():
    import cupy

    with backend("cupy"):
        model, x, y = model_and_data()
        loss = mr.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        arrays = [x.data, y.data, loss.data, *(a for p in model.parameters() for a in (p.data, p.grad))]
    assert all(type(array) is cupy.ndarray for array in arrays)


def test_initial_weights_and_draws_are_equal_to_the_bit():
    def draws():
        model, x, _ = model_and_data()
        return [x, mr.rand(4), mr.nn.Dropout(0.5)(mr.ones(50)), *model.parameters()]

    for a, b in zip(*on_both(draws), strict=True):
        np.testing.assert_array_equal(a, b)


def test_elementwise_chain():
    def chain():
        x = mr.randn(7, 1, 5, requires_grad=True)
        y = mr.randn(3, 5, requires_grad=True)
        z = (x * y + 1.5).tanh() / ((x - y).abs() + 0.5).sqrt() + mr.where(x > y, x, y).exp() * mr.gelu(y)
        z = mr.maximum(z, -0.5).clip(max=2.0)
        z.mean(dim=0).sum().backward()
        return [z, x.grad, y.grad]

    assert_same(chain)


def test_matmul():
    def product():
        a = mr.randn(2, 1, 40, 30, requires_grad=True)
        b = mr.randn(3, 30, 20, requires_grad=True)
        c = a @ b
        c.backward(mr.randn(2, 3, 40, 20))
        return [c, a.grad, b.grad]

    assert_same(product, rtol=1e-4, atol=1e-4)


def test_indices():
    def rows():
        x = mr.randn(6, 4, requires_grad=True)
        y = x[mr.tensor([0, 5, 5, 0])].sum() + x[x > 0].sum() + x[1:3, ::2].sum()
        y.backward()
        return [y, x.grad]

    assert_same(rows)


def test_training_step():
    assert_same(lambda: train(lambda parameters: mr.optim.SGD(parameters, lr=0.1, momentum=0.9), 1))


@pytest.mark.parametrize("block", [None, 100])
def test_trajectory_of_radam(block):
    # 12 steps: the first five without, the others with the rectified second moment.
    assert_same(lambda: train(lambda parameters: mr.optim.RAdam(parameters, lr=1e-2, block=block), 12), 1e-3, 1e-5)


def test_state_of_an_optimizer_comes_back_to_the_host():
    with backend("cupy"):
        model, x, y = model_and_data()
        optimizer = mr.optim.RAdam(model.parameters())
        mr.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        arrays = [a for slot in optimizer.state_dict()["state"].values() for key, a in slot.items() if key != "t"]
        weights = list(model.state_dict().values())
    assert len(arrays) == 8
    assert all(type(array) is np.ndarray for array in arrays + weights)


def test_gradcheck():
    with backend("cupy"):
        x = mr.tensor(np.linspace(-1, 1, 6).reshape(2, 3), requires_grad=True)
        assert mr.gradcheck(lambda x: mr.softmax(x, dim=1) * x.exp(), [x])
