"""The command line: minirad list | compare | reproduce | sweep | report | plot | trace | data | check."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Annotated, Literal, NoReturn

with suppress(ImportError):  # main() says what to install
    import tyro
    from tyro.conf import arg


@dataclass(frozen=True)
class List:
    """Show the exhibits, the data sets and the optimizers that there are."""

    def prepare(self) -> Callable[[], None]:
        """What to do."""
        return import_module("minirad.experiments.compare_report").names


@dataclass(frozen=True)
class Compare:
    """Train the same small net with several optimizers and several seeds; print a table and draw a figure.

    Runs that are done already are not done again: a comparison that was stopped goes on where it was.
    """

    data: Annotated[str, arg(metavar="NAME")] = "digits"
    """Which images: digits (comes with scikit-learn), mnist or fashion-mnist (downloaded once)."""
    optimizers: Annotated[tuple[str, ...], arg(metavar="NAME ...")] = ("sgd", "adam", "adam-warmup", "radam")
    """Which optimizers, by the names that `minirad list` shows."""
    lr: Annotated[tuple[str, ...], arg(metavar="LR ...", help_behavior_hint="(default: see minirad list)")] = ()
    """One learning rate for all (0.01), or some by name (sgd=0.1 radam=0.003). The others keep their own."""
    epochs: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: digits 30, the others 5)")] = None
    """How often to go through the training images."""
    seeds: Annotated[int, arg(metavar="N")] = 5
    """How many seeds: 100, 101 and so on. All optimizers share a seed's initial weights and batches."""
    hidden: Annotated[
        tuple[int, ...], arg(metavar="N ...", help_behavior_hint="(default: digits 128, the others 256)")
    ] = ()
    """The widths of the net's hidden layers."""
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("runs")
    """Where results and figures go."""

    def prepare(self) -> Callable[[], None]:
        """Check the input; what is returned does the comparison."""
        return import_module("minirad.experiments.compare_report").compare(
            self.data, self.names(), self.rates(), self.epochs, self.hidden or None, self.seeds, self.out
        )

    def names(self) -> tuple[str, ...]:
        """The optimizers; commas between them are as good as spaces."""
        return tuple(name for text in self.optimizers for name in text.split(",") if name)

    def rates(self) -> dict[str, float]:
        """The learning rates given, by optimizer."""
        rates: dict[str, float] = {}
        given: set[str] = set()
        for text in sorted(self.lr, key=lambda text: "=" in text):  # a name outdoes what is for all
            name, equals, number = text.rpartition("=")
            try:
                rate = float(number)
            except ValueError:
                raise ValueError(f"--lr: expected a number or optimizer=number, got {text!r}") from None
            new = {name: rate} if equals else dict.fromkeys(self.names(), rate)
            if given & new.keys() or (not equals and rates):
                raise ValueError(f"--lr: {text!r} sets a rate for the second time")
            given |= new.keys() if equals else set()
            rates |= new
        return rates


@dataclass(frozen=True)
class Reproduce:
    """Run exhibits of the paper: figures, tables, theorems. Print a verdict for each claim and draw the figures.

    With no exhibit named: the theory, and a demonstration of figure 1 on number words, without any download. A
    training that is done already is not done again, even if the code has changed since: a line says so.
    """

    exhibits: Annotated[tyro.conf.Positional[tuple[str, ...]], arg(metavar="EXHIBIT ...", help_behavior_hint="")] = ()
    """Which, such as E3; an unknown name shows all that there are."""
    scale: Literal["quick", "laptop", "paper"] = "quick"
    """How large: without any download, on real data, or with the paper's settings. Theory has one size."""
    seeds: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the exhibit's)")] = None
    """How many seeds: 100, 101 and so on. For exhibits that train."""
    workers: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: one for each core)")] = None
    """How many processes train. Each computes on one thread."""
    dask: Annotated[str | None, arg(metavar="ADDRESS", help_behavior_hint="(default: without Dask)")] = None
    """Train on the workers of a Dask scheduler (tcp://host:port), or of one that is started here (local)."""
    rerun_changed: bool = False
    """Also do the trainings again that were done by other source code of minirad, or on another backend."""
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("runs")
    """Where results, verdicts and figures go."""

    def prepare(self) -> Callable[[], None]:
        """Check the input; what is returned runs the exhibits."""
        return import_module("minirad.experiments.reproduce").prepare(
            self.exhibits, self.scale, self.seeds, self.workers, self.dask, self.rerun_changed, self.out
        )


