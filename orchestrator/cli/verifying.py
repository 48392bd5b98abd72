"""Make the ledger of a broker's topics anew, partition by partition, and compare."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from orchestrator import wiring
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.kafka.tools import read_topic
from orchestrator.adapters.memory.murmur2 import murmur2
from orchestrator.adapters.store import MemoryTable
from orchestrator.config import Connection
from orchestrator.errors import OrchestratorError
from orchestrator.messages.topics import logical, prefixed
from orchestrator.ports import RawRecord
from orchestrator.processors.journey.processor import JourneyProcessor
from orchestrator.processors.verification import Difference, Log, Reading, Verification
from orchestrator.runtimes.worker.intake import admit, was_forwarded
from orchestrator.types import Scope

ANY_TIME_MS = 10**15
"""What was too far in the future is among the dead letters: nothing else is refused for it."""


class LogTooShort(OrchestratorError):
    """The log does not go back to its beginning."""

    code = "E134"


def verify(
    place: Connection,
    policies: Path | None,
    gap_ms: int,
    *,
    wall: bool,
    on_partition: Callable[[], None],
) -> tuple[dict[str, Any], list[tuple[int, Difference]]]:
    """Compare each ledger entry with the one that the log makes.

    Args:
        place: The broker, and whose topics.
        policies: Folder that the workers were started with; the shipped ones without it.
        gap_ms: Silence that ends a session, as the workers had it.
        wall: Whether their time also moved with the wall clock.
        on_partition: Called when one is done.

    Returns:
        The summary, and what differs, with its partition.

    Raises:
        LogTooShort: retention has taken records that the ledger was made of.
    """
    cluster = wiring.cluster(place)
    prefix = place.topic_prefix
    inputs = wiring.names(wiring.journey(policies, gap_ms).inputs, prefix)
    counts = wiring.admin(place).partitions([*inputs, prefixed("decisions", prefix)])
    partitions = counts[inputs[0]]
    refused = _refused(cluster, place)
    models = _models(cluster, prefix)
    published = _published(cluster, prefix)
    found: list[tuple[int, Difference]] = []
    entries_count = 0
    for number in range(partitions):
        log = Log(
            _records(cluster, inputs, prefix, number),
            refused.get(number, frozenset()),
            models,
            published,
        )
        processor = wiring.journey(policies, gap_ms)
        verification = Verification(
            processor,
            Scope(number, partitions),
            MemoryTable(),
            log,
            Reading(
                partial(_decoded, processor, number),
                partial(_is_stray, number, partitions),
            ),
            wall=wall,
        )
        entries = _ledger(cluster, prefixed("decisions", prefix), number)
        entries_count += len(entries)
        found += [(number, each) for each in verification.differences(entries)]
        on_partition()
    summary = {
        "type": "verify_summary",
        "partitions": partitions,
        "entries": entries_count,
        "different": len(found),
    }
    return summary, found


def _decoded(
    processor: JourneyProcessor,
    number: int,
    topic: str,
    raw: RawRecord,
    last_ms: Callable[[str], int],
) -> Any:
    return admit(processor, topic, number, raw, ANY_TIME_MS, last_ms)


def _is_stray(number: int, partitions: int, raw: RawRecord) -> bool:
    return murmur2(raw.key() or b"", partitions) != number and not was_forwarded(raw)


def _records(
    cluster: Cluster, topics: Sequence[str], prefix: str, number: int
) -> Mapping[str, list[RawRecord]]:
    found: dict[str, list[RawRecord]] = {}
    for raw in read_topic(cluster, topics, {(topic, number): None for topic in topics}):
        records = found.setdefault(logical(raw.topic(), prefix) or "", [])
        if not records and raw.offset():
            raise LogTooShort(
                f"{raw.topic()} [{number}] begins at offset {raw.offset()}: what the ledger was "
                "made of is gone.",
                way_out="Verify while the log is whole: see the retention of the input topics.",
            )
        records.append(raw)
    return found


def _ledger(cluster: Cluster, topic: str, number: int) -> list[bytes]:
    """Entries in their order; the embedded broker also shows those of aborted batches, earlier."""
    entries: list[bytes] = [
        raw.value() for raw in read_topic(cluster, [topic], {(topic, number): None})
    ]
    if cluster.embedded:
        last = {orjson.loads(value)["id"]: at for at, value in enumerate(entries)}
        entries = [entries[at] for at in sorted(last.values())]
    return entries


def _refused(cluster: Cluster, place: Connection) -> dict[int, set[tuple[str, int]]]:
    """Topic and offset of what the workers put aside, by partition."""
    found: dict[int, set[tuple[str, int]]] = {}
    for raw in read_topic(cluster, [prefixed("dead-letters", place.topic_prefix)]):
        letter = orjson.loads(raw.value())
        if letter["first_seen_by"] == f"{place.group_prefix}-worker":
            found.setdefault(letter["partition"], set()).add((letter["topic"], letter["offset"]))
    return found


def _models(cluster: Cluster, prefix: str) -> dict[str, bytes]:
    """Snapshots of the risk model that the topic holds, by label."""
    found = {}
    for raw in read_topic(cluster, [prefixed("models", prefix)]):
        if raw.key() == b"risk" and raw.value() is not None:
            found[f"risk@{orjson.loads(raw.value())['version']}"] = raw.value()
    return found


def _published(cluster: Cluster, prefix: str) -> list[tuple[str, bytes | None]]:
    rows = read_topic(cluster, [prefixed("policies", prefix)])
    return [((raw.key() or b"").decode(errors="replace"), raw.value()) for raw in rows]
