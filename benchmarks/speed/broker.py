"""A fresh broker for each run, its topics, the stream written into it, and what came out."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.speed.stream import Event
from orchestrator.adapters.embedded import EmbeddedBroker

INPUT = "clickstream"
OUTPUT = "reference.commands"
CHANGELOG = "orchestrator.state"
DEAD_LETTERS = "dead-letters"
PARTITIONS = 12
# Quix Streams reads these back from the broker, and the embedded one reports only what was set.
TOPIC_CONFIG = {"retention.ms": "604800000", "retention.bytes": "-1", "cleanup.policy": "delete"}
# With the default, a reset connection to a single broker can hang a client for good.
CLIENT: dict[str, Any] = {"metadata.recovery.strategy": "none", "log_level": 2}


@contextmanager
def fresh(address: str = "", core: int | None = None) -> Iterator[str]:
    """Give the address of a broker: the one named, or an embedded one for this block alone.

    Args:
        address: HOST:PORT; empty starts one.
        core: The core to hold a started broker on; None leaves it free.
    """
    if address:
        yield address
        return
    with EmbeddedBroker() as broker:
        if core is not None and broker.pid is not None:
            # After its start: a broker born on one core would run one thread only.
            pin(broker.pid, core)
        yield broker.address


def pin(pid: int, core: int) -> None:
    """Hold all threads of a process on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})


def create_topics(address: str, topics: Mapping[str, int]) -> None:
    """Create topics by name and partition count; those that exist are left alone."""
    admin = AdminClient({"bootstrap.servers": address, **CLIENT})
    have = admin.list_topics(timeout=10).topics
    new = [
        NewTopic(name, count, replication_factor=1, config=TOPIC_CONFIG)
        for name, count in topics.items()
        if name not in have
    ]
    for future in admin.create_topics(new).values() if new else ():
        future.result(timeout=20)


def preload(address: str, events: Iterable[Event], topic: str) -> int:
    """Write events, keyed and partitioned as the contract says; return how many.

    Raises:
        RuntimeError: not all of them were acknowledged within a minute.
    """
    failed: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": address,
            "partitioner": "murmur2_random",
            "linger.ms": 100,
            "batch.size": 1_000_000,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 2_000_000,
            "queue.buffering.max.kbytes": 2_000_000,
            **CLIENT,
        }
    )
    # Or the first records could be overtaken while the client does not know the topic.
    producer.list_topics(topic, timeout=10)

    def delivered(error: Any, _: Any) -> None:
        if error is not None:
            failed.append(str(error))

    count = 0
    for event in events:
        producer.produce(topic, event.value, event.key, on_delivery=delivered)
        count += 1
        if not count % 1000:
            producer.poll(0)
    left = producer.flush(60)
    if left or failed:
        raise RuntimeError(f"{left} records not delivered, {len(failed)} failed: {failed[:1]}")
    return count


class Progress:
    """How far a consumer group has committed."""

    def __init__(self, address: str, group: str, topic: str) -> None:
        self._client = Consumer({"bootstrap.servers": address, "group.id": group, **CLIENT})
        self._asked = [TopicPartition(topic, number) for number in range(PARTITIONS)]

    def committed(self) -> int:
        """Records committed, all partitions together."""
        answer = self._client.committed(self._asked, timeout=10)
        return sum(max(0, part.offset) for part in answer)

    def close(self) -> None:
        """Close the client."""
        self._client.close()


def reader(address: str, group: str, wait_ms: int = 10) -> Consumer:
    """A read_committed consumer that tells the ends of partitions and commits nothing."""
    return Consumer(
        {
            "bootstrap.servers": address,
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": wait_ms,
            "fetch.queue.backoff.ms": 10,
            **CLIENT,
        }
    )


def count_records(address: str, topics: Sequence[str], idle_turns: int = 200) -> dict[str, int]:
    """Count the records of whole topics, as a read_committed reader sees them.

    A topic that is not there counts 0. `idle_turns` reads of 50 ms without a record end the wait.
    """
    consumer = reader(address, "speed-reader")
    counts = dict.fromkeys(topics, 0)
    known = consumer.list_topics(timeout=10).topics
    parts = [
        TopicPartition(topic, number, 0)
        for topic in topics
        if topic in known
        for number in known[topic].partitions
    ]
    consumer.assign(parts)
    unfinished = {(part.topic, part.partition) for part in parts}
    idle = 0
    while unfinished and idle < idle_turns:
        messages = consumer.consume(2000, 0.05)
        idle = 0 if messages else idle + 1
        for message in messages:
            if message.error() is not None:
                unfinished.discard((str(message.topic()), message.partition() or 0))
            else:
                counts[str(message.topic())] += 1
    consumer.close()
    return counts
