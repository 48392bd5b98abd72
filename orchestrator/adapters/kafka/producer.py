"""Producers: transactions for the exactly-once host, idempotent records for everything else."""

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from orchestrator.adapters.kafka import settings
from orchestrator.adapters.kafka.errors import cause, classify, repeat, settle
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.errors import BrokerUnreachable, OrchestratorError, Retryable
from orchestrator.ports import Headers, Place

_CALL_TIMEOUT_S = 10.0
_FLUSH_TIMEOUT_S = 30.0
_INIT_TIMEOUT_S = 45.0
"""Longer than a transaction's time-out: a predecessor's open one may have to run out."""
_UNSETTLED = frozenset({KafkaError._TIMED_OUT, KafkaError._TRANSPORT})  # noqa: SLF001


class KafkaTransactionalProducer:
    """One producer per process; one transaction after another."""

    def __init__(self, cluster: Cluster, transactional_id: str) -> None:
        self._address = cluster.address
        self._settle_s = cluster.transaction_timeout_ms / 1000
        self._client = Producer(settings.transactional(cluster, transactional_id))

    def init(self) -> None:
        try:
            repeat(
                "init_transactions",
                lambda: self._client.init_transactions(_CALL_TIMEOUT_S),
                _INIT_TIMEOUT_S,
            )
        except Retryable as error:
            raise BrokerUnreachable(
                f"broker {self._address} did not answer a transactional producer: {error.message}.",
                way_out="Is the address right, and may this user write transactions?",
            ) from error

    def begin(self) -> None:
        repeat("begin_transaction", self._client.begin_transaction, _CALL_TIMEOUT_S)

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None = None,
        *,
        on_offset: Callable[[int], None] | None = None,
    ) -> None:
        produce = self._client.produce
        options: dict[str, Any] = {}
        if headers:
            options["headers"] = headers
        if on_offset is not None:
            options["on_delivery"] = _offset_teller(on_offset)
        while True:
            try:
                if options:
                    produce(topic, value, key, partition, **options)
                else:
                    produce(topic, value, key, partition)  # a changelog row: half the time
            except BufferError:
                self._client.poll(0.1)
            except KafkaException as exception:
                error = cause(exception)
                if error.fatal():
                    raise classify("produce", error) from exception
                raise Retryable(f"produce: {error.name()}: {error.str()}") from exception
            else:
                return

    def flush(self) -> None:
        try:
            left = self._client.flush(_FLUSH_TIMEOUT_S)
        except KafkaException as exception:
            raise classify("flush", cause(exception)) from exception
        except SystemError as error:
            # the client raises a fatal error, then runs delivery reports on top of it
            if not isinstance(error.__cause__, KafkaException):
                raise
            raise classify("flush", cause(error.__cause__)) from error.__cause__
        if left:
            raise Retryable("flush: records were not acknowledged in time")

    def send_offsets(self, offsets: Mapping[Place, int], group_metadata: Any) -> None:
        positions = [
            TopicPartition(topic, partition, offset)
            for (topic, partition), offset in offsets.items()
        ]
        repeat(
            "send_offsets_to_transaction",
            lambda: self._client.send_offsets_to_transaction(
                positions, group_metadata, _CALL_TIMEOUT_S
            ),
            _CALL_TIMEOUT_S,
        )

    def commit(self) -> None:
        settle("commit_transaction", lambda: self._client.commit_transaction(-1), self._settle_s)

    def abort(self) -> None:
        settle("abort_transaction", lambda: self._client.abort_transaction(-1), self._settle_s)

    def close(self) -> None:
        """Drop the client; an open transaction is settled by the next start of the same id."""
        self._client.purge()


class InputProducer:
    """Idempotent records for input topics, partitioned by key as the Java client does.

    The Kafka timestamp is the time of writing, never the event's: retention looks at it.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._address = cluster.address
        self._client = Producer(settings.producer(cluster))
        self._known: set[str] = set()
        self._failure: OrchestratorError | None = None

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None = None,
        partition: int | None = None,
    ) -> None:
        """Queue one record; blocks while the queue is full, raises what an earlier record met."""
        if topic not in self._known:
            # the first records could be overtaken while the client does not know the topic
            self._client.list_topics(topic, timeout=_CALL_TIMEOUT_S)
            self._known.add(topic)
        options: dict[str, Any] = {"key": key, "value": value, "on_delivery": self._report}
        if headers:
            options["headers"] = headers
        if partition is not None:
            options["partition"] = partition
        while True:
            self._raise()
            try:
                self._client.produce(topic, **options)
            except BufferError:
                self._client.poll(0.1)
            else:
                self._client.poll(0)
                return

    def flush(self, timeout_s: float = _FLUSH_TIMEOUT_S) -> None:
        """Wait until every record is acknowledged.

        Raises:
            BrokerUnreachable: not acknowledged in time.
        """
        left = self._client.flush(timeout_s)
        self._raise()
        if left:
            raise BrokerUnreachable(
                f"broker {self._address} did not acknowledge {left} records in {timeout_s:.0f} s."
            )

    def close(self) -> None:
        """Wait for what is queued."""
        self._client.flush(_FLUSH_TIMEOUT_S)

    def _report(self, error: KafkaError | None, _: Message) -> None:
        if error is not None and self._failure is None:
            unreachable = error.code() in _UNSETTLED
            kind = BrokerUnreachable if unreachable else OrchestratorError
            self._failure = kind(f"a record was not written: {error.name()}: {error.str()}")

    def _raise(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure


def _offset_teller(
    on_offset: Callable[[int], None],
) -> Callable[[KafkaError | None, Message], None]:
    def report(error: KafkaError | None, message: Message) -> None:
        offset = message.offset()
        if error is None and offset is not None:
            on_offset(offset)

    return report
