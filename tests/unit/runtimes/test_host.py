"""The exactly-once loop on the broker in memory."""

from typing import Any

import orjson
import pytest

from orchestrator.adapters.memory.broker import Transaction
from orchestrator.errors import (
    ClientFailed,
    DeliveryUnknown,
    Fenced,
    InvalidPolicy,
    OrchestratorError,
    Retryable,
    StateLost,
    TopicsNotReady,
)
from orchestrator.runtimes.worker import ExactlyOnceHost, own_all_with_first
from orchestrator.runtimes.worker.logs import Quiet
from tests.counting import Counted, CountingProcessor, body
from tests.unit.runtimes.rig import START_MS, Rig, Tallies, settle

CALLS = ["begin", "send", "flush", "send_offsets", "commit"]


def test_every_record_is_counted_once() -> None:
    """A calm run: one message a record, counts without a gap, offsets at the end."""
    rig = Rig()
    rig.clicks(50)
    host = rig.host()
    settle(host)
    rig.assert_each_counted_once()
    assert host.is_ready()
    offsets = rig.broker.groups["orchestrator-worker"].offsets
    assert sum(at for (topic, _), at in offsets.items() if topic == "clickstream") == 50


@pytest.mark.parametrize("call", CALLS[1:])
@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("visible_aborts", [False, True])
def test_an_abort_loses_and_repeats_nothing(*, call: str, skip: int, visible_aborts: bool) -> None:
    """The batch is undone and done again, also where the broker shows aborted records."""
    rig = Rig(visible_aborts=visible_aborts)
    rig.clicks(40)
    rig.broker.fail(call, Retryable("injected"), skip=skip)
    host = rig.host(batch_records=10)
    settle(host)
    rig.assert_each_counted_once()


@pytest.mark.parametrize("call", [*CALLS, "poll", "committed"])
@pytest.mark.parametrize("error", [Fenced("injected"), ClientFailed("injected")])
@pytest.mark.parametrize("visible_aborts", [False, True])
def test_a_fatal_error_ends_the_host_and_the_next_one_goes_on(
    *, call: str, error: OrchestratorError, visible_aborts: bool
) -> None:
    """Whatever call meets it: the process ends, its successor of the same slot loses nothing."""
    rig = Rig(visible_aborts=visible_aborts)
    rig.clicks(40)
    first = rig.host(batch_records=10)
    rig.broker.fail(call, error, skip=2 if call in CALLS else 0)
    with pytest.raises(type(error)):
        settle(first)
    rig.broker.groups["orchestrator-worker"].members.clear()  # its silence was noticed
    settle(rig.host(batch_records=10))
    rig.assert_each_counted_once()


@pytest.mark.parametrize("after", [False, True])
def test_an_unknown_commit_is_settled_by_the_next_start(*, after: bool) -> None:
    """Nobody knows whether the commit took effect: exit, and the next start finds out."""
    rig = Rig()
    rig.clicks(40)
    first = rig.host(batch_records=10)
    rig.broker.fail("commit", DeliveryUnknown("injected"), skip=1, after=after)
    with pytest.raises(DeliveryUnknown):
        settle(first)
    first.close()
    settle(rig.host(batch_records=10))
    rig.assert_each_counted_once()


def test_an_unknown_abort_ends_the_host() -> None:
    """A failing abort is not tried again."""
    rig = Rig()
    rig.clicks(5)
    host = rig.host()
    rig.broker.fail("flush", Retryable("injected"))
    rig.broker.fail("abort", DeliveryUnknown("injected"))
    with pytest.raises(DeliveryUnknown):
        settle(host)


def test_a_seek_that_is_too_early_is_tried_again() -> None:
    """A place takes a moment until it is being read."""
    rig = Rig()
    rig.clicks(20)
    for _ in range(3):
        rig.broker.fail("seek", Retryable("injected"), skip=1)
    rig.broker.fail("commit", Retryable("injected"))
    settle(rig.host(batch_records=5))
    rig.assert_each_counted_once()


def test_aborts_in_a_row_end_the_host() -> None:
    """More than three in a row: it is not getting better."""
    rig = Rig()
    rig.clicks(5)
    host = rig.host()
    for _ in range(4):
        rig.broker.fail("commit", Retryable("injected"))
    with pytest.raises(ClientFailed, match="4 batches in a row"):
        settle(host)


def test_a_transaction_that_took_too_long_is_aborted() -> None:
    """A process that was stopped in between must not commit."""
    rig = Rig()
    rig.clicks(5)
    tallies = Tallies()
    host = rig.host(metrics=tallies)
    plain = rig.broker.write
    slow = iter([6_000])

    def write(*args: Any, **kwargs: Any) -> int:
        rig.clock.advance(next(slow, 0))
        return plain(*args, **kwargs)

    rig.broker.write = write  # type: ignore[method-assign]
    settle(host)
    assert tallies.counts["aborts",] == 1
    rig.assert_each_counted_once()


