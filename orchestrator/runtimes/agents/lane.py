"""Write-behind for one Faust table: fold many records, write each changed row once, then ack.

An offset is acknowledged only after everything its record led to has been delivered: messages to
other topics first, then the changelog. A crash in between repeats; it does not lose.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from faust.streams import Stream
from faust.types import EventT, FutureMessage, TableT

S = TypeVar("S")

TAKEN_LIMIT = 10_000
"""Records folded and not yet acknowledged; beyond it their stream waits for the broker."""
DELIVERY_TIMEOUT_S = 60.0
HOT_LIMIT = 50_000
"""States kept decoded; beyond it those without news are dropped, their rows stay in the table."""


class Lane(Generic[S]):
    """The states of one table between two flushes.

    Args:
        table: Keys and rows in bytes.
        load: A row to a state.
        dump: The inverse.
    """

    def __init__(
        self, table: TableT[bytes, bytes], load: Callable[[bytes], S], dump: Callable[[S], bytes]
    ) -> None:
        self.table = table
        self._load = load
        self._dump = dump
        self._hot: dict[bytes, S | None] = {}
        self._dirty: dict[bytes, int] = {}
        self._taken: list[tuple[Stream[bytes], EventT[bytes]]] = []
        self._resets = 0
        self._room = asyncio.Event()
        self._room.set()

    def get(self, key: bytes) -> S | None:
        """The state of a key, news included."""
        if key not in self._hot:
            row = self.table.data.get(key)
            self._hot[key] = None if row is None else self._load(row)
        return self._hot[key]

    def put(self, key: bytes, state: S | None, partition: int) -> None:
        """Keep a state (None: forget the key); `partition` is the one its record came from."""
        self._hot[key] = state
        self._dirty[key] = partition

    async def took(self, stream: Stream[bytes], event: EventT[bytes]) -> None:
        """A record has been folded; it is acknowledged by the next flush. Waits if none comes."""
        self._taken.append((stream, event))
        if len(self._taken) >= TAKEN_LIMIT:
            self._room.clear()
        await self._room.wait()

    async def flush(self, messages: Iterable[FutureMessage] = ()) -> set[bytes]:
        """Deliver, write, acknowledge.

        Args:
            messages: What the records led to elsewhere, on its way.

        Returns:
            The keys whose rows changed.

        Raises:
            TimeoutError: The broker did not take them: nothing is acknowledged.
        """
        dirty, self._dirty = self._dirty, {}
        taken, self._taken = self._taken, []
        # Rows are taken before anything is waited for: the states fold on meanwhile.
        rows = [(key, self._row(key), partition) for key, partition in dirty.items()]
        resets = self._resets
        async with asyncio.timeout(DELIVERY_TIMEOUT_S):
            await asyncio.gather(*messages)
            if resets != self._resets:
                return set()  # partitions moved meanwhile: others may be at these rows
            await asyncio.gather(*(self._write(*row) for row in rows))
        for stream, event in taken:
            await stream.ack(event)
        if len(self._hot) > HOT_LIMIT:
            self._hot = {key: self._hot[key] for key in self._dirty}
        self._room.set()
        return set(dirty)

    def reset(self) -> None:
        """Partitions moved, rows were restored: what was not acknowledged comes again."""
        self._resets += 1
        self._hot.clear()
        self._dirty.clear()
        self._taken.clear()
        self._room.set()

    def _row(self, key: bytes) -> bytes | None:
        state = self._hot[key]
        return None if state is None else self._dump(state)

    def _write(self, key: bytes, row: bytes | None, partition: int) -> FutureMessage:
        # Not `table[key] = row`: Faust allows that only while a stream yields.
        if row is None:
            self.table.data.pop(key, None)
        else:
            self.table.data[key] = row
        return self.table.send_changelog(partition, key, row, "raw", "raw")
