"""What happens when: one heap for everything that lies ahead."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, NamedTuple, TypeAlias

from orchestrator.types import Payload


class Emission(NamedTuple):
    """One record as it arrives at the log."""

    time_ms: int
    """When it arrives; the event's own time stands in the value and may be earlier."""
    topic: str
    """Logical topic name."""
    key: str
    value: Payload
    """In the form of the contract. Nested objects may be shared with other emissions."""


Handler: TypeAlias = Callable[[int, Any], Emission | None]
"""Called when its time has come, with that time and its argument."""


class Timeline:
    """Handlers in order of time; ties in the order they were planned.

    Args:
        start_ms: Where time begins.
    """

    __slots__ = ("_heap", "_planned", "now_ms")

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self._heap: list[tuple[int, int, Handler, Any]] = []
        self._planned = 0

    def __len__(self) -> int:
        return len(self._heap)

    def plan(self, time_ms: int, handler: Handler, argument: Any) -> None:
        """Call a handler at a time; what is past is called next."""
        self._planned += 1
        heappush(self._heap, (max(time_ms, self.now_ms), self._planned, handler, argument))

    def emit(self, time_ms: int, topic: str, key: str, value: Payload) -> None:
        """Let a record arrive at a time."""
        self.plan(time_ms, _arrived, (topic, key, value))

    def next(self, until_ms: int | None = None) -> Emission | None:
        """The next record to arrive; None: there is none, or none up to that time."""
        heap = self._heap
        while heap and (until_ms is None or heap[0][0] <= until_ms):
            time_ms, _, handler, argument = heappop(heap)
            self.now_ms = time_ms
            emission = handler(time_ms, argument)
            if emission is not None:
                return emission
        return None


def _arrived(time_ms: int, record: tuple[str, str, Payload]) -> Emission:
    return Emission(time_ms, *record)
