"""What a refused record leaves behind: its bytes, where it stood, and why."""

from base64 import b64encode

from orchestrator.types import Payload, Position

MAX_KEPT_BYTES = 3_000_000
"""Longer values are cut to this, and say so: base64 of it fits a record of 4 MiB."""
MAX_KEY_BYTES = 65_536
MAX_DETAIL_CHARACTERS = 1_000


def dead_letter(
    position: Position,
    key: bytes | None,
    value: bytes | None,
    why: tuple[str, str],
    first_seen_by: str,
    time_ms: int,
) -> Payload:
    """A record that cannot be processed, whole, in the contract's form.

    Its id derives from the position alone: two groups that meet the same record agree.

    Args:
        position: Where the record stands.
        key: The record's key as it came.
        value: The record's value as it came; None for a tombstone.
        why: Machine-readable reason and human sentence.
        first_seen_by: Consumer group.
        time_ms: When the record was written, 0 where unknown.
    """
    reason, detail = why
    return {
        "id": f"dl-{position.topic}-{position.partition}-{position.offset}",
        "type": "dead_letter",
        "time_ms": max(0, time_ms),
        "topic": position.topic,
        "partition": position.partition,
        "offset": position.offset,
        "key_base64": _base64(key, MAX_KEY_BYTES),
        "value_base64": _base64(value, MAX_KEPT_BYTES),
        "value_bytes": 0 if value is None else len(value),
        "truncated": value is not None and len(value) > MAX_KEPT_BYTES,
        "reason": reason,
        "detail": detail[:MAX_DETAIL_CHARACTERS],
        "first_seen_by": first_seen_by,
    }


def _base64(data: bytes | None, limit: int) -> str | None:
    return None if data is None else b64encode(data[:limit]).decode("ascii")
