"""librdkafka-style settings to Faust's and aiokafka's, and the first word with the broker."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faust.auth import SASLCredentials, SSLCredentials
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from orchestrator.errors import BrokerUnreachable, TopicsNotReady
from orchestrator.processors.merchandising import CATALOG, PRODUCTS
from orchestrator.runtimes.agents.settings import (
    COPARTITIONED,
    DEAD_LETTERS,
    TOTALS,
    AgentsSettings,
    InvalidSettings,
)

PROBE_TIMEOUT_S = 1.0
EMBEDDED_CLUSTER = "tansu_cluster"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def _seconds(value: str) -> float:
    return int(value) / 1000.0


_TUNING: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "client.id": ("broker_client_id", str),
    "compression.type": ("producer_compression_type", lambda v: None if v == "none" else v),
    "heartbeat.interval.ms": ("broker_heartbeat_interval", _seconds),
    "linger.ms": ("producer_linger", _seconds),
    "max.poll.interval.ms": ("broker_max_poll_interval", _seconds),
    "metadata.max.age.ms": ("consumer_metadata_max_age_ms", int),
    "request.timeout.ms": ("broker_request_timeout", _seconds),
    "session.timeout.ms": ("broker_session_timeout", _seconds),
}
_SECURITY = frozenset(
    {
        "enable.ssl.certificate.verification",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.password",
        "sasl.username",
        "security.protocol",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.location",
        "ssl.key.password",
    }
)
_WITHOUT_EFFECT = frozenset(
    {
        "api.version.request",
        "broker.address.family",
        "debug",
        "fetch.queue.backoff.ms",
        "log_level",
        "metadata.recovery.strategy",
        "partitioner",  # murmur2 here as well: aiokafka's default
        "queued.max.messages.kbytes",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
        "socket.keepalive.enable",
        "socket.timeout.ms",
        "statistics.interval.ms",
        "topic.metadata.refresh.interval.ms",
        "transaction.timeout.ms",
    }
)
"""Keys that every role may be given and that mean nothing here."""


def faust_options(kafka: Mapping[str, str]) -> dict[str, Any]:
    """Settings of `faust.App` for librdkafka-style keys.

    Raises:
        InvalidSettings: A key that does not map, or a value that is none.
    """
    options: dict[str, Any] = {}
    for key, value in kafka.items():
        if key in _TUNING:
            name, convert = _TUNING[key]
            try:
                options[name] = convert(value)
            except ValueError:
                raise InvalidSettings(f"-X {key}={value} is no number.") from None
        elif key not in _SECURITY and key not in _WITHOUT_EFFECT:
            raise InvalidSettings(
                f"-X {key} has no counterpart in the agents.",
                way_out=f"Known: {', '.join(sorted((*_TUNING, *_SECURITY)))}.",
            )
    session_s = options.get("broker_session_timeout")
    if session_s is not None and "broker_heartbeat_interval" not in options:
        options["broker_heartbeat_interval"] = session_s / 3
    credentials = _credentials(kafka)
    if credentials is not None:
        options["broker_credentials"] = credentials
    return options


def client_options(settings: AgentsSettings) -> dict[str, Any]:
    """Settings of a plain aiokafka client for the same broker."""
    credentials = faust_options(settings.kafka).get("broker_credentials")
    return {
        "bootstrap_servers": settings.broker.split(","),
        "client_id": settings.group,
        **credentials_to_aiokafka_auth(credentials),
    }


class Cluster(NamedTuple):
    """What the broker tells of itself."""

    partitions: Mapping[str, int]
    """Partitions of every topic, by its name there."""
    is_embedded: bool


async def look_up(settings: AgentsSettings) -> Cluster:
    """Ask the broker what there is; creates no topic, as asking by name would.

    Raises:
        BrokerUnreachable: No answer in time, or not let in.
        InvalidSettings: An `-X` key that does not map.
    """
    client = AIOKafkaAdminClient(**client_options(settings))
    try:
        async with asyncio.timeout(settings.connect_timeout_ms / 1000):
            await client.start()
            topics = await client.describe_topics()
            cluster = await client.describe_cluster()
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnreachable(
            f"no broker answers at {settings.broker} ({type(error).__name__}).",
            way_out="Check --broker, and the -X security settings where it asks for any.",
        ) from error
    finally:
        await client.close()
    partitions = {topic["topic"]: len(topic["partitions"]) for topic in topics}
    return Cluster(partitions, cluster.get("cluster_id") == EMBEDDED_CLUSTER)


async def answers(settings: AgentsSettings) -> bool:
    """Whether a broker takes connections now."""
    for address in settings.broker.split(","):
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                _, writer = await asyncio.open_connection(host, int(port))
        except (OSError, TimeoutError, ValueError):
            continue
        writer.close()
        return True
    return False


def fitted(settings: AgentsSettings, cluster: Cluster) -> AgentsSettings:
    """Settings for this broker: on the embedded one a join takes half the session time-out."""
    if not cluster.is_embedded or "session.timeout.ms" in settings.kafka:
        return settings
    quick = {"session.timeout.ms": "2000", "heartbeat.interval.ms": "500"}
    return replace(settings, kafka={**quick, **settings.kafka})


def check_topics(settings: AgentsSettings, partitions: Mapping[str, int]) -> None:
    """See that all topics are there and fit together.

    Args:
        settings: The agents'.
        partitions: Partitions by name on the broker.

    Raises:
        TopicsNotReady: Topics are missing or their partitions differ.
    """
    others = (CATALOG, PRODUCTS, TOTALS, DEAD_LETTERS)
    wanted = [settings.topic(name) for name in (*COPARTITIONED, *others)]
    missing = [name for name in wanted if name not in partitions]
    if missing:
        raise TopicsNotReady(
            f"topics are missing: {', '.join(missing)}.",
            way_out=f"Run 'orchestrator topics create --broker {settings.broker}'.",
        )
    counts = {name: partitions[name] for name in map(settings.topic, COPARTITIONED)}
    if len(set(counts.values())) > 1:
        named = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise TopicsNotReady(
            f"these topics must have the same number of partitions: {named}.",
            way_out="Create those that differ anew.",
        )


def _credentials(kafka: Mapping[str, str]) -> SASLCredentials | SSLCredentials | None:
    protocol = kafka.get("security.protocol", "plaintext").lower()
    if protocol not in ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"):
        raise InvalidSettings(f"-X security.protocol={protocol} is unknown.")
    context = _tls(kafka) if protocol.endswith("ssl") else None
    if context is not None and protocol == "ssl":
        return SSLCredentials(context)
    if not protocol.startswith("sasl"):
        return None
    mechanism = kafka.get("sasl.mechanism") or kafka.get("sasl.mechanisms") or ""
    if mechanism not in MECHANISMS:
        raise InvalidSettings(
            f"-X sasl.mechanism={mechanism or '(none)'} cannot be used by the agents.",
            way_out=f"Use one of {', '.join(MECHANISMS)}.",
        )
    if "sasl.username" not in kafka or "sasl.password" not in kafka:
        raise InvalidSettings(f"{mechanism} needs -X sasl.username and -X sasl.password.")
    return SASLCredentials(
        username=kafka["sasl.username"],
        password=kafka["sasl.password"],
        mechanism=mechanism,
        ssl_context=context,
    )


def _tls(kafka: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"))
        if "ssl.certificate.location" in kafka:
            context.load_cert_chain(
                kafka["ssl.certificate.location"],
                kafka.get("ssl.key.location"),
                kafka.get("ssl.key.password"),
            )
    except (OSError, ssl.SSLError) as error:
        raise InvalidSettings(f"The files of -X ssl.* cannot be used: {error}.") from error
    if kafka.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    if kafka.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
