"""The command line: minirad list | compare."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn


@dataclass(frozen=True)
class List:
    """Show the data sets and the optimizers that there are."""

    def prepare(self) -> Callable[[], None]:
        """What to do."""
        return import_module("minirad.experiments.compare_report").names


@dataclass(frozen=True)
class Compare:
    """Train the same small net with several optimizers and several seeds; print a table and draw a figure.

    Runs that are done already are not done again: a comparison that was stopped goes on where it was.
    """

    data: str = "digits"
    """Which images: digits (comes with scikit-learn), mnist or fashion-mnist (downloaded once)."""
    optimizers: tuple[str, ...] = ("sgd", "adam", "adam-warmup", "radam")
    """Which optimizers, by the names that `minirad list` shows."""
    lr: tuple[str, ...] = ()
    """One learning rate for all (0.01), or some by name (sgd=0.1 radam=0.003). The others keep their own."""
    epochs: int | None = None
    """How often to go through the training images (digits 30, the others 5)."""
    seeds: int = 5
    """How many seeds: 100, 101, ... . All optimizers share a seed's initial weights and batches."""
    hidden: tuple[int, ...] | None = None
    """The widths of the net's hidden layers (digits 128, the others 256)."""
    out: Path = Path("runs")
    """The folder for results and figures."""

    def prepare(self) -> Callable[[], None]:
        """Check the input; what is returned does the comparison."""
        return import_module("minirad.experiments.compare_report").compare(
            self.data, self.optimizers, self.rates(), self.epochs, self.hidden, self.seeds, self.out
        )

    def rates(self) -> dict[str, float]:
        """The learning rates given, by optimizer."""
        rates = {}
        for text in self.lr:
            name, equals, number = text.rpartition("=")
            try:
                rate = float(number)
            except ValueError:
                raise ValueError(f"--lr: expected a number or optimizer=number, got {text!r}") from None
            rates.update({name: rate} if equals else dict.fromkeys(self.optimizers, rate))
        return rates


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. Bad input gives one line on stderr and exit code 2, ctrl-C exit code 130.

    Only what checks the input may fail with one line. A mistake of ours, later, shows its traceback.
    """
    try:
        job = _command(argv).prepare()
    except (ValueError, TypeError, ImportError, RuntimeError, OSError) as error:
        _fail(error)
    try:
        job()
    except OSError as error:  # the disk is full, say
        _fail(error)
    except KeyboardInterrupt:
        print("\nstopped; what was finished is kept, and the same command goes on from there", file=sys.stderr)
        sys.exit(130)


def _command(argv: Sequence[str] | None) -> List | Compare:
    try:
        tyro = import_module("tyro")
    except ImportError:
        raise ImportError("the command line needs more than NumPy: pip install 'minirad[lab]'") from None
    return tyro.cli(List | Compare, prog="minirad", args=argv, description=__doc__)


def _fail(error: Exception) -> NoReturn:
    print(f"minirad: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(2)
