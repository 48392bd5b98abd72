"""No reminder after a purchase: whatever the order of arrival, the topic, the delay, a restart."""

from typing import NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from orchestrator.types import Payload
from tests.builders import at_ms, click, order
from tests.component.processors.journey.rig import (
    DAY,
    HOUR,
    MINUTE,
    Story,
    cart,
    reachable,
)

REMINDERS = ("cart_reminder", "push_reminder")
END_S = 3 * DAY


class Told(NamedTuple):
    """An order message on its way."""

    arrives_s: int
    """When it is read."""
    lag_s: int
    """How long after it happened."""
    topic: str
    session: str | None
    order_id: str
    kind: str

    @property
    def message(self) -> Payload:
        at = self.arrives_s - self.lag_s
        name = f"{self.topic}/{self.order_id}/{self.kind}"
        if self.topic == "orders":
            return order(
                self.kind, at, order_id=self.order_id, session_id=self.session, id=f"{name}/{at}"
            )
        return click(
            "order_completed", at, session=self.session, order_id=self.order_id, id=f"{name}/{at}"
        )


orders = st.builds(
    Told,
    arrives_s=st.one_of(
        st.integers(-HOUR, 2 * MINUTE),
        st.integers(2 * MINUTE, 2 * HOUR),
        st.integers(2 * HOUR, 2 * DAY),
    ),
    lag_s=st.sampled_from([0, 0, 5, 59, 61, 10 * MINUTE, 40 * MINUTE, 3 * HOUR, 23 * HOUR]),
    topic=st.sampled_from(["clickstream", "orders"]),
    session=st.sampled_from(["s-1", None, "s-9", "elsewhere"]),
    order_id=st.sampled_from(["o-1", "o-1", "o-2"]),
    kind=st.sampled_from(["order_placed", "order_paid", "order_shipped"]),
).filter(lambda told: told.arrives_s - told.lag_s > -HOUR)


def abandoned() -> list[tuple[float, Payload]]:
    """A session with a cart that nobody goes on with, and when each event arrives."""
    return [((message["time_ms"] - at_ms(0)) / 1000, message) for message in cart()]


def outstanding(story: Story) -> dict[str, Payload]:
    """Reminders that could still be delivered by the partition's time."""
    now_ms = story.fold.runners[0].clock.now_ms
    gone = {one["id"] for one in story.values("intervention_revoked")}
    return {
        one["id"]: one
        for one in story.sent(*REMINDERS)
        if one["id"] not in gone and one["expires_at_ms"] > now_ms
    }


@settings(max_examples=60)
@given(
    told=st.lists(orders, min_size=1, max_size=4),
    looks=st.lists(st.integers(0, 2 * DAY), max_size=3),
    restarts=st.sets(st.integers(0, 9), max_size=3),
)
def test_a_reminder_after_a_purchase_is_impossible(
    told: list[Told], looks: list[int], restarts: set[int]
) -> None:
    """Once an order is known no reminder is sent, and one that is out is revoked at once.

    Orders come early, in the session, after it closed, late, twice, by either topic or both; the
    shopper may look in again; the process may die between any two records.
    """
    steps: list[tuple[float, Payload, Told | None]] = [
        (at, message, None) for at, message in abandoned()
    ]
    steps += [(one.arrives_s, one.message, one) for one in told]
    steps += [(at, click("page_viewed", at, session="s-8"), None) for at in looks]
    story = Story()
    story.tell(reachable(at=-2 * DAY))
    known = False
    for number, (at, message, purchase) in enumerate(sorted(steps, key=lambda step: step[0])):
        if number in restarts:
            story.restart()
        before = len(story.sent(*REMINDERS))
        story.until(at)
        assert not known or len(story.sent(*REMINDERS)) == before, "reminded after the purchase"
        held = outstanding(story)
        story.tell(message)
        if purchase is not None:
            event(f"{purchase.topic}, {len(held)} reminders out")
            happened_ms = message["time_ms"]
            due = {one for one, row in held.items() if row["expires_at_ms"] > happened_ms}
            assert not due & outstanding(story).keys(), "a reminder outlived the purchase"
            known = True
    before = len(story.sent(*REMINDERS))
    story.until(END_S)
    assert len(story.sent(*REMINDERS)) == before, "reminded after the purchase"
    revoked = [one["id"] for one in story.values("intervention_revoked")]
    assert len(revoked) == len(set(revoked))


@pytest.mark.parametrize("restarts", [False, True])
def test_a_cart_left_behind_is_reminded_of(*, restarts: bool) -> None:
    """Nothing bought, consent given, daytime: one e-mail after an hour, one push the next day."""
    story = Story()
    story.tell(reachable(), *cart())
    if restarts:
        story.until(40 * MINUTE)
        story.restart()
    story.until(END_S)
    sent = {command["action"]: command for command in story.sent(*REMINDERS)}
    assert sent.keys() == set(REMINDERS)
    assert sent["cart_reminder"]["time_ms"] == at_ms(40 + HOUR + MINUTE)
    assert sent["push_reminder"]["time_ms"] == at_ms(40 + DAY + MINUTE)
    assert sent["cart_reminder"]["channel"] == "email"
    assert "89.90" in sent["cart_reminder"]["content"]["body"].replace(",", ".")


