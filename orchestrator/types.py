"""Words every floor shares: identifiers, units, positions, and what a fold returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, NewType, Protocol, TypeAlias, TypeVar

Millis = NewType("Millis", int)
"""Unix epoch, UTC, milliseconds; or a span of them."""
Cents = NewType("Cents", int)
"""Money in hundredths of its currency."""
ProfileId = NewType("ProfileId", str)
SessionId = NewType("SessionId", str)
DecisionId = NewType("DecisionId", str)
CommandId = NewType("CommandId", str)

Payload: TypeAlias = dict[str, Any]
"""A JSON object in the form of its topic's model, about to be encoded; tests validate each."""

S = TypeVar("S")


class Keyed(Protocol):
    """What the host reads of every state, whatever the fold keeps in it."""

    wake_at_ms: int
    """The next time `on_timer` is due, by the partition's clock; 0: never."""
    scheduled_ms: int
    """The host's own: the earliest timer entry known for this key; 0 in a new state, not kept."""


class Position(NamedTuple):
    """Where a record stands in the log. The topic is the logical name, without prefix."""

    topic: str
    partition: int
    offset: int


class Record(NamedTuple):
    """One decoded input record, as a fold sees it."""

    topic: str
    """Logical topic name."""
    partition: int
    offset: int
    key: str
    value: Any
    """The decoded message (a struct of `orchestrator.messages.wire`), or None for a tombstone."""
    time_ms: Millis
    """Event time."""
    traceparent: str | None = None
    """W3C trace context of the record, where it had one."""

    @property
    def position(self) -> Position:
        return Position(self.topic, self.partition, self.offset)


class Emit(NamedTuple):
    """One message a fold wants published; the host adds partition, headers and the transaction."""

    topic: str
    """Logical topic name."""
    key: str
    value: Payload | None
    """Carries `id`, `type` and `time_ms`; None is a tombstone."""


@dataclass(slots=True)
class Step(Generic[S]):
    """What a fold returns: the state to keep (None: forget the key) and what to publish.

    When to wake is part of the state: `Keyed.wake_at_ms`.
    """

    state: S | None
    emits: tuple[Emit, ...] | list[Emit] = ()


@dataclass(slots=True)
class Scope:
    """What belongs to a partition as a whole, beside its keys; serialised with each batch.

    A fold may read and change it; it must survive a JSON round trip.
    """

    partition: int
    partitions: int
    positions: dict[str, int] = field(default_factory=dict)
    """Last offset folded, by logical topic: what `positions` of a ledger entry pins."""
    values: dict[str, Any] = field(default_factory=dict)
    """Room for the processor, e.g. this partition's share of a budget already spent."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of models and policies in force, by family; set by the host, not serialised."""
