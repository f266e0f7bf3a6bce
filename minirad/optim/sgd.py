"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

from minirad.optim.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent with heavy-ball or Nesterov momentum and L2 decay, as torch.optim.SGD.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """

    states = ("m",)

    def __init__(
        self, params: Any, lr: float, momentum: float = 0, dampening: float = 0,
        weight_decay: float = 0, nesterov: bool = False, **shared: Any
    ) -> None:  # fmt: skip
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening}
        super().__init__(params, {**settings, "weight_decay": weight_decay, "nesterov": nesterov}, **shared)

    def check(self, options):
        """Nesterov's step needs momentum."""
        if options["nesterov"] and (not options["momentum"] or options["dampening"]):
            raise ValueError(
                "SGD: nesterov needs momentum > 0 and dampening = 0, "
                f"got {options['momentum']} and {options['dampening']}"
            )

    def kept(self, group):
        """The momentum needs a vector; plain descent needs none."""
        return ("m",) if group["momentum"] else ()

    def update(self, theta, g, m, s):
        """theta_t = theta_{t-1} - lr m_t, where m_t sums up the gradients."""
        # L2 decay: the gradient of weight_decay/2 |theta|^2 is added
        if s.weight_decay:
            g = g + s.weight_decay * theta
        if s.momentum:
            # m_1 = g_1 (so too where momentum is switched on later),  m_t = momentum m_{t-1} + (1 - dampening) g_t
            if s.t == 1 or "m" in s.new:
                m[...] = g
            else:
                m *= s.momentum
                m += (1 - s.dampening) * g
            # Nesterov looks one step ahead
            g = g + s.momentum * m if s.nesterov else m
        # theta_t = theta_{t-1} - lr g
        theta -= s.lr * g
