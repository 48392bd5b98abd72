"""Bytes of a topic to a struct, fast, with pydantic's verdict.

msgspec decodes what is plain; whatever it refuses, or may read differently, is judged by the
pydantic model, whose word is final (tests/conformance/test_wire.py holds the two together).
"""

import re
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any, Final, Protocol

import msgspec

from orchestrator.errors import InvalidRecord
from orchestrator.messages.base import Message
from orchestrator.messages.family import Family, load_json
from orchestrator.messages.structs import struct_from, struct_of
from orchestrator.messages.topics import TOPICS, Topic

_BACKSLASH: Final = 0x5C
_DELETE: Final = 0x7F
"""As numbers: `in` looks for a byte five times faster than for a string of one."""
_DEEP_BYTES: Final = 1024
"""A shorter value cannot nest deeper than both parsers allow."""
_MANY_BRACKETS: Final = 1000
_C1_LEAD = 0xC2
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_ESCAPED_CONTROL: Final = re.compile(rb"\\(?:[nrtbf]|u00(?:[0189]|7[fF]))")
_REFUSED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Event(Protocol):
    """What decoded messages have in common."""

    id: str
    time_ms: int
    type: str


class Click(Event, Protocol):
    """A decoded event of the clickstream."""

    profile_id: str
    session_id: str | None
    customer_id: str | None
    context: Any
    properties: Any


class TopicDecoder:
    """Decode the values of one topic."""

    def __init__(self, topic: Topic, family: Family) -> None:
        self.limit = topic.max_value_bytes
        self.key = topic.key
        self.key_fields = topic.key_fields
        self._family = family
        self._known = {*family.by_type, *family.aliases}
        self._tags: dict[type[Message], str | None] = dict.fromkeys(family.all_models)
        self._tags.update({model: kind for kind, model in family.by_type.items()})
        structs = tuple(struct_of(model, self._tags[model]) for model in family.models)
        self.plain: Callable[[bytes], Any] = msgspec.json.Decoder(reduce(or_, structs)).decode
        self._other = msgspec.json.Decoder(struct_of(family.other)).decode if family.other else None

    def key_of(self, message: Any) -> Any:
        """The key that a message asks for; only where the topic has `key_fields`."""
        fields = self.key_fields
        if len(fields) == 1:
            return getattr(message, fields[0])
        return "/".join([getattr(message, field) for field in fields])

    def second_look(self, value: bytes) -> Any:
        """What msgspec refused: an unknown type, a form only pydantic takes, or a fault."""
        if self._other is not None:
            try:
                message: Any = self._other(value)
            except _REFUSED:
                pass
            else:
                if message.type not in self._known:
                    return message
        return self.judge(load_json(value))

    def careful(self, value: bytes) -> Any:
        """A value that the two parsers may read differently: escapes, non-ASCII, deep nesting."""
        payload = load_json(value)
        if _may_hold_control(value):
            return self.judge(payload)
        try:
            return self.plain(value)
        except _REFUSED:
            return self.judge(payload)

    def judge(self, payload: object) -> Any:
        """Pydantic's verdict as a struct; raises `InvalidRecord`."""
        message = self._family.validate(payload)
        return struct_from(message, self._tags[type(message)])


def decode(topic: str, key: str | None, value: bytes) -> Any:
    """Decode and check one record's value.

    Args:
        topic: Logical topic name.
        key: The record's key, decoded.
        value: The record's value; tombstones are the caller's business.

    Returns:
        A struct with the fields of the topic's model; `event_type` tells its type.

    Raises:
        InvalidRecord: Reasons `too_large`, `invalid_json`, `schema`, `key_mismatch`.
        KeyError: The topic is not ours, or not for decoding.
    """
    decoder = _DECODERS.get(topic) or _make(topic)
    size = len(value)
    if size > decoder.limit:
        raise InvalidRecord("too_large", f"{size} bytes; at most {decoder.limit}")
    if (
        _BACKSLASH in value
        or _DELETE in value
        or not value.isascii()
        or (size > _DEEP_BYTES and _has_many_brackets(value))
    ):
        message = decoder.careful(value)
    else:
        try:
            message = decoder.plain(value)
        except _REFUSED:
            message = decoder.second_look(value)
    if decoder.key_fields and decoder.key_of(message) != key:
        raise InvalidRecord("key_mismatch", f"the key differs from {decoder.key}")
    return message


def event_type(message: Event) -> str:
    """The `type` of a decoded message."""
    return message.type


_DECODERS: Final[dict[str, TopicDecoder]] = {}


def _make(topic: str) -> TopicDecoder:
    entry = TOPICS[topic]
    if entry.family is None:
        raise KeyError(topic)
    return _DECODERS.setdefault(topic, TopicDecoder(entry, entry.family))


def _has_many_brackets(value: bytes) -> bool:
    return value.count(b"[") + value.count(b"{") > _MANY_BRACKETS


def _may_hold_control(value: bytes) -> bool:
    """Whether some string, perhaps an id, holds a control character: only the models tell."""
    return bool(
        _DELETE in value
        or (_C1_LEAD in value and _C1.search(value))
        or (_BACKSLASH in value and _ESCAPED_CONTROL.search(value))
    )
