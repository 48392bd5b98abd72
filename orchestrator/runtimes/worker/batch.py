"""Fold what is ready, then say what to write: one batch over all partitions of this member."""

from collections import Counter
from typing import Any, Final, Generic, NamedTuple, TypeVar

from orchestrator.errors import FoldFailed, InvalidRecord, OrchestratorError, PartitionFault
from orchestrator.ports import Clock, Metrics, Processor, RawRecord, Transport
from orchestrator.processors.dead_letters import dead_letter
from orchestrator.runtimes.worker import outbox
from orchestrator.runtimes.worker.intake import Rejected, was_forwarded
from orchestrator.runtimes.worker.outbox import Outgoing
from orchestrator.runtimes.worker.settings import HostSettings
from orchestrator.runtimes.worker.units import Lane, Unit
from orchestrator.types import Emit, Keyed, Position, Record

S = TypeVar("S", bound=Keyed)

CLOCK_TOPIC: Final = "clickstream"
CLOCK_MARKER: Final = "clock_advanced"
_ENCODED_TOGETHER: Final = 16
"""So many messages are encoded in one go, not each after its fold, which empties the processor's
caches; not a whole batch, since bytes take a fifth of the room."""
_LOOK_AT_CLOCK_EVERY: Final = 64


class Part(NamedTuple):
    """What one unit adds to a batch, encoded."""

    unit: Unit[Any]
    meta: bytes
    rows: dict[str, bytes | None]
    emits: list[Outgoing]


