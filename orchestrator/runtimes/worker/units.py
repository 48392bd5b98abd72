"""One partition as the host holds it: its runner, its lanes, and where it stands in the log."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from orchestrator.ports import KeyedTable, Place, Processor, RawRecord
from orchestrator.processors.partition import PartitionRunner
from orchestrator.runtimes.worker.intake import admit
from orchestrator.runtimes.worker.settings import HostSettings
from orchestrator.types import Keyed, Record, Scope
from orchestrator.windowing import TopicMerge

S = TypeVar("S", bound=Keyed)


class Lane(Generic[S]):
    """One topic of one partition."""

    __slots__ = ("committed", "fetched", "next", "paused", "place", "topic", "unit")

    def __init__(self, unit: "Unit[S]", topic: str, place: Place) -> None:
        self.unit = unit
        self.topic = topic
        self.place = place
        self.next: int | None = None
        """Offset after the last record folded; None: the oldest, not known yet."""
        self.committed: int | None = None
        """The group's offset; None: it has none."""
        self.fetched: int | None = None
        """Offset after the last record buffered."""
        self.paused = False


class Unit(Generic[S]):
    """A partition of the processor.

    Args:
        number: The partition.
        count: How many there are.
        processor: The fold.
        table: Keyed states, empty.
        settings: Of the host.
    """

    def __init__(
        self,
        number: int,
        count: int,
        processor: Processor[S],
        table: KeyedTable[S],
        settings: HostSettings,
    ) -> None:
        self.number = number
        self.table = table
        self._processor = processor
        self._settings = settings
        self._future_ms = settings.future_ms
        versions = getattr(processor, "versions", {})
        self.runner = PartitionRunner(
            processor,
            Scope(number, count, versions=versions),
            table,
            wall=settings.clock == "wall",
        )
        self.lanes = {
            topic: Lane(self, topic, settings.place(topic, number)) for topic in processor.inputs
        }
        self.merge = self._new_merge(processor.inputs)
        self._time_ms_of = self.merge.time_ms
        self.ready = False
        """Restored, and being read."""
        self.marker: int | None = None
        """Offset of the last committed batch's first changelog row; None: no batch yet."""
        self.touched = False
        """Something was folded since the last commit."""
        self.anchor: tuple[int, int] = (0, 0)
        """Partition time when a record last moved it, and the monotonic time of that moment."""

    @property
    def marker_place(self) -> Place:
        """Where the group keeps this unit's marker: an offset of the changelog itself."""
        return self._settings.place(self._settings.changelog, self.number)

    def rewind(self) -> None:
        """Forget what is buffered; read again from the last record folded."""
        times = self.merge.times()
        self.merge = self._new_merge(tuple(self.lanes))
        self._time_ms_of = self.merge.time_ms
        self.merge.restore_times(times)
        for lane in self.lanes.values():
            lane.fetched = lane.next
            lane.paused = False

    def offsets(self) -> dict[Place, int]:
        """What to commit: the offset after the last record folded, where it moved.

        A broker stores each on its own: most topics of a partition rest while clicks come.
        """
        return {
            lane.place: lane.next
            for lane in self.lanes.values()
            if lane.next is not None and lane.next != lane.committed
        }

    def stand(self, marker: int, rows: Mapping[str, bytes | None]) -> None:
        """The batch is committed: `marker` is the offset of its meta row, `rows` its states."""
        self.marker = marker
        self.touched = False
        self.table.commit(rows)
        for lane in self.lanes.values():
            lane.committed = lane.next

    def settle_clock(self, mono_ms: int) -> None:
        """Note the moment at which records last moved the partition's time."""
        now_ms = self.runner.clock.now_ms
        if now_ms != self.anchor[0]:
            self.anchor = (now_ms, mono_ms)

    def run_clock(self, mono_ms: int) -> bool:
        """Let idle time pass; return whether timers fired.

        The clock itself moves only when a timer is due, so an idle partition costs nothing.
        """
        since_ms, at_mono_ms = self.anchor
        if not since_ms or not self.merge.is_idle():
            return False
        due = self.runner.next_timer_ms()
        now_ms = since_ms + mono_ms - at_mono_ms
        if due is None or due > now_ms:
            return False
        self.runner.advance(now_ms)
        self.anchor = (self.runner.clock.now_ms, mono_ms)
        self.touched = True
        return True

    def _new_merge(self, topics: Sequence[str]) -> TopicMerge:
        return TopicMerge(topics, self._settings.merge_wait_ms, self._decode)

    def _decode(self, topic: str, raw: RawRecord) -> Record:
        return admit(self._processor, topic, self.number, raw, self._future_ms, self._time_ms_of)