@dataclass(frozen=True)
class Sweep:
    """Run an experiment with every combination of settings, several runs at a time.

    For example: minirad sweep compare optimizer=adam,radam lr=0.001,0.003 seed=100:105 epochs=2. Each run has a result
    file. Runs that are there are not run again: a sweep that was stopped goes on where it was.
    """

    experiment: Annotated[tyro.conf.Positional[str], arg(metavar="EXPERIMENT")]
    """What to run: compare, or module:NAME for an Experiment of your own."""
    fields: Annotated[tyro.conf.Positional[tuple[str, ...]], arg(metavar="FIELD=VALUES")] = ()
    """Settings. lr=0.1,0.3 are two values, seed=100:105 five, hidden=64x32 is one; --dry-run shows all fields."""
    file: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: none)")] = None
    """A TOML file with grids and runs; minirad/experiments/grid.py shows one. Fields given here replace its own."""
    workers: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: one for each core)")] = None
    """How many processes. Each computes on one thread."""
    dask: Annotated[str | None, arg(metavar="ADDRESS", help_behavior_hint="(default: without Dask)")] = None
    """Compute on the workers of a Dask scheduler (tcp://host:port), or of one that is started here (local)."""
    retry_failed: bool = False
    """Also do the runs again that failed before."""
    rerun_changed: bool = False
    """Also do the runs again that were done by other source code of minirad, or on another backend."""
    dry_run: bool = False
    """Only show how many runs there are, how many are done, and all their settings."""
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("runs")
    """Where the results go."""

    def prepare(self) -> Callable[[], None]:
        """Check the input; what is returned does the runs."""
        return import_module("minirad.experiments.sweep_report").prepare(
            self.experiment, self.fields, self.file, self.workers, self.dask,
            self.retry_failed, self.rerun_changed, self.dry_run, self.out,
        )  # fmt: skip


@dataclass(frozen=True)
class Report:
    """Write one page of all exhibits: claims, verdicts, numbers, figures, from what is recorded. Nothing is run.

    It is report.html, which holds everything and needs no network, and the same as report.md.
    """

    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: results, written to runs)")] = None
    """Where the results of `minirad reproduce` are; the page goes there too. Without it, results are read where there
    are such, as in a clone, and else runs; then the page goes to runs."""

    def prepare(self) -> Callable[[], None]:
        """Read what is recorded; what is returned writes the page."""
        return import_module("minirad.experiments.report").prepare(self.out)


@dataclass(frozen=True)
class Trace:
    """Print every number of an optimizer's first steps, with the line of the algorithm that it comes from."""

    rule: Annotated[tyro.conf.Positional[str], arg(metavar="RULE")]
    """Which rule: sgd, momentum, nesterov, adagrad, rmsprop, adam, amsgrad, adamw, radam, radam-exact, adam-eps,
    adam-2k, or RAdam as others have it: paper, official, torch, optax."""
    steps: Annotated[int, arg(metavar="N")] = 12
    """How many steps."""
    on: Annotated[str, arg(metavar="PROBLEM")] = "quadratic"
    """What to descend: quadratic, ravine, rosenbrock, noise (gradients from N(mu, 1)), or digits (a real training)."""
    lr: Annotated[float | None, arg(metavar="LR", help_behavior_hint="(default: 0.1 on the quadratic)")] = None
    """The learning rate; each problem has its own default."""
    beta1: Annotated[float | None, arg(metavar="B", help_behavior_hint="(default: the rule's, 0.9)")] = None
    """The decay of m."""
    beta2: Annotated[float | None, arg(metavar="B", help_behavior_hint="(default: the rule's, 0.999)")] = None
    """The decay of v (of RMSprop: alpha)."""
    eps: Annotated[float | None, arg(metavar="E", help_behavior_hint="(default: the rule's)")] = None
    """What is added to the root of v."""
    weight_decay: Annotated[float | None, arg(metavar="W", help_behavior_hint="(default: the rule's)")] = None
    """Decoupled or in the gradient, as the rule has it."""
    dialect: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="(default: Algorithm 2)")] = None
    """For radam: paper, official, torch or optax."""
    against: Annotated[tuple[str, ...], arg(metavar="RULE ...", help_behavior_hint="(default: none)")] = ()
    """Other rules to run beside it, with the same settings where they have them: adam torch, or adam,torch."""
    mu: Annotated[float, arg(metavar="MU")] = 0.0
    """The mean of the gradients of noise."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """The seed of noise and digits."""
    json: bool = False
    """Print JSON Lines with all digits in place of tables."""
    plot: bool = False
    """Draw a figure too."""
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("runs")
    """Where the figure goes."""

    def prepare(self) -> Callable[[], None]:
        """Check the input; what is returned runs the rules and prints."""
        names = ("beta1", "beta2", "eps", "weight_decay")
        return import_module("minirad.experiments.trace_report").prepare(
            self.rule, self.steps, self.on, self.lr, {name: getattr(self, name) for name in names}, self.dialect,
            self.against, self.mu, self.seed, self.json, self.plot, self.out,
        )  # fmt: skip


@dataclass(frozen=True)
class Data:
    """Show, fetch and check the data sets.

    list shows all, or more about some. fetch downloads what is missing. verify compares what is there with what was
    published. where shows the folder and the files.
    """

    action: tyro.conf.Positional[Literal["list", "fetch", "verify", "where"]]
    """What to do."""
    names: Annotated[tyro.conf.Positional[tuple[str, ...]], arg(metavar="NAME ...", help_behavior_hint="")] = ()
    """Which data sets. None means all, but for fetch."""
    all: bool = False
    """Fetch all of them."""

    def prepare(self) -> Callable[[], None]:
        """Check the input; what is returned does it."""
        return import_module("minirad.experiments.data_report").prepare(self.action, self.names, self.all)


@dataclass(frozen=True)
class Plot:
    """Draw recorded runs: curves grouped by any of their settings, with a band over the seeds."""

    folder: Annotated[tyro.conf.Positional[Path], arg(metavar="FOLDER")]
    """Where the result files are, such as results/compare/digits."""
    by: Annotated[tuple[str, ...], arg(metavar="NAME ...", help_behavior_hint="(default: all that differ)")] = ()
    """Settings to group the runs by: optimizer lr. Each group is a line; runs that differ otherwise are its band."""
    y: Annotated[tuple[str, ...], arg(metavar="NAME ...", help_behavior_hint="(default: loss accuracy)")] = ()
    """What to draw: loss, accuracy, train_loss, whatever the runs hold; r is RAdam's r_t."""
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: beside FOLDER, or in runs/)")] = None
    """The picture: .png, .pdf, .svg."""

    def prepare(self) -> Callable[[], None]:
        """Read the runs and check the input; what is returned draws."""
        return import_module("minirad.experiments.plot_report").prepare(self.folder, self.by, self.y, self.out)


