"""What a batch writes: changelog rows, messages, dead letters, forwarded records. All encoded."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from orchestrator.messages import envelope
from orchestrator.ports import Headers, RawRecord
from orchestrator.processors.partition import Caused
from orchestrator.runtimes.worker.intake import FORWARDED
from orchestrator.types import Emit, Payload, Position

META_KEY = "~p"
"""Changelog key of a partition's own row, the first of each batch."""
SHARED_KEY = "~shared"
"""Changelog key, in partition 0, of what a processor keeps beside keys and partitions."""
BATCH_HEADER = "b"
"""Header that names the batch of a changelog row without a value."""
MAX_DEAD_BYTES = 3_000_000
"""Longest original kept in a dead letter: base64 of it fits a record of 4 MiB."""
_MAX_DEAD_KEY_BYTES = 65_536
_MAX_DETAIL = 1_000


class Outgoing(NamedTuple):
    """One record to send, fully encoded."""

    topic: str
    """As the broker names it."""
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers | None


def state_row(batch: str, dumped: Any) -> bytes:
    """The changelog value of a key's state, or of any row of a batch."""
    return orjson.dumps({"b": batch, "s": dumped})


def tombstone_headers(batch: str) -> Headers:
    """A changelog tombstone has no value to name its batch in."""
    return [(BATCH_HEADER, batch.encode())]


def message(topic: str, partition: int, caused: Caused, source: str) -> Outgoing:
    """An emit as a record: JSON, CloudEvents headers, trace continued."""
    emit: Emit = caused.emit
    value = emit.value
    if value is None:
        return Outgoing(
            topic, partition, emit.key.encode(), None, envelope.tombstone_headers(source)
        )
    headers = envelope.headers(value, source, caused.traceparent)
    return Outgoing(topic, partition, emit.key.encode(), orjson.dumps(value), headers)


def dead_letter(
    raw: RawRecord, position: Position, reason: str, detail: str, group: str
) -> Payload:
    """A record that cannot be processed, whole, in the contract's form.

    Its id derives from the position alone: two groups that meet the same record agree.
    """
    value: bytes | None = raw.value()
    key: bytes | None = raw.key()
    if value is not None and len(value) > MAX_DEAD_BYTES:
        detail += f" (value cut to {MAX_DEAD_BYTES} of {len(value)} bytes)"
        value = value[:MAX_DEAD_BYTES]
    name = f"{position.topic}/{position.partition}/{position.offset}"
    return {
        "id": f"dead-{blake2b(name.encode(), digest_size=10).hexdigest()}",
        "type": "dead_letter",
        "time_ms": max(0, raw.timestamp()[1]),
        "topic": position.topic,
        "partition": position.partition,
        "offset": position.offset,
        "key_base64": _base64(key[:_MAX_DEAD_KEY_BYTES] if key is not None else None),
        "value_base64": _base64(value),
        "reason": reason,
        "detail": detail[:_MAX_DETAIL],
        "first_seen_by": group,
    }


def dead_letter_record(
    topic: str, partition: int, raw: RawRecord, letter: Payload, trace: str | None
) -> Outgoing:
    """A dead letter under the original key."""
    headers = envelope.headers(letter, letter["first_seen_by"], trace)
    return Outgoing(topic, partition, raw.key(), orjson.dumps(letter), headers)


def forwarded(raw: RawRecord, topic: str, partition: int) -> Outgoing:
    """A record found in the wrong partition, unchanged but for a mark."""
    headers = [*(raw.headers() or ()), (FORWARDED, b"1")]
    return Outgoing(topic, partition, raw.key(), raw.value(), headers)


def meta_row(batch: str, previous: int | None, fields: Mapping[str, Any]) -> bytes:
    """The first row of a batch in a partition.

    `previous` is the offset of the last committed batch's own first row: the chain by which a
    restore tells committed batches from aborted ones where the broker shows both.
    """
    return orjson.dumps({"b": batch, "prev": previous, **fields})


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode("ascii")


def labels_of(emits: Sequence[Caused]) -> dict[str, int]:
    """How many emits went to each topic."""
    counts: dict[str, int] = {}
    for caused in emits:
        topic = caused.emit.topic
        counts[topic] = counts.get(topic, 0) + 1
    return counts
