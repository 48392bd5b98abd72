"""Client settings, all in one place, with the reason of each that is not the default."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import InvalidPolicy

LOG = logging.getLogger("orchestrator.kafka")
MAX_RECORD_BYTES = 4 * 1024 * 1024
"""Largest record written: a dead letter holds a megabyte of original in base64."""
TRANSACTION_TIMEOUT_MS = 40_000
"""Longer than the worst batch and a request's time-out together."""

_SHORT_WAIT_MS = 10
"""Not much more than a look takes: little is held up."""
_OURS = frozenset(
    {
        "bootstrap.servers",
        "group.id",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "isolation.level",
        "auto.offset.reset",
        "partition.assignment.strategy",
        "enable.partition.eof",
        "transactional.id",
        "enable.idempotence",
        "partitioner",
        "group.remote.assignor",
    }
)
"""Exactly-once stands on these: `-X` may not change them."""
_PROTOCOLS = ("classic", "consumer")
_OF_MEMBERS = ("group.protocol", "group.instance.id")
"""What `-X` says of members of a group only; librdkafka warns of it in other clients."""


@dataclass(frozen=True)
class Cluster:
    """One cluster, and how to reach it."""

    address: str
    """`host:port`, several with commas."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """librdkafka settings (`-X key=value`): SASL, TLS, time-outs."""
    embedded: bool = False
    """The embedded broker: shorter group time-outs, since nobody pauses there for long."""
    client_id: str = "orchestrator"

    def __post_init__(self) -> None:
        refused = sorted(_OURS & self.overrides.keys())
        if refused:
            raise InvalidPolicy(
                f"-X {refused[0]} cannot be changed: exactly-once processing depends on it.",
                way_out="Leave it out.",
            )
        protocol = self.overrides.get("group.protocol", "classic")
        if protocol not in _PROTOCOLS:
            raise InvalidPolicy(
                f"-X group.protocol={protocol} is not known.",
                way_out=f"It is one of {' and '.join(_PROTOCOLS)}.",
            )

    @property
    def shared(self) -> dict[str, str]:
        """What `-X` says to every client."""
        return {key: value for key, value in self.overrides.items() if key not in _OF_MEMBERS}

    @property
    def is_incremental(self) -> bool:
        """The broker assigns (KIP-848): partitions come and go one by one, the others stay."""
        return self.overrides.get("group.protocol") == "consumer"

    @property
    def session_timeout_ms(self) -> int:
        """A member that is silent for this long has lost its partitions."""
        given = self.overrides.get("session.timeout.ms")
        return int(given) if given else (3_000 if self.embedded else 10_000)

    @property
    def transaction_timeout_ms(self) -> int:
        given = self.overrides.get("transaction.timeout.ms")
        return int(given) if given else TRANSACTION_TIMEOUT_MS


def common(cluster: Cluster) -> dict[str, Any]:
    """Settings of every client."""
    return {
        "bootstrap.servers": cluster.address,
        "client.id": cluster.client_id,
        # librdkafka#5511: the default hangs calls for ever after a reset connection to one broker
        "metadata.recovery.strategy": "none",
        "allow.auto.create.topics": False,
        "reconnect.backoff.max.ms": 1_000,
        "log.connection.close": False,
        "logger": LOG,
        "error_cb": _note_error,
        **cluster.shared,
    }


def consumer(cluster: Cluster, group: str, places: int) -> dict[str, Any]:
    """Settings of a member of a consumer group that reads so many partitions of all its topics."""
    return {
        **reader(cluster),
        **(_embedded_fetch(places) if cluster.embedded else {}),
        "group.id": group,
        # no committed offset is handled by explicit positions; a lost one must not pass silently
        "auto.offset.reset": "error",
        "max.poll.interval.ms": max(120_000, cluster.session_timeout_ms),
        **cluster.shared,
        **_group(cluster),
    }


def _group(cluster: Cluster) -> dict[str, Any]:
    """How partitions are shared out.

    Range gives a member the same partitions of every topic; cooperative-sticky does not.
    """
    given = {name: cluster.overrides[name] for name in _OF_MEMBERS if name in cluster.overrides}
    if cluster.is_incremental:  # the broker's own settings tell the times
        return {**given, "group.remote.assignor": "range"}
    return {
        **given,
        "partition.assignment.strategy": "range",
        "session.timeout.ms": cluster.session_timeout_ms,
        "heartbeat.interval.ms": cluster.overrides.get(
            "heartbeat.interval.ms", min(3_000, max(100, cluster.session_timeout_ms // 6))
        ),
    }


def reader(cluster: Cluster) -> dict[str, Any]:
    """Settings of a consumer without a group (librdkafka wants a name all the same)."""
    return {
        **common(cluster),
        "group.id": "orchestrator-reader",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        # the default of a second stalls every backlog read
        "fetch.queue.backoff.ms": 10,
        "fetch.wait.max.ms": 20 if cluster.embedded else 50,
        "queued.min.messages": 10_000,
        "queued.max.messages.kbytes": 16_384,
        "fetch.message.max.bytes": MAX_RECORD_BYTES,
        **cluster.shared,
    }


def producer(cluster: Cluster) -> dict[str, Any]:
    """Settings of an idempotent producer."""
    return {
        **common(cluster),
        "enable.idempotence": True,
        # the Java client's partitioner; librdkafka's own default is CRC32
        "partitioner": "murmur2_random",
        "linger.ms": 5,
        "batch.num.messages": 10_000,
        "queue.buffering.max.messages": 1_000_000,
        "message.max.bytes": MAX_RECORD_BYTES + 65_536,
        **cluster.shared,
    }


def transactional(cluster: Cluster, transactional_id: str) -> dict[str, Any]:
    """Settings of a producer of transactions; the id names a slot, stable over restarts."""
    return {
        **producer(cluster),
        "transactional.id": transactional_id,
        # a flush sends at once what a batch holds; until then the client's thread need not wake
        "linger.ms": 100,
        "transaction.timeout.ms": cluster.transaction_timeout_ms,
        **cluster.shared,
    }


def _embedded_fetch(places: int) -> dict[str, Any]:
    """How often to ask the embedded broker, which does not long-poll.

    It looks at every partition, sleeps out the wait, and looks again only if it found less than the
    least. So a long wait holds up what the first look found, unless the least is more than that;
    and a short one makes it look all the time, which commits then wait for.
    """
    wait_ms = max(_SHORT_WAIT_MS, places // 2)
    least_bytes = 1 if wait_ms == _SHORT_WAIT_MS else 65_536
    return {"fetch.wait.max.ms": wait_ms, "fetch.min.bytes": least_bytes}


def _note_error(error: Any) -> None:
    """Keep a line of what librdkafka met; a callback that raised would lose records."""
    LOG.warning("%s: %s", error.name(), error.str())
