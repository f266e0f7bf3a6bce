"""The verdicts on all claims: a file of JSON lines, one for each claim at each scale.

The primary claims of the exhibits that train share one level: with nine of them, one would seem to hold or to fail by
chance alone oftener than the level says. So their p-values are corrected (Holm), with 1 in the place of those that were
not run; and a verdict that does not outlast it becomes "inconclusive".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, SCALES, SUPPORTED, WORDS, Exhibit, Verdict, exhibits
from minirad.experiments.judging import ALPHA
from minirad.experiments.results import Row
from minirad.experiments.statistics_tests import holm
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


def record(folder: Path, exhibit: Exhibit, scale: str, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Put the verdicts on an exhibit's claims in the place of those that it had at this scale.

    Returns:
        What is left of the verdicts after Holm's correction.

    Raises:
        ValueError, OSError: as read(), or the file can't be written.
    """
    kept = [row for row in read(folder) if (row["exhibit"], row["scale"]) != (exhibit.name, scale)]
    new: list[Row] = [
        {"exhibit": exhibit.name, "claim": claim.text, "scale": scale, "verdict": verdict.word, "note": verdict.note,
         "statistic": claim.statistic, "threshold": claim.threshold, "numbers": dict(verdict.numbers),
         **({"primary": True, "alone": verdict.word} if claim.primary else {})}
        for claim, verdict in zip(exhibit.claims, verdicts, strict=True)
    ]  # fmt: skip
    rows = sorted(kept + new, key=lambda row: (len(row["exhibit"]), row["exhibit"], SCALES.index(row["scale"])))
    _corrected([row for row in rows if row["scale"] == scale and row.get("primary")])
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
    write_whole(folder / NAME, "".join(lines).encode())
    return [_left(verdict, row) for verdict, row in zip(verdicts, new, strict=True)]


def _left(verdict: Verdict, row: Row) -> Verdict:
    """What is left of a verdict; of one that was lost, the note says so."""
    if row["verdict"] == verdict.word:
        return verdict
    lost = f"{verdict.word} alone, no longer after Holm's correction (p = {row['p_holm']:.2g})"
    return replace(verdict, word=row["verdict"], note="; ".join(filter(None, (verdict.note, lost))))


def _corrected(rows: Sequence[Row]) -> None:
    """Holm's correction of the primary claims at one scale: "p_holm", and the verdict that is left of "alone"."""
    found = {row["exhibit"]: 1.0 if row["numbers"].get("p") is None else row["numbers"]["p"] for row in rows}
    planned = {e.name: 1.0 for e in exhibits().values() if any(claim.primary for claim in e.claims)}
    p_values = holm(planned | found)
    for row in rows:
        row["p_holm"] = p_values[row["exhibit"]]
        lost = row["alone"] in (SUPPORTED, CONTRADICTED) and row["p_holm"] >= ALPHA
        row["verdict"] = INCONCLUSIVE if lost else row["alone"]
