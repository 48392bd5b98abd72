"""Records that cannot be folded: every one ends in the dead letters, once, and nothing stops."""

from base64 import b64decode

import orjson
import pytest

from orchestrator.errors import PartitionFault, Retryable
from orchestrator.messages.operations import DeadLetter
from orchestrator.processors.dead_letters import MAX_KEPT_BYTES
from tests.counting import Counted, CountingProcessor, body
from tests.unit.runtimes.rig import START_MS, Rig, Tallies, settle


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"k", b"\x00\xff", "invalid_json"),
        (b"k", b"[1]", "invalid_json"),
        (b"k", b"", "invalid_json"),
        (b"k", None, "tombstone"),
        (None, body(START_MS), "key_missing"),
        (b"\xff", body(START_MS), "invalid_key"),
        (b"k", body(START_MS, "late"), "late"),
        (b"k", body(START_MS + 400 * 86_400_000), "future_time"),
        (b"k", b'{"time_ms":"soon"}', "processing_error"),
    ],
)
def test_a_bad_record_becomes_a_dead_letter(
    key: bytes | None, value: bytes | None, reason: str
) -> None:
    """Whole, with its reason and place, in the contract's form; its neighbours are folded."""
    rig = Rig(partitions=1)
    rig.click("k")
    rig.broker.write("clickstream", key, value, partition=0)
    rig.click("k", 100)
    tallies = Tallies()
    settle(rig.host(metrics=tallies))
    (letter,) = rig.dead_letters()
    DeadLetter.model_validate(letter, extra="forbid")
    assert letter["reason"] == reason
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("clickstream", 0, 1)
    assert letter["first_seen_by"] == "orchestrator-worker"
    assert letter["value_base64"] is None or b64decode(letter["value_base64"]) == value
    assert letter["key_base64"] is None or b64decode(letter["key_base64"]) == key
    assert [row["n"] for row in rig.messages()] == [1, 2]
    assert tallies.counts["dead_letters", reason] == 1


def test_a_dead_letter_says_the_same_after_an_abort() -> None:
    """It is part of the transaction: written once, its id from the position alone."""
    rig = Rig(partitions=1)
    rig.click("k", kind="late")
    rig.broker.fail("commit", Retryable("injected"))
    tallies = Tallies()
    settle(rig.host(metrics=tallies))
    (letter,) = rig.dead_letters()
    assert letter["id"].startswith("dl-")
    assert tallies.counts["dead_letters", "late"] == 1


def test_a_huge_record_is_cut_and_says_so() -> None:
    """Base64 of what is kept fits a record of 4 MiB."""
    rig = Rig(partitions=1)
    rig.broker.write("clickstream", b"k", b"x" * (MAX_KEPT_BYTES + 1), partition=0)
    settle(rig.host())
    (row,) = rig.broker.committed("dead-letters")
    assert len(row.value() or b"") < 4 * 1024 * 1024
    (letter,) = rig.dead_letters()
    assert letter["truncated"]
    assert letter["value_bytes"] == MAX_KEPT_BYTES + 1


def test_dead_letters_carry_the_original_key_and_trace() -> None:
    """Operators find them by key; the trace of the bad record goes on."""
    rig = Rig(partitions=1)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    rig.click("k", kind="late", headers=[("traceparent", trace.encode())])
    settle(rig.host())
    (row,) = rig.broker.committed("dead-letters")
    headers = dict(row.headers() or [])
    assert row.key() == b"k"
    assert trace[3:35].encode() in (headers["traceparent"] or b"")
    assert headers["ce_type"] == b"dead_letter"


def test_faults_of_the_processor_are_dead_letters_without_a_trace_in_state() -> None:
    """A record on which the processor raises leaves the state as it was; the stream goes on."""
    rig = Rig(partitions=1)
    for at, kind in enumerate(["click", "boom", "click", "boom", "unencodable", "click"]):
        rig.click("k", at * 100, kind)
    rig.click("new", 700, "boom")
    rig.click("new", 800)
    host = rig.host()
    settle(host)
    letters = rig.dead_letters()
    assert [letter["offset"] for letter in letters] == [1, 3, 4, 6]
    assert {letter["reason"] for letter in letters} == {"processing_error"}
    assert "ZeroDivisionError" in letters[0]["detail"]
    assert [row["n"] for row in rig.messages()] == [1, 2, 3, 1]
    assert host.members.units[0].runner.scope.values == {"folded": 4}


