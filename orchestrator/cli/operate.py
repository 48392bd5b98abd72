"""`orchestrator doctor`: is everything that a role needs in place?"""

import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.markup import escape

from orchestrator.cli import options
from orchestrator.cli.options import connection
from orchestrator.cli.output import guarded, json_line, out
from orchestrator.config import Connection
from orchestrator.errors import OrchestratorError

FOUND_A_PROBLEM = 3
LEAST_FREE_BYTES = 1024**3
LARGEST_SKEW_MS = 60_000
PACKAGES = ("confluent-kafka", "faust-streaming", "msgspec", "orjson", "pydantic", "river")


class Finding(NamedTuple):
    """One check."""

    check: str
    ok: bool
    detail: str
    way_out: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Check this machine, the broker, topics, policies, models and lag.")(doctor)


@guarded
def doctor(
    broker: options.Broker = options.EMBEDDED,
    extra: options.Extra = None,
    policies: options.Policies = None,
    state_dir: Annotated[Path, typer.Option("--state-dir")] = Path(),
    group_prefix: options.GroupPrefix = "orchestrator",
    topic_prefix: options.TopicPrefix = "",
    as_json: options.Json = False,
) -> None:
    """Run every check; exit 3 where one found a problem."""
    problems = 0
    for finding in _checks(broker, extra, policies, state_dir, group_prefix, topic_prefix):
        problems += not finding.ok
        if as_json:
            json_line({"type": "check", **finding._asdict()})
            continue
        mark = "[green]ok[/]  " if finding.ok else "[red]BAD[/] "
        out.print(f"{mark} {finding.check:12} {escape(finding.detail)}")
        if not finding.ok and finding.way_out:
            out.print(f"                  -> {finding.way_out}", markup=False)
    if problems:
        raise typer.Exit(FOUND_A_PROBLEM)


def _checks(
    broker: str,
    extra: list[str] | None,
    policies: Path | None,
    state_dir: Path,
    group_prefix: str,
    topic_prefix: str,
) -> Iterator[Finding]:
    yield _python()
    yield _packages()
    yield _guarded("disk", lambda: _disk(state_dir))
    yield _guarded("policies", lambda: _policies(policies))
    yield _guarded("model", _model)
    if broker == options.EMBEDDED:
        yield _guarded("broker", _embedded)
        return
    place = connection(broker, extra, group_prefix, topic_prefix)
    reachable = _guarded("broker", lambda: _broker(place))
    yield reachable
    if reachable.ok:
        yield _guarded("topics", lambda: _topics(place))
        yield _guarded("published", lambda: _published(place, policies))
        yield _guarded("clock", lambda: _clock(place))
        yield _guarded("lag", lambda: _lag(place))


def _guarded(check: str, run: Callable[[], Finding]) -> Finding:
    try:
        return run()
    except OrchestratorError as error:
        return Finding(
            check, ok=False, detail=f"{error.code} {error.message}", way_out=error.way_out
        )


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding("python", ok, detail, "Use Python 3.11 or newer.")


def _packages() -> Finding:
    missing = []
    present = []
    for name in PACKAGES:
        try:
            present.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    detail = ", ".join(present) + (f"; missing: {', '.join(missing)}" if missing else "")
    return Finding("packages", not missing, detail, "Install journey-orchestrator anew.")


def _disk(folder: Path) -> Finding:
    if not folder.is_dir():
        return Finding("disk", ok=False, detail=f"no folder {folder}", way_out="See --state-dir.")
    free_bytes = shutil.disk_usage(folder).free
    detail = f"{free_bytes / 1024**3:.1f} GiB free at {folder.resolve()}"
    return Finding(
        "disk", free_bytes >= LEAST_FREE_BYTES, detail, "Make room, or move --state-dir."
    )


def _policies(folder: Path | None) -> Finding:
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)

    if folder is not None and not folder.is_dir():
        way_out = "See --policies (or ORCHESTRATOR_POLICIES)."
        return Finding("policies", ok=False, detail=f"no folder {folder}", way_out=way_out)
    loaded = wiring.policies(folder)
    detail = f"{loaded.version}, {len(loaded.plans)} actions"
    return Finding("policies", ok=True, detail=detail)


