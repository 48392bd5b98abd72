"""Small builders of messages, with defaults that decode: `click(at=5)`.

`at` counts seconds after `T0_MS`. Each builder returns the value as a dict; `encoded` makes bytes
of it and `decoded` the struct that a processor sees; `record` wraps it as the host would.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from orchestrator.messages import wire
from orchestrator.messages.topics import TOPICS
from orchestrator.types import Millis, Payload, Record

T0_MS = 1_790_000_000_000
"""2026-09-21T14:13:20Z, a Monday: noon-ish in Europe, morning in America."""

REQUIRED: Mapping[str, Payload] = {
    "product_viewed": {"product_id": "p-1"},
    "product_added": {"product_id": "p-1", "price_cents": 4990, "cart_value_cents": 4990},
    "product_removed": {"product_id": "p-1", "price_cents": 4990, "cart_value_cents": 0},
    "wishlist_product_added": {"product_id": "p-1"},
    "checkout_step_viewed": {"step": "shipping"},
    "checkout_step_completed": {"step": "shipping"},
    "payment_method_selected": {"method": "card"},
    "order_completed": {"order_id": "o-1", "total_cents": 4990},
    "order_cancelled": {"order_id": "o-1"},
    "order_refunded": {"order_id": "o-1"},
    "section_dwelled": {"section": "shipping_costs", "visible_ms": 8000},
}
"""Properties that a type does not do without."""


def at_ms(at: float) -> int:
    """Event time, `at` seconds after T0."""
    return T0_MS + round(at * 1000)


def click(
    type: str = "page_viewed",  # noqa: A002 - the contract's word
    at: float = 0,
    profile: str = "p-1",
    session: str | None = None,
    **properties: Any,
) -> Payload:
    """An event of the clickstream.

    `id`, `customer_id` and `context` are fields of the event, every other keyword is a property.
    Without `id` it derives from profile, time and type: the same call gives the same event.
    """
    event_id = properties.pop("id", None) or f"{profile}/{session or ''}/{at_ms(at)}/{type}"
    customer_id = properties.pop("customer_id", None)
    context = properties.pop("context", {})
    return {
        "id": event_id,
        "type": type,
        "time_ms": at_ms(at),
        "profile_id": profile,
        "session_id": session,
        "customer_id": customer_id,
        "context": context,
        "properties": {**REQUIRED.get(type, {}), **properties},
    }


def order(
    type: str = "order_placed",  # noqa: A002 - the contract's word
    at: float = 0,
    profile: str = "p-1",
    order_id: str = "o-1",
    **fields: Any,
) -> Payload:
    """An event of the order system; further keywords are fields."""
    return {
        "id": f"{order_id}/{type}/{at_ms(at)}",
        "type": type,
        "time_ms": at_ms(at),
        "profile_id": profile,
        "order_id": order_id,
        "session_id": None,
        "total_cents": 4990,
        "margin_cents": None,
        "currency": "EUR",
        "coupon": None,
        "products": [],
        "properties": {},
    } | fields


def profile(profile: str = "p-1", at: float = 0, **fields: Any) -> Payload:
    """A profile with consent to all channels; further keywords are fields."""
    return {
        "id": f"{profile}/profile/{at_ms(at)}",
        "type": "profile_updated",
        "time_ms": at_ms(at),
        "profile_id": profile,
        "customer_id": f"c-{profile}",
        "time_zone": "Europe/Berlin",
        "locale": "de-DE",
        "consent": {"onsite": True, "chat": True, "email": True, "push": True},
        "is_member": False,
        "orders_count": 0,
        "orders_value_cents": 0,
        "returns_share": 0.0,
        "coupon_share": 0.0,
    } | fields


def feedback(
    type: str = "shown",  # noqa: A002 - the contract's word
    at: float = 0,
    profile: str = "p-1",
    command_id: str | None = "cmd-1",
    channel: str | None = "onsite",
    **properties: Any,
) -> Payload:
    """What a channel tells of a command; further keywords are properties."""
    return {
        "id": properties.pop("id", None) or f"{command_id}/{type}/{at_ms(at)}",
        "type": type,
        "time_ms": at_ms(at),
        "profile_id": profile,
        "command_id": command_id,
        "channel": channel,
        "properties": properties,
    }


def identity(
    profile: str = "p-1",
    at: float = 0,
    customer_id: str = "c-1",
    also_known_as: tuple[str, ...] = (),
) -> Payload:
    """An anonymous profile turns out to be a customer."""
    return {
        "id": f"{profile}/identified/{at_ms(at)}",
        "type": "identified",
        "time_ms": at_ms(at),
        "profile_id": profile,
        "customer_id": customer_id,
        "also_known_as": list(also_known_as),
    }


def encoded(payload: Payload) -> bytes:
    """The value's bytes on the wire."""
    return orjson.dumps(payload)


def decoded(payload: Payload, topic: str = "clickstream") -> Any:
    """The struct that a processor sees."""
    return wire.decode(topic, payload[TOPICS[topic].key], encoded(payload))


def record(
    payload: Payload, topic: str = "clickstream", *, partition: int = 0, offset: int = 0
) -> Record:
    """The record that a runner is fed."""
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        key=payload[TOPICS[topic].key],
        value=decoded(payload, topic),
        time_ms=Millis(payload["time_ms"]),
    )


def records(
    payloads: list[Payload], topic: str = "clickstream", partition: int = 0
) -> list[Record]:
    """Records in the given order, offsets counted from 0."""
    return [
        record(payload, topic, partition=partition, offset=offset)
        for offset, payload in enumerate(payloads)
    ]
