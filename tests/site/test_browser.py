"""The built site in Chromium: formulas, console, requests, a phone and a desk, both themes, accessibility, print."""

from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.site
WAYS = {"phone, light": (360, "light"), "desk, dark": (1280, "dark")}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
FORMULAS = """async () => {
    if (!document.querySelector(".math")) return {total: 0, bare: 0, errors: []};
    await MathJax.startup.promise;
    const bare = [...document.querySelectorAll(".math")].filter(e => !e.querySelector("mjx-container"));
    const errors = [...document.querySelectorAll("[data-mjx-error], mjx-merror")].map(e => e.textContent);
    return {total: document.querySelectorAll("mjx-container").length, bare: bare.length, errors};
}"""
TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    return document.documentElement.scrollWidth <= width ? [] : [...document.querySelectorAll("article *")]
        .filter(e => e.getBoundingClientRect().right > width + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 120));
}"""


LIGHTEN = """() => {
    document.querySelectorAll("mjx-container").forEach(formula => formula.replaceWith("x"));
    [...document.querySelectorAll("div.highlight")].slice(8).forEach(code => code.remove());
}"""


@contextmanager
def opened(browser, address, name, width=1280, theme="light"):
    """The page, settled, and the list of what went wrong on the way there."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
    page = context.new_page()
    page.set_default_timeout(120_000)
    wrong = []
    here = urlsplit(address).netloc
    page.on("console", lambda said: said.type in ("error", "warning") and wrong.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("request", lambda request: urlsplit(request.url).scheme in ("http", "https")
            and urlsplit(request.url).netloc != here and wrong.append(f"foreign: {request.url}"))  # fmt: skip
    page.on("response", lambda response: response.status >= 400 and wrong.append(f"{response.status}: {response.url}"))
    try:
        page.goto(address + name, wait_until="load")
        page.add_style_tag(content="* { animation: none !important; transition: none !important; }")  # pale on the way
        page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
        yield page, wrong
    finally:
        context.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_page(browser, address, page_name, way):
    with opened(browser, address, page_name, *WAYS[way]) as (page, wrong):
        formulas = page.evaluate(FORMULAS)
        assert not formulas["errors"]
        assert not formulas["bare"]
        assert page.evaluate(TOO_WIDE) == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; })")
        page.wait_for_function("[...document.images].every(image => image.complete)")
        assert page.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)") == []
        assert not accessibility(page)
        assert not wrong


def accessibility(page):
    """What axe objects to. Formulas and most of the code are taken away first: they are alike, and axe takes long."""
    page.evaluate(LIGHTEN)
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install minirad[browser]")
    found = axe.Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    return [
        f"{rule['id']}: {node['html'][:150]} {node.get('failureSummary', '')}"
        for rule in found.response["violations"]
        for node in rule["nodes"][:3]
    ]


def test_formulas_are_there(browser, address):
    with opened(browser, address, "03-radam.html") as (page, _):
        assert page.evaluate(FORMULAS)["total"] > 100


def test_search_finds(browser, address):
    with opened(browser, address, "search.html?q=rectification") as (page, wrong):
        page.wait_for_selector("ul.search li a")
        assert page.locator("ul.search li a").count() >= 3
        assert not wrong


def test_the_theme_can_be_changed(browser, address):
    with opened(browser, address, "index.html") as (page, _):
        colours = set()
        for _ in range(3):  # automatic, light, dark
            page.locator("button.theme-toggle:visible").first.click()
            colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert len(colours) == 2


def test_print_shows_all_and_only_the_text(browser, address):
    with opened(browser, address, "03-radam.html") as (page, _):
        page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = false; })")
        page.emulate_media(media="print")
        assert not page.locator(".sidebar-drawer").is_visible()
        assert page.evaluate("[...document.querySelectorAll('article details > p')].every(p => p.offsetHeight > 0)")
        assert page.pdf(format="A4").startswith(b"%PDF")
