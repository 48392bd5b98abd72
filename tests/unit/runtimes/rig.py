"""A host on the broker in memory, and what a test asks of it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import orjson

from orchestrator.adapters.clock import ManualClock
from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.transport import MemoryTransport
from orchestrator.adapters.store import MemoryTable
from orchestrator.runtimes.worker import ExactlyOnceHost, HostSettings
from orchestrator.runtimes.worker.settings import Own, own_assigned
from tests.counting import Counted, CountingProcessor, body

START_MS = 1_700_000_000_000
SETTINGS = HostSettings(role="worker", changelog="state", clock="event", merge_wait_ms=0)
_nonces = count(1)


class Tallies:
    """Metrics that remember."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, ...], float] = {}

    def count(self, name: str, amount: float = 1, labels: Any = None) -> None:
        key = (name, *(labels or {}).values())
        self.counts[key] = self.counts.get(key, 0) + amount

    def gauge(self, name: str, value: float, labels: Any = None) -> None:
        self.counts[name, *(labels or {}).values()] = value

    def observe(self, name: str, value: float, labels: Any = None) -> None:
        """Not looked at."""


class Rig:
    """One cluster; hosts come and go on it."""

    def __init__(
        self, *, partitions: int = 2, inputs: Sequence[str] = ("clickstream",), **options: Any
    ) -> None:
        self.broker = MemoryBroker(now_ms=START_MS, **options)
        self.inputs = inputs
        self.partitions = partitions
        for topic in (*inputs, "state", "counts", "dead-letters"):
            self.broker.create(topic, partitions)
        self.clock = ManualClock(START_MS)
        self.processor = CountingProcessor(inputs)

    def host(
        self,
        *,
        processor: Any = None,
        own: Own = own_assigned,
        metrics: Any = None,
        log: Any = None,
        **changes: Any,
    ) -> ExactlyOnceHost[Counted]:
        """Start a host; `changes` to its settings."""
        host: ExactlyOnceHost[Counted] = ExactlyOnceHost(
            processor or CountingProcessor(self.inputs, self.processor.broadcasts),
            MemoryTransport(self.broker),
            replace(SETTINGS, **changes),
            self.clock,
            table=lambda _: MemoryTable(),
            nonce=f"n{next(_nonces)}",
            own=own,
            metrics=metrics,
            log=log,
        )
        host.start()
        return host

    def click(self, key: str, at_ms: int = 0, kind: str = "click", **where: Any) -> None:
        """Write one input record."""
        topic = where.pop("topic", self.inputs[0])
        self.broker.write(topic, key.encode(), body(START_MS + at_ms, kind), **where)

    def clicks(self, total: int, keys: int = 7) -> None:
        """Write many, a tenth of a second apart."""
        for number in range(total):
            self.click(f"k{number % keys}", number * 100)

    def messages(self, kind: str = "counted") -> list[dict[str, Any]]:
        """Committed messages of a type, partition by partition."""
        rows = [orjson.loads(row.value() or b"{}") for row in self.broker.committed("counts")]
        return [row for row in rows if row["type"] == kind]

    def dead_letters(self) -> list[dict[str, Any]]:
        return [orjson.loads(row.value() or b"") for row in self.broker.committed("dead-letters")]

    def assert_each_counted_once(self) -> None:
        """Every input record gave one message, and each key counts 1, 2, 3 without a gap."""
        told = self.messages()
        wanted = sorted(
            f"{row.topic()}/{row.partition()}/{row.offset()}"
            for topic in self.inputs
            for row in self.broker.committed(topic)
        )
        assert sorted(row["id"] for row in told) == wanted
        by_key: dict[bytes | None, list[int]] = {}
        for row in self.broker.committed("counts"):
            value = orjson.loads(row.value() or b"{}")
            if value["type"] == "counted":
                by_key.setdefault(row.key(), []).append(value["n"])
        assert all(counts == list(range(1, len(counts) + 1)) for counts in by_key.values())


def settle(*hosts: ExactlyOnceHost[Counted], turns: int = 200) -> None:
    """Turn until nobody has anything to do."""
    idle = 0
    for _ in range(turns):
        idle = 0 if sum(host.turn() for host in hosts) else idle + 1
        if idle > 3:
            return
    raise AssertionError("it never came to rest")
