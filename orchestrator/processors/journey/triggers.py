"""What made a decision due, and the id that follows from it."""

from typing import Literal, NamedTuple

from orchestrator.online.rng import decision_hex
from orchestrator.types import DecisionId, Millis, Payload, Record


class Trigger(NamedTuple):
    """Why and when."""

    decision_id: DecisionId
    now_ms: Millis
    """The profile's own time."""
    situation: Literal["event", "silence", "follow_up"]
    payload: Payload
    """As the ledger tells it."""

    @classmethod
    def of_record(cls, record: Record, event_id: str, now: Millis) -> "Trigger":
        """An event; a redelivery of it gives the same id."""
        payload: Payload = {
            "kind": "event",
            "event_id": event_id,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "now_ms": now,
        }
        digits = decision_hex(record.topic, record.partition, record.offset)
        return cls(DecisionId(f"dec-{digits}"), now, "event", payload)

    @classmethod
    def of_timer(
        cls, name: str, profile_id: str, session_id: str, due_ms: int, now: Millis
    ) -> "Trigger":
        """A timer; it names what was due, not when it was noticed."""
        payload: Payload = {"kind": "timer", "timer": name, "due_ms": due_ms, "now_ms": now}
        digits = decision_hex("timer", profile_id, session_id, name, due_ms)
        situation: Literal["silence", "follow_up"] = "silence" if name == "silence" else "follow_up"
        return cls(DecisionId(f"dec-{digits}"), now, situation, payload)
