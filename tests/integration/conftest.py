"""A broker for the integration tests: the embedded one, or any Kafka by its address.

`ORCHESTRATOR_TEST_BROKER=HOST:PORT` runs them on a real cluster: every test takes topics and a
group of its own.
"""

import os
import secrets
from collections.abc import Iterator
from itertools import count

import pytest

from orchestrator.adapters.embedded import EmbeddedBroker
from orchestrator.adapters.kafka.admin import Admin, TopicSpec
from orchestrator.adapters.kafka.settings import Cluster

_run = secrets.token_hex(4)
"""A cluster outlives a run, and process ids come again."""
_names = count(1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A fresh embedded broker a module (its fetches slow down as it fills), or the one given."""
    address = os.environ.get("ORCHESTRATOR_TEST_BROKER")
    if address:
        yield Cluster(address)
        return
    with EmbeddedBroker() as broker:
        yield Cluster(broker.address, embedded=True)


@pytest.fixture
def prefix() -> str:
    """A name of this test's own, for topics and groups."""
    return f"t{_run}-{next(_names)}."


@pytest.fixture
def topics(cluster: Cluster, prefix: str) -> int:
    """Create the counting processor's topics; return their partition count."""
    partitions = 4
    specs = [
        TopicSpec(f"{prefix}{name}", partitions)
        for name in ("clickstream", "orders", "counts", "dead-letters")
    ]
    specs.append(TopicSpec(f"{prefix}state", partitions, {"cleanup.policy": "compact"}))
    Admin(cluster).create(specs)
    return partitions
