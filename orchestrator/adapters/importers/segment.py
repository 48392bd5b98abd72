"""Segment-shaped calls (`track`, `page`), one JSON object a line, to clicks.

Source: Segment spec, "E-Commerce Events V2" and the common fields; RudderStack sends the same.
Money comes in units of currency and leaves in cents; `userId` may be empty, then `anonymousId`
names the profile. `timestamp` is the time that Segment has corrected for the device's clock. A rage
click or dwell of our own snippet comes as `Signal Observed`. A track under GA4's name is read as
that (`messages/aliases.py`).
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from orchestrator.adapters.importers.rows import Row, row_of, skipped, text_lines

TRACKS = {
    "Products Searched": "products_searched",
    "Product List Viewed": "product_list_viewed",
    "Product List Filtered": "product_list_viewed",
    "Product Viewed": "product_viewed",
    "Product Added": "product_added",
    "Product Removed": "product_removed",
    "Cart Viewed": "cart_viewed",
    "Checkout Started": "checkout_started",
    "Checkout Step Viewed": "checkout_step_viewed",
    "Checkout Step Completed": "checkout_step_completed",
    "Payment Info Entered": "payment_info_entered",
    "Payment Failed": "payment_failed",
    "Coupon Entered": "coupon_entered",
    "Coupon Applied": "coupon_applied",
    "Coupon Denied": "coupon_denied",
    "Order Completed": "order_completed",
    "Order Cancelled": "order_cancelled",
    "Order Refunded": "order_refunded",
    "Product Reviewed": "product_reviewed",
    "Product Added to Wishlist": "wishlist_product_added",
}
MONEY = {
    "price": "price_cents",
    "value": "cart_value_cents",
    "total": "total_cents",
    "discount": "discount_cents",
}
RENAMED = {"payment_method": "method", "shipping_method": "option", "rating": "stars"}
SIGNALS = {
    "rage_click": "rage_clicked",
    "dead_click": "dead_clicked",
    "exit_intent": "exit_intended",
    "dwell": "section_dwelled",
    "scroll": "scrolled",
}
"""Signals under the names that capture tools have for them."""
STEPS = {"1": "contact", "2": "shipping", "3": "payment", "4": "review"}
PLAIN = (
    "product_id",
    "category",
    "quantity",
    "variant",
    "currency",
    "list_id",
    "query",
    "order_id",
    "reason",
    "path",
    "title",
    "results_count",
    "items_count",
    "cost_cents",
    "option",
    "method",
    "section",
    "visible_ms",
    "field",
    "characters",
    "stars",
    "image_id",
    "features",
    "element",
    "clicks",
    "depth",
    "path_px",
    "direction_changes",
    "duration_ms",
)


def read_segment(path: Path) -> Iterator[Row]:
    """A row per line; identify, group and alias calls are skipped by name."""
    return map(_row, text_lines(path))


def _row(line: bytes) -> Row:
    if not line.strip():
        return skipped("blank_line")
    try:
        call = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Row("clickstream", "", line, 0)
    return _call(call) if isinstance(call, dict) else skipped("not_an_object")


def _call(call: dict[str, Any]) -> Row:
    kind = call.get("type")
    if kind not in ("track", "page"):
        return skipped(f"{kind}_call" if kind in ("identify", "group", "alias") else "no_call_type")
    profile_id = call.get("anonymousId") or call.get("userId")
    time_ms = _time_ms(call.get("timestamp") or call.get("originalTimestamp"))
    if not profile_id or not call.get("messageId"):
        return skipped("no_id")
    if time_ms is None:
        return skipped("bad_timestamp")
    context = _object(call.get("context"))
    session_id = context.get("sessionId") or call.get("session_id")
    value = {
        "id": str(call["messageId"]),
        "type": _type(kind, call),
        "time_ms": time_ms,
        "profile_id": str(profile_id),
        "session_id": None if session_id is None else str(session_id),
        "customer_id": str(call["userId"]) if call.get("userId") else None,
        "context": _context(context),
        "properties": _properties(call.get("properties")),
    }
    return row_of("clickstream", str(profile_id), value, time_ms)


def _type(kind: str, call: dict[str, Any]) -> str:
    if kind == "page":
        return "page_viewed"
    name = str(call.get("event", ""))
    if name == "Signal Observed":
        properties = call.get("properties")
        signal = str(_object(properties).get("signal", "signal"))
        return SIGNALS.get(signal, signal)
    return TRACKS.get(name) or name.strip().lower().replace(" ", "_") or "unknown"


def _time_ms(stamp: object) -> int | None:
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError:
        return None
    return None if at.tzinfo is None else round(at.timestamp() * 1000)


def _context(context: dict[str, Any]) -> dict[str, Any]:
    page = _object(context.get("page"))
    device = _object(context.get("device"))
    return {
        "page": {"path": page.get("path"), "referrer": page.get("referrer")},
        "device": device.get("type"),
        "locale": context.get("locale"),
    }


def _properties(given: object) -> dict[str, Any]:
    """Canonical properties; what does not fit is passed on and judged by the contract."""
    if not isinstance(given, dict):
        return {}
    found: dict[str, Any] = {name: given[name] for name in PLAIN if name in given}
    for name, canonical in MONEY.items():
        if name in given:
            found[canonical] = _cents(given[name])
    if "total_cents" not in found and "revenue" in given:
        found["total_cents"] = _cents(given["revenue"])
    if "step" in given:
        found["step"] = STEPS.get(str(given["step"]), str(given["step"]))
    coupon = given.get("coupon") or given.get("coupon_id")
    if coupon:
        found["coupon"] = coupon
    for name, canonical in RENAMED.items():
        if given.get(name):
            found.setdefault(canonical, given[name])
    products = given.get("products")
    if isinstance(products, list):
        found["products"] = [_product(product) for product in products if isinstance(product, dict)]
    return found


def _product(product: dict[str, Any]) -> dict[str, Any]:
    return {
        "product_id": product.get("product_id"),
        "quantity": product.get("quantity"),
        "price_cents": _cents(product.get("price")),
    }


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _cents(amount: object) -> object:
    if isinstance(amount, bool) or not isinstance(amount, int | float | str):
        return amount
    try:
        return round(float(amount) * 100)
    except (ValueError, OverflowError):
        return amount
