"""Every input row is one row out: a record of a topic, or a skipped one with its reason."""

import gzip
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestrator.adapters.importers import FORMATS, read
from orchestrator.adapters.importers.rows import UnreadableInput
from orchestrator.messages import wire
from tests.builders import click
from tests.component.adapters.importers.files import REES46, RETAIL, SAMPLES, Write, line, values
from tests.strategies import json_values


@contextmanager
def standard_input(raw: bytes) -> Iterator[None]:
    """A pipe that holds these bytes in the place of standard input."""
    kept = os.dup(0)
    reading, writing = os.pipe()
    os.write(writing, raw)
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_plain_and_gzipped_read_alike(form: str, write: Write, *, zipped: bool) -> None:
    """Two good rows are two records that decode, whichever way the file is packed."""
    rows = list(read(write(*SAMPLES[form], zipped=zipped), form))
    assert [row.skipped for row in rows] == ["", ""]
    for row in rows:
        assert row.value is not None
        message = wire.decode(row.topic, row.key, row.value)
        assert message.time_ms == row.time_ms


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_standard_input_reads_as_a_file_does(form: str, write: Write, *, zipped: bool) -> None:
    """Plain or gzipped, and from a pipe that has a name too."""
    path = write(*SAMPLES[form], zipped=zipped)
    expected = list(read(path, form))
    for name in ("-", "/dev/fd/0"):
        with standard_input(path.read_bytes()):
            assert list(read(Path(name), form)) == expected, name


def test_rees46_rows_become_clicks(write: Write) -> None:
    """Money in cents, UTC, a purchase is one order of one product."""
    viewed, bought = values(list(read(write(*SAMPLES["rees46-csv"]), "rees46-csv")))
    assert viewed["type"] == "product_viewed"
    assert viewed["time_ms"] == 1_569_888_000_000
    assert viewed["profile_id"] == "541"
    assert viewed["session_id"] == "s-1"
    assert viewed["properties"]["price_cents"] == 3579
    assert bought["type"] == "order_completed"
    assert bought["properties"]["total_cents"] == 3579
    assert bought["properties"]["products"][0]["quantity"] == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2019-10-01 00:00:00 UTC,wish,1,2,,b,1,u,s", "unknown_event_type"),
        ("2019-10-01 00:00:00 UTC,view,1,2,,b,1,,s", "no_user_id"),
        ("yesterday,view,1,2,,b,1,u,s", "bad_value"),
        ("2019-10-01 00:00:00 UTC,view,1,2,,b,cheap,u,s", "bad_value"),
        ("2019-10-01 00:00:00 UTC,view,1,2,,b,nan,u,s", "bad_value"),
        ("2019-10-01 00:00:00 UTC,view,1,2,,b,inf,u,s", "bad_value"),
        ("2019-10-01 00:00:00 UTC,view,1,2,,b,1e30,u,s", "bad_value"),
        ("2019-10-01 00:00:00 UTC,view,1", "no_user_id"),
        ("view", "unknown_event_type"),
        (f"2019-10-01 00:00:00 UTC,view,{'9' * 140_000},2,,b,1,u,s", "bad_row"),
        ('2019-10-01 00:00:00 UTC,view,1,2,"unclosed,b,1,u,s', "bad_row"),
        ('2019-10-01 00:00:00 UTC,view,1,2,5" x,"b,1,u,s', "bad_row"),
        ('2019-10-01 00:00:00 UTC,view,1,2,"unclosed,b,1,u,s\r', "bad_row"),
        ("", "blank_line"),
        (" \r", "blank_line"),
    ],
)
def test_rees46_rows_that_are_no_clicks(write: Write, row: str, reason: str) -> None:
    """Each has a reason, and the rows after it are read."""
    rows = list(read(write(REES46, row, SAMPLES["rees46-csv"][1]), "rees46-csv"))
    assert [one.skipped for one in rows] == [reason, ""]


@pytest.mark.parametrize("form", FORMATS)
def test_blank_lines_are_counted_alike(form: str, write: Write) -> None:
    """Within a file and after it; the end of the last line begins no further one."""
    *before, last = SAMPLES[form]
    rows = list(read(write(*before, "", last, ""), form))
    assert Counter(row.skipped for row in rows) == {"": 2, "blank_line": 2}


