"""ResNet for small images, against a model of the same structure in PyTorch."""

import gc
import weakref
from copy import deepcopy
from math import sqrt
from typing import Any

import numpy as np
import pytest
from helpers import device, host
from ops import compare

import minirad as mr
import minirad.nn.functional as F
from minirad import checkpoint
from minirad.models import ResNet
from minirad.models.resnet import BasicBlock, Thinned

SHORTCUTS = ["projection", "identity"]


def torch_resnet(torch, depth=8, num_classes=10, shortcut="projection", widths=(16, 32, 64), in_channels=3):
    nn: Any = torch.nn

    class Thinned(nn.Module):
        def __init__(self, stride, new_channels):
            super().__init__()
            self.stride, self.new_channels = stride, new_channels

        def forward(self, x):
            return nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))

    class Block(nn.Module):
        def __init__(self, c_in, c_out, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(c_out)
            self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(c_out)
            self.downsample = nn.Identity()
            if c_in != c_out:
                projection = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
                self.downsample = projection if shortcut == "projection" else Thinned(stride, c_out - c_in)

        def forward(self, x):
            y = torch.relu(self.bn1(self.conv1(x)))
            return torch.relu(self.bn2(self.conv2(y)) + self.downsample(x))

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, widths[0], 3, 1, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(widths[0])
            n, (a, b, c) = (depth - 2) // 6, widths
            self.layer1 = nn.Sequential(*[Block(a, a, 1) for _ in range(n)])
            self.layer2 = nn.Sequential(Block(a, b, 2), *[Block(b, b, 1) for _ in range(n - 1)])
            self.layer3 = nn.Sequential(Block(b, c, 2), *[Block(c, c, 1) for _ in range(n - 1)])
            self.fc = nn.Linear(c, num_classes)

        def forward(self, x):
            x = torch.relu(self.bn1(self.conv1(x)))
            x = self.layer3(self.layer2(self.layer1(x)))
            return self.fc(x.mean((2, 3)))

    return ResNet()


def size(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 272_474),
        ({"depth": 20, "shortcut": "identity"}, 269_722),
        ({"depth": 8}, 78_042),
        ({"depth": 8, "shortcut": "identity"}, 75_290),
        ({"depth": 8, "num_classes": 100}, 78_042 + 90 * 65),
        ({"depth": 8, "in_channels": 1}, 78_042 - 2 * 9 * 16),
        ({"depth": 14, "widths": (2, 3, 4)}, 58 + 2 * 80 + (159 + 174) + (288 + 304) + 50),
    ],
    ids=str,
)
def test_the_number_of_parameters(options, count):
    assert size(ResNet(**options)) == count


def test_the_identity_shortcut_saves_the_projections():
    """Two 1x1 convolutions, each with its normalisation."""
    sizes = [size(ResNet(depth=8, shortcut=shortcut)) for shortcut in SHORTCUTS]
    assert sizes[0] - sizes[1] == (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)


def test_names():
    names = [name for name, _ in ResNet(depth=14).named_parameters()]
    block = ["conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias"]
    shortcut = ["downsample.0.weight", "downsample.1.weight", "downsample.1.bias"]
    assert names == [
        *["conv1.weight", "bn1.weight", "bn1.bias"],
        *[f"layer1.{i}.{name}" for i in range(2) for name in block],
        *[f"layer{stage}.0.{name}" for stage in (2,) for name in block + shortcut],
        *[f"layer2.1.{name}" for name in block],
        *[f"layer3.0.{name}" for name in block + shortcut],
        *[f"layer3.1.{name}" for name in block],
        *["fc.weight", "fc.bias"],
    ]
    assert not any("downsample" in name for name, _ in ResNet(depth=14, shortcut="identity").named_parameters())


@pytest.mark.parametrize("shortcut", SHORTCUTS)
@pytest.mark.parametrize("depth", [8, 20])
def test_every_name_and_shape_as_in_pytorch(torch, depth, shortcut):
    ours, theirs = ResNet(depth, shortcut=shortcut), torch_resnet(torch, depth, shortcut=shortcut)
    assert [(name, tuple(p.shape)) for name, p in theirs.named_parameters()] == [
        (name, p.shape) for name, p in ours.named_parameters()
    ]
    assert [(name, tuple(array.shape)) for name, array in theirs.state_dict().items()] == [
        (name, array.shape) for name, array in ours.state_dict().items()
    ]


