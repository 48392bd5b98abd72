"""`orchestrator worker | learner | agents | run`: the deployables."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli import options
from orchestrator.cli.options import choice, connection
from orchestrator.cli.output import err, guarded
from orchestrator.config import Connection
from orchestrator.errors import BrokerUnreachable, OrchestratorError

if TYPE_CHECKING:
    from orchestrator.adapters.embedded import EmbeddedBroker

ROLES = ("worker", "learner", "agents")
STOP_TIMEOUT_S = 15.0
LOOK_EVERY_S = 0.2
PARTITIONS = 12
LEVELS = ("debug", "info", "warning", "error")

SessionGap = Annotated[
    int, typer.Option("--session-gap-s", min=61, help="Silence that ends a session, seconds.")
]
WebPort = Annotated[int | None, typer.Option("--web-port", help="Port of the views; off without.")]
WebHost = Annotated[str, typer.Option("--web-host", help="Address of the same.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help="The fast lane: clicks to revocable commands, exactly once.")(worker)
    app.command(help="Join decisions with outcomes, learn, publish models.")(learner)
    app.command(help="Faust agents: what is viewed and bought together, what trends.")(agents)
    app.command(help="All roles in one place, on one machine.")(run)


def _clock(value: str) -> Literal["wall", "event"]:
    return "event" if choice("--clock", value, ("wall", "event")) == "event" else "wall"


def _logs(level: str) -> None:
    import structlog  # noqa: PLC0415 (only the roles log)

    choice("--log-level", level, LEVELS)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@contextmanager
def raised_on_signals(error: type[BaseException]) -> Iterator[None]:
    """Raise it at the first SIGTERM, SIGINT or SIGHUP, so that what was begun is cleared away.

    Further ones do not disturb that. SIGHUP is taken as SIGTERM, also where a role has handlers of
    its own by then; `nohup` stays in force. Outside the main thread there are no signals.
    """
    if current_thread() is not main_thread():
        yield
        return

    told = False

    def stop(*_: object) -> None:
        nonlocal told
        told = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        raise error

    def hang_up(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    former = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        former[signal.SIGHUP] = signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    except Exception as other:
        if not told:
            raise
        # what was interrupted, an import say, may raise an error of its own instead
        raise error from other
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@guarded
@raised_on_signals(SystemExit)
def worker(
    broker: options.Broker = "",
    extra: options.Extra = None,
    policies: options.Policies = None,
    slot: options.Slot = "0",
    clock: options.Clock = "wall",
    metrics_port: options.MetricsPort = None,
    metrics_host: options.MetricsHost = "127.0.0.1",
    group_prefix: options.GroupPrefix = "orchestrator",
    topic_prefix: options.TopicPrefix = "",
    state_dir: options.StateDir = None,
    session_gap_s: SessionGap = 1_800,
    merge_wait_ms: Annotated[
        int, typer.Option("--merge-wait-ms", min=0, help="Longest wait for a topic that lags.")
    ] = 1_000,
    poll_wait_ms: Annotated[
        int, typer.Option("--poll-wait-ms", min=1, help="Longest wait that fills a batch.")
    ] = 10,
    log_level: options.LogLevel = "info",
) -> None:
    """Run the fast lane until SIGTERM."""
    _logs(log_level)
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.runtimes.worker.settings import HostSettings  # noqa: PLC0415

    settings = HostSettings(
        role="worker",
        changelog="orchestrator.state",
        slot=slot,
        group_prefix=group_prefix,
        topic_prefix=topic_prefix,
        clock=_clock(clock),
        merge_wait_ms=merge_wait_ms,
        poll_wait_ms=poll_wait_ms,
        state_dir=state_dir,
        metrics_host=metrics_host,
        metrics_port=metrics_port,
    )
    with embedded_or(broker, extra, group_prefix, topic_prefix) as place:
        raise typer.Exit(wiring.run_worker(place, settings, policies, session_gap_s * 1000))


@guarded
@raised_on_signals(SystemExit)
def learner(
    broker: options.Broker = "",
    extra: options.Extra = None,
    policies: options.Policies = None,
    slot: options.Slot = "0",
    clock: options.Clock = "wall",
    metrics_port: options.MetricsPort = None,
    metrics_host: options.MetricsHost = "127.0.0.1",
    group_prefix: options.GroupPrefix = "orchestrator",
    topic_prefix: options.TopicPrefix = "",
    state_dir: options.StateDir = None,
    log_level: options.LogLevel = "info",
) -> None:
    """Run the learner until SIGTERM; of several only one learns, the others stand by."""
    _logs(log_level)
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client and River)
    from orchestrator.runtimes.worker.settings import HostSettings  # noqa: PLC0415

    settings = HostSettings(
        role="learner",
        changelog="orchestrator.learner-state",
        slot=slot,
        group_prefix=group_prefix,
        topic_prefix=topic_prefix,
        clock=_clock(clock),
        state_dir=state_dir,
        metrics_host=metrics_host,
        metrics_port=metrics_port,
    )
    with embedded_or(broker, extra, group_prefix, topic_prefix) as place:
        raise typer.Exit(wiring.run_learner(place, settings, policies))


@guarded
@raised_on_signals(SystemExit)
def agents(
    broker: options.Broker = "",
    extra: options.Extra = None,
    policies: options.Policies = None,
    metrics_port: options.MetricsPort = None,
    metrics_host: options.MetricsHost = "127.0.0.1",
    web_port: WebPort = None,
    web_host: WebHost = "127.0.0.1",
    group_prefix: options.GroupPrefix = "orchestrator",
    topic_prefix: options.TopicPrefix = "",
    state_dir: options.StateDir = None,
    log_level: options.LogLevel = "info",
) -> None:
    """Run the Faust agents until SIGTERM; --metrics-port serves the same views as --web-port."""
    _logs(log_level)
    from orchestrator.runtimes.agents.run import run_agents  # noqa: PLC0415 (faust: slow)
    from orchestrator.runtimes.agents.settings import AgentsSettings  # noqa: PLC0415

    with embedded_or(broker, extra, group_prefix, topic_prefix) as place:
        run_agents(
            AgentsSettings(
                broker=place.broker,
                group_prefix=group_prefix,
                topic_prefix=topic_prefix,
                kafka=place.extra,
                web_port=web_port if web_port is not None else metrics_port,
                web_host=web_host if web_port is not None else metrics_host,
                state_dir=state_dir,
            )
        )


@guarded
@raised_on_signals(SystemExit)
def run(
    broker: options.Broker = options.EMBEDDED,
    extra: options.Extra = None,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="Only this role, repeatable.")
    ] = None,
    policies: options.Policies = None,
    partitions: Annotated[int, typer.Option("--partitions", min=1)] = PARTITIONS,
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65_535, help="Port of the embedded broker; 0 takes a free one."
        ),
    ] = 0,
    clock: options.Clock = "wall",
    state_dir: options.StateDir = None,
    group_prefix: options.GroupPrefix = "orchestrator",
    topic_prefix: options.TopicPrefix = "",
    log_level: options.LogLevel = "info",
) -> None:
    """Start every role as a process of its own; creates the topics; ends with Ctrl-C."""
    chosen = [choice("--role", name, ROLES) for name in role or ROLES]
    choice("--log-level", log_level, LEVELS)
    _clock(clock)
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)

    if policies is not None:
        wiring.policies(policies)  # what is wrong in it is told before anything runs
    with ExitStack() as stack:
        address, included = broker, None
        if broker == options.EMBEDDED:
            from orchestrator.adapters.embedded import EmbeddedBroker  # noqa: PLC0415

            included = stack.enter_context(EmbeddedBroker(port))
            address = included.address
        place = connection(address, extra, group_prefix, topic_prefix)
        wiring.create_topics(place, partitions)
        given = role_options(place, clock, log_level, policies, state_dir)
        processes = start_roles(stack, {name: given[name] for name in chosen})
        err.print(f"broker {address}; roles: {', '.join(chosen)}. Ctrl-C ends all.")
        err.print("They are ready in some seconds: the worker says partitions_restored.")
        while True:
            look_after(processes, included)
            time.sleep(LOOK_EVERY_S)


@contextmanager
def embedded_or(
    broker: str, extra: list[str] | None, group_prefix: str, topic_prefix: str
) -> Iterator[Connection]:
    """The broker to work on; `embedded` makes one, with its topics, that ends with the role."""
    if broker != options.EMBEDDED:
        yield connection(broker, extra, group_prefix, topic_prefix)
        return
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.adapters.embedded import EmbeddedBroker  # noqa: PLC0415

    with EmbeddedBroker() as started:
        place = connection(started.address, extra, group_prefix, topic_prefix)
        wiring.create_topics(place, PARTITIONS)
        err.print(f"broker {started.address}: in memory, it ends with this role")
        yield place


def command_options(place: Connection) -> list[str]:
    """The options that name the broker, for a role started as a process."""
    given = ["--broker", place.broker]
    for key, value in place.extra.items():
        given += ["-X", f"{key}={value}"]
    return [
        *given,
        *("--group-prefix", place.group_prefix),
        *("--topic-prefix", place.topic_prefix),
    ]


def role_options(
    place: Connection, clock: str, log_level: str, policies: Path | None, state_dir: Path | None
) -> dict[str, list[str]]:
    """The options of each role that `run` starts, by its name."""
    shared = [*command_options(place), "--log-level", log_level]
    if policies is not None:
        shared += ["--policies", str(policies)]
    clocked = [*shared, "--clock", clock]
    if state_dir is not None:
        clocked += ["--state-dir", str(state_dir)]
    return {"worker": clocked, "learner": clocked, "agents": shared}


def start_roles(
    stack: ExitStack, arguments: Mapping[str, list[str]], logs: Path | None = None
) -> "dict[str, subprocess.Popen[bytes]]":
    """Start roles as processes; leaving the stack stops them together, by SIGTERM first.

    Args:
        stack: What they end with.
        arguments: The options of each role, by its name.
        logs: Folder for what they print, a file each; here without.
    """
    processes: dict[str, subprocess.Popen[bytes]] = {}
    stack.callback(_stop, processes)
    for name, given in arguments.items():
        log: Any = nullcontext() if logs is None else log_of(logs, name).open("wb")
        with log as target:
            processes[name] = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "orchestrator", name, *given], stderr=target, stdout=target
            )
    return processes


def log_of(logs: Path, name: str) -> Path:
    """The file with what a role printed."""
    return logs / f"{name}.log"


def look_after(
    processes: "Mapping[str, subprocess.Popen[bytes]]",
    included: "EmbeddedBroker | None",
    logs: Path | None = None,
) -> None:
    """See that the included broker, if any, and all roles still run.

    Raises:
        BrokerUnreachable: the broker ended; the roles can finish nothing, and are killed.
        RoleFailed: a role ended; the error's exit status is that of the role.
    """
    if included is not None:
        try:
            included.check()
        except BrokerUnreachable:
            for process in processes.values():
                process.kill()
            raise
    for name, process in processes.items():
        if process.poll() is not None:
            raise _failed(name, process.returncode, logs)


def _failed(name: str, status: int, logs: Path | None) -> OrchestratorError:
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.adapters.embedded import status_name  # noqa: PLC0415

    where = "stands above" if logs is None else f"is {log_of(logs, name)}"
    failed = wiring.RoleFailed(
        f"the {name} ended by itself with status {status_name(status)}; its log {where}.",
        way_out="Its last lines tell why; check this machine with: orchestrator doctor",
    )
    failed.exit_status = max(status, 1)
    return failed


def _stop(processes: "Mapping[str, subprocess.Popen[bytes]]") -> None:
    until = time.monotonic() + STOP_TIMEOUT_S
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
