"""The product's exactly-once host: changelog, outputs and offsets in one transaction a batch."""

import sys
from typing import Any

import msgspec

from benchmarks.speed.engines.job import Job, from_command_line
from benchmarks.speed.reference import Click, Session, decode, fold
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.kafka.transport import KafkaTransport
from orchestrator.adapters.store import MemoryTable
from orchestrator.errors import InvalidRecord
from orchestrator.runtimes.worker.logs import Quiet
from orchestrator.runtimes.worker.run import run_host
from orchestrator.runtimes.worker.settings import HostSettings
from orchestrator.types import Emit, Keyed, Millis, Record, Scope, Step

CHANGELOG = "orchestrator.state"


class HostSession(Keyed):
    """The reference session as a host keeps it."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session


class ReferenceProcessor:
    """The reference job as a fold of the product."""

    broadcasts = ()

    def __init__(self, topic: str, output: str) -> None:
        self.inputs = (topic,)
        self.seen = 0
        self._output = output

    def decode(self, topic: str, key: str, value: bytes) -> Click:
        try:
            return decode(value)
        except msgspec.ValidationError as error:
            raise InvalidRecord("schema", "not a click of the contract") from error
        except msgspec.DecodeError as error:
            raise InvalidRecord("invalid_json", "not JSON") from error

    def on_broadcast(self, topic: str, key: str, value: bytes | None) -> None:
        """No broadcast topics."""

    def on_record(
        self, scope: Scope, state: HostSession | None, record: Record, now: Millis
    ) -> Step[HostSession]:
        self.seen += 1
        kept = None if state is None else state.session
        session, command = fold(kept, record.value)
        emits = () if command is None else (Emit(self._output, record.key, command),)
        if session is None:
            return Step(None, emits)
        return Step(state or HostSession(session), emits)

    def on_timer(
        self, scope: Scope, key: str, state: HostSession, now: Millis
    ) -> Step[HostSession]:
        return Step(state)

    def dump(self, state: HostSession) -> Any:
        return msgspec.structs.astuple(state.session)

    def load(self, row: Any) -> HostSession:
        return HostSession(msgspec.convert(row, Session))


def main(job: Job) -> int:
    """Run the job until the backlog is consumed and committed; return the exit status."""
    bare = len(job.prefix)
    processor = ReferenceProcessor(job.topic[bare:], job.output[bare:])
    settings = HostSettings(
        role="reference",
        changelog=CHANGELOG,
        clock="event",
        group_prefix=job.prefix + "orchestrator",
        topic_prefix=job.prefix,
    )
    # Events are counted in the fold and the loop is asked between batches: the last has committed.
    return run_host(
        processor,
        KafkaTransport(Cluster(job.broker, embedded=True)),
        settings,
        SystemClock(),
        table=lambda _: MemoryTable(),
        log=Quiet(),
        stop=lambda: processor.seen >= job.events,
    )


if __name__ == "__main__":
    sys.exit(main(from_command_line()))