def test_two_members_share_and_hand_over() -> None:
    """A second member takes half; when it leaves, the first has all again. Nothing is lost."""
    rig = Rig(partitions=4)
    rig.clicks(40)
    first = rig.host(slot="a")
    settle(first)
    second = rig.host(slot="b")
    rig.clicks(40)
    settle(first, second)
    assert sorted(first.members.units) == [0, 1]
    assert sorted(second.members.units) == [2, 3]
    rig.clicks(40)
    settle(first, second)
    second.close()
    rig.clicks(40)
    settle(first)
    rig.assert_each_counted_once()


def test_a_partition_nobody_moved_is_not_restored() -> None:
    """A rebalance that leaves a partition with its owner costs it nothing."""
    rig = Rig(partitions=4)
    rig.clicks(40)
    first = rig.host(slot="a")
    settle(first)
    kept = [first.members.units[number] for number in (0, 1)]
    settle(first, rig.host(slot="b"))
    assert [first.members.units[number] for number in (0, 1)] == kept


def test_a_member_the_group_went_on_without_commits_nothing() -> None:
    """A zombie's batch is refused by its generation, and its state restored."""
    rig = Rig()
    rig.clicks(20)
    zombie = rig.host(slot="a")
    settle(zombie)
    group = rig.broker.groups["orchestrator-worker"]
    group.members.clear()
    other = rig.host(slot="b")
    rig.clicks(20)
    settle(other)
    settle(zombie, other)
    rig.clicks(20)
    settle(zombie, other)
    rig.assert_each_counted_once()


def test_a_partition_that_somebody_else_ran_is_restored() -> None:
    """Even if nobody said that we had lost it: the group's marker is not our last batch."""
    rig = Rig()
    rig.clicks(20)
    first = rig.host(slot="a")
    settle(first)
    group = rig.broker.groups["orchestrator-worker"]
    members = list(group.members)
    group.members.clear()
    other = rig.host(slot="b")
    rig.clicks(20)
    settle(other)
    group.members[:] = members
    group.generation += 1
    rig.clicks(20)
    settle(first)
    rig.assert_each_counted_once()


def test_one_owner_runs_everything() -> None:
    """With `own_all_with_first`, the member that holds partition 0 reads them all."""
    rig = Rig(partitions=4)
    first = rig.host(slot="a", own=own_all_with_first)
    second = rig.host(slot="b", own=own_all_with_first)
    rig.clicks(40)
    settle(first, second)
    assert sorted(first.members.units) == [0, 1, 2, 3]
    assert not second.members.units
    rig.assert_each_counted_once()


def test_a_restart_knows_everything() -> None:
    """State, clock, timers and merge positions come back from the changelog."""
    rig = Rig()
    rig.clicks(30)
    first = rig.host()
    settle(first)
    before = {
        number: (unit.runner.meta(), unit.merge.times(), unit.marker, len(unit.table))
        for number, unit in first.members.units.items()
    }
    first.close()
    second = rig.host()
    settle(second)
    assert before == {
        number: (unit.runner.meta(), unit.merge.times(), unit.marker, len(unit.table))
        for number, unit in second.members.units.items()
    }


def test_a_forgotten_key_stays_forgotten() -> None:
    """A tombstone of the changelog survives a restart, also where aborted rows are visible."""
    rig = Rig(partitions=1, visible_aborts=True)
    rig.click("k", 0)
    host = rig.host()
    settle(host)
    rig.click("k", 100, "forget")
    rig.broker.fail("commit", Retryable("injected"))
    settle(host)
    host.close()
    rig.click("k", 200)
    settle(rig.host())
    assert [row["n"] for row in rig.messages()] == [1, 2, 1]


def test_a_changelog_that_is_gone_is_not_taken_for_empty() -> None:
    """Offsets without their state: refuse rather than forget caps and budgets."""
    rig = Rig()
    rig.clicks(10)
    first = rig.host()
    settle(first)
    first.close()
    for number in range(2):
        rig.broker.logs["state", number].clear()
    second = rig.host(restore_wait_ms=5_000)
    with pytest.raises(StateLost):
        turn(second, rig, 100)


def test_a_group_told_where_to_begin_begins_there() -> None:
    """Input offsets set before the first start are respected."""
    rig = Rig(partitions=1)
    rig.clicks(10)
    host = rig.host()
    rig.broker.groups["orchestrator-worker"].offsets["clickstream", 0] = 4
    settle(host)
    assert [row["id"] for row in rig.messages()] == [f"clickstream/0/{at}" for at in range(4, 10)]


def test_only_offsets_that_moved_are_committed() -> None:
    """A topic that rests is not committed again with every batch of another."""
    rig = Rig(partitions=1, inputs=("clickstream", "orders"))
    rig.clicks(5)
    rig.click("p1", topic="orders")
    host = rig.host()
    settle(host)
    offsets = rig.broker.groups["orchestrator-worker"].offsets
    assert offsets.pop(("orders", 0)) == 1
    rig.clicks(5)
    settle(host)
    assert offsets["clickstream", 0] == 10
    assert ("orders", 0) not in offsets


