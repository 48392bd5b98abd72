"""What the inner floors and the runtimes need from outside, as protocols."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from orchestrator.types import Keyed, Millis, Record, Scope, Step

S = TypeVar("S", bound=Keyed)


class Clock(Protocol):
    """Time, for the runtimes only."""

    def now_ms(self) -> Millis:
        """Unix epoch, UTC, milliseconds."""
        ...

    def mono_ms(self) -> int:
        """Monotonic milliseconds, for waits and deadlines."""
        ...


class Processor(Protocol[S]):
    """A keyed fold over co-partitioned topics.

    Same state, record, now and tables: same step, to the byte. The host owns the state between
    calls; a fold may change the state it is handed and must return it.
    """

    inputs: Sequence[str]
    """Co-partitioned input topics, in tie order."""
    broadcasts: Sequence[str]
    """Topics every member reads whole (models, policies, catalogue): they change tables only."""

    def decode(self, topic: str, key: str, value: bytes) -> Any:
        """Bytes of an input topic to a message with `time_ms`; raise `InvalidRecord` otherwise."""
        ...

    def on_broadcast(self, topic: str, key: str, value: bytes | None) -> None:
        """Take a model, policy or product in (None: tombstone); called between batches only.

        Raises:
            InvalidPolicy: It is refused; what was in force stays.
        """
        ...

    def on_record(self, scope: Scope, state: S | None, record: Record, now: Millis) -> Step[S]: ...

    def on_timer(self, scope: Scope, key: str, state: S, now: Millis) -> Step[S]: ...

    def dump(self, state: S) -> Any:
        """State to plain JSON values (lists, numbers, strings), small."""
        ...

    def load(self, row: Any) -> S:
        """The inverse of `dump`; raises on anything else."""
        ...


class StateTable(Protocol[S]):
    """Keyed state of one partition: in memory, with something larger behind where configured."""

    def get(self, key: str) -> S | None: ...

    def put(self, key: str, state: S) -> None: ...

    def delete(self, key: str) -> None: ...

    def __len__(self) -> int: ...


class Metrics(Protocol):
    """Counters, gauges and histograms by the names in `orchestrator.runtimes.worker.metrics`."""

    def count(
        self, name: str, amount: float = 1, labels: Mapping[str, str] | None = None
    ) -> None: ...

    def gauge(self, name: str, value: float, labels: Mapping[str, str] | None = None) -> None: ...

    def observe(self, name: str, value: float, labels: Mapping[str, str] | None = None) -> None: ...


Place: TypeAlias = tuple[str, int]
"""A topic as the broker names it (with its prefix), and a partition of it."""
Headers: TypeAlias = Sequence[tuple[str, bytes | None]]


class RawRecord(Protocol):
    """An undecoded record, read by calls: the hot loop pays for nothing it does not ask."""

    def topic(self) -> Any: ...
    def partition(self) -> Any: ...
    def offset(self) -> Any: ...
    def key(self) -> Any: ...
    def value(self) -> Any: ...
    def headers(self) -> Any: ...
    def timestamp(self) -> tuple[int, int]: ...


class Rebalance(NamedTuple):
    """What the group decided during a poll."""

    assigned: tuple[int, ...] | None
    """Partitions now ours, of every input topic alike; None: given back, the new ones not known."""
    lost: bool
    """The group went on without us: others may have moved what we hold in memory."""


class Polled(NamedTuple):
    """What one poll brought."""

    rows: Sequence[RawRecord]
    ends: Sequence[tuple[str, int, int]]
    """Topic, partition, end offset: the reader stood at the real end there (partition EOF)."""
    rebalance: Rebalance | None = None
    """Set: rows and ends of this poll may belong to the old assignment; drop them."""


class GroupConsumer(Protocol):
    """A member of a consumer group over co-partitioned topics; positions are the caller's."""

    def poll(self, limit: int, wait_ms: int) -> Polled: ...

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        """Read exactly these places from these offsets (None: the oldest record).

        Once an assignment of the group; to go elsewhere afterwards, `seek`.
        """
        ...

    def seek(self, positions: Mapping[Place, int]) -> None:
        """Go on from these offsets; `Retryable` while a place is not being read yet."""
        ...

    def committed(self, places: Sequence[Place]) -> dict[Place, int | None]:
        """The group's offsets, once no transaction on them is open; `Retryable` on a time-out."""
        ...

    def high_water(self, place: Place) -> int | None:
        """The end of the log as of the last fetch, for the lag; None: not known."""
        ...

    def pause(self, places: Sequence[Place]) -> None: ...

    def resume(self, places: Sequence[Place]) -> None: ...

    def group_metadata(self) -> Any:
        """Membership and generation as of now, for `TransactionalProducer.send_offsets`."""
        ...

    def close(self) -> None: ...


class TransactionalProducer(Protocol):
    """One transaction after another.

    Every call raises `Retryable` (abort, rewind, go on), `Fenced` or `ClientFailed` (exit, no
    further call), or `DeliveryUnknown` (the outcome of a commit or abort is not known: exit).
    """

    def init(self) -> None:
        """Settle what a predecessor of the same transactional id left open."""
        ...

    def begin(self) -> None: ...

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
        """Queue one record; `on_offset` is told its offset by the end of `flush`."""
        ...

    def flush(self) -> None: ...

    def send_offsets(self, offsets: Mapping[Place, int], group_metadata: Any) -> None: ...

    def commit(self) -> None: ...

    def abort(self) -> None: ...

    def close(self) -> None: ...


class LogReader(Protocol):
    """Reads partitions without a group, committed records only."""

    def assign(self, positions: Mapping[Place, int | None]) -> None: ...

    def seek(self, positions: Mapping[Place, int]) -> None: ...

    def poll(self, limit: int, wait_ms: int) -> Polled: ...

    def close(self) -> None: ...


class Transport(Protocol):
    """Makes the clients of one cluster."""

    def consumer(self, group: str, topics: Mapping[str, int]) -> GroupConsumer:
        """A member of a group that reads these topics; beside each, its partition count."""
        ...

    def producer(self, transactional_id: str) -> TransactionalProducer: ...

    def reader(self, *, fetch_wait_ms: int | None = None) -> LogReader:
        """A reader of whole topics; a long wait spares the broker where news is rare."""
        ...

    def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """Partition count of each topic; `BrokerUnreachable`, or `TopicsNotReady` if missing."""
        ...

    def partition_for(self, key: bytes, count: int) -> int:
        """The partition that the Java client's murmur2 gives this key."""
        ...


class KeyedTable(StateTable[S], Protocol[S]):
    """A `StateTable` as the exactly-once host keeps it: it follows the committed changelog."""

    def commit(self, rows: Mapping[str, bytes | None]) -> None:
        """The batch stands: these are the changed rows (None: forgotten)."""
        ...

    def clear(self) -> None:
        """Forget everything: the changelog will fill it anew."""
        ...

    def close(self) -> None: ...
