"""references.bib and the chapters' further reading name the same works, with the same years and numbers."""

import re
from pathlib import Path

import pytest
from pybtex.database import parse_file

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"
ENTRIES = parse_file(str(CHAPTERS / "references.bib")).entries
SECTION = re.compile(r"^## Further reading\n(.*?)(?=^## |^\*\*Next|\Z)", re.M | re.S)
REPOSITORY = re.compile(r"github\.com/[\w-]+/\w+")


def plain(title):
    """For comparing: lower case, without braces, and without the full stop inside the italics."""
    return re.sub(r"[{}]", "", " ".join(title.split())).lower().rstrip(".")


def plain_name(person):
    return re.sub(r"[{}]", "", " ".join(person.prelast_names + person.last_names))


BY_TITLE = {plain(entry.fields["title"]): entry for entry in ENTRIES.values() if "year" in entry.fields}
BY_URL = {entry.fields["url"].removeprefix("https://"): entry for entry in ENTRIES.values() if "url" in entry.fields}


def works():
    """Each item of each list, with its chapter."""
    for path in sorted(CHAPTERS.glob("*.md")):
        for section in SECTION.findall(path.read_text(encoding="utf-8")):
            for item in re.findall(r"^\* (.*?)(?=^\* |\n\n|\Z)", section, re.M | re.S):
                yield path.name, " ".join(item.split())


def titles(item):
    return [plain(title) for title in re.findall(r"(?<![*\w])\*([^*]+)\*", item)]


WORKS = [pytest.param(item, id=f"{chapter[:2]}: {item[:40]}") for chapter, item in works()]


@pytest.mark.parametrize("item", WORKS)
def test_a_work_under_further_reading_is_in_the_bib(item):
    found, repositories = titles(item), REPOSITORY.findall(item)
    assert found or repositories, "give the title in italics, or a repository as github.com/owner/name"
    for title in found:
        assert title in BY_TITLE, f"not in references.bib: {title}"
        entry = BY_TITLE[title]
        assert entry.fields["year"] in item
        names = [plain_name(person) for person in entry.persons["author"]]
        assert names[0] in item
        assert names[-1] in item or "others" in item
    for repository in repositories:
        assert repository in BY_URL, f"not in references.bib: {repository}"


@pytest.mark.parametrize("item", WORKS)
def test_its_numbers_are_those_of_the_bib(item):
    fields = [BY_TITLE[title].fields for title in titles(item) if title in BY_TITLE]
    for number in re.findall(r"arXiv[: ](\d{4}\.\d{4,5})", item):
        assert number in [own.get("eprint") for own in fields]
    for doi in re.findall(r"doi:? ?(10\.\S+?)[.,]?(?=\s|$)", item):
        assert doi in [own.get("doi") for own in fields]
    for pages in re.findall(r"\d+–\d+", item):
        assert any(pages.replace("–", "--") in own.get("pages", "") for own in fields)


def test_nothing_in_the_bib_is_named_nowhere():
    named = {name for _, item in works() for name in [*titles(item), *REPOSITORY.findall(item)]}
    of_entry = {key: {plain(own.fields["title"]), own.fields.get("url", "")[8:]} for key, own in ENTRIES.items()}
    assert [key for key, names in of_entry.items() if not names & named] == []


def test_keys_and_fields():
    for key, entry in ENTRIES.items():
        assert entry.persons["author"], key
        if "year" in entry.fields:
            assert key.endswith(entry.fields["year"]) or key[-1].isalpha(), key
        assert not entry.fields.get("doi", "").startswith("http"), key
        assert ("eprint" in entry.fields) == (entry.fields.get("archiveprefix") == "arXiv"), key
    assert list(ENTRIES) == sorted(ENTRIES)
    dois = [entry.fields["doi"] for entry in ENTRIES.values() if "doi" in entry.fields]
    assert len(dois) == len(set(dois))
