"""Streams of one person over all topics, for laws of the journey."""

from typing import Any

from hypothesis import strategies as st

from orchestrator.types import Payload
from tests.builders import at_ms, encoded
from tests.component.processors.journey.rig import Story
from tests.strategies import click_streams, messages

WITHIN_S = 7_200
SESSIONS = (None, "s-1", "s-2")
COMMERCE = (
    "product_viewed",
    "product_added",
    "product_removed",
    "cart_viewed",
    "checkout_started",
    "checkout_step_viewed",
    "payment_failed",
    "coupon_denied",
    "exit_intended",
    "section_dwelled",
    "order_completed",
    "page_viewed",
)
"""What makes decisions due, and what ends them."""

clicks = click_streams(within_s=WITHIN_S, sessions=SESSIONS, max_size=25)
busy = click_streams(types=COMMERCE, within_s=WITHIN_S, sessions=SESSIONS, min_size=5, max_size=40)


def _of_one_person(topic: str) -> st.SearchStrategy[tuple[str, Payload]]:
    def placed(message: Payload, at: int, number: int) -> tuple[str, Payload]:
        own = {"profile_id": "p-1", "time_ms": at_ms(at), "id": f"{topic}-{number}"}
        return topic, {**message, **own}

    return st.builds(placed, messages(topic), st.integers(0, WITHIN_S), st.integers(0, 10**6))


others = st.lists(
    st.one_of(*map(_of_one_person, ("orders", "feedback", "profiles", "identities"))), max_size=8
)
"""Messages of the other topics, whatever their models allow."""


@st.composite
def histories(draw: Any) -> list[tuple[str, Payload]]:
    """Clicks and the rest, nearly in the order of time; some records come twice."""
    told = [("clickstream", click) for click in draw(busy | clicks)]
    told += draw(others)
    delays = draw(st.lists(st.integers(0, 120_000), min_size=len(told), max_size=len(told)))
    order = sorted(range(len(told)), key=lambda at: (told[at][1]["time_ms"] + delays[at], at))
    history = [told[at] for at in order]
    for at in draw(st.lists(st.integers(0, len(history) - 1), max_size=4)):
        history.append(history[at])
    return history


def read(story: Story, history: list[tuple[str, Payload]]) -> None:
    """Tell a history."""
    for topic, message in history:
        story.tell_raw(topic, message["profile_id"], encoded(message))
