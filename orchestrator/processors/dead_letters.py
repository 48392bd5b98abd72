"""What a refused record leaves behind: its bytes, where it stood, and why."""

from base64 import b64encode

from orchestrator.errors import InvalidRecord
from orchestrator.types import Emit, Position

MAX_KEPT_BYTES = 2 * 1024 * 1024
"""Longer values are cut to this, and say so: base64 must fit the topic's largest message."""


def dead_letter(
    position: Position,
    key: bytes | None,
    value: bytes | None,
    refusal: InvalidRecord,
    first_seen_by: str,
    time_ms: int,
) -> Emit:
    """The message for `dead-letters`; its id derives from the position, so a retry repeats it.

    Args:
        position: Where the record stands.
        key: The record's key as it came.
        value: The record's value as it came; None for a tombstone.
        refusal: Reason and human sentence.
        first_seen_by: Consumer group.
        time_ms: The partition's time, or the record's own time of writing.
    """
    kept = value[:MAX_KEPT_BYTES] if value is not None else None
    return Emit(
        "dead-letters",
        key.decode("utf-8", "replace") if key is not None else "",
        {
            "id": f"dl-{position.topic}-{position.partition}-{position.offset}",
            "type": "dead_letter",
            "time_ms": time_ms,
            "topic": position.topic,
            "partition": position.partition,
            "offset": position.offset,
            "key_base64": None if key is None else b64encode(key).decode(),
            "value_base64": None if kept is None else b64encode(kept).decode(),
            "value_bytes": 0 if value is None else len(value),
            "truncated": kept is not None and value is not None and len(kept) < len(value),
            "reason": refusal.reason,
            "detail": refusal.detail,
            "first_seen_by": first_seen_by,
        },
    )
