"""The pages of the built site, and what stands in them, read without a browser."""

from html.parser import HTMLParser
from pathlib import Path


class Links(HTMLParser):
    """Where a page's links lead, what it loads, and the places in it that links can lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Collect."""
        found = dict(attributes)
        self.places |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag in ("a", "area") and found.get("href"):
            self.links.append(found["href"])
        elif tag == "link" and found.get("href"):
            self.loaded.append(found["href"])
        if tag != "a" and found.get("src"):
            self.loaded.append(found["src"])


def pages(site: Path) -> list[str]:
    """All pages, by their paths in the site."""
    found = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return sorted(name for name in found if not name.startswith("_static/"))
