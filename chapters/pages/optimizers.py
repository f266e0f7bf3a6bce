"""A page for each optimizer: its rule from the source, how far it is from others' code, and how fast."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from minirad import optim
from pages.reference import home, is_rule

PEERS = ("torch default", "torch foreach", "torch fused", "copy of the words")
METHODS = ("scalars", "update")
# Benchmarks of a class: the names that benchmarks/rules.py gives to its settings.
TIMED = {"SGD": ["SGD", "momentum"], "Adam": ["Adam", "AMSGrad"]}


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Names and texts of the pages."""
    rules = [name for name in optim.__all__ if is_rule(getattr(optim, name))]
    parity = json.loads((root / "results/parity/optimizers.json").read_text(encoding="utf-8"))
    speed = json.loads((root / "results/benchmarks/rules.json").read_text(encoding="utf-8"))
    yield "optimizers/index.md", index(rules)
    for name in rules:
        parts = [
            f"# {name}",
            f"```{{eval-rst}}\n.. autoclass:: {home(getattr(optim, name))}.{name}\n```",
            *rule(getattr(optim, name), root),
            *(dialects() if name.startswith("RAdam") else []),
            *compared(name, parity),
            *timed(name, speed),
            *chapters(name, root / "chapters"),
        ]
        yield f"optimizers/{name.lower()}.md", "\n\n".join(parts) + "\n"


def index(rules: list[str]) -> str:
    """The list of all, with a line about each."""
    about = {name: (inspect.getdoc(getattr(optim, name)) or "").split("\n")[0] for name in rules}
    rows = [f"| [{name}]({name.lower()}.md) | {marked(about[name])} |" for name in rules]
    listed = "\n".join(name.lower() for name in rules)
    return "\n".join(
        [
            "# Optimizers",
            "",
            "Each page shows one rule as it stands in the library, how far its path is from the same rule in other "
            "libraries, and how long a step takes. All of it is read from the code and from recorded results when "
            "this site is built.",
            "",
            "| rule | what it is |",
            "|---|---|",
            *rows,
            "",
            "![Nanoseconds per parameter and step against the number of parameters, for each rule and for PyTorch's]"
            "(../../results/benchmarks/rules.png)",
            "",
            f"```{{toctree}}\n:hidden:\n\n{listed}\n```\n",
        ]
    )


def rule(thing: Any, root: Path) -> list[str]:
    """The methods that make the rule, out of the class's file."""
    path = Path(inspect.getfile(thing)).relative_to(root).as_posix()
    parts = ["## The rule", f"From `{path}`. " + SHAPES]
    own = [method for method in METHODS if method in vars(thing)]
    base = thing.__base__
    if is_rule(base) and "update" not in own:
        parts.append(f"The update is that of [{base.__name__}]({base.__name__.lower()}.md); here is what differs.")
    parts += [source(path, f"{thing.__name__}.{name}", 4) for name in own] or [source(path, thing.__name__, 0)]
    return parts


def source(path: str, name: str, indent: int) -> str:
    """What has Sphinx copy a function or class out of a file."""
    return f"```{{literalinclude}} ../../{path}\n:pyobject: {name}\n:dedent: {indent}\n:lineno-match:\n```"


SHAPES = (
    "`theta` and `g` are one block of the parameters and their gradients, the names between `g` and `s` are the "
    "rule's states, all of one length; `s` holds the numbers that are the same for every element, such as `s.lr` and "
    "the step `s.t`."
)


def dialects() -> list[str]:
    """What the dialects of RAdam decide, from the table in the code."""
    names = list(optim.DIALECTS)
    rows = [
        [f"`{field.name}`", *(str(getattr(optim.DIALECTS[name], field.name)) for name in names)]
        for field in fields(optim.Dialect)
    ]
    return [
        "## Dialects",
        'Implementations of RAdam differ in four decisions. `RAdamDialect(params, "torch")` and so on follow one of '
        "these; `RAdam` is `paper`. What each field means: {py:class}`minirad.optim.Dialect`.",
        table(["decision", *names], rows),
    ]


def compared(name: str, parity: Any) -> list[str]:
    """The recorded distance to the same rule elsewhere."""
    steps, versions = parity["steps"], parity["versions"]
    about = (
        f"Both take {steps:,} steps with the same gradients. A cell is the largest difference of any element of theta "
        f"on the way, as a share of the largest |theta|. Measured with {marked(versions)}; "
        "`python tests/optim/record_parity.py` measures again, and the tests hold the numbers down."
    )
    if name in ("RAdam", "RAdamDialect"):
        names = ("paper", "official", "torch", "optax")
        parts = [
            "## Beside other implementations",
            "`paper` is held to Algorithm 2 written number by number, `official` to the authors' rule written so; "
            f"`torch` and `optax` to the libraries. {about}",
        ]
        for dtype, rows in parity["dialects"].items():
            cells = [[f"`{row['case']}`", *(f"{row[d]:.1e}" for d in names)] for row in rows]
            parts.append(table([dtype, *names], cells))
        return parts
    if name not in parity["rules"]:
        return []
    rows = [[f"`{row['case']}`", f"{row['float64']:.1e}", f"{row['float32']:.1e}"] for row in parity["rules"][name]]
    return ["## Beside PyTorch", about, table([f"torch.optim.{name}", "float64", "float32"], rows)]


def timed(name: str, speed: Any) -> list[str]:
    """The recorded time of a step, beside PyTorch's and the machine's limit."""
    parts: list[str] = []
    for case in TIMED.get(name, [name]):
        rows = [row for row in speed["rows"] if row.get("rule") == case]
        peers = [peer for peer in PEERS if any(row["peer"] == peer for row in rows)]
        cells: dict[tuple[int, int, int], dict[str, str]] = {}
        for row in rows:
            cell = cells.setdefault((row["threads"], row["tensors"], row["parameters"]), {})
            cell["minirad"], cell[row["peer"]] = time(row["minirad"]), time(row["other"])
        lines = [
            [f"{threads}", f"{tensors}", f"{n:,}", cell["minirad"], *(cell.get(peer, "") for peer in peers)]
            for (threads, tensors, n), cell in sorted(cells.items())
        ]
        if lines:
            head = [
                "threads",
                "tensors",
                "parameters",
                "minirad",
                *(peer.replace("torch", "PyTorch,") for peer in peers),
            ]
            parts += [f"### {case}"] * (name in TIMED) + [table(head, lines)]
    machine = speed["machine"]
    about = (
        "Time of one step, float32, with the parameters in 1 tensor or in 200. The last column is how long it takes to "
        "copy as many words as the step must read and write: no step that goes through memory can be faster. "
        f"Machine: {marked(machine['processor'])}, {machine['cpus']} cores; NumPy {machine['numpy']}, "
        f"PyTorch {machine['torch']}; `python -m benchmarks --set rules`."
    )
    return ["## Speed", about, *parts] if parts else []


def chapters(name: str, folder: Path) -> list[str]:
    """The chapters that speak of it."""
    found = []
    for path in sorted(folder.glob("[0-9][0-9]-*.md")):
        text = path.read_text(encoding="utf-8")
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        if title and len(re.findall(rf"\b{name}\b", text)) >= 5:
            found.append(f"* [{title[1]}](../{path.name})")
    return ["## In the book", "\n".join(found)] if found else []


def time(seconds: float) -> str:
    """Seconds as one would say them."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown, with numbers on the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def marked(text: str) -> str:
    """Plain text in Markdown, also in a table, that means what it says."""
    return re.sub(r"([|*_<\[\]\\$])", r"\\\1", text)
