"""Named points of the exactly-once loop at which a process ends at once, as by kill -9.

The clients are wrapped, so the loop itself knows nothing of it. A point is `before` or `after` one
of its calls: after `poll` records are in memory only, after `send` they may be on the broker, after
`send_offsets` all but the decision is, `during` `commit` the decision itself is under way, and
after `commit` it has fallen but the state in memory does not stand on it yet.
"""

import os
import signal
import threading
import time
from typing import Any

POINTS = (
    "after.poll",
    "before.begin",
    "after.send",
    "after.flush",
    "after.send_offsets",
    "during.commit",
    "after.commit",
)
_SOON_S = 0.002
"""About when the broker is at work on a commit."""


class FailingTransport:
    """A transport whose clients count their calls and end the process at one of them.

    Args:
        transport: The real one.
        failpoint: `when.call:N`, of `POINTS`; N counts from 1.
    """

    def __init__(self, transport: Any, failpoint: str) -> None:
        self._transport = transport
        point, _, number = failpoint.partition(":")
        if point not in POINTS:
            msg = f"{point} is none of {', '.join(POINTS)}"
            raise ValueError(msg)
        self._when, _, self._call = point.partition(".")
        self._left = int(number or 1)

    def consumer(self, *arguments: Any) -> Any:
        return _Failing(self._transport.consumer(*arguments), self)

    def producer(self, *arguments: Any) -> Any:
        return _Failing(self._transport.producer(*arguments), self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def made(self, when: str, call: str, found: Any = None) -> None:
        """Come by a point; polls that brought nothing do not count."""
        if (when, call) != (self._when, self._call) or (call == "poll" and not found.rows):
            return
        self._left -= 1
        if self._left == 0:
            if when == "during":
                threading.Thread(target=_end, args=(_SOON_S,)).start()
            else:
                _end(0)


class _Failing:
    def __init__(self, client: Any, owner: FailingTransport) -> None:
        self._client = client
        self._owner = owner

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def made(*arguments: Any, **options: Any) -> Any:
            self._owner.made("before", name)
            self._owner.made("during", name)
            found = call(*arguments, **options)
            self._owner.made("after", name, found)
            return found

        return made


def _end(after_s: float) -> None:
    time.sleep(after_s)
    os.kill(os.getpid(), signal.SIGKILL)