def test_a_timer_that_raises_is_tried_again_later() -> None:
    """It is counted, its key's state stays as it was, and nothing else stops."""
    rig = Rig(partitions=1)
    processor = CountingProcessor()
    processor.timer_boom = True
    tallies = Tallies()
    host = rig.host(processor=processor, metrics=tallies)
    rig.click("k")
    rig.click("other", 5_000)
    settle(host)
    assert tallies.counts["timer_faults", "ZeroDivisionError"] == 1
    processor.timer_boom = False
    rig.click("other", 2 * 3_600_000)
    settle(host)
    assert {row["id"] for row in rig.messages("silent")} >= {f"silent/k/{START_MS}"}


def test_a_state_that_cannot_be_written_is_its_records_end() -> None:
    """What `dump` raises on never reaches the changelog; the record is a dead letter."""
    rig = Rig(partitions=1)

    class Broken(CountingProcessor):
        def dump(self, state: Counted) -> object:
            raise ZeroDivisionError

    rig.click("k")
    settle(rig.host(processor=Broken()))
    assert [letter["reason"] for letter in rig.dead_letters()] == ["processing_error"]


def test_an_endless_fault_ends_the_host() -> None:
    """A partition that raises even when guarded is not tried for ever."""
    rig = Rig(partitions=1)

    class Moody(CountingProcessor):
        calls = 0

        def dump(self, state: Counted) -> object:
            self.calls += 1
            if self.calls % 2:
                raise ZeroDivisionError
            return super().dump(state)

    rig.click("k")
    with pytest.raises(PartitionFault, match="ZeroDivisionError in partition 0") as fault:
        settle(rig.host(processor=Moody()))
    assert (fault.value.code, fault.value.number) == ("E224", 0)


def test_a_misrouted_record_is_forwarded_once() -> None:
    """By its key's murmur2 partition, in the same transaction, marked, and folded there."""
    rig = Rig(partitions=2)
    right = rig.broker.logs["clickstream", 0]
    rig.click("k1")
    wrong = 1 if right else 0
    rig.click("k1", 100, partition=wrong)
    tallies = Tallies()
    host = rig.host(metrics=tallies)
    settle(host)
    assert tallies.counts["misrouted", "clickstream"] == 1
    (home,) = [row for row in rig.broker.logs["clickstream", 1 - wrong] if row.headers()]
    assert dict(home.headers() or []) == {"orchestrator-forwarded": b"1"}
    assert [row["n"] for row in rig.messages()] == [1, 2]


@pytest.mark.parametrize("batch_records", [1, 100])
def test_a_misrouted_record_of_a_forgotten_key_is_forwarded(batch_records: int) -> None:
    """Also in the batch in which the key was forgotten: batches must not tell."""
    rig = Rig(partitions=2)
    rig.click("k1")
    wrong = 1 if rig.broker.logs["clickstream", 0] else 0
    mark = [("orchestrator-forwarded", b"1")]
    rig.click("k1", 100, partition=wrong, headers=mark)
    rig.click("k1", 200, "forget", partition=wrong, headers=mark)
    rig.click("k1", 300, partition=wrong)
    tallies = Tallies()
    settle(rig.host(metrics=tallies, batch_records=batch_records))
    assert tallies.counts["misrouted", "clickstream"] == 1


def test_a_forwarded_record_is_folded_where_it_is() -> None:
    """A writer with another partitioner and our mark cannot make it go round for ever."""
    rig = Rig(partitions=2)
    rig.click("k1")
    wrong = 1 if rig.broker.logs["clickstream", 0] else 0
    rig.click("k1", 100, partition=wrong, headers=[("orchestrator-forwarded", b"1")])
    settle(rig.host())
    assert [row["n"] for row in rig.messages()] == [1, 1]
    assert not any(row.headers() for row in rig.broker.logs["clickstream", 1 - wrong])


def test_a_tombstone_on_profiles_erases() -> None:
    """The one input on which a record without a value means something."""
    rig = Rig(partitions=1, inputs=("profiles", "clickstream"))
    rig.click("k", topic="clickstream")
    host = rig.host()
    settle(host)
    rig.broker.write("profiles", b"k", None)
    settle(host)
    rig.click("k", 100, topic="clickstream")
    settle(host)
    assert [row["n"] for row in rig.messages()] == [1, 1]
    assert [row["n"] for row in rig.messages("erased")] == [1]


