"""What revokes a command: each reason once, never after it expired, also across a restart."""

from collections.abc import Callable

import pytest

from tests.builders import at_ms, click, feedback, order
from tests.component.processors.journey.rig import (
    DAY,
    HOUR,
    MINUTE,
    Story,
    cart,
    of,
    reachable,
)


def helped() -> Story:
    """A shopper whose payment failed and who holds an on-site command."""
    story = Story()
    story.tell(reachable(), *cart())
    story.tell(click("payment_failed", 60, session="s-1", reason="declined"))
    assert story.sent()[-1]["action"] == "payment_help"
    return story


def reminded() -> Story:
    """A shopper who abandoned a cart and holds a reminder by e-mail."""
    story = Story()
    story.tell(reachable(), *cart())
    story.until(2 * HOUR)
    assert [command["channel"] for command in story.sent("cart_reminder")] == ["email"]
    return story


REASONS: dict[str, tuple[Callable[[], Story], str, list[dict[str, object]]]] = {
    "order in the clickstream": (
        helped,
        "order_completed",
        [click("order_completed", 90, session="s-1")],
    ),
    "order in orders": (helped, "order_completed", [order("order_placed", 90)]),
    "order paid, its placing unseen": (helped, "order_completed", [order("order_paid", 90)]),
    "cart emptied": (helped, "cart_emptied", [click("product_removed", 90, session="s-1")]),
    "cart seen empty": (
        helped,
        "cart_emptied",
        [click("cart_viewed", 90, session="s-1", cart_value_cents=0, items_count=0)],
    ),
    "cart without pieces": (
        helped,
        "cart_emptied",
        [click("cart_viewed", 90, session="s-1", items_count=0)],
    ),
    "step of the checkout without a cart": (
        helped,
        "cart_emptied",
        [click("checkout_step_viewed", 90, session="s-1", cart_value_cents=0)],
    ),
    "cart emptied in another tab": (
        helped,
        "cart_emptied",
        [click("product_removed", 90, session="s-2")],
    ),
    "on-site consent withdrawn": (
        helped,
        "consent_withdrawn",
        [reachable(at=90, consent={"onsite": False})],
    ),
    "reminder, order in the clickstream": (
        reminded,
        "order_completed",
        [click("order_completed", 3 * HOUR, session="s-2")],
    ),
    "reminder, order in orders": (
        reminded,
        "order_completed",
        [order("order_placed", 3 * HOUR)],
    ),
    "reminder, cart emptied in a later session": (
        reminded,
        "cart_emptied",
        [click("product_removed", 3 * HOUR, session="s-2")],
    ),
    "reminder, cart seen empty in a later session": (
        reminded,
        "cart_emptied",
        [click("cart_viewed", 3 * HOUR, session="s-2", cart_value_cents=0, items_count=0)],
    ),
    "reminder, consent no longer named": (
        reminded,
        "consent_withdrawn",
        [reachable(at=3 * HOUR, consent={"onsite": True})],
    ),
    "reminder, consent withdrawn": (
        reminded,
        "consent_withdrawn",
        [reachable(at=3 * HOUR, consent={"email": False})],
    ),
    "reminder, unsubscribed": (
        reminded,
        "consent_withdrawn",
        [feedback("unsubscribed", 3 * HOUR, channel="email")],
    ),
    "reminder, unsubscribed from e-mail elsewhere": (
        reminded,
        "consent_withdrawn",
        [feedback("unsubscribed", 3 * HOUR, channel=None, purpose="email", command_id=None)],
    ),
}


@pytest.mark.parametrize("name", REASONS)
@pytest.mark.parametrize("restarts", [False, True])
def test_each_reason_revokes_once(name: str, *, restarts: bool) -> None:
    """The command is revoked under its own id on its own topic; a second reason adds nothing."""
    given, reason, messages = REASONS[name]
    story = given()
    if restarts:
        story.restart()
    last = story.sent()[-1]
    emits = story.tell(*messages)
    revoked = [one for one in of(emits, "intervention_revoked") if one["id"] == last["id"]]
    assert [one["reason"] for one in revoked] == [reason]
    assert reason in last["cancel_on"]
    assert {emit.topic for emit in emits if emit.value in revoked} == {
        f"interventions.{last['channel']}"
    }
    again = story.tell(*[{**message, "id": f"again-{message['id']}"} for message in messages])
    story.tell(order("order_paid", 4 * HOUR), click("order_completed", 4 * HOUR, session="s-3"))
    assert of(again, "intervention_revoked") == []
    ids = [one["id"] for one in story.values("intervention_revoked")]
    assert ids.count(last["id"]) == 1


