"""Settings of sessions."""

from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 60_000
"""Events of the last minute are held one by one: the window of the short signals."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """When a session ends, and how much of it is kept.

    Raises:
        ValueError: A bound makes no sense; the lateness must be shorter than the gap, else an
            event could belong in front of a whole session.
    """

    gap_ms: int = 1_800_000
    """A session that was silent for so long, in event time, has ended."""
    lateness_ms: int = 60_000
    """Events may come out of order by so much."""
    open_max: int = 4
    """Sessions of one profile open at once (tabs, devices); beyond it the oldest ends."""
    horizons_max: int = 8
    """Ended sessions whose end is remembered, to tell their late events."""
    recent_max: int = 128
    """Events held one by one; beyond it the oldest of them are taken as final before their time."""

    def __post_init__(self) -> None:
        if not 0 <= self.lateness_ms < self.gap_ms:
            raise ValueError("lateness_ms must be at least 0 and less than gap_ms")
        if min(self.open_max, self.horizons_max, self.recent_max) < 1:
            raise ValueError("open_max, horizons_max and recent_max must be at least 1")

    @property
    def recent_ms(self) -> int:
        """How long events are held one by one: they may still be preceded, or count in a window."""
        return max(self.lateness_ms, WINDOW_MS)