def test_the_state_is_found_without_the_marker() -> None:
    """The group forgot the marker (its retention passed): the positions name the last batch."""
    rig = Rig(partitions=1)
    rig.clicks(10)
    first = rig.host(batch_records=3)
    settle(first)
    first.close()
    del rig.broker.groups["orchestrator-worker"].offsets["state", 0]
    rig.clicks(10)
    settle(rig.host())
    rig.assert_each_counted_once()


def test_a_restore_waits_for_somebody_elses_open_transaction() -> None:
    """Rows behind an open transaction are not visible yet; a restore waits until they are."""
    rig = Rig(partitions=1)
    first = rig.host()
    settle(first)
    other = Transaction()
    rig.broker.write("state", b"other", None, partition=0, transaction=other)
    rig.clicks(5)
    settle(first)
    first.close()
    second = rig.host(slot="c")
    turn(second, rig, 10)
    assert not second.is_ready()
    rig.broker.end(other, "aborted")
    turn(second, rig, 10)
    assert second.is_ready()
    rig.clicks(5)
    settle(second)
    rig.assert_each_counted_once()


def test_topics_of_unequal_partitions_are_refused() -> None:
    """Co-partitioning is checked before anything is read."""
    rig = Rig(inputs=("clickstream",))
    rig.broker.create("orders", 3)
    with pytest.raises(TopicsNotReady, match="must agree"):
        rig.host(processor=CountingProcessor(("clickstream", "orders")))


def test_broadcasts_are_read_before_the_first_record() -> None:
    """No record is folded before models and policies are known."""
    rig = Rig()
    rig.broker.create("policies", 1)
    for number in range(3_000):
        rig.broker.write("policies", b"p%d" % (number % 10), orjson.dumps(number))
    rig.clicks(5)
    processor = CountingProcessor(("clickstream",), ("policies",))
    host = rig.host(processor=processor)
    while not rig.messages():
        host.turn()
    assert processor.tables["p9"] == b"2999"


class Choosy(CountingProcessor):
    """Refuses what begins with an x, and stumbles over what begins with a y."""

    def on_broadcast(self, topic: str, key: str, value: bytes | None) -> None:
        if value is not None and value.startswith(b"x"):
            raise InvalidPolicy(f"{key} is of no use.", way_out="Publish it again.")
        if value is not None and value.startswith(b"y"):
            raise ZeroDivisionError("secret")
        super().on_broadcast(topic, key, value)


class Remembering(Quiet):
    """A log whose warnings a test can read."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))


def test_a_refused_broadcast_is_told_and_counted() -> None:
    """A line and a count each; the others are taken, the records folded, no dead letter written."""
    rig, tallies, log = Rig(), Tallies(), Remembering()
    rig.broker.create("eu.policies", 1)
    for topic in ("clickstream", "state", "counts", "dead-letters"):
        rig.broker.create(f"eu.{topic}", 2)
    for key, value in ((b"p", b"1"), (b"Action/\xff", b"x"), (b"q", b"y"), (b"r", b"2")):
        rig.broker.write("eu.policies", key, value)
    rig.broker.write("eu.clickstream", b"k", body(START_MS))
    processor = Choosy(("clickstream",), ("policies",))
    settle(rig.host(processor=processor, metrics=tallies, log=log, topic_prefix="eu."))
    assert processor.tables == {"p": b"1", "r": b"2"}
    stays = {"topic": "policies", "effect": "the version in force stays"}
    assert log.lines == [
        (
            "broadcast_refused",
            stays
            | {"key": "Action/\ufffd", "offset": 1}
            | {"error": "Action/\ufffd is of no use.", "way_out": "Publish it again."},
        ),
        (
            "broadcast_refused",
            stays
            | {"key": "q", "offset": 2}
            | {"error": "the processor raised ZeroDivisionError", "way_out": ""},
        ),
    ]
    assert tallies.counts["broadcasts_refused", "policies"] == 2
    assert tallies.counts["broadcasts",] == 4
    assert len(rig.broker.committed("eu.counts")) == 1
    assert rig.broker.committed("eu.dead-letters") == []


def test_the_name_prefix_is_on_every_topic() -> None:
    """`--topic-prefix` names every topic read and written; messages keep logical names."""
    rig = Rig()
    for topic in ("clickstream", "state", "counts", "dead-letters"):
        rig.broker.create(f"eu.{topic}", 2)
    rig.broker.write("eu.clickstream", b"k", body(START_MS))
    rig.broker.write("eu.clickstream", b"k", b"nonsense")
    settle(rig.host(topic_prefix="eu."))
    assert len(rig.broker.committed("eu.counts")) == 1
    letter = orjson.loads(rig.broker.committed("eu.dead-letters")[0].value() or b"")
    assert letter["topic"] == "clickstream"


def turn(host: ExactlyOnceHost[Counted], rig: Rig, turns: int) -> None:
    """Turn, half a second of time apart."""
    for _ in range(turns):
        host.turn()
        rig.clock.advance(500)
