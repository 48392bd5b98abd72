"""What `state inspect` tells of a profile."""

from orchestrator.processors.inspection import inspected
from orchestrator.types import Payload
from tests.builders import at_ms, click, order, profile
from tests.component.processors.journey.rig import HOUR, Story


def told(story: Story) -> Payload:
    state = story.fold.runners[0].states.get("p-1")
    assert state is not None
    before = state.dump()
    found = inspected("p-1", state)
    assert state.dump() == before
    return found


def test_a_shopper_in_the_checkout() -> None:
    """The session as it stands, the command that was sent, and what caps will count."""
    story = Story()
    story.tell(
        profile("p-1", 0, consent={"onsite": True}, locale="de-DE"),
        click("product_viewed", 5, session="s-1", product_id="sku-1", price_cents=9_000),
        click("product_added", 9, session="s-1", product_id="sku-1", price_cents=9_000),
        click("checkout_started", 31, session="s-1", cart_value_cents=9_000),
        click("payment_failed", 60, session="s-1", method="card", reason="declined"),
    )
    found = told(story)
    assert found["last_ms"] == at_ms(60)
    assert found["facts"]["consent"] == {"onsite": True}
    assert found["facts"]["locale"] == "de-DE"
    assert "segment" not in found["facts"]
    (session,) = found["sessions"]
    assert (session["session_id"], session["events_count"]) == ("s-1", 4)
    assert session["signals"]["payment_failures_count"] == 1
    assert 0.0 < session["risk"] < 1.0
    assert session["last_decision_ms"] == at_ms(60)
    issued = [e.value for e in story.emits if e.value and e.value["type"] == "intervention_issued"]
    assert [held["command_id"] for held in found["commands"]] == [issued[-1]["id"]]
    assert [contact["action"] for contact in found["contacts"]] == [
        command["action"] for command in issued
    ]


def test_what_is_planned_after_an_abandoned_cart_and_an_order() -> None:
    """The reminder waits; after the order nothing is outstanding, and the order is known."""
    story = Story()
    story.tell(
        profile("p-1", 0, consent={"email": True}),
        click("product_added", 9, session="s-1", product_id="sku-1", cart_value_cents=9_000),
        click("exit_intended", 20, session="s-1"),
    )
    story.until(0.7 * HOUR)
    found = told(story)
    assert found["sessions"] == []
    assert found["follow_ups"][0] == {
        "name": "cart_reminder",
        "session_id": "s-1",
        "due_ms": at_ms(20 + HOUR),
    }
    story.tell(order(at=0.8 * HOUR))
    found = told(story)
    assert found["commands"] == []
    assert len(found["orders"]) == 1
