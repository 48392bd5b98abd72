"""The builders give what the wire takes."""

import pytest

from orchestrator.messages.clickstream import COMMERCE, MARKERS, MICRO_SIGNALS
from orchestrator.messages.family import type_of
from tests.builders import click, decoded, feedback, identity, order, profile, records

TYPES = [type_of(model) for model in COMMERCE + MICRO_SIGNALS + MARKERS]


@pytest.mark.parametrize("kind", TYPES)
def test_a_click_of_each_type_decodes(kind: str) -> None:
    """`click(type)` needs nothing more to be valid, and says its type."""
    struct = decoded(click(kind, at=5))
    assert struct.type == kind
    assert struct.profile_id == "p-1"


def test_other_topics_decode() -> None:
    """The builders of the other input topics are valid as they stand."""
    assert decoded(order(), "orders").total_cents == 4990
    assert decoded(profile(), "profiles").consent.email is True
    assert decoded(feedback(), "feedback").channel == "onsite"
    assert decoded(identity(also_known_as=("a",)), "identities").also_known_as == ["a"]


def test_same_call_same_event() -> None:
    """An event's id derives from what it says; other times and sessions give other ids."""
    calls = [
        click(at=1),
        click(at=1),
        click(at=1234567.001),
        click(at=1234567.002),
        click(session="s"),
    ]
    assert len({call["id"] for call in calls}) == 4
    assert [entry.offset for entry in records(calls)] == [0, 1, 2, 3, 4]
