"""The clients of one cluster, as the exactly-once host asks for them."""

from collections.abc import Mapping, Sequence

from confluent_kafka import murmur2

from orchestrator.adapters.kafka import settings
from orchestrator.adapters.kafka.admin import Admin
from orchestrator.adapters.kafka.consumer import KafkaGroupConsumer, KafkaReader
from orchestrator.adapters.kafka.producer import KafkaTransactionalProducer
from orchestrator.adapters.kafka.settings import Cluster


class KafkaTransport:
    """Implements `orchestrator.ports.Transport`."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._admin = Admin(cluster)

    def consumer(self, group: str, topics: Mapping[str, int]) -> KafkaGroupConsumer:
        return KafkaGroupConsumer(self.cluster, group, topics)

    def producer(self, transactional_id: str) -> KafkaTransactionalProducer:
        return KafkaTransactionalProducer(self.cluster, transactional_id)

    def reader(self, *, fetch_wait_ms: int | None = None) -> KafkaReader:
        config = settings.reader(self.cluster)
        if fetch_wait_ms is not None:
            config["fetch.wait.max.ms"] = fetch_wait_ms
        return KafkaReader(self.cluster, config)

    def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        return self._admin.partitions(topics)

    def partition_for(self, key: bytes, count: int) -> int:
        return murmur2(key, count)
