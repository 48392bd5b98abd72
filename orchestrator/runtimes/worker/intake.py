"""From raw records to records a fold takes, or to a reason why not. Nothing is ever lost here."""

from typing import Any, NamedTuple

from orchestrator.errors import InvalidRecord
from orchestrator.messages.envelope import incoming_traceparent
from orchestrator.ports import Processor, RawRecord
from orchestrator.runtimes.worker.units import Lane
from orchestrator.types import Millis, Record

FORWARDED = "orchestrator-forwarded"
"""Header of a record that was found in the wrong partition and sent to its own, once."""
TOMBSTONES = frozenset({"profiles"})
"""Inputs on which a record without a value means something: erase this person."""


class Rejected(NamedTuple):
    """Stands in for the value of a record that goes to the dead letters in its turn."""

    reason: str
    detail: str


def admit(processor: Processor[Any], lane: Lane[Any], raw: RawRecord, future_ms: int) -> Record:
    """Decode one record; a rejected one keeps its place in the order of its topic."""
    key = ""
    message: Any
    time_ms: int
    try:
        key = _decode_key(raw.key())
        value = raw.value()
        if value is None:
            # it has no time of its own: the topic's will do, and repeats in a replay
            _check_tombstone(lane.topic)
            message, time_ms = None, lane.unit.merge.time_ms(lane.topic)
        else:
            message = processor.decode(lane.topic, key, value)
            time_ms = message.time_ms
            _check_time(time_ms, raw.timestamp(), future_ms)
    except InvalidRecord as invalid:
        message = Rejected(invalid.reason, invalid.detail)
        time_ms = lane.unit.merge.time_ms(lane.topic)
    except Exception as error:  # noqa: BLE001 - a fault of the decoder is this record's end only
        detail = f"the decoder raised {type(error).__name__}"
        message = Rejected("processing_error", detail)
        time_ms = lane.unit.merge.time_ms(lane.topic)
    headers = raw.headers()
    traceparent = incoming_traceparent(headers) if headers else None
    return Record(
        lane.topic, lane.unit.number, raw.offset(), key, message, Millis(time_ms), traceparent
    )


def was_forwarded(raw: RawRecord) -> bool:
    """Whether it came here from the wrong partition."""
    return any(name == FORWARDED for name, _ in raw.headers() or ())


def _decode_key(key: bytes | None) -> str:
    if key is None:
        raise InvalidRecord("key_missing", "the record has no key")
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise InvalidRecord("invalid_key", "the key is not UTF-8") from None


def _check_tombstone(topic: str) -> None:
    if topic not in TOMBSTONES:
        raise InvalidRecord("tombstone", "this topic has no use for a record without a value")


def _check_time(time_ms: int, timestamp: tuple[int, int], future_ms: int) -> None:
    kind, written_ms = timestamp
    if kind and time_ms - written_ms > future_ms:
        raise InvalidRecord("future_time", "its time lies too far after its writing")
