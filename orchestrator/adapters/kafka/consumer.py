"""The group consumer and the plain reader, both with explicit positions."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from orchestrator.adapters.kafka import settings
from orchestrator.adapters.kafka.errors import cause
from orchestrator.adapters.kafka.settings import LOG, Cluster
from orchestrator.errors import ClientFailed, Retryable
from orchestrator.ports import Place, Polled, RawRecord, Rebalance

_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's own codes are named so
_COMMITTED_TIMEOUT_S = 10.0
_MANY = 200
"""So many records at once are a backlog, or nearly."""
_METADATA_TIMEOUT_S = 5.0
_OFFSET_GONE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})  # noqa: SLF001
_REFUSED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.FENCED_INSTANCE_ID,
    }
)


class KafkaReader:
    """Reads partitions from explicit offsets, committed records only, to the real end and on."""

    def __init__(self, cluster: Cluster, config: dict[str, Any] | None = None) -> None:
        self._client = Consumer(config or settings.reader(cluster))
        self._known: set[str] = set()

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        """Read these places; call it once.

        librdkafka (2.16) leaves partitions unread for ever when assignments that overlap follow
        one another quickly: seen in 5 of 12 rounds. Pausing, resuming and seeking are safe.
        """
        self._learn_leaders({topic for topic, _ in positions})
        self._client.assign([_at(place, offset) for place, offset in positions.items()])

    def _learn_leaders(self, topics: set[str]) -> None:
        """Without it the first look-up of an offset waits half a second for its next try."""
        for topic in topics - self._known:
            with contextlib.suppress(KafkaException):
                self._client.list_topics(topic, timeout=_METADATA_TIMEOUT_S)
                self._known.add(topic)

    def poll(self, limit: int, wait_ms: int) -> Polled:
        """Take up to `limit` records.

        Raises:
            ClientFailed: the position is gone from the log, or reading is refused.
        """
        rows: list[RawRecord] = []
        ends: list[tuple[str, int, int]] = []
        for message in self._consume(limit, wait_ms / 1000):
            error = message.error()
            if error is None:
                rows.append(message)
            elif error.code() == _EOF:
                ends.append((str(message.topic()), message.partition() or 0, message.offset() or 0))
            else:
                _judge(error, message.topic(), message.partition())
        return Polled(rows, ends)

    def _consume(self, limit: int, wait_s: float) -> list[Message]:
        """A few records at once, as they come; of many as many as come in that time.

        `consume(limit, s)` sits out `s` unless the limit is reached: right in a backlog, where
        each batch costs a transaction, a waste of time where records come one by one.
        """
        client = self._client
        found: list[Message] = client.consume(limit, 0)
        if not wait_s:
            return found
        if not found:
            found = client.consume(1, wait_s)
            if found:
                found += client.consume(limit - 1, 0)
        if _MANY <= len(found) < limit:
            found += client.consume(limit - len(found), wait_s)
        return found

    def seek(self, positions: Mapping[Place, int]) -> None:
        try:
            for (topic, partition), offset in positions.items():
                self._client.seek(TopicPartition(topic, partition, offset))
        except KafkaException as exception:
            error = cause(exception)
            raise Retryable(f"seek: {error.name()}: {error.str()}") from exception

    def pause(self, places: Sequence[Place]) -> None:
        self._client.pause([TopicPartition(*place) for place in places])

    def resume(self, places: Sequence[Place]) -> None:
        self._client.resume([TopicPartition(*place) for place in places])

    def close(self) -> None:
        self._client.close()


class KafkaGroupConsumer(KafkaReader):
    """A member of a group; the callbacks only set flags, all work is the loop's.

    An exception out of a callback would make librdkafka's Python client drop a batch that it has
    already fetched, so none leaves them.

    Where the broker assigns (`group.protocol=consumer`) a callback brings only what changes, and
    what stays is read on; else each assignment is a new one.
    """

    def __init__(self, cluster: Cluster, group: str, topics: Mapping[str, int]) -> None:
        super().__init__(cluster, settings.consumer(cluster, group, sum(topics.values())))
        self._topics = tuple(topics)
        self._incremental = cluster.is_incremental
        self._held: set[Place] = set()
        """What the group gave us."""
        self._read: set[Place] = set()
        """What is being read."""
        self._rebalance: Rebalance | None = None
        self._failure = ""
        self._client.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        if not self._incremental:
            super().assign(positions)
            return
        self._learn_leaders({topic for topic, _ in positions})
        gone = self._read - positions.keys()
        stays = self._read & positions.keys()
        comes = positions.keys() - self._read
        try:
            self._client.incremental_unassign([TopicPartition(*place) for place in gone])
            self._client.incremental_assign([_at(place, positions[place]) for place in comes])
            for place in stays:
                self._client.seek(_at(place, positions[place]))
        except KafkaException as exception:
            error = cause(exception)
            raise ClientFailed(f"assign: {error.name()}: {error.str()}") from exception
        self._read = set(positions)
        self.resume(list(stays))

    def poll(self, limit: int, wait_ms: int) -> Polled:
        polled = super().poll(limit, wait_ms)
        if self._failure:
            raise ClientFailed(self._failure)
        if self._rebalance is None:
            return polled
        rebalance, self._rebalance = self._rebalance, None
        return Polled((), (), rebalance)

    def committed(self, places: Sequence[Place]) -> dict[Place, int | None]:
        try:
            answer = self._client.committed(
                [TopicPartition(*place) for place in places], timeout=_COMMITTED_TIMEOUT_S
            )
        except KafkaException as exception:
            error = cause(exception)
            raise Retryable(f"committed: {error.name()}: {error.str()}") from exception
        for each in answer:
            if each.error is not None:
                raise Retryable(f"committed: {each.error}")
        return {
            (each.topic, each.partition): each.offset if each.offset >= 0 else None
            for each in answer
        }

    def high_water(self, place: Place) -> int | None:
        _, high = self._client.get_watermark_offsets(TopicPartition(*place), cached=True)
        return high if high >= 0 else None

    def group_metadata(self) -> Any:
        return self._client.consumer_group_metadata()

    def _on_assign(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        lost = self._rebalance.lost if self._rebalance else False
        self._held |= _places(partitions)
        self._rebalance = Rebalance(self._ours(), lost)
        self._tell("assign", client.incremental_assign if self._incremental else client.assign, [])

    def _on_revoke(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        lost = self._rebalance.lost if self._rebalance else False
        self._give_back(client, partitions, lost=lost)

    def _on_lost(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_back(client, partitions, lost=True)

    def _ours(self) -> tuple[int, ...]:
        """Partitions held of every topic."""
        held = [{number for name, number in self._held if name == topic} for topic in self._topics]
        return tuple(sorted(set.intersection(*held)))

    def _give_back(self, client: Consumer, partitions: list[TopicPartition], *, lost: bool) -> None:
        if not self._incremental:
            self._held.clear()
            self._rebalance = Rebalance(None, lost)
            # only this lets the group go on: an empty `assign` would hold it up for ever
            self._tell("unassign", client.unassign)
            return
        places = _places(partitions)
        read = self._read & places
        self._held -= places
        self._read -= places
        self._rebalance = Rebalance(self._ours(), lost)
        self._tell("unassign", client.incremental_unassign, [TopicPartition(*at) for at in read])

    def _tell(self, what: str, call: Callable[..., object], *arguments: object) -> None:
        """Answer the group: the loop assigns later, after restoring."""
        try:
            call(*arguments)
        except KafkaException as exception:
            self._failure = f"{what}: {exception}"


def _places(partitions: list[TopicPartition]) -> set[Place]:
    return {(each.topic, each.partition) for each in partitions}


def _at(place: Place, offset: int | None) -> TopicPartition:
    return TopicPartition(*place, OFFSET_BEGINNING if offset is None else offset)


def _judge(error: KafkaError, topic: str | None, partition: int | None) -> None:
    """Stop on what another poll cannot mend; librdkafka retries the rest by itself."""
    text = f"{topic} [{partition}]: {error.name()}: {error.str()}"
    if error.code() in _OFFSET_GONE:
        raise ClientFailed(
            f"the position to read from is no longer in the log: {text}",
            way_out="Retention has passed the group; reset its offsets on purpose to go on.",
        )
    if error.fatal() or error.code() in _REFUSED:
        raise ClientFailed(text)
    LOG.warning("%s", text)
