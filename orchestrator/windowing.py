"""Event time: the clock of a partition, and the merge of its topics into one history.

Both are plain values driven by arguments: nothing here reads a clock (compare bytewax's
`operators/windowing.py`: the watermark moves with the records, on with system time, never back).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.types import Record

UNCONFIRMED_JUMP_MS: Final = 30 * 24 * 3_600_000
"""A leap of the clock this long needs a second record that agrees: one wrong clock moves nobody."""


@dataclass(slots=True)
class PartitionClock:
    """The time of one partition: the greatest event time seen, and never back.

    A record that leaps further than `UNCONFIRMED_JUMP_MS` moves the clock only once a second
    record, of another key, lies beyond that leap too.
    """

    now_ms: int = 0
    leap_ms: int = 0
    leap_key: str = ""

    def observe(self, time_ms: int, key: str = "") -> int:
        """Move on to a record's event time; return the partition's time."""
        now = self.now_ms
        if time_ms > now:
            if now and time_ms - now > UNCONFIRMED_JUMP_MS:
                if not self.leap_ms or key == self.leap_key:
                    self.leap_ms, self.leap_key = time_ms, key
                    return now
                time_ms = min(time_ms, self.leap_ms)
            self.leap_ms = 0
            self.now_ms = now = time_ms
        return now

    def advance(self, now_ms: int) -> int:
        """Move on without a record (idle shoppers under `--clock wall`, or a clock marker)."""
        self.now_ms = max(self.now_ms, now_ms)
        return self.now_ms


_FORGET_AT: Final = 1024
"""So many items handed out are let go of at once: each time the rest moves up."""
_AHEAD: Final = 32
"""So many records are decoded in one go: turn and turn about, decoding and folding drive each other
out of the processor's caches."""


class _Lane:
    """One topic: a queue in a list, of which the first `taken` are gone."""

    __slots__ = (
        "at_end",
        "decoded",
        "decoded_ms",
        "head",
        "items",
        "taken",
        "time_ms",
        "topic",
        "waiting_since_ms",
        "yielded_ms",
    )

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.items: list[Any] = []
        self.taken: int = 0
        self.head: Record | None = None
        """The first of those waiting, decoded."""
        self.decoded: list[Record] = []
        """Those behind it that are decoded already, the next one last."""
        self.decoded_ms: int = 0
        """Running maximum of event time of what was decoded."""
        self.time_ms: int = 0
        """The same up to the head: a late record does not hold the other topics up."""
        self.yielded_ms: int = 0
        """The running maximum as of the last record handed out: what a restart begins from."""
        self.at_end: bool = False
        self.waiting_since_ms: int = -1
        """By the caller's clock; -1: not waited for."""

    def take(self) -> Any:
        """The first of those waiting."""
        at = self.taken
        item = self.items[at]
        self.items[at] = None
        self.taken = at + 1
        if self.taken == len(self.items) or self.taken == _FORGET_AT:
            del self.items[: self.taken]
            self.taken = 0
        return item


class TopicMerge:
    """Merge the co-partitioned topics of one partition by event time; ties by topic order.

    A topic without buffered records that has not reached its end is waited for, `wait_ms` of the
    caller's clock at most: a backlog of several topics reads as one history.

    Args:
        topics: Logical names in tie order.
        wait_ms: Longest wait for a topic that lags.
        decode: Makes the record of what was pushed on a topic, shortly before its turn: a backlog
            waits as bytes, and what is decoded is still at hand when it is folded.
    """

    def __init__(
        self, topics: Sequence[str], wait_ms: int, decode: Callable[[str, Any], Record]
    ) -> None:
        self._order = tuple(topics)
        self._lanes = {topic: _Lane(topic) for topic in topics}
        self._wait_ms = wait_ms
        self._decode = decode
        self.given: Any = None
        """What was pushed of the record handed out last."""

    def push(self, topic: str, item: Any) -> int:
        """Buffer one; within a topic the log's order stands. Return how many wait there."""
        lane = self._lanes[topic]
        lane.items.append(item)
        lane.at_end = False
        lane.waiting_since_ms = -1
        return len(lane.items) - lane.taken

    def mark_end(self, topic: str) -> None:
        """The reader stands at the topic's end: nothing to wait for."""
        self._lanes[topic].at_end = True

    def buffered(self, topic: str) -> int:
        """How many wait on a topic."""
        lane = self._lanes[topic]
        return len(lane.items) - lane.taken

    def ready(self, mono_ms: int) -> Iterator[Record]:
        """Yield what may be folded now, in order; stop where a lagging topic must be waited for."""
        lanes = [self._lanes[topic] for topic in self._order]
        while True:
            best: _Lane | None = None
            for lane in lanes:
                if lane.head is None:
                    if lane.taken == len(lane.items):
                        if lane.at_end or self._was_waited_for(lane, mono_ms):
                            continue
                        return
                    self._decode_head(lane)
                if best is None or lane.time_ms < best.time_ms:
                    best = lane
            if best is None or best.head is None:
                return
            record = best.head
            best.head = None
            best.yielded_ms = best.time_ms
            self.given = best.take()
            yield record

    def _decode_head(self, lane: _Lane) -> None:
        decoded = lane.decoded
        if not decoded:
            for item in lane.items[lane.taken : lane.taken + _AHEAD]:
                record = self._decode(lane.topic, item)
                decoded.append(record)
                if record.time_ms > lane.decoded_ms:  # noqa: PLR1730 - faster than a call
                    lane.decoded_ms = record.time_ms
            decoded.reverse()
        head = decoded.pop()
        lane.head = head
        if head.time_ms > lane.time_ms:  # noqa: PLR1730 - faster than a call
            lane.time_ms = head.time_ms

    def _was_waited_for(self, lane: _Lane, mono_ms: int) -> bool:
        """Whether a topic that lags was waited for long enough."""
        if lane.waiting_since_ms < 0:
            lane.waiting_since_ms = mono_ms
        return mono_ms - lane.waiting_since_ms >= self._wait_ms

    def time_ms(self, topic: str) -> int:
        """Greatest event time of what was decoded so far, 0 at first."""
        return self._lanes[topic].decoded_ms

    def is_idle(self) -> bool:
        """Every topic is read to its end and handed out: only then may the clock run on alone."""
        return all(lane.at_end and lane.taken == len(lane.items) for lane in self._lanes.values())

    def times(self) -> dict[str, int]:
        """Running maxima of what was handed out, to be kept with the partition's state.

        Records still buffered do not count: they will be read again, and must sort as before.
        """
        return {topic: lane.yielded_ms for topic, lane in self._lanes.items()}

    def restore_times(self, times: Mapping[str, int]) -> None:
        """Continue with the running maxima of `times`."""
        for topic, time_ms in times.items():
            if topic in self._lanes:
                lane = self._lanes[topic]
                lane.decoded_ms = lane.time_ms = lane.yielded_ms = time_ms
