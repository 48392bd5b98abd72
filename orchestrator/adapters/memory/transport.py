"""Clients of the broker in memory, with the protocols of the real ones."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from orchestrator.adapters.memory.broker import Fault, Group, MemoryBroker, Transaction
from orchestrator.adapters.memory.murmur2 import murmur2
from orchestrator.errors import ClientFailed, Retryable, TopicsNotReady
from orchestrator.ports import Headers, Place, Polled, RawRecord, Rebalance

_members = count(1)


class MemoryReader:
    """Reads from explicit positions; tells of a partition's end each time it gets there."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._positions: dict[Place, int] = {}
        self._told: dict[Place, int] = {}
        self._paused: set[Place] = set()

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        self._positions = {place: offset or 0 for place, offset in positions.items()}
        self._told = {}
        self._paused = set()

    def seek(self, positions: Mapping[Place, int]) -> None:
        _raise(self._broker.fault("seek"))
        for place, offset in positions.items():
            if place not in self._positions:
                raise Retryable(f"{place} is not assigned")
            self._positions[place] = offset
            self._told.pop(place, None)

    def poll(self, limit: int, wait_ms: int) -> Polled:
        _raise(self._broker.fault("poll"))
        rows: list[RawRecord] = []
        ends: list[tuple[str, int, int]] = []
        for place in self._positions:
            if place in self._paused:
                continue
            found, after, at_end = self._broker.read(
                place, self._positions[place], limit - len(rows)
            )
            rows.extend(found)
            self._positions[place] = after
            if at_end and self._told.get(place) != after:
                self._told[place] = after
                ends.append((*place, after))
        return Polled(rows, ends)

    def pause(self, places: Sequence[Place]) -> None:
        self._paused.update(places)

    def resume(self, places: Sequence[Place]) -> None:
        self._paused.difference_update(places)

    def close(self) -> None:
        self._positions = {}


class MemoryConsumer(MemoryReader):
    """A member of a group."""

    def __init__(self, broker: MemoryBroker, group: str, topics: Sequence[str]) -> None:
        super().__init__(broker)
        self._group = group
        self._topics = tuple(topics)
        self._member = next(_members)
        self._generation = 0
        members = broker.groups.setdefault(group, Group())
        members.members.append(self._member)
        members.generation += 1

    def poll(self, limit: int, wait_ms: int) -> Polled:
        group = self._broker.groups[self._group]
        if group.generation != self._generation:
            _raise(self._broker.fault("poll"))
            lost = self._member not in group.members
            if lost:
                group.members.append(self._member)
                group.generation += 1
            self._generation = group.generation
            self._positions = {}
            ours = self._broker.assignment(self._group, self._member, self._topics)
            return Polled((), (), Rebalance(ours, lost))
        return super().poll(limit, wait_ms)

    def committed(self, places: Sequence[Place]) -> dict[Place, int | None]:
        _raise(self._broker.fault("committed"))
        offsets = self._broker.groups[self._group].offsets
        return {place: offsets.get(place) for place in places}

    def high_water(self, place: Place) -> int | None:
        return len(self._broker.logs[place])

    def group_metadata(self) -> Any:
        return (self._group, self._generation)

    def close(self) -> None:
        group = self._broker.groups[self._group]
        if self._member in group.members:
            group.members.remove(self._member)
            group.generation += 1


class MemoryProducer:
    """Transactions, and the faults planted for `begin`, `send`, `flush` and so on."""

    def __init__(self, broker: MemoryBroker, transactional_id: str) -> None:
        self._broker = broker
        self._id = transactional_id
        self._epoch = 0
        self._open: Transaction | None = None

    def init(self) -> None:
        _raise(self._broker.fault("init"))
        self._epoch = self._broker.register(self._id)

    def begin(self) -> None:
        self._call("begin")
        if self._open is not None:
            raise ClientFailed("a transaction is open already")
        self._open = Transaction()
        self._broker.producers[self._id] = (self._epoch, self._open)

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
        self._call("send")
        offset = self._broker.write(
            topic,
            key,
            value,
            partition=partition,
            headers=headers,
            transaction=self._transaction(),
        )
        if on_offset is not None:
            on_offset(offset)

    def flush(self) -> None:
        self._call("flush")

    def send_offsets(self, offsets: Mapping[Place, int], group_metadata: Any) -> None:
        self._call("send_offsets")
        group, generation = group_metadata
        self._broker.check_generation(group, generation)
        self._transaction().offsets.append((group, dict(offsets)))

    def commit(self) -> None:
        self._end("commit", "committed")

    def abort(self) -> None:
        self._end("abort", "aborted")

    def close(self) -> None:
        self._open = None

    def _end(self, call: str, state: str) -> None:
        fault = self._broker.fault(call)
        if fault is not None and not fault.after:
            raise fault.error
        self._broker.check_epoch(self._id, self._epoch)
        self._broker.end(self._transaction(), state)
        self._open = None
        self._broker.producers[self._id] = (self._epoch, None)
        _raise(fault)

    def _call(self, name: str) -> None:
        _raise(self._broker.fault(name))
        self._broker.check_epoch(self._id, self._epoch)

    def _transaction(self) -> Transaction:
        if self._open is None:
            raise ClientFailed("no transaction is open")
        return self._open


class MemoryTransport:
    """Implements `orchestrator.ports.Transport` over a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker

    def consumer(self, group: str, topics: Mapping[str, int]) -> MemoryConsumer:
        return MemoryConsumer(self.broker, group, list(topics))

    def producer(self, transactional_id: str) -> MemoryProducer:
        return MemoryProducer(self.broker, transactional_id)

    def reader(self, *, fetch_wait_ms: int | None = None) -> MemoryReader:
        return MemoryReader(self.broker)

    def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        missing = [topic for topic in topics if topic not in self.broker.counts]
        if missing:
            raise TopicsNotReady(f"topic {missing[0]} does not exist")
        return {topic: self.broker.counts[topic] for topic in topics}

    def partition_for(self, key: bytes, count: int) -> int:
        return murmur2(key, count)


def _raise(fault: Fault | None) -> None:
    if fault is not None:
        raise fault.error
