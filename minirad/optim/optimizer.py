"""Optimizer: what every rule shares, so that a rule's own file holds the rule and nothing else.

The parameters of a group lie side by side in one long vector theta; the ``data`` of each becomes a view of its stretch.
Gradients and states (m, v, ...) are vectors of the same length. A step computes the numbers that depend on t once, and
hands the rule one block of the vectors after the other. A block is small enough to stay in the processor's cache while
the rule goes over it line by line, which is what makes the plain text of the rule fast.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from types import SimpleNamespace
from typing import Any

from minirad.backend import Array, backend_name, xp
from minirad.optim import groups, protocols, saving
from minirad.optim.flat import Flat

BLOCK = 32_768  # elements: four float32 vectors of this length and a few intermediates fit into a cache of 1 MiB


class Optimizer:
    """Base class of the rules.

    A rule names its state vectors in ``states`` and defines ``update(self, theta, g, *states, s)``, which changes theta
    and the states in place for one block. ``s`` holds the group's settings (lr, beta1, ...) and the step t, which
    starts at 1; what else depends on t alone is added by ``scalars(s)``.

    Args:
        params: parameters (anything with arrays .data and .grad), or pairs (name, parameter) as named_parameters()
            gives them, or a list of dictionaries {"params": ..., setting: ...}, the groups.
        defaults: the settings of groups that do not set their own.
        maximize: climb instead of descending; a setting of every group.
        check_finite: whether step() refuses gradients with NaN or infinity, by name.
        block: elements in a block; None hands over everything in one call, as one wants it in a debugger.

    Raises:
        ValueError: no parameters, one that comes twice or belongs to another live optimizer, a setting out of range.
        TypeError: something else than parameters. In both cases no parameter has been touched.
    """

    states: tuple[str, ...] = ()

    def __init__(
        self, params: Iterable[Any], defaults: dict[str, Any], *,
        maximize: bool = False, check_finite: bool = False, block: int | None = BLOCK
    ) -> None:  # fmt: skip
        groups.check_shared(self.rule, block, check_finite)
        self.defaults, self.block, self.check_finite = {**defaults, "maximize": maximize}, block, check_finite
        # Freed at once: from then on glibc keeps freed memory of this size for the next block's intermediate results.
        # To give it back to the system and get it again can take five times as long as the step.
        xp.empty(8 * BLOCK, "float32")
        self.param_groups: list[dict[str, Any]] = []
        params = groups.listed(self, params)
        for group in params if all(isinstance(p, dict) for p in params) else [{"params": params}]:
            self.param_groups.append(groups.checked(self, group))
        self.flats = [self._flatten(group) for group in self.param_groups]
        groups.live.add(self)

    # ---- what a rule defines

    def update(self, theta: Array, g: Array, *states_and_s: Any) -> None:
        """One step of the rule on one block: change theta and the states in place, and leave g as it is."""
        raise TypeError(f"{self.rule} does not define update()")

    def scalars(self, s: Any) -> None:
        """Add to s what the rule needs of numbers that depend on t alone. Called once per step and group."""

    def kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Which of the states this group needs; the others are None in update()."""
        return self.states

    def check(self, options: dict[str, Any]) -> None:
        """Raise ValueError where settings, each in its range, do not go together."""

    # ---- what a training loop calls

    def step(self) -> None:
        """Move every parameter that has a gradient by one step.

        Raises:
            ValueError: a parameter changed its shape, dtype or backend since the optimizer was built, its gradient does
                not fit it, or a setting was changed to what is none. FloatingPointError: with check_finite, a gradient
                is NaN or infinite. The message names the parameter or the setting; nothing has been changed then.
        """
        if not self.flats:
            raise RuntimeError(f"{self.rule}: it has no parameters since release()")
        moves = [move for flats in self.flats for flat in flats for move in flat.gather(self.rule)]
        groups.check_step(self)
        for slot, place, array in moves:
            slot.take(place, array)
        for group, flats in zip(self.param_groups, self.flats, strict=True):
            for flat in flats:
                self._step(group, flat)

    def _step(self, group: dict[str, Any], flat: Flat) -> None:
        flat.keep(self.kept(group))
        for start, stop, t in flat.runs():
            s = self._settings(group, t, flat.new)
            block = max(stop - start, 1) if self.block is None or backend_name() == "cupy" else self.block
            for i in range(start, stop, block):
                j = min(i + block, stop)
                states = [vector if vector is None else vector[i:j] for vector in flat.states.values()]
                self.update(flat.theta[i:j], -flat.g[i:j] if s.maximize else flat.g[i:j], *states, s)
        flat.stepped()

    def _settings(self, group: dict[str, Any], t: int, new: tuple[str, ...] = ()) -> Any:
        # Python's numbers: one of NumPy's float64 would turn every float32 block into float64.
        numbers = {k: float(x) if isinstance(x, Real) and not isinstance(x, bool) else x for k, x in group.items()}
        s = SimpleNamespace(**numbers, t=t, new=new)
        if "betas" in group:
            s.beta1, s.beta2 = map(float, group["betas"])
        self.scalars(s)
        return s

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradient of every parameter to None, or fill those that are there with 0."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None if set_to_none or parameter.grad is None else 0 * parameter.grad

    def release(self) -> None:
        """Give the parameters up, so that another optimizer can have them. step() raises from now on."""
        self.param_groups, self.flats = [], []
        groups.live.discard(self)

    # ---- building

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Take over one more group: {"params": parameters or (name, parameter) pairs, setting: value ...}."""
        group = groups.checked(self, group)
        self.param_groups.append(group)
        self.flats.append(self._flatten(group))

    def _flatten(self, group: dict[str, Any]) -> list[Flat]:
        """Move the group's parameters into flat vectors, one set for each dtype."""
        named = list(zip(group["names"], group["params"], strict=True))
        kinds = dict.fromkeys(p.data.dtype for p in group["params"])
        return [Flat([(n, p) for n, p in named if p.data.dtype == k], self.states, self.kept(group)) for k in kinds]

    # ---- saving, copying, printing

    state_dict = saving.state_dict
    load_state_dict = saving.load_state_dict
    __copy__ = protocols.refuse_copy
    __setstate__ = protocols.come_back
    __repr__ = protocols.text

    @property
    def rule(self) -> str:
        """The name of the rule, for messages."""
        return type(self).__name__
