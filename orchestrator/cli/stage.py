"""A whole installation for the length of a command: broker, topics, roles, simulated shoppers."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from orchestrator import wiring
from orchestrator.adapters.kafka.producer import InputProducer
from orchestrator.adapters.kafka.tools import tail_topics
from orchestrator.cli.processes import log_of, role_options, start_roles
from orchestrator.cli.replaying import COMMANDS
from orchestrator.config import Connection
from orchestrator.messages.topics import logical, prefixed
from orchestrator.simulator import Simulation
from orchestrator.types import Payload

WATCHED = (*COMMANDS, "decisions", "sessions", "rewards", "models", "dead-letters")


class Shop:
    """Shoppers on a broker: writes what they do, lets them see the commands they get.

    Args:
        place: The broker.
        simulation: The shoppers.
    """

    def __init__(self, place: Connection, simulation: Simulation) -> None:
        self._place = place
        self._simulation = simulation
        cluster = wiring.cluster(place)
        self._producer = InputProducer(cluster)
        self._rows = tail_topics(
            cluster, [prefixed(name, place.topic_prefix) for name in WATCHED], from_start=True
        )
        self.written = 0

    def write_until(self, time_ms: int) -> None:
        """Write what happens up to a moment of the shop's time."""
        for emission in self._simulation.step_until(time_ms):
            topic = prefixed(emission.topic, self._place.topic_prefix)
            self._producer.send(topic, emission.key.encode(), orjson.dumps(emission.value))
            self.written += 1

    def look(self) -> Iterator[tuple[str, Payload]]:
        """What was published since the last look; shoppers see their commands."""
        for row in self._rows:
            if row is None:
                return
            topic = logical(row.topic(), self._place.topic_prefix) or row.topic()
            if row.value() is None:
                continue
            payload: Payload = orjson.loads(row.value())
            if topic in COMMANDS:
                self._simulation.on_command(payload)
            yield topic, payload

    def write(self, topic: str, key: bytes, value: bytes, partition: int) -> None:
        """Write one record to a partition."""
        self._producer.send(
            prefixed(topic, self._place.topic_prefix), key, value, partition=partition
        )

    def flush(self) -> None:
        self._producer.flush()

    def close(self) -> None:
        """Let go; what was not flushed may be lost, since the broker may be gone."""
        self._rows.close()  # type: ignore[attr-defined]  # a generator: lets its reader go
        del self._producer


def start_demo_roles(stack: ExitStack, place: Connection, logs: Path) -> dict[str, Any]:
    """Start worker, learner and agents in simulated time, their logs in a folder."""
    return start_roles(stack, role_options(place, "event"), logs)


def wait_for_worker(logs: Path, look: Callable[[], None]) -> None:
    """Wait until the worker is ready to take records.

    Args:
        logs: Folder with its log.
        look: Raises where something ended that it needs, or the worker itself.

    Raises:
        RoleFailed: it does not come up.
    """
    log = log_of(logs, "worker")
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        look()
        if b"partitions_restored" in log.read_bytes():
            return
        time.sleep(0.1)
    raise wiring.RoleFailed(
        f"the worker did not come up; its log is {log}.",
        way_out="Look there, and check this machine with: orchestrator doctor",
    )
