"""What minirad compare prints and draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from pathlib import Path

from minirad import data
from minirad.backend import backend_name
from minirad.data import registry
from minirad.data.support import lab
from minirad.experiments.compare import ARMS, EDITION, EPOCHS, HIDDEN, Outcome, Run, outcomes, plan, recorded
from minirad.experiments.exhibit import exhibits
from minirad.experiments.results import Store
from minirad.experiments.rules import RULES
from minirad.experiments.statistics import mean_interval
from minirad.plots import compare_figure, styles_of

SEEDS = 5  # how many it takes by default


def names() -> None:
    """Print the exhibits, the data sets, the optimizers and the rules."""
    print("exhibits for `minirad reproduce`, with the number of their claims:")
    for exhibit in exhibits().values():
        print(f"  {exhibit.name:14s} {len(exhibit.claims) or '-':>2}  {exhibit.title}")
    print("data sets for `minirad compare --data`:")
    for dataset in map(registry.get, registry.names("images")):
        print(f"  {dataset.name:14s} {dataset.description}")
    print(
        "optimizers for `minirad compare --optimizers`, with their tuned learning rates (mnist takes fashion-mnist's):"
    )
    for name, arm in ARMS.items():
        rates = ", ".join(f"{dataset} {lr:g}" for dataset, lr in arm.lr.items())
        print(f"  {name:14s} {arm.title:24s} {rates}")
    print("rules for `minirad trace`:")
    for name, rule in RULES.items():
        print(f"  {name:14s} {rule.title}")


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
        ValueError: unknown names, numbers without sense, data that can't be had, or files in the place of results.
        ImportError: a package is missing. RuntimeError: there is no GPU. OSError: nothing can be written.
    """
    runs = plan(dataset, optimizers, lr, epochs, hidden, seeds)
    for package in ("matplotlib", "scipy", "threadpoolctl"):
        lab(package)
    backend_name()  # the one that MINIRAD_BACKEND asks for
    images = data.load(dataset)
    store = Store(out, "compare", dataset, EDITION)
    store.prepare()
    old = sum(recorded(run, store) is not None for run in runs)
    return partial(_compare, runs, images, store, old)


def _compare(runs: Sequence[Run], images: data.ImageData, store: Store, old: int) -> None:
    """Do the runs, print the table, draw the figure, and say where everything is."""
    first = runs[0]
    widths = "-".join(map(str, [images.train.x[0].size, *first.hidden, len(images.classes)]))
    epochs, seeds = _count(first.epochs, "epoch"), _count(len({run.seed for run in runs}), "seed")
    title = f"{first.data}: MLP {widths}, batch {first.batch_size}, {epochs}, {seeds}"
    print(f"{title}\n{len(images.train):,} training and {len(images.test):,} test images", flush=True)
    if old:
        print(f"{old} of the {len(runs)} runs are there already and are not run again", flush=True)

    done: dict[str, list[Outcome]] = {run.optimizer: [] for run in runs}
    for count, (outcome, fresh) in enumerate(outcomes(runs, images, store), 1):
        run = outcome.run
        done[run.optimizer].append(outcome)
        if fresh and outcome.seconds > 5:  # long runs: show a sign of life
            print(f"  {count}/{len(runs)} {run.optimizer}, seed {run.seed}: {outcome.accuracy:.2%}", flush=True)
    print("\n".join(["", *table(done), *differences(done), ""]))

    figure = compare_figure(
        title,
        {f"{ARMS[name].title} (lr {group[0].run.lr:g})": [o.losses for o in group] for name, group in done.items()},
        {ARMS[name].title: [o.accuracy for o in group] for name, group in done.items()},
        styles_of(list(done)),
    )
    picture = place_of_picture(store.folder, runs)
    figure.savefig(picture)
    print(f"results in {store.folder}, figure in {picture}")


def place_of_picture(folder: Path, runs: Sequence[Run]) -> Path:
    """digits.png beside the folder; of other settings than the default ones, such as digits-1-epoch-1-seed.png.

    So a trial does not write over the main picture.
    """
    first, rates = runs[0], {run.optimizer: run.lr for run in runs}
    all_arms, seeds = list(rates) == list(ARMS), len({run.seed for run in runs})
    words = [folder.name]
    for name, lr in rates.items():
        if lr != ARMS[name].lr_for(first.data):
            words.append(f"{name}-{lr}")
        elif not all_arms:
            words.append(name)
    if first.hidden != HIDDEN[first.data]:
        words.append(f"hidden-{'x'.join(map(str, first.hidden))}")
    if first.epochs != EPOCHS[first.data]:
        words.append(_count(first.epochs, "epoch"))
    if seeds != SEEDS:
        words.append(_count(seeds, "seed"))
    return folder.with_name("-".join(words).replace(" ", "-")[:100] + ".png")  # a disk takes 255 letters


def table(done: dict[str, list[Outcome]]) -> list[str]:
    """The lines of the table, at most 80 characters wide."""
    lines = [f"{'optimizer':24s} {'lr':>7s}  {'test accuracy, %':>16s}  {'training loss':>17s}  {'s/run':>6s}"]
    for name, group in done.items():
        accuracy = _plus_minus([100 * o.accuracy for o in group], ".2f")
        diverged = sum(o.diverged for o in group)
        loss = f"{diverged} of {len(group)} diverged" if diverged else _plus_minus([o.train_loss for o in group], ".1e")
        seconds = sum(o.seconds for o in group) / len(group)
        lines.append(f"{ARMS[name].title:24s} {group[0].run.lr:7g}  {accuracy:>16s}  {loss:>17s}  {seconds:6.2f}")
    if len(next(iter(done.values()))) == 1:
        return [*lines, "(one seed: no interval; the last epoch's, never the best)"]
    return [*lines, "(mean ± half-width of the 95% t interval over seeds; last epoch, never the best)"]


def differences(done: dict[str, list[Outcome]]) -> list[str]:
    """RAdam against each other arm, paired by seed: what the runs of a seed share cancels."""
    if "radam" not in done or len(done) == 1 or len(done["radam"]) == 1:
        return []
    lines = ["test accuracy of RAdam minus that of ..., paired by seed, %:"]
    for name, group in done.items():
        if name != "radam":
            pairs = zip(done["radam"], group, strict=True)
            lines.append(
                f"  {ARMS[name].title:24s} {_plus_minus([100 * (a.accuracy - b.accuracy) for a, b in pairs], '+.2f')}"
            )
    return lines


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _plus_minus(values: Sequence[float], form: str) -> str:
    mean, half_width = mean_interval(values)
    return f"{mean:{form}}" if isnan(half_width) else f"{mean:{form}} ± {half_width:{form.lstrip('+')}}"
