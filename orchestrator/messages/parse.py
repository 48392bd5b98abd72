"""Bytes or a payload to the pydantic message: for tools, tests, and topics off the hot path."""

from math import isfinite
from typing import Any

import orjson

from orchestrator.errors import InvalidRecord
from orchestrator.messages.base import Message
from orchestrator.messages.family import Family, load_json
from orchestrator.messages.topics import TOPICS
from orchestrator.types import Payload


def parse(topic: str, value: bytes) -> Message:
    """A topic's value as its model; the key is not looked at.

    Raises:
        InvalidRecord: Reasons `too_large`, `invalid_json`, `schema`.
        KeyError: The topic is not ours, or opaque.
    """
    entry = TOPICS[topic]
    if len(value) > entry.max_value_bytes:
        raise InvalidRecord("too_large", f"{len(value)} bytes; at most {entry.max_value_bytes}")
    return _family(topic).validate(load_json(value))


def validate_payload(topic: str, payload: Payload) -> Message:
    """Check a payload of our own as it would travel, more strictly than a reader may.

    Raises:
        InvalidRecord: It breaks its model, has a field that the model does not know, at any
            depth, or a number that JSON cannot say.
        KeyError: The topic is not ours, or opaque.
    """
    if not _is_finite(payload):
        raise InvalidRecord("schema", "a number is not finite")
    return _family(topic).validate(orjson.loads(orjson.dumps(payload)), extra="forbid")


def _family(topic: str) -> Family:
    family = TOPICS[topic].family
    if family is None:
        raise KeyError(topic)
    return family


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict):
        return all(_is_finite(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_finite(item) for item in value)
    return True
