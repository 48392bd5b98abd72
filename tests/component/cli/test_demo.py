"""What the demo tells, and in which words."""

from typing import Any

import pytest

from orchestrator.cli.demo import Story
from tests.component.cli.test_commands import LOYAL, rows, run


def told(capsys: pytest.CaptureFixture[str], **changes: Any) -> list[str]:
    """The lines about a session's first command and its revocation."""
    story = Story(as_json=False)
    values = rows(run("decide", "--session", LOYAL, "--json"))
    command = next(one for one in values if one["type"] == "intervention_issued") | changes
    (entry,) = [one for one in values if one.get("command_id") == command["id"]]
    story.tell("decisions", entry)
    story.tell("interventions.onsite", command)
    revoked = {"type": "intervention_revoked", "reason": "order_completed"}
    story.tell("interventions.onsite", command | revoked)
    return capsys.readouterr().out.splitlines()


def test_a_revocation_names_the_session_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    """As the line about the command does, so that one finds it."""
    headline, content, revocation = told(capsys)
    session = headline.split()[0]
    assert content.strip().startswith("onsite: ")
    assert revocation == f"    {session}: order completed -> revoked: social proof"


def test_a_command_without_words_names_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """A changed ranking has no headline."""
    _, content, _ = told(capsys, content={"headline": None}, placement="product_list")
    assert content.strip() == "onsite: product list"
