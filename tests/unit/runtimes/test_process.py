"""What surrounds the loop: probes, metrics, watchdog, exit status."""

import gc
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from orchestrator.adapters.clock import ManualClock
from orchestrator.adapters.memory.transport import MemoryTransport
from orchestrator.adapters.store import MemoryTable
from orchestrator.errors import DeliveryUnknown, TopicsNotReady
from orchestrator.runtimes.worker import ExactlyOnceHost, run_host
from orchestrator.runtimes.worker.health import HealthServer
from orchestrator.runtimes.worker.lifecycle import EXIT_STALLED, Watchdog
from orchestrator.runtimes.worker.logs import Quiet
from orchestrator.runtimes.worker.metrics import METRICS, PrometheusMetrics
from tests.counting import Counted, CountingProcessor
from tests.unit.runtimes.rig import SETTINGS, Rig


class Remembering(Quiet):
    """A log that a test can read."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def error(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))


def run(rig: Rig, log: Remembering, processor: Any = None) -> tuple[int, str]:
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
        SETTINGS,
        rig.clock,
        table=lambda _: MemoryTable[Counted](),
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
