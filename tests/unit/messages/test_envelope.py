"""Headers: CloudEvents 1.0 in Kafka's binary mode, W3C trace context."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.messages.base import TIME_MAX_MS, TIME_MIN_MS
from orchestrator.messages.envelope import (
    continue_trace,
    headers,
    incoming_traceparent,
    rfc3339,
    tombstone_headers,
)
from tests.builders import T0_MS, encoded

CAUSE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
DECISION: dict[str, Any] = {"id": "dec-1", "type": "decision_made", "time_ms": T0_MS + 7}


def read(payload: dict[str, Any], **arguments: Any) -> CloudEvent:
    own = headers(payload, "orchestrator-worker", **arguments)
    message = KafkaMessage(headers=dict(own), key="p-1", value=encoded(payload))
    event = from_binary(message, JSONFormat(), CloudEvent)
    assert isinstance(event, CloudEvent)
    return event


def test_the_package_reads_what_we_write() -> None:
    """All attributes arrive, the value as data, the key as partition key."""
    event = read(DECISION)
    assert event.get_id() == "dec-1"
    assert event.get_type() == "decision_made"
    assert event.get_source() == "orchestrator-worker"
    assert event.get_specversion() == "1.0"
    assert event.get_datacontenttype() == "application/json"
    assert event.get_time() == datetime.fromtimestamp((T0_MS + 7) / 1000, UTC)
    assert event.get_data() == DECISION
    assert event.get_extension("partitionkey") == "p-1"


def test_the_package_writes_the_same() -> None:
    """Its own binary form has our headers, byte for byte; only the trace is beside it."""
    theirs = to_binary(read(DECISION), JSONFormat()).headers
    ours = dict(headers(DECISION, "orchestrator-worker"))
    del ours["traceparent"]
    assert datetime.fromisoformat(ours.pop("ce_time").decode()) == datetime.fromisoformat(
        theirs.pop("ce_time").decode()
    )
    theirs.pop("ce_partitionkey", None)
    assert ours == theirs


def test_a_payload_without_type_takes_the_callers_word() -> None:
    """Models and dead letters have none of their own."""
    assert read({"id": "risk@1", "time_ms": T0_MS}, kind="model_snapshot").get_type() == (
        "model_snapshot"
    )


def test_a_revocation_is_an_event_of_its_own() -> None:
    """It carries its command's id; (source, id) must differ or readers drop it as a duplicate."""
    issued = read({"id": "cmd-1", "type": "intervention_issued", "time_ms": T0_MS})
    revoked = read({"id": "cmd-1", "type": "intervention_revoked", "time_ms": T0_MS})
    assert issued.get_id() == revoked.get_id()
    assert issued.get_source() != revoked.get_source()


def test_the_trace_of_the_cause_goes_on() -> None:
    """Same trace and flags, a new span; a rewrite of the message has the same."""
    first = continue_trace(CAUSE, "cmd-1")
    assert first[:36] == CAUSE[:36]
    assert first[-2:] == CAUSE[-2:]
    assert first[36:52] != CAUSE[36:52]
    assert first == continue_trace(CAUSE, "cmd-1")
    assert first != continue_trace(CAUSE, "cmd-2")


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        "garbage",
        CAUSE.upper(),
        CAUSE[:-1],
        CAUSE + "0",
        CAUSE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        CAUSE.replace("00f067aa0ba902b7", "0" * 16),
        "ff" + CAUSE[2:],
        CAUSE + "\n",
    ],
)
def test_without_a_valid_cause_a_trace_begins(bad: str | None) -> None:
    """The ids derive from the message, so they repeat with it."""
    begun = continue_trace(bad, "cmd-1")
    assert incoming_traceparent([("traceparent", begun.encode())]) == begun
    assert begun == continue_trace(None, "cmd-1")


def test_a_newer_version_of_the_header_is_understood() -> None:
    """W3C: read the fields known, whatever follows."""
    assert continue_trace("cc" + CAUSE[2:] + "-more", "x").startswith("00-4bf92f3577b34da6")


def test_incoming_headers() -> None:
    """Only a valid header counts; other headers, null values and broken bytes are no fault."""
    assert incoming_traceparent(None) is None
    assert incoming_traceparent([]) is None
    assert incoming_traceparent([("ce_id", b"\xff"), ("traceparent", None)]) is None
    assert incoming_traceparent([("traceparent", b"\xff\xfe")]) is None
    assert incoming_traceparent([("x", b""), ("traceparent", CAUSE.encode())]) == CAUSE


def test_tombstones_are_no_events() -> None:
    """A record without a value has no event attributes."""
    assert tombstone_headers("orchestrator-worker") == [("ce_source", b"orchestrator-worker")]


@given(st.integers(TIME_MIN_MS, TIME_MAX_MS))
def test_times_are_exact(time_ms: int) -> None:
    """RFC 3339 in UTC with all three digits of milliseconds."""
    text = rfc3339(time_ms)
    assert len(text) == 24
    assert text.endswith("Z")
    instant = datetime.fromisoformat(text)
    assert round(instant.timestamp() * 1000) == time_ms
