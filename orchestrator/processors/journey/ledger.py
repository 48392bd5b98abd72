"""The messages the fast lane writes: ledger entries, commands, revocations, closed sessions."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from orchestrator.domain.decisioning.plan import SharedLine
from orchestrator.domain.sessions.session import Session
from orchestrator.processors.journey.state import Outstanding
from orchestrator.types import Emit, Millis, Payload

LEDGER: Final = "decisions"
SESSIONS: Final = "sessions"
PURCHASED: Final = "purchased"


def channel_topic(channel: str) -> str:
    """The topic a channel system subscribes to."""
    return f"interventions.{channel}"


def own_span(message_id: str) -> str:
    """A span out of `dec-` or `cmd-` and twenty hex digits: of both, other digits."""
    return message_id[4:20] if message_id.startswith("dec-") else message_id[8:24]


def ledger_entry(profile_id: str, entry: Payload, lines: Sequence[SharedLine | None]) -> Emit:
    """An entry; what decisions share of it, half of its bytes, is encoded once and kept.

    Args:
        profile_id: Key of the entry.
        entry: The entry.
        lines: For each of its candidates the line that decisions share; None: its own.
    """
    emit = Emit(LEDGER, profile_id, entry)
    encoded: list[Any] = entry["candidates"][:]
    refusals: list[str] = []
    for at, line in enumerate(lines):
        if line is not None:
            if line.encoded is None:
                line.encoded = orjson.Fragment(orjson.dumps(line.row))
            encoded[at] = line.encoded
            if line.code is not None:
                refusals.append(line.code)
    emit.span = own_span(entry["id"])
    emit.part_encoded = ("candidates", encoded)
    emit.refusals = tuple(refusals)
    return emit


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


def session_closed(
    profile_id: str,
    session: Session,
    outcome: str,
    order_ids: list[str],
    signals: dict[str, float],
) -> Emit:
    """One closed session, for analysts and for learning; an order reads alike from any topic."""
    told_elsewhere = outcome == PURCHASED and not session.order_ids
    payload: Payload = {
        "id": f"{profile_id}/{session.session_id}/{session.opened_ms}",
        "type": "session_closed",
        "time_ms": session.closed_ms,
        "profile_id": profile_id,
        "session_id": session.session_id,
        "opened_ms": session.opened_ms,
        "closed_ms": session.closed_ms,
        "events_count": session.events_count,
        "outcome": outcome,
        "stage_reached": PURCHASED if told_elsewhere else session.stage_reached,
        "cart_value_cents": 0 if told_elsewhere else session.cart_value_cents,
        "order_ids": order_ids,
        "signals": signals,
        "risk_last": session.risk_last,
        "decision_ids": list(session.decision_ids),
    }
    return Emit(SESSIONS, profile_id, payload)
