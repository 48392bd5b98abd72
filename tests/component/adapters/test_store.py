"""State tables: one suite for all, memory and spilled."""

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.adapters.store import MemoryTable, SpillTable
from orchestrator.ports import KeyedTable
from tests.counting import Counted, CountingProcessor

Table = KeyedTable[Counted]
PROCESSOR = CountingProcessor()


@pytest.fixture(params=["memory", "spill", "spill_cold"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    kind = request.param
    made: Table = MemoryTable()
    if kind != "memory":
        made = SpillTable(tmp_path / "table", PROCESSOR.load, hot=0 if kind == "spill_cold" else 2)
    yield made
    made.close()


def row(state: Counted) -> bytes:
    return orjson.dumps({"b": "x", "s": PROCESSOR.dump(state)})


def commit(table: Table, *keys: str) -> None:
    found = {key: table.get(key) for key in keys}
    table.commit({key: None if state is None else row(state) for key, state in found.items()})


def counts(table: Table, keys: str) -> list[int | None]:
    return [state.count if (state := table.get(key)) else None for key in keys]


def test_what_was_put_is_found(table: Table) -> None:
    """Before and after the commit."""
    for number, key in enumerate("abcde"):
        table.put(key, Counted(number))
    assert counts(table, "abcdef") == [0, 1, 2, 3, 4, None]
    commit(table, *"abcde")
    assert counts(table, "abcdef") == [0, 1, 2, 3, 4, None]
    assert len(table) == 5


def test_what_was_deleted_is_gone(table: Table) -> None:
    """Before and after the commit; and it may come back."""
    table.put("a", Counted(1))
    commit(table, "a")
    table.delete("a")
    table.delete("never")
    assert table.get("a") is None
    assert len(table) == 0
    commit(table, "a")
    assert table.get("a") is None
    table.put("a", Counted(2))
    assert counts(table, "a") == [2]
    assert len(table) == 1


def test_clear_forgets_all(table: Table) -> None:
    """As before a restore."""
    for key in "abc":
        table.put(key, Counted(1))
    commit(table, *"abc")
    table.clear()
    assert len(table) == 0
    assert counts(table, "abc") == [None, None, None]
    table.put("a", Counted(5))
    assert counts(table, "a") == [5]


def test_a_changed_state_is_the_same_object_until_the_commit(table: Table) -> None:
    """A fold changes states in place: what it holds is what the table holds."""
    state = Counted(1)
    table.put("a", state)
    state.count = 7
    for key in "bcdef":
        table.put(key, Counted(0))
    assert counts(table, "a") == [7]


moves = st.lists(
    st.tuples(st.sampled_from(["put", "delete", "commit"]), st.sampled_from("abcd")), max_size=40
)


@given(moves)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15
)
def test_a_spilled_table_is_a_dict(
    tmp_path_factory: pytest.TempPathFactory, seen: list[tuple[str, str]]
) -> None:
    """Any sequence of calls leaves the same as in memory."""
    table: Table = SpillTable(tmp_path_factory.mktemp("rows") / "t", PROCESSOR.load, hot=1)
    plain: Table = MemoryTable()
    dirty: set[str] = set()
    for number, (move, key) in enumerate(seen):
        if move == "commit":
            commit(table, *dirty)
            dirty.clear()
        elif move == "put":
            for each in (table, plain):
                each.put(key, Counted(number))
            dirty.add(key)
        else:
            for each in (table, plain):
                each.delete(key)
            dirty.add(key)
        assert counts(table, "abcd") == counts(plain, "abcd")
        assert len(table) == len(plain)
    table.close()


def test_a_spilled_table_keeps_few_in_memory(tmp_path: Path) -> None:
    """That is what it is for; and a fresh one never shows rows of an older run."""
    make: Callable[[], SpillTable[Counted]] = lambda: SpillTable(  # noqa: E731
        tmp_path / "t", PROCESSOR.load, hot=10
    )
    table = make()
    for number in range(100):
        table.put(f"k{number}", Counted(number))
    commit(table, *(f"k{number}" for number in range(100)))
    assert len(table._hot) == 10  # noqa: SLF001 - what cannot be seen from outside
    assert counts(table, ["k0"]) == [0]  # type: ignore[arg-type]
    again = SpillTable(tmp_path / "u", PROCESSOR.load, hot=10)
    assert len(again) == 0
    again.close()
    table.close()
    assert not (tmp_path / "t").exists()
