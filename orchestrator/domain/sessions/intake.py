"""What each type of event adds to a session's tally, and what of it the course must know."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from orchestrator.domain.sessions.items import (
    ADVANCE,
    CART_KEPT,
    CART_SEEN,
    CHANGE,
    COUPON,
    HEARTBEAT_ITEM,
    HESITATION_ITEM,
    HIDDEN_ITEM,
    METHOD,
    MOVE,
    ORDER,
    PLAIN_ITEM,
    REFRESH_ITEM,
    SHOWN_ITEM,
    VIEW,
    Item,
)
from orchestrator.domain.sessions.stages import (
    BROWSE,
    CART,
    CHECKOUT,
    PAYMENT,
    PRODUCT,
    PURCHASED,
    SHIPPING,
    STEPS,
)
from orchestrator.domain.sessions.tally import (
    METHODS,
    OPTIONS,
    PRODUCTS,
    SUM_MAX,
    TEXT_MAX,
    Tally,
)


class ClickEvent(Protocol):
    """An event of the clickstream, as `messages.wire` decodes it."""

    id: str
    time_ms: int
    type: str
    profile_id: str
    session_id: str | None
    context: Any
    properties: Any


Intake = Callable[[Tally, Any, int], Item]
"""Tally an event of one type by its properties and time; return what the course must know."""

_PIECES_MAX: Final = 100_000
_BROWSE_ITEM: Final = Item(MOVE, BROWSE)
_TO_SHIPPING_ITEM: Final = Item(ADVANCE, SHIPPING)
_TO_PAYMENT_ITEM: Final = Item(ADVANCE, PAYMENT)


def _sum(before: int, more: int) -> int:
    after = before + more
    if after > SUM_MAX:
        return SUM_MAX
    return after


def _reach(tally: Tally, stage: int) -> None:
    tally.reached = max(tally.reached, stage)


def _page(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.pages_count += 1
    return PLAIN_ITEM


def _search(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.searches_count += 1
    return _BROWSE_ITEM


def _list(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.lists_count += 1
    return _BROWSE_ITEM


def _view(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.product_views_count += 1
    if tally.reached < PRODUCT:  # noqa: PLR1730 - faster than a call
        tally.reached = PRODUCT
    product_id: str = properties.product_id
    tally.meet(PRODUCTS, product_id)
    price_cents: int | None = properties.price_cents
    if price_cents is None:
        return Item(VIEW, text=product_id)
    tally.see_price(price_cents)
    return Item(VIEW, 0, 0, price_cents, product_id)


def _wish(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.wishlist_count += 1
    _reach(tally, PRODUCT)
    return PLAIN_ITEM


def _change(tally: Tally, properties: Any, time_ms: int, sign: int) -> Item:
    currency: str | None = properties.currency
    if currency is not None:
        if time_ms > tally.currency_ms:
            tally.currency_ms = time_ms
            tally.currency_last = currency
        else:
            tally.see_currency(currency, time_ms)
    quantity: int | None = properties.quantity
    pieces = 1 if quantity is None else min(quantity, _PIECES_MAX)
    value_cents: int | None = properties.cart_value_cents
    if value_cents is not None:
        return Item(CHANGE, sign * pieces, value_cents, 1, properties.product_id)
    price_cents: int | None = properties.price_cents
    value_cents = min(pieces * (price_cents or 0), SUM_MAX)
    return Item(CHANGE, sign * pieces, sign * value_cents, 0, properties.product_id)


def _add(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.adds_count += 1
    if tally.reached < CART:  # noqa: PLR1730 - faster than a call
        tally.reached = CART
    return _change(tally, properties, time_ms, 1)


def _remove(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.removes_count += 1
    _reach(tally, CART)
    return _change(tally, properties, time_ms, -1)


def _cart_item(tally: Tally, properties: Any, time_ms: int, stage: int, back: int) -> Item:
    """Go to a stage (`back`: 1 where that may lead back), with what is told of the cart."""
    value_cents: int | None = properties.cart_value_cents
    items_count: int | None = properties.items_count
    currency: str | None = properties.currency
    if currency is not None:
        if time_ms > tally.currency_ms:
            tally.currency_ms = time_ms
            tally.currency_last = currency
        else:
            tally.see_currency(currency, time_ms)
    if stage == CART and (value_cents == 0 or items_count == 0):
        stage = -1  # an empty cart looked at is no cart
    if stage > tally.reached:  # noqa: PLR1730 - faster than a call
        tally.reached = stage
    if value_cents is None and items_count is None:
        return Item(MOVE if back else ADVANCE, stage)
    return Item(
        CART_SEEN if back else CART_KEPT,
        stage,
        -1 if value_cents is None else value_cents,
        -1 if items_count is None else items_count,
    )


def _see_cart(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.cart_views_count += 1
    return _cart_item(tally, properties, time_ms, CART, 1)


def _start_checkout(tally: Tally, properties: Any, time_ms: int) -> Item:
    return _cart_item(tally, properties, time_ms, CHECKOUT, 1)


def _view_step(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.steps_viewed_count += 1
    return _cart_item(tally, properties, time_ms, STEPS.get(properties.step, CHECKOUT), 1)


def _complete_step(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.steps_completed_count += 1
    return _cart_item(tally, properties, time_ms, STEPS.get(properties.step, CHECKOUT), 0)


def _select_shipping(tally: Tally, properties: Any, time_ms: int) -> Item:
    _reach(tally, SHIPPING)
    option: str | None = properties.option
    if option:
        tally.meet(OPTIONS, option)
    return _TO_SHIPPING_ITEM


def _select_method(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.payment_selections_count += 1
    _reach(tally, PAYMENT)
    method: str = properties.method
    tally.meet(METHODS, method)
    return Item(METHOD, text=method)


def _enter_payment(tally: Tally, properties: Any, time_ms: int) -> Item:
    _reach(tally, PAYMENT)
    return _TO_PAYMENT_ITEM


def _fail_payment(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.payment_failures_count += 1
    _reach(tally, PAYMENT)
    return _TO_PAYMENT_ITEM


def _coupon_item(properties: Any) -> Item:
    coupon: str | None = properties.coupon
    return Item(COUPON, text=coupon[:TEXT_MAX]) if coupon else PLAIN_ITEM


def _enter_coupon(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.coupons_entered_count += 1
    return _coupon_item(properties)


def _apply_coupon(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.coupons_applied_count += 1
    return _coupon_item(properties)


def _deny_coupon(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.coupon_denied_count += 1
    return _coupon_item(properties)


def _order(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.orders_count += 1
    _reach(tally, PURCHASED)
    currency: str | None = properties.currency
    if currency is not None:
        tally.see_currency(currency, time_ms)
    return Item(ORDER, text=properties.order_id)


def _cancel_order(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.orders_cancelled_count += 1
    return PLAIN_ITEM


def _refund_order(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.orders_refunded_count += 1
    return PLAIN_ITEM


def _review(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.reviews_written_count += 1
    return PLAIN_ITEM


def _upload_image(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.images_count += 1
    return PLAIN_ITEM


def _refresh(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.refreshes_count += 1
    return REFRESH_ITEM


def _wander(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.cursor_wanders_count += 1
    tally.cursor_path_px = _sum(tally.cursor_path_px, int(properties.path_px or 0))
    tally.cursor_turns_count = _sum(tally.cursor_turns_count, properties.direction_changes or 0)
    tally.cursor_wandering_ms = _sum(tally.cursor_wandering_ms, properties.duration_ms or 0)
    return HESITATION_ITEM


def _intend_exit(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.exit_intents_count += 1
    return HESITATION_ITEM


def _rage(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.rage_clicks_count += 1
    return HESITATION_ITEM


def _click_dead(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.dead_clicks_count += 1
    return HESITATION_ITEM


def _dwell(tally: Tally, properties: Any, time_ms: int) -> Item:
    section: str = properties.section
    visible_ms: int = properties.visible_ms
    if section == "shipping_costs":
        tally.shipping_cost_dwell_ms = _sum(tally.shipping_cost_dwell_ms, visible_ms)
    elif section == "delivery_dates":
        tally.delivery_dates_dwell_ms = _sum(tally.delivery_dates_dwell_ms, visible_ms)
    elif section == "returns_policy":
        tally.returns_policy_dwell_ms = _sum(tally.returns_policy_dwell_ms, visible_ms)
    elif section == "price":
        tally.price_dwell_ms = _sum(tally.price_dwell_ms, visible_ms)
    elif section == "reviews":
        tally.reviews_dwell_ms = _sum(tally.reviews_dwell_ms, visible_ms)
    elif section == "size_guide":
        tally.size_guide_dwell_ms = _sum(tally.size_guide_dwell_ms, visible_ms)
    else:
        tally.unknown_events_count += 1
    return PLAIN_ITEM


def _abandon_field(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.form_abandons_count += 1
    return HESITATION_ITEM


def _hide_tab(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.tab_hidden_count += 1
    return HIDDEN_ITEM


def _show_tab(tally: Tally, properties: Any, time_ms: int) -> Item:
    return SHOWN_ITEM


def _copy_text(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.text_copies_count += 1
    tally.text_copied_characters = _sum(tally.text_copied_characters, properties.characters or 0)
    return PLAIN_ITEM


def _scroll(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.scrolls_count += 1
    depth: float | None = properties.depth
    if depth is not None:
        permille = round(depth * 1000)
        tally.scroll_depth_permille = max(tally.scroll_depth_permille, permille)
    return PLAIN_ITEM


def _beat(tally: Tally, properties: Any, time_ms: int) -> Item:
    tally.heartbeats_count += 1
    return HEARTBEAT_ITEM


def take_unknown(tally: Tally) -> Item:
    """An event of a type this version does not know: it counts, and nothing else."""
    tally.unknown_events_count += 1
    return PLAIN_ITEM


INTAKES: Final[dict[str, Intake]] = {
    "page_viewed": _page,
    "products_searched": _search,
    "product_list_viewed": _list,
    "product_viewed": _view,
    "product_added": _add,
    "product_removed": _remove,
    "cart_viewed": _see_cart,
    "checkout_started": _start_checkout,
    "checkout_step_viewed": _view_step,
    "checkout_step_completed": _complete_step,
    "shipping_option_selected": _select_shipping,
    "payment_method_selected": _select_method,
    "payment_info_entered": _enter_payment,
    "payment_failed": _fail_payment,
    "coupon_entered": _enter_coupon,
    "coupon_applied": _apply_coupon,
    "coupon_denied": _deny_coupon,
    "order_completed": _order,
    "order_cancelled": _cancel_order,
    "order_refunded": _refund_order,
    "product_reviewed": _review,
    "wishlist_product_added": _wish,
    "image_uploaded": _upload_image,
    "page_refreshed": _refresh,
    "cursor_wandered": _wander,
    "exit_intended": _intend_exit,
    "rage_clicked": _rage,
    "dead_clicked": _click_dead,
    "section_dwelled": _dwell,
    "form_field_abandoned": _abandon_field,
    "tab_hidden": _hide_tab,
    "tab_shown": _show_tab,
    "text_copied": _copy_text,
    "scrolled": _scroll,
    "heartbeat": _beat,
}
"""By the event's `type`."""
