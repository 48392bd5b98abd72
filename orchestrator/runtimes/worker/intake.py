"""From raw records to records a fold takes, or to a reason why not. Nothing is ever lost here."""

from collections.abc import Callable
from typing import Any, Final

from orchestrator.errors import InvalidRecord
from orchestrator.messages.envelope import incoming_traceparent
from orchestrator.ports import Processor, RawRecord
from orchestrator.types import Record

FORWARDED: Final = "orchestrator-forwarded"
"""Header of a record that was found in the wrong partition and sent to its own, once."""
_FUTURE: Final = "its time lies too far after its writing"
_TOMBSTONE: Final = "this topic has no use for a record without a value"
TOMBSTONES: Final = frozenset({"profiles"})
"""Inputs on which a record without a value means something: erase this person."""


class Rejected:
    """Stands in for the value of a record that goes to the dead letters in its turn."""

    __slots__ = ("detail", "reason")

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail


def admit(
    processor: Processor[Any],
    topic: str,
    partition: int,
    raw: RawRecord,
    future_ms: int,
    last_ms: Callable[[str], int],
) -> Record:
    """Decode one record; a rejected one keeps its place in the order of its topic.

    The host's hottest function: a million records make ten million calls here, so it asks for
    each thing once.

    Args:
        processor: Knows how to decode.
        topic: Logical name.
        partition: Of the topic.
        raw: As it came.
        future_ms: How far its event time may lie after its writing.
        last_ms: The greatest event time of a topic so far, for what has no time of its own.
    """
    key = ""
    message: Any
    time_ms: int
    try:
        key_bytes = raw.key()
        if key_bytes is None:
            raise InvalidRecord("key_missing", "the record has no key")  # noqa: TRY301
        key = key_bytes.decode()
        value = raw.value()
        if value is not None:
            message = processor.decode(topic, key, value)
            time_ms = message.time_ms
            kind, written_ms = raw.timestamp()
            if time_ms - written_ms > future_ms and kind:
                raise InvalidRecord("future_time", _FUTURE)  # noqa: TRY301
        elif topic in TOMBSTONES:
            # it has no time of its own: the topic's will do, and repeats in a replay
            message, time_ms = None, last_ms(topic)
        else:
            raise InvalidRecord("tombstone", _TOMBSTONE)  # noqa: TRY301
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this record's end only
        message = _rejected(error, key)
        time_ms = last_ms(topic)
    headers = raw.headers()
    traceparent = incoming_traceparent(headers) if headers else None
    return Record(topic, partition, raw.offset(), key, message, time_ms, traceparent)


def was_forwarded(raw: RawRecord) -> bool:
    """Whether it came here from the wrong partition."""
    return any(name == FORWARDED for name, _ in raw.headers() or ())


def _rejected(error: Exception, key: str) -> Rejected:
    if isinstance(error, InvalidRecord):
        return Rejected(error.reason, error.detail)
    if isinstance(error, UnicodeDecodeError) and not key:
        return Rejected("invalid_key", "the key is not UTF-8")
    return Rejected("processing_error", f"the decoder raised {type(error).__name__}")
