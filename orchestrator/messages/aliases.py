"""Google Analytics 4's events as ours: a frontend that sends those is understood.

Names as in `@types/gtag.js` 0.0.20. A reader's decoder translates an event whose `type` is one of
them (`family.py`); what is sent under our own names is left alone. Properties under our names win
over GA4's parameters. Money comes in units of currency and leaves in cents.
"""

from collections.abc import Mapping
from typing import Any

GA4: Mapping[str, str] = {
    "page_view": "page_viewed",
    "search": "products_searched",
    "view_search_results": "products_searched",
    "view_item_list": "product_list_viewed",
    "view_item": "product_viewed",
    "add_to_cart": "product_added",
    "remove_from_cart": "product_removed",
    "view_cart": "cart_viewed",
    "begin_checkout": "checkout_started",
    "add_shipping_info": "shipping_option_selected",
    "add_payment_info": "payment_info_entered",
    "purchase": "order_completed",
    "refund": "order_refunded",
    "add_to_wishlist": "wishlist_product_added",
    "scroll": "scrolled",
}
"""GA4's event name to ours."""
_PARAMETERS: Mapping[str, str] = {
    "page_title": "title",
    "search_term": "query",
    "item_list_id": "list_id",
    "item_id": "product_id",
    "item_category": "category",
    "item_variant": "variant",
    "shipping_tier": "option",
    "payment_type": "method",
    "transaction_id": "order_id",
}
_VALUES: Mapping[str, str] = {
    "cart_viewed": "cart_value_cents",
    "checkout_started": "cart_value_cents",
    "order_completed": "total_cents",
    "order_refunded": "total_cents",
}
"""What GA4's `value` is; of a product added it is the product's, and its price says it already."""
_OF_ONE_PRODUCT = frozenset(
    {"product_viewed", "product_added", "product_removed", "wishlist_product_added"}
)


def canonical(name: str) -> str:
    """Our name of an event; a name that is no alias stands."""
    return GA4.get(name, name)


def translated(payload: Mapping[str, Any]) -> dict[str, Any]:
    """An event under GA4's name as one of ours; nothing is judged here."""
    kind = canonical(payload["type"])
    given = payload.get("properties")
    if not isinstance(given, Mapping):
        return {**payload, "type": kind}
    products = _products(given.get("items"))
    found: dict[str, Any] = _renamed(given)
    if kind in _VALUES and "value" in given:
        found[_VALUES[kind]] = _cents(given["value"])
    percent = given.get("percent_scrolled")
    if isinstance(percent, int | float):
        found["depth"] = percent / 100
    if products and kind in _OF_ONE_PRODUCT:
        found = products[0] | found
    elif products and kind in {"order_completed", "order_refunded"}:
        found["products"] = products
    return {**payload, "type": kind, "properties": {**found, **given}}


def _products(items: object) -> list[dict[str, Any]]:
    if not isinstance(items, list):
        return []
    return [{**_renamed(item), **item} for item in items if isinstance(item, Mapping)]


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {ours: given[theirs] for theirs, ours in _PARAMETERS.items() if theirs in given}
    if "price" in given:
        found["price_cents"] = _cents(given["price"])
    return found


def _cents(amount: object) -> object:
    """Hundredths; what is no number stays for the model to refuse."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return amount
    try:
        return round(amount * 100)
    except (OverflowError, ValueError):  # beyond any money
        return amount