def test_retailrocket_is_sorted_by_time_and_joins_transactions(write: Write) -> None:
    """The file is in no order; the lines of one transaction are one order."""
    path = write(
        RETAIL,
        "1433221333000,7,transaction,11,4000",
        "1433221333001,7,transaction,12,4000",
        "1433221332000,7,addtocart,11,",
        "nonsense,7,view,11,",
        "99999999999999999999999,7,view,11,",
        "1433221332000,,view,11,",
        "1433221332000,7,stare,11,",
    )
    rows = list(read(path, "retailrocket-csv"))
    assert Counter(row.skipped for row in rows) == {
        "": 3,
        "bad_value": 2,
        "no_visitor_id": 1,
        "unknown_event_type": 1,
    }
    told = values(rows)
    assert [value["type"] for value in told] == [
        "product_added",
        "order_completed",
        "order_completed",
    ]
    assert {value["properties"]["order_id"] for value in told[1:]} == {"retailrocket-4000"}


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"type": "identify", "userId": "u"}, "identify_call"),
        ({"type": "group"}, "group_call"),
        ({"type": {"deep": []}}, "no_call_type"),
        ({}, "no_call_type"),
        ({"type": "track", "event": "Product Viewed"}, "no_id"),
        ({"type": "page", "messageId": "m", "userId": "u"}, "bad_timestamp"),
        ({"type": "page", "messageId": "m", "userId": "u", "timestamp": "2026"}, "bad_timestamp"),
        (
            {
                "type": "track",
                "event": "Product Viewed",
                "messageId": "m",
                "userId": "u",
                "timestamp": "2026-09-21T14:13:20Z",
                "properties": {"price": 1e30},
            },
            "bad_value",
        ),
    ],
)
def test_segment_calls_that_are_no_clicks(write: Write, call: dict[str, Any], reason: str) -> None:
    """Each has a reason."""
    assert [row.skipped for row in read(write(line(**call)), "segment-jsonl")] == [reason]


def test_segment_money_steps_and_names(write: Write) -> None:
    """Units of currency become cents, step numbers names, Title Case names snake_case."""
    base = {"messageId": "m", "userId": "u-1", "anonymousId": "a-1"}
    path = write(
        line(
            **base,
            type="track",
            event="Checkout Step Viewed",
            timestamp="2026-09-21T14:13:20.5Z",
            properties={"step": 2, "value": "89.90", "currency": "EUR"},
        ),
        line(
            **base,
            type="track",
            event="Spun The Wheel",
            timestamp="2026-09-21T16:13:21+02:00",
            context={"sessionId": 17, "locale": "de-DE", "page": {"path": "/x"}},
        ),
    )
    step, wheel = values(list(read(path, "segment-jsonl")))
    assert step["profile_id"] == "a-1"
    assert step["customer_id"] == "u-1"
    assert step["time_ms"] == 1_790_000_000_500
    assert step["properties"] == {"step": "shipping", "cart_value_cents": 8990, "currency": "EUR"}
    assert wheel["type"] == "spun_the_wheel"
    assert wheel["time_ms"] == 1_790_000_001_000
    assert wheel["session_id"] == "17"


def test_segment_times_pages_and_signals(write: Write) -> None:
    """Segment's corrected time, a page's own properties, signals under capture tools' names."""
    base = {"messageId": "m", "anonymousId": "a-1", "timestamp": "2026-09-21T14:13:20Z"}
    dwell = {"signal": "dwell", "section": "price", "visible_ms": 4000}
    rows = list(
        read(
            write(
                line(
                    **base,
                    type="page",
                    originalTimestamp="2020-01-01T00:00:00Z",
                    properties={"path": "/p", "title": "P"},
                ),
                line(**base, type="track", event="Signal Observed", properties=dwell),
                line(**base, type="track", event="add_to_cart", properties={"product_id": "p"}),
                line(**base, type="track", event="Product Reviewed", properties={"rating": 4}),
            ),
            "segment-jsonl",
        )
    )
    page, dwelled, _, reviewed = values(rows)
    assert page["time_ms"] == 1_790_000_000_000
    assert page["properties"] == {"path": "/p", "title": "P"}
    assert dwelled["type"] == "section_dwelled"
    assert reviewed["properties"] == {"stars": 4}
    kinds = [wire.decode(row.topic, row.key, row.value or b"").type for row in rows]
    assert kinds == ["page_viewed", "section_dwelled", "product_added", "product_reviewed"]