SMALL: dict[str, Any] = {"widths": (4, 6, 9), "num_classes": 5, "in_channels": 2}


def agree(ours, theirs, tolerance=1e-10):
    state, peer = ours.state_dict(), theirs.state_dict()
    for name, array in state.items():
        np.testing.assert_allclose(
            array, peer[name].detach().numpy(), rtol=tolerance, atol=tolerance, strict=True, err_msg=name
        )


@pytest.mark.parametrize("shape", [(3, 2, 8, 8), (2, 2, 7, 5)], ids=str)  # odd sizes round up in each stage
@pytest.mark.parametrize("shortcut", SHORTCUTS)
@pytest.mark.parametrize("depth", [8, 14])
def test_training_and_use_as_in_pytorch(torch, depth, shortcut, shape):
    """Two steps: outputs, every gradient, weights and running statistics; then in use."""
    torch.manual_seed(0)
    ours = ResNet(depth, shortcut=shortcut, **SMALL).double()
    theirs = torch_resnet(torch, depth, shortcut=shortcut, **SMALL).double()
    ours.load_state_dict(theirs.state_dict())
    optimizer, optimizer_torch = mr.optim.SGD(ours.parameters(), lr=0.1), torch.optim.SGD(theirs.parameters(), lr=0.1)
    rng = np.random.default_rng(0)
    for _ in range(2):
        data, target = rng.standard_normal(shape), rng.integers(0, 5, shape[0])
        x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        optimizer.zero_grad()
        optimizer_torch.zero_grad()
        y, y_torch = ours(x), theirs(x_torch)
        np.testing.assert_allclose(host(y), y_torch.detach().numpy(), rtol=1e-10, atol=1e-10)
        loss = F.cross_entropy(y, mr.tensor(target))
        loss_torch = torch.nn.functional.cross_entropy(y_torch, torch.tensor(target))
        compare(loss, loss_torch, [x, *ours.parameters()], [x_torch, *theirs.parameters()])
        optimizer.step()
        optimizer_torch.step()
        agree(ours, theirs)
    ours.eval()
    theirs.eval()
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    compare(ours(x[:1]), theirs(x_torch[:1]), [x], [x_torch])  # one image is enough in use
    agree(ours, theirs)


def test_the_paper_s_net_in_float32_as_in_pytorch(torch):
    """ResNet-20 on images of CIFAR10's size. Roundings of 6e-8 grow from layer to layer, through 19 normalisations.

    Where such a rounding takes one ReLU's input over 0, gradients jump: by up to 1% of the largest, measured against
    float64, in PyTorch's float32 as in ours.
    """
    torch.manual_seed(0)
    ours, theirs = ResNet(), torch_resnet(torch, 20)
    ours.load_state_dict(theirs.state_dict())
    data = np.random.default_rng(0).standard_normal((4, 3, 32, 32)).astype("float32")
    y, y_torch = ours(mr.tensor(data)), theirs(torch.tensor(data))
    np.testing.assert_allclose(host(y), y_torch.detach().numpy(), rtol=1e-4, atol=1e-4)
    F.cross_entropy(y, mr.tensor([1, 2, 3, 4])).backward()
    torch.nn.functional.cross_entropy(y_torch, torch.tensor([1, 2, 3, 4])).backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        apart = np.linalg.norm(host(p.grad) - q.grad.numpy())
        assert apart < 0.03 * np.linalg.norm(q.grad.numpy()), name
    agree(ours, theirs, 1e-4)


