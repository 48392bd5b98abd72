"""What an exactly-once host can be told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Own: TypeAlias = Callable[[Sequence[int], int], Sequence[int]]
"""From the partitions the group gave us, and how many there are, to the partitions to run."""

_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS


def own_assigned(assigned: Sequence[int], _: int) -> Sequence[int]:
    """Run what the group assigned."""
    return assigned


def own_all_with_first(assigned: Sequence[int], count: int) -> Sequence[int]:
    """One owner of everything: the member that holds partition 0."""
    return range(count) if 0 in assigned else ()


@dataclass(frozen=True)
class HostSettings:
    """Settings of one host; times in milliseconds of the monotonic clock unless said."""

    role: str
    """worker, learner or measure: names the group `<group_prefix>-<role>`."""
    changelog: str
    """Logical name of the compacted topic that keeps the state."""
    slot: str = "0"
    """Stable and unique per running instance; names the transactional id `<group>-<slot>`."""
    group_prefix: str = "orchestrator"
    topic_prefix: str = ""
    clock: Literal["wall", "event"] = "wall"
    """wall: a partition's time also runs on while it is idle; event: only records move it."""
    dead_letters: str = "dead-letters"
    merge_wait_ms: int = 1_000
    """Longest wait for a topic that lags behind the others of its partition."""
    batch_records: int = 5_000
    batch_work_ms: int = 200
    """Fold no longer than this before a commit."""
    poll_wait_ms: int = 10
    """Longest wait for records; what a batch may collect meanwhile."""
    buffer_records: int = 10_000
    """A partition of a topic with more records waiting is paused."""
    max_transaction_ms: int = 5_000
    """An older transaction is aborted, not committed: half the session time-out of the group.
    The time of folding does not count: the client's own thread keeps the membership meanwhile."""
    max_aborts: int = 3
    """More aborted batches in a row end the process."""
    future_wall_ms: int = 10 * _MINUTE_MS
    future_event_ms: int = 366 * _DAY_MS
    """How far a record's event time may lie after its writing, by kind of clock."""
    state_dir: Path | None = None
    """Where states beyond `hot_states` a partition are put; None: all in memory."""
    hot_states: int = 100_000
    restore_wait_ms: int = 120_000
    """Longest wait for the changelog to show the last committed batch."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    """Port of /metrics, /livez, /readyz; 0 takes a free one; None: none."""
    watchdog_ms: int = 60_000
    """Without progress for this long the process ends itself."""
    shutdown_ms: int = 10_000
    """A shutdown that takes longer ends the process the hard way."""

    @property
    def group(self) -> str:
        return f"{self.group_prefix}-{self.role}"

    @property
    def transactional_id(self) -> str:
        return f"{self.group}-{self.slot}"

    @property
    def future_ms(self) -> int:
        return self.future_wall_ms if self.clock == "wall" else self.future_event_ms

    def place(self, topic: str, partition: int) -> tuple[str, int]:
        """A partition of a logical topic, by its name on the broker."""
        return (self.physical(topic), partition)

    def physical(self, topic: str) -> str:
        """A logical topic's name on the broker."""
        return self.topic_prefix + topic
