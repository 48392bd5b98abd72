"""Topics and readiness of a cluster."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata
from confluent_kafka.cimpl import NewTopic

from orchestrator.adapters.kafka import settings
from orchestrator.adapters.kafka.errors import cause
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.errors import (
    BrokerUnreachable,
    ClientFailed,
    InvalidPolicy,
    TopicsNotReady,
)

_TIMEOUT_S = 10.0
_SECRET = ("password", "secret", "pem", "oauthbearer", "jaas")
EMBEDDED_CLUSTER_ID = "tansu_cluster"


@dataclass(frozen=True)
class TopicSpec:
    """A topic to create; names with their prefix."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    replication: int = -1
    """-1: the broker's default."""


class Admin:
    """Administration of one cluster. Keep it: its futures die with it.

    The embedded broker answers `create_acls` with bytes that end the process: never call it.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        try:
            self._client = AdminClient(settings.common(cluster))
        except KafkaException as exception:  # every client begins with one: what it refuses is -X
            reason = cause(exception).str().rstrip(".")
            raise InvalidPolicy(
                f"{_refused(cluster.overrides, reason)}: {reason}.",
                way_out="Names and values are those of librdkafka's CONFIGURATION.md.",
            ) from exception

    def describe(self, timeout_s: float = _TIMEOUT_S) -> dict[str, int]:
        """Partition count of every topic.

        Raises:
            BrokerUnreachable: nobody answers.
        """
        return {
            name: len(topic.partitions)
            for name, topic in self._metadata(timeout_s).topics.items()
            if topic.error is None
        }

    def brokers(self, timeout_s: float = _TIMEOUT_S) -> int:
        """How many brokers the cluster has."""
        return len(self._metadata(timeout_s).brokers)

    def is_embedded(self, timeout_s: float = _TIMEOUT_S) -> bool:
        """Whether the cluster is one of the embedded kind, wherever it was started."""
        return self._metadata(timeout_s).cluster_id == EMBEDDED_CLUSTER_ID

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until the cluster answers.

        Raises:
            BrokerUnreachable: it does not.
        """
        self._metadata(timeout_s)

    def create(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Create the topics that are missing; return their names.

        A topic that exists is left as it is, whatever its partitions and settings.

        Raises:
            BrokerUnreachable: nobody answers.
            ClientFailed: the cluster refuses one.
        """
        present = self.describe()
        missing = [topic for topic in topics if topic.name not in present]
        if not missing:
            return []
        futures = self._client.create_topics(
            [
                NewTopic(
                    topic.name,
                    num_partitions=topic.partitions,
                    replication_factor=1 if self._cluster.embedded else topic.replication,
                    config=dict(topic.config),
                )
                for topic in missing
            ],
            operation_timeout=_TIMEOUT_S,
        )
        for name, future in futures.items():
            try:
                future.result()
            except KafkaException as exception:
                error = cause(exception)
                if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise ClientFailed(
                        f"topic {name}: {error.name()}: {error.str()}"
                    ) from exception
        self._wait_leaders([topic.name for topic in missing])
        return [topic.name for topic in missing]

    def co_partitioned(self, topics: Sequence[str]) -> int:
        """The partition count that all the topics share.

        Raises:
            TopicsNotReady: one is missing, or the counts differ.
        """
        counts = self.partitions(topics)
        if len(set(counts.values())) != 1:
            listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
            raise TopicsNotReady(
                f"topics of one key must have one partition count: {listed}.",
                way_out="Create them anew with 'orchestrator topics create --partitions N', "
                "with the same --broker and --topic-prefix.",
            )
        return next(iter(counts.values()))

    def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """Partition count of each topic named.

        Raises:
            TopicsNotReady: one is missing.
        """
        present = self.describe()
        missing = [name for name in topics if name not in present]
        if missing:
            raise TopicsNotReady(
                f"topic {missing[0]} does not exist on {self._cluster.address}.",
                way_out="Create the topics with 'orchestrator topics create', "
                "with the same --broker and --topic-prefix.",
            )
        return {name: present[name] for name in topics}

    def _metadata(self, timeout_s: float) -> ClusterMetadata:
        try:
            return self._client.list_topics(timeout=timeout_s)
        except KafkaException as exception:
            error = cause(exception)
            secured = "sasl.mechanism" in self._cluster.overrides
            hint = (
                " or are the credentials wrong (librdkafka only times out then)" if secured else ""
            )
            raise BrokerUnreachable(
                f"broker {self._cluster.address} does not answer ({error.name()}).",
                way_out=f"Is the address of --broker (or ORCHESTRATOR_BROKER) right{hint}? "
                "Start one with 'orchestrator run --broker embedded'.",
            ) from exception

    def _wait_leaders(self, names: Sequence[str]) -> None:
        """A new topic takes a moment to have leaders; clients would stumble over it."""
        end = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < end:
            topics = self._metadata(_TIMEOUT_S).topics
            if all(
                name in topics
                and topics[name].partitions
                and all(part.leader >= 0 for part in topics[name].partitions.values())
                for name in names
            ):
                return
            time.sleep(0.05)


def _refused(overrides: Mapping[str, str], reason: str) -> str:
    """The settings that librdkafka's reason is about, else all; secrets without their value."""
    about = [key for key in overrides if key in reason] or list(overrides)
    return " ".join(
        f"-X {key}" if any(word in key for word in _SECRET) else f"-X {key}={overrides[key]}"
        for key in about
    )
