"""Commands against a broker: topics, replay, explain, tail, dead letters, all as a user types."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from orchestrator.adapters.kafka.settings import Cluster
from tests.integration.processes import ROOT, wait_until
from tests.integration.product import PARTITIONS, Product, at, rows, run

pytestmark = pytest.mark.integration

HEADER = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
)
BAD_ROWS = (
    ("yesterday,view,1,2,,b,1.00,u-1,s-1", "bad_value"),
    ("2019-10-01 00:00:01 UTC,wish,1,2,,b,1.00,u-1,s-1", "unknown_event_type"),
    ("2019-10-01 00:00:01 UTC,view,1,2,,b,1.00,,s-1", "no_user_id"),
)


def shop_rows(path: Path) -> int:
    """A REES46 file of a hundred shoppers; return its rows."""
    lines = [HEADER]
    for number in range(100):
        who, minute = f"u-{number}", number % 60
        for second, kind in enumerate(
            ("view", "view", "cart", "purchase" if number % 4 else "view")
        ):
            lines.append(
                f"2019-10-01 {number // 60:02}:{minute:02}:{second * 9:02} UTC,{kind},{second},2,"
                f"c.d,brand,{10 + number}.50,{who},session-{number}"
            )
    lines += [line for line, _ in BAD_ROWS]
    lines.append("2019-10-01 01:40:00 UTC,view,1,2,,b,-3.00,u-1,session-1")
    path.write_text("\n".join(lines) + "\n")
    return len(lines) - 1


@pytest.mark.slow
def test_a_replay_through_a_broker_counts_as_the_dry_one(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Every row accounted for; same sessions, purchases, decisions, refusals; explained after."""
    product = Product(cluster, prefix, tmp_path)
    file = tmp_path / "shop.csv"
    total = shop_rows(file)
    form = ("--format", "rees46-csv")
    ledger = tmp_path / "ledger.jsonl"
    dry = rows("replay", file, *form, "--dry", "--ledger", ledger, "--partitions", str(PARTITIONS))[
        -1
    ]
    group = ("--group-prefix", product.place.group_prefix)
    with product.role("worker") as worker:
        summary = rows("replay", file, *form, *at(product), *group)[-1]
        assert worker.stop() == 0, worker.says()
    assert summary.pop("worker") == "caught_up"
    assert summary == dry
    assert summary["dead_letters"] == {"schema": 1}
    assert summary["rows_skipped"] == {reason: 1 for _, reason in BAD_ROWS}
    assert summary["records"] + 1 + len(BAD_ROWS) == total
    assert summary["sessions"] == 100
    assert summary["purchases"] == 75
    wanted = sorted(ledger.read_bytes().splitlines())
    assert sorted(row.value or b"" for row in product.committed("decisions")) == wanted
    entry = orjson.loads(wanted[0])
    (explained,) = rows("explain", entry["id"], *at(product))
    assert explained["decision"] == entry
    (told,) = rows("tail", "decisions", *at(product), "--from-start", "--limit", "1")
    assert told["headers"]["ce_id"] == told["value"]["id"]
    (letter,) = rows("dead-letters", "list", *at(product))
    (shown,) = rows("dead-letters", "show", letter["id"], *at(product))
    assert shown["reason"] == "schema"
    (kept,) = rows("state", "inspect", entry["profile_id"], *at(product), *group)
    assert (kept["profile_id"], kept["sessions"]) == (entry["profile_id"], [])
    assert kept["contacts"] == []
    bought = int(entry["profile_id"].rpartition("-")[2]) % 4 > 0
    assert len(kept["orders"]) == bought
    done = run("state", "inspect", "nobody", *at(product), *group, status=1)
    assert b"E135" in done.stderr


def test_topics_are_created_once(cluster: Cluster, prefix: str) -> None:
    """The second time there is nothing to do."""
    where = ["--broker", cluster.address, "--topic-prefix", prefix]
    made = rows("topics", "create", *where, "--partitions", "3")
    names = {row["topic"] for row in made}
    assert {f"{prefix}clickstream", f"{prefix}decisions", f"{prefix}dead-letters"} <= names
    assert rows("topics", "create", *where, "--partitions", "3") == []
    listed = {row["topic"]: row["partitions"] for row in rows("topics", "list", *where)}
    assert listed[f"{prefix}clickstream"] == 3
    assert None not in listed.values()


def test_nobody_at_the_address(tmp_path: Path) -> None:
    """Exit code 4, the address, and no traceback."""
    file = tmp_path / "one.jsonl"
    file.write_text("{}\n")
    done = run("replay", file, "--broker", "127.0.0.1:1", status=4)
    assert b"127.0.0.1:1" in done.stderr
    assert b"E204" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_run_brings_its_own_broker_and_ends_when_told(tmp_path: Path) -> None:
    """`run --broker embedded --port P`: the port answers with all topics; SIGTERM ends all."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "orchestrator", "run", "--broker", "embedded"]
    command += ["--port", str(port), "--role", "worker", "--clock", "event", "--partitions", "2"]
    log = tmp_path / "log"
    with (
        log.open("wb") as target,
        subprocess.Popen(command, cwd=ROOT, stdout=target, stderr=target) as process,
    ):
        try:
            wait_until(lambda: b"partitions_restored" in log.read_bytes(), "the worker", 60)
            file = ROOT / "tests/golden/order_revokes/events.jsonl"
            summary = rows("replay", file, "--broker", f"127.0.0.1:{port}")[-1]
            assert summary["worker"] == "caught_up"
            assert summary["sessions"] == 1
            assert summary["revocations"] == summary["commands"] > 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the broker is still there"
