"""One processor over a whole log in one process: `replay --dry`, `decide`, golden tests, checkers.

It is the reference the exactly-once host is held against: same partitions, same offsets, same
dead letters, no transactions.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from orchestrator.errors import InvalidRecord
from orchestrator.ports import Processor, StateTable
from orchestrator.processors.dead_letters import dead_letter
from orchestrator.processors.partition import PartitionRunner
from orchestrator.types import Emit, Keyed, Millis, Position, Record, Scope

S = TypeVar("S", bound=Keyed)

CLOCK_TOPIC = "clickstream"
CLOCK_MARKER = "clock_advanced"
TOMBSTONES = frozenset({"profiles"})
"""Inputs on which a record without a value means something: erase this person."""


class Fold(Generic[S]):
    """Feed records in the order of the log; collect what would have been published.

    Args:
        processor: The fold.
        table: Makes a state table for a partition.
        partition_for: Partition of a key among so many, as the topics' writers choose it.
        partitions: As many as the topics would have: ids pin partition and offset.
        group: Name that dead letters carry.
    """

    def __init__(
        self,
        processor: Processor[S],
        table: Callable[[], StateTable[S]],
        partition_for: Callable[[bytes, int], int],
        partitions: int = 12,
        group: str = "orchestrator-worker",
    ) -> None:
        self.processor = processor
        self.partitions = partitions
        self._partition_for = partition_for
        self.runners = [
            PartitionRunner(processor, Scope(partition, partitions), table())
            for partition in range(partitions)
        ]
        self.records: Counter[str] = Counter()
        """Records folded, by topic."""
        self.dead_letters: Counter[str] = Counter()
        """Records refused, by reason."""
        self.offsets: Counter[tuple[str, int]] = Counter()
        """The next offset of each topic and partition."""
        self._group = group

    def feed(
        self, topic: str, key: str, value: bytes | None, traceparent: str | None = None
    ) -> Iterator[Emit]:
        """Fold one record as the worker would find it in the log; yield what it publishes.

        A record of a topic that the processor does not read is only checked.
        """
        partition = self._partition_for(key.encode(), self.partitions) if key else 0
        runner = self.runners[partition]
        offset = self.offsets[topic, partition]
        self.offsets[topic, partition] += 1
        try:
            message = self._decoded(topic, key, value)
            if getattr(message, "type", "") == CLOCK_MARKER:
                runner.skip(topic, offset)
                runner.advance(message.time_ms)
            elif topic in self.processor.inputs:
                # a tombstone has no time of its own
                time_ms = runner.clock.now_ms if message is None else message.time_ms
                runner.feed(
                    Record(topic, partition, offset, key, message, Millis(time_ms), traceparent)
                )
            self.records[topic] += 1
        except InvalidRecord as refusal:
            runner.skip(topic, offset)
            self.dead_letters[refusal.reason] += 1
            position = Position(topic, partition, offset)
            why = (refusal.reason, refusal.detail)
            letter = dead_letter(position, key.encode(), value, why, self._group, 0)
            yield Emit("dead-letters", key, letter)
        yield from runner.take()[0]

    def finish(self, until_ms: int) -> Iterator[Emit]:
        """Let time go on in every partition, by a clock marker as `replay` writes it."""
        for runner in self.runners:
            place = (CLOCK_TOPIC, runner.scope.partition)
            runner.skip(CLOCK_TOPIC, self.offsets[place])
            self.offsets[place] += 1
            runner.advance(until_ms)
            yield from runner.take()[0]

    def resume(self, offsets: Counter[tuple[str, int]]) -> None:
        """Count on from where another fold of the same log stood."""
        self.offsets.update(offsets)

    def _decoded(self, topic: str, key: str, value: bytes | None) -> Any:
        """The message; None for the one tombstone that means something."""
        if value is not None:
            return self.processor.decode(topic, key, value)
        if topic in TOMBSTONES:
            return None
        raise InvalidRecord("tombstone", "this topic has no use for a record without a value")
