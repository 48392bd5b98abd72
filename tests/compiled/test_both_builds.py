"""The compiled build decides as the interpreted one does, to the byte."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks.speed.stream import Plan, records
from tests.builders import click

ROOT = Path(__file__).parents[2]
COMPILED = ROOT / "build" / "compiled"
EVENTS = 20_000
pytestmark = pytest.mark.skipif(not COMPILED.exists(), reason="make compiled builds it")


def run(*arguments: str, package: Path) -> str:
    """A command of a package's own."""
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        env=os.environ | {"PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clicks of some hundred shoppers, and of one beyond all bounds."""
    path = tmp_path_factory.mktemp("log") / "clicks.jsonl"
    rows = [
        {"topic": "clickstream", "key": event.key.decode(), "value": orjson.loads(event.value)}
        for event in records(Plan(EVENTS))
    ]
    wild = [
        click("product_added", 0, quantity=100_000, price_cents=10**9),
        click("checkout_started", 100),
        click("payment_failed", 200, reason="declined"),
    ]
    rows += [{"topic": "clickstream", "key": one["profile_id"], "value": one} for one in wild]
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in rows) + b"\n")
    return path


def test_the_builds_are_two() -> None:
    """Else the comparison below would compare nothing."""
    where = ("-c", "import orchestrator.processors.partition as module; print(module.__file__)")
    assert run(*where, package=ROOT) == str(ROOT / "orchestrator/processors/partition.py")
    assert run(*where, package=COMPILED).endswith((".so", ".pyd"))


def test_the_ledger_is_the_same(log: Path, tmp_path: Path) -> None:
    """Entry by entry, byte by byte; and the summary."""
    ledgers, summaries = [], []
    for name, package in (("plain", ROOT), ("compiled", COMPILED)):
        ledger = tmp_path / name
        options = ("--format", "native-jsonl", "--dry", "--json", "--ledger", str(ledger))
        summaries.append(run("-m", "orchestrator", "replay", str(log), *options, package=package))
        ledgers.append(ledger.read_bytes())
    assert ledgers[0].count(b"\n") > EVENTS / 10
    assert ledgers[0] == ledgers[1]
    assert summaries[0] == summaries[1]
