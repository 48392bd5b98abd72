"""Run a host as a process does: signals, watchdog, probes, logs, exit status."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile
from traceback import extract_tb
from typing import TypeVar

from prometheus_client import CollectorRegistry

from orchestrator.errors import OrchestratorError
from orchestrator.ports import Clock, KeyedTable, Processor, Transport
from orchestrator.runtimes.worker.health import HealthServer
from orchestrator.runtimes.worker.host import ExactlyOnceHost
from orchestrator.runtimes.worker.lifecycle import Collector, Watchdog, on_stop_signals
from orchestrator.runtimes.worker.logs import Log, json_log
from orchestrator.runtimes.worker.metrics import PrometheusMetrics
from orchestrator.runtimes.worker.settings import HostSettings, Own, own_assigned
from orchestrator.types import Keyed

S = TypeVar("S", bound=Keyed)

EXIT_OK = 0
EXIT_FAULT = 1


def run_host(
    processor: Processor[S],
    transport: Transport,
    settings: HostSettings,
    clock: Clock,
    *,
    table: Callable[[int], KeyedTable[S]],
    own: Own = own_assigned,
    registry: CollectorRegistry | None = None,
    log: Log | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_ready: Callable[[ExactlyOnceHost[S]], None] = lambda _: None,
) -> int:
    """Run a processor until SIGTERM, SIGINT or `stop`, or until it cannot go on.

    In the main thread it takes the signals; in another one `stop` is the way to end it. The
    watchdog may end the whole process (status 70), since a Kafka call can hang for ever.

    Args:
        processor: The fold.
        transport: Clients of the cluster.
        settings: Names, limits, ports.
        clock: The machine's.
        table: Makes an empty table of keyed states for a partition.
        own: From the partitions assigned to those to run.
        registry: Where metrics are listed; None makes one.
        log: None: JSON lines on stderr.
        stop: Asked once a turn.
        on_ready: Told once, when everything assigned is restored.

    Returns:
        Exit status: 0 after a stop, that of the error otherwise. A supervisor starts it again.

    Raises:
        UnusableAddress: nothing can listen at the port of the metrics.
        OSError: the folder for state cannot be written.
    """
    if settings.state_dir is not None:
        _check_folder(settings.state_dir)
    log = log or json_log(role=settings.role, group=settings.group, slot=settings.slot)
    registry = registry or CollectorRegistry()
    host = ExactlyOnceHost(
        processor,
        transport,
        settings,
        clock,
        table=table,
        nonce=token_hex(4),
        metrics=PrometheusMetrics(registry, settings.group),
        log=log,
        own=own,
    )
    watchdog = Watchdog(clock, lambda: host.progress_ms, settings.watchdog_ms, log)
    with ExitStack() as stack:
        stack.callback(on_stop_signals(lambda: setattr(host, "stopping", True)))
        watchdog.start()
        stack.callback(watchdog.stop)
        if settings.metrics_port is not None:
            health = _serve(host, settings, clock, registry)
            stack.callback(health.stop)
            log.info("probes_served", host=settings.metrics_host, port=health.port)
        try:
            _turn_until_stopped(host, Collector(clock), stop, on_ready)
        except Exception as error:  # noqa: BLE001 - the last one to know
            status = _tell(error, log)
        else:
            status = EXIT_OK
        watchdog.close_within(settings.shutdown_ms, status)
        _leave(host, log)
        log.info("host_stopped", status=status)
    return status


def _check_folder(folder: Path) -> None:
    """Write there, before the group hands out partitions."""
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder):
        """Gone again at once."""


def _turn_until_stopped(
    host: ExactlyOnceHost[S],
    collector: Collector,
    stop: Callable[[], bool],
    on_ready: Callable[[ExactlyOnceHost[S]], None],
) -> None:
    host.start()
    told = False
    try:
        while not (host.stopping or stop()):
            worked = host.turn()
            if not told and host.is_ready():
                told = True
                collector.freeze()
                on_ready(host)
            collector.turn(idle=not worked)
    finally:
        collector.stop()


def _serve(
    host: ExactlyOnceHost[S], settings: HostSettings, clock: Clock, registry: CollectorRegistry
) -> HealthServer:
    def live() -> dict[str, bool]:
        return {"loop_turns": clock.mono_ms() - host.progress_ms < settings.watchdog_ms}

    health = HealthServer(
        settings.metrics_host,
        settings.metrics_port or 0,
        live=live,
        ready=host.readiness,
        registry=registry,
    )
    health.start()
    return health


def _tell(error: Exception, log: Log) -> int:
    """Log why it ended, and where; the text of a foreign error may hold values, so it is not."""
    if isinstance(error, OrchestratorError):
        log.error("host_failed", code=error.code, error=error.message, way_out=error.way_out)
        return error.exit_status
    frame = extract_tb(error.__traceback__)[-1]
    where = f"{frame.filename}:{frame.lineno}"
    told = type(error).__name__
    if isinstance(error, OSError):  # its text is the system's
        told = f"{told}: {error}"
    log.error("host_failed", code="E100", error=told, where=where)
    return EXIT_FAULT


def _leave(host: ExactlyOnceHost[S], log: Log) -> None:
    """Leave the group, so that others need not wait for a time-out. It may fail; it may hang."""
    try:
        host.close()
    except Exception as error:  # noqa: BLE001 - the process ends either way
        log.warning("close_failed", error=type(error).__name__)
