"""The runner that every host drives: timers, and a restore at any point."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.store import MemoryTable
from orchestrator.errors import FoldFailed, InvalidRecord
from orchestrator.processors.partition import FAULTY_TIMER_RETRY_MS, PartitionRunner
from orchestrator.types import Millis, Record, Scope, Step
from tests.counting import SILENCE_MS, Counted, CountingProcessor, Message

Runner = PartitionRunner[Counted]


def runner(processor: CountingProcessor | None = None, *, wall: bool = False) -> Runner:
    return PartitionRunner(
        processor or CountingProcessor(), Scope(0, 1), MemoryTable[Counted](), wall=wall
    )


def click(offset: int, time_ms: int, key: str = "k", kind: str = "click") -> Record:
    return Record("clickstream", 0, offset, key, Message(time_ms, kind), Millis(time_ms))


def told(each: Runner) -> list[tuple[str, int]]:
    emits, _ = each.take()
    return [(str(emit.value["id"]), emit.value["n"]) for emit in emits if emit.value]


moments = st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(["a", "b", "c"])), max_size=30)


@settings(max_examples=50, deadline=None)
@given(moments, st.integers(0, 30))
def test_a_restore_at_any_point_changes_nothing(seen: list[tuple[int, str]], cut: int) -> None:
    """Dump all, load all, go on: the same messages and the same state, timers included."""
    records = [click(at, time_ms, key) for at, (time_ms, key) in enumerate(seen)]
    calm = runner()
    for record in records:
        calm.feed(record)
    first = runner()
    for record in records[:cut]:
        first.feed(record)
    second = restored(first)
    for record in records[cut:]:
        second.feed(record)
    for each in (calm, second):
        each.advance(100_000)
    assert told(first) + told(second) == told(calm)
    assert second.meta() == calm.meta()
    assert rows(second) == rows(calm)


def restored(before: Runner) -> Runner:
    """A runner from what would be in the changelog."""
    after = runner()
    after.restore_meta(orjson.loads(orjson.dumps(before.meta())))
    for key, row in orjson.loads(orjson.dumps(rows(before))).items():
        after.restore(key, after.processor.load(row))
    return after


def rows(each: Runner) -> dict[str, Any]:
    table = each.states
    assert isinstance(table, MemoryTable)
    found = {key: table.get(key) for key in ("a", "b", "c", "k")}
    return {key: each.processor.dump(state) for key, state in found.items() if state is not None}


def test_timers_fire_in_order_of_due_time_then_key() -> None:
    """However the records came."""
    each = runner()
    for offset, (key, time_ms) in enumerate([("b", 100), ("a", 100), ("c", 50)]):
        each.feed(click(offset, time_ms, key))
    told(each)
    each.advance(5_000)
    assert [name for name, _ in told(each)] == ["silent/c/50", "silent/a/100", "silent/b/100"]


def test_a_record_fires_what_is_due_before_it() -> None:
    """A timer sees the state before the record that moved time past it."""
    each = runner()
    each.feed(click(0, 0))
    each.feed(click(1, 2 * SILENCE_MS))
    assert told(each) == [("clickstream/0/0", 1), ("silent/k/0", 1), ("clickstream/0/1", 2)]


def test_a_timer_that_was_put_off_fires_once_at_its_new_time() -> None:
    """Each click puts the silence off; one fires, after the last."""
    each = runner()
    for offset in range(5):
        each.feed(click(offset, offset * 600))
    told(each)
    each.advance(2_400 + SILENCE_MS)
    assert told(each) == [("silent/k/2400", 5)]
    each.advance(1_000_000)
    assert not told(each)


def test_a_timer_set_after_one_was_cancelled_fires() -> None:
    """A state that asked for no timer while its entry was waiting can ask again later."""

    class Cancelling(CountingProcessor):
        def on_record(
            self, scope: Scope, state: Counted | None, record: Record, now: Millis
        ) -> Step[Counted]:
            step = super().on_record(scope, state, record, now)
            if record.value.type == "cancel" and step.state is not None:
                step.state.wake_at_ms = 0
            return step

    each = runner(Cancelling())
    each.feed(click(0, 0))
    each.feed(click(1, 500, kind="cancel"))
    each.feed(click(2, 5_000, key="other"))
    each.feed(click(3, 6_000))
    told(each)
    each.advance(60_000)
    assert ("silent/k/6000", 3) in told(each)


@pytest.mark.parametrize(("wall", "seen_ms"), [(False, SILENCE_MS), (True, 90_000)])
def test_late_timers_see_the_present_only_under_the_wall_clock(*, wall: bool, seen_ms: int) -> None:
    """A replay sees the time a timer was due; a live shopper's silence is judged now."""
    each = runner(wall=wall)
    each.feed(click(0, 0))
    each.take()
    each.advance(90_000)
    emits, _ = each.take()
    assert emits[0].value is not None
    assert emits[0].value["time_ms"] == seen_ms


