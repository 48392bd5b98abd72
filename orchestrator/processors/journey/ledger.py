"""The messages the fast lane writes: ledger entries, commands, revocations, closed sessions."""

from typing import Any

from orchestrator.processors.journey.state import Outstanding
from orchestrator.types import Emit, Millis, Payload

LEDGER = "decisions"
SESSIONS = "sessions"


def channel_topic(channel: str) -> str:
    """The topic a channel system subscribes to."""
    return f"interventions.{channel}"


def revocation(profile_id: str, command: Outstanding, reason: str, now: Millis) -> Emit:
    """`intervention_revoked` with the command's own id, on the topic the command went to."""
    payload: Payload = {
        "id": command.command_id,
        "type": "intervention_revoked",
        "time_ms": now,
        "profile_id": profile_id,
        "decision_id": command.decision_id,
        "channel": command.channel,
        "reason": reason,
    }
    return Emit(channel_topic(command.channel), profile_id, payload)


def session_closed(profile_id: str, session: Any, signals: dict[str, float], gap_ms: int) -> Emit:
    """One closed session, for analysts and for learning."""
    closed_ms = session.last_ms + gap_ms
    payload: Payload = {
        "id": f"{profile_id}/{session.session_id}",
        "type": "session_closed",
        "time_ms": closed_ms,
        "profile_id": profile_id,
        "session_id": session.session_id,
        "opened_ms": session.opened_ms,
        "closed_ms": closed_ms,
        "events_count": session.events_count,
        "outcome": outcome(session),
        "stage_reached": session.stage,
        "cart_value_cents": session.cart_value_cents,
        "currency": session.currency,
        "order_ids": list(session.order_ids),
        "signals": {name: value for name, value in signals.items() if value},
        "risk_last": session.risk_last,
        "decision_ids": list(session.decision_ids),
    }
    return Emit(SESSIONS, profile_id, payload)


def outcome(session: Any) -> str:
    """`purchased`, `abandoned` (a cart or checkout was reached, no order), or `browsed`."""
    if session.order_ids:
        return "purchased"
    return "abandoned" if session.reached_cart else "browsed"
