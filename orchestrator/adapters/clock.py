"""The clock of the machine, and one that a test moves."""

import time

from orchestrator.types import Millis


class SystemClock:
    """Wall and monotonic time of this machine."""

    def now_ms(self) -> Millis:
        return Millis(time.time_ns() // 1_000_000)

    def mono_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class ManualClock:
    """Time stands still until somebody moves it.

    Args:
        now_ms: Unix epoch, UTC, milliseconds at the start; monotonic time starts at 0.
    """

    def __init__(self, now_ms: int = 0) -> None:
        self._start_ms = now_ms
        self._elapsed_ms = 0

    def now_ms(self) -> Millis:
        return Millis(self._start_ms + self._elapsed_ms)

    def mono_ms(self) -> int:
        return self._elapsed_ms

    def advance(self, by_ms: int) -> None:
        """Let `by_ms` milliseconds pass; time never runs back."""
        if by_ms < 0:
            msg = "time does not run back"
            raise ValueError(msg)
        self._elapsed_ms += by_ms
