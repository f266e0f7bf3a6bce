"""Recurrent layers: LSTMCell (one step) and LSTM (whole sequences, in layers)."""

from __future__ import annotations

from math import sqrt
from typing import Any

from minirad import functional as F
from minirad.backend import xp
from minirad.functional.dropout import check_probability
from minirad.functional.lstm import checked_lengths
from minirad.nn import init
from minirad.nn.module import Module
from minirad.nn.parameter import Parameter
from minirad.nn.printing import unusual
from minirad.tensor import Tensor, as_tensor

State = tuple[Tensor, Tensor]  # (h, c)


class _Recurrent(Module):
    """The weights that LSTMCell and LSTM share, uniform on [-1/sqrt(hidden_size), 1/sqrt(hidden_size)] at first."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool) -> None:
        for name, n in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(n, int) or n < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be a positive integer, got {n!r}")
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias

    def add_weights(self, inputs: int, end: str = "") -> None:
        """Set weight_ih, weight_hh, bias_ih and bias_hh, with this end of their names."""
        bound = 1 / sqrt(self.hidden_size)
        shapes = {"weight_ih": (inputs,), "weight_hh": (self.hidden_size,), "bias_ih": (), "bias_hh": ()}
        for name, shape in shapes.items():
            if self.bias or shape:
                weight = Parameter(xp.empty((4 * self.hidden_size, *shape), xp.float32))
                setattr(self, name + end, init.uniform_(weight, -bound, bound))

    def weights(self, end: str = "") -> dict[str, Any]:
        """Those with this end of their names, under the names that functional.lstm gives them."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if self.bias else 2]
        return {name: getattr(self, name + end) for name in names}


class LSTMCell(_Recurrent):
    """One step of an LSTM: see functional.lstm for the equations.

    weight_ih (4 hidden_size, input_size), weight_hh (4 hidden_size, hidden_size), bias_ih and bias_hh (4 hidden_size,),
    as in PyTorch.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.add_weights(input_size)

    def forward(self, x: Any, state: tuple[Any, Any] | None = None) -> State:
        """x (n, input_size) and the state (h, c), both (n, hidden_size) or 0 -> the next state."""
        x = as_tensor(x)
        if x.ndim != 2 or x.shape[1] != self.input_size:
            raise ValueError(f"LSTMCell: x must be (n, {self.input_size}), got shape {x.shape}")
        zeros = xp.zeros((len(x.data), self.hidden_size), x.dtype)
        h, c = checked_state("LSTMCell", (zeros, zeros) if state is None else state, zeros.shape)
        out = F.lstm(x.reshape(1, *x.shape), h, c, **self.weights())
        return out[0], out[1]

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        return f"{self.input_size}, {self.hidden_size}" + unusual(bias=(self.bias, True))


class LSTM(_Recurrent):
    """LSTM layers over whole sequences, each layer reading what the one below says: see functional.lstm.

    Args:
        input_size, hidden_size: the width of the inputs, and that of h and c.
        num_layers: how many layers.
        bias: whether there are bias_ih and bias_hh.
        batch_first: inputs and outputs are (n, steps, ...) instead of (steps, n, ...).
        dropout: between the layers, in training.
        bidirectional: each layer has a second one of its kind that reads from the end; their outputs lie side by side.

    The parameters of layer k are weight_ih_lk, weight_hh_lk, bias_ih_lk, bias_hh_lk, and those that read from the end
    have _reverse behind; shapes and values at first are PyTorch's. Left out of PyTorch's: proj_size, and inputs
    without n; for packed sequences there are lengths.

    Raises:
        ValueError: a size is no positive integer, dropout no probability, or an input, state or length does not fit.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias)
        if not isinstance(num_layers, int) or num_layers < 1:
            raise ValueError(f"LSTM: num_layers must be a positive integer, got {num_layers!r}")
        check_probability("LSTM", "dropout", dropout)
        self.num_layers, self.batch_first, self.dropout, self.bidirectional = (
            num_layers, batch_first, dropout, bidirectional
        )  # fmt: skip
        self.ends = ("", "_reverse") if bidirectional else ("",)
        for layer in range(num_layers):
            for end in self.ends:
                self.add_weights(hidden_size * len(self.ends) if layer else input_size, f"_l{layer}{end}")

    def forward(self, x: Any, state: tuple[Any, Any] | None = None, lengths: Any = None) -> tuple[Tensor, State]:
        """All h of the last layer, and the last state of each layer.

        Args:
            x: (steps, n, input_size), or (n, steps, input_size) with batch_first.
            state: (h_0, c_0), both (layers * directions, n, hidden_size); 0 if there is none.
            lengths: integers (n,): how many steps each sequence has. The outputs behind its end are 0. (PyTorch packs
                sequences for this.)

        Returns:
            The output, like x but with directions * hidden_size features, and (h_n, c_n) of the shape of the state.
        """
        x = as_tensor(x)
        if x.ndim != 3 or x.shape[2] != self.input_size:
            layout = "n, steps" if self.batch_first else "steps, n"
            raise ValueError(f"LSTM: x must be ({layout}, {self.input_size}), got shape {x.shape}")
        y = x.transpose(0, 1) if self.batch_first else x
        steps, n, _ = y.shape
        if lengths is not None:
            lengths = checked_lengths("LSTM", lengths, steps, n)
        zeros = xp.zeros((self.num_layers * len(self.ends), n, self.hidden_size), x.dtype)
        h_0, c_0 = checked_state("LSTM", (zeros, zeros) if state is None else state, zeros.shape)
        h_n: list[Tensor] = []
        c_n: list[Tensor] = []
        for layer in range(self.num_layers):
            outputs = []
            for end in self.ends:
                k = len(h_n)
                weights = self.weights(f"_l{layer}{end}")
                out = F.lstm(y, h_0[k], c_0[k], **weights, lengths=lengths, reverse=end == "_reverse")
                outputs.append(out[:-1])
                h_n.append(out[0] if end else out[-2] if lengths is None else out[lengths - 1, xp.arange(n)])
                c_n.append(out[-1])
            y = outputs[0] if len(outputs) == 1 else F.cat(outputs, dim=2)
            if layer < self.num_layers - 1:
                y = F.dropout(y, self.dropout, self.training)
        return y.transpose(0, 1) if self.batch_first else y, (F.stack(h_n), F.stack(c_n))

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        return f"{self.input_size}, {self.hidden_size}" + unusual(
            num_layers=(self.num_layers, 1), bias=(self.bias, True), batch_first=(self.batch_first, False),
            dropout=(self.dropout, 0.0), bidirectional=(self.bidirectional, False),
        )  # fmt: skip


def checked_state(layer: str, state: Any, shape: tuple[int, ...]) -> State:
    """The pair (h, c) as tensors of this shape."""
    if not isinstance(state, tuple | list) or len(state) != 2:
        raise TypeError(f"{layer}: the state must be a pair (h, c), got {type(state).__name__}")
    h, c = as_tensor(state[0]), as_tensor(state[1])
    for name, tensor in (("h", h), ("c", c)):
        if tensor.shape != shape:
            raise ValueError(f"{layer}: {name} must have shape {shape}, got {tensor.shape}")
    return h, c