def test_a_clock_marker_only_moves_time() -> None:
    """`clock_advanced` fires the timers that are due and makes no session."""
    rig = Rig(partitions=1)
    rig.click("k")
    rig.click("marker", 10_000, "clock_advanced")
    host = rig.host()
    settle(host)
    assert [row["id"] for row in rig.messages("silent")] == [f"silent/k/{START_MS}"]
    assert len(host.members.units[0].table) == 1
    assert not rig.dead_letters()


def test_idle_time_fires_timers_under_the_wall_clock() -> None:
    """Nobody sends anything: silence is noticed all the same, once."""
    rig = Rig(partitions=1)
    rig.click("k")
    host = rig.host(clock="wall")
    settle(host)
    rig.clock.advance(900)
    settle(host)
    assert not rig.messages("silent")
    rig.clock.advance(200)
    settle(host)
    rig.clock.advance(5_000)
    settle(host)
    (silent,) = rig.messages("silent")
    assert silent["time_ms"] == START_MS + 1_100


def test_idle_time_fires_nothing_under_the_event_clock() -> None:
    """Only records move time: a replay does not depend on how long it took."""
    rig = Rig(partitions=1)
    rig.click("k")
    host = rig.host(clock="event")
    settle(host)
    rig.clock.advance(60_000)
    settle(host)
    assert not rig.messages("silent")


def test_time_passes_while_nobody_runs() -> None:
    """Under the wall clock a silence that ended during a restart is noticed after it."""
    rig = Rig(partitions=1)
    rig.click("k")
    first = rig.host(clock="wall")
    settle(first)
    first.close()
    rig.clock.advance(3_600_000)
    second = rig.host(clock="wall")
    settle(second)
    assert len(rig.messages("silent")) == 1


def test_a_backlog_is_read_in_order_of_event_time() -> None:
    """Two topics that come back to a backlog read as one history."""
    rig = Rig(partitions=1, inputs=("orders", "clickstream"))
    for at in range(0, 100, 2):
        rig.click("k", at, topic="clickstream")
    for at in range(1, 100, 2):
        rig.click("k", at, topic="orders")
    settle(rig.host(batch_records=7, merge_wait_ms=1_000))
    assert [row["time_ms"] for row in rig.messages()] == [START_MS + at for at in range(100)]


def test_the_order_survives_a_restart_between_batches() -> None:
    """Buffered records do not push the merge's clock: they are read again and sort as before."""
    rig = Rig(partitions=1, inputs=("orders", "clickstream"))
    times = [0, 900, 10, 20, 30, 40]
    for at in times:
        rig.click("k", at, topic="clickstream")
    for at in (5, 15, 905):
        rig.click("k", at, topic="orders")
    first = rig.host(batch_records=1, merge_wait_ms=1_000)
    while len(rig.messages()) < 2:
        first.turn()
    first.close()
    settle(rig.host(batch_records=100, merge_wait_ms=1_000))
    calm = Rig(partitions=1, inputs=("orders", "clickstream"))
    calm.broker.logs["orders", 0] = rig.broker.logs["orders", 0]
    calm.broker.logs["clickstream", 0] = rig.broker.logs["clickstream", 0]
    settle(calm.host(merge_wait_ms=1_000))
    assert rig.messages() == calm.messages()


def test_buffers_are_bounded() -> None:
    """A topic that waits for another is paused, and read on when there is room."""
    rig = Rig(partitions=1, inputs=("orders", "clickstream"))
    for at in range(500):
        rig.click("k", at, topic="clickstream")
    host = rig.host(merge_wait_ms=10_000, buffer_records=50, batch_records=20)
    for _ in range(100):
        host.turn()
        lane = host.members.lanes.get(("clickstream", 0))
        assert lane is None or lane.unit.merge.buffered(lane.topic) <= 70
    settle(host)
    rig.assert_each_counted_once()


def test_commands_go_where_the_input_was() -> None:
    """Outputs are co-partitioned; a topic of another count goes by the key."""
    rig = Rig(partitions=4)
    rig.clicks(40)
    settle(rig.host())
    for row in rig.broker.committed("counts"):
        assert orjson.loads(row.value() or b"")["id"].split("/")[1] == str(row.partition())
