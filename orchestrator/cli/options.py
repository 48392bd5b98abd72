"""Options that several commands share, each with its environment variable."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.config import Connection
from orchestrator.errors import OrchestratorError

EMBEDDED = "embedded"
LARGEST_PORT = 65_535


class BadOption(OrchestratorError):
    """An option's value cannot be used."""

    code = "E101"
    exit_status = 2


Broker = Annotated[
    str,
    typer.Option(
        "--broker",
        envvar="ORCHESTRATOR_BROKER",
        metavar="HOST:PORT|embedded",
        help="Kafka bootstrap servers, or `embedded`.",
    ),
]
Extra = Annotated[
    list[str] | None,
    typer.Option("-X", metavar="KEY=VALUE", help="librdkafka setting, repeatable (SASL, TLS ...)."),
]
Policies = Annotated[
    Path | None,
    typer.Option("--policies", envvar="ORCHESTRATOR_POLICIES", help="Folder of policy files."),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        min=0,
        max=LARGEST_PORT,
        help="Port of /metrics, /livez and /readyz; 0 takes a free one, off without.",
    ),
]
MetricsHost = Annotated[str, typer.Option("--metrics-host", help="Address of the same.")]
Slot = Annotated[str, typer.Option("--slot", help="Stable name, unique per running instance.")]
GroupPrefix = Annotated[
    str, typer.Option("--group-prefix", envvar="ORCHESTRATOR_GROUP_PREFIX", help="Of all groups.")
]
TopicPrefix = Annotated[
    str, typer.Option("--topic-prefix", envvar="ORCHESTRATOR_TOPIC_PREFIX", help="Of all topics.")
]
Clock = Annotated[
    str,
    typer.Option("--clock", help="wall, or event: time moves only with the records."),
]
StateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Folder for state larger than memory.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]
LogLevel = Annotated[
    str, typer.Option("--log-level", envvar="ORCHESTRATOR_LOG_LEVEL", help="debug, info, warning.")
]


def connection(
    broker: str,
    extra: list[str] | None = None,
    group_prefix: str = "orchestrator",
    topic_prefix: str = "",
) -> Connection:
    """Check and gather the connection options.

    Raises:
        BadOption: An `-X` without `=`, no broker named, one that would have to be made, or an
            address that is none.
    """
    settings: dict[str, str] = {}
    for item in extra or []:
        key, separator, value = item.partition("=")
        if not separator or not key.strip():
            raise BadOption(
                f"-X {item!r} is no KEY=VALUE.", way_out="For example: -X security.protocol=SSL"
            )
        settings[key.strip()] = value
    if broker == EMBEDDED:
        raise BadOption(
            "--broker embedded would make a broker that only this command sees.",
            way_out="Start one with: orchestrator run --broker embedded --port 9092, "
            "and give --broker 127.0.0.1:9092",
        )
    if not broker:
        raise BadOption(
            "no broker named.",
            way_out="Give --broker HOST:PORT (or ORCHESTRATOR_BROKER), "
            "or start one with: orchestrator run --broker embedded",
        )
    for address in filter(None, map(str.strip, broker.split(","))):
        _check_address(address)
    return Connection(broker, settings, group_prefix, topic_prefix)


def _check_address(address: str) -> None:
    """HOST, HOST:PORT, [IPv6]:PORT, any of them after PROTOCOL://, as librdkafka takes them."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    named = host if colon else port
    if port.endswith("]"):  # the colon is one of an IPv6 address
        return
    fits = not colon or (port.isascii() and port.isdigit() and 0 < int(port) <= LARGEST_PORT)
    if not named or not fits:
        raise BadOption(
            f"--broker (or ORCHESTRATOR_BROKER) {address!r} is no HOST:PORT.",
            way_out=f"For example 127.0.0.1:9092; a port is 1 to {LARGEST_PORT}.",
        )


def choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Check a value of few words."""
    if value not in allowed:
        raise BadOption(f"{name} {value!r} is unknown.", way_out=f"One of: {', '.join(allowed)}.")
    return value
