"""Our own messages, one JSON object a line: clicks, or any input topic by an envelope.

A line is either a message of `clickstream`, or `{"topic": ..., "key": ..., "value": {...}}`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from orchestrator.adapters.importers.rows import Row, skipped, text_lines

TOPICS = ("clickstream", "feedback", "profiles", "identities", "orders", "catalog", "inventory")


def read_native(path: Path) -> Iterator[Row]:
    """A row per line; a line that is no JSON is passed on for `dead-letters` to tell of."""
    return map(_row, text_lines(path))


def _row(line: bytes) -> Row:
    if not line.strip():
        return skipped("blank_line")
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Row("clickstream", "", line, 0)
    if not isinstance(value, dict):
        return Row("clickstream", "", line, 0)
    if "topic" in value and "value" in value:
        topic, key, value = value["topic"], value.get("key"), value["value"]
        if topic not in TOPICS:
            return skipped("unknown_topic")
        return _enveloped(topic, key, value, line)
    return Row("clickstream", _text(value.get("profile_id")), line, _time_ms(value))


def _enveloped(topic: str, key: object, value: object, line: bytes) -> Row:
    if value is None:
        return Row(topic, _text(key), None, 0)
    fields = value if isinstance(value, dict) else {}
    if key is None:
        key = fields.get("product_id" if topic in {"catalog", "inventory"} else "profile_id")
    try:
        body = orjson.dumps(value)
    except orjson.JSONEncodeError:  # nested deeper than can be written: the topic refuses it too
        body = line
    return Row(topic, _text(key), body, _time_ms(fields))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _time_ms(value: dict[str, Any]) -> int:
    """As the models read it: 1.79e12 is a whole number too."""
    time_ms = value.get("time_ms")
    if isinstance(time_ms, float) and time_ms.is_integer():
        return int(time_ms)
    return time_ms if isinstance(time_ms, int) else 0
