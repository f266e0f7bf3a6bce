"""Every rule, with settings that make it use what it has, and what the tests of the contract do with them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from optim.plain import values

import minirad as mr
from minirad.optim.algorithm1 import averaged, rectified

Rule = Callable[..., mr.optim.Optimizer]  # rule(params, **settings)


def built(rule: str, **settings: Any) -> Rule:
    """Builds the rule with these settings, where no others are given."""
    return lambda params, **more: getattr(mr.optim, rule)(params, **{**settings, **more})


RADAM = {"lr": 0.1, "betas": (0.9, 0.99), "weight_decay": 0.01}
RULES: dict[str, Rule] = {
    "SGD": built("SGD", lr=0.1),
    "momentum": built("SGD", lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": built("SGD", lr=0.1, momentum=0.9, nesterov=True),
    "Adagrad": built("Adagrad", lr=0.3, lr_decay=0.01, weight_decay=0.01, initial_accumulator_value=0.1),
    "RMSprop": built("RMSprop", lr=0.1, weight_decay=0.01),
    "centered": built("RMSprop", lr=0.1, momentum=0.5, centered=True, eps=1e-3),
    "Adam": built("Adam", lr=0.1, weight_decay=0.01),
    "AMSGrad": built("Adam", lr=0.1, weight_decay=0.01, amsgrad=True),
    "AdamW": built("AdamW", lr=0.1),
    "RAdam": built("RAdam", **RADAM),
    "paper": built("RAdamDialect", dialect="paper", **RADAM),
    "official": built("RAdamDialect", dialect="official", **RADAM),
    "torch": built("RAdamDialect", dialect="torch", **RADAM),
    "optax": built("RAdamDialect", dialect="optax", lr=0.1, betas=(0.9, 0.99)),
    "Adam2k": built("Adam2k", lr=0.1, weight_decay=0.01, frozen=2, hidden_warmup=False),
    "AdamEps": built("AdamEps", lr=0.1, weight_decay=0.01),
    "PhaseSwitched": built("PhaseSwitched", phases=("sgd", "skip", "adam", "radam"), until=(1, 2, 4), **RADAM),
    "RAdamExact": built("RAdamExact", **RADAM),
    "Algorithm1": built("Algorithm1", lr=0.1, phi=averaged(0.9), psi=rectified(0.99, 1e-8)),
}
SAVED = [name for name in RULES if name != "Algorithm1"]  # its state is every gradient: it refuses
MOVED = 7  # after so many steps each of them has moved theta: "official" begins with the sixth


def same(a: Any, b: Any) -> bool:
    """Bit by bit."""
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(values(a), values(b), strict=True))


def equal_states(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Two results of state_dict(), bit by bit."""
    same_arrays = all(
        a["state"][name].keys() == b["state"][name].keys()
        and all(np.array_equal(a["state"][name][key], b["state"][name][key]) for key in a["state"][name])
        for name in a["state"]
    )
    return a["param_groups"] == b["param_groups"] and a["state"].keys() == b["state"].keys() and same_arrays


def model_and_loss() -> tuple[Any, Any]:
    """A small model of Tensors, and a loss of it."""
    model = mr.nn.Sequential(mr.nn.Linear(3, 4), mr.nn.Tanh(), mr.nn.Linear(4, 2))
    x = mr.tensor(np.random.default_rng(1).standard_normal((5, 3)).astype("float32"))
    return model, lambda model: (model(x) * model(x)).mean()


def train(model: Any, loss: Any, optimizer: Any, steps: int) -> None:
    """Some steps down the loss."""
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()
