"""Pages that tell of code agree with it; what is generated is what `make docs` would write."""

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import orchestrator
from docs import generate
from orchestrator.errors import OrchestratorError
from orchestrator.messages.decisions import DecisionMade
from orchestrator.messages.topics import TOPICS
from orchestrator.runtimes.worker.metrics import METRICS
from orchestrator.wiring import policies
from tests.docs.pages import ROOT, anchors, pages

DOCS = ROOT / "docs"
EXAMPLE_PAGES = [page for page in generate.hand_written() if "<!-- " in page.read_text()]


def error_classes() -> Iterator[type[OrchestratorError]]:
    """Root and all subclasses, wherever they are."""
    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting: list[type[OrchestratorError]] = [OrchestratorError]
    while waiting:
        found = waiting.pop()
        if found.__module__.startswith("orchestrator."):
            yield found
        waiting += found.__subclasses__()


ERRORS = sorted(error_classes(), key=lambda found: found.code)


def test_error_codes_are_unique() -> None:
    """A code means one thing."""
    assert [code for code, times in Counter(one.code for one in ERRORS).items() if times > 1] == []


def test_errors_page_tells_of_every_error() -> None:
    """docs/errors.md: a row per class with code, name, exit status, meaning and a way out."""
    rows = re.findall(
        r"^\| `(E\d+)` \| `(\w+)` \| (\d+) \| (.+?) \| (.+) \|$",
        (DOCS / "errors.md").read_text(),
        re.MULTILINE,
    )
    told = [(code, name, int(status), meaning) for code, name, status, meaning, _ in rows]
    assert told == [
        (one.code, one.__name__, one.exit_status, (one.__doc__ or "").split("\n")[0])
        for one in ERRORS
    ]


def test_exit_codes_are_told() -> None:
    """Every exit status of an error stands in the table of exit codes."""
    told = set(re.findall(r"^\| (\d+) \|", (DOCS / "errors.md").read_text(), re.MULTILINE))
    assert {str(one.exit_status) for one in ERRORS} <= told


@pytest.mark.parametrize("path", ["docs/topics.md", "docs/signals.md", "docs/metrics.md"])
def test_generated_page_is_current(path: str) -> None:
    """Else: make docs."""
    assert (ROOT / path).read_text() == generate.PAGES[path](), "run: make docs"


@pytest.mark.parametrize("page", EXAMPLE_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_filled_blocks_are_current(page: Path) -> None:
    """Outputs, files and figures in a page are those of now. Else: make docs."""
    assert page.read_text() == generate.filled(page.read_text()), "run: make docs"


def test_picture_shows_the_decision_of_now() -> None:
    """The picture of `explain` is of the decision that the example leads to. Else: make docs."""
    command, told = generate.explained()
    decision_id = command.split()[2]
    text = (DOCS / "images" / "explain.svg").read_text().replace("&#160;", " ")
    assert decision_id in text, "run: make docs"
    assert told.split("\n")[0] in text, "run: make docs"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_versions_of_the_shipped_policies_are_those_of_now(page: Path) -> None:
    """As `orchestrator policy check` prints it."""
    shipped = policies()
    told = re.findall(rf"{shipped.engagement.name}@sha256:\w+", page.read_text())
    assert set(told) <= {shipped.version}


@pytest.mark.parametrize("name", METRICS)
def test_runbook_tells_what_to_do(name: str) -> None:
    """Every metric is spoken of in the runbook."""
    assert re.search(rf"\b{name}\b|_{name}(_total)?\b", (DOCS / "runbook.md").read_text())


def test_contract_names_every_event_and_topic() -> None:
    """docs/contracts.md: each event of the clickstream, each topic that others meet."""
    text = (DOCS / "contracts.md").read_text()
    family = TOPICS["clickstream"].family
    assert family is not None
    public = [
        name for name in TOPICS if not name.startswith("orchestrator.") and name != "policies"
    ]
    assert [name for name in (*family.by_type, *public) if f"`{name}`" not in text] == []


def test_contract_names_every_property_of_every_event() -> None:
    """The table of events: the properties of each event, the required ones in bold, no others."""
    family = TOPICS["clickstream"].family
    assert family is not None
    table = (DOCS / "contracts.md").read_text().partition("| event |")[2].partition("\n\n")[0]
    told: dict[str, str] = {}
    for events, properties in re.findall(r"^\| (`.+?) \| (.+) \|$", table, re.MULTILINE):
        for event in re.findall(r"`(\w+)`", events):
            told[event] = properties
    told["product_removed"] = told["product_added"] = told["product_viewed"] + told[
        "product_added"
    ].removeprefix("the same and")
    for kind, model in family.by_type.items():
        fields = model.model_fields["properties"].annotation.model_fields  # type: ignore[union-attr]
        named = set(re.findall(r"`(\w+)`", told[kind])) - {"quantity"}
        own = set(fields) - {"quantity"}
        assert own <= named, kind
        required = {name for name, field in fields.items() if field.is_required()}
        assert required <= set(re.findall(r"\*\*`(\w+)`\*\*", told[kind])), kind


def test_contract_names_every_field_of_the_ledger() -> None:
    """The ledger's table has every field of an entry."""
    section = (DOCS / "contracts.md").read_text().partition("the ledger\n")[2]
    ledger = section.partition("\n## ")[0]
    assert [
        name for name in DecisionMade.model_fields if f"`{name}`" not in ledger + "`type`"
    ] == []


def test_contract_names_every_reason_of_a_dead_letter() -> None:
    """Reasons that the code gives stand in the table, and no others."""
    used: set[str] = set()
    for path in (ROOT / "orchestrator").rglob("*.py"):
        used |= set(re.findall(r'(?:InvalidRecord|Rejected)\(\s*"(\w+)"', path.read_text()))
    section = (DOCS / "contracts.md").read_text().partition("## Dead letters")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == used
    assert "dead-letters" in anchors(DOCS / "contracts.md")


def test_readme_explains_a_command_that_it_shows() -> None:
    """The id given to `explain` stands in the output above it, so that one can follow."""
    page = (ROOT / "README.md").read_text()
    ids = re.findall(r"orchestrator explain (cmd-\w+)", page)
    assert ids
    assert [one for one in ids if f"intervention_issued {one} " not in page] == []
