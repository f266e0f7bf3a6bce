"""What minirad compare prints and draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from pathlib import Path



from minirad import data
from minirad.data import registry
from minirad.experiments.compare import ARMS, EDITION, Outcome, Run, outcomes, plan
from minirad.experiments.results import Store
from minirad.experiments.statistics import mean_interval
from minirad.plots import compare_figure


def names() -> None:
    """Print the data sets and the optimizers."""
    print("data sets for `minirad compare --data`:")
    for dataset in map(registry.get, registry.names("images")):
        print(f"  {dataset.name:14s} {dataset.description}")
    print("optimizers for `minirad compare --optimizers`, with the learning rates tuned for each data set:")
    for name, arm in ARMS.items():
        rates = ", ".join(f"{dataset} {lr:g}" for dataset, lr in arm.lr.items())
        print(f"  {name:14s} {arm.title:24s} {rates}")


def compare(
    dataset: str,
    optimizers: Sequence[str],
    lr: dict[str, float],
    epochs: int | None,
    hidden: Sequence[int] | None,
    seeds: int,
    out: Path,
) -> Callable[[], None]:
    """Check everything that was asked for; what is returned does it.

    Raises:
        ValueError: unknown names, numbers without sense, or data that can't be had. OSError: nothing can be written.
    """
    runs = plan(dataset, optimizers, lr, epochs, hidden, seeds)
    store = Store(out, "compare", dataset, EDITION)
    store.check_writable()
    return partial(_compare, runs, data.load(dataset), store)


def _compare(runs: Sequence[Run], images: data.ImageData, store: Store) -> None:
    """Do the runs, print the table, draw the figure, and say where everything is."""
    first = runs[0]
    seeds = len({run.seed for run in runs})
    widths = "-".join(map(str, [images.train.x[0].size, *first.hidden, len(images.classes)]))
    title = f"{first.data}: MLP {widths}, batch {first.batch_size}, {first.epochs} epochs, {seeds} seeds"
    print(f"{title}; {len(images.train):,} training and {len(images.test):,} test images")

    done: dict[str, list[Outcome]] = {run.optimizer: [] for run in runs}
    old = 0
    for count, (outcome, fresh) in enumerate(outcomes(runs, images, store), 1):
        done[outcome.run.optimizer].append(outcome)
        old += not fresh
        if fresh and outcome.seconds > 5:  # long runs: show a sign of life
            print(f"  {count}/{len(runs)} {outcome.run.optimizer}, seed {outcome.run.seed}: {outcome.accuracy:.2%}")
    print("\n".join(["", *table(done), ""]))

    figure = compare_figure(
        title,
        {f"{ARMS[name].title} (lr {group[0].run.lr:g})": [o.losses for o in group] for name, group in done.items()},
        {ARMS[name].title: [o.accuracy for o in group] for name, group in done.items()},
    )
    picture = store.folder.with_suffix(".png")
    figure.savefig(picture)
    if old:
        print(f"{old} of the {len(runs)} runs were there already and were not run again")
    print(f"results in {store.folder}, figure in {picture}")


def table(done: dict[str, list[Outcome]]) -> list[str]:
    """The lines of the table."""
    lines = [f"{'optimizer':24s} {'lr':>7s}  {'test accuracy, %':>16s}  {'training loss':>19s}  {'s/run':>6s}"]
    for name, group in done.items():
        accuracy = _plus_minus([100 * o.accuracy for o in group], ".2f")
        loss = _plus_minus([o.train_loss for o in group], ".2g")
        seconds = sum(o.seconds for o in group) / len(group)
        stopped = sum(o.stopped is not None for o in group)
        note = f"  {stopped} of {len(group)} diverged" if stopped else ""
        lines.append(
            f"{ARMS[name].title:24s} {group[0].run.lr:7g}  {accuracy:>16s}  {loss:>19s}  {seconds:6.2f}{note}"
        )
    n = len(next(iter(done.values())))
    interval = "mean ± half-width of the 95% t interval over seeds" if n > 1 else "one seed: no interval"
    return [*lines, f"({interval}; the last epoch's, never the best)"]


def _plus_minus(values: Sequence[float], form: str) -> str:
    mean, half_width = mean_interval(values)
    return f"{mean:{form}}" if isnan(half_width) else f"{mean:{form}} ± {half_width:{form}}"
