"""What the fast lane keeps of one profile, for a person to read."""

from collections.abc import Sequence
from typing import Any

from orchestrator.domain.intent import concern
from orchestrator.domain.sessions.session import Session
from orchestrator.domain.signals.values import values
from orchestrator.processors.journey.state import (
    Contact,
    Facts,
    FollowUp,
    KnownOrder,
    Outstanding,
    Profile,
)
from orchestrator.types import Payload


def inspected(profile_id: str, profile: Profile) -> Payload:
    """A profile's state in the words of the contract, as of the profile's own time.

    Times are Unix epoch, milliseconds; nothing of what is kept only to fold on (hashes of events
    seen, tallies) is told.

    Args:
        profile_id: Its key.
        profile: Its state, which stays as it is.
    """
    return {
        "type": "profile_state",
        "profile_id": profile_id,
        "last_ms": profile.last_ms,
        "wake_at_ms": profile.wake_at_ms,
        "facts": _facts(profile.facts),
        "sessions": [_session(session) for session in profile.sessions.open],
        "commands": [_named(Outstanding._fields, held) for held in profile.commands],
        "contacts": [_named(Contact._fields, contact) for contact in profile.contacts],
        "dismissed": [
            {"time_ms": time_ms, "action": action} for time_ms, action in profile.dismissals
        ],
        "follow_ups": [
            {"name": planned.name, "session_id": planned.session_id, "due_ms": planned.due_ms}
            for planned in map(FollowUp._make, profile.follow_ups)
        ],
        "orders": [_named(KnownOrder._fields, order) for order in profile.orders],
    }


def _named(fields: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """A named tuple as a dict; compiled code makes a plain tuple of some."""
    return dict(zip(fields, row, strict=True))


def _facts(facts: Facts) -> dict[str, Any]:
    """What is known; what nobody said is left out."""
    found = {
        "customer_id": facts.customer_id,
        "time_zone": facts.time_zone,
        "locale": facts.locale,
        "segment": facts.segment,
        "consent": facts.consent,
        "is_member": facts.is_member,
        "orders_count": facts.orders_count,
        "orders_value_cents": facts.orders_value_cents,
        "returns_share": facts.returns_share,
        "coupon_share": facts.coupon_share,
    }
    return {name: value for name, value in found.items() if value is not None}


def _session(session: Session) -> dict[str, Any]:
    signals = values(session, session.last_ms)
    return {
        "session_id": session.session_id,
        "opened_ms": session.opened_ms,
        "last_ms": session.last_ms,
        "events_count": session.events_count,
        "stage": session.stage,
        "cart_value_cents": session.cart_value_cents,
        "items_count": session.items_count,
        "risk": session.risk_last,
        "concern": concern(signals),
        "signals": {name: value for name, value in signals.items() if value},
        "last_decision_ms": session.last_decision_ms or None,
    }
