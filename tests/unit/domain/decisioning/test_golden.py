"""The shipped policies do what a merchandiser would: the best candidate of known scenes."""

from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.domain.decisioning import content, decide, shipped, signal_names
from orchestrator.domain.signals import SIGNALS
from tests.unit.domain.decisioning.situations import (
    DELIVERY,
    PRICE,
    RAGE,
    REGULAR,
    RETURNS,
    follow_up,
    outcome,
    situation,
)

ACTIONS = {
    "chat_invitation",
    "limited_time_discount",
    "loyalty_discount",
    "free_shipping",
    "expedite_shipping",
    "delivery_date_promise",
    "pay_later_offer",
    "returns_reassurance",
    "social_proof",
    "bundle_hint",
    "ranking_change",
    "payment_help",
    "cart_reminder",
    "push_reminder",
}


@pytest.mark.parametrize("risk", [0.36, 0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("cart_cents", [4_500, 8_990, 30_000])
@pytest.mark.parametrize(
    "signals",
    [
        PRICE,
        {"price_dwell_ms": 9_000.0, "hesitation_longest_gap_ms": 40_000.0},
        {**PRICE, "exit_intents_count": 1.0, "cursor_wander_ratio": 30.0, "tab_hidden_count": 3.0},
        {"coupon_denied_count": 1.0, "products_viewed_count": 6.0},
    ],
)
def test_a_good_customer_who_hesitates_at_the_price_gets_a_thank_you(
    signals: dict[str, float], cart_cents: int, risk: float
) -> None:
    """High-value repeat shopper hesitating on price: the loyalty discount, whatever the risk."""
    seen = situation(signals, {**REGULAR, "cart_value_cents": cart_cents}, risk=risk)
    decision = decide(shipped(), seen, "dec-1")
    assert decision.best == "loyalty_discount"


@pytest.mark.parametrize("risk", [0.36, 0.7, 0.97])
@pytest.mark.parametrize("stage", ["product", "cart", "shipping", "payment"])
def test_a_newcomer_who_reads_the_returns_policy_is_reassured(stage: str, risk: float) -> None:
    """First-time shopper reading returns: reassurance, with what others think of it."""
    decision = decide(shipped(), situation(RETURNS, stage=stage, risk=risk), "dec-1")
    assert decision.best == "returns_reassurance"
    assert decision.action == "returns_reassurance"
    assert decision.reason == "concern.returns"
    assert decision.treatment == "social_proof"
    told = content(shipped(), decision.action, decision.treatment, "en-GB", {})
    assert "customers" in told["body"]
    assert "return" in told["body"]


@pytest.mark.parametrize(
    ("signals", "facts", "stage", "best"),
    [
        ({"shipping_cost_dwell_ms": 41_000.0}, {}, "shipping", "expedite_shipping"),
        (DELIVERY, {}, "shipping", "expedite_shipping"),
        (
            {"shipping_cost_dwell_ms": 21_000.0, "price_dwell_ms": 9_000.0},
            {"coupon_share": 0.5},
            "shipping",
            "free_shipping",
        ),
        (DELIVERY, {"cart_value_cents": 2_500}, "shipping", "delivery_date_promise"),
        (DELIVERY, {}, "product", "delivery_date_promise"),
        ({"payment_failures_count": 1.0}, {}, "payment", "payment_help"),
        (
            {"payment_failures_count": 1.0, "shipping_cost_dwell_ms": 9_000.0},
            {},
            "payment",
            "payment_help",
        ),
        (
            {"payment_methods_compared_count": 3.0, "payment_switches_count": 2.0},
            {"cart_value_cents": 34_000},
            "payment",
            "pay_later_offer",
        ),
        (RAGE, {}, "shipping", "chat_invitation"),
        ({"rage_clicks_count": 1.0, "dead_clicks_count": 4.0}, {}, "cart", "chat_invitation"),
        (
            {"reviews_dwell_ms": 30_000.0, "products_viewed_count": 2.0},
            {},
            "product",
            "social_proof",
        ),
        ({"products_viewed_count": 9.0}, {"cart_value_cents": 0}, "browse", "ranking_change"),
    ],
)
def test_the_concern_finds_its_answer(
    signals: dict[str, float], facts: Mapping[str, Any], stage: str, best: str
) -> None:
    """Delivery, payment, affordability, trouble, trust: each its own action."""
    assert decide(shipped(), situation(signals, facts, stage=stage), "dec-1").best == best


def test_a_failed_payment_is_helped_whatever_the_risk() -> None:
    """Who can't pay needs help also where the model sees no risk."""
    seen = situation({"payment_failures_count": 1.0}, stage="payment", risk=0.05)
    assert decide(shipped(), seen, "dec-1").best == "payment_help"


def test_a_bundle_needs_a_product_to_suggest() -> None:
    """Without a product there is no hint."""
    signals = {"products_viewed_count": 2.0}
    seen = situation(signals, {"bundle_product_id": "p-9"}, stage="cart")
    assert outcome(decide(shipped(), seen, "dec-1"), "bundle_hint") is None
    seen = situation(signals, {"bundle_product_id": None}, stage="cart")
    assert outcome(decide(shipped(), seen, "dec-1"), "bundle_hint") == "applicable.bundle_product"


@pytest.mark.parametrize("name", ["cart_reminder", "push_reminder"])
def test_reminders_come_at_their_follow_up_only(name: str) -> None:
    """After the session only the message due competes, and nothing on the site."""
    decision = decide(shipped(), follow_up(name), "dec-1")
    assert decision.best == name
    assert [row["action"] for row in decision.candidates if row["allowed"]] == [name, "do_nothing"]


def test_nobody_who_would_buy_anyway_is_paid() -> None:
    """The inframarginal cost counts: at the threshold of risk a discount loses against nothing."""
    rows = [
        decide(shipped(), situation(PRICE, risk=0.36, profile_id=f"p-{number}"), "d").candidates[7]
        for number in range(20)
    ]
    row = next(row for row in rows if row["allowed"])
    assert row["action"] == "limited_time_discount"
    assert row["score"] < 0
    assert row["cost_cents"] > row["value_cents"]


def test_all_actions_are_shipped_and_name_signals_that_exist() -> None:
    """The fourteen actions of the contract are in force; each condition asks for a real signal."""
    assert {plan.name for plan in shipped().plans} == ACTIONS
    assert signal_names(shipped()) <= {signal.name for signal in SIGNALS}


def test_a_decision_carries_what_the_command_needs() -> None:
    """Offer, expiry, what cancels it, budget and placement, in the form of the contract."""
    seen = situation(PRICE, REGULAR)
    decision = next(
        found
        for number in range(50)
        if (found := decide(shipped(), seen, f"dec-{number}")).action == "loyalty_discount"
    )
    assert decision.offer == {
        "kind": "discount",
        "amount_cents": 899,
        "currency": "EUR",
        "share": 0.1,
        "code": None,
        "expires_at_ms": seen.now_ms + 3_600_000,
    }
    assert decision.expires_at_ms == seen.now_ms + 1_200_000
    assert decision.plan is not None
    assert set(decision.plan.cancel_on) >= {"order_completed", "consent_withdrawn"}
    assert decision.spends == ("discount", 899)
    assert decision.group == "discount"
    assert decision.chosen == {
        "action": "loyalty_discount",
        "propensity": decision.candidates[decision.index]["propensity"],
        "treatment": "member",
        "channel": "onsite",
        "placement": "checkout_banner",
        "offer_cents": 899,
    }
