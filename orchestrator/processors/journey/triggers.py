"""What made a decision due, and the id that follows from it."""

from orchestrator.domain.decisioning.situation import TriggerKind
from orchestrator.online.rng import position_hex, timer_hex
from orchestrator.types import DecisionId, Millis, Payload, Record


class Trigger:
    """Why and when.

    Args:
        decision_id: Derived from what made it due.
        now_ms: The profile's own time.
        situation: What kind of reason it is.
        payload: As the ledger tells it.
    """

    __slots__ = ("decision_id", "now_ms", "payload", "situation")

    def __init__(
        self, decision_id: DecisionId, now_ms: Millis, situation: TriggerKind, payload: Payload
    ) -> None:
        self.decision_id = decision_id
        self.now_ms = now_ms
        self.situation: TriggerKind = situation
        self.payload = payload

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
        digits = position_hex(record.topic, record.partition, record.offset)
        return cls(DecisionId(f"dec-{digits}"), now, "event", payload)

    @classmethod
    def of_timer(
        cls, name: str, profile_id: str, session_id: str, due_ms: int, now: Millis
    ) -> "Trigger":
        """A timer; it names what was due, not when it was noticed."""
        payload: Payload = {"kind": "timer", "timer": name, "due_ms": due_ms, "now_ms": now}
        digits = timer_hex(profile_id, session_id, name, due_ms)
        situation: TriggerKind = "silence" if name == "silence" else "follow_up"
        return cls(DecisionId(f"dec-{digits}"), now, situation, payload)
