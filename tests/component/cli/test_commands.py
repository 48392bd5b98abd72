"""Commands without a broker: results on stdout, errors on stderr, exit codes as documented."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from orchestrator.cli.app import app
from orchestrator.messages.parse import validate_payload
from orchestrator.online.rng import uniform
from orchestrator.types import Payload
from orchestrator.wiring import SHIPPED_POLICIES
from tests.builders import click, order

GOLDEN = Path(__file__).parents[2] / "golden"
LOYAL = GOLDEN / "loyal_shopper_hesitates_on_price" / "events.jsonl"
DISORDER = GOLDEN / "duplicates_and_disorder" / "events.jsonl"


def run(*arguments: str | Path, status: int = 0, env: dict[str, str] | None = None) -> Result:
    """Run a command; it ends with this status."""
    result = CliRunner(env=env).invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


def rows(result: Result) -> list[dict[str, Any]]:
    """Standard output as JSON objects, a line each."""
    return [orjson.loads(line) for line in result.stdout_bytes.splitlines()]


def written(path: Path, lines: Sequence[bytes]) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def accounted(summary: dict[str, Any]) -> int:
    return int(
        summary["records"]
        + sum(summary["rows_skipped"].values())
        + sum(summary["dead_letters"].values())
    )


def test_replay_dry_sums_up(tmp_path: Path) -> None:
    """The last line is the summary, the ledger holds the decisions it counts."""
    ledger = tmp_path / "ledger.jsonl"
    summary = rows(run("replay", LOYAL, "--dry", "--ledger", ledger, "--json"))[-1]
    entries = [orjson.loads(line) for line in ledger.read_bytes().splitlines()]
    assert summary["type"] == "replay_summary"
    assert summary["sessions"] == 1
    assert accounted(summary) == len(LOYAL.read_bytes().splitlines())
    assert Counter(entry["chosen"]["action"] for entry in entries) == summary["decisions"]
    refused = Counter(row["refused_by"] for entry in entries for row in entry["candidates"])
    refused.pop(None)
    assert refused == summary["refusals"]
    for entry in entries:
        validate_payload("decisions", entry)


def test_replay_twice_gives_the_same_ledger(tmp_path: Path) -> None:
    """To the byte."""
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        run("replay", DISORDER, "--dry", "--ledger", file, "--json")
    assert files[0].read_bytes() == files[1].read_bytes() != b""


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    """Records, skipped rows and dead letters add up to the rows, whatever is in them."""
    good = LOYAL.read_bytes().splitlines()
    bad = [
        b"{no json",
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"topic":"nowhere","value":{}}',
        b'{"topic":"catalog","key":"x","value":{"id":"x"}}',
        b'{"topic":"clickstream","key":"other","value":' + good[1] + b"}",
        good[1].replace(b'"time_ms":17', b'"time_ms":-17'),
        good[2].replace(b"12900", b"-12900"),
        b'{"topic":"profiles","key":"nobody","value":null}',
        b'{"topic":"orders","key":"nobody","value":null}',
        b"[" * 5000,
    ]
    summary = rows(run("replay", written(tmp_path / "f", [*good, *bad]), "--dry", "--json"))[-1]
    assert accounted(summary) == len(good) + len(bad)
    assert summary["rows_skipped"] == {"blank_line": 1, "unknown_topic": 1}
    assert {"invalid_json", "schema", "key_mismatch", "tombstone"} <= summary["dead_letters"].keys()
    assert summary["records"] == len(good) + 1, "the tombstone on profiles counts"


def test_replay_reads_standard_input_and_speaks_to_people() -> None:
    """Without --json there are tables."""
    run("replay", "/dev/null", "--dry")
    result = run("replay", LOYAL, "--dry")
    assert "loyalty_discount" in result.stdout
    assert "{" not in result.stdout, "a mapping is a table, too"


def test_a_broker_of_the_environment_does_not_contradict_a_dry_run() -> None:
    """It stands there for the other commands."""
    result = run("replay", LOYAL, "--dry", "--json", env={"ORCHESTRATOR_BROKER": "h:1"})
    assert rows(result)[-1]["sessions"] == 1


def test_a_ledger_does_not_overwrite_the_file_it_is_made_from(tmp_path: Path) -> None:
    """Under whichever of its names."""
    file = written(tmp_path / "clicks.jsonl", LOYAL.read_bytes().splitlines())
    before = file.read_bytes()
    (tmp_path / "ledger.jsonl").symlink_to(file)
    told = run("replay", file, "--dry", "--ledger", tmp_path / "ledger.jsonl", status=2)
    assert "overwritten" in told.stderr
    assert file.read_bytes() == before


@pytest.mark.parametrize("form", ["native-jsonl", "segment-jsonl"])
def test_replay_refuses_parquet_as_lines(tmp_path: Path, form: str) -> None:
    """What, which file and the way out; nothing on stdout."""
    path = tmp_path / "events.parquet"
    path.write_bytes(b"PAR1\x15\x04\nPAR1")
    result = run("replay", path, "--dry", "--json", "--format", form, status=1)
    assert f"E130 cannot read {path} as text: it is a Parquet file." in result.stderr
    assert "retailrocket-csv" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (
            ["replay", "no/such/file", "--dry"],
            1,
            ["E130", "no/such/file: No such file or", "Check"],
        ),
        (["replay", "[/x]", "--dry"], 1, ["E130", "[/x]"]),
        (["replay", LOYAL, "--format", "xml", "--dry"], 2, ["E101", "'xml'", "native-jsonl"]),
        (["replay", LOYAL, "--dry", "--speed", "fast"], 2, ["E101", "--speed", "'fast'"]),
        (["replay", LOYAL, "--dry", "--speed", "nan"], 2, ["E101", "--speed", "'nan'"]),
        (["replay", LOYAL, "--dry", "--ledger", "no/such/f"], 2, ["E102", "no/such/f", "Check"]),
        (["replay", LOYAL, "--broker", "embedded"], 2, ["E101", "orchestrator run"]),
        (["tail", "decisions", "--broker", "embedded"], 2, ["E101", "orchestrator run"]),
        (["topics", "create", "--broker", "h:1", "-X", "no.such=1"], 5, ["E120", "-X", "no.such"]),
        (["decide", "--session", LOYAL, "--format", "xml"], 2, ["E101", "'xml'", "native-jsonl"]),
        (["simulate", "--sessions", "1", "--truth", "no/such/f"], 2, ["E102", "no/such/f"]),
        (["schemas", "export", "--dir", "/dev/null/x"], 2, ["E102", "/dev/null/x"]),
        (["run", "--port", "70000"], 2, ["--port", "65535"]),
        (["replay", LOYAL], 2, ["E101", "no broker", "--broker"]),
        (["replay", LOYAL, "--ledger", "x", "--broker", "h:1"], 2, ["E101", "--ledger", "--dry"]),
        (["replay", LOYAL, "--dry", "--broker", "h:1"], 2, ["E101", "--dry and --broker exclude"]),
        (["replay", LOYAL, "-X", "nonsense", "--broker", "h:1"], 2, ["E101", "'nonsense'"]),
        (["worker", "--broker", "h:1", "--clock", "sun"], 2, ["E101", "'sun'", "wall, event"]),
        (["explain", "dec-1"], 2, ["E101", "--ledger"]),
        (["explain", "dec-1", "--ledger", LOYAL], 1, ["E132", "'dec-1'", "tail decisions"]),
        (["explain", "X", "--ledger", LOYAL], 1, ["E132", "no decision 'X' in"]),
        (["explain", "dec-1", "--ledger", "no/such"], 2, ["E102", "no/such"]),
        (["policy", "check", "no/such"], 2, ["E102", "no folder no/such"]),
        (["replay", LOYAL, "--no-such-option"], 2, ["--no-such-option"]),
    ],
)
def test_errors_name_the_value_and_the_way_out(
    arguments: list[str | Path], status: int, told: list[str]
) -> None:
    """One line with the code, what was wrong, and what to do; nothing on stdout."""
    result = run(*arguments, status=status)
    text = " ".join(result.stderr.split())
    assert [word for word in told if word not in text] == [], result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_purchases_are_orders_told_of(tmp_path: Path) -> None:
    """Also those that no session takes, late or of the order system alone; refused ones are not."""
    lines: list[Payload] = [
        {"topic": "clickstream", "value": click()},
        {"topic": "clickstream", "value": click("order_completed", 10, order_id="o-1")},
        {"topic": "orders", "value": order(at=20, order_id="o-1")},
        {"topic": "orders", "value": order(at=30, profile="p-2", order_id="o-2")},
        {"topic": "orders", "value": order("order_cancelled", 31, order_id="o-3")},
        {
            "topic": "clickstream",
            "value": click("order_completed", 40, order_id="o-bad", total_cents=-1),
        },
        {"topic": "clickstream", "value": click(at=9_000)},
        {"topic": "clickstream", "value": click("order_completed", 5, order_id="o-late")},
        {"topic": "clickstream", "value": click("purchase", 9_001, transaction_id="o-ga4")},
    ]
    file = written(tmp_path / "f", [orjson.dumps(line) for line in lines])
    summary = rows(run("replay", file, "--dry", "--json"))[-1]
    assert summary["dead_letters"] == {"schema": 1}
    assert summary["purchases"] == 4, "o-1, o-2, o-late, o-ga4"
    assert summary["purchase_events"] == 3, "o-1, o-late, o-ga4"


def test_whole_floats_are_times(tmp_path: Path) -> None:
    """As pandas writes them: the session ends all the same. A byte order mark is no part of it."""
    clicks = [click(at=at) for at in range(3)]
    floats = [orjson.dumps(one | {"time_ms": float(one["time_ms"])}) for one in clicks]
    file = written(tmp_path / "f", [b"\xef\xbb\xbf" + floats[0], *floats[1:]])
    summary = rows(run("replay", file, "--dry", "--json"))[-1]
    assert (summary["records"], summary["sessions"]) == (3, 1)


def test_a_time_beyond_any_does_not_move_the_end(tmp_path: Path) -> None:
    """It is a dead letter, and the session ends by the times that are some."""
    lines = LOYAL.read_bytes().splitlines()
    strange = orjson.dumps(click() | {"time_ms": 10**18})
    file = written(tmp_path / "f", [strange, *lines])
    told = rows(run("decide", "--session", file, "--json"))
    assert Counter(value["type"] for value in told)["session_closed"] == 1
    assert Counter(value["type"] for value in told)["dead_letter"] == 1


def test_doctor_tells_of_a_folder_that_is_not_there() -> None:
    """A finding like any other, exit code 3."""
    checks = rows(run("doctor", "--state-dir", "no/such", "--json", status=3))
    (disk,) = [check for check in checks if check["check"] == "disk"]
    assert disk["ok"] is False
    assert "no/such" in disk["detail"]


def test_decide_prints_what_would_be_published() -> None:
    """Each line is a message of the contract; for people there are sentences."""
    told = rows(run("decide", "--session", LOYAL, "--json"))
    kinds = Counter(value["type"] for value in told)
    assert kinds["decision_made"] >= 2
    assert kinds["session_closed"] == 1
    assert "loyalty_discount" in {value.get("action") for value in told}
    assert "loyalty_discount" in run("decide", "--session", LOYAL).stdout


def test_explain_recomputes_the_draw(tmp_path: Path) -> None:
    """By decision or by command; the draw it shows is the keyed hash of the id."""
    ledger = tmp_path / "ledger.jsonl"
    run("replay", LOYAL, "--dry", "--ledger", ledger, "--json")
    entry = next(
        entry
        for entry in map(orjson.loads, ledger.read_bytes().splitlines())
        if entry["chosen"]["action"] == "loyalty_discount"
    )
    by_decision = rows(run("explain", entry["id"], "--ledger", ledger, "--json"))
    by_command = rows(run("explain", entry["command_id"], "--ledger", ledger, "--json"))
    assert by_decision == by_command
    tailed: list[Payload] = [{"topic": "rewards", "value": {"id": "r", "decision_id": entry["id"]}}]
    tailed += [{"topic": "decisions", "partition": 0, "value": entry}]
    tail = written(tmp_path / "tail.jsonl", [orjson.dumps(line) for line in tailed])
    assert rows(run("explain", entry["id"], "--ledger", tail, "--json")) == by_decision
    assert entry["exploration"]["draw"] == uniform(entry["id"])
    text = run("explain", entry["id"], "--ledger", ledger).stdout
    for candidate in entry["candidates"]:
        assert candidate["action"] in text
    (asked,) = [line for line in text.splitlines() if line.strip().startswith("asked by")]
    assert asked.endswith(" UTC")
    (draw,) = [line for line in text.splitlines() if line.strip().startswith("draw")]
    assert f"{uniform(entry['id']):.6f}" in draw
    assert "repeats" in draw


def test_policy_check_tells_file_line_and_value(tmp_path: Path) -> None:
    """The shipped ones pass; a broken copy is refused with where and what."""
    checked = rows(run("policy", "check", "--json"))[-1]
    assert len(checked["actions"]) >= 14
    folder = tmp_path / "policies"
    shutil.copytree(SHIPPED_POLICIES, folder)
    assert rows(run("policy", "check", folder, "--json"))[-1] == checked
    broken = folder / "arbitration.yaml"
    text = broken.read_text()
    line = next(at for at, row in enumerate(text.splitlines(), 1) if row.startswith("floor_share"))
    broken.write_text(text.replace("floor_share: ", "floor_share: 7 # "))
    result = run("policy", "check", folder, status=5)
    for word in ("E120", "arbitration.yaml", str(line), "floor_share", "7"):
        assert word in result.stderr
    broken.write_text("kind: [unclosed")
    assert "arbitration.yaml" in run("policy", "check", folder, status=5).stderr


def test_policy_diff_names_what_changed(tmp_path: Path) -> None:
    """Document, path, before and after."""
    folder = tmp_path / "policies"
    shutil.copytree(SHIPPED_POLICIES, folder)
    contact = folder / "contact.yaml"
    contact.write_text(contact.read_text().replace("holdout_share: 0.05", "holdout_share: 0.1"))
    (change,) = rows(run("policy", "diff", SHIPPED_POLICIES, folder, "--json"))
    assert (change["path"], change["was"], change["now"]) == (".holdout_share", 0.05, 0.1)


def test_schemas_check_sees_a_changed_file(tmp_path: Path) -> None:
    """An export checks out; a changed file is named, with exit code 5."""
    folder = tmp_path / "schemas"
    shutil.copytree(Path(__file__).parents[3] / "schemas", folder)
    run("schemas", "export", "--dir", folder)
    run("schemas", "check", "--dir", folder)
    file = next(folder.rglob("decisions*.schema.json"))
    file.write_text("{}")
    result = run("schemas", "check", "--dir", folder, status=5)
    assert file.name in result.stderr
    assert "schemas export" in result.stderr
