"""Write rows into the input topics, wait for the worker, and count what it published."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from orchestrator import wiring
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.importers import Row
from orchestrator.adapters.kafka.producer import InputProducer
from orchestrator.adapters.kafka.tools import group_lag, read_topic
from orchestrator.adapters.memory.murmur2 import murmur2
from orchestrator.cli.dry import FARTHEST_MS, SETTLE_MS, Summary
from orchestrator.config import Connection
from orchestrator.messages.topics import TOPICS, logical, prefixed
from orchestrator.types import Emit

COMMANDS = tuple(name for name in TOPICS if name.startswith("interventions."))
OUTPUTS = (*COMMANDS, "decisions", "sessions", "dead-letters")
LARGEST_BYTES = 1_000_000
"""A longer value no topic takes: brokers refuse it, and readers would."""
LOOK_EVERY_S = 0.5
ABSENT_AFTER_S = 10.0


def write_all(
    rows: Iterator[Row],
    place: Connection,
    *,
    finish: bool,
    wait_s: float,
    on_row: Callable[[], None],
    on_wait: Callable[[str], None],
) -> dict[str, Any]:
    """Write every row; return the summary, with what the worker made of them within `wait_s`."""
    cluster = wiring.cluster(place)
    counts = wiring.admin(place).partitions(
        wiring.names(("clickstream", *OUTPUTS), place.topic_prefix)
    )
    before, newest_ms = _before(cluster, place.topic_prefix)
    summary = Summary()
    producer = InputProducer(cluster)
    last_ms = written = 0
    try:
        for row in rows:
            on_row()
            if row.skipped:
                summary.rows_skipped[row.skipped] += 1
                continue
            if row.value is not None and len(row.value) > LARGEST_BYTES:
                summary.rows_skipped["too_large"] += 1
                continue
            producer.send(prefixed(row.topic, place.topic_prefix), row.key.encode(), row.value)
            written += 1
            summary.give(row.topic, row.value)
            if last_ms < row.time_ms < FARTHEST_MS:
                last_ms = row.time_ms
        clicks = prefixed("clickstream", place.topic_prefix)
        if finish and last_ms:
            end_ms = time_that_ends(last_ms, newest_ms, SystemClock().now_ms())
            for partition in range(counts[clicks]):
                key, value = clock_marker(partition, counts[clicks], end_ms)
                producer.send(clicks, key, value, partition=partition)
        producer.flush()
    finally:
        producer.close()
    state = _wait_for_worker(place, wait_s, on_wait)
    _count(cluster, before, place.topic_prefix, summary)
    summary.records = written - summary.dead_letters.total()
    return summary.payload() | {"worker": state}


def time_that_ends(last_ms: int, newest_ms: int, now_ms: int) -> int:
    """The time at which every session of a file has ended.

    Where the topics have seen later ones, sessions end by the time of those. A log that is live is
    not moved: its shoppers' sessions would end too.
    """
    after_log_ms = newest_ms + 2 * SETTLE_MS
    return max(last_ms + SETTLE_MS, after_log_ms if after_log_ms <= now_ms else 0)


def clock_marker(partition: int, partitions: int, time_ms: int) -> tuple[bytes, bytes]:
    """Key and value of a record that tells a partition the time, and belongs there by its key."""
    number = 0
    while murmur2(f"clock-{number}".encode(), partitions) != partition:
        number += 1
    key = f"clock-{number}"
    value = {
        "id": f"{key}-{time_ms}",
        "type": "clock_advanced",
        "time_ms": time_ms,
        "profile_id": key,
        "properties": {},
    }
    return key.encode(), orjson.dumps(value)


def _wait_for_worker(place: Connection, wait_s: float, on_wait: Callable[[str], None]) -> str:
    """Wait until the worker's group has committed everything; say how it went."""
    cluster = wiring.cluster(place)
    group = f"{place.group_prefix}-worker"
    clicks = prefixed("clickstream", place.topic_prefix)
    until = time.monotonic() + wait_s
    absent_at = time.monotonic() + min(wait_s, ABSENT_AFTER_S)
    while True:
        lag = group_lag(cluster, group, [clicks])
        now = time.monotonic()
        if lag == 0:
            return "caught_up"
        if lag is None and now > absent_at:
            return "absent"
        if now > until:
            return f"behind by {lag}"
        on_wait("waiting for a worker" if lag is None else f"worker {lag:,} behind")
        time.sleep(LOOK_EVERY_S)


def _before(cluster: Any, prefix: str) -> tuple[dict[tuple[str, int], int], int]:
    """Where each partition of the output topics ends now, and the latest time of the journeys."""
    ends: dict[tuple[str, int], int] = {}
    newest_ms = 0
    of_journeys = {prefixed(name, prefix) for name in ("decisions", "sessions")}
    for row in read_topic(cluster, [prefixed(name, prefix) for name in OUTPUTS]):
        ends[row.topic(), row.partition()] = row.offset() + 1
        if row.topic() in of_journeys:
            newest_ms = max(newest_ms, orjson.loads(row.value())["time_ms"])
    return ends, newest_ms


def _count(cluster: Any, before: dict[tuple[str, int], int], prefix: str, summary: Summary) -> None:
    rows = read_topic(cluster, [prefixed(name, prefix) for name in OUTPUTS])
    news = (row for row in rows if row.offset() >= before.get((row.topic(), row.partition()), 0))
    for emit in once(
        Emit(logical(row.topic(), prefix) or row.topic(), "", orjson.loads(row.value()))
        for row in news
    ):
        summary.take(emit)


def once(emits: Iterable[Emit]) -> Iterator[Emit]:
    """Each message once: the embedded broker also shows those of aborted batches.

    A batch that is folded again writes the same ids; a revocation has that of its command.
    """
    seen = set()
    for emit in emits:
        value = emit.value or {}
        identity = (emit.topic, value["id"], value.get("type"), value.get("opened_ms"))
        if identity not in seen:
            seen.add(identity)
            yield emit
