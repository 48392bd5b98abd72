"""Event time: the partition's clock and the merge of its topics."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.types import Millis, Record
from orchestrator.windowing import UNCONFIRMED_JUMP_MS, PartitionClock, TopicMerge

DAY_MS = 86_400_000


def merge_of(topics: Iterable[str], wait_ms: int) -> TopicMerge:
    """What is pushed are the records themselves."""
    return TopicMerge(tuple(topics), wait_ms, lambda _, pushed: pushed)


def record(topic: str, offset: int, time_ms: int) -> Record:
    return Record(topic, 0, offset, "k", None, Millis(time_ms))


@given(st.lists(st.tuples(st.integers(0, 100 * DAY_MS), st.sampled_from("abc"))))
def test_the_clock_never_runs_back(seen: list[tuple[int, str]]) -> None:
    """Whatever comes, time is monotonic and never past the greatest event time."""
    clock = PartitionClock()
    before = 0
    for time_ms, key in seen:
        now_ms = clock.observe(time_ms, key)
        assert before <= now_ms <= max(time for time, _ in seen)
        before = now_ms


def test_one_wrong_clock_moves_nobody() -> None:
    """A leap of more than thirty days waits for a record of another key beyond it."""
    clock = PartitionClock()
    clock.observe(DAY_MS, "a")
    leap_ms = DAY_MS + UNCONFIRMED_JUMP_MS + 1
    assert clock.observe(leap_ms, "b") == DAY_MS
    assert clock.observe(leap_ms + 5, "b") == DAY_MS
    assert clock.observe(DAY_MS + 1, "a") == DAY_MS + 1
    assert clock.observe(leap_ms + 5, "b") == DAY_MS + 1


def test_a_leap_that_another_key_confirms_is_taken() -> None:
    """A partition that was quiet for two months goes on at the earlier of the two times."""
    clock = PartitionClock()
    clock.observe(DAY_MS, "a")
    leap_ms = 70 * DAY_MS
    clock.observe(leap_ms, "b")
    assert clock.observe(leap_ms + 9, "c") == leap_ms


def test_the_clock_runs_on_alone_only_forward() -> None:
    """`advance` takes the greater time."""
    clock = PartitionClock(now_ms=50)
    assert clock.advance(40) == 50
    assert clock.advance(60) == 60


times = st.lists(st.integers(0, 50), max_size=12)


@given(left=times, right=times)
def test_a_backlog_reads_as_one_history(left: list[int], right: list[int]) -> None:
    """Sorted topics merge sorted, ties by topic order; late records wait for nobody."""
    merge = merge_of(("left", "right"), wait_ms=1_000)
    for offset, time_ms in enumerate(sorted(right)):
        merge.push("right", record("right", offset, time_ms))
    for offset, time_ms in enumerate(sorted(left)):
        merge.push("left", record("left", offset, time_ms))
    merge.mark_end("left")
    merge.mark_end("right")
    found = [(each.time_ms, each.topic, each.offset) for each in merge.ready(0)]
    wanted = [(time_ms, "left", at) for at, time_ms in enumerate(sorted(left))]
    wanted += [(time_ms, "right", at) for at, time_ms in enumerate(sorted(right))]
    assert found == sorted(wanted)
    assert merge.is_idle()


@given(left=times, right=times, cut=st.integers(0, 24))
def test_a_restart_at_any_point_merges_the_same(
    left: list[int], right: list[int], cut: int
) -> None:
    """`times` after any number of records, and the rest pushed again: the same order.

    Buffered records must not count: they would sort later after a restart than before it.
    """
    order = ("left", "right")
    logs = {
        topic: [record(topic, offset, time_ms) for offset, time_ms in enumerate(log)]
        for topic, log in zip(order, (left, right), strict=True)
    }
    whole = list(merged(logs, {}, {}))
    first = merged(logs, {}, {})
    begun = [each for each, _ in zip(first, range(cut), strict=False)]
    positions = {topic: sum(each.topic == topic for each in begun) for topic in order}
    merge = merge_of(order, wait_ms=0)
    for log in logs.values():
        for each in log:
            merge.push(each.topic, each)
    taken = [each for each, _ in zip(merge.ready(0), range(cut), strict=False)]
    assert taken == begun
    rest = list(merged(logs, positions, merge.times())) if len(begun) == cut else []
    assert begun + rest == whole or len(begun) < cut


def merged(
    logs: dict[str, list[Record]], positions: dict[str, int], known: dict[str, int]
) -> "list[Record]":
    merge = merge_of(logs, wait_ms=0)
    merge.restore_times(known)
    for topic, log in logs.items():
        for each in log[positions.get(topic, 0) :]:
            merge.push(each.topic, each)
        merge.mark_end(topic)
    return list(merge.ready(0))


def test_a_lagging_topic_is_waited_for_but_not_for_ever() -> None:
    """A topic that has not said it is at its end holds the others up for `wait_ms`."""
    merge = merge_of(("orders", "clicks"), wait_ms=100)
    merge.push("clicks", record("clicks", 0, 10))
    assert not list(merge.ready(1_000))
    assert not list(merge.ready(1_099))
    assert [each.topic for each in merge.ready(1_100)] == ["clicks"]


def test_a_backlog_waits_as_it_came_and_is_decoded_shortly_before_its_turn() -> None:
    """Some of each topic are decoded ahead; `given` is what was pushed."""
    decoded: list[int] = []

    def decode(topic: str, offset: int) -> Record:
        decoded.append(offset)
        return record(topic, offset, offset)

    merge = TopicMerge(("left", "right"), 0, decode)
    assert [merge.push("left", offset) for offset in (0, 2, 4)] == [1, 2, 3]
    merge.push("right", 1)
    ready = merge.ready(0)
    assert not decoded
    assert (next(ready).offset, merge.given, decoded) == (0, 0, [0, 2, 4, 1])
    assert (next(ready).offset, merge.given, decoded) == (1, 1, [0, 2, 4, 1])
    assert (merge.buffered("left"), merge.buffered("right")) == (2, 0)
    assert merge.times() == {"left": 0, "right": 1}
    merge.mark_end("left")
    merge.mark_end("right")
    assert not merge.is_idle()
    assert [each.offset for each in ready] == [2, 4]
    assert merge.is_idle()


def test_times_of_what_was_decoded_and_of_what_was_handed_out_are_told_apart() -> None:
    """What has no time of its own takes that of those before it in the log, not of those folded."""
    merge = TopicMerge(("left",), 0, lambda topic, offset: record(topic, offset, offset))
    for offset in (5, 9, 7):
        merge.push("left", offset)
    next(merge.ready(0))
    assert (merge.time_ms("left"), merge.times()) == (9, {"left": 5})


def test_a_long_backlog_is_decoded_part_by_part() -> None:
    """So that what is decoded is still at hand when it is folded; every record once, in order."""
    decoded: list[int] = []

    def decode(topic: str, offset: int) -> Record:
        decoded.append(offset)
        return record(topic, offset, offset)

    merge = TopicMerge(("left",), 0, decode)
    for offset in range(1_000):
        merge.push("left", offset)
    for count, each in enumerate(merge.ready(0)):
        assert each.offset == merge.given == count
        assert count < len(decoded) <= count + 32
    assert decoded == list(range(1_000))


def test_a_topic_at_its_end_is_not_waited_for() -> None:
    """And one that got records since then is."""
    merge = merge_of(("orders", "clicks"), wait_ms=100)
    merge.mark_end("orders")
    merge.push("clicks", record("clicks", 0, 10))
    assert len(list(merge.ready(0))) == 1
    assert not merge.is_idle()
    merge.mark_end("clicks")
    assert merge.is_idle()


def test_a_late_record_does_not_hold_the_others_up() -> None:
    """Within a topic the log's order stands; it sorts by the greatest time seen so far."""
    merge = merge_of(("a", "b"), wait_ms=0)
    for offset, time_ms in enumerate([100, 5]):
        merge.push("a", record("a", offset, time_ms))
    merge.push("b", record("b", 0, 50))
    assert [(each.topic, each.offset) for each in merge.ready(0)] == [("b", 0), ("a", 0), ("a", 1)]
    assert merge.times() == {"a": 100, "b": 50}
    assert merge.time_ms("a") == 100
