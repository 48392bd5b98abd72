"""Real files of clicks replayed whole through a broker, held against a count by pandas.

Every input row must be accounted for, sessions and purchases must be as many as pandas finds, a
second run on a fresh broker must write the same ledger to the byte, and so must `replay --dry`.

    python -m benchmarks.quality.replay_files --data DIR     (or ORCHESTRATOR_DATA=DIR)

Files under DIR are known by their columns: REES46 (CSV, also gzipped), RetailRocket (CSV, or
parquet with the same columns). Each run has an embedded broker of its own and the commands as a
person would type them. Topics are read from the raw log with its transaction markers.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.quality.replay_truth import Truth, count, form_of
from benchmarks.speed import machine, peers
from benchmarks.speed.process import Running
from orchestrator.adapters.embedded import EmbeddedBroker
from orchestrator.adapters.memory.murmur2 import murmur2
from tests.integration.log_reader import LogReader, LogRecord

RESULTS = Path(__file__).parents[1] / "results" / "replay.json"
PARTITIONS = 12
COMMANDS = tuple(f"interventions.{channel}" for channel in ("onsite", "chat", "email", "push"))
OUTPUTS = ("decisions", "sessions", "dead-letters", *COMMANDS)
WAIT_S = 300.0
ORCHESTRATOR = (sys.executable, "-m", "orchestrator")
Ledger = list[list[bytes]]
"""Entries as they stand in the topic, by partition."""


@dataclass
class Outcome:
    """What one run left in the topics."""

    summary: dict[str, Any]
    clicks: int
    """Records in `clickstream`, clock markers left out."""
    aborted: int
    """Records of aborted transactions, all output topics: not counted anywhere else."""
    unfinished: int
    sessions: int
    session_ids: int
    sessions_purchased: int
    purchases: int
    dead_letters: int
    uncommitted: int
    """Records of `clickstream` that the worker's group has not committed."""
    seconds: float
    ledger: Ledger = field(repr=False)


@dataclass(frozen=True)
class Check:
    """Two numbers that must be the same."""

    name: str
    expected: object
    found: object

    @property
    def holds(self) -> bool:
        return self.expected == self.found


def run_once(path: Path, form: str, folder: Path) -> Outcome:
    """Replay a file into a fresh broker with a fresh worker, and read what it published."""
    began = time.monotonic()
    with EmbeddedBroker() as broker:
        place = ("--broker", broker.address)
        _json_lines("topics", "create", *place, "--partitions", str(PARTITIONS), "--json")
        command = [*ORCHESTRATOR, "worker", *place, "--clock", "event", "--slot", "replay"]
        with Running(command, folder / "worker.log") as worker:
            replay = ("replay", str(path), "--format", form, *place, "--wait", str(WAIT_S))
            summary = _json_lines(*replay, "--json")[-1]
            uncommitted = _uncommitted(broker.address)
            worker.stop()
        with LogReader(broker.address) as log:
            return _read(log, summary, uncommitted, began)


def _read(log: LogReader, summary: dict[str, Any], uncommitted: int, began: float) -> Outcome:
    topics = {name: log.judge(name, PARTITIONS) for name in OUTPUTS}
    sessions = [orjson.loads(record.value or b"") for record in topics["sessions"].committed]
    clicks = [orjson.loads(record.value or b"{}") for record in _plain(log, "clickstream")]
    return Outcome(
        summary=summary,
        clicks=sum(click.get("type") != "clock_advanced" for click in clicks),
        aborted=sum(len(verdict.aborted) for verdict in topics.values()),
        unfinished=sum(len(verdict.open) for verdict in topics.values()),
        sessions=len(sessions),
        session_ids=len({session["id"] for session in sessions}),
        sessions_purchased=sum(session["outcome"] == "purchased" for session in sessions),
        purchases=len({order for session in sessions for order in session["order_ids"]}),
        dead_letters=len(topics["dead-letters"].committed),
        uncommitted=uncommitted,
        seconds=round(time.monotonic() - began, 1),
        ledger=_by_partition(topics["decisions"].committed),
    )


def _plain(log: LogReader, topic: str) -> list[LogRecord]:
    return log.judge(topic, PARTITIONS).committed


def _by_partition(records: Sequence[LogRecord]) -> Ledger:
    ledger: Ledger = [[] for _ in range(PARTITIONS)]
    for record in records:
        ledger[record.partition].append(record.value or b"")
    return ledger


def _uncommitted(address: str) -> int:
    """Records of `clickstream` past the worker's committed offsets, by the log's own end."""
    client = Consumer({"bootstrap.servers": address, "group.id": "orchestrator-worker"})
    try:
        places = [TopicPartition("clickstream", number) for number in range(PARTITIONS)]
        committed = {at.partition: at.offset for at in client.committed(places, timeout=20)}
    finally:
        client.close()
    with LogReader(address) as log:
        records = _plain(log, "clickstream")
    return sum(record.offset >= committed[record.partition] for record in records)


def dry_ledger(path: Path, form: str, folder: Path) -> Ledger:
    """The ledger of `replay --dry`, spread over the partitions by its entries' keys."""
    file = folder / "dry.jsonl"
    dry = ("--dry", "--ledger", str(file), "--partitions", str(PARTITIONS), "--json")
    _json_lines("replay", str(path), "--format", form, *dry)
    ledger: Ledger = [[] for _ in range(PARTITIONS)]
    for line in file.read_bytes().splitlines():
        key = orjson.loads(line)["profile_id"].encode()
        ledger[murmur2(key, PARTITIONS)].append(line)
    return ledger


