"""What every message is: frozen, strict, bounded, tolerant of fields it does not know.

The models are the one definition of what travels. `schemas/` and the msgspec structs of the hot
path (`wire.py`) are derived from them by code. Every string, number, list and map has a bound: an
unbounded field takes 10^400 and a megabyte of text (reliability.md, S2).
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MAX_WHOLE = 2**53
"""Beyond it a JSON number is no longer the same integer in every language."""
TIME_MIN_MS = 946_684_800_000
"""2000-01-01T00:00:00Z."""
TIME_MAX_MS = 4_102_444_800_000
"""2100-01-01T00:00:00Z."""
NO_CONTROL = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""No NUL, line break or other control character."""


def _whole(value: object) -> object:
    """Take 8990.0 for 8990: JSON has one kind of number, and pandas writes whole ones so."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_WHOLE:
        return int(value)
    return value


def _empty_is_none(value: object) -> object:
    """Some SDKs send an empty string where they know no id."""
    return None if value == "" else value


def _none_is_empty(value: object) -> object:
    return {} if value is None else value


WHOLE = BeforeValidator(_whole)
"""Stands after the bounds: a JSON Schema shows only those that stand before."""
NULL_IS_EMPTY = BeforeValidator(_none_is_empty)
"""For objects all of whose fields are optional: null reads as {}."""

Whole = Annotated[int, Field(ge=-MAX_WHOLE, le=MAX_WHOLE), WHOLE]
Count = Annotated[int, Field(ge=0, le=MAX_WHOLE), WHOLE]
Offset = Count
SignedCents = Whole
"""Money in hundredths of its currency; a loss is negative."""
MoneyCents = Count
"""Money in hundredths of its currency, never negative."""
SpanMs = Count
"""A span of time, milliseconds."""
TimeMs = Annotated[int, Field(ge=TIME_MIN_MS, le=TIME_MAX_MS), WHOLE]
"""Unix epoch, UTC, milliseconds, between the years 2000 and 2100."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Size = Annotated[float, Field(ge=0.0, le=1e15)]
"""A number that is never negative."""

Id = Annotated[str, Field(min_length=1, max_length=256, pattern=NO_CONTROL)]
OptionalId = Annotated[Id | None, BeforeValidator(_empty_is_none)]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=NO_CONTROL)]
"""A word of a vocabulary: an action, a channel, a type. Open: newer writers may know more."""
Text = Annotated[str, Field(max_length=1024)]
LongText = Annotated[str, Field(max_length=8192)]
Currency = Annotated[str, Field(min_length=3, max_length=3)]
"""ISO 4217."""
Locale = Annotated[str, Field(max_length=35)]
"""BCP 47."""
Ids = Annotated[list[Id], Field(max_length=1000)]
Names = Annotated[list[Name], Field(max_length=1000)]
Numbers = Annotated[dict[Name, Number], Field(max_length=1000)]
Attributes = Annotated[
    dict[Name, Text | bool | Number | Annotated[list[Text], Field(max_length=1000)]],
    Field(max_length=1000),
]
"""Open facts by name."""
Json = Annotated[dict[Name, Any], Field(max_length=10_000)]
"""Written by one of our own and read by another; bounded by the topic's record size."""


class Part(BaseModel):
    """A piece of a message."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


class Message(Part):
    """A value on a topic."""

    id: Id
    """Unique; the idempotency key. A redelivery repeats it."""
    time_ms: TimeMs
    """Event time: Unix epoch, UTC, milliseconds."""
