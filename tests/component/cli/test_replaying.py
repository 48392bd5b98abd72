"""What a replay through a broker counts, and the broker that a role brings along."""

from orchestrator.adapters.kafka.admin import Admin
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.cli.dry import SETTLE_MS
from orchestrator.cli.replaying import clock_marker, once, time_that_ends
from orchestrator.cli.roles import PARTITIONS, embedded_or
from orchestrator.messages import wire
from orchestrator.types import Emit


def emit(topic: str, **value: object) -> Emit:
    return Emit(topic, "p-1", dict(value))


def test_a_message_of_an_aborted_batch_counts_once() -> None:
    """By id and type: a revocation has its command's id, a forgotten person's session may too."""
    kept = [
        emit("interventions.onsite", id="cmd-1", type="intervention_issued"),
        emit("interventions.onsite", id="cmd-1", type="intervention_revoked"),
        emit("sessions", id="p/s", type="session_closed", opened_ms=1),
        emit("sessions", id="p/s", type="session_closed", opened_ms=2),
        emit("decisions", id="dec-1", type="decision_made"),
    ]
    assert list(once([*kept, *kept])) == kept


def test_a_file_ends_by_its_own_time_or_the_log_s() -> None:
    """Older topics do not matter, later ones do, and live ones are left alone."""
    last_ms, now_ms = 1_000_000_000, 9_000_000_000
    own_ms = last_ms + SETTLE_MS
    assert time_that_ends(last_ms, 0, now_ms) == own_ms
    assert time_that_ends(last_ms, last_ms - 10 * SETTLE_MS, now_ms) == own_ms
    assert time_that_ends(last_ms, 5_000_000_000, now_ms) == 5_000_000_000 + 2 * SETTLE_MS
    assert time_that_ends(last_ms, now_ms - SETTLE_MS, now_ms) == own_ms


def test_a_clock_marker_decodes_and_lies_where_it_says() -> None:
    """Its key is its profile."""
    for partition in range(5):
        key, value = clock_marker(partition, 5, 1_790_000_000_000)
        message = wire.decode("clickstream", key.decode(), value)
        assert message.type == "clock_advanced"


def test_a_role_on_an_embedded_broker_finds_its_topics() -> None:
    """`--broker embedded` makes a broker with every topic, for as long as the role runs."""
    with embedded_or("embedded", None, "g", "t.") as place:
        present = Admin(Cluster(place.broker, embedded=True)).describe()
    assert (place.group_prefix, place.topic_prefix) == ("g", "t.")
    assert present["t.clickstream"] == PARTITIONS
