"""Signals, the watchdog, and the garbage collector of a host's process."""

import gc
import os
import signal
from collections.abc import Callable
from threading import Event, Thread, current_thread, main_thread
from types import FrameType

from orchestrator.ports import Clock
from orchestrator.runtimes.worker.logs import Log

EXIT_STALLED = 70
"""Status of a process that its watchdog ended (EX_SOFTWARE)."""
_LOOK_EVERY_S = 0.5


class Watchdog:
    """Ends the process, the hard way, when its loop makes no progress.

    A call into the Kafka client can hang (librdkafka#5511); nothing else gets the process out.

    Args:
        clock: Monotonic time.
        progress_ms: When the loop last turned.
        limit_ms: Longest time without a turn.
        log: Gets the last line.
        end: Ends the process; `os._exit` but in tests.
    """

    def __init__(
        self,
        clock: Clock,
        progress_ms: Callable[[], int],
        limit_ms: int,
        log: Log,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._clock = clock
        self._progress_ms = progress_ms
        self._limit_ms = limit_ms
        self._log = log
        self._end = end
        self._deadline_ms: int | None = None
        self._status = EXIT_STALLED
        self._off = Event()
        self._thread = Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close_within(self, limit_ms: int, status: int) -> None:
        """From now on only the way out counts: end with `status` if it takes longer."""
        self._status = status
        self._deadline_ms = self._clock.mono_ms() + limit_ms

    def stop(self) -> None:
        """The process has come to its end by itself."""
        self._off.set()

    def look(self) -> None:
        """End the process if it is time to."""
        now_ms = self._clock.mono_ms()
        deadline_ms = self._deadline_ms
        if deadline_ms is not None:
            if now_ms > deadline_ms:
                self._log.warning("shutdown_took_too_long")
                self._end(self._status)
        elif now_ms - self._progress_ms() > self._limit_ms:
            self._log.error("no_progress", for_ms=now_ms - self._progress_ms())
            self._end(self._status)

    def _watch(self) -> None:
        while not self._off.wait(_LOOK_EVERY_S):
            self.look()


def on_stop_signals(stop: Callable[[], None]) -> Callable[[], None]:
    """Call `stop` on SIGTERM and SIGINT; return what puts the former handlers back.

    A handler that raised would make the Kafka client drop records it has fetched: it only sets a
    flag. Outside the main thread there are no signals, and nothing is done.
    """
    if current_thread() is not main_thread():
        return lambda: None

    def handler(_: int, __: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}

    def put_back() -> None:
        for number, former in before.items():
            signal.signal(number, former)

    return put_back


class Collector:
    """Keeps the cyclic garbage collector off the hot loop.

    With tens of thousands of live states its full passes cost 5 to 30 % of the time; nothing in
    the loop makes cycles, so young objects are looked through only when there is time.

    Args:
        clock: Monotonic time.
    """

    _IDLE_EVERY_MS = 1_000
    _BUSY_EVERY_MS = 15_000

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._frozen = False
        self._last_ms = clock.mono_ms()

    def freeze(self) -> None:
        """All is restored: what is alive now will stay so."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._frozen = True

    def turn(self, *, idle: bool) -> None:
        """After each turn of the loop."""
        if not self._frozen:
            return
        now_ms = self._clock.mono_ms()
        if now_ms - self._last_ms > (self._IDLE_EVERY_MS if idle else self._BUSY_EVERY_MS):
            gc.collect(1 if idle else 0)
            self._last_ms = now_ms

    def stop(self) -> None:
        """The loop has ended: collect again, but not the states, which end with the process.

        The interpreter's last pass over a hundred thousand of them would only hold up its exit.
        """
        if self._frozen:
            gc.freeze()
            gc.enable()
            self._frozen = False
