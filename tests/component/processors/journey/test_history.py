"""History that comes into a log whose time is already further on."""

import pytest

from tests.builders import click, order
from tests.component.processors.journey.rig import DAY, HOUR, Story, cart


def test_an_old_session_in_a_log_that_is_further_on_is_one_session() -> None:
    """Its events are older than the partition's time, and still fold into one session."""
    story = Story()
    story.tell(click("page_viewed", at=2 * DAY, profile="p-today"))
    story.tell(
        *(
            click("product_viewed", at=60 * n, profile="p-old", product_id=f"p-{n}")
            for n in range(5)
        )
    )
    story.tell(click("page_viewed", at=3 * DAY, profile="p-today"))
    closed = [
        emit.value
        for emit in story.emits
        if emit.topic == "sessions" and emit.value and emit.value["profile_id"] == "p-old"
    ]
    assert [row["events_count"] for row in closed] == [5]
    assert not story.fold.dead_letters


def test_an_order_belongs_to_the_session_it_was_placed_in() -> None:
    """Without session ids a profile's sessions share a name; an order is counted in one of them."""
    story = Story()
    story.tell(
        click("page_viewed", 0),
        click("order_completed", 60, order_id="o-1", total_cents=4_990, currency="EUR"),
        click("product_added", DAY, product_id="x", price_cents=4_990, cart_value_cents=4_990),
        click("page_viewed", 2 * DAY),
    )
    story.until(3 * DAY)
    found = [(row["outcome"], row["order_ids"]) for row in story.values("session_closed")]
    assert found == [("purchased", ["o-1"]), ("abandoned", []), ("browsed", [])]


@pytest.mark.parametrize("names", [None, "never-seen"])
def test_an_order_that_names_no_session_is_counted_in_one(names: str | None) -> None:
    """In the one that came furthest, and not in each that was open when it was placed."""
    story = Story()
    story.tell(*cart(0), click("page_viewed", 50, session="s-2"))
    story.tell(order("order_placed", 60, session_id=names))
    story.until(2 * HOUR)
    found = {row["session_id"]: row["order_ids"] for row in story.values("session_closed")}
    assert found == {"s-1": ["o-1"], "s-2": []}


def test_an_order_told_first_by_the_order_system_is_counted_once() -> None:
    """Where it was completed, although it named no session and another was open."""
    story = Story()
    story.tell(*cart(0), click("page_viewed", 50, session="s-2"), order("order_placed", 60))
    story.tell(click("order_completed", 61, session="s-1"))
    story.until(2 * HOUR)
    found = {row["session_id"]: row["order_ids"] for row in story.values("session_closed")}
    assert found == {"s-1": ["o-1"], "s-2": []}


def test_a_purchase_reads_alike_whichever_topic_told_it() -> None:
    """Its stage is the last one and nothing is left in the cart."""
    told = []
    for message in (order("order_placed", 60), click("order_completed", 60, session="s-1")):
        story = Story()
        story.tell(*cart(0), message)
        story.until(2 * HOUR)
        (row,) = story.values("session_closed")
        told.append((row["outcome"], row["stage_reached"], row["cart_value_cents"]))
    assert told == [("purchased", "purchased", 0)] * 2


def test_a_session_that_comes_back_after_the_person_was_forgotten_has_an_id_of_its_own() -> None:
    """After the retention a name begins anew; the message's id does not repeat."""
    story = Story()
    story.tell(click("page_viewed", 0))
    story.until(100 * DAY)
    story.tell(click("page_viewed", 101 * DAY))
    story.until(102 * DAY)
    rows = story.values("session_closed")
    assert [row["session_id"] for row in rows] == ["p-1", "p-1"]
    assert len({row["id"] for row in rows}) == 2