def test_retailrocket_parquet_reads_as_the_csv_does(tmp_path: Path) -> None:
    """Coded events, times as times, and cells that are not there."""
    import pandas as pd  # noqa: PLC0415 - slow to import

    path = tmp_path / "events.parquet"
    at = pd.to_datetime([1_433_221_332_117, float("nan"), 1_433_221_333_000], unit="ms")
    table = {"visitorid": [7.0, 7.0, None], "event": [0.0, 0.0, 2.0], "itemid": [1, 1, 1]}
    frame = pd.DataFrame({"timestamp": at, **table, "transactionid": [None, None, 5.0]})
    frame.to_parquet(path)
    rows = list(read(path, "retailrocket-csv"))
    assert [row.skipped for row in rows] == ["bad_value", "no_visitor_id", ""]
    (viewed,) = values(rows)
    assert (viewed["time_ms"], viewed["profile_id"]) == (1_433_221_332_117, "7")
    assert viewed["type"] == "product_viewed"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_parquet_is_refused_where_text_is_read(form: str, write: Write, *, zipped: bool) -> None:
    """By what the file begins with; the error names it, and the format that takes Parquet."""
    path = write(b"PAR1\x15\x04\x15", b"PAR1", zipped=zipped)
    with pytest.raises(UnreadableInput, match="is a Parquet file") as refusal:
        list(read(path, form))
    assert str(path) in str(refusal.value)
    assert "--format retailrocket-csv" in refusal.value.way_out


def test_native_lines_and_envelopes(write: Write) -> None:
    """What is no JSON goes on as it is, for the dead letters; a null value is a tombstone."""
    deep = b'{"topic":"orders","key":"p","value":' + b"[" * 300 + b"]" * 300 + b"}"
    rows = list(
        read(
            write(
                b"{not json",
                b"[1]",
                b"",
                b'{"topic":"no-such","value":{}}',
                b'{"topic":"profiles","key":"p-1","value":null}',
                b'{"topic":["orders"],"value":{}}',
                deep,
                b"\xff\xfe\x00",
            ),
            "native-jsonl",
        )
    )
    assert [row.skipped for row in rows] == [
        *("", "", "blank_line", "unknown_topic", "", "unknown_topic", "", "")
    ]
    assert rows[0][:3] == ("clickstream", "", b"{not json")
    assert rows[4][:3] == ("profiles", "p-1", None)
    assert rows[6].topic == "orders"


@pytest.mark.parametrize("form", ["rees46-csv", "retailrocket-csv"])
def test_another_header_is_refused_by_name(form: str, write: Write) -> None:
    """The error names the file and every column that is missing."""
    path = write("timestamp,user_id,event_type", "1,2,3")
    with pytest.raises(UnreadableInput, match="no column") as refusal:
        list(read(path, form))
    assert str(path) in str(refusal.value)
    assert ("visitorid" if form == "retailrocket-csv" else "event_time") in str(refusal.value)


def test_a_file_that_is_not_there_or_not_whole(tmp_path: Path) -> None:
    """Missing, a folder, cut-off gzip, broken gzip: an error with the path."""
    packed = gzip.compress(line(**click()).encode() * 50)
    cut, broken = tmp_path / "cut.gz", tmp_path / "broken.gz"
    cut.write_bytes(packed[:-12])
    broken.write_bytes(packed[:12] + b"\xff\x00\xff\x00" + packed[16:])
    for path in (tmp_path / "none", tmp_path, cut, broken):
        with pytest.raises(UnreadableInput, match="cannot read") as refusal:
            list(read(path, "native-jsonl"))
        assert str(path) in str(refusal.value)
    with pytest.raises(UnreadableInput, match="no format 'xml'"):
        read(tmp_path, "xml")


bytes_lines = st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b""))
json_lines = st.dictionaries(
    st.sampled_from(["type", "event", "messageId", "userId", "timestamp", "properties", "topic"])
    | st.sampled_from(["value", "key", "profile_id", "time_ms", "context"]),
    json_values | st.sampled_from(["track", "page", "orders", "2026-09-21T14:13:20Z"]),
).map(orjson.dumps)


@pytest.mark.parametrize("form", ["native-jsonl", "segment-jsonl"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(bytes_lines | json_lines, max_size=20))
def test_any_line_is_one_row(form: str, lines: list[bytes], write: Write) -> None:
    """Whatever bytes a JSONL file holds: as many rows as lines, and no error.

    One that begins as gzip or Parquet does is that: see the tests above.
    """
    assume(not lines or not lines[0].startswith((b"\x1f\x8b", b"PAR1")))
    assert len(list(read(write(*lines), form))) == len(lines)
