"""Words every floor shares: identifiers, units, positions, and what a fold returns."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, NewType, TypeAlias, TypeVar

from mypy_extensions import mypyc_attr

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
_NO_VERSIONS: Final[Mapping[str, str]] = MappingProxyType({})


@mypyc_attr(allow_interpreted_subclasses=True)
class Keyed:
    """Base of every state: what the host reads of it, whatever the fold keeps in it."""

    __slots__ = ("scheduled_ms", "wake_at_ms")

    def __init__(self) -> None:
        self.wake_at_ms: int = 0
        """The next time `on_timer` is due, by the partition's clock; 0: never."""
        self.scheduled_ms: int = 0
        """The host's own: the earliest timer entry known for this key; not kept."""


class Position(NamedTuple):
    """Where a record stands in the log. The topic is the logical name, without prefix."""

    topic: str
    partition: int
    offset: int


class Record:
    """One decoded input record, as a fold sees it.

    Args:
        topic: Logical topic name.
        partition: The partition of it.
        offset: The place in that.
        key: The key, decoded.
        value: The decoded message (a struct of `orchestrator.messages.wire`), or None for a
            tombstone.
        time_ms: Event time.
        traceparent: W3C trace context of the record, where it had one.
    """

    __slots__ = ("key", "offset", "partition", "time_ms", "topic", "traceparent", "value")

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        key: str,
        value: Any,
        time_ms: int,
        traceparent: str | None = None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.key = key
        self.value = value
        self.time_ms = Millis(time_ms)
        self.traceparent = traceparent

    @property
    def position(self) -> Position:
        return Position(self.topic, self.partition, self.offset)


class Emit:
    """One message a fold wants published; the host adds partition, headers and the transaction.

    Args:
        topic: Logical topic name.
        key: Key of the message.
        value: Carries `id`, `type` and `time_ms`; None is a tombstone. It is encoded some records
            later: nothing in it may change any more.
    """

    __slots__ = ("key", "part_encoded", "refusals", "span", "topic", "traceparent", "value")

    def __init__(self, topic: str, key: str, value: Payload | None) -> None:
        self.topic = topic
        self.key = key
        self.value = value
        self.part_encoded: tuple[str, Any] | None = None
        """A field of `value`, and what reads as that field once it is encoded: parts of it are that
        already. For speed only."""
        self.refusals: tuple[str, ...] = ()
        """Reason codes of the actions a decision refused, by its writer: the host counts them."""
        self.span: str = ""
        """Sixteen hex digits that no other message has, where its id is a hash already."""
        self.traceparent: str | None = None
        """The runner's own: trace of the record that caused it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Emit) and (self.topic, self.key, self.value) == (
            other.topic,
            other.key,
            other.value,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Emit({self.topic!r}, {self.key!r}, {self.value!r})"


class Step(Generic[S]):
    """What a fold returns: the state to keep (None: forget the key) and what to publish.

    When to wake is part of the state: `Keyed.wake_at_ms`.
    """

    __slots__ = ("emits", "state")

    def __init__(self, state: S | None, emits: Sequence[Emit] = ()) -> None:
        self.state = state
        self.emits = emits


class Scope:
    """What belongs to a partition as a whole, beside its keys; serialised with each batch.

    A fold may read and change it; it must survive a JSON round trip.

    Args:
        partition: The partition.
        partitions: How many there are.
        versions: Versions of models and policies in force, by family; set by the host, not
            serialised.
    """

    __slots__ = ("partition", "partitions", "positions", "values", "versions")

    def __init__(
        self, partition: int, partitions: int, *, versions: Mapping[str, str] = _NO_VERSIONS
    ) -> None:
        self.partition = partition
        self.partitions = partitions
        self.positions: dict[str, int] = {}
        """Last offset folded, by logical topic: what `positions` of a ledger entry pins."""
        self.values: dict[str, Any] = {}
        """Room for the processor, e.g. this partition's share of a budget already spent."""
        self.versions = versions
