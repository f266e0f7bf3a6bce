"""minirad report on made-up results: what stands on the page, that HTML and Markdown say the same, what is refused.

A paragraph that tells what the design can't show.

    a formula
"""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest
from commands import minirad_command

from minirad import cli
from minirad.experiments import report, report_entries, verdicts
from minirad.experiments.exhibit import (
    CONTRADICTED,
    CORRECTED,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    NOT_RUN,
    SUPPORTED,
    WORDS,
    Claim,
    Exhibit,
    Verdict,
    exhibits,
)
from minirad.experiments.report_entries import Quantity
from minirad.experiments.results import Store, environment

for needed in ("jinja2", "matplotlib", "scipy", "tyro"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

EVIL = 'a <script>alert("x & y")</script> | b'
INTERVAL = {"difference": -0.1234567, "low": -0.2, "high": -0.05, "p": 0.001, "seeds": 10, "detectable": 0.08}


# ---- made-up exhibits and results


def run(settings, do):
    raise AssertionError("the report runs nothing")


def draw(numbers):
    figure = import_module("matplotlib.figure").Figure((2.0, 1.5))  # without a layout it is fast
    ax = figure.subplots()
    ax.plot(numbers["x"], label="a line")
    ax.set(xlabel="step", ylabel="loss", title="what is seen")
    ax.legend()
    return figure


def made_up(name, *words, **more):
    """An exhibit whose claims have these verdicts; the first is the primary one. Numbers: {"x": [...]}."""
    training = not {HOLDS, CORRECTED, FAILS} & set(words)
    claims = [
        Claim(
            f"Claim {i} of {name}.",
            "what",
            "how much",
            lambda numbers, word=word, i=i: Verdict(word, INTERVAL if i == 0 else {"x": 1.0}, "of 3" * (word != HOLDS)),
            primary=training and i == 0,
        )
        for i, word in enumerate(words)
    ]
    settings = {scale: {"seeds": 10} for scale in ("quick", "laptop", "paper")}
    return Exhibit(name, f"the title of {name}", tuple(claims), settings, run, draw, **more)


THEORY = made_up("E1", HOLDS, CORRECTED, FAILS)
TRAINED = made_up("E7", SUPPORTED, CONTRADICTED, INCONCLUSIVE, reported=EVIL, lines=lambda numbers: ["more", EVIL])
DEMO = made_up("E7-demo", lines=lambda numbers: ["a  table"])
BROKEN, MISSING = made_up("E9", SUPPORTED), made_up("E10", SUPPORTED, INCONCLUSIVE)
ALL = (THEORY, TRAINED, DEMO, BROKEN, MISSING)


@pytest.fixture
def known(monkeypatch):
    """The exhibits that there are: change it in a test."""
    found = {e.name: e for e in ALL}
    for module in (report, verdicts):
        monkeypatch.setattr(module, "exhibits", lambda: found)
    return found


def store(folder, exhibit, scale="laptop"):
    return Store(folder, exhibit.name, scale, exhibit.edition)


def recorded(folder, exhibit, scale="laptop", seeds=10, x=(3.0, 2.0)):
    """As minirad reproduce leaves it."""
    store(folder, exhibit, scale).write({"seeds": seeds}, [{"x": x}], 12.3)
    if exhibit.claims:
        verdicts.record(folder, exhibit, scale, [claim.judge({"x": x}) for claim in exhibit.claims])


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Results of all kinds, and the report of them."""
    folder = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        for module in (report, verdicts):
            patch.setattr(module, "exhibits", lambda: {e.name: e for e in ALL})
        for exhibit in (THEORY, TRAINED, DEMO):
            recorded(folder, exhibit)
        runs = store(folder, TRAINED)
        for seed, stopped in enumerate((None, None, "the loss is nan at step 3")):
            where = environment() | {"cpu_seconds": 100.0}
            runs.write({"arm": "adam", "seed": seed}, [{"loss": 1.0}, {"stopped": stopped}], 500.0, where)
        store(folder, BROKEN).write({"arm": "adam", "seed": 1}, [{"loss": 1.0}], 7.0)
        failure = store(folder, BROKEN).folder / "0123456789ab.failed.json"
        failure.write_text(json.dumps({"settings": {}, "failed": "MemoryError: too large", "seconds": 1}))
        report.prepare(folder)()
    return folder


@pytest.fixture
def folder(template, tmp_path, known):
    """The results, to change."""
    return shutil.copytree(template, tmp_path / "results")


@pytest.fixture
def page(template):
    """The page as it was written once."""
    return Page((template / "report.html").read_text(encoding="utf-8"))


@pytest.fixture
def text(template):
    """The Markdown."""
    return (template / "report.md").read_text(encoding="utf-8")


class Page(HTMLParser):
    """What a test wants to know of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.images, self.headings, self.tables = [], [], [], [], []
        self.open, self.words, self.sections = [], "", {}
        self.feed(text)
        self.close()
        assert not self.open, "all is closed"

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src") if name in given]
        self.images += [given] if tag == "img" else []
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append((tag, ""))
        if tag == "tr":
            self.tables.append([])
        if tag == "td":
            self.tables[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tags = [tag for tag, _ in self.open]
        if "style" in tags:
            return
        self.words += data
        section = next((given["id"] for tag, given in self.open if tag == "section"), "")
        self.sections[section] = self.sections.get(section, "") + data
        if self.headings and self.headings[-1][0] in tags:
            self.headings[-1] = tags[-1], self.headings[-1][1] + data
        if "td" in tags:
            self.tables[-1][-1] += data


def written(folder):
    """The page, and the Markdown."""
    report.prepare(folder)()
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("report.html", "report.md")]
    return Page(texts[0]), texts[1]


# ---- the page


def test_every_verdict_and_what_has_none(page):
    sections = {name: " ".join(words.split()) for name, words in page.sections.items()}
    for word in (HOLDS, CORRECTED, FAILS):
        assert f"{report.SIGNS[word][0]} {word}" in sections["e1"]
    for word in (SUPPORTED, CONTRADICTED, INCONCLUSIVE):
        assert f"{report.SIGNS[word][0]} {word}" in sections["e7"]
    assert "◦ a demonstration, no verdict" in sections["e7-demo"]
    assert "a table" in sections["e7-demo"]
    assert "– not run Claim" in sections["e10"]
    assert "minirad reproduce E10 --scale laptop" in sections["e10"]
    assert "Note of 3 Statistic what Threshold how much" in sections["e1"]
    assert (
        "9 claims: 1 holds, 1 holds with a correction, 1 fails, 1 supported, 1 contradicted, 1 inconclusive, 3 not run"
        in page.words
    )
    assert report.SIGNS.keys() == {*WORDS, report.DEMONSTRATION}
    assert len({sign for sign, _ in report.SIGNS.values()}) > 4  # not by colour alone


def test_numbers_with_their_interval_beside_what_the_paper_reports(page, text):
    assert ["difference", "−0.1235", "−0.2 to −0.05"] in page.tables
    assert ["p of this claim alone", "0.001", ""] in page.tables
    assert ["p, corrected (Holm)", "0.003", ""] in page.tables  # three exhibits have a primary claim
    assert "What the paper reports" in page.sections["e7"]
    assert EVIL in page.sections["e7"]  # and is no script
    assert "the title of E7" in page.sections["e7"]
    assert not re.search(r"(?<!\\)<script>", text.replace(f"more\n{EVIL}", ""))  # but in the block of code
    for words in ("what", "how much", "A paragraph that tells what the design can't show."):
        assert words in page.sections["e7"]
    assert "```text\n    a formula\n```" in text
    assert "    a formula" in page.sections["e7"]


def test_where_and_how_long(page, text):
    assert "Run it again:" not in page.words
    words = " ".join(page.sections["e7"].split())
    assert "Trainings 3, of which 1 ended early" in words
    assert "Time 5 min of one core, all trainings together" in words
    assert environment()["machine"] in words
    assert environment()["code"] in words
    assert "All 4 trainings of these exhibits took 5 min of one core" in page.words
    assert "All 4 trainings of these exhibits took 5 min of one core" in text
    assert "Time 12.3 s Machine" in " ".join(page.sections["e1"].split())


def test_an_exhibit_whose_trainings_failed(page):
    words = " ".join(page.sections["e9"].split())
    assert "– not run to its end" in words
    assert "Trainings 1; 1 failed with an error: MemoryError: too large" in words
    assert "Time 7.0 s of one core" in words


def test_a_verdict_lost_to_holms_correction(folder, known, monkeypatch):
    known |= {f"E{i}": made_up(f"E{i}", SUPPORTED) for i in range(20, 100)}
    recorded(folder, TRAINED)
    page, text = written(folder)
    for words in (page.sections["e7"].replace("’", "'"), text):
        assert "Alone it would be supported; after Holm's correction it is not." in " ".join(words.split())
    assert "Run it again:" not in page.words  # that is no disagreement with the code
    row = next(row for row in page.tables if row and row[0] == "Claim 0 of E7. (primary)")
    assert row[1:] == ["? inconclusive", "0.083"]


def test_html_and_markdown_are_in_step(page, text):
    def plain(cell):
        return re.sub(r"\\([|*<\[\]\\])", r"\1", cell.strip())

    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|--")]
    rows = [[plain(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rows = [row[1:] if row[0].startswith("[") else row for row in rows if row[0] not in ("Exhibit", "Number")]
    assert rows == [[" ".join(cell.split()) for cell in row] for row in page.tables if row]
    headings = [plain(line.lstrip("#")) for line in text.splitlines() if re.match("#+ ", line)]
    shown = [words.replace("’", "'") for _, words in page.headings if words != "What the paper reports"]
    assert headings == shown
    assert text.count("**What the paper reports.**") == 1
    assert not re.search(r"\n{3}", text)


def test_pictures_in_markdown_are_files(folder, text):
    assert "![" not in text  # since there are none
    Path(folder, "E7", "laptop.png").write_bytes(b"a picture")
    assert re.search(r"!\[The figure of E7.*\]\(E7/laptop\.png\)", written(folder)[1])


def test_links_lead_somewhere_and_nothing_is_fetched(template, page, text):
    assert len(set(page.ids)) == len(page.ids)
    allowed = {"https://arxiv.org/abs/1908.03265", "data:,"}
    for link in page.links:
        assert link in allowed or link.startswith("data:image/png;base64,") or link[1:] in page.ids, link[:50]
    html = (template / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\(|<script|srcset", html)
    anchors = set(re.findall(r'<a id="(.*)"></a>', text))
    assert set(re.findall(r"\]\(#(.*?)\)", text)) == anchors >= {"e1", "e7", "e7-demo"}


def test_headings_and_pictures_can_be_heard(page):
    levels = [int(tag[1]) for tag, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert [image["alt"] for image in page.images] == [
        f"The figure of {name}: the title of {name}. what is seen: loss against step: a line."
        for name in ("E1", "E7", "E7-demo")
    ]


def test_contrast():
    """WCAG: at least 4.5 for text, in both themes."""

    def luminance(colour):
        colour = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    template = Path(report.__file__).with_name("templates") / "report.html"
    themes = re.findall(r":root \{(.*?)\}", template.read_text(encoding="utf-8"), re.DOTALL)
    assert len(themes) == 3  # light, dark, print
    for theme in themes:
        colours = dict(re.findall(r"--([\w-]+): (#\w+)", theme))
        pairs = [(text, ground) for text in ("text", "soft", "link") for ground in ("paper", "box")]
        pairs += [(f"{name}-text", name) for _, name in report.SIGNS.values()]
        for text, ground in pairs:
            low, high = sorted(luminance(colours[name]) for name in (text, ground))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [360, 1200])
def test_in_a_browser(template, tmp_path, width):
    """Nothing but what has a box of its own is wider than the screen, and the pictures are seen."""
    page = (template / "report.html").read_text(encoding="utf-8").replace("&", "&amp;").replace('"', "&quot;")
    (tmp_path / "frame.html").write_text(
        f"""<iframe style="width: {width}px; height: 800px; border: 0" srcdoc="{page}"></iframe><p></p><script>
        onload = () => {{
          const page = document.querySelector("iframe").contentDocument
          const seen = [...page.images].filter(image => image.naturalWidth > 100).length
          document.querySelector("p").textContent = `width ${{page.documentElement.scrollWidth}}, ${{seen}} pictures`
        }}</script>""",
        encoding="utf-8",
    )
    options = (
        "--headless",
        "--no-sandbox",
        "--hide-scrollbars",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
    )
    place = (tmp_path / "frame.html").as_uri()
    done = subprocess.run([CHROMIUM, *options, place], capture_output=True, encoding="utf-8", timeout=120)
    assert f"<p>width {width}, 3 pictures</p>" in done.stdout


# ---- which results


def test_the_largest_scale_that_is_recorded(folder, known):
    recorded(folder, THEORY, "quick")
    assert "Scale laptop" in " ".join(written(folder)[0].sections["e1"].split())
    recorded(folder, THEORY, "paper")
    assert "minirad reproduce E1 --scale paper" in written(folder)[0].sections["e1"]
    recorded(folder, MISSING, "quick")
    assert "Scale quick" in " ".join(written(folder)[0].sections["e10"].split())


def test_other_seeds_than_the_usual_ones(folder):
    recorded(folder, MISSING, seeds=3)
    recorded(folder, MISSING, seeds=2)
    assert "minirad reproduce E10 --scale laptop --seeds 3\n" in written(folder)[0].sections["e10"] + "\n"
    recorded(folder, MISSING)
    assert "--seeds" not in written(folder)[0].sections["e10"]


def test_verdicts_that_the_code_would_not_give(folder, known):
    known["E7"] = replace(TRAINED, claims=made_up("E7", CONTRADICTED, CONTRADICTED, INCONCLUSIVE).claims)
    assert "Run it again:" in written(folder)[0].sections["e7"]
    renamed = replace(TRAINED.claims[1], text="It is worded anew.")
    known["E7"] = replace(TRAINED, claims=(TRAINED.claims[0], renamed, TRAINED.claims[2]))
    page, _ = written(folder)
    assert "Run it again:" in page.sections["e7"]
    assert NOT_RUN in page.sections["e7"]


def test_numbers_of_older_code(folder, known):
    """They can't be drawn: then the picture that lies there is shown, if one does."""

    def fails(numbers):
        raise KeyError("new")

    known["E1"] = replace(THEORY, draw=fails, lines=fails)
    page, _ = written(folder)
    assert [image["alt"][:16] for image in page.images] == ["The figure of E7"] * 2
    (folder / "E1" / "laptop.png").write_bytes(b"a picture")
    page, _ = written(folder)
    assert page.images[0] == {
        "src": "data:image/png;base64,YSBwaWN0dXJl",
        "alt": "The figure of E1: the title of E1.",
    }


def test_another_edition_is_not_seen(folder, known):
    known["E7-demo"] = replace(DEMO, edition=2)
    assert "– not run" in written(folder)[0].sections["e7-demo"]


def test_the_same_bytes_again(folder):
    files = [folder / name for name in ("report.html", "report.md")]
    before = [file.read_bytes() for file in files]
    written(folder)
    assert [file.read_bytes() for file in files] == before


# ---- its pieces


@pytest.mark.parametrize(
    ("x", "text"),
    [(None, "infinite or undefined"), (3, "3"), (-0.00001234, "−1.234e−5"), (1e10, "1e10"), (0.5, "0.5"), (-2, "−2")],
)
def test_number(x, text):
    assert report.number(x) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min"), (3599, "1 h 0 min"), (7260, "2 h 1 min")]
)
def test_time(seconds, text):
    assert report.time(seconds) == text


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity("x", 1.0), ""),
        (Quantity("x", 1.0, -0.5, 2.0, True), "−0.5 to 2"),
        (Quantity("x", 1.0, None, None, True), "none"),  # of a single seed
        (Quantity("x", 1.0, 0.5, None, True), "0.5 to infinite or undefined"),
    ],
)
def test_interval(quantity, text):
    assert report.interval(quantity) == text


def test_intervals():
    numbers = {
        "share a": 0.5,
        "low a": 0.2,
        "high a": 0.8,
        "n": 9,
        "low": 1,
        "share b": 0.1,
        "low b": None,
        "high b": 1,
    }
    assert report_entries.quantities(numbers) == (
        Quantity("share a", 0.5, 0.2, 0.8, True),
        Quantity("n", 9),
        Quantity("low", 1),  # alone it is a number as any other
        Quantity("share b", 0.1, None, 1, True),
    )


@pytest.mark.parametrize("text", ["a | b", "2 * 3 * 4", "x <= 1", "Var[psi]", "a \\ b"])
def test_markdown(text):
    shown = report.markdown(text)
    assert re.sub(r"\\(.)", r"\1", shown) == text
    assert not re.search(r"(?<!\\)[|*<\[]", shown)


# ---- the command line


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def test_as_a_person_uses_it(elsewhere):
    assert minirad_command("reproduce", "E15").returncode == 0
    done = minirad_command("report")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{Path('runs/report.html')} (0.")
    assert lines[1].startswith(f"{Path('runs/report.md')} (")
    assert re.match(
        rf"{len(exhibits())} exhibits from runs: \d+ claims: 1 holds, 1 holds with a correction, \d+ not run", lines[2]
    )
    page, text = (Path("runs", name).read_text(encoding="utf-8") for name in ("report.html", "report.md"))
    assert {"e3", "e15", "e7-demo"} <= set(Page(page).ids)
    assert "(E15/quick.png)" in text


def test_results_that_came_with_a_clone_stay_as_they_are(elsewhere, known, capsys):
    recorded(Path("results"), THEORY)
    Path("results/E1/laptop.png").write_bytes(b"a picture")
    before = sorted(Path("results").rglob("*"))
    cli.main(["report"])
    assert sorted(Path("results").rglob("*")) == before
    assert "(../results/E1/laptop.png)" in Path("runs/report.md").read_text(encoding="utf-8")
    assert "5 exhibits from results: " in capsys.readouterr().out
    recorded(Path("runs"), DEMO)
    cli.main(["report", "--out", "runs"])
    assert "5 exhibits from runs: " in capsys.readouterr().out


def test_help(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["report", "--help"])
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert stop.value.code == 0
    assert "--out FOLDER" in words
    assert "None" not in words


@pytest.fixture
def refused(capsys):
    """Must fail with one line and exit code 2. Gives the line."""

    def call(*args):
        with pytest.raises(SystemExit) as stop:
            cli.main(["report", *args])
        found = capsys.readouterr()
        assert (stop.value.code, found.out) == (2, "")
        assert re.fullmatch(r"minirad: .*\n", found.err)
        return found.err

    return call


def test_no_results(refused, elsewhere):
    assert "runs: there is no such folder; run `minirad reproduce` first" in refused()
    assert refused("--out", "nowhere") == "minirad: nowhere: there is no such folder\n"
    assert not list(Path().iterdir())


def test_foreign_files(refused, folder):
    (result,) = (path for path in (folder / "E1").rglob("*.jsonl"))
    (failure,) = folder.rglob("*.failed.json")
    for path in (result, failure, folder / "verdicts.jsonl"):
        before = path.read_bytes()
        path.write_text("a shopping list\n")
        assert str(path) in refused("--out", str(folder))
        assert path.read_text() == "a shopping list\n"
        path.write_bytes(before)


@pytest.mark.parametrize("package", ["jinja2", "matplotlib", "scipy"])
def test_without_a_package(refused, monkeypatch, folder, package):
    monkeypatch.setitem(sys.modules, package, None)
    assert f"{package} is not installed: it is in minirad[lab]" in refused("--out", str(folder))
