"""librdkafka-style settings, and the topics the agents ask for."""

import ssl
from dataclasses import replace

import pytest
from faust.auth import SASLCredentials, SSLCredentials

from orchestrator.errors import TopicsNotReady
from orchestrator.messages.topics import TOPICS, partition_count
from orchestrator.runtimes.agents.connection import (
    Cluster,
    check_topics,
    client_options,
    faust_options,
    fitted,
)
from orchestrator.runtimes.agents.settings import (
    COPARTITIONED,
    AgentsSettings,
    InvalidSettings,
    topics,
)

SETTINGS = AgentsSettings(broker="a:1,b:2", topic_prefix="shop.")


def all_partitions(count: int) -> dict[str, int]:
    """Partitions as `topics create` makes them."""
    made = {f"shop.{name}": partition_count(name, count) for name in TOPICS}
    return made | {f"shop.{topic.name}": topic.partitions for topic in topics(count)}


def test_times_become_seconds() -> None:
    """Faust counts in seconds; a heartbeat fits its session."""
    options = faust_options({"session.timeout.ms": "6000", "linger.ms": "20", "client.id": "x"})
    assert options == {
        "broker_session_timeout": 6.0,
        "broker_heartbeat_interval": 2.0,
        "producer_linger": 0.02,
        "broker_client_id": "x",
    }


def test_settings_that_mean_nothing_here_are_taken() -> None:
    """Every role is given the same -X keys."""
    assert faust_options({"partitioner": "murmur2_random", "debug": "all"}) == {}


def test_sasl_over_tls() -> None:
    """User, password and mechanism reach both Faust and the plain client."""
    kafka = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": "agents",
        "sasl.password": "secret",
        "enable.ssl.certificate.verification": "false",
    }
    credentials = faust_options(kafka)["broker_credentials"]
    assert isinstance(credentials, SASLCredentials)
    assert isinstance(credentials.ssl_context, ssl.SSLContext)
    assert credentials.ssl_context.verify_mode == ssl.CERT_NONE
    options = client_options(replace(SETTINGS, kafka=kafka))
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "agents"


def test_tls_alone() -> None:
    """The name is checked unless it is said not to."""
    checked = faust_options({"security.protocol": "ssl"})["broker_credentials"]
    assert isinstance(checked, SSLCredentials)
    assert checked.context.check_hostname
    free = {"security.protocol": "ssl", "ssl.endpoint.identification.algorithm": "none"}
    assert not faust_options(free)["broker_credentials"].context.check_hostname


@pytest.mark.parametrize(
    ("kafka", "named"),
    [
        ({"sasl.oauthbearer.token.endpoint.url": "x"}, "sasl.oauthbearer"),
        ({"nonsense": "1"}, "nonsense"),
        ({"session.timeout.ms": "soon"}, "session.timeout.ms"),
        ({"security.protocol": "carrier-pigeon"}, "carrier-pigeon"),
        ({"security.protocol": "sasl_plaintext", "sasl.mechanism": "GSSAPI"}, "GSSAPI"),
        ({"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN"}, "sasl.username"),
        ({"security.protocol": "ssl", "ssl.ca.location": "/no/such.pem"}, "ssl"),
    ],
)
def test_what_does_not_map_is_said(kafka: dict[str, str], named: str) -> None:
    """The setting at fault stands in the error."""
    with pytest.raises(InvalidSettings, match=named):
        faust_options(kafka)


def test_the_embedded_broker_gets_a_short_session() -> None:
    """Its joins take half the session; what was asked for stands."""
    embedded = Cluster({}, is_embedded=True)
    assert fitted(SETTINGS, embedded).kafka["session.timeout.ms"] == "2000"
    assert fitted(SETTINGS, Cluster({}, is_embedded=False)) == SETTINGS
    asked = replace(SETTINGS, kafka={"session.timeout.ms": "9000"})
    assert fitted(asked, embedded) == asked


def test_the_topics_that_are_created_fit() -> None:
    """What `topics create` makes is what the agents ask for."""
    check_topics(SETTINGS, all_partitions(3))


def test_missing_topics_are_named() -> None:
    """Each of them, with the way out."""
    partitions = all_partitions(3)
    del partitions["shop.orders"]
    with pytest.raises(TopicsNotReady, match=r"shop\.orders.*topics create"):
        check_topics(SETTINGS, partitions)


@pytest.mark.parametrize("name", COPARTITIONED)
def test_partitions_that_differ_are_named(name: str) -> None:
    """A table lives where its input does: their partitions are one to one."""
    partitions = all_partitions(3) | {f"shop.{name}": 4}
    with pytest.raises(TopicsNotReady, match=rf"shop\.{name} has 4"):
        check_topics(SETTINGS, partitions)


def test_group_and_topics_bear_their_prefixes() -> None:
    """Several installations fit on one cluster."""
    settings = AgentsSettings(broker="a:1", group_prefix="north", topic_prefix="north.")
    assert settings.group == "north-agents"
    assert settings.topic("orders") == "north.orders"