def _json_lines(*arguments: str) -> list[dict[str, Any]]:
    """Run a command and read its standard output, which must hold JSON objects alone."""
    done = subprocess.run([*ORCHESTRATOR, *arguments], capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"orchestrator {arguments[0]}: status {done.returncode}: {done.stderr.decode()}")
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def checks(truth: Truth, first: Outcome, second: Outcome, dry: Ledger) -> Iterator[Check]:
    """All that must be the same."""
    summary = first.summary
    skipped = sum(summary["rows_skipped"].values())
    refused = sum(summary["dead_letters"].values())
    yield Check("records + rows skipped + dead letters", truth.rows, _rows_of(summary))
    yield Check("records in clickstream", truth.rows - skipped, first.clicks)
    yield Check("dead letters in the topic", refused, first.dead_letters)
    yield Check("not committed by the worker", 0, first.uncommitted)
    yield Check("records of unfinished transactions", 0, first.unfinished)
    yield Check("sessions in the topic", truth.sessions, first.sessions)
    yield Check("distinct ids among them", truth.sessions, first.session_ids)
    yield Check("sessions in the summary", truth.sessions, summary["sessions"])
    yield Check("sessions with an order", truth.sessions_with_order, first.sessions_purchased)
    yield Check("purchases in the topic", truth.orders, first.purchases)
    yield Check("purchases in the summary", truth.orders, summary["purchases"])
    yield Check("purchase events in the summary", truth.order_rows, summary["purchase_events"])
    decided = sum(summary["decisions"].values())
    yield Check("decisions in the summary", _size(first.ledger), decided)
    yield Check("ledger entries of a second run", _size(first.ledger), _size(second.ledger))
    yield Check("partitions that differ in it", 0, _differing(first.ledger, second.ledger))
    yield Check("summary of the second run", summary, second.summary)
    yield Check("ledger entries of replay --dry", _size(first.ledger), _size(dry))
    yield Check("partitions that differ in it ", 0, _differing(first.ledger, dry))


def _rows_of(summary: dict[str, Any]) -> int:
    parts = (summary["rows_skipped"], summary["dead_letters"])
    return int(summary["records"]) + sum(sum(part.values()) for part in parts)


def _size(ledger: Ledger) -> int:
    return sum(map(len, ledger))


def _differing(one: Ledger, other: Ledger) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def examine(path: Path, form: str) -> tuple[list[Check], dict[str, Any]]:
    """All runs of one file; the checks, and what goes into the results."""
    with tempfile.TemporaryDirectory(prefix="replay-") as name:
        folder = Path(name)
        first, second = (run_once(path, form, folder) for _ in range(2))
        dry = dry_ledger(path, form, folder)
    truth = count(path, form)
    found = list(checks(truth, first, second, dry))
    result = {
        "format": form,
        "pandas": asdict(truth),
        "summary": first.summary,
        "seconds": [first.seconds, second.seconds],
        "aborted_records": [first.aborted, second.aborted],
        "checks": {check.name.strip(): check.holds for check in found},
    }
    return found, result


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay the files, print what was found, keep it; 1 on any difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("ORCHESTRATOR_DATA"))
    parser.add_argument("--out", type=Path, default=RESULTS, help="the JSON (default %(default)s)")
    options = parser.parse_args(arguments)
    if options.data is None:
        parser.error("name the directory that holds the files: --data DIR or ORCHESTRATOR_DATA")
    files = list(_files(Path(options.data)))
    if not files:
        sys.exit(f"no file of REES46 or RetailRocket under {options.data}")
    console = Console(width=110)
    results: dict[str, Any] = {}
    failed = 0
    for path, form in files:
        found, results[path.name] = examine(path, form)
        failed += sum(not check.holds for check in found)
        console.print(_told(path.name, found))
    report = {
        "what": "files replayed whole through a broker: see benchmarks/README.md",
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": _machine(),
        "broker": f"embedded, a fresh one for each run, {PARTITIONS} partitions",
        "files": results,
        "holds": not failed,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    console.print("everything holds" if not failed else f"{failed} differences")
    return 1 if failed else 0


def _machine() -> dict[str, Any]:
    """As the speed benchmark names it, without its peers: they need not be installed here."""
    return {
        "cpu": machine._cpu_model(),  # noqa: SLF001 (a sibling benchmark)
        "cores": machine.cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "packages": peers.versions(Path(sys.executable), [*machine.OURS, "pandas"]),
    }


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*")):
        if path.name.endswith((".csv", ".csv.gz", ".parquet")):
            form = form_of(path)
            if form is not None:
                yield path, form


def _told(name: str, found: Sequence[Check]) -> Table:
    grid = Table("", "expected", "found", "", title=name, title_justify="left", box=None)
    for check in found:
        dicts = isinstance(check.expected, dict)
        expected = "the first run's" if dicts else str(check.expected)
        shown = ("the same" if check.holds else "another") if dicts else str(check.found)
        grid.add_row(check.name, expected, shown, "ok" if check.holds else "[red]DIFFERS[/]")
    return grid


if __name__ == "__main__":
    sys.exit(main())
