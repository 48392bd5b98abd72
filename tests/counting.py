"""A small processor for tests of hosts: it counts the records of each key, and tells each count.

Every record gives one message `counted` whose id is the record's position, so a lost record is a
missing id and a record folded twice is a repeated one; `n` shows the state it was folded on.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from orchestrator.errors import InvalidRecord
from orchestrator.types import Emit, Keyed, Millis, Record, Scope, Step

SILENCE_MS = 1_000


class Counted(Keyed):
    """How many records a key had."""

    __slots__ = ("count", "last_ms")

    def __init__(self, count: int = 0, last_ms: int = 0, wake_at_ms: int = 0) -> None:
        super().__init__()
        self.count = count
        self.last_ms = last_ms
        self.wake_at_ms = wake_at_ms


class Message:
    """A decoded record: when, and what it asks for."""

    __slots__ = ("time_ms", "type")

    def __init__(self, time_ms: int, kind: str) -> None:
        self.time_ms = time_ms
        self.type = kind


class CountingProcessor:
    """Counts by key; `silent` follows after a second without a record of the key.

    Types that a test may send: `boom` raises after touching the state, `late` is refused after
    touching it, `forget` drops the key, `unencodable` emits what JSON cannot hold.
    """

    def __init__(
        self, inputs: Sequence[str] = ("clickstream",), broadcasts: Sequence[str] = ()
    ) -> None:
        self.inputs = inputs
        self.broadcasts = broadcasts
        self.tables: dict[str, bytes] = {}
        self.timer_boom = False

    def decode(self, topic: str, key: str, value: bytes) -> Message:
        try:
            data = orjson.loads(value)
            return Message(data["time_ms"], data.get("type", "click"))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRecord("invalid_json", "not an object with time_ms") from error

    def on_broadcast(self, topic: str, key: str, value: bytes | None) -> None:
        if value is None:
            self.tables.pop(key, None)
        else:
            self.tables[key] = value

    def on_record(
        self, scope: Scope, state: Counted | None, record: Record, now: Millis
    ) -> Step[Counted]:
        if record.value is None:
            return Step(None, (_told(record, "erased", state.count if state else 0),))
        state = state or Counted()
        state.count += 1
        state.last_ms = max(state.last_ms, record.time_ms)
        state.wake_at_ms = state.last_ms + SILENCE_MS
        scope.values["folded"] = scope.values.get("folded", 0) + 1
        kind = record.value.type
        if kind == "boom":
            raise ZeroDivisionError
        if kind == "late":
            state.count -= 1
            scope.values["folded"] -= 1
            raise InvalidRecord("late", "it came too late")
        emits = (_told(record, "counted", state.count),)
        if kind == "unencodable":
            bad: Any = {1, 2}
            emits = (Emit("counts", record.key, {"id": "x", "time_ms": 0, "bad": bad}),)
        return Step(None if kind == "forget" else state, emits)

    def on_timer(self, scope: Scope, key: str, state: Counted, now: Millis) -> Step[Counted]:
        if self.timer_boom:
            raise ZeroDivisionError
        state.wake_at_ms = 0
        payload = {
            "id": f"silent/{key}/{state.last_ms}",
            "type": "silent",
            "time_ms": int(now),
            "n": state.count,
        }
        return Step(state, (Emit("counts", key, payload),))

    def dump(self, state: Counted) -> Any:
        return [state.count, state.last_ms, state.wake_at_ms]

    def load(self, row: Any) -> Counted:
        return Counted(*row)


def body(time_ms: int, kind: str = "click") -> bytes:
    """An input record's value."""
    return orjson.dumps({"time_ms": time_ms, "type": kind})


def _told(record: Record, kind: str, count: int) -> Emit:
    payload = {
        "id": f"{record.topic}/{record.partition}/{record.offset}",
        "type": kind,
        "time_ms": record.time_ms,
        "n": count,
    }
    return Emit("counts", record.key, payload)
