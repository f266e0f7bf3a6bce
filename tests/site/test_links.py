"""Each link of the built site leads somewhere, and no page loads anything from elsewhere."""

import re
from urllib.parse import unquote, urlsplit

import pytest
from site_pages import Links, pages

pytestmark = pytest.mark.site
IN_SHEETS = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^)'\"]+)")
FOREIGN = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)


@pytest.fixture(scope="module")
def parsed(site):
    return {name: Links((site / name).read_text(encoding="utf-8")) for name in pages(site)}


def test_every_link_leads_somewhere(site, parsed):
    broken = []
    for name, page in parsed.items():
        for link in page.links + page.loaded:
            scheme, host, path, _, place = urlsplit(link)
            if scheme or host:
                continue
            target = (site / name).parent / unquote(path) if path else site / name
            target = target.resolve()
            if not target.exists():
                broken.append(f"{name}: {link}")
            elif target.suffix == ".html" and place:
                key = target.relative_to(site.resolve()).as_posix()
                if unquote(place) not in parsed[key].places:
                    broken.append(f"{name}: {link} (no such place)")
    assert not broken, "\n".join(broken)


def test_nothing_is_loaded_from_elsewhere(site, parsed):
    loaded = [f"{name}: {link}" for name, page in parsed.items() for link in page.loaded if FOREIGN.match(link)]
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        loaded += [
            f"{sheet.name}: {url}" for url in re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^)'\"]+)", text)
        ]
    assert not loaded, "\n".join(loaded)


def test_what_the_site_holds(site, parsed):
    chapters = [name for name in parsed if re.match(r"\d\d-", name)]
    assert len(chapters) >= 7
    for name in ("exhibits.html", "report.html", "search.html", "genindex.html", "optimizers/radam.html",
                 "reference/variance.html", *chapters):  # fmt: skip
        assert name in parsed
    rule = (site / "optimizers/radam.html").read_text(encoding="utf-8")
    for word in ("rectification", "inclusive", "torch", "copy of the words"):
        assert word in rule