def test_weights_travel_both_ways_as_safetensors(torch, tmp_path):
    """Also where they don't lie in memory in order."""
    numpy_files = pytest.importorskip("safetensors.numpy", reason="needs the extra minirad[lab]")
    from safetensors.torch import load_file, save_file

    ours, theirs, back = ResNet(8, **SMALL), torch_resnet(torch, **SMALL), torch_resnet(torch, **SMALL)
    ours(mr.randn(4, 2, 8, 8))  # statistics that are not the initial ones
    for _, p in ours.named_parameters():
        p.data = device(host(p).T.copy()).T  # the axes in reverse order
    numpy_files.save_file(ours.state_dict(), tmp_path / "ours.safetensors")
    theirs.load_state_dict(load_file(tmp_path / "ours.safetensors"))
    agree(ours, theirs, 0)
    theirs(torch.randn(4, 2, 8, 8))
    save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    ours.load_state_dict(numpy_files.load_file(tmp_path / "theirs.safetensors"))
    agree(ours, theirs, 0)
    ours.load_state_dict(theirs.to(memory_format=torch.channels_last).state_dict())
    agree(ours, theirs, 0)
    back.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    agree(ours, back, 0)
    assert back.bn1.num_batches_tracked == 2


def test_a_checkpoint_holds_the_statistics_and_any_layout(tmp_path):
    pytest.importorskip("safetensors", reason="needs the extra minirad[lab]")
    model, other = ResNet(8, **SMALL), ResNet(8, **SMALL)
    model(mr.randn(4, 2, 8, 8))
    model.conv1.weight.data = device(host(model.conv1.weight).T.copy()).T
    checkpoint.save(tmp_path / "c", model=model)
    checkpoint.load(tmp_path / "c", model=other)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], array, err_msg=name, strict=True)
    x = mr.randn(2, 2, 8, 8)
    np.testing.assert_array_equal(host(other.eval()(x)), host(model.eval()(x)))


def test_initial_values():
    """Convolutions as He et al. draw them, by the gradients that an input gets; the rest as its layers do."""
    model = ResNet(depth=8)
    for name, p in model.named_parameters():
        values = host(p)
        if p.ndim == 4:
            fan_out = values.shape[0] * values.shape[2] * values.shape[3]
            assert abs(values.std() / sqrt(2 / fan_out) - 1) < 4 / sqrt(2 * values.size), name
            assert abs(values.mean()) < 4 * values.std() / sqrt(values.size), name
        elif "bn" in name or "downsample.1" in name:
            assert (values == (1 if name.endswith("weight") else 0)).all(), name
        else:
            assert np.abs(values).max() <= 1 / 8, name
    again = []
    for _ in range(2):
        mr.manual_seed(5)
        again.append(ResNet(depth=8).state_dict())
    for name, array in again[0].items():
        np.testing.assert_array_equal(array, again[1][name])


@pytest.mark.parametrize("shortcut", SHORTCUTS)
@pytest.mark.parametrize(("c_out", "stride"), [(2, 1), (3, 2), (3, 1)])
def test_a_block_is_relu_of_x_plus_what_it_changes(shortcut, c_out, stride):
    block, x = BasicBlock(2, c_out, stride, shortcut), mr.randn(4, 2, 6, 6)

    def normalised(x, norm):
        return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True)

    y = F.relu(normalised(F.conv2d(x, block.conv1.weight, stride=stride, padding=1), block.bn1))
    y = normalised(F.conv2d(y, block.conv2.weight, padding=1), block.bn2)
    if (c_out, stride) == (2, 1):
        assert block.downsample is None
        passed = x
    elif shortcut == "projection":
        projection: Any = block.downsample
        passed = normalised(F.conv2d(x, projection[0].weight, stride=stride), projection[1])
    else:
        passed = Thinned(stride, 1)(x)
    np.testing.assert_allclose(host(block(x)), host(F.relu(passed + y)), rtol=1e-4, atol=1e-5)


def test_the_shortcut_without_parameters():
    x = mr.tensor(np.arange(24.0).reshape(1, 2, 3, 4), requires_grad=True)
    y = Thinned(2, 1)(x)
    assert host(y).tolist() == [[[[0, 2], [8, 10]], [[12, 14], [20, 22]], [[0, 0], [0, 0]]]]
    y.sum().backward()
    assert host(x.grad)[0, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0]]


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_images_of_other_sizes(shortcut):
    model = ResNet(depth=8, shortcut=shortcut, **SMALL)
    for shape in ((2, 2, 32, 32), (2, 2, 9, 4), (3, 2, 1, 1)):
        assert model(mr.randn(shape)).shape == (shape[0], 5)
    assert model.eval()(mr.randn(1, 2, 1, 1)).shape == (1, 5)