@dataclass(frozen=True)
class Check:
    """Check the answers to exercises of the chapters, and say in a sentence what is wrong.

    For example: minirad check 7.3, or minirad check 7 for all of a chapter. The answer is taken from the chapter's
    notebook; of that, only what the answer needs is run. The exit code is 1 if an answer is not right yet.
    """

    exercises: Annotated[tyro.conf.Positional[tuple[str, ...]], arg(metavar="EXERCISE ...", help_behavior_hint="")] = ()
    """Which, such as 7.3, or 7 for all of chapter 7."""
    file: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: notebooks/NN-*.ipynb)")] = None
    """Where the answers are: a notebook (.ipynb), a chapter (.md) or a script (.py)."""

    def prepare(self) -> Callable[[], None]:
        """Check the input; what is returned checks the answers."""
        return import_module("minirad.exercises.report").prepare(self.exercises, self.file)


COMMANDS = ("list", "compare", "reproduce", "sweep", "report", "plot", "trace", "data", "check")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. Bad input gives one line on stderr and exit code 2, ctrl-C exit code 130.

    Only what checks the input may fail with one line. A mistake of ours, later, shows its traceback.
    """
    try:
        try:
            job = _command(argv).prepare()
        except (ValueError, TypeError, ImportError, RuntimeError, OSError) as error:
            _fail(error)
        try:
            job()
        except BrokenPipeError:  # minirad list | head -1
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (OSError, MemoryError) as error:  # the disk is full, say, or the net too large
            _fail(error)
    except KeyboardInterrupt:
        new_line = "\n" if sys.stderr.isatty() else ""  # behind the progress bar and ^C
        print(f"{new_line}stopped; what was finished is kept, and the same command goes on from there", file=sys.stderr)
        sys.exit(130)


def _command(argv: Sequence[str] | None) -> List | Compare | Reproduce | Sweep | Report | Plot | Trace | Data | Check:
    if "tyro" not in globals():
        raise ImportError("the command line needs more than NumPy: minirad[lab] (in a clone: pip install -e '.[lab]')")
    printed = StringIO()
    try:
        with redirect_stderr(printed):
            return tyro.cli(
                List | Compare | Reproduce | Sweep | Report | Plot | Trace | Data | Check,
                prog="minirad",
                description="The RAdam paper as readable code, on NumPy.",
                args=argv,
                config=(tyro.conf.DisallowNone,),
            )
    except SystemExit as stop:
        if stop.code:
            words = sys.argv[1:] if argv is None else argv
            command = f"{words[0]} " if words and words[0] in COMMANDS else ""
            commands = "" if command else f"; the commands are {', '.join(COMMANDS)}"
            raise ValueError(f"{_first_paragraph(printed.getvalue())}{commands}. See minirad {command}--help") from None
        raise


def _first_paragraph(box: str) -> str:
    """What tyro says in a box, in colours and over several lines, without its title and advice."""
    lines = re.sub(r"\x1b\[[\d;]*m", "", box).splitlines()[1:]
    words = " ".join(line.strip("│ ") or "─" * 9 for line in lines)
    return next(filter(None, map(str.strip, re.split("[─-]{9,}", words))), "bad input").rstrip(".")


def _fail(error: BaseException) -> NoReturn:
    words = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        words = f"{error.filename}: {error.strerror}"
    print(f"minirad: {' '.join(words.split())}", file=sys.stderr)
    sys.exit(2)
