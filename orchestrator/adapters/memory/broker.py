"""A broker in memory: partitions, transactions with control markers, one range-assigned group.

As Apache Kafka does: a read_committed reader stops at the first open transaction and never sees an
aborted record; markers take offsets; a newer producer of the same id fences the older; offsets of
a stale generation are refused. `visible_aborts` makes it as careless as the embedded broker.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.adapters.memory.murmur2 import murmur2
from orchestrator.errors import Fenced, OrchestratorError, Retryable
from orchestrator.ports import Headers, Place


class Transaction:
    """What one producer writes until it commits or aborts."""

    def __init__(self) -> None:
        self.state = "open"
        self.places: set[Place] = set()
        self.offsets: list[tuple[str, dict[Place, int]]] = []


@dataclass(slots=True)
class MemoryRecord:
    """One record of the log, read by the calls of `orchestrator.ports.RawRecord`."""

    place: Place
    at: int
    key_bytes: bytes | None
    value_bytes: bytes | None
    header_list: list[tuple[str, bytes | None]] | None
    written_ms: int
    transaction: Transaction | None = None
    is_marker: bool = False

    def topic(self) -> str:
        return self.place[0]

    def partition(self) -> int:
        return self.place[1]

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes | None:
        return self.key_bytes

    def value(self) -> bytes | None:
        return self.value_bytes

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self.header_list

    def timestamp(self) -> tuple[int, int]:
        return (1, self.written_ms)


@dataclass(slots=True)
class Group:
    """A consumer group: members in joining order, offsets, generation."""

    members: list[int] = field(default_factory=list)
    offsets: dict[Place, int] = field(default_factory=dict)
    generation: int = 0


@dataclass(slots=True)
class Fault:
    """An error waiting for a call."""

    error: OrchestratorError
    skip: int
    after: bool
    """Raise after the call took effect: the answer was lost."""


class MemoryBroker:
    """Topics and groups of one cluster, and the faults a test plants.

    Args:
        visible_aborts: Show aborted records to read_committed readers.
        now_ms: Timestamp of every record written; tests move it.
    """

    def __init__(self, *, visible_aborts: bool = False, now_ms: int = 0) -> None:
        self.now_ms = now_ms
        self.visible_aborts = visible_aborts
        self.logs: dict[Place, list[MemoryRecord]] = {}
        self.counts: dict[str, int] = {}
        self.groups: dict[str, Group] = {}
        self.producers: dict[str, tuple[int, Transaction | None]] = {}
        self._faults: dict[str, deque[Fault]] = {}

    def create(self, topic: str, partitions: int) -> None:
        """Create a topic; one that exists stays."""
        if topic not in self.counts:
            self.counts[topic] = partitions
            for partition in range(partitions):
                self.logs[topic, partition] = []

    def write(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers | None = None,
        transaction: Transaction | None = None,
    ) -> int:
        """Append a record, by default to its key's partition; return its offset."""
        if partition is None:
            partition = murmur2(key or b"", self.counts[topic])
        place = (topic, partition)
        log = self.logs[place]
        kept = list(headers) if headers else None
        log.append(MemoryRecord(place, len(log), key, value, kept, self.now_ms, transaction))
        if transaction is not None:
            transaction.places.add(place)
        return len(log) - 1

    def read(self, place: Place, start: int, limit: int) -> tuple[list[MemoryRecord], int, bool]:
        """Committed records from an offset on.

        Returns:
            Records, the offset to go on from, and whether that is the end for now.
        """
        log = self.logs[place]
        rows: list[MemoryRecord] = []
        at = start
        while at < len(log) and len(rows) < limit:
            record = log[at]
            transaction = record.transaction
            if transaction is not None and transaction.state == "open":
                return rows, at, True
            aborted = transaction is not None and transaction.state == "aborted"
            if not record.is_marker and (not aborted or self.visible_aborts):
                rows.append(record)
            at += 1
        return rows, at, at >= len(log)

    def committed(self, topic: str) -> list[MemoryRecord]:
        """Every committed record of a topic, partition by partition: the judge's view."""
        return [
            record
            for partition in range(self.counts[topic])
            for record in self.logs[topic, partition]
            if not record.is_marker
            and (record.transaction is None or record.transaction.state == "committed")
        ]

    def register(self, transactional_id: str) -> int:
        """A producer starts: fence the one before, abort what it left open; return the epoch."""
        epoch, open_transaction = self.producers.get(transactional_id, (0, None))
        if open_transaction is not None:
            self.end(open_transaction, "aborted")
        self.producers[transactional_id] = (epoch + 1, None)
        return epoch + 1

    def check_epoch(self, transactional_id: str, epoch: int) -> None:
        """Raise `Fenced` where a newer producer of the id has started."""
        if self.producers[transactional_id][0] != epoch:
            raise Fenced(f"{transactional_id} was taken over")

    def end(self, transaction: Transaction, state: str) -> None:
        """Commit or abort: write the markers, apply the offsets."""
        transaction.state = state
        for place in transaction.places:
            log = self.logs[place]
            log.append(MemoryRecord(place, len(log), None, None, None, self.now_ms, is_marker=True))
        if state == "committed":
            for group, offsets in transaction.offsets:
                self.groups[group].offsets.update(offsets)

    def check_generation(self, group: str, generation: int) -> None:
        """Raise `Retryable` for offsets of a member that the group went on without."""
        if self.groups[group].generation != generation:
            raise Retryable("stale generation")

    def assignment(self, group: str, member: int, topics: Sequence[str]) -> tuple[int, ...]:
        """Range assignment, the same partitions of every topic."""
        members = self.groups[group].members
        count = min(self.counts[topic] for topic in topics)
        share, extra = divmod(count, len(members))
        index = members.index(member)
        first = index * share + min(index, extra)
        return tuple(range(first, first + share + (1 if index < extra else 0)))

    def fail(
        self, call: str, error: OrchestratorError, *, skip: int = 0, after: bool = False
    ) -> None:
        """Let the next call of that name raise (the one after `skip` more of them)."""
        self._faults.setdefault(call, deque()).append(Fault(error, skip, after))

    def fault(self, call: str) -> Fault | None:
        """The fault due at this call, if any."""
        waiting = self._faults.get(call)
        if not waiting:
            return None
        if waiting[0].skip:
            waiting[0].skip -= 1
            return None
        return waiting.popleft()