def test_no_images_in_use():
    assert ResNet(depth=8, **SMALL).eval()(mr.zeros(0, 2, 8, 8)).shape == (0, 5)


def test_copies_share_nothing():
    model = ResNet(depth=8, **SMALL)
    twin = deepcopy(model)
    before = model.state_dict()
    optimizer = mr.optim.SGD(twin.parameters(), lr=0.1)
    F.cross_entropy(twin(mr.randn(4, 2, 8, 8)), mr.tensor([0, 1, 2, 3])).backward()
    optimizer.step()
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
        assert (twin.state_dict()[name] != array).any(), name


def test_memory_goes_back_without_the_collector():
    """No op of the net keeps its own output alive."""
    model = ResNet(depth=8, **SMALL)
    gc.collect()
    gc.disable()
    try:
        y = model(mr.randn(2, 2, 8, 8))
        refs, stack = [], [y]
        while stack:
            node = stack.pop()
            refs.append(weakref.ref(node))
            stack += [p for p in node.parents if p.vjp is not None]
        assert len(refs) > 20
        del y, node, stack
        assert not any(ref() is not None for ref in refs)
    finally:
        gc.enable()


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_it_learns(shortcut):
    """Horizontal against vertical stripes, at any place and with noise."""
    rng = np.random.default_rng(0)

    def draw(n):
        target = rng.integers(0, 2, n)
        stripes = (np.arange(8) + rng.integers(0, 4, (n, 1))) // 2 % 2 * 2.0 - 1
        images = np.where(target[:, None, None], stripes[:, None, :], stripes[:, :, None])
        return mr.tensor((images + rng.normal(0, 0.5, images.shape))[:, None].astype("float32")), target

    model = ResNet(depth=8, num_classes=2, shortcut=shortcut, widths=(4, 4, 8), in_channels=1)
    optimizer = mr.optim.RAdam(model.parameters(), lr=0.05)
    for _ in range(60):
        x, target = draw(32)
        optimizer.zero_grad()
        F.cross_entropy(model(x), mr.tensor(target)).backward()
        optimizer.step()
    x, target = draw(200)
    assert (host(model.eval()(x).argmax(1)) == target).mean() > 0.95


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 9}, r"ResNet: depth must be 6 n \+ 2, so 8, 14, 20, \.\.\., got 9"),
        ({"depth": 2}, r"ResNet: depth must be 6 n \+ 2, .*, got 2"),
        ({"depth": -4}, r"ResNet: depth must be 6 n \+ 2, .*, got -4"),
        ({"depth": 20.0}, r"ResNet: depth must be 6 n \+ 2, .*, got 20.0"),
        ({"depth": "20"}, r"ResNet: depth must be 6 n \+ 2, .*, got '20'"),
        ({"depth": None}, r"ResNet: depth must be 6 n \+ 2, .*, got None"),
        ({"shortcut": "none"}, "ResNet: shortcut must be 'projection' or 'identity', got 'none'"),
        ({"num_classes": 0}, "Linear: out_features must be a positive integer, got 0"),
        ({"in_channels": 0}, "Conv2d: in_channels must be a positive integer, got 0"),
        ({"widths": (16, 0, 64)}, "Conv2d: out_channels must be a positive integer, got 0"),
        ({"widths": (16, 32)}, r"ResNet: widths must be .*, got \(16, 32\)"),
        ({"widths": 16}, "ResNet: widths must be .*, got 16"),
        ({"widths": (16, 8, 4), "shortcut": "identity"}, r"ResNet: .*widths.*, got \(16, 8, 4\)"),
    ],
    ids=str,
)
def test_resnet_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        ResNet(**options)


def test_inputs_refused():
    model = ResNet(depth=8, **SMALL)
    for shape in ((2, 3, 8, 8), (2, 8, 8)):
        with pytest.raises(ValueError, match=r"Conv2d: x must be \(n, 2, h, w\), got shape"):
            model(mr.ones(shape))
    with pytest.raises(TypeError, match="conv2d: operands have different dtypes, float64 and float32"):
        model(mr.ones(2, 2, 8, 8, dtype="float64"))
