"""A pilot of exhibit E13: does the translator translate? python -m minirad.experiments.pilot_e13 [data set].

Number words: exact translations among numbers that it has never seen. Multi30k, German to English: BLEU of greedy
search and of a beam of 5 on the test set of 2016. One seed and rates that were not tuned: no evidence for any rule.
Written to results/pilots/e13.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from minirad import data
from minirad.backend import manual_seed
from minirad.data.translation import TranslationData
from minirad.experiments.results import environment
from minirad.experiments.task_translation import translations
from minirad.files import write_whole
from minirad.models import Translator
from minirad.nn.utils import clip_grad_norm_
from minirad.optim import RAdam
from minirad.optim.lr_scheduler import CosineAnnealingLR

PATH = Path("results", "pilots", "e13.json")
SETTINGS: dict[str, dict[str, Any]] = {
    "number-words": {"width": 64, "layers": 2, "feed_forward": 256, "dropout": 0.0, "smoothing": 0.0, "epochs": 4},
    "multi30k": {"width": 128, "layers": 2, "feed_forward": 512, "dropout": 0.2, "smoothing": 0.1, "epochs": 14},
}
SEED, LR, TOKENS, HEADS, CLIP = 0, 3e-3, 2000, 4, 25.0  # batches of at most 2000 ids; the paper clips at 25
SHOWN = 8


def load(name: str) -> TranslationData:
    """The data; of Multi30k the words that come at least twice."""
    return (
        data.number_words(generator=np.random.default_rng(0)) if name == "number-words" else data.multi30k(min_count=2)
    )


def trained(pairs: TranslationData, settings: dict[str, Any]) -> tuple[Translator, float]:
    """The translator after these epochs of RAdam, the rate falling along a cosine, and its last mean training loss."""
    manual_seed(SEED)
    model = Translator(
        len(pairs.source), len(pairs.target), settings["width"], HEADS, settings["layers"], settings["feed_forward"],
        settings["dropout"],
    )  # fmt: skip
    batches = data.LengthBatches(pairs.train, max_tokens=TOKENS)
    optimizer = RAdam(model.named_parameters(), lr=LR, betas=(0.9, 0.99))
    scheduler = CosineAnnealingLR(optimizer, settings["epochs"] * len(batches))
    losses: list[float] = []
    for epoch in range(1, settings["epochs"] + 1):
        losses = []
        for source, target in batches:
            optimizer.zero_grad()
            loss = model.loss(source, target, settings["smoothing"])
            loss.backward()
            clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: {len(losses)} steps, training loss {np.mean(losses):.3f}", flush=True)
    return model, float(np.mean(losses))


def pilot(name: str) -> dict[str, Any]:
    """Train, translate, count."""
    pairs, settings, start = load(name), SETTINGS[name], perf_counter()
    model, loss = trained(pairs, settings)
    result: dict[str, Any] = {"settings": settings, "training_loss": round(loss, 4)}
    result["seconds_of_training"] = round(perf_counter() - start, 1)
    for beam in (1, 5):
        start = perf_counter()
        words = translations(model, pairs, "test", beam)
        exact = np.mean([w == reference for w, reference in zip(words, pairs.test_references, strict=True)])
        result["greedy" if beam == 1 else f"beam of {beam}"] = {
            "BLEU": round(data.bleu(words, pairs.test_references), 2),
            "exact": round(float(exact), 4),
            "seconds": round(perf_counter() - start, 1),
        }
    result["examples"] = [
        {
            "source": " ".join(pairs.source.decode(pairs.test[i][0])),
            "reference": " ".join(pairs.test_references[i]),
            "translation": " ".join(words[i]),
        }
        for i in range(SHOWN)
    ]
    return result


def main() -> None:
    """Run what is named, or both, and put the results into the file."""
    results = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    for name in sys.argv[1:] or SETTINGS:
        results[name] = pilot(name) | {"environment": environment()}
        print(json.dumps({key: value for key, value in results[name].items() if key != "environment"}, indent=1))
        PATH.parent.mkdir(parents=True, exist_ok=True)
        write_whole(PATH, (json.dumps(results, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
