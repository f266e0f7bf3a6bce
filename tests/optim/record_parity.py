"""Record how far the rules are from the same rules elsewhere, for the site: results/parity/optimizers.json.

    python tests/optim/record_parity.py

Needs the extras parity and torch. The table of the dialects is that of parity_table.py, that of the other rules holds
the worst of the kinds of gradients that test_parity.py goes through.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # as pytest has it, for the script
import torch  # noqa: E402
from optim import parity_table, test_parity  # noqa: E402


def main() -> None:
    """Measure and write."""
    cases = [case for case in test_parity.PAIRS if case[0] != "RAdam"]  # that is the dialect "torch"
    record = {
        "steps": parity_table.STEPS,
        "versions": ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "jax", "optax")),
        "dialects": {
            dtype: [
                {"case": parity_table.name(case)}
                | {dialect: parity_table.difference(dialect, *case, dtype) for dialect in parity_table.DIALECTS}
                for case in parity_table.SETTINGS
            ]
            for dtype in ("float64", "float32")
        },
        "rules": {
            rule: [
                {"case": ", ".join(f"{key}={x}" for key, x in settings.items()) or "as it is"}
                | {dtype: max(test_parity.distances(torch, rule, settings, dtype)) for dtype in ("float64", "float32")}
                for name, settings in cases
                if name == rule
            ]
            for rule in dict.fromkeys(name for name, _ in cases)
        },
    }
    path = ROOT / "results" / "parity" / "optimizers.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
