"""`orchestrator worker | learner | agents | run`: the deployables."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Literal

import typer

from orchestrator.cli import options
from orchestrator.cli.options import choice, connection
from orchestrator.cli.output import err, guarded
from orchestrator.cli.processes import look_after, raised_on_signals, role_options, start_roles
from orchestrator.config import Connection

ROLES = ("worker", "learner", "agents")
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
