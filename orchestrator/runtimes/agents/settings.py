"""Settings of the agents, and the topics they use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from orchestrator.errors import OrchestratorError
from orchestrator.processors.merchandising import CLICKSTREAM, ORDERS

CHANGES = "merchandising.changes"
"""Pair updates on their way to the partition of their product."""
SHOPPERS = "merchandising.shoppers"
"""Changelog of the table of shoppers, keyed by profile."""
STATISTICS = "merchandising.statistics"
"""Changelog of the table of products."""
TOTALS = "merchandising.totals"
"""Each product's share of the totals; every member reads all of it."""
DEAD_LETTERS = "dead-letters"
"""What of `catalog` cannot be used: nobody else reads that topic."""

COPARTITIONED = (CLICKSTREAM, ORDERS, SHOPPERS, CHANGES, STATISTICS)
"""Topics that must have the same number of partitions."""

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


class InvalidSettings(OrchestratorError):
    """A setting of the agents is not usable."""

    code = "E121"
    exit_status = 5


class InternalTopic(NamedTuple):
    """A topic that only the agents use, as it must be created before they start."""

    name: str
    """Logical name, without prefix."""
    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AgentsSettings:
    """What `orchestrator agents` can be told."""

    broker: str
    """HOST:PORT, several by commas."""
    group_prefix: str = "orchestrator"
    """The consumer group is `<group_prefix>-agents`."""
    topic_prefix: str = ""
    """Stands before every topic's name, as it is."""
    kafka: Mapping[str, str] = field(default_factory=dict)
    """librdkafka-style keys, as from `-X key=value`; see `connection.py` for those that map."""
    web_port: int | None = None
    """Port of the views; None: no web server at all."""
    web_host: str = "127.0.0.1"
    """Address the views listen on."""
    state_dir: Path | None = None
    """Where Faust keeps its few files; None: a temporary folder (the tables live in memory)."""
    flush_every_ms: int = 100
    """Changed rows are written and their records acknowledged at most this often."""
    publish_every_ms: int = 5_000
    """Changed products are published at most this often."""
    refresh_every_ms: int = 5 * MINUTE_MS
    """Every product is looked at again this often: trends fade, partners' totals move."""
    future_ms: int = 10 * MINUTE_MS
    """An event further than this after its record's timestamp has a wrong clock: skipped."""
    shopper_retention_ms: int = 7 * DAY_MS
    """A shopper's row is forgotten after this much event time."""
    product_retention_ms: int = 180 * DAY_MS
    """A product's statistics are forgotten after this much event time without interest."""
    connect_timeout_ms: int = 10_000
    """How long to wait for the broker's first answer."""

    @property
    def group(self) -> str:
        return f"{self.group_prefix}-agents"

    def topic(self, logical: str) -> str:
        """The name of a topic on the broker."""
        return self.topic_prefix + logical


def topics(partitions: int) -> list[InternalTopic]:
    """The agents' own topics, for `topics create`; Faust is not allowed to make its own.

    Args:
        partitions: The number of partitions of `clickstream` and `orders`.
    """
    compact = {"cleanup.policy": "compact"}
    return [
        InternalTopic(
            CHANGES, partitions, {"cleanup.policy": "delete", "retention.ms": "86400000"}
        ),
        InternalTopic(SHOPPERS, partitions, compact),
        InternalTopic(STATISTICS, partitions, compact),
        InternalTopic(TOTALS, partitions, compact),
    ]
