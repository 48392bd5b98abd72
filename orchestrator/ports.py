"""What the inner floors and the runtimes need from outside, as protocols."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from orchestrator.types import Keyed, Millis, Record, Scope, Step

S = TypeVar("S", bound=Keyed)


class Clock(Protocol):
    """Time, for the runtimes only."""

    def now_ms(self) -> Millis:
        """Unix epoch, UTC, milliseconds."""
        ...

    def mono_ms(self) -> int:
        """Monotonic milliseconds, for waits and deadlines."""
        ...


class Processor(Protocol[S]):
    """A keyed fold over co-partitioned topics.

    Same state, record, now and tables: same step, to the byte. The host owns the state between
    calls; a fold may change the state it is handed and must return it.
    """

    inputs: Sequence[str]
    """Co-partitioned input topics, in tie order."""
    broadcasts: Sequence[str]
    """Topics every member reads whole (models, policies, catalogue): they change tables only."""

    def decode(self, topic: str, key: str, value: bytes) -> Any:
        """Bytes of an input topic to a message with `time_ms`; raise `InvalidRecord` otherwise."""
        ...

    def on_broadcast(self, topic: str, key: str, value: bytes | None) -> None:
        """Take a model, policy or product in (None: tombstone); called between batches only."""
        ...

    def on_record(self, scope: Scope, state: S | None, record: Record, now: Millis) -> Step[S]: ...

    def on_timer(self, scope: Scope, key: str, state: S, now: Millis) -> Step[S]: ...

    def dump(self, state: S) -> Any:
        """State to plain JSON values (lists, numbers, strings), small."""
        ...

    def load(self, row: Any) -> S:
        """The inverse of `dump`; raises on anything else."""
        ...


class StateTable(Protocol[S]):
    """Keyed state of one partition: in memory, with something larger behind where configured."""

    def get(self, key: str) -> S | None: ...

    def put(self, key: str, state: S) -> None: ...

    def delete(self, key: str) -> None: ...

    def __len__(self) -> int: ...


class Metrics(Protocol):
    """Counters, gauges and histograms by the names in `orchestrator.runtimes.worker.metrics`."""

    def count(
        self, name: str, amount: float = 1, labels: Mapping[str, str] | None = None
    ) -> None: ...

    def gauge(self, name: str, value: float, labels: Mapping[str, str] | None = None) -> None: ...

    def observe(self, name: str, value: float, labels: Mapping[str, str] | None = None) -> None: ...
