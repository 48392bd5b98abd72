"""What surrounds the loop: probes, metrics, watchdog, exit status."""

import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from errno import ENOSPC
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from orchestrator.adapters.clock import ManualClock
from orchestrator.adapters.memory.transport import MemoryTransport
from orchestrator.adapters.store import MemoryTable
from orchestrator.errors import DeliveryUnknown, TopicsNotReady
from orchestrator.runtimes.worker import ExactlyOnceHost, run_host
from orchestrator.runtimes.worker.health import HealthServer, UnusableAddress
from orchestrator.runtimes.worker.lifecycle import EXIT_STALLED, Watchdog
from orchestrator.runtimes.worker.logs import Quiet
from orchestrator.runtimes.worker.metrics import METRICS, PrometheusMetrics
from orchestrator.runtimes.worker.settings import HostSettings
from tests.counting import Counted, CountingProcessor
from tests.unit.runtimes.rig import SETTINGS, Rig


class Remembering(Quiet):
    """A log that a test can read."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def error(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))


def run(
    rig: Rig,
    log: Remembering,
    processor: Any = None,
    *,
    settings: HostSettings = SETTINGS,
    table: Callable[[int], MemoryTable[Counted]] = lambda _: MemoryTable(),
) -> tuple[int, str]:
    """Run until every click is counted; return the exit status and the metrics."""
    registry = CollectorRegistry()
    wanted = len(rig.broker.committed("clickstream"))
    turns = iter(range(1_000))

    def stop() -> bool:
        rig.clock.advance(200)
        return len(rig.messages()) >= wanted and next(turns) > 20

    status = run_host(
        processor or CountingProcessor(),
        MemoryTransport(rig.broker),
        settings,
        rig.clock,
        table=table,
        registry=registry,
        log=log,
        stop=stop,
    )
    return status, generate_latest(registry).decode()


def test_a_stop_ends_with_zero_and_leaves_the_group() -> None:
    """Everything is committed, the garbage collector is as it was."""
    rig = Rig()
    rig.clicks(30)
    log = Remembering()
    status, metrics = run(rig, log)
    assert (status, log.lines) == (0, [])
    assert not rig.broker.groups["orchestrator-worker"].members
    assert (
        'orchestrator_events_total{group="orchestrator-worker",topic="clickstream"} 30.0' in metrics
    )
    assert 'orchestrator_ready{group="orchestrator-worker"} 1.0' in metrics
    assert gc.isenabled()
    rig.assert_each_counted_once()


def test_metrics_are_those_that_are_documented() -> None:
    """No series beside them, as the client library's `_created` would be."""
    rig = Rig()
    rig.clicks(3)
    assert "_created" not in run(rig, Remembering())[1]


def test_a_folder_that_cannot_be_written_is_told_before_the_group_is_joined() -> None:
    """With its name."""
    rig = Rig()
    with pytest.raises(OSError, match="/dev/null/x"):
        run(rig, Remembering(), settings=replace(SETTINGS, state_dir=Path("/dev/null/x")))
    assert not rig.broker.groups


def test_what_the_system_said_of_a_file_is_told() -> None:
    """It holds no record's values."""
    rig = Rig()

    def full(_: int) -> MemoryTable[Counted]:
        raise OSError(ENOSPC, "No space left on device", "/state/0")

    log = Remembering()
    assert run(rig, log, table=full)[0] == 1
    assert "No space left on device: '/state/0'" in log.lines[0][1]["error"]


def test_an_unknown_outcome_ends_with_a_status() -> None:
    """The supervisor starts it again; the log says why it ended."""
    rig = Rig()
    rig.clicks(5)
    rig.broker.fail("commit", DeliveryUnknown("injected"))
    log = Remembering()
    assert run(rig, log)[0] == 1
    assert log.lines == [("host_failed", {"code": "E221", "error": "injected", "way_out": ""})]


