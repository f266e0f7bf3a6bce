"""Wrong answers to the exercises of chapter 15."""

import hashlib
import json

import numpy as np


def snapshot_with(copies=True, **others):
    def snapshot(run):
        saved = {name: getattr(run, name) for name in ("theta", "m", "v")}
        if copies:
            saved = {name: array.copy() for name, array in saved.items()}
        return {**saved, "t": run.t, "rng": run.rng.bit_generator.state, **{k: f(run) for k, f in others.items()}}

    return snapshot


def restore_with(names=("theta", "m", "v"), t=True, rng=True, new=False, shared=False):
    def restore(run, saved):
        for name in names:
            if new:
                setattr(run, name, saved[name].copy())
            else:
                getattr(run, name)[...] = saved[name]
        if t:
            run.t = saved["t"]
        if shared:
            run.rng = saved["generator"]
        elif rng:
            run.rng.bit_generator.state = saved["rng"]

    return restore


def in_turns(seconds, workers):
    return max(sum(seconds[i::workers]) for i in range(workers))


def name_by(text):
    return lambda settings: hashlib.sha256(text(settings).encode()).hexdigest()[:12]


WRONG = {
    "15.1": [
        ([name_by(lambda settings: json.dumps(settings, separators=(",", ":")))], "in another order"),
        ([name_by(lambda settings: json.dumps(settings, sort_keys=True))], "see its separators"),
        ([name_by(lambda settings: str(sorted(settings.items())))], "Is it of the text"),
        ([lambda settings: f"{abs(hash(tuple(sorted(settings.items())))):016x}"[:12]], "Is it of the text"),
        ([lambda settings: hash(str(settings))], "must be hexadecimal digits"),
        ([lambda settings: hashlib.sha256(b"run").hexdigest()], "must have 12 digits"),
        ([lambda settings: hashlib.sha256(b"run").hexdigest()[:12]], "another seed gets the same name"),
    ],
    "15.2": [
        ([snapshot_with(copies=False), None], "A name is no copy"),
        ([None, restore_with(names=("theta",))], "m is not what it was"),
        ([None, restore_with(t=False)], "the bias corrections would begin anew"),
        ([None, restore_with(rng=False)], "other draws follow"),
        ([None, restore_with(new=True)], "another array now"),
        ([snapshot_with(generator=lambda run: run.rng), restore_with(shared=True)], "from one generator"),
    ],
    "15.3": [
        ([lambda gradients, sizes: np.mean(gradients, axis=0)], "must count for more"),
        ([lambda gradients, sizes: np.sum(gradients, axis=0)], "this is a sum"),
        ([lambda gradients, sizes: sum(n * g for n, g in zip(sizes, gradients, strict=True))], "must it be divided"),
    ],
    "15.4": [
        ([lambda seconds, workers: sum(seconds) / workers], "cut in pieces"),
        ([in_turns], "whoever is free first"),
    ],
}
