"""Our own messages, one JSON object a line: clicks, or any input topic by an envelope.

A line is either a message of `clickstream`, or `{"topic": ..., "key": ..., "value": {...}}`.
"""

from collections.abc import Iterator
from pathlib import Path

import orjson

from orchestrator.adapters.importers.rows import Row, open_bytes, skipped

TOPICS = ("clickstream", "feedback", "profiles", "identities", "orders", "catalog", "inventory")


def read_native(path: Path) -> Iterator[Row]:
    """Yield a row per line; a line that is no JSON is passed on for `dead-letters` to tell of."""
    with open_bytes(path) as lines:
        for line in lines:
            yield _row(line.rstrip(b"\r\n"))


def _row(line: bytes) -> Row:
    if not line.strip():
        return skipped("blank_line")
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Row("clickstream", "", line, 0)
    if not isinstance(value, dict):
        return Row("clickstream", "", line, 0)
    topic = "clickstream"
    if "topic" in value and "value" in value:
        topic, key, value = value["topic"], value.get("key"), value["value"]
        if topic not in TOPICS:
            return skipped("unknown_topic")
        line = b"" if value is None else orjson.dumps(value)
        value = value if isinstance(value, dict) else {}
    else:
        key = value.get("profile_id")
    if key is None:
        key = value.get("product_id" if topic in {"catalog", "inventory"} else "profile_id")
    time_ms = value.get("time_ms")
    if not isinstance(time_ms, int):
        time_ms = 0
    return Row(topic, key if isinstance(key, str) else "", line, time_ms)
