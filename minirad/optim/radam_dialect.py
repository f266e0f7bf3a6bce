"""RAdam as others have it: the same idea, four decisions, and a name for each set of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, Literal

from minirad.backend import xp
from minirad.optim.optimizer import Optimizer
from minirad.variance import rectification, sma_length


@dataclass(frozen=True)
class Dialect:
    """What an implementation of RAdam decides for itself.

    Attributes:
        threshold: how long the average must be for an adaptive step ...
        inclusive: ... rho_t >= threshold if True, else rho_t > threshold.
        early: before that, "momentum" (theta moves by lr m_hat) or "skip" (nothing moves, and nothing decays).
        epsilon: sqrt(v) + eps, "before" bias correction, or sqrt(v_hat) + eps, "after".
        decay: "decoupled" (theta shrinks by 1 - lr weight_decay), "l2" (weight_decay theta is added to the gradient:
            another algorithm under the same argument's name) or "none" (a weight_decay is refused).
    """

    threshold: float = 4
    inclusive: bool = False
    early: Literal["momentum", "skip"] = "momentum"
    epsilon: Literal["before", "after"] = "before"
    decay: Literal["decoupled", "l2", "none"] = "decoupled"

    def __post_init__(self) -> None:
        """Refuse what is no dialect."""
        if not isinstance(self.inclusive, bool):
            raise ValueError(f"Dialect: inclusive must be True or False, got {self.inclusive!r}")
        number = isinstance(self.threshold, Real) and not isinstance(self.threshold, bool)
        if not number or not self.threshold >= 4 or (self.threshold == 4 and self.inclusive):  # nan is not
            raise ValueError(f"Dialect: r_t exists for rho_t > 4 only, got the threshold {self.threshold!r}")
        choices = {"early": ("momentum", "skip"), "epsilon": ("before", "after"), "decay": ("decoupled", "l2", "none")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"Dialect: {name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")

    def adaptive(self, rho: float) -> bool:
        """Whether an average of this length is long enough."""
        return rho > self.threshold or (self.inclusive and rho == self.threshold)


DIALECTS = {
    # Algorithm 2, with epsilon from eq. (1)
    "paper": Dialect(),
    # RAdam in radam.py of the authors' repository, as it is since 2021
    "official": Dialect(threshold=5, inclusive=True, early="skip"),
    # torch.optim.RAdam; with decoupled_weight_decay=True its decay is "decoupled"
    "torch": Dialect(threshold=5, decay="l2"),
    # optax.radam
    "optax": Dialect(threshold=5, inclusive=True, epsilon="after", decay="none"),
}


class RAdamDialect(Optimizer):
    """RAdam with the decisions of another implementation: "paper", "official", "torch", "optax", or a Dialect."""

    states = ("m", "v")

    def __init__(
        self, params: Any, dialect: str | Dialect = "torch", lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0, **shared: Any
    ) -> None:  # fmt: skip
        settings = {"dialect": dialect, "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, settings, **shared)

    def check(self, options):
        """The dialect is known, and takes the weight decay that is given."""
        if named(options["dialect"]).decay == "none" and options["weight_decay"]:
            raise ValueError(
                f"RAdamDialect: this dialect has no weight decay, got weight_decay={options['weight_decay']!r}"
            )

    def scalars(self, s):
        """rho_t, r_t, and which of the two steps it is."""
        s.dialect = named(s.dialect)
        s.rho = sma_length(s.t, s.beta2)
        s.r = rectification(s.t, s.beta2)
        s.adaptive = s.dialect.adaptive(s.rho)

    def update(self, theta, g, m, v, s):
        """Algorithm 2 with this dialect's decisions."""
        # decay in the gradient
        if s.weight_decay and s.dialect.decay == "l2":
            g = g + s.weight_decay * theta
        # v_t = beta2 v_{t-1} + (1 - beta2) g_t^2,  m_t = beta1 m_{t-1} + (1 - beta1) g_t
        v *= s.beta2
        v += (1 - s.beta2) * g**2
        m *= s.beta1
        m += (1 - s.beta1) * g
        if not s.adaptive and s.dialect.early == "skip":
            return
        # decoupled decay
        if s.weight_decay and s.dialect.decay == "decoupled":
            theta *= 1 - s.lr * s.weight_decay
        size = s.lr / (1 - s.beta1**s.t)
        if s.adaptive:
            # theta_t = theta_{t-1} - lr r_t m_hat sqrt(1 - beta2^t) / (sqrt(v_t) + eps), or ... / (sqrt(v_hat) + eps)
            correction = (1 - s.beta2**s.t) ** 0.5
            eps = s.eps * correction if s.dialect.epsilon == "after" else s.eps
            theta -= size * s.r * correction * m / (xp.sqrt(v) + eps)
        else:
            # theta_t = theta_{t-1} - lr m_hat
            theta -= size * m


def named(dialect: Any) -> Dialect:
    """The dialect of this name; a Dialect, or a dictionary of its fields (from a saved state), as it is."""
    if isinstance(dialect, Dialect):
        return dialect
    if isinstance(dialect, Mapping) and dialect.keys() <= {field.name for field in fields(Dialect)}:
        return Dialect(**dialect)
    if isinstance(dialect, str) and dialect in DIALECTS:
        return DIALECTS[dialect]
    raise ValueError(f"RAdamDialect: dialect must be one of {', '.join(DIALECTS)}, or a Dialect, got {dialect!r}")
