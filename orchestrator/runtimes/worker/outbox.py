"""What a batch writes: changelog rows, messages, dead letters, forwarded records. All encoded."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from orchestrator.messages import envelope
from orchestrator.ports import Headers, RawRecord
from orchestrator.runtimes.worker.intake import FORWARDED
from orchestrator.types import Emit, Payload

_dumps: Final = orjson.dumps
META_KEY: Final = "~p"
"""Changelog key of a partition's own row, the first of each batch."""
SHARED_KEY: Final = "~shared"
"""Changelog key, in partition 0, of what a processor keeps beside keys and partitions."""
BATCH_HEADER: Final = "b"
"""Header that names the batch of a changelog row without a value."""


class Outgoing:
    """One record to send, fully encoded; the topic as the broker names it."""

    __slots__ = ("headers", "key", "partition", "topic", "value")

    def __init__(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers


def state_row(batch: str, dumped: Any) -> bytes:
    """The changelog value of a key's state, or of any row of a batch."""
    return _dumps({"b": batch, "s": dumped})


def tombstone_headers(batch: str) -> Headers:
    """A changelog tombstone has no value to name its batch in."""
    return [(BATCH_HEADER, batch.encode())]


def message(topic: str, partition: int, key: bytes, emit: Emit, source: str) -> Outgoing:
    """An emit as a record: JSON, CloudEvents headers, trace continued."""
    value = emit.value
    if value is None:
        return Outgoing(topic, partition, key, None, envelope.tombstone_headers(source))
    headers = envelope.headers(value, source, emit.traceparent, span=emit.span)
    return Outgoing(topic, partition, key, _encoded(emit, value), headers)


def _encoded(emit: Emit, value: Payload) -> bytes:
    if emit.part_encoded is None:
        return _dumps(value)
    field, form = emit.part_encoded
    plain = value[field]
    value[field] = form
    try:
        return _dumps(value)
    finally:
        value[field] = plain


def dead_letter_record(
    topic: str, partition: int, raw: RawRecord, letter: Payload, trace: str | None
) -> Outgoing:
    """A dead letter under the original key."""
    headers = envelope.headers(letter, letter["first_seen_by"], trace)
    return Outgoing(topic, partition, raw.key(), _dumps(letter), headers)


def forwarded(raw: RawRecord, topic: str, partition: int) -> Outgoing:
    """A record found in the wrong partition, unchanged but for a mark."""
    headers = [*(raw.headers() or ()), (FORWARDED, b"1")]
    return Outgoing(topic, partition, raw.key(), raw.value(), headers)


def meta_row(batch: str, previous: int | None, fields: Mapping[str, Any]) -> bytes:
    """The first row of a batch in a partition.

    `previous` is the offset of the last committed batch's own first row: the chain by which a
    restore tells committed batches from aborted ones where the broker shows both.
    """
    return _dumps({"b": batch, "prev": previous, **fields})