@pytest.mark.parametrize("before_ms", [0, 1, 500])
def test_an_order_in_the_moment_a_reminder_is_due_comes_first(before_ms: int) -> None:
    """As a session's end, a reminder waits out the lateness: what was bought by then counts."""
    story = Story()
    story.tell(reachable(), *cart())
    due_s = 40 + HOUR
    story.tell(click("page_viewed", due_s + 30, "somebody-else", "s-77"))
    story.tell(order("order_placed", due_s - before_ms / 1000, order_id="o-1"))
    story.until(END_S)
    assert story.sent(*REMINDERS) == []


def test_a_reminder_respects_the_night_of_the_shopper() -> None:
    """T0 is the afternoon in Berlin and late evening in Tokyo."""
    story = Story()
    story.tell(reachable(time_zone="Asia/Tokyo"), *cart())
    story.until(2 * HOUR)
    assert story.sent("cart_reminder") == []
    entry = next(
        row
        for row in story.values("decision_made")
        if row["trigger"].get("timer") == "cart_reminder"
    )
    refused = {row["action"]: row["refused_by"] for row in entry["candidates"]}
    assert refused["cart_reminder"] == "quiet_hours"


def test_without_consent_nobody_writes() -> None:
    """E-mail refused, push allowed: only the push message goes out."""
    story = Story()
    story.tell(reachable(consent={"email": False, "push": True}), *cart())
    story.until(END_S)
    assert [command["action"] for command in story.sent(*REMINDERS)] == ["push_reminder"]


def test_consent_withdrawn_between_cart_and_reminder_stops_it() -> None:
    """What counts is the consent at the time of sending."""
    story = Story()
    story.tell(reachable(), *cart())
    story.until(45 * MINUTE)
    story.tell(reachable(at=50 * MINUTE, consent={"email": False, "push": False}))
    story.until(END_S)
    assert story.sent(*REMINDERS) == []


@pytest.mark.parametrize("session", ["s-1", "s-2"])
def test_who_empties_the_cart_is_not_reminded_of_it(session: str) -> None:
    """Also where it is emptied in a later session than it was filled in."""
    at = 60 if session == "s-1" else 90 * MINUTE
    story = Story()
    story.tell(reachable(), *cart())
    story.until(at)
    story.tell(click("product_removed", at, session=session))
    story.until(END_S)
    late = [command for command in story.sent(*REMINDERS) if command["time_ms"] > at_ms(at)]
    assert late == []


@pytest.mark.parametrize(
    "emptying",
    [
        click("product_removed", 20 * MINUTE, session="s-2"),
        click("cart_viewed", 20 * MINUTE, session="s-2", cart_value_cents=0, items_count=0),
    ],
)
def test_a_cart_emptied_in_another_tab_is_not_reminded_of(emptying: Payload) -> None:
    """Whichever of the two sessions ends first."""
    story = Story()
    story.tell(reachable(), *cart(), emptying, click("page_viewed", 25 * MINUTE, session="s-1"))
    story.until(END_S)
    assert story.sent(*REMINDERS) == []


def test_who_swaps_a_variant_is_reminded_of_the_cart() -> None:
    """Out with one and in with the other within a millisecond leaves no empty cart."""
    story = Story()
    story.tell(reachable(), *cart(), click("product_removed", 50, session="s-1"))
    story.tell(click("product_added", 50, session="s-1", product_id="p-2"))
    story.until(2 * HOUR)
    assert "cart_reminder" in [command["action"] for command in story.sent(*REMINDERS)]


def test_a_cart_filled_again_in_another_tab_is_reminded_of() -> None:
    """What counts is what the shopper's cart held last."""
    story = Story()
    story.tell(reachable(), *cart(), click("product_removed", 5 * MINUTE, session="s-2"))
    story.tell(click("product_added", 6 * MINUTE, session="s-2"))
    story.until(END_S)
    assert "cart_reminder" in [command["action"] for command in story.sent(*REMINDERS)]


def test_who_is_back_in_the_shop_needs_no_reminder() -> None:
    """A shopper who came back before the hour is over is not written to."""
    story = Story()
    story.tell(reachable(), *cart())
    story.until(55 * MINUTE)
    story.tell(click("page_viewed", 55 * MINUTE, session="s-2"))
    story.until(70 * MINUTE)
    assert story.sent("cart_reminder") == []


def test_an_order_of_last_week_does_not_stop_a_reminder() -> None:
    """Only a purchase about now makes it pointless."""
    story = Story()
    story.tell(reachable(at=-8 * DAY), order("order_placed", -7 * DAY, order_id="o-0"))
    story.tell(*cart())
    story.until(2 * HOUR)
    assert [command["action"] for command in story.sent(*REMINDERS)] == ["cart_reminder"]