def test_nothing_is_revoked_after_it_expired() -> None:
    """What happens after a command's expiry leaves it alone."""
    story = helped()
    command = story.sent()[-1]
    late_s = (command["expires_at_ms"] - at_ms(0)) / 1000
    emits = story.tell(order("order_placed", late_s), click("order_completed", late_s + 1))
    assert command["id"] not in {one["id"] for one in of(emits, "intervention_revoked")}


def test_what_happened_before_the_expiry_revokes_though_it_is_told_late() -> None:
    """The order is older than the expiry: that counts, not when the message came."""
    story = helped()
    command = story.sent()[-1]
    emits = story.tell(order("order_placed", 90, id="late"))
    assert command["id"] in {one["id"] for one in of(emits, "intervention_revoked")}


def test_one_channels_consent_leaves_the_others_alone() -> None:
    """Who withdraws e-mail still gets help on the page."""
    story = helped()
    emits = story.tell(reachable(at=90, consent={"onsite": True, "email": False}))
    assert of(emits, "intervention_revoked") == []


def test_the_last_piece_of_another_open_session_leaves_the_command_alone() -> None:
    """Nobody said that the cart is empty: the first tab may know of other pieces."""
    story = helped()
    story.tell(*cart(70, session="s-2"))
    emits = story.tell(click("product_removed", 130, session="s-2", cart_value_cents=None))
    assert "payment_help" not in {
        command["action"]
        for command in story.sent()
        if command["id"] in {one["id"] for one in of(emits, "intervention_revoked")}
    }


def test_a_cart_of_pieces_worth_nothing_is_not_empty() -> None:
    """Samples, or a voucher that covers everything."""
    story = reminded()
    full = click("cart_viewed", 3 * HOUR, session="s-2", cart_value_cents=0, items_count=2)
    assert of(story.tell(full), "intervention_revoked") == []


def test_another_devices_fast_clock_hides_no_emptied_cart() -> None:
    """Its click lies minutes ahead; the session that holds the command empties its cart now."""
    story = helped()
    story.tell(click("product_added", 5 * MINUTE, session="s-2"))
    emits = story.tell(click("product_removed", 90, session="s-1"))
    assert {one["reason"] for one in of(emits, "intervention_revoked")} == {"cart_emptied"}


def test_an_order_event_of_a_type_nobody_knows_is_no_purchase() -> None:
    """A payment that was declined revokes nothing and makes no session a purchase."""
    story = helped()
    emits = story.tell(order("order_payment_declined", 90))
    assert of(emits, "intervention_revoked") == []
    story.until(HOUR)
    assert [row["outcome"] for row in story.values("session_closed")] == ["abandoned"]


def test_a_cart_filled_again_after_a_late_removal_is_not_empty() -> None:
    """A removal that comes out of order, before the product went in again, revokes nothing."""
    story = helped()
    story.tell(click("product_added", 90, session="s-1", product_id="p-2", cart_value_cents=2500))
    emits = story.tell(click("product_removed", 80, session="s-1"))
    assert of(emits, "intervention_revoked") == []


def test_cancelled_and_returned_orders_revoke_nothing() -> None:
    """An order undone is no purchase."""
    story = helped()
    emits = story.tell(order("order_cancelled", 90), order("order_returned", 91, order_id="o-2"))
    assert of(emits, "intervention_revoked") == []


@pytest.mark.parametrize("given", [helped, reminded])
def test_erasure_revokes_everything_and_forgets_the_person(given: Callable[[], Story]) -> None:
    """A tombstone on `profiles`: every command still out is revoked, nothing is kept, none sent."""
    story = given()
    revoked_before = {one["id"] for one in story.values("intervention_revoked")}
    emits = story.tell_raw("profiles", "p-1", None)
    out = {
        command["id"]
        for command in story.sent()
        if command["expires_at_ms"] > story.fold.runners[0].clock.now_ms
    }
    assert {one["id"] for one in of(emits, "intervention_revoked")} == out - revoked_before
    assert out
    assert len(story.fold.runners[0].states) == 0
    assert story.until(3 * DAY) == []
    assert story.tell_raw("profiles", "p-1", None) == []


def test_an_expired_ack_ends_the_command() -> None:
    """A channel that says `expired` needs no revocation any more."""
    story = helped()
    command = story.sent()[-1]
    story.tell(feedback("expired", 5 * MINUTE, command_id=command["id"]))
    revoked = of(story.tell(order("order_placed", 6 * MINUTE)), "intervention_revoked")
    assert command["id"] not in {one["id"] for one in revoked}
