"""Drive one processor over one partition: clock, timers, staged output of a batch. No I/O.

Every host is a shell around this: the exactly-once worker and learner, `replay --dry`, the golden
tests. So they cannot differ in what they decide, only in where records come from and go to.
"""

from heapq import heappop, heappush, heapreplace
from typing import Any, Final, Generic, TypeVar

import orjson

from orchestrator.errors import FoldFailed, InvalidRecord
from orchestrator.ports import Processor, StateTable
from orchestrator.types import Emit, Keyed, Millis, Record, Scope, Step
from orchestrator.windowing import PartitionClock

S = TypeVar("S", bound=Keyed)


FAULTY_TIMER_RETRY_MS: Final = 3_600_000
"""When a timer that raised is tried again; the partition's time."""


class PartitionRunner(Generic[S]):
    """One partition of one processor.

    Args:
        processor: The fold.
        scope: The partition's own values; `positions` are kept here.
        states: Keyed state of this partition.
        wall: Whether time also moves with the wall clock (`--clock wall`). Timers that fire long
            after they were due then see the present, not the time they were due.
    """

    def __init__(
        self, processor: Processor[S], scope: Scope, states: StateTable[S], *, wall: bool = False
    ) -> None:
        self.processor = processor
        self.scope = scope
        self.states = states
        self.clock = PartitionClock()
        self.wall = wall
        self.emits: list[Emit] = []
        self.dirty: dict[str, S | None] = {}
        self.guarded = False
        """The processor has shown a fault: copy before each call (see `feed_guarded`)."""
        self.timer_faults: list[str] = []
        """Types of exceptions that timers raised while guarded."""
        self._timers: list[tuple[int, str]] = []

    def feed(self, record: Record) -> None:
        """Fold one record; timers due by then fire first."""
        now = self.clock.observe(record.time_ms, record.key)
        timers = self._timers
        if timers and timers[0][0] <= now:
            self._fire(now)
        key = record.key
        scope = self.scope
        scope.positions[record.topic] = record.offset
        state = self.states.get(key)
        try:
            step = self.processor.on_record(scope, state, record, Millis(now))
        except InvalidRecord:
            # a refusal may come after the state was touched: what is kept must be what is known
            if state is not None:
                self._keep(key, state)
            raise
        self._keep(key, step.state)
        if step.emits:
            traceparent = record.traceparent
            if traceparent is not None:
                for emit in step.emits:
                    emit.traceparent = traceparent
            self.emits.extend(step.emits)

    def feed_guarded(self, record: Record) -> None:
        """Fold one record so that a fault of the processor leaves no trace but `FoldFailed`.

        Slow, since the key's state and the partition's values are copied first: for a partition
        whose processor has shown a fault.

        Raises:
            FoldFailed: the fold, or the encoding of what it returned, raised.
            InvalidRecord: as in `feed`.
        """
        key = record.key
        # timers due by now are not this record's fault
        self.advance(self.clock.observe(record.time_ms, key))
        before = self.states.get(key)
        row = None if before is None else orjson.dumps(self.processor.dump(before))
        values = orjson.dumps(self.scope.values)
        was_dirty = key in self.dirty
        emitted = len(self.emits)
        try:
            self.feed(record)
            kept = self.states.get(key)
            if kept is not None:
                orjson.dumps(self.processor.dump(kept))
            for emit in self.emits[emitted:]:
                orjson.dumps(emit.value)
        except InvalidRecord:
            raise
        except Exception as error:
            del self.emits[emitted:]
            self.scope.values.clear()
            self.scope.values.update(orjson.loads(values))
            self._put_back(key, None if row is None else self.processor.load(orjson.loads(row)))
            if not was_dirty:
                self.dirty.pop(key, None)
            raise FoldFailed(type(error).__name__) from error

    def skip(self, topic: str, offset: int) -> None:
        """Pass over a record that went to dead letters, was forwarded, or only told the time."""
        self.scope.positions[topic] = offset

    def advance(self, now_ms: int) -> None:
        """Move the clock on without a record and fire what is due."""
        now = self.clock.advance(now_ms)
        if self._timers and self._timers[0][0] <= now:
            self._fire(now)

    def fire(self, key: str, at: Millis) -> None:
        """Fire one key's timer at a time that is told, as a host did whose ledger is followed.

        Others that are due by then fire with the next record.
        """
        state = self.states.get(key)
        if state is None:
            return
        self.clock.advance(at)
        step = self.processor.on_timer(self.scope, key, state, at)
        self._keep(key, step.state)
        self.emits.extend(step.emits)

    def next_timer_ms(self) -> int | None:
        """When the next timer may be due, by the partition's clock."""
        return self._timers[0][0] if self._timers else None

    def restore(self, key: str, state: S) -> None:
        """Take in a state from the changelog, with its timer."""
        self.states.put(key, state)
        self._schedule(key, state)

    def meta(self) -> dict[str, Any]:
        """The partition's own row: plain JSON values."""
        return {
            "now_ms": self.clock.now_ms,
            "leap": [self.clock.leap_ms, self.clock.leap_key],
            "positions": dict(self.scope.positions),
            "values": self.scope.values,
        }

    def restore_meta(self, meta: dict[str, Any]) -> None:
        self.clock.now_ms = meta["now_ms"]
        self.clock.leap_ms, self.clock.leap_key = meta["leap"]
        self.scope.positions.clear()
        self.scope.positions.update(meta["positions"])
        self.scope.values.clear()
        self.scope.values.update(meta["values"])

    def take(self) -> tuple[list[Emit], dict[str, S | None]]:
        """Hand over the batch: emits in order, and the states that changed (None: forgotten)."""
        emits, dirty = self.emits, self.dirty
        self.emits, self.dirty = [], {}
        return emits, dirty

    def _keep(self, key: str, state: S | None) -> None:
        if state is None:
            self.dirty[key] = None
            self.states.delete(key)
            return
        if self.dirty.get(key) is not state:  # else it was put there in this batch
            self.dirty[key] = state
            self.states.put(key, state)
        wake = state.wake_at_ms
        if wake and (not state.scheduled_ms or wake < state.scheduled_ms):
            state.scheduled_ms = wake
            heappush(self._timers, (wake, key))

    def _guarded_timer(self, key: str, state: S, at: Millis) -> Step[S]:
        """A timer whose fault is counted and tried again an hour later, the state as before."""
        row = orjson.dumps(self.processor.dump(state))
        values = orjson.dumps(self.scope.values)
        try:
            step = self.processor.on_timer(self.scope, key, state, at)
            _check_moved_on(step.state, at)
            for emit in step.emits:
                orjson.dumps(emit.value)
        except Exception as error:  # noqa: BLE001 - whatever it is, the partition must go on
            self.timer_faults.append(type(error).__name__)
            self.scope.values.clear()
            self.scope.values.update(orjson.loads(values))
            before = self.processor.load(orjson.loads(row))
            before.wake_at_ms = at + FAULTY_TIMER_RETRY_MS
            return Step(before)
        return step

    def _put_back(self, key: str, state: S | None) -> None:
        if state is None:
            self.states.delete(key)
            if key in self.dirty:
                self.dirty[key] = None
            return
        self.states.put(key, state)
        if key in self.dirty:
            self.dirty[key] = state
        self._schedule(key, state)

    def _schedule(self, key: str, state: S) -> None:
        if state.wake_at_ms:
            state.scheduled_ms = state.wake_at_ms
            heappush(self._timers, (state.wake_at_ms, key))

    def _fire(self, now: int) -> None:
        """Fire in the order (due, key); an entry older than its state's due time is pushed on."""
        timers = self._timers
        while timers and timers[0][0] <= now:
            due, key = timers[0]
            state = self.states.get(key)
            if state is None:
                heappop(timers)
                continue
            if state.scheduled_ms == due:
                state.scheduled_ms = 0
            wake = state.wake_at_ms
            if not wake or wake > due:
                if wake and not state.scheduled_ms:
                    state.scheduled_ms = wake
                    heapreplace(timers, (wake, key))
                else:
                    heappop(timers)
                continue
            heappop(timers)
            at = Millis(now if self.wall else due)
            if self.guarded:
                step = self._guarded_timer(key, state, at)
            else:
                step = self.processor.on_timer(self.scope, key, state, at)
                _check_moved_on(step.state, at)
            self._keep(key, step.state)
            self.emits.extend(step.emits)


def _check_moved_on(state: Keyed | None, at: Millis) -> None:
    if state is not None and 0 < state.wake_at_ms <= at:
        msg = "a timer asked to be woken at the time it fired: it would fire for ever"
        raise RuntimeError(msg)
