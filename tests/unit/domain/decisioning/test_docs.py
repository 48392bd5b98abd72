"""docs/policies.md tells what the code does."""

import json
import re
from pathlib import Path

from pydantic import TypeAdapter

from orchestrator.domain.decisioning import FACTS
from orchestrator.domain.decisioning.conditions import Node, leaves
from orchestrator.domain.decisioning.documents import parse
from orchestrator.domain.decisioning.schemas import KINDS
from orchestrator.domain.decisioning.texts import PLACEHOLDERS
from orchestrator.domain.intent import EVIDENCE

PAGE = (Path(__file__).parents[4] / "docs" / "policies.md").read_text("utf-8")


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_tables_are_complete() -> None:
    """Every kind, fact, placeholder and line of evidence has its row."""
    for kind in KINDS:
        assert f"| `{kind.__name__}` |" in PAGE
    for name, fact in FACTS.items():
        assert f"| `{name}` | {fact.type} | {fact.description} |" in PAGE
    for name, placeholder in PLACEHOLDERS.items():
        assert f"| `${name}` | {placeholder.description} |" in PAGE
    for row in EVIDENCE:
        weights = ", ".join(f"{name} {weight:g}" for name, weight in row.weights.items())
        assert f"| `{row.signal}` | {row.free:g} | {row.half:g} | {weights} |" in PAGE


def test_the_example_of_a_condition_reads() -> None:
    """It is a tree of four leaves."""
    document = parse(("policies.md", _block("yaml")))[0].data
    node = TypeAdapter[Node](Node).validate_json(json.dumps(document))
    assert len(list(leaves(node))) == 4


def test_the_recipe_of_a_draw_runs() -> None:
    """Its own assertion holds."""
    exec(compile(_block("python"), "policies.md", "exec"), {})  # noqa: S102 - our own page
