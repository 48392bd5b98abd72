"""Policies tried on a ledger, and taken back from the topic."""

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from orchestrator.cli.policy import NothingToRollBack, Published, in_force, publication, undone
from orchestrator.wiring import SHIPPED_POLICIES
from tests.component.cli import test_commands

LOYAL = Path(__file__).parents[2] / "golden" / "loyal_shopper_hesitates_on_price" / "events.jsonl"
ONE: dict[str, Any] = {"version": 1}
TWO: dict[str, Any] = {"version": 2}


def log(*records: tuple[str, int, dict[str, Any] | None], first: int = 0) -> list[Published]:
    return [
        Published(key, offset, time_ms, document)
        for offset, (key, time_ms, document) in enumerate(records, start=first)
    ]


def test_a_rollback_restores_what_was_before() -> None:
    """Changed documents come back, new ones are withdrawn, withdrawn ones come back."""
    before = [("Action/a", 10, ONE), ("Action/b", 10, ONE), ("Action/c", 10, ONE)]
    after = [("Action/a", 20, TWO), ("Action/b", 0, None), ("Action/c", 20, ONE)]
    new = ("Action/d", 20, TWO)
    assert undone(log(*before, *after, new)) == {"Action/a": ONE, "Action/b": ONE, "Action/d": None}


def test_a_rollback_twice_undoes_it() -> None:
    """The rollback is a publication like any other."""
    first = log(("Action/a", 10, ONE), ("Action/a", 20, TWO))
    assert undone(first) == {"Action/a": ONE}
    second = log(("Action/a", 10, ONE), ("Action/a", 20, TWO), ("Action/a", 30, ONE))
    assert undone(second) == {"Action/a": TWO}
    assert in_force(iter(second)) == {"Action/a": ONE}


def test_the_first_publication_is_withdrawn() -> None:
    """Then the shipped policies hold."""
    assert undone(log(("Action/a", 10, ONE))) == {"Action/a": None}


@pytest.mark.parametrize(
    "value",
    [b"not json", b"7", b"null", b'{"hello": 1}', b'{"time_ms": "x", "document": {}}',
     b'{"time_ms": 1, "document": 3}'],
)  # fmt: skip
def test_a_record_that_nobody_published_is_withdrawn_with_the_next_publication(
    value: bytes,
) -> None:
    """It is in the way of nothing: neither of a publication nor of a rollback."""
    foreign = publication("note", 1, value)
    held = [publication("Action/a", 0, b'{"time_ms": 5, "document": {"version": 1}}'), foreign]
    assert in_force(iter(held)) == {"Action/a": ONE, "note": {}}
    assert undone([*held, Published("Action/a", 2, 9, TWO), Published("note", 3, 0, None)]) == {
        "Action/a": ONE,
        "note": None,
    }


@pytest.mark.parametrize(
    ("records", "told"),
    [
        (log(), "no policies"),
        (log(("Action/a", 20, TWO), first=3), "compacted away"),
        (log(("Action/a", 10, ONE), ("Action/a", 20, ONE)), "changed nothing"),
    ],
)
def test_nothing_to_roll_back(records: list[Published], told: str) -> None:
    """Empty, compacted, or the same: an error with the way out, never a guess."""
    with pytest.raises(NothingToRollBack, match=told) as refusal:
        undone(records)
    assert "policy publish" in refusal.value.way_out


def run(*arguments: str | Path, status: int = 0) -> list[dict[str, Any]]:
    result = test_commands.run(*arguments, status=status)
    return [orjson.loads(line) for line in result.stdout_bytes.splitlines()]


def test_a_backtest_repeats_the_ledger_under_its_own_policies(tmp_path: Path) -> None:
    """No choice differs; with everybody in the holdout each action becomes do_nothing."""
    ledger = tmp_path / "ledger.jsonl"
    run("replay", LOYAL, "--dry", "--ledger", ledger, "--json")
    (same,) = run("policy", "backtest", "--ledger", ledger, "--json")
    assert same["changed"] == 0
    assert same["was"] == same["now"]
    folder = tmp_path / "policies"
    shutil.copytree(SHIPPED_POLICIES, folder)
    contact = folder / "contact.yaml"
    contact.write_text(contact.read_text().replace("holdout_share: 0.05", "holdout_share: 1.0"))
    *changes, summary = run("policy", "backtest", folder, "--ledger", ledger, "--json")
    assert summary["now"] == {"do_nothing": summary["decisions"]}
    assert len(changes) == summary["changed"] > 0


def test_a_backtest_refuses_what_is_no_ledger(tmp_path: Path) -> None:
    """The line is named."""
    other = tmp_path / "other.jsonl"
    other.write_bytes(b'{"trigger":{},"chosen":{}')
    assert run("policy", "backtest", "--ledger", other, "--json", status=2) == []
    assert run("policy", "backtest", "--ledger", tmp_path / "none", "--json", status=2) == []
