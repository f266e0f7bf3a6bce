"""Checkpoints: stop a training, load it in a new process, and go on as if nothing had been, bit for bit.

A checkpoint is one safetensors file: the arrays of the model and of the optimizer under their names, and a JSON text in
the file's header with everything else (settings, steps, schedule, random streams). There is no pickle in it, so loading
a stranger's file runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from minirad.backend import STREAMS, stream
from minirad.files import write_whole
from minirad.nn import Module
from minirad.optim import Optimizer
from minirad.optim.lr_scheduler import LRScheduler

FORMAT = 1


def save(
    path: str | Path,
    *,
    model: Module | None = None,
    optimizer: Optimizer | None = None,
    scheduler: LRScheduler | None = None,
    extra: Mapping[str, Any] | None = None,
    generators: Mapping[str, np.random.Generator] | None = None,
) -> None:
    """Write a checkpoint, whole or not at all. The random streams are always in it.

    Args:
        path: the file, by custom ``*.safetensors``.
        model, optimizer, scheduler: what to save; what is None is left out.
        extra: whatever JSON can hold, the epoch for example. load() gives it back.
        generators: those that you draw from besides the streams, by name.

    Raises:
        TypeError: extra is not JSON. ValueError: a generator has the name of a stream.
        OSError: the file can't be written. ImportError: safetensors is missing.
    """
    arrays: dict[str, np.ndarray] = {}
    header: dict[str, Any] = {"format": FORMAT, "extra": dict(extra or {})}
    header["streams"] = random_state(generators)
    if model is not None:
        arrays |= {f"model/{name}": array for name, array in model.state_dict().items()}
    if optimizer is not None:
        state = optimizer.state_dict()
        steps = {name: own.pop("t") for name, own in state["state"].items()}
        header["optimizer"] = {"rule": optimizer.rule, "t": steps, "param_groups": state["param_groups"]}
        arrays |= {f"optimizer/{k}/{name}": own[k] for name, own in state["state"].items() for k in own}
    if scheduler is not None:
        header["scheduler"] = scheduler.state_dict()
    text = json.dumps(header, default=_plain)
    # asarray with order="C": safetensors writes the bytes as they lie, which would scramble a transposed array.
    packed = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_whole(Path(path), _safetensors().numpy.save(packed, metadata={"minirad": text}))


def load(
    path: str | Path,
    *,
    model: Module | None = None,
    optimizer: Optimizer | None = None,
    scheduler: LRScheduler | None = None,
    generators: Mapping[str, np.random.Generator] | None = None,
) -> dict[str, Any]:
    """Copy a checkpoint into what was built as it was before saving, restart the random streams, and return ``extra``.

    Raises:
        ValueError: the file is no checkpoint, lacks a part that is asked for, or does not fit; nothing changes then.
        OSError: it can't be read.
    """
    header, arrays = _read(Path(path))
    for name, part in (("model", model), ("optimizer", optimizer), ("scheduler", scheduler)):
        if part is not None and name not in header and not any(key.startswith(f"{name}/") for key in arrays):
            raise ValueError(f"checkpoint.load: {path} holds no {name}")
    if optimizer is not None and header["optimizer"]["rule"] != optimizer.rule:
        raise ValueError(f"checkpoint.load: {path} is of {header['optimizer']['rule']}, not of {optimizer.rule}")
    with _all_or_nothing(model, optimizer, scheduler):
        if model is not None:
            model.load_state_dict(_under("model/", arrays))
        if optimizer is not None:
            optimizer.load_state_dict(_optimizer_state(header["optimizer"], _under("optimizer/", arrays)))
        if scheduler is not None:
            scheduler.load_state_dict(header["scheduler"])
        set_random_state(header["streams"], generators)
    return header["extra"]


def peek(path: str | Path) -> dict[str, Any]:
    """The ``extra`` of a checkpoint; nothing is loaded. Errors as those of load()."""
    return _read(Path(path))[0]["extra"]


def random_state(generators: Mapping[str, np.random.Generator] | None = None) -> dict[str, Any]:
    """Where every stream is, and every further generator, by name. Raises ValueError where names clash."""
    return {name: generator.bit_generator.state for name, generator in _all_generators(generators).items()}


def set_random_state(state: Mapping[str, Any], generators: Mapping[str, np.random.Generator] | None = None) -> None:
    """Put the streams, and those further generators that are given, where they were when random_state() was called.

    Raises:
        ValueError: the state lacks one of them, or it is of another kind; nothing has been changed then.
    """
    ours = _all_generators(generators)
    for name, generator in ours.items():
        kind, saved = type(generator.bit_generator).__name__, state.get(name, {}).get("bit_generator", "missing")
        if kind != saved:
            raise ValueError(f"set_random_state: the saved state of generator {name!r} is {saved}, expected {kind}")
    for name, generator in ours.items():
        generator.bit_generator.state = state[name]


def _all_generators(generators: Mapping[str, np.random.Generator] | None) -> dict[str, np.random.Generator]:
    generators = generators or {}
    if clash := generators.keys() & set(STREAMS):
        raise ValueError(f"random_state: a generator has the name of a stream: {', '.join(sorted(clash))}")
    return {**{name: stream(name) for name in STREAMS}, **generators}


@contextmanager
def _all_or_nothing(*parts: Module | Optimizer | LRScheduler | None) -> Iterator[None]:
    """If one part refuses its state, the parts before it get their old one back."""
    before = [(part, part.state_dict()) for part in parts if part is not None]
    try:
        yield
    except ValueError:
        for part, state in before:
            part.load_state_dict(state)
        raise


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    library = _safetensors()
    try:
        with library.safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})["minirad"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dictionary
    except (library.SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"checkpoint.load: {path} is no checkpoint of minirad, or is damaged ({error})") from None
    if header.get("format") != FORMAT:
        raise ValueError(f"checkpoint.load: {path} has format {header.get('format')!r}; this minirad reads {FORMAT}")
    return header, arrays


def _optimizer_state(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    state: dict[str, dict[str, Any]] = {name: {"t": t} for name, t in header["t"].items()}
    for key, array in arrays.items():
        k, _, name = key.partition("/")
        state[name][k] = array
    groups = [
        {key: tuple(x) if isinstance(x, list) and key != "names" else x for key, x in group.items()}
        for group in header["param_groups"]
    ]
    return {"state": state, "param_groups": groups}


def _under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _plain(value: Any) -> Any:
    """What JSON can't hold, as something that it can."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):  # the state of MT19937 and others
        return value.tolist()
    raise TypeError(f"checkpoint.save: JSON can't hold a {type(value).__name__}")


def _safetensors() -> Any:
    try:
        import_module("safetensors.numpy")
        return import_module("safetensors")
    except ImportError:
        raise ImportError("checkpoints need safetensors: pip install safetensors, or minirad[lab]") from None
