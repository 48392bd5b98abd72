"""A restoration is Faust's, then ours; partitions may move again before either has ended."""

import asyncio
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from faust.types import TP
from structlog.testing import CapturingLogger

from orchestrator.runtimes.agents import app
from orchestrator.runtimes.agents.app import Parts
from orchestrator.runtimes.agents.settings import SHOPPERS, STATISTICS, AgentsSettings

SETTINGS = AgentsSettings(broker="127.0.0.1:9092")
ROWS = [
    (TopicPartition(SETTINGS.topic(SHOPPERS), 0), b"s", b"shopper"),
    (TopicPartition(SETTINGS.topic(STATISTICS), 0), b"p", b"product"),
    (TopicPartition(SETTINGS.topic(STATISTICS), 0), b"q", None),
]


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    """The lines of the log, whose place another test's command may have closed."""
    logger = CapturingLogger()
    monkeypatch.setattr(app, "log", logger)
    return logger


def events(said: CapturingLogger) -> list[str]:
    return [call.args[0] for call in said.calls]


class Member:
    """The agents with Faust's recovery of generation 1 behind them, and what they did."""

    def __init__(self, reached: int | None) -> None:
        self.crashes: list[Exception] = []
        self.begun: list[str] = []
        self.asked: Mapping[TopicPartition, int] = {}
        places = [TP(SETTINGS.topic(name), 0) for name in (SHOPPERS, STATISTICS)]
        self.app = SimpleNamespace(
            consumer_generation_id=1,
            producer=SimpleNamespace(flush=self._flush),
            crash=self._crash,
            tables=SimpleNamespace(
                changelog_queue=asyncio.Queue[object](),
                recovery=SimpleNamespace(
                    _generation_id=1,
                    active_tps=places,
                    active_offsets=dict.fromkeys(places, reached),
                    flush_buffers=lambda: None,
                ),
            ),
        )
        self.shoppers, self.products = (
            SimpleNamespace(
                table=SimpleNamespace(data={b"q": b"of before"}),
                reset=lambda: self.begun.append("lane"),
            )
            for _ in range(2)
        )
        self.parts = Parts(
            settings=SETTINGS,
            app=cast("Any", self.app),
            publisher=cast(
                "Any", SimpleNamespace(forget_published=lambda: None, touch=self._touched)
            ),
            directory=cast("Any", None),
            follower=cast("Any", None),
            shoppers=cast("Any", self.shoppers),
            products=cast("Any", self.products),
            expiry=cast("Any", SimpleNamespace(reset=lambda rows, partition_of: None)),
            topics={},
            partitions=1,
        )

    async def _flush(self) -> None:
        pass

    async def _crash(self, error: Exception) -> None:
        self.crashes.append(error)

    def _touched(self, rows: object) -> None:
        self.begun.append("publication")

    def reads(self, then: Callable[[], None]) -> Callable[..., Any]:
        """A changelog of three rows beyond the listed end; `then` happens while it is read."""

        async def read_on(
            options: object, positions: Mapping[TopicPartition, int], take: Callable[..., None]
        ) -> int:
            self.asked = positions
            for row in ROWS:
                take(*row)
            then()
            return len(ROWS)

        return read_on


async def test_rows_beyond_the_listed_end_are_taken(
    monkeypatch: pytest.MonkeyPatch, said: CapturingLogger
) -> None:
    """From the offset after the one that Faust reached; a tombstone takes its row away."""
    member = Member(reached=4)
    monkeypatch.setattr(app, "read_on", member.reads(lambda: None))
    await member.parts.restored()
    assert set(member.asked.values()) == {5}
    assert member.shoppers.table.data == {b"q": b"of before", b"s": b"shopper"}
    assert member.products.table.data == {b"p": b"product"}
    assert member.begun[-1] == "publication"
    assert events(said) == ["tables_restored"]


async def test_partitions_that_move_while_rows_are_read(
    monkeypatch: pytest.MonkeyPatch, said: CapturingLogger
) -> None:
    """The rows may be older than those of the next restoration: none is taken."""
    member = Member(reached=4)

    def rebalance() -> None:
        member.app.consumer_generation_id = 2

    monkeypatch.setattr(app, "read_on", member.reads(rebalance))
    await member.parts.restored()
    assert member.asked
    assert member.shoppers.table.data == member.products.table.data == {b"q": b"of before"}
    assert "publication" not in member.begun
    assert events(said) == ["restoration_overtaken"]
    assert not member.crashes


async def test_partitions_that_moved_before_reading(
    monkeypatch: pytest.MonkeyPatch, said: CapturingLogger
) -> None:
    """Faust has not said yet where its next restoration begins: that one will call again."""
    member = Member(reached=None)
    monkeypatch.setattr(app, "read_on", member.reads(lambda: None))
    await member.parts.restored()
    assert not member.asked
    assert "publication" not in member.begun
    assert events(said) == ["restoration_overtaken"]
    assert not member.crashes


async def test_a_restoration_that_fails_ends_the_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust would count on from half a table."""
    member = Member(reached=4)

    def fail() -> None:
        raise ConnectionError

    monkeypatch.setattr(app, "read_on", member.reads(fail))
    with pytest.raises(ConnectionError):
        await member.parts.restored()
    assert [type(error) for error in member.crashes] == [ConnectionError]