def _published(place: Connection, folder: Path | None) -> Finding:
    """What workers that were started with this folder should have in force."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)
    from orchestrator.cli.policy import in_force, publications  # noqa: PLC0415

    documents = in_force(publications(place))
    if not documents:
        return Finding("published", ok=True, detail="no policies: workers use their own")
    loaded = wiring.policies(folder).overridden(documents)
    return Finding("published", ok=True, detail=f"{loaded.version}, {len(documents)} documents")


def _model() -> Finding:
    from orchestrator.online.snapshots import shipped  # noqa: PLC0415 (beside its use)

    snapshot = shipped("risk")
    return Finding("model", ok=True, detail=f"{snapshot.label}, {len(snapshot.features)} features")


def _embedded() -> Finding:
    from orchestrator.adapters.embedded import EmbeddedBroker  # noqa: PLC0415
    from orchestrator.adapters.kafka.admin import Admin  # noqa: PLC0415
    from orchestrator.adapters.kafka.settings import Cluster  # noqa: PLC0415

    began = time.monotonic()
    with EmbeddedBroker() as broker:
        Admin(Cluster(broker.address, embedded=True)).wait_ready(10.0)
    took_ms = (time.monotonic() - began) * 1000
    return Finding("broker", ok=True, detail=f"the embedded one answers after {took_ms:.0f} ms")


def _broker(place: Connection) -> Finding:
    from orchestrator import wiring  # noqa: PLC0415

    admin = wiring.admin(place)
    count = admin.brokers()
    told = f"{place.broker}: {count} {'broker' if count == 1 else 'brokers'}"
    kind = ", the included one: in memory, not for production" if admin.is_embedded() else ""
    return Finding("broker", ok=True, detail=told + kind)


def _topics(place: Connection) -> Finding:
    from orchestrator import wiring  # noqa: PLC0415
    from orchestrator.messages.topics import TOPICS, Partitions  # noqa: PLC0415

    present = wiring.admin(place).describe()
    named = {topic: f"{place.topic_prefix}{topic}" for topic in TOPICS}
    missing = [name for name in named.values() if name not in present]
    if missing:
        prefix = f" --topic-prefix {place.topic_prefix}" if place.topic_prefix else ""
        way_out = f"orchestrator topics create --broker {place.broker}{prefix}"
        return Finding("topics", ok=False, detail=f"missing: {', '.join(missing)}", way_out=way_out)
    shared = {
        present[named[topic.name]]
        for topic in TOPICS.values()
        if topic.partitions is Partitions.SHARED
    }
    if len(shared) != 1:
        detail = f"person-keyed topics differ in partitions: {sorted(shared)}"
        return Finding("topics", ok=False, detail=detail, way_out="Make them equal.")
    detail = f"{len(named)} topics, {shared.pop()} partitions where they are keyed by person"
    return Finding("topics", ok=True, detail=detail)


def _clock(place: Connection) -> Finding:
    """Write nothing: compare with the newest record of the ledger, if there is one."""
    from orchestrator import wiring  # noqa: PLC0415
    from orchestrator.adapters.clock import SystemClock  # noqa: PLC0415
    from orchestrator.adapters.kafka.tools import read_topic  # noqa: PLC0415

    newest_ms = 0
    for row in read_topic(wiring.cluster(place), [f"{place.topic_prefix}decisions"]):
        newest_ms = max(newest_ms, row.timestamp()[1])
    ahead_ms = newest_ms - SystemClock().now_ms()
    if ahead_ms > LARGEST_SKEW_MS:
        detail = f"the newest record was written {ahead_ms} ms from now"
        return Finding("clock", ok=False, detail=detail, way_out="Set this machine's clock.")
    return Finding("clock", ok=True, detail="not behind the newest record")


def _lag(place: Connection) -> Finding:
    from orchestrator import wiring  # noqa: PLC0415
    from orchestrator.adapters.kafka.tools import group_lag  # noqa: PLC0415

    cluster = wiring.cluster(place)
    lines = []
    for role, topic in (("worker", "clickstream"), ("learner", "decisions")):
        lag = group_lag(cluster, f"{place.group_prefix}-{role}", [f"{place.topic_prefix}{topic}"])
        lines.append(f"{role} " + ("never ran" if lag is None else f"{lag} behind"))
    return Finding("lag", ok=True, detail=", ".join(lines))
