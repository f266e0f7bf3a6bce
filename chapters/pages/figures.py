"""Give each picture that a cell drew a text for those who can't see it: the caption below it."""

from __future__ import annotations

from typing import Any

from docutils import nodes


def describe(app: Any, document: nodes.document) -> None:
    """Put the captions, paragraphs that begin with "Figure", where pictures have their alternative texts."""
    waiting: list[nodes.image] = []
    for node in document.findall():
        if isinstance(node, nodes.image) and "alt" not in node:
            waiting.append(node)
        elif isinstance(node, nodes.paragraph) and node.astext().startswith("Figure "):
            for image in waiting:
                image["alt"] = " ".join(node.astext().split())
            waiting = []
