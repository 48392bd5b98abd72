"""Write-behind: what is acknowledged, and when."""

import asyncio
from typing import Any, cast

from faust.streams import Stream
from faust.types import EventT, FutureMessage

from orchestrator.runtimes.agents.lane import Lane


class Log:
    """A table and a stream that tell in which order things happened to them."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.happened: list[str] = []

    def send_changelog(
        self, partition: int, key: bytes, row: bytes | None, *serializers: str
    ) -> FutureMessage:
        self.happened.append(f"row {key.decode()} to {partition}")
        return self.delivered()

    def delivered(self) -> FutureMessage:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return cast("FutureMessage", future)

    async def ack(self, event: str) -> None:
        self.happened.append(f"ack {event}")


def lane_of(log: Log) -> Lane[bytearray]:
    return Lane(cast("Any", log), bytearray, bytes)


async def took(lane: Lane[bytearray], log: Log, event: str) -> None:
    await lane.took(cast("Stream[bytes]", log), cast("EventT[bytes]", event))


async def test_a_record_is_acknowledged_after_what_it_led_to() -> None:
    """Messages elsewhere, then the row, then the acknowledgement."""
    log = Log()
    lane = lane_of(log)
    message: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    lane.put(b"k", bytearray(b"1"), 2)
    await took(lane, log, "e-1")
    flush = asyncio.create_task(lane.flush([cast("FutureMessage", message)]))
    await asyncio.sleep(0)
    assert log.happened == []
    message.set_result(None)
    assert await flush == {b"k"}
    assert log.happened == ["row k to 2", "ack e-1"]
    assert log.data == {b"k": b"1"}


async def test_a_row_is_written_once_for_many_records() -> None:
    """News are seen at once, written with the flush; a second flush has nothing to do."""
    log = Log()
    lane = lane_of(log)
    for number in b"123":
        state = lane.get(b"k") or bytearray()
        state.append(number)
        lane.put(b"k", state, 0)
    assert log.data == {}
    assert await lane.flush() == {b"k"}
    assert log.data == {b"k": b"123"}
    assert await lane.flush() == set()
    assert lane_of(log).get(b"k") == bytearray(b"123")


async def test_what_folds_on_during_a_flush_waits_for_the_next() -> None:
    """The row is the one of the records that are acknowledged with it."""
    log = Log()
    lane = lane_of(log)
    message: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    state = bytearray(b"1")
    lane.put(b"k", state, 0)
    flush = asyncio.create_task(lane.flush([cast("FutureMessage", message)]))
    await asyncio.sleep(0)
    state.append(ord("2"))
    lane.put(b"k", state, 0)
    message.set_result(None)
    await flush
    assert log.data == {b"k": b"1"}
    await lane.flush()
    assert log.data == {b"k": b"12"}


async def test_a_forgotten_key_leaves_the_table() -> None:
    """The changelog gets its tombstone."""
    log = Log()
    log.data[b"k"] = b"1"
    lane = lane_of(log)
    lane.put(b"k", None, 0)
    assert lane.get(b"k") is None
    assert await lane.flush() == {b"k"}
    assert log.data == {}


async def test_when_partitions_move_nothing_more_is_written() -> None:
    """Another member may be at these rows by now; the records come again."""
    log = Log()
    lane = lane_of(log)
    message: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    lane.put(b"k", bytearray(b"1"), 0)
    await took(lane, log, "e-1")
    flush = asyncio.create_task(lane.flush([cast("FutureMessage", message)]))
    await asyncio.sleep(0)
    lane.reset()
    message.set_result(None)
    assert await flush == set()
    assert log.happened == []
    assert lane.get(b"k") is None
