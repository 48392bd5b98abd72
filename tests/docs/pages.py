"""The pages of the documentation and what is in them: blocks of code, links, headings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r"^(?P<fence>`{3,})(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=fence)\s*$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"<!-- (?P<kind>\w+): (?P<value>[^\n]+?) -->\n\Z")
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_INLINE = re.compile(r"`(?P<text>[^`\n]+)`")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)


class Block(NamedTuple):
    """One fenced block."""

    page: str
    line: int
    language: str
    text: str
    mark: tuple[str, str]
    """Kind and value of the comment before it, e.g. ("message", "feedback"); empty without one."""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page a reader may open."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")]
    return [*top, *sorted((ROOT / "docs").rglob("*.md"))]


def blocks() -> Iterator[Block]:
    """Every fenced block of every page."""
    for page in pages():
        text = page.read_text()
        for found in _FENCE.finditer(text):
            mark = _MARK.search(text, 0, found.start())
            yield Block(
                str(page.relative_to(ROOT)),
                text.count("\n", 0, found.start()) + 1,
                found["language"],
                found["text"],
                (mark["kind"], mark["value"]) if mark else ("", ""),
            )


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Targets of a page's links and images."""
    return [found["target"] for found in _LINK.finditer(prose(page))]


def inline(page: Path) -> list[str]:
    """Pieces of code within the prose."""
    return [found["text"] for found in _INLINE.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    found = set()
    for heading in _HEADING.finditer(prose(page)):
        words = re.sub(r"[^\w\- ]", "", heading["text"].lower())
        found.add(words.strip().replace(" ", "-"))
    return found
