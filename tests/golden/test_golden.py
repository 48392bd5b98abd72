"""The scenarios still end as written down, and are still about what their names say."""

import pytest

from orchestrator.types import Emit
from tests.golden.scenarios import FOLDER, NAMES, commands, emits, lines, values


@pytest.mark.parametrize("name", NAMES)
def test_nothing_changed(name: str) -> None:
    """Same events, same messages, to the byte; `make golden` rewrites what is meant to change."""
    kept = (FOLDER / name / "emits.jsonl").read_bytes()
    assert lines(emits(name)).splitlines() == kept.splitlines()


def reasons(found: list[Emit]) -> dict[str, str]:
    """Why each action that was sent was chosen."""
    return {
        entry["chosen"]["action"]: entry["reason"]
        for entry in values(found, "decision_made")
        if entry["command_id"]
    }


def test_a_loyal_shopper_who_hesitates_on_the_price_gets_a_thank_you() -> None:
    """Nine orders, member, dwells on the price, coupon refused: the loyalty discount, in German."""
    found = emits("loyal_shopper_hesitates_on_price")
    assert reasons(found)["loyalty_discount"] == "concern.price"
    command = values(found, "intervention_issued")[-1]
    assert command["action"] == "loyalty_discount"
    assert command["treatment"] == "member"
    assert command["offer"] | {"expires_at_ms": 0} == {
        "kind": "discount",
        "amount_cents": 1290,
        "currency": "EUR",
        "share": 0.1,
        "code": None,
        "expires_at_ms": 0,
    }
    assert "Mitglied" in command["content"]["headline"]


def test_a_newcomer_who_reads_the_returns_policy_is_reassured() -> None:
    """First visit, returns policy read for a quarter of a minute: reassurance."""
    found = emits("newcomer_reads_returns")
    assert reasons(found) == {"returns_reassurance": "concern.returns"}
    (command,) = values(found, "intervention_issued")
    assert "return" in command["content"]["body"]


def test_silence_on_the_shipping_step_is_answered() -> None:
    """Nothing comes for twenty seconds: a timer decides, on delivery, and a command goes out."""
    found = emits("silence_on_shipping")
    entry = next(
        row
        for row in values(found, "decision_made")
        if row["trigger"].get("timer") == "silence" and row["command_id"]
    )
    assert entry["stage"] == "shipping"
    assert entry["reason"] == "concern.delivery"
    assert entry["chosen"]["action"] in {"delivery_date_promise", "expedite_shipping"}


def test_a_failed_payment_is_helped_with() -> None:
    """The card is declined: help at the payment step, at once."""
    found = emits("payment_fails")
    assert reasons(found)["payment_help"] == "concern.technical"
    command = values(found, "intervention_issued")[-1]
    failed = next(
        row for row in values(found, "decision_made") if row["id"] == command["decision_id"]
    )
    assert failed["trigger"]["kind"] == "event"
    assert command["placement"] == "payment_step"


def test_an_order_revokes_what_is_out() -> None:
    """Told by `orders` and by the clickstream: one order, one revocation a command."""
    found = emits("order_revokes")
    revoked = values(found, "intervention_revoked")
    assert [row["id"] for row in revoked] == [
        row["id"] for row in values(found, "intervention_issued")
    ]
    assert {row["reason"] for row in revoked} == {"order_completed"}
    (session,) = values(found, "session_closed")
    assert session["outcome"] == "purchased"
    assert session["order_ids"] == ["o-77"]


def test_a_reminder_is_revoked_by_the_order_and_no_other_follows() -> None:
    """An e-mail after an hour, an order an hour later: revoked; the push message is never sent."""
    found = emits("reminder_then_order")
    sent = list(commands(found))
    assert "cart_reminder" in sent
    assert "push_reminder" not in sent
    reminder = next(
        row for row in values(found, "intervention_issued") if row["action"] == "cart_reminder"
    )
    assert reminder["id"] in {row["id"] for row in values(found, "intervention_revoked")}


def test_duplicates_and_disorder_give_the_same_session() -> None:
    """The same clicks, twice and shuffled within the lateness, fold into the same session."""
    (calm,) = values(emits("calm_order"), "session_closed")
    (session,) = values(emits("duplicates_and_disorder"), "session_closed")
    own = {"decision_ids", "risk_last"}
    assert {key: value for key, value in session.items() if key not in own} == {
        key: value for key, value in calm.items() if key not in own
    }