def test_a_foreign_error_is_told_without_its_text() -> None:
    """It could hold a record's values."""
    rig = Rig()
    rig.clicks(1)

    class Broken(CountingProcessor):
        def shared_state(self) -> Any:
            raise ValueError("a shopper's address")

        def restore_shared(self, row: Any) -> None:
            """Nothing."""

    log = Remembering()
    assert run(rig, log, Broken())[0] == 1
    (event, facts) = log.lines[0]
    assert (event, facts["error"]) == ("host_failed", "ValueError")
    assert "address" not in repr(facts)


def test_a_missing_topic_ends_before_anything_is_read() -> None:
    """With the way out."""
    rig = Rig()
    del rig.broker.counts["state"]
    log = Remembering()
    assert run(rig, log)[0] == TopicsNotReady.exit_status == 5
    assert "topic state does not exist" in log.lines[0][1]["error"]


@pytest.fixture
def health() -> Iterator[tuple[HealthServer, dict[str, bool]]]:
    ready = {"broker_connected": True, "partitions_restored": False}
    server = HealthServer(
        "127.0.0.1",
        0,
        live=lambda: {"loop_turns": True},
        ready=lambda: ready,
        registry=CollectorRegistry(),
    )
    server.start()
    yield server, ready
    server.stop()


@pytest.mark.parametrize("wanted", ["taken", "none"])
def test_an_address_that_cannot_be_had_is_told(
    health: tuple[HealthServer, dict[str, bool]], wanted: str
) -> None:
    """With both options and the system's reason."""
    port = {"taken": health[0].port, "none": 99_999}[wanted]
    with pytest.raises(UnusableAddress, match=f"--metrics-port {port}: .+") as refusal:
        HealthServer("127.0.0.1", port, live=dict, ready=dict, registry=CollectorRegistry())
    assert refusal.value.exit_status == 2
    assert refusal.value.way_out


def get(server: HealthServer, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def test_probes_answer(health: tuple[HealthServer, dict[str, bool]]) -> None:
    """Live while it turns, ready once all is restored, each check by name when asked."""
    server, ready = health
    assert get(server, "/livez") == (200, "ok\n")
    assert get(server, "/readyz") == (503, "not ready\n")
    status, body = get(server, "/readyz?verbose")
    assert (status, json.loads(body)) == (503, ready)
    ready["partitions_restored"] = True
    assert get(server, "/readyz") == (200, "ok\n")
    assert get(server, "/metrics")[0] == 200
    assert get(server, "/other")[0] == 404


def test_readiness_follows_the_host() -> None:
    """Not before the group has assigned and all is restored."""
    rig = Rig()
    host: ExactlyOnceHost[Counted] = rig.host()
    assert host.readiness() == {
        "broker_connected": True,
        "broadcasts_read": True,
        "partitions_restored": False,
    }
    host.turn()
    assert not host.is_ready()
    for _ in range(5):
        host.turn()
    assert host.is_ready()


def test_the_watchdog_ends_a_process_that_stands_still() -> None:
    """And one whose shutdown takes too long, with that shutdown's status."""
    clock = ManualClock()
    ended: list[int] = []
    watchdog = Watchdog(clock, lambda: 0, 1_000, Quiet(), ended.append)
    clock.advance(1_000)
    watchdog.look()
    assert not ended
    clock.advance(1)
    watchdog.look()
    assert ended == [EXIT_STALLED]
    watchdog.close_within(500, 3)
    clock.advance(500)
    watchdog.look()
    assert ended == [EXIT_STALLED]
    clock.advance(1)
    watchdog.look()
    assert ended == [EXIT_STALLED, 3]


def test_every_metric_takes_its_labels() -> None:
    """Names, kinds and labels are declared in one place."""
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(registry, "g")
    for name, (kind, _, labels) in METRICS.items():
        values = dict.fromkeys(labels, "x")
        if kind == "counter":
            metrics.count(name, 1, values)
        elif kind == "gauge":
            metrics.gauge(name, 1, values)
        else:
            metrics.observe(name, 1, values)
    text = generate_latest(registry).decode()
    assert all(f"orchestrator_{name}" in text for name in METRICS)