class Batch(Generic[S]):
    """One batch: fold, then `seal` for what to send.

    Args:
        name: Unique over all batches of all processes: tells rows of committed batches.
        settings: Of the host.
        clock: For the limit of work.
        transport: For the partition of a key.
        counts: Partition count of topics written, by the broker's name; it grows.
        partitions: Partition count of the inputs.
    """

    def __init__(
        self,
        name: str,
        settings: HostSettings,
        clock: Clock,
        transport: Transport,
        *,
        counts: dict[str, int],
        partitions: int,
    ) -> None:
        self.name = name
        self.started_ms = clock.mono_ms()
        self.records = 0
        self.extra: list[Outgoing] = []
        """Dead letters and forwarded records."""
        self.is_cut = False
        """Work remains: the limit of time was reached."""
        self._settings = settings
        self._group = settings.group
        self._clock = clock
        self._tallies: Counter[tuple[str, str, str]] = Counter()
        """Metric, label and its value: how much to add once the batch stands."""
        self._emitted: dict[str, int] = {}
        """Messages by topic."""
        self._chosen: dict[str, int] = {}
        """Decisions by action."""
        self._refused: dict[tuple[str, ...], int] = {}
        """Decisions by the reason codes of all that they refused: there are few such lists."""
        self._encoded: dict[int, list[Outgoing]] = {}
        """Messages by partition, in order."""
        self._counts = counts
        self._transport = transport
        self._partitions = partitions

    def fold(self, unit: Unit[S]) -> None:
        """Fold what the unit's merge gives out, within the limit of work.

        Raises:
            PartitionFault: the processor raised; nothing of this batch may be kept.
        """
        mono_ms = self._clock.mono_ms()
        end_ms = self.started_ms + self._settings.batch_work_ms
        left = self._settings.batch_records - self.records
        lanes = unit.lanes
        merge = unit.merge
        waiting = {topic: merge.buffered(topic) for topic in lanes}
        folded = 0
        if left <= 0:
            self.is_cut = True
            return
        for record in merge.ready(mono_ms):
            lane = lanes[record.topic]
            raw = merge.given
            lane.next = record.offset + 1
            folded += 1
            self._take(unit, lane, record, raw)
            if folded >= left or (
                folded % _LOOK_AT_CLOCK_EVERY == 0 and self._clock.mono_ms() > end_ms
            ):
                self.is_cut = True
                break
        if folded:
            unit.touched = True
            unit.settle_clock(mono_ms)
            self.records += folded
            for topic, before in waiting.items():
                count = before - merge.buffered(topic)
                if count:
                    self._tallies["events", "topic", topic] += count

    def fire(self, unit: Unit[S]) -> None:
        """Let idle time pass in a unit; its timers may fire.

        Raises:
            PartitionFault: the processor raised.
        """
        try:
            unit.run_clock(self._clock.mono_ms())
        except Exception as error:
            raise PartitionFault(unit.number, error) from error

    def seal(self, unit: Unit[S], processor: Processor[S]) -> Part:
        """Encode what the unit adds to this batch.

        Raises:
            PartitionFault: something the processor returned cannot be encoded.
        """
        self._encode(unit)
        _, dirty = unit.runner.take()
        try:
            rows = {
                key: None if state is None else outbox.state_row(self.name, processor.dump(state))
                for key, state in dirty.items()
            }
        except OrchestratorError:
            raise
        except Exception as error:
            raise PartitionFault(unit.number, error) from error
        for fault in unit.runner.timer_faults:
            self._tallies["timer_faults", "error", fault] += 1
        unit.runner.timer_faults.clear()
        meta = outbox.meta_row(
            self.name,
            unit.marker,
            {
                "next": {
                    lane.topic: lane.next for lane in unit.lanes.values() if lane.next is not None
                },
                "times": unit.merge.times(),
                "meta": unit.runner.meta(),
                "wall_ms": self._clock.now_ms(),
            },
        )
        return Part(unit, meta, rows, self._encoded.pop(unit.number, []))

    def add_shared(self, part: Part, shared: Any) -> None:
        """Encode what a processor keeps beside keys and partitions.

        Raises:
            PartitionFault: it cannot be encoded.
        """
        try:
            part.rows[outbox.SHARED_KEY] = outbox.state_row(self.name, shared)
        except Exception as error:
            raise PartitionFault(part.unit.number, error) from error

    def _take(self, unit: Unit[S], lane: Lane[S], record: Record, raw: RawRecord) -> None:
        value = record.value
        runner = unit.runner
        if isinstance(value, Rejected):
            self._refuse(unit, lane, record, raw, value)
            return
        try:
            kind: str = getattr(value, "type", "") if lane.topic == CLOCK_TOPIC else ""
            if kind == CLOCK_MARKER:
                runner.skip(record.topic, record.offset)
                runner.advance(record.time_ms)
            elif (
                runner.dirty.get(record.key) is None
                and unit.table.get(record.key) is None
                and self._forward(unit, lane, raw)
            ):
                runner.skip(record.topic, record.offset)
            elif runner.guarded:
                runner.feed_guarded(record)
            else:
                runner.feed(record)
        except InvalidRecord as invalid:
            self._refuse(unit, lane, record, raw, Rejected(invalid.reason, invalid.detail))
        except FoldFailed as failed:
            detail = f"the processor raised {failed.message}"
            self._refuse(unit, lane, record, raw, Rejected("processing_error", detail))
        except Exception as error:
            raise PartitionFault(unit.number, error) from error
        if len(runner.emits) >= _ENCODED_TOGETHER:
            self._encode(unit)

    def _refuse(
        self, unit: Unit[S], lane: Lane[S], record: Record, raw: RawRecord, why: Rejected
    ) -> None:
        unit.runner.skip(record.topic, record.offset)
        settings = self._settings
        position = Position(lane.topic, unit.number, record.offset)
        letter = dead_letter(
            position,
            raw.key(),
            raw.value(),
            (why.reason, why.detail),
            settings.group,
            raw.timestamp()[1],
        )
        topic = settings.physical(settings.dead_letters)
        partition = self._partition(topic, raw.key() or b"", unit.number)
        self.extra.append(
            outbox.dead_letter_record(topic, partition, raw, letter, record.traceparent)
        )
        self._tallies["dead_letters", "reason", why.reason] += 1

    def _forward(self, unit: Unit[S], lane: Lane[S], raw: RawRecord) -> bool:
        """Send a record that is in the wrong partition to its own, unless it was sent once."""
        right = self._transport.partition_for(raw.key(), self._partitions)
        if right == unit.number or was_forwarded(raw):
            return False
        self.extra.append(outbox.forwarded(raw, lane.place[0], right))
        self._tallies["misrouted", "topic", lane.topic] += 1
        return True

    def _partition(self, topic: str, key: bytes, number: int) -> int:
        """Our own partition number where the topic is co-partitioned with the inputs."""
        count = self._counts.get(topic)
        if count is None:
            # a topic that was not there at the start: ask once
            count = self._transport.partitions([topic])[topic]
            self._counts[topic] = count
        return number if count == self._partitions else self._transport.partition_for(key, count)

    def publish(self, metrics: Metrics) -> None:
        """The batch stands: count what it held."""
        for (name, label, value), amount in self._tallies.items():
            metrics.count(name, amount, {label: value})
        for topic, amount in self._emitted.items():
            metrics.count("emits", amount, {"topic": topic})
        for action, amount in self._chosen.items():
            metrics.count("decisions", amount, {"action": action})
        refusals: dict[str, int] = {}  # no Counter: compiled, a third of its time
        for codes, amount in self._refused.items():
            for code in codes:
                refusals[code] = refusals.get(code, 0) + amount
        for reason, amount in refusals.items():
            metrics.count("refusals", amount, {"reason": reason})

    def _encode(self, unit: Unit[S]) -> None:
        """Encode what the unit's processor emitted, at once: bytes take a fifth of the room."""
        prefix = self._settings.topic_prefix
        encoded = self._encoded.setdefault(unit.number, [])
        try:
            for emit in unit.runner.emits:
                topic = prefix + emit.topic
                key = emit.key.encode()
                partition = self._partition(topic, key, unit.number)
                encoded.append(outbox.message(topic, partition, key, emit, self._group))
                self._count(emit)
        except OrchestratorError:
            raise
        except Exception as error:
            raise PartitionFault(unit.number, error) from error
        unit.runner.emits.clear()

    def _count(self, emit: Emit) -> None:
        topic, value = emit.topic, emit.value
        self._emitted[topic] = self._emitted.get(topic, 0) + 1
        if topic == "decisions" and value is not None and "chosen" in value:
            action = value["chosen"]["action"]
            self._chosen[action] = self._chosen.get(action, 0) + 1
            refused = emit.refusals
            self._refused[refused] = self._refused.get(refused, 0) + 1
