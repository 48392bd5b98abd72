"""Clocks."""

import pytest

from orchestrator.adapters.clock import ManualClock, SystemClock


def test_a_manual_clock_stands_still() -> None:
    """Until it is moved, both times together, and never back."""
    clock = ManualClock(1_000)
    assert (clock.now_ms(), clock.mono_ms()) == (1_000, 0)
    clock.advance(5)
    assert (clock.now_ms(), clock.mono_ms()) == (1_005, 5)
    with pytest.raises(ValueError, match="run back"):
        clock.advance(-1)


def test_the_system_clock_is_this_machines() -> None:
    """Milliseconds since 1970, after this test was written; monotonic time does not run back."""
    clock = SystemClock()
    assert clock.now_ms() > 1_750_000_000_000
    assert clock.mono_ms() <= clock.mono_ms()
