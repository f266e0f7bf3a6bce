"""The verdicts on all claims: a file of JSON lines, one for each claim at each scale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from minirad.experiments.exhibit import SCALES, WORDS, Exhibit, Verdict
from minirad.experiments.results import Row
from minirad.files import write_whole

NAME = "verdicts.jsonl"


def read(folder: Path) -> list[Row]:
    """The lines of the folder's file; none if there is no file.

    Raises:
        ValueError: the file holds something else. OSError: it can't be read.
    """
    path = folder / NAME
    if not path.exists():
        return []
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if all(
            row["verdict"] in WORDS and row["scale"] in SCALES and row.keys() >= {"exhibit", "claim"} for row in rows
        ):
            return rows
    raise ValueError(f"{path} does not hold verdicts; move it away")


def record(folder: Path, exhibit: Exhibit, scale: str, verdicts: Sequence[Verdict]) -> Path:
    """Put the verdicts on an exhibit's claims in the place of those that it had at this scale. Gives the file.

    Raises:
        ValueError, OSError: as read(), or the file can't be written.
    """
    kept = [row for row in read(folder) if (row["exhibit"], row["scale"]) != (exhibit.name, scale)]
    new = [
        {"exhibit": exhibit.name, "claim": claim.text, "scale": scale, "verdict": verdict.word, "note": verdict.note,
         "statistic": claim.statistic, "threshold": claim.threshold, "numbers": dict(verdict.numbers)}
        for claim, verdict in zip(exhibit.claims, verdicts, strict=True)
    ]  # fmt: skip
    rows = sorted(kept + new, key=lambda row: (len(row["exhibit"]), row["exhibit"], SCALES.index(row["scale"])))
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
    return write_whole(folder / NAME, "".join(lines).encode())
