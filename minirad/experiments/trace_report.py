"""What minirad trace prints and draws."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from minirad.backend import backend_name, to_host, xp
from minirad.data.support import lab
from minirad.experiments.problems import PROBLEMS, Problem, descend
from minirad.experiments.rules import RULES
from minirad.optim import Trace, trace
from minirad.optim.trace_rows import cell, json_lines, name_of
from minirad.plots import trace_figure

Runs = dict[str, tuple[Trace, list[float]]]


def prepare(
    rule: str, steps: int, on: str, lr: float | None, options: dict[str, Any], dialect: str | None,
    against: Sequence[str], mu: float, seed: int, as_json: bool, plot: bool, out: Path,
) -> Callable[[], None]:  # fmt: skip
    """Check everything that was asked for; what is returned does it.

    Raises:
        ValueError: unknown names, numbers without sense, options that the rule does not have.
        ImportError: a package is missing. OSError: the figure can't be written.
    """
    against = [name for text in against for name in text.split(",") if name]
    if on not in PROBLEMS:
        raise ValueError(f"unknown problem {on!r}; there are {', '.join(PROBLEMS)}")
    if unknown := [name for name in (rule, *against) if name not in RULES]:
        raise ValueError(f"unknown rule {unknown[0]!r}; there are {', '.join(RULES)}")
    if dialect is not None:
        if rule != "radam" or RULES.get(dialect, RULES["sgd"]).settings.get("dialect") != dialect:
            raise ValueError(
                f"--dialect goes with radam and is one of paper, official, torch, optax, got {dialect!r} with {rule}"
            )
        rule = dialect
    if rule in against or len(set(against)) < len(against):
        raise ValueError(f"--against: each rule once, got {rule} against {', '.join(against)}")
    if not 1 <= steps <= 100_000:
        raise ValueError(f"--steps must be 1 ... 100,000, got {steps}")
    if seed < 0 or not isfinite(mu):
        raise ValueError(f"--seed must be at least 0 and --mu a number, got {seed} and {mu}")
    problem = PROBLEMS[on]
    lr = problem.lr if lr is None else lr
    builders = {name: RULES[name].builder(name, lr, options, strict=name == rule) for name in (rule, *against)}
    backend_name()  # the one that MINIRAD_BACKEND asks for
    if on == "digits":
        lab("sklearn")
    for build in builders.values():  # refuses what is out of range
        build([("theta", _Nothing())])
    picture = None
    if plot:
        lab("matplotlib")
        (out / "trace").mkdir(parents=True, exist_ok=True)
        picture = out / "trace" / f"{'-'.join(builders)}-on-{on}.png"
    return partial(_show, rule, problem, builders, steps, mu, seed, as_json, picture)


class _Nothing:
    """A parameter to try the settings on."""

    def __init__(self) -> None:
        self.data, self.grad = xp.zeros(1), None


def _show(
    rule: str, problem: Problem, builders: dict[str, Callable[[Any], Any]], steps: int, mu: float, seed: int,
    as_json: bool, picture: Path | None,
) -> None:  # fmt: skip
    runs: Runs = {}
    where: dict[str, Any] = {}
    for name, build in builders.items():

        def watch(optimizer: Any) -> Trace:
            where.update(where or steepest(optimizer))
            return trace(optimizer, where)

        with np.errstate(all="ignore"):  # a run that diverges says so
            runs[name] = descend(problem, build, steps, mu=mu, seed=seed, watch=watch)
    if as_json:
        for name, (found, _) in runs.items():
            print("\n".join(json.dumps({"rule": name} | json.loads(line)) for line in json_lines(found.rows)))
    else:
        print("\n".join(report(rule, problem, runs)))
    if picture is not None:
        title = f"{RULES[rule].title}: {problem.text}"
        trace_figure(title, {name: found.rows for name, (found, _) in runs.items()}).savefig(picture)
        print(f"figure in {picture}", file=sys.stderr if as_json else sys.stdout)


def steepest(optimizer: Any) -> dict[str, list[int]]:
    """All coordinates of a small problem; of a large one that with the largest gradient."""
    slots = [slot for flats in optimizer.flats for flat in flats for slot in flat.slots]
    if sum(slot.stop - slot.start for slot in slots) <= 4:
        return {slot.name: list(range(slot.stop - slot.start)) for slot in slots}
    sizes = {slot.name: np.abs(to_host(slot.parameter.grad)).ravel() for slot in slots}
    name = max(sizes, key=lambda name: sizes[name].max())
    return {name: [int(sizes[name].argmax())]}


def report(rule: str, problem: Problem, runs: Runs) -> list[str]:
    """The settings, the lines of the algorithm, the table, and how the others compare."""
    found, losses = runs[rule]
    group = found.optimizer.param_groups[0] if found.optimizer.param_groups else {}
    settings = ", ".join(f"{k}={x:g}" if isinstance(x, float) else f"{k}={x}" for k, x in group.items()
                         if k not in ("params", "names", "maximize"))  # fmt: skip
    lines = [f"{RULES[rule].title} on {problem.text}", settings, ""]
    lines += [f"  {line.name:10s} {line.text}" for line in found.lines]
    lines += ["", found.table(), "", ending(losses)]
    if len(runs) > 1:
        lines += ["", *comparison(runs)]
    return lines


def ending(losses: list[float]) -> str:
    """How the loss moved."""
    if not isfinite(losses[-1]):
        return f"the loss is {losses[-1]} at step {len(losses)}: stopped there"
    return f"loss before step 1: {losses[0]:.4g}, before step {len(losses)}: {losses[-1]:.4g}"


def comparison(runs: Runs) -> list[str]:
    """theta of each rule side by side for the first coordinate, and where the others part from the first."""
    first = next(iter(runs))
    rows = {name: _first_coordinate(found.rows) for name, (found, _) in runs.items()}
    label = f"{name_of(rows[first]['parameter'][0], rows[first]['index'][0])} after step t"
    widths = {name: max(len(name), 9) for name in rows}
    lines = [label, "    t " + " ".join(name.rjust(widths[name]) for name in rows)]
    for i in range(max(map(len, rows.values()))):
        cells = [cell(own["theta"][i].item()) if i < len(own) else "-" for own in rows.values()]
        lines.append(f"{i + 1:5d} " + " ".join(c.rjust(widths[name]) for c, name in zip(cells, rows, strict=True)))
    for name, own in rows.items():
        if name != first:
            n = min(len(own), len(rows[first]))
            gap = np.abs(own["theta"][:n] - rows[first]["theta"][:n])
            apart = np.flatnonzero(gap > 1e-12 * np.abs(rows[first]["theta"][:n]))
            since = f"from step {apart[0] + 1} on" if len(apart) else "at no step"
            lines.append(f"{name} differs from {first} {since} (most: {gap.max():.3g})")
    return lines


def _first_coordinate(rows: np.ndarray) -> np.ndarray:
    return rows[(rows["parameter"] == rows["parameter"][0]) & (rows["index"] == rows["index"][0])]