def test_a_timer_that_never_moves_on_is_a_fault() -> None:
    """It would fire for ever."""

    class Stuck(CountingProcessor):
        def on_timer(self, scope: Scope, key: str, state: Counted, now: Millis) -> Step[Counted]:
            return Step(state)

    each = runner(Stuck())
    each.feed(click(0, 0))
    with pytest.raises(RuntimeError, match="for ever"):
        each.advance(5_000)


def test_a_refused_record_leaves_memory_and_changelog_alike() -> None:
    """A fold may have touched the state before it refused: then the state is written."""
    each = runner()
    each.feed(click(0, 0))
    each.take()
    with pytest.raises(InvalidRecord):
        each.feed(click(1, 10, kind="late"))
    _, dirty = each.take()
    assert list(dirty) == ["k"]


def guarded_boom(each: Runner) -> None:
    with pytest.raises(FoldFailed, match="ZeroDivisionError"):
        each.feed_guarded(click(1, 100, kind="boom"))


@pytest.mark.parametrize(
    "before",
    [lambda _: None, lambda each: each.feed(click(0, 0)), lambda each: committed(each)],  # noqa: PLW0108 - defined below
)
def test_a_guarded_fault_leaves_no_trace(before: Callable[[Runner], object]) -> None:
    """State, partition values, emits and timers are as if the record had not been."""
    each, calm = runner(), runner()
    before(each)
    before(calm)
    guarded_boom(each)
    calm.clock.observe(100)
    assert rows(each) == rows(calm)
    assert each.scope.values == calm.scope.values
    for one in (each, calm):
        one.feed_guarded(click(2, 200))
        one.advance(50_000)
    assert told(each) == told(calm)


def committed(each: Runner) -> None:
    each.feed(click(0, 0))
    each.take()


def test_a_guarded_timer_fault_waits_an_hour() -> None:
    """Its state is as before; the others fire."""
    processor = CountingProcessor()
    each = runner(processor)
    each.guarded = True
    each.feed_guarded(click(0, 0))
    processor.timer_boom = True
    each.advance(SILENCE_MS)
    assert each.timer_faults == ["ZeroDivisionError"]
    processor.timer_boom = False
    told(each)
    each.advance(SILENCE_MS + FAULTY_TIMER_RETRY_MS - 1)
    assert not told(each)
    each.advance(SILENCE_MS + FAULTY_TIMER_RETRY_MS)
    assert told(each) == [("silent/k/0", 1)]


def test_what_cannot_be_encoded_is_a_guarded_fault() -> None:
    """A message that is no JSON must not reach the transaction."""
    each = runner()
    with pytest.raises(FoldFailed):
        each.feed_guarded(click(0, 0, kind="unencodable"))
    assert not each.emits


def test_forgetting_a_key_drops_its_timer() -> None:
    """And the key may come back."""
    each = runner()
    each.feed(click(0, 0))
    each.feed(click(1, 10, kind="forget"))
    each.feed(click(2, 700))
    each.advance(10_000)
    assert [name for name, _ in told(each)][-1] == "silent/k/700"
