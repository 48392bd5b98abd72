"""Fill units from the changelog, a slice at a time, while the healthy ones go on."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

import orjson

from orchestrator.errors import StateLost
from orchestrator.ports import Clock, LogReader, Metrics, Place, Processor, Transport
from orchestrator.runtimes.worker.restore import Restore
from orchestrator.runtimes.worker.settings import HostSettings
from orchestrator.runtimes.worker.units import Unit
from orchestrator.types import Keyed

S = TypeVar("S", bound=Keyed)

_READ = 10_000
_READ_WAIT_MS = 20
_LOAD_SLICE = 2_000
_STALLED_MS = 1_000


class _Job(Generic[S]):
    def __init__(self, unit: Unit[S], restore: Restore, started_ms: int) -> None:
        self.unit = unit
        self.restore = restore
        self.started_ms = started_ms
        self.origin: int | None = None
        self.position: int | None = None
        self.loading: Iterator[None] | None = None


class Restorer(Generic[S]):
    """One reader for all partitions being restored.

    Args:
        transport: Of the changelog's cluster.
        processor: Its `load` makes states of rows.
        settings: Of the host.
        clock: For the time-out, and for idle time that passed while nobody ran.
        metrics: Told how long each restore took.
    """

    def __init__(
        self,
        transport: Transport,
        processor: Processor[S],
        settings: HostSettings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._transport = transport
        self._processor = processor
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._reader: LogReader | None = None
        self._jobs: dict[Place, _Job[S]] = {}
        self._active_ms = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, unit: Unit[S], marker: int | None, committed: Mapping[str, int | None]) -> None:
        """Line up a new, empty unit."""
        for lane in unit.lanes.values():
            lane.next = lane.fetched = lane.committed = committed[lane.topic]
        place = unit.marker_place
        self._jobs[place] = _Job(unit, Restore(place, marker, committed), self._clock.mono_ms())

    def begin(self) -> None:
        """Read the changelog of all that is lined up."""
        self._close()
        if self._jobs:
            self._reader = self._transport.reader()
            self._reader.assign(dict.fromkeys(self._jobs))
            self._active_ms = self._clock.mono_ms()

    def drop(self) -> None:
        """Give up whatever is under way: the partitions are no longer ours."""
        self._jobs.clear()
        self._close()

    def step(self) -> list[Unit[S]]:
        """Read and load a slice; return the units that are whole.

        Raises:
            StateLost: the changelog does not show the last committed batch.
        """
        if not self._jobs:
            return []
        self._read()
        done: list[Unit[S]] = []
        for place, job in list(self._jobs.items()):
            if job.loading is not None and next(job.loading, self) is self:
                done.append(job.unit)
                del self._jobs[place]
                self._finished(job)
        if not self._jobs:
            self._close()
        return done

    def _read(self) -> None:
        reader = self._reader
        if reader is None:
            return
        now_ms = self._clock.mono_ms()
        polled = reader.poll(_READ, _READ_WAIT_MS)
        for raw in polled.rows:
            job = self._jobs.get((raw.topic(), raw.partition()))
            if job is not None and job.loading is None:
                if job.origin is None:
                    job.origin = raw.offset()
                job.restore.take(raw)
                job.position = raw.offset() + 1
        for topic, partition, _ in polled.ends:
            self._at_end((topic, partition))
        waiting = [job for job in self._jobs.values() if job.loading is None and job.position]
        if polled.rows or polled.ends:
            self._active_ms = now_ms
        elif waiting and now_ms - self._active_ms > _STALLED_MS:
            # somebody's open transaction may have ended without a record of ours after it
            self._active_ms = now_ms
            reader.seek({each.unit.marker_place: each.position or 0 for each in waiting})
        for job in self._jobs.values():
            if job.loading is None and now_ms - job.started_ms > self._settings.restore_wait_ms:
                raise job.restore.lost()

    def _at_end(self, place: Place) -> None:
        job = self._jobs.get(place)
        if job is None or job.loading is not None or not job.restore.is_complete():
            return
        if job.restore.needs_second_pass():
            if self._reader is not None and job.origin is not None:
                self._reader.seek({place: job.origin})
            return
        job.loading = self._load(job)

    def _load(self, job: _Job[S]) -> Iterator[None]:
        unit, restore = job.unit, job.restore
        rows: dict[str, bytes | None] = {}
        for key, row in restore.rows():
            unit.runner.restore(key, self._state(row))
            rows[key] = row
            if len(rows) >= _LOAD_SLICE:
                unit.table.commit(rows)
                rows = {}
                yield
        unit.table.commit(rows)
        meta = restore.meta()
        unit.marker = restore.marker
        if meta is not None:
            self._take_meta(unit, meta)
        if unit.number == 0 and hasattr(self._processor, "restore_shared"):
            self._processor.restore_shared(restore.shared())

    def _take_meta(self, unit: Unit[S], meta: Mapping[str, Any]) -> None:
        unit.runner.restore_meta(meta["meta"])
        unit.merge.restore_times(meta["times"])
        away_ms = max(0, self._clock.now_ms() - meta["wall_ms"])
        unit.anchor = (unit.runner.clock.now_ms, self._clock.mono_ms() - away_ms)

    def _state(self, row: bytes) -> S:
        try:
            return self._processor.load(orjson.loads(row)["s"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise StateLost(
                f"a state in {self._settings.changelog} is not of this version's form"
                f" ({type(error).__name__}).",
                way_out="Run the version that wrote it, or begin anew in another --group-prefix.",
            ) from error

    def _finished(self, job: _Job[S]) -> None:
        took_ms = self._clock.mono_ms() - job.started_ms
        self._metrics.observe("restore_seconds", took_ms / 1000)
        self._metrics.count("restored_rows", job.restore.rows_read)

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
