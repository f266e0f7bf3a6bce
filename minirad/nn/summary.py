"""model.summary(input_shape): a table of a model's modules, what they put out and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from minirad.backend import xp
from minirad.nn.parameter import Parameter
from minirad.nn.watching import watching
from minirad.tensor import Tensor, no_grad

if TYPE_CHECKING:
    from minirad.nn.module import Module

MULTIPLIES = {"Linear", "Conv2d"}  # each number that they put out is a sum over all axes of the weight but the first


class Row:  # a dataclass would cost every import of minirad half a millisecond
    """A module in a summary.

    Attributes:
        name: with dots; "" for the model itself.
        type: the name of its class.
        output: the shape that it returned, as text (of its last call); "" if it was not called.
        parameters: how many numbers are its own, without modules in it. What is shared counts where it comes first.
        multiply_adds: how many it did, if it is a Linear or Conv2d.
    """

    def __init__(self, name: str, type: str, output: str, parameters: int, multiply_adds: int) -> None:
        self.name, self.type, self.output = name, type, output
        self.parameters, self.multiply_adds = parameters, multiply_adds


class Summary:
    """What model.summary() returns. Print it, or take its rows.

    Attributes:
        input: what went in, as text.
        rows: one for each module, in the order of named_modules().
        frozen: how many of the parameters require no gradient.
    """

    def __init__(self, input: str, rows: list[Row], frozen: int) -> None:
        self.input, self.rows, self.frozen = input, rows, frozen

    @property
    def parameters(self) -> int:
        """How many numbers the model's parameters are."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Those of all Linear and Conv2d."""
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        cells = [("layer", "type", "output shape", "parameters", "multiply-adds")]
        cells += [
            (row.name, row.type, row.output or "not called", _count(row.parameters), _count(row.multiply_adds))
            for row in self.rows
        ]
        cells.append(("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"))
        a, b, c, d, e = (max(map(len, column)) for column in zip(*cells, strict=True))
        lines = [f"{v:<{a}}  {w:<{b}}  {x:<{c}}  {y:>{d}}  {z:>{e}}" for v, w, x, y, z in cells]
        rule = "-" * len(lines[0])
        frozen = f"; {self.frozen:,} of the parameters are frozen" if self.frozen else ""
        notes = f"for {self.input}; multiply-adds are those of Linear and Conv2d{frozen}"
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], notes])

    __repr__ = __str__


def summarise(self: Module, input_shape: Sequence[int], dtype: Any = None) -> Summary:
    """Run the model once on zeros, without recording and as in eval(), and tell what each module put out.

    Args:
        input_shape: the shape of the one tensor that forward() takes, with its batch axis: ``(1, 28 * 28)``.
        dtype: that of the zeros; for indices "int64". The parameters' dtype, unless given.

    Raises:
        ValueError: input_shape is no shape, or forward() does not take such a tensor. The model stays as it was.
    """
    shape = tuple(input_shape) if isinstance(input_shape, Sequence) else (input_shape,)
    if any(not isinstance(n, int) or n < 0 for n in shape):
        raise ValueError(f"summary: input_shape must be integers >= 0, got {input_shape!r}")
    if dtype is None:
        dtype = next((parameter.dtype for parameter in self.parameters()), "float32")
    zeros = Tensor(xp.zeros(shape, dtype))
    outputs: dict[str, str] = {}
    multiply_adds: dict[str, int] = {}

    def around(name: str, module: Module, run: Callable[[], Any]) -> Any:
        output = run()
        outputs[name] = _shape(output)
        if isinstance(output, Tensor) and MULTIPLIES & {kind.__name__ for kind in type(module).__mro__}:
            done = output.numel() * prod(vars(module)["weight"].shape[1:])
            multiply_adds[name] = multiply_adds.get(name, 0) + done
        return output

    before = [(module, module.training) for _, module in self.named_modules()]
    try:
        self.eval()
        with no_grad(), watching(self, around):
            self(zeros)
    except Exception as error:
        raise ValueError(
            f"summary: {type(self).__name__}.forward() fails on one tensor of zeros, of shape {shape} (the batch axis "
            f"included) and dtype {zeros.dtype}: {error}"
        ) from error
    finally:
        for module, training in before:
            module.training = training
    own = _own_parameters(self)
    rows = [
        Row(name, type(module).__name__, outputs.get(name, ""), own[name], multiply_adds.get(name, 0))
        for name, module in self.named_modules()
    ]
    frozen = sum(parameter.numel() for parameter in self.parameters() if not parameter.requires_grad)
    return Summary(f"input {shape} {zeros.dtype}", rows, frozen)


def _own_parameters(model: Module) -> dict[str, int]:
    """How many numbers each module has itself, by its name."""
    counts: dict[str, int] = {}
    seen: set[int] = set()
    for name, module in model.named_modules():
        own = {id(p): p.numel() for p in vars(module).values() if isinstance(p, Parameter) and id(p) not in seen}
        seen |= own.keys()
        counts[name] = sum(own.values())
    return counts


def _shape(output: Any) -> str:
    if isinstance(output, tuple | list):
        return f"({', '.join(map(_shape, output))})"
    return str(output.shape) if isinstance(output, Tensor) else type(output).__name__


def _count(n: int) -> str:
    return f"{n:,}" if n else "-"
