"""Client settings, the partitioner, and what errors mean."""

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import murmur2 as librdkafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.kafka import settings
from orchestrator.adapters.kafka.admin import Admin
from orchestrator.adapters.kafka.errors import repeat, settle
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.memory.murmur2 import murmur2
from orchestrator.errors import (
    ClientFailed,
    DeliveryUnknown,
    Fenced,
    InvalidPolicy,
    OrchestratorError,
    Retryable,
    TopicsNotReady,
)

CLUSTER = Cluster("127.0.0.1:1")


@given(st.binary(max_size=64), st.integers(1, 1_000))
def test_the_partitioner_is_librdkafkas_murmur2(key: bytes, count: int) -> None:
    """And so the Java client's."""
    assert murmur2(key, count) == librdkafka_murmur2(key, count)


def test_exactly_once_settings_are_not_for_sale() -> None:
    """`-X` passes everything on but what the promises stand on."""
    with pytest.raises(InvalidPolicy, match=r"-X enable\.auto\.commit"):
        Cluster("x:1", {"enable.auto.commit": "true"})
    secured = Cluster("x:1", {"security.protocol": "SASL_SSL", "linger.ms": "50"})
    assert settings.producer(secured)["linger.ms"] == "50"
    assert settings.transactional(secured, "t")["linger.ms"] == "50"
    for made in (
        settings.consumer(secured, "g", 12),
        settings.reader(secured),
        settings.transactional(secured, "t"),
    ):
        assert made["security.protocol"] == "SASL_SSL"
        assert made["metadata.recovery.strategy"] == "none"


def test_a_refused_setting_is_told_with_its_value() -> None:
    """Of several only the one that librdkafka speaks of; a secret stays one."""
    with pytest.raises(InvalidPolicy, match=r"^E120 -X session\.timeout\.ms=abc: Invalid value"):
        Admin(Cluster("x:1", {"linger.ms": "5", "session.timeout.ms": "abc"}))
    with pytest.raises(InvalidPolicy, match=r"-X ssl\.key\.pem: ") as refusal:
        Admin(
            Cluster(
                "x:1",
                {"security.protocol": "SSL", "ssl.key.password": "hush", "ssl.key.pem": "hush"},
            )
        )
    assert "hush" not in str(refusal.value)


def test_the_way_out_of_a_missing_topic_keeps_the_prefix() -> None:
    """Without it other topics would be made."""

    class Empty(Admin):
        def describe(self, timeout_s: float = 0.0) -> dict[str, int]:
            return {}

    with pytest.raises(TopicsNotReady, match=r"topic p\.x does not.+create'.+--topic-prefix"):
        Empty(Cluster("x:1")).partitions(["p.x"])


def test_groups_read_committed_from_explicit_positions() -> None:
    """The settings that the loop relies on."""
    made = settings.consumer(CLUSTER, "g", 12)
    assert made["isolation.level"] == "read_committed"
    assert made["enable.auto.commit"] is False
    assert made["auto.offset.reset"] == "error"
    assert made["partition.assignment.strategy"] == "range"
    assert settings.producer(CLUSTER)["partitioner"] == "murmur2_random"


def test_the_broker_may_assign() -> None:
    """KIP-848: the group's times are the broker's; a name of a member is nobody else's."""
    cluster = Cluster("x:1", {"group.protocol": "consumer", "group.instance.id": "a"})
    made = settings.consumer(cluster, "g", 12)
    assert made["group.remote.assignor"] == "range"
    assert made["group.instance.id"] == "a"
    assert not {"session.timeout.ms", "partition.assignment.strategy"} & made.keys()
    assert not {"group.protocol", "group.instance.id"} & settings.producer(cluster).keys()
    with pytest.raises(InvalidPolicy, match=r"group\.protocol=eager is not known"):
        Cluster("x:1", {"group.protocol": "eager"})


@pytest.mark.parametrize(
    ("cluster", "session_ms", "heartbeat_ms"),
    [
        (CLUSTER, 10_000, 1_666),
        (Cluster("x:1", embedded=True), 3_000, 500),
        (Cluster("x:1", {"session.timeout.ms": "2000"}, embedded=True), 2_000, 333),
    ],
)
def test_time_outs_fit_the_broker(cluster: Cluster, session_ms: int, heartbeat_ms: int) -> None:
    """Short where nobody pauses for long; always several heartbeats a session."""
    made = settings.consumer(cluster, "g", 12)
    assert made["session.timeout.ms"] == session_ms
    assert made["heartbeat.interval.ms"] == heartbeat_ms


@pytest.mark.parametrize(
    ("cluster", "places", "wait_ms", "least_bytes"),
    [
        (CLUSTER, 60, 50, None),
        (Cluster("x:1", embedded=True), 2, 10, 1),
        (Cluster("x:1", embedded=True), 20, 10, 1),
        (Cluster("x:1", embedded=True), 60, 30, 65_536),
        (Cluster("x:1", {"fetch.wait.max.ms": "7"}, embedded=True), 60, "7", 65_536),
    ],
)
def test_fetches_fit_the_broker(
    cluster: Cluster, places: int, wait_ms: object, least_bytes: int | None
) -> None:
    """One that does not long-poll is asked less often the more it has to look at."""
    made = settings.consumer(cluster, "g", places)
    assert made["fetch.wait.max.ms"] == wait_ms
    assert made.get("fetch.min.bytes") == least_bytes


def failure(
    code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False
) -> KafkaException:
    return KafkaException(KafkaError(code, "injected", fatal, retriable, abort))


def raising(error: Exception, times: int = 1_000_000) -> tuple[Callable[[], None], list[int]]:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        if len(calls) <= times:
            raise error

    return call, calls


TIMED_OUT = KafkaError._TIMED_OUT  # noqa: SLF001 - named so
FENCED = KafkaError._FENCED  # noqa: SLF001 - named so
OTHER = KafkaError.INVALID_TXN_STATE


@pytest.mark.parametrize("call", [settle, repeat])
@pytest.mark.parametrize(
    ("error", "reaction"),
    [
        (failure(FENCED, fatal=True), Fenced),
        (failure(OTHER, fatal=True), ClientFailed),
        (failure(FENCED, fatal=True, abort=True), Fenced),
        (failure(OTHER, abort=True), Retryable),
        (failure(OTHER), ClientFailed),
    ],
)
def test_each_error_has_its_reaction(
    call: Callable[..., None], error: KafkaException, reaction: type[OrchestratorError]
) -> None:
    """Fatal: exit. Abortable: abort. None of the flags: exit. Each at once, without a retry."""
    attempt, calls = raising(error)
    with pytest.raises(reaction):
        call("commit", attempt, 1)
    assert len(calls) == 1


@pytest.mark.parametrize("call", [settle, repeat])
def test_what_may_be_called_again_is_called_again(call: Callable[..., None]) -> None:
    """Same call, same arguments."""
    attempt, calls = raising(failure(OTHER, retriable=True), times=3)
    call("commit", attempt, 5)
    assert len(calls) == 4


def test_a_commit_that_times_out_is_unknown() -> None:
    """It is not called again, though librdkafka says one may: its outcome may stand already."""
    attempt, calls = raising(failure(TIMED_OUT, retriable=True))
    with pytest.raises(DeliveryUnknown):
        settle("commit", attempt, 5)
    assert len(calls) == 1


def test_other_calls_that_time_out_end_in_an_abort() -> None:
    """At their deadline."""
    attempt, _ = raising(failure(TIMED_OUT, retriable=True))
    with pytest.raises(Retryable):
        repeat("send_offsets", attempt, 0.01)
