"""Checkers of chapter 5, layers and images."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

import minirad as mr
from minirad import functional as F
from minirad.exercises.checking import close, exercise, expect, mistake
from minirad.exercises.helpers import leaf
from minirad.models.resnet import BasicBlock


@exercise("5.1")
def which_padding(output_size: Any, same_padding: Any) -> None:
    """Padding p adds p pixels to an image; a stride of 2 always halves it."""
    for h, kernel, stride, padding, dilation in product((7, 8, 9), (1, 2, 3), (1, 2, 3), (0, 1, 2), (1, 2)):
        image, weights = mr.zeros(1, 1, h, h), mr.zeros(1, 1, kernel, kernel)
        wanted = F.conv2d(image, weights, stride=stride, padding=padding, dilation=dilation).shape[2]
        got, reach = output_size(h, kernel, stride, padding, dilation), dilation * (kernel - 1) + 1
        case = f"h={h}, kernel={kernel}, stride={stride}, padding={padding}, dilation={dilation}: got {got}"
        mistake(got, (h + padding - reach) // stride + 1, wanted, f"{case}. Padding stands on both sides.")
        mistake(
            got, (h + 2 * padding - reach + 1) // stride, wanted, f"{case}. The first window stands at 0: one more."
        )
        short = "With dilation a window reaches further than kernel rows"
        mistake(got, (h + 2 * padding - kernel) // stride + 1, wanted, f"{case}. {short}.")
        expect(got == wanted, f"{case}, wanted {wanted}.")
    for kernel, dilation in product((1, 3, 5, 7), (1, 2, 3)):
        padding, case = same_padding(kernel, dilation), f"kernel={kernel}, dilation={dilation}"
        got = 20 + 2 * padding - dilation * (kernel - 1)
        expect(isinstance(padding, int | np.integer), f"{case}: the padding must be a whole number, got {padding!r}.")
        expect(got == 20, f"{case}: with padding {padding}, 20 rows become {got}.")


@exercise("5.2")
def the_way_back_of_a_convolution(conv_input_gradient: Any) -> None:
    """The way back uses the kernel as it is: not turned, or turned with its channels in the old roles."""
    rng = np.random.default_rng(52)
    for (o, i, kh, kw), padding in product(((1, 1, 3, 3), (2, 2, 3, 3), (4, 2, 3, 2), (3, 5, 1, 3)), (0, 1)):
        if padding > min(kh, kw) - 1:
            continue
        x, w = leaf(rng.standard_normal((2, i, 6, 7))), rng.standard_normal((o, i, kh, kw))
        y = F.conv2d(x, w, padding=padding)
        g = rng.standard_normal(y.shape)
        y.backward(g)
        got = conv_input_gradient(g, w, padding)
        case, around = (
            f"{i} channels to {o}, kernel {kh} x {kw}, padding {padding}",
            (kh - 1 - padding, kw - 1 - padding),
        )
        plain = F.conv2d(g, w.swapaxes(0, 1), padding=around).data
        mistake(got, plain, x.grad, f"{case}: the kernel must be turned, by 180 degrees.")
        if i == o:
            turned = F.conv2d(g, w[:, :, ::-1, ::-1], padding=around).data
            mistake(got, turned, x.grad, f"{case}: on the way back the outputs go in: exchange the kernel's channels.")
        expect(np.shape(got) == x.grad.shape, f"{case}: the shape is {np.shape(got)}, wanted {x.grad.shape}.")
        expect(close(got, x.grad), f"{case}: wrong numbers. Is the kernel turned, are its channels exchanged?")


@exercise("5.3")
def two_variances(batch_norm_step: Any) -> str:
    """The variance by which batch norm divides is also the one that it remembers."""
    rng = np.random.default_rng(53)
    for n in (2, 5, 100):
        x, old_mean, old_var = 3 + 2 * rng.standard_normal((n, 4)), rng.standard_normal(4), 1 + rng.random(4)
        new_mean, new_var = old_mean.copy(), old_var.copy()
        wanted = F.batch_norm(x, new_mean, new_var, training=True).data
        given = x.copy(), old_mean.copy(), old_var.copy()
        got = batch_norm_step(*given)
        expect(isinstance(got, tuple | list) and len(got) == 3, "return three arrays.")
        kept = all(close(a, b) for a, b in zip(given, (x, old_mean, old_var), strict=True))
        expect(kept, "the arguments must stay as they are.")
        expect(close(got[0], wanted), f"n={n}: y is wrong. By what does its variance divide?")
        swapped = 0.1 * old_mean + 0.9 * x.mean(axis=0)
        mistake(got[1], swapped, new_mean, f"n={n}: momentum is the share of the new value, not of the old one.")
        expect(close(got[1], new_mean), f"n={n}: the running mean is wrong.")
        same = 0.9 * old_var + 0.1 * x.var(axis=0)
        mistake(got[2], same, new_var, f"n={n}: the variance that is remembered divides by n - 1, not by n.")
        expect(close(got[2], new_var), f"n={n}: the running variance is wrong. By what does its estimate divide?")
    means = [np.random.default_rng(k).standard_normal((4, 1000)).var(axis=0).mean() for k in range(20)]
    return f"Batches of 4 from a population of variance 1: dividing by n gives {np.mean(means):.3f} on average."


@exercise("5.4")
def what_eval_does_not_do(answers_in_use: Any) -> None:
    """eval() stops the recording of gradients; no_grad() switches batch norm."""
    mr.manual_seed(5)
    model = mr.nn.Sequential(mr.nn.Linear(4, 3), mr.nn.BatchNorm1d(3), mr.nn.BatchNorm1d(3), mr.nn.Dropout(0.5))
    model(mr.randn(32, 4))  # gives the running statistics some values
    model[2].eval()  # this one is frozen
    x = mr.randn(6, 4)
    modes = [module.training for _, module in model.named_modules()]
    state = model.state_dict()
    got = answers_in_use(model, x)
    expect(isinstance(got, mr.Tensor), "return the model's answers.")
    expect(not got.requires_grad and got.vjp is None, "there is a tape: eval() alone does not stop the recording.")
    kept = all(np.array_equal(state[key], value) for key, value in model.state_dict().items())
    expect(kept, "the running statistics have moved: no_grad() alone does not switch batch norm.")
    alone = answers_in_use(model, x[:2])
    expect(close(alone.data, got[:2].data, atol=1e-6), "the answer depends on the batch: this is training mode.")
    after = [module.training for _, module in model.named_modules()]
    frozen = "train() at the end wakes those that were frozen" if after[3] else "look at the mode of each"
    expect(modes == after, f"a module is in another mode than before: {frozen}.")


@exercise("5.5")
def fans_of_a_convolution(fans: Any, he_std: Any) -> None:
    """The fan-in is the number of input channels; fan-in and fan-out are one thing."""
    for shape in ((8, 8, 3, 3), (32, 8, 3, 3), (16, 48, 1, 1), (48, 16, 5, 5)):
        weight, generator = mr.zeros(*shape), np.random.default_rng(10)
        got, wanted, (o, i, *_) = fans(shape), (mr.nn.init.fan_in(weight), mr.nn.init.fan_out(weight)), shape
        mistake(got, (i, o), wanted, f"{shape}: one output pixel is a sum over the whole window, not one pixel.")
        mistake(
            got, wanted[::-1], wanted, f"{shape}: the wrong way round; the output channels come first in the shape."
        )
        expect(tuple(got) == wanted, f"fans of {shape}: got {got}.")
        for keep in ("forward", "backward"):
            u = leaf(generator.standard_normal((4, i, 40, 40)))  # what comes before the ReLU
            w = generator.normal(0, he_std(shape, keep), shape)
            y = F.conv2d(F.relu(u), w)
            y.backward(generator.standard_normal(y.shape))
            inner = slice(shape[2], -shape[2])  # away from the border
            ratio = np.mean(y.data**2) if keep == "forward" else np.mean(u.grad[:, :, inner, inner] ** 2)
            squares = f"{shape}: the mean square is multiplied by {ratio:.2f} on the way {keep}"
            expect(not 1 / 3 < ratio < 0.6, f"{squares}. Half of it is lost in the ReLU.")
            expect(0.7 < ratio < 1.4, f"{squares}. Which of the fans counts on this way?")


@exercise("5.6")
def add_then_cut_off(relu_of_sum: Any, sum_of_relu: Any) -> str:
    """It does not matter whether the shortcut is added before the ReLU or behind it."""
    mr.manual_seed(5)
    blocks = [BasicBlock(8, 8, 1, "identity") for _ in range(12)]
    start = F.relu(mr.randn(16, 8, 8, 8))
    with mr.no_grad():
        inside, outside, library = relu_of_sum(blocks[0], start), sum_of_relu(blocks[0], start), blocks[0](start)
        for y in (inside, outside):
            expect(isinstance(y, mr.Tensor) and y.shape == start.shape, "return a tensor of the shape of x.")
        expect(not close(inside.data, outside.data), "both are the same function: where does the ReLU stand in each?")
        expect(close(inside.data, library.data, rtol=1e-4, atol=1e-5), "relu_of_sum is not the library's block.")
        expect((outside.data >= start.data).all(), "sum_of_relu: x + relu(...) can't be below x.")
        a = b = start
        for block in blocks:
            a, b = relu_of_sum(block, a), sum_of_relu(block, b)
    grows = "sum_of_relu: x + relu(f(x)) can only add, and must grow faster than relu(x + f(x))"
    expect(b.data.mean() > 1.5 * a.data.mean(), f"{grows}.")
    values = f"{start.data.mean():.2f} has become {a.data.mean():.2f} with the ReLU around the sum"
    return f"The mean after 12 blocks: {values}, {b.data.mean():.2f} with the ReLU around f."
