"""Wrong answers to the exercises of chapter 5."""

import math

import numpy as np

import minirad as mr
from minirad import functional as F


def back(turn, exchange):
    def conv_input_gradient(g, w, padding):
        kh, kw = w.shape[2:]
        w = w[:, :, ::-1, ::-1] if turn else w
        return F.conv2d(g, w.swapaxes(0, 1) if exchange else w, padding=(kh - 1 - padding, kw - 1 - padding)).data

    return conv_input_gradient


def one_variance(x, running_mean, running_var, momentum=0.1, eps=1e-5):
    mean, var = x.mean(axis=0), x.var(axis=0)
    return (
        (x - mean) / np.sqrt(var + eps),
        (1 - momentum) * running_mean + momentum * mean,
        (1 - momentum) * running_var + momentum * var,
    )


def eval_alone(model, x):
    modes = [(module, module.training) for _, module in model.named_modules()]
    model.eval()
    y = model(x)
    for module, training in modes:
        module.training = training
    return y


def no_grad_alone(model, x):
    with mr.no_grad():
        return model(x)


def train_at_the_end(model, x):
    model.eval()
    with mr.no_grad():
        y = model(x)
    model.train()
    return y


def sum_then_relu(block, x):
    return F.relu(x + block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x))))))


WRONG = {
    "5.1": [
        (
            [lambda h, k, stride=1, padding=0, dilation=1: (h + padding - dilation * (k - 1) - 1) // stride + 1, None],
            "both sides",
        ),
        ([lambda h, k, stride=1, padding=0, dilation=1: (h + 2 * padding - k) // stride + 1, None], "reaches further"),
        (
            [lambda h, k, stride=1, padding=0, dilation=1: (h + 2 * padding - dilation * (k - 1)) // stride, None],
            "one more",
        ),
        ([None, lambda kernel, dilation=1: (kernel - 1) // 2], "20 rows become"),
    ],
    "5.2": [
        ([back(turn=False, exchange=True)], "the kernel must be turned"),
        ([back(turn=True, exchange=False)], "exchange the kernel's channels"),
    ],
    "5.3": [([one_variance], "divides by n - 1, not by n")],
    "5.4": [
        ([eval_alone], "eval\\(\\) alone does not stop"),
        ([no_grad_alone], "no_grad\\(\\) alone does not switch"),
        ([train_at_the_end], "wakes those that were frozen"),
    ],
    "5.5": [
        ([lambda shape: (shape[1], shape[0]), None], "over the whole window"),
        ([None, lambda shape, keep: math.sqrt(2 / math.prod(shape[1:]))], "Which of the fans"),
        ([None, lambda shape, keep: math.sqrt(1 / math.prod(shape[1:]))], "lost in the ReLU"),
    ],
    "5.6": [([sum_then_relu, sum_then_relu], "both are the same function")],
}
