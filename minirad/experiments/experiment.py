"""An experiment: settings in, rows out. minirad sweep runs any of them, over any of their settings.

    @dataclass(frozen=True)
    class Settings:
        lr: float
        seed: int = 100

    def run(settings: Settings) -> list[dict]: ...  # one row an epoch, say; the same settings, the same rows

    EXPERIMENT = Experiment("mine", Settings, run, headline="loss")

In a file mine.py in the current folder this is ``minirad sweep mine:EXPERIMENT lr=0.1,0.3``.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib import import_module
from inspect import signature
from typing import Any, get_type_hints

from minirad.experiments.hints import coerced
from minirad.experiments.results import Row

# Where each experiment is: its module is imported when it is asked for.
EXPERIMENTS = {"compare": "minirad.experiments.compare:EXPERIMENT"}


def _one_folder(settings: Any) -> str:
    return "all"


@dataclass(frozen=True)
class Experiment:
    """What can be run, and with which settings.

    Attributes:
        name: of the folder of its results.
        settings: a frozen dataclass. Its fields are numbers, texts, truth values, tuples of these, or None; no field
            may be called edition.
        run: gives the rows of a run with these settings: a list of dicts, at least one, as JSON can hold them. It draws
            random numbers from the named streams only, and seeds them. A last row with "stopped": a text says why the
            run ended early. Worker processes find the function by its name, so it must stand at the top level of a
            module.
        edition: raise it when a change of the code makes all results invalid.
        complete: makes the settings of the fields that were given, and refuses bad ones with a ValueError. By default
            the dataclass itself.
        scale: the folder below that of the experiment in which a run's result is.
        headline: the column whose last value is shown when a run is done.
        before: called with one of the settings for each scale before anything runs, to fetch what the runs read.
    """

    name: str
    settings: type
    run: Callable[[Any], list[Row]]
    edition: int = 1
    complete: Callable[..., Any] | None = None
    scale: Callable[[Any], str] = _one_folder
    headline: str | None = None
    before: Callable[[Any], object] | None = None

    @cached_property
    def hints(self) -> dict[str, Any]:
        """The type of each field."""
        hints = get_type_hints(self.settings)
        return {field.name: hints[field.name] for field in fields(self.settings)}

    def make(self, given: Mapping[str, Any]) -> Any:
        """The settings with these fields; the others have their defaults. Each value has the type of its hint.

        Raises:
            ValueError: a field is missing, or a value makes no sense.
        """
        maker = self.complete or self.settings
        try:
            signature(maker).bind(**given)
        except TypeError as error:
            raise ValueError(f"{self.name}: {error}") from None
        made = maker(**given)
        own = {field.name: getattr(made, field.name) for field in fields(self.settings) if field.init}
        return replace(made, **{name: coerced(value, self.hints[name]) for name, value in own.items()})


def find(name: str) -> Experiment:
    """The experiment of this name, or the one in ``module:NAME``, where the module may lie in the current folder.

    Raises:
        ValueError: there is none, or worker processes could not import its function. ImportError: the module can't be
            imported.
    """
    module, colon, attribute = EXPERIMENTS.get(name, name).partition(":")
    if not colon:
        known = ", ".join(EXPERIMENTS)
        raise ValueError(f"unknown experiment {name!r}; there are {known}, or module:NAME for your own")
    if "" not in sys.path and name not in EXPERIMENTS:
        sys.path.append("")  # the script minirad does not look into the current folder
    found = getattr(import_module(module), attribute, None)
    if not isinstance(found, Experiment):
        raise ValueError(f"{name} is no Experiment")
    try:
        pickle.dumps((found.run, found.settings))
    except (pickle.PicklingError, AttributeError, TypeError):
        raise ValueError(f"{name}: run and settings must stand at the top level of a module") from None
    return found
