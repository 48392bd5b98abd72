"""Models, the verdict on payloads, and their derivation to structs."""

from typing import Any, Literal

import orjson
import pytest
from pydantic import BaseModel, Field, ValidationError

from orchestrator.errors import InvalidRecord
from orchestrator.messages.aliases import GA4, canonical
from orchestrator.messages.base import Message, Part
from orchestrator.messages.clickstream import COMMERCE, MARKERS, MICRO_SIGNALS, UnknownClick
from orchestrator.messages.family import type_of
from orchestrator.messages.parse import parse, validate_payload
from orchestrator.messages.structs import struct_of, translate
from orchestrator.messages.topics import TOPICS
from tests.builders import click, encoded, feedback, order

EVENTS = [
    "page_viewed",
    "products_searched",
    "product_list_viewed",
    "product_viewed",
    "product_added",
    "product_removed",
    "cart_viewed",
    "checkout_started",
    "checkout_step_viewed",
    "checkout_step_completed",
    "shipping_option_selected",
    "payment_method_selected",
    "payment_info_entered",
    "payment_failed",
    "coupon_entered",
    "coupon_applied",
    "coupon_denied",
    "order_completed",
    "order_cancelled",
    "order_refunded",
    "product_reviewed",
    "wishlist_product_added",
    "image_uploaded",
    "page_refreshed",
    "cursor_wandered",
    "exit_intended",
    "rage_clicked",
    "dead_clicked",
    "section_dwelled",
    "form_field_abandoned",
    "tab_hidden",
    "tab_shown",
    "text_copied",
    "scrolled",
    "heartbeat",
    "clock_advanced",
]


def parts_of(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and all models inside it."""
    found = {model}
    todo: list[Any] = [info.annotation for info in model.model_fields.values()]
    while todo:
        item = todo.pop()
        if isinstance(item, type) and issubclass(item, BaseModel):
            found |= parts_of(item)
        else:
            todo.extend(getattr(item, "__args__", ()))
    return found


MODELS = sorted(
    {
        part
        for topic in TOPICS.values()
        if topic.family is not None
        for model in topic.family.all_models
        for part in parts_of(model)
    },
    key=lambda model: model.__name__,
)


def test_every_event_of_the_contract_has_a_model() -> None:
    """And no model is of an event that the contract does not know."""
    assert [type_of(model) for model in COMMERCE + MICRO_SIGNALS + MARKERS] == EVENTS


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_models_are_frozen_strict_and_documented(model: type[BaseModel]) -> None:
    """No conversion by surprise, no change after the fact, and a reader learns what it is."""
    assert model.model_config["frozen"]
    assert model.model_config["strict"]
    assert model.model_config["extra"] == "ignore"
    assert model.__doc__


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_string_list_and_number_is_bounded(model: type[BaseModel]) -> None:
    """An unbounded field takes a megabyte of text and 10^400."""
    unbounded = list(holes(model.model_json_schema()))
    assert unbounded == []


def holes(schema: Any, path: str = "") -> Any:
    """Where a JSON Schema lets anything of any size through."""
    if isinstance(schema, list):
        for item in schema:
            yield from holes(item, path)
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    fixed = "const" in schema or "enum" in schema
    bounds = {
        "string": ("maxLength",),
        "integer": ("minimum", "maximum"),
        "number": ("minimum", "maximum"),
        "array": ("maxItems",),
    }
    for bound in bounds.get(kind, ()) if isinstance(kind, str) and not fixed else ():
        if bound not in schema and f"exclusive{bound.title()}" not in schema:
            yield f"{path}: {bound}"
    for name, inner in schema.items():
        if name not in {"default", "examples", "propertyNames"}:
            yield from holes(inner, f"{path}/{name}")


def test_parse_gives_the_model_of_the_type() -> None:
    """Known types have their own model, unknown ones the tolerant one."""
    dwell = parse("clickstream", encoded(click("section_dwelled", visible_ms=5)))
    assert type(dwell).__name__ == "SectionDwelled"
    unknown = parse("clickstream", encoded(click("not_yet_invented")))
    assert isinstance(unknown, UnknownClick)
    assert parse("feedback", encoded(feedback("voice_note_played"))).id


def test_parse_refuses() -> None:
    """Too large, not JSON, not the model: each with its reason."""
    too_large = b'"' + b"x" * 65_536 + b'"'
    for value, reason in ((too_large, "too_large"), (b"{", "invalid_json"), (b"{}", "schema")):
        with pytest.raises(InvalidRecord) as caught:
            parse("clickstream", value)
        assert caught.value.reason == reason
    with pytest.raises(KeyError):
        parse("orchestrator.state", b"{}")


def test_faults_are_counted() -> None:
    """Three are named, the rest is a number."""
    with pytest.raises(InvalidRecord, match="and 1 more"):
        parse("orders", b'{"type":"order_placed"}')


def test_own_payloads_are_held_to_more() -> None:
    """An unknown field at any depth, or a number JSON cannot say, is a bug of ours."""
    event = click("order_completed", products=[{"product_id": "p-1"}])
    assert validate_payload("clickstream", event).id == event["id"]
    event["properties"]["products"][0]["colour"] = "red"
    with pytest.raises(InvalidRecord, match=r"properties\.products\.0\.\*: Extra inputs"):
        validate_payload("clickstream", event)
    with pytest.raises(InvalidRecord, match="not finite"):
        validate_payload("orders", order(properties={"promised_ms": float("nan")}))
    with pytest.raises(InvalidRecord, match="not finite"):
        validate_payload("orders", order(products=[{"price_cents": float("inf")}]))


def test_closed_topics_name_their_types() -> None:
    """Where no type but the known ones makes sense, the fault lists them."""
    with pytest.raises(InvalidRecord, match="reward_settled, reward_corrected"):
        parse("rewards", orjson.dumps({"type": "reward_guessed"}))


def test_messages_do_not_change() -> None:
    """A message is a fact."""
    message = parse("orders", encoded(order()))
    with pytest.raises(ValidationError):
        message.id = "other"  # type: ignore[misc]


def test_ga4_names() -> None:
    """Each maps to an event of ours; ours and unknown names stand."""
    assert set(GA4.values()) <= set(EVENTS)
    assert canonical("add_to_cart") == "product_added"
    assert canonical("product_added") == "product_added"
    assert canonical("earn_virtual_currency") == "earn_virtual_currency"


def test_types_without_a_struct_are_refused_at_once() -> None:
    """Better at import than in a stream."""
    with pytest.raises(TypeError, match="no struct type"):
        translate(set[int])


def test_structs_have_the_models_defaults() -> None:
    """Lists and maps anew for each, parts as the model has them."""

    class Piece(Part):
        """A piece."""

        size: int = 3

    class Thing(Message):
        """A thing."""

        kind: Literal["a", "b"] = "b"
        piece: Piece = Piece()
        tags: list[str] = Field(default=[])
        notes: dict[str, str] = Field(default={})

    struct: Any = struct_of(Thing)
    first, second = struct(id="1", time_ms=1), struct(id="2", time_ms=2)
    first.tags.append("x")
    first.notes["x"] = "y"
    assert (second.kind, second.piece.size, second.tags, second.notes) == ("b", 3, [], {})
