"""Events under GA4's names are read as ours, by the models and by the fast path alike."""

from typing import Any

import msgspec
import orjson
import pytest

from orchestrator.errors import InvalidRecord
from orchestrator.messages import wire
from orchestrator.messages.aliases import GA4
from orchestrator.messages.parse import parse
from tests.builders import click

ITEM = {"item_id": "p-1", "price": 49.9, "quantity": 2, "item_category": "shoes"}
PRODUCT = {"product_id": "p-1", "price_cents": 4990, "quantity": 2, "category": "shoes"}
PURCHASE = {"transaction_id": "o-1", "value": 99.8, "currency": "EUR", "items": [ITEM]}


def read(kind: str, properties: Any) -> dict[str, Any]:
    """Decode a click of a type; both ways must agree."""
    value = orjson.dumps(click() | {"type": kind, "properties": properties})
    decoded: dict[str, Any] = msgspec.to_builtins(wire.decode("clickstream", "p-1", value))
    assert decoded == parse("clickstream", value).model_dump()
    return decoded


def told(kind: str, properties: Any) -> tuple[str, dict[str, Any]]:
    event = read(kind, properties)
    given = {name: value for name, value in event["properties"].items() if value is not None}
    return event["type"], given


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("view_item", {"items": [ITEM], "value": 99.8, "currency": "EUR"}, PRODUCT),
        ("add_to_cart", {"items": [ITEM, {"item_id": "p-2"}]}, PRODUCT),
        ("remove_from_cart", ITEM, PRODUCT),
        ("view_cart", {"value": 99.8, "items": [ITEM]}, {"cart_value_cents": 9980}),
        ("begin_checkout", {"value": 99.8}, {"cart_value_cents": 9980}),
        ("add_shipping_info", {"shipping_tier": "express"}, {"option": "express"}),
        ("add_payment_info", {"payment_type": "card"}, {"method": "card"}),
        ("purchase", PURCHASE, {"order_id": "o-1", "total_cents": 9980}),
        ("refund", {"transaction_id": "o-1"}, {"order_id": "o-1"}),
        ("scroll", {"percent_scrolled": 90}, {"depth": 0.9}),
        ("search", {"search_term": "boots"}, {"query": "boots"}),
        ("view_item_list", {"item_list_id": "l-1", "items": []}, {"list_id": "l-1"}),
        ("page_view", None, {}),
    ],
)
def test_ga4_events_are_ours(kind: str, properties: Any, expected: dict[str, Any]) -> None:
    """Name and parameters, money in cents."""
    ours, given = told(kind, properties)
    assert ours == GA4[kind]
    assert given | expected == given


def test_products_of_a_ga4_order() -> None:
    """Each item is a line."""
    (line,) = read("purchase", PURCHASE)["properties"]["products"]
    assert line == {"product_id": "p-1", "quantity": 2, "price_cents": 4990}


def test_our_own_properties_win() -> None:
    """Only the name is GA4's."""
    properties = {"product_id": "p-9", "price_cents": 100, "price": 7, "items": [ITEM]}
    _, given = told("add_to_cart", properties)
    assert (given["product_id"], given["price_cents"]) == ("p-9", 100)


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("purchase", {"value": 5}),
        ("view_item", {"items": []}),
        ("purchase", PURCHASE | {"value": -1}),
        ("purchase", PURCHASE | {"value": 1e300}),
        ("purchase", PURCHASE | {"value": True}),
        ("purchase", PURCHASE | {"items": [{"price": 1}]}),
        ("add_to_cart", {"items": [3], "item_id": {"no": "id"}}),
        ("scroll", {"percent_scrolled": 101}),
    ],
)
def test_what_an_alias_lacks_is_refused(kind: str, properties: dict[str, Any]) -> None:
    """By the model of the event it names, in both ways of reading."""
    value = orjson.dumps(click() | {"type": kind, "properties": properties})
    for reading in (
        lambda: wire.decode("clickstream", "p-1", value),
        lambda: parse("clickstream", value),
    ):
        with pytest.raises(InvalidRecord) as refusal:
            reading()
        assert refusal.value.reason == "schema"
