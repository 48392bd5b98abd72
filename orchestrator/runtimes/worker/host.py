"""The exactly-once loop: consume, fold, one transaction, again.

No transaction is ever open while records are consumed, so a rebalance never meets one; everything
a batch writes, its state included, commits with the offsets it stands for; after an abort the
state in memory is thrown away and read back from the changelog.
"""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from orchestrator.errors import ClientFailed, PartitionFault, Retryable, TopicsNotReady
from orchestrator.ports import Clock, KeyedTable, Metrics, Place, Polled, Processor, Transport
from orchestrator.runtimes.worker.batch import Batch, Part
from orchestrator.runtimes.worker.broadcasts import Broadcasts
from orchestrator.runtimes.worker.logs import Log, Quiet
from orchestrator.runtimes.worker.membership import Membership
from orchestrator.runtimes.worker.metrics import NoMetrics, report
from orchestrator.runtimes.worker.settings import HostSettings, Own, own_assigned
from orchestrator.runtimes.worker.transaction import Transactions
from orchestrator.runtimes.worker.units import Lane, Unit
from orchestrator.types import Keyed

S = TypeVar("S", bound=Keyed)

_GAUGES_EVERY_MS: Final = 2_000


class ExactlyOnceHost(Generic[S]):
    """Hosts one processor as a member of its consumer group.

    Args:
        processor: The fold.
        transport: Clients of the cluster.
        settings: Names, limits, kind of clock.
        clock: Wall and monotonic time.
        table: Makes an empty table of keyed states for a partition.
        nonce: Differs between processes; with a counter it names batches.
        metrics: None counts nothing.
        log: One line an event; None writes nothing.
        own: From the partitions assigned to those to run.
    """

    def __init__(
        self,
        processor: Processor[S],
        transport: Transport,
        settings: HostSettings,
        clock: Clock,
        *,
        table: Callable[[int], KeyedTable[S]],
        nonce: str,
        metrics: Metrics | None = None,
        log: Log | None = None,
        own: Own = own_assigned,
    ) -> None:
        self.processor = processor
        self.settings = settings
        self.progress_ms = clock.mono_ms()
        """Monotonic time of the last turn of the loop: the watchdog looks at it."""
        self.stopping = False
        """Set it (from a signal handler, say) to end after the batch in hand."""
        self._transport = transport
        self._clock = clock
        self._nonce = nonce
        self._metrics: Metrics = metrics or NoMetrics()
        self._log: Log = log or Quiet()
        self._aborts = 0
        self._batches = 0
        self._backlog = False
        self._gauges_ms = 0
        self._counts: dict[str, int] = {}
        self.members = Membership(
            processor,
            transport,
            settings,
            clock,
            table=table,
            own=own,
            metrics=self._metrics,
            log=self._log,
        )

    def start(self) -> None:
        """Connect, settle what a predecessor left open, join the group.

        Raises:
            OrchestratorError: no broker, a topic missing, or counts that do not match.
        """
        settings = self.settings
        inputs = [settings.physical(topic) for topic in self.processor.inputs]
        changelog = settings.physical(settings.changelog)
        letters = settings.physical(settings.dead_letters)
        self._counts = self._transport.partitions([*inputs, changelog, letters])
        self.members.partitions = self._counts[inputs[0]]
        for topic in (*inputs, changelog):
            if self._counts[topic] != self.members.partitions:
                raise TopicsNotReady(
                    f"{topic} has {self._counts[topic]} partitions, "
                    f"{inputs[0]} {self.members.partitions}: they must agree.",
                    way_out="Create them anew with 'orchestrator topics create --partitions N' and "
                    "the same --topic-prefix.",
                )
        self._broadcasts = Broadcasts(
            self._transport, self.processor, settings, self._metrics, self._log
        )
        # before committed offsets are read: settles a predecessor's transaction
        self._producer = self._transport.producer(settings.transactional_id)
        self._producer.init()
        self._transactions = Transactions(self._producer, settings, self._clock)
        self._consumer = self._transport.consumer(
            settings.group, {topic: self._counts[topic] for topic in inputs}
        )
        self._log.info("group_joined", group=settings.group, slot=settings.slot)

    def readiness(self) -> dict[str, bool]:
        """What must hold before this member is of use; all True: it is ready."""
        started = hasattr(self, "_consumer")
        return {
            "broker_connected": started,
            "broadcasts_read": started and self._broadcasts.caught_up,
            "partitions_restored": started and self.members.is_settled(),
        }

    def is_ready(self) -> bool:
        """Assigned, restored, and every broadcast topic read."""
        return all(self.readiness().values())

    def turn(self) -> bool:
        """One turn of the loop; return whether anything was done.

        Raises:
            OrchestratorError: `Fenced`, `ClientFailed`, `DeliveryUnknown`, `StateLost`: the
                process must end; the next start settles what is open.
        """
        self.progress_ms = self._clock.mono_ms()
        taken = self._broadcasts.poll()
        if taken:
            self._metrics.count("broadcasts", taken)
        busy = self._backlog or self.members.is_restoring
        polled = self._consumer.poll(
            self.settings.batch_records, 0 if busy else self.settings.poll_wait_ms
        )
        if polled.rebalance is not None:
            self.members.rebalanced(polled.rebalance)
            return True
        self._buffer(polled)
        came_up = self.members.step(self._consumer)
        worked = self._broadcasts.caught_up and self._process()
        self._report()
        return bool(worked or came_up or taken or polled.rows)

    def close(self) -> None:
        """Leave the group; everything folded is committed or will be read again."""
        self.members.close()
        for client in ("_consumer", "_producer", "_broadcasts"):
            if hasattr(self, client):  # `start` may have failed half-way
                getattr(self, client).close()

    def _buffer(self, polled: Polled) -> None:
        lanes = self.members.lanes
        limit = self.settings.buffer_records
        full: list[Place] = []
        before, number = "", -1
        lane: Lane[S] | None = None
        for raw in polled.rows:
            topic: str = raw.topic()
            partition: int = raw.partition()
            offset: int = raw.offset()
            if partition != number or topic != before:  # a partition's records come together
                before, number = topic, partition
                lane = lanes.get((topic, partition))
            if lane is None:
                self.members.note_origin((topic, partition), offset)
                continue
            if lane.fetched is None:
                self.members.note_origin(lane.place, offset)
            elif offset < lane.fetched:
                continue
            lane.fetched = offset + 1
            if lane.unit.merge.push(lane.topic, raw) >= limit and not lane.paused:
                lane.paused = True
                full.append(lane.place)
        for place_topic, place_number, end in polled.ends:
            lane = lanes.get((place_topic, place_number))
            if lane is not None and (lane.fetched is None or lane.fetched <= end):
                lane.unit.merge.mark_end(lane.topic)
        if full:
            self._consumer.pause(full)

    def _process(self) -> bool:
        """Fold one batch and commit it; return whether there was anything."""
        self._backlog = False
        ready = self.members.runnable()
        if not ready:
            return False
        self._batches += 1
        batch: Batch[S] = Batch(
            f"{self._nonce}.{self._batches:x}",
            self.settings,
            self._clock,
            self._transport,
            counts=self._counts,
            partitions=self.members.partitions,
        )
        shift = self._batches % len(ready)
        turns = ready[shift:] + ready[:shift]
        # written as folded: what partitions share, as the models, must not go back in the log
        parts: list[Part] = []
        try:
            for unit in turns:
                batch.fold(unit)
                if self.settings.clock == "wall":
                    batch.fire(unit)
                if unit.touched:
                    # while its states are still in the processor's caches
                    parts.append(batch.seal(unit, self.processor))
            if not parts:
                return False
            self._share(batch, parts)
        except PartitionFault as fault:
            self._guard(fault)
            return True
        if self._commit(batch, parts):
            self._backlog = batch.is_cut
            self._unpause(ready)
        return True

    def _share(self, batch: Batch[S], parts: list[Part]) -> None:
        """Add what the processor keeps beside its partitions to the part of the first one."""
        first = self.members.units.get(0)
        if first is None or not hasattr(self.processor, "shared_state"):
            return
        shared = self.processor.shared_state()
        if shared is None:
            return
        if not first.touched:
            parts.append(batch.seal(first, self.processor))
        for part in parts:
            if part.unit is first:
                batch.add_shared(part, shared)

    def _commit(self, batch: Batch[S], parts: list[Part]) -> bool:
        """Commit, or undo; return whether it stands."""
        before_ms = self._clock.mono_ms()
        try:
            markers = self._transactions.commit(
                batch.name, parts, batch.extra, self._consumer.group_metadata
            )
        except Retryable as error:
            self._aborted(error)
            return False
        self._aborts = 0
        for part in parts:
            unit: Unit[S] = part.unit
            unit.stand(markers[unit.number], part.rows)
        done_ms = self._clock.mono_ms()
        batch.publish(self._metrics)
        self._metrics.count("batches")
        self._metrics.count("batch_records", batch.records)
        self._metrics.observe("commit_seconds", (done_ms - before_ms) / 1000)
        self._metrics.observe("batch_seconds", (done_ms - batch.started_ms) / 1000)
        return True

    def _aborted(self, error: Retryable) -> None:
        self._aborts += 1
        self._metrics.count("aborts")
        self._log.warning("batch_aborted", error=error.message, in_a_row=self._aborts)
        if self._aborts > self.settings.max_aborts:
            raise ClientFailed(f"{self._aborts} batches in a row were aborted: {error.message}")
        self.members.begin_anew(self._consumer)

    def _guard(self, fault: PartitionFault) -> None:
        """The processor raised: undo the batch, then copy before each call in that partition.

        A partition that is guarded already raises no more: its faults are dead letters.
        """
        self._metrics.count("partition_faults", 1, {"error": fault.error_type})
        self._log.error("processor_raised", partition=fault.number, error=fault.error_type)
        if fault.number in self.members.guarded:
            raise fault
        self.members.guarded.add(fault.number)
        self.members.begin_anew(self._consumer)

    def _unpause(self, units: list[Unit[S]]) -> None:
        low = self.settings.buffer_records // 2
        roomy: list[Place] = []
        for unit in units:
            for lane in unit.lanes.values():
                if lane.paused and unit.merge.buffered(lane.topic) <= low:
                    lane.paused = False
                    roomy.append(lane.place)
        if roomy:
            self._consumer.resume(roomy)

    def _report(self) -> None:
        now_ms = self._clock.mono_ms()
        if now_ms - self._gauges_ms < _GAUGES_EVERY_MS:
            return
        self._gauges_ms = now_ms
        self._metrics.gauge("ready", 1.0 if self.is_ready() else 0.0)
        for unit in self.members.units.values():
            report(self._metrics, unit, self._consumer, self._clock.now_ms())
