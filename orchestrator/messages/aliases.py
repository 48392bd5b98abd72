"""Names that other vocabularies have for our events; for importers and collectors, at the edge.

The worker knows the canonical names only. GA4's as in `@types/gtag.js` 0.0.20.
"""

from collections.abc import Mapping

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


def canonical(name: str) -> str:
    """Our name of an event; a name that is no alias stands."""
    return GA4.get(name, name)
