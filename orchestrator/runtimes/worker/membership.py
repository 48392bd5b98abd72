"""Which partitions are ours, and getting each from "assigned" to "restored and being read"."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from orchestrator.errors import Retryable
from orchestrator.ports import (
    Clock,
    GroupConsumer,
    KeyedTable,
    Metrics,
    Place,
    Processor,
    Rebalance,
    Transport,
)
from orchestrator.runtimes.worker.logs import Log
from orchestrator.runtimes.worker.restorer import Restorer
from orchestrator.runtimes.worker.settings import HostSettings, Own
from orchestrator.runtimes.worker.units import Lane, Unit
from orchestrator.types import Keyed

S = TypeVar("S", bound=Keyed)


class Membership(Generic[S]):
    """The host's side of the group protocol; all of it runs in the loop, nothing in callbacks.

    Args:
        processor: The fold.
        transport: For the changelog's reader.
        settings: Of the host.
        clock: For time-outs.
        table: Makes an empty table for a partition.
        own: From the partitions assigned to those to run.
        metrics: Told of rebalances and restores.
        log: One line an assignment, one line a restore.
    """

    def __init__(
        self,
        processor: Processor[S],
        transport: Transport,
        settings: HostSettings,
        clock: Clock,
        *,
        table: Callable[[int], KeyedTable[S]],
        own: Own,
        metrics: Metrics,
        log: Log,
    ) -> None:
        self.units: dict[int, Unit[S]] = {}
        self.lanes: dict[Place, Lane[S]] = {}
        """What is being read, by the broker's names."""
        self.guarded: set[int] = set()
        """Partitions in which the processor has raised."""
        self.partitions = 0
        """How many the inputs have; set once known."""
        self._processor = processor
        self._settings = settings
        self._table = table
        self._own = own
        self._metrics = metrics
        self._log = log
        self._claim: tuple[int, ...] | None = None
        self._owned: tuple[int, ...] | None = None
        self._restorer = Restorer(transport, processor, settings, clock, metrics)
        self._restored: list[Unit[S]] = []
        """Whole, and about to be read."""
        self._is_reading = False
        """The consumer holds our places: it is told once an assignment."""
        self._origins: dict[Place, int] = {}
        self._shares = hasattr(processor, "restore_shared")
        """States of all partitions lean on one shared state: none may run before all stand."""

    @property
    def is_restoring(self) -> bool:
        """Whether the changelog is being read."""
        return len(self._restorer) > 0

    def is_settled(self) -> bool:
        """Assigned, restored, and being read."""
        return (
            self._owned is not None
            and self._claim is None
            and all(unit.ready for unit in self.units.values())
        )

    def runnable(self) -> list[Unit[S]]:
        """Units that may fold now."""
        if self._owned is None or self._claim is not None:
            return []
        if self._shares and not self.is_settled():
            return []
        return [unit for unit in self.units.values() if unit.ready]

    def rebalanced(self, event: Rebalance) -> None:
        """Note what the group wants.

        States stay in memory until the new assignment is known: if the group's marker still names
        our last batch, nobody else has run the partition.
        """
        self._restorer.drop()
        self._drop([number for number, unit in self.units.items() if not unit.ready])
        if event.lost:
            self._drop(list(self.units))
        self._owned = self._claim = None
        self._is_reading = False
        self.lanes = {}
        self._origins = {}
        if event.assigned is not None:
            self._metrics.count("rebalances")
            self._owned = self._claim = tuple(sorted(self._own(event.assigned, self.partitions)))
            self._log.info("partitions_assigned", partitions=list(self._owned))

    def begin_anew(self, consumer: GroupConsumer) -> None:
        """Throw all state away and restore it: a fold changes states in place."""
        consumer.pause(list(self.lanes))
        self._restorer.drop()
        self._drop(list(self.units))
        self.lanes = {}
        self._claim = self._owned

    def step(self, consumer: GroupConsumer) -> bool:
        """Move towards running all that is ours; return whether a partition came up."""
        if self._claim is not None:
            self._take_claim(consumer, self._claim)
        self._restored.extend(self._restorer.step())
        if not self._restored:
            return False
        if self._shares and self.is_restoring:
            return True
        try:
            for unit in self._restored:
                self._read(unit, consumer)
        except Retryable:
            return True  # not being read yet: the next turn tries again
        self._restored = []
        if self.is_settled():
            self._log.info(
                "partitions_restored",
                partitions=sorted(self.units),
                profiles=sum(len(unit.table) for unit in self.units.values()),
            )
        return True

    def note_origin(self, place: Place, offset: int) -> None:
        """The first record of a place that had no committed offset: where a rewind goes to."""
        self._origins.setdefault(place, offset)

    def close(self) -> None:
        """Forget everything; what was committed is in the log."""
        self._restorer.drop()
        self._drop(list(self.units))
        self.lanes = {}
        self._owned = self._claim = None

    def _take_claim(self, consumer: GroupConsumer, claim: tuple[int, ...]) -> None:
        """Keep the units that nobody moved, begin to restore the others."""
        self._drop([number for number in self.units if number not in claim])
        inputs = self._processor.inputs
        place = self._settings.place
        changelog = self._settings.changelog
        try:
            committed = consumer.committed(
                [place(topic, number) for number in claim for topic in (changelog, *inputs)]
            )
        except Retryable as error:
            # somebody's transaction on these offsets is still open: it will end or time out
            self._log.warning("offsets_not_stable", error=error.message)
            return
        self._claim = None
        for number in claim:
            marker = committed[place(changelog, number)]
            offsets = {topic: committed[place(topic, number)] for topic in inputs}
            kept = self.units.get(number)
            if kept is not None and _stands(kept, marker, offsets):
                kept.rewind()
                self.lanes.update({lane.place: lane for lane in kept.lanes.values()})
                continue
            self._drop([number])
            unit = Unit(
                number, self.partitions, self._processor, self._table(number), self._settings
            )
            unit.runner.guarded = number in self.guarded
            self.units[number] = unit
            self._restorer.add(unit, marker, offsets)
        self._restorer.begin()
        self._assign(consumer)

    def _assign(self, consumer: GroupConsumer) -> None:
        """Take up all places at once; those of units not restored yet wait, paused."""
        if self._is_reading:
            return
        self._is_reading = True
        lanes = [lane for unit in self.units.values() for lane in unit.lanes.values()]
        consumer.assign({lane.place: lane.next for lane in lanes})
        waiting = [lane.place for lane in lanes if not lane.unit.ready]
        if waiting:
            consumer.pause(waiting)

    def _read(self, unit: Unit[S], consumer: GroupConsumer) -> None:
        """Let a restored unit's records come."""
        if unit.ready:
            return
        positions = {
            lane.place: lane.next if lane.next is not None else self._origins[lane.place]
            for lane in unit.lanes.values()
            if lane.next is not None or lane.place in self._origins
        }
        consumer.seek(positions)
        unit.rewind()
        unit.ready = True
        self.lanes.update({lane.place: lane for lane in unit.lanes.values()})
        consumer.resume([lane.place for lane in unit.lanes.values()])

    def _drop(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            unit = self.units.pop(number, None)
            if unit is not None:
                unit.table.close()
                self._restored = [each for each in self._restored if each is not unit]


def _stands(unit: Unit[Any], marker: int | None, offsets: dict[str, int | None]) -> bool:
    """Whether the group's offsets are those of the unit's own last batch."""
    return unit.marker == marker and all(
        offsets[topic] == lane.next for topic, lane in unit.lanes.items()
    )
