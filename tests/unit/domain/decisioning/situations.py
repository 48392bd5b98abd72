"""Builders: a shopper with a cart at the shipping step, and policies with some fields changed."""

from collections.abc import Mapping
from typing import Any

from orchestrator.domain.decisioning import PolicySet, Situation, shipped
from orchestrator.domain.intent import concern

NOON_MS = 1_795_348_800_000
"""2026-11-22T12:00:00Z, a Sunday."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NEWCOMER: Mapping[str, Any] = {
    "cart_value_cents": 8_990,
    "currency": "EUR",
    "orders_count": 0,
    "orders_value_cents": 0,
    "coupon_share": 0.0,
    "returns_share": 0.0,
    "is_member": False,
    "time_zone": "Europe/Berlin",
}
REGULAR: Mapping[str, Any] = {
    "orders_count": 9,
    "orders_value_cents": 94_000,
    "is_member": True,
    "coupon_share": 0.1,
}
PRICE = {"price_dwell_ms": 20_000.0, "coupon_attempts_count": 1.0}
DELIVERY = {"delivery_dates_dwell_ms": 21_000.0}
RETURNS = {"returns_policy_dwell_ms": 15_000.0, "products_viewed_count": 3.0}
RAGE = {"rage_clicks_count": 2.0}
EVERYTHING = {
    "delivery_dates_dwell_ms": 9_000.0,
    "shipping_cost_dwell_ms": 9_000.0,
    "price_dwell_ms": 30_000.0,
    "coupon_attempts_count": 1.0,
    "returns_policy_dwell_ms": 5_000.0,
    "products_viewed_count": 4.0,
    "rage_clicks_count": 1.0,
}


def situation(
    signals: dict[str, float] = DELIVERY,
    facts: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Situation:
    """A newcomer at the shipping step with risk 0.7, nobody in the holdout."""
    base = Situation(
        now_ms=NOON_MS,
        profile_id="p-1",
        session_id="s-1",
        stage="shipping",
        risk=0.7,
        concern=concern(signals),
        signals=signals,
        facts={**NEWCOMER, **(facts or {})},
        consent={},
    )
    return base.replace(**changes)


def follow_up(name: str = "cart_reminder", **changes: Any) -> Situation:
    """The follow-up of an abandoned cart, with all consent."""
    told = {"trigger": "follow_up", "follow_up": name, "stage": "cart", "risk": 0.8}
    return situation(PRICE, **{"consent": {"email": True, "push": True}, **told, **changes})


def policies(**changes: Mapping[str, Any]) -> PolicySet:
    """The shipped policies with fields changed: `policies(Arbitration={"rule": "greedy"})`.

    A key is a kind of which there is one, or the name of an action.
    """
    documents = shipped().documents
    changed = {}
    for name, fields in changes.items():
        key = next(
            held for held in documents if held.startswith(f"{name}/") or held == f"Action/{name}"
        )
        changed[key] = {**documents[key], **fields}
    return shipped().overridden(changed)


def outcome(decision: Any, action: str) -> str | None:
    """What refused an action; None: it was allowed."""
    row = next(row for row in decision.candidates if row["action"] == action)
    refused: str | None = row["refused_by"]
    assert row["allowed"] is (refused is None)
    return refused
