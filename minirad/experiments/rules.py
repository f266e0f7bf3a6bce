"""The rules by the names that the command line knows, and how to build one from options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from minirad import optim


@dataclass(frozen=True)
class Rule:
    """An optimizer class, what is set in it, and what to call it."""

    title: str
    kind: type[optim.Optimizer]
    settings: dict[str, Any] = field(default_factory=dict)

    def builder(self, name: str, lr: float, options: dict[str, Any], strict: bool = True) -> Callable[[Any], Any]:
        """What makes the optimizer of parameters. Options (beta1, beta2, eps, weight_decay) that are None don't count.

        Raises:
            ValueError: an option that this rule does not have, if strict; else it is left out.
        """
        known = signature(self.kind.__init__).parameters
        settings = {"lr": lr, **self.settings}
        given = {key: value for key, value in options.items() if value is not None}
        if "betas" in known and given.keys() & {"beta1", "beta2"}:
            beta1, beta2 = known["betas"].default
            settings["betas"] = (given.pop("beta1", beta1), given.pop("beta2", beta2))
        elif "alpha" in known and "beta2" in given:
            settings["alpha"] = given.pop("beta2")
        settings |= {key: value for key, value in given.items() if key in known}
        if strict and (unknown := given.keys() - known.keys()):
            raise ValueError(f"{name} has no {', '.join(sorted(unknown))}")
        return lambda params: self.kind(params, **settings)


RULES = {
    "sgd": Rule("SGD", optim.SGD),
    "momentum": Rule("SGD, momentum 0.9", optim.SGD, {"momentum": 0.9}),
    "nesterov": Rule("SGD, Nesterov momentum 0.9", optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": Rule("Adagrad", optim.Adagrad),
    "rmsprop": Rule("RMSprop", optim.RMSprop),
    "adam": Rule("Adam", optim.Adam),
    "amsgrad": Rule("AMSGrad", optim.Adam, {"amsgrad": True}),
    "adamw": Rule("AdamW", optim.AdamW),
    "radam": Rule("RAdam (Algorithm 2)", optim.RAdam),
    "radam-exact": Rule("RAdam with the exact variance", optim.RAdamExact),
    "adam-eps": Rule("Adam-eps", optim.AdamEps),
    "adam-2k": Rule("Adam-2k with 4 frozen steps in place of 2,000", optim.Adam2k, {"frozen": 4}),
    **{name: Rule(f"RAdam, dialect {name}", optim.RAdamDialect, {"dialect": name}) for name in optim.DIALECTS},
}
