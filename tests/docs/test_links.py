"""Links within the repository lead somewhere; pictures need nothing from elsewhere."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.docs.pages import ROOT, anchors, links, pages

PICTURES = sorted((ROOT / "docs" / "images").glob("*.svg"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_internal_links_exist(page: Path) -> None:
    """A relative link names a file or folder that is there, and a heading in it."""
    broken = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_pictures_stand_alone(picture: Path) -> None:
    """An SVG is well formed and fetches nothing: no font, style or image from another host."""
    text = picture.read_text()
    assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314 - our own file
    assert set(re.findall(r"https?://[^\"')\s]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_every_page_can_be_reached() -> None:
    """From the README one gets to every page of docs/."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        for target in links(page):
            place = (page.parent / target.partition("#")[0]).resolve()
            waiting.append(place / "README.md" if place.is_dir() else place)
    assert {page for page in pages() if page.is_relative_to(ROOT / "docs")} <= reached
