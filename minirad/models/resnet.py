"""The residual net for small images of He et al., "Deep Residual Learning for Image Recognition", 2015, section 4.2.

The RAdam paper trains ResNet-20 of this kind on CIFAR10: batches of 128, 164 epochs, lr times 0.1 after epochs 81 and
122, weight decay 1e-4, images padded by 4 and cropped, and flipped at random.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from minirad import functional as F
from minirad.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Linear, Module, Sequential, init
from minirad.tensor import Tensor


class BasicBlock(Module):
    """relu(x + f(x)), f being two 3x3 convolutions: what is learned is the change, and the sum lets gradients through.

    With a stride of 2, or another number of channels, x takes a shortcut that makes it fit.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, shortcut: str) -> None:
        self.conv1 = Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(c_out)
        self.conv2 = Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(c_out)
        self.downsample: Module | None = None
        if stride == 1 and c_in == c_out:
            return
        if shortcut == "projection":
            self.downsample = Sequential(Conv2d(c_in, c_out, 1, stride=stride, bias=False), BatchNorm2d(c_out))
        else:
            self.downsample = Thinned(stride, c_out - c_in)

    def forward(self, x: Any) -> Tensor:
        """(n, c_in, h, w) -> (n, c_out, h / stride, w / stride)."""
        y = self.bn1(self.conv1(x), relu=True)
        return self.bn2(self.conv2(y), residual=x if self.downsample is None else self.downsample(x), relu=True)


class Thinned(Module):
    """The shortcut without parameters: every stride-th pixel, and channels of zeros for the new ones."""

    def __init__(self, stride: int, new_channels: int) -> None:
        self.stride, self.new_channels = stride, new_channels

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c + new_channels, h / stride, w / stride)."""
        x = x[:, :, :: self.stride, :: self.stride]
        n, _, h, w = x.shape
        return F.cat([x, F.zeros(n, self.new_channels, h, w, dtype=x.dtype)], dim=1)


class ResNet(Module):
    """ResNet of depth 6n + 2 (8, 20, 32, ...): a convolution, then 3 stages of n blocks, each at half the size before.

    Args:
        depth: the layers with weights on the longest way.
        num_classes: the outputs.
        shortcut: "projection" (1x1 convolutions; ResNet-20 has 272,474 parameters) or "identity" (no parameters).
        widths: the channels of the stages.
        in_channels: those of the images.

    Raises:
        ValueError: the depth is not 6n + 2, or the shortcut unknown.
    """

    def __init__(
        self, depth: int = 20, num_classes: int = 10, shortcut: str = "projection",
        widths: tuple[int, int, int] = (16, 32, 64), in_channels: int = 3
    ) -> None:  # fmt: skip
        if not isinstance(depth, int) or depth < 8 or depth % 6 != 2:
            raise ValueError(f"ResNet: depth must be 6 n + 2, so 8, 14, 20, ..., got {depth!r}")
        if shortcut not in ("projection", "identity"):
            raise ValueError(f"ResNet: shortcut must be 'projection' or 'identity', got {shortcut!r}")
        three = isinstance(widths, tuple | list) and len(widths) == 3
        if not three or (shortcut == "identity" and list(widths) != sorted(widths)):
            raise ValueError(f"ResNet: widths must be 3 numbers of channels (growing, for 'identity'), got {widths!r}")
        self.conv1 = Conv2d(in_channels, widths[0], 3, padding=1, bias=False)
        self.bn1 = BatchNorm2d(widths[0])
        stages = []
        for stage, (c_in, c_out) in enumerate(pairwise((widths[0], *widths))):
            blocks = [BasicBlock(c_in, c_out, 1 if stage == 0 else 2, shortcut)]
            blocks += [BasicBlock(c_out, c_out, 1, shortcut) for _ in range((depth - 2) // 6 - 1)]
            stages.append(Sequential(*blocks))
        self.layer1, self.layer2, self.layer3 = stages
        self.avgpool = AdaptiveAvgPool2d(1)
        self.fc = Linear(widths[2], num_classes)
        for _, module in self.named_modules():
            if isinstance(module, Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Any) -> Tensor:
        """(n, in_channels, h, w) -> logits (n, num_classes)."""
        x = self.bn1(self.conv1(x), relu=True)
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(F.flatten(self.avgpool(x), 1))
