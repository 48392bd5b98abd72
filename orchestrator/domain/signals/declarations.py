"""The signals, declared: name, unit, definition, bound, and how each reads from a session.

Unless a definition says otherwise a signal looks at the open session as a whole; `_60s` in a name
means the minute before the present.
"""

from collections.abc import Callable
from typing import NamedTuple

from orchestrator.domain.signals.view import CHECKOUT, PURCHASED, REVIEW, SessionView

MINUTE_MS = 60_000
HALF_HOUR_MS = 1_800_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
COUNT_MAX = 1_000.0
CENTS_MAX = 100_000_000.0
CURSOR_UNIT_PX = 1_000


class Signal(NamedTuple):
    """One signal. Its value is clipped to [lower, upper]."""

    name: str
    """Carries the unit."""
    unit: str
    definition: str
    lower: float
    upper: float
    value: Callable[[SessionView, int], float]
    """From a session and the present (event time, milliseconds)."""


def _cursor_wander_ratio(session: SessionView, now_ms: int) -> float:
    path_px = session.cursor_path_px
    return CURSOR_UNIT_PX * session.cursor_turns_count / path_px if path_px else 0.0


def _coupon_attempts(session: SessionView, now_ms: int) -> float:
    answered = session.coupons_applied_count + session.coupon_denied_count
    return max(session.coupons_entered_count, answered)


def _tab_hidden_ms(session: SessionView, now_ms: int) -> float:
    course = session.course
    since_ms = course.hidden_since_ms
    return course.hidden_ms + (max(0, now_ms - since_ms) if since_ms else 0)


def _price_range_ratio(session: SessionView, now_ms: int) -> float:
    lowest = session.price_min_cents
    return session.price_max_cents / lowest if lowest else 1.0


def _pace_events_per_min(session: SessionView, now_ms: int) -> float:
    return session.events_count * MINUTE_MS / max(MINUTE_MS, now_ms - session.opened_ms)


def _silence_ms(session: SessionView, now_ms: int) -> float:
    return now_ms - (session.course.acted_ms or session.opened_ms)


def _silence_in_checkout_ms(session: SessionView, now_ms: int) -> float:
    in_checkout = CHECKOUT <= session.course.stage <= REVIEW
    return _silence_ms(session, now_ms) if in_checkout else 0.0


def _dwell_ms(session: SessionView, now_ms: int) -> float:
    return (
        session.shipping_cost_dwell_ms
        + session.delivery_dates_dwell_ms
        + session.returns_policy_dwell_ms
        + session.price_dwell_ms
        + session.reviews_dwell_ms
        + session.size_guide_dwell_ms
    )


def _count(name: str, definition: str, value: Callable[[SessionView, int], float]) -> Signal:
    return Signal(name, "count", definition, 0.0, COUNT_MAX, value)


def _span(
    name: str,
    definition: str,
    value: Callable[[SessionView, int], float],
    upper: float = HOUR_MS,
) -> Signal:
    return Signal(name, "ms", definition, 0.0, float(upper), value)


STAGE = (
    Signal(
        "stage_index",
        "index",
        "Stage the shopper is at: 0 browse, 1 product, 2 cart, 3 checkout, 4 contact, "
        "5 shipping, 6 payment, 7 review, 8 purchased.",
        0.0,
        float(PURCHASED),
        lambda s, now: s.course.stage,
    ),
    Signal(
        "stage_reached_index",
        "index",
        "Furthest stage reached, numbered as `stage_index`.",
        0.0,
        float(PURCHASED),
        lambda s, now: s.reached,
    ),
    _count(
        "step_returns_count",
        "Moves from a step of the checkout back to an earlier one.",
        lambda s, now: s.course.step_returns_count,
    ),
    _count(
        "checkout_exits_count",
        "Moves out of the checkout, back to cart, product or list, without an order.",
        lambda s, now: s.course.checkout_exits_count,
    ),
    _count(
        "steps_viewed_count",
        "Steps of the checkout opened, repeats included.",
        lambda s, now: s.steps_viewed_count,
    ),
    _count(
        "steps_completed_count",
        "Steps of the checkout finished, repeats included.",
        lambda s, now: s.steps_completed_count,
    ),
)

TIME = (
    _span(
        "session_age_ms",
        "Time since the session's first event.",
        lambda s, now: now - s.opened_ms,
        DAY_MS,
    ),
    _span(
        "silence_ms",
        "Time since the last event that was no heartbeat.",
        _silence_ms,
    ),
    _span(
        "silence_in_checkout_ms",
        "`silence_ms` while the shopper is at a stage from checkout to review, else 0.",
        _silence_in_checkout_ms,
    ),
    _span(
        "hesitation_longest_gap_ms",
        "Longest time between two consecutive events, heartbeats left out.",
        lambda s, now: s.course.longest_gap_ms,
    ),
    Signal(
        "pace_events_per_min",
        "events/min",
        "Events over the session's age, which counts as at least one minute.",
        0.0,
        COUNT_MAX,
        _pace_events_per_min,
    ),
    Signal(
        "events_60s_count",
        "count",
        "Events in the last 60 seconds.",
        0.0,
        100.0,
        lambda s, now: s.events_since(now - MINUTE_MS),
    ),
    _count("events_count", "Events of any type.", lambda s, now: s.events_count),
    _count(
        "heartbeats_count",
        "Heartbeats of an open page.",
        lambda s, now: s.heartbeats_count,
    ),
    _count(
        "unknown_events_count",
        "Events of a type, and dwells on a section, that this version does not know.",
        lambda s, now: s.unknown_events_count,
    ),
)

BROWSING = (
    _count("pages_count", "Pages viewed.", lambda s, now: s.pages_count),
    _count("searches_count", "Searches.", lambda s, now: s.searches_count),
    _count("lists_count", "Product lists viewed.", lambda s, now: s.lists_count),
    _count(
        "products_viewed_count",
        "Products viewed, repeats included.",
        lambda s, now: s.product_views_count,
    ),
    Signal(
        "products_distinct_count",
        "count",
        "Different products viewed.",
        0.0,
        64.0,
        lambda s, now: s.products_distinct,
    ),
    Signal(
        "price_range_ratio",
        "ratio",
        "Highest over lowest price of the products viewed; 1 where no price is known.",
        1.0,
        100.0,
        _price_range_ratio,
    ),
    _count(
        "price_jumps_count",
        "Consecutive product views with a price at least twice, or at most half, the one before.",
        lambda s, now: s.course.price_jumps_count,
    ),
    Signal(
        "scroll_depth_share",
        "share",
        "Deepest scroll of any page, as a share of the page.",
        0.0,
        1.0,
        lambda s, now: s.scroll_depth_permille / 1000.0,
    ),
    _count("wishlist_count", "Products put on a wish list.", lambda s, now: s.wishlist_count),
    _count(
        "reviews_written_count",
        "Product reviews written.",
        lambda s, now: s.reviews_written_count,
    ),
    _count("images_uploaded_count", "Images uploaded.", lambda s, now: s.images_count),
)

READING = (
    _span(
        "shipping_cost_dwell_ms",
        "Time the shipping costs were in view.",
        lambda s, now: s.shipping_cost_dwell_ms,
    ),
    _span(
        "delivery_dates_dwell_ms",
        "Time the delivery dates were in view.",
        lambda s, now: s.delivery_dates_dwell_ms,
    ),
    _span(
        "returns_policy_dwell_ms",
        "Time the returns policy was in view.",
        lambda s, now: s.returns_policy_dwell_ms,
    ),
    _span("price_dwell_ms", "Time the price was in view.", lambda s, now: s.price_dwell_ms),
    _span(
        "reviews_dwell_ms",
        "Time the reviews were in view.",
        lambda s, now: s.reviews_dwell_ms,
    ),
    _span(
        "size_guide_dwell_ms",
        "Time the size guide was in view.",
        lambda s, now: s.size_guide_dwell_ms,
    ),
    _span("dwell_ms", "Time that any of the known sections was in view, summed.", _dwell_ms),
    Signal(
        "text_copied_characters",
        "characters",
        "Characters copied from pages: a price or a name to compare elsewhere.",
        0.0,
        100_000.0,
        lambda s, now: s.text_copied_characters,
    ),
)

CART_SIGNALS = (
    Signal(
        "cart_value_cents",
        "cents",
        "Value of the cart, in the session's currency.",
        0.0,
        CENTS_MAX,
        lambda s, now: s.course.cart_value_cents,
    ),
    _count("items_count", "Pieces in the cart.", lambda s, now: s.course.items_count),
    _count("adds_count", "Additions to the cart.", lambda s, now: s.adds_count),
    _count("removes_count", "Removals from the cart.", lambda s, now: s.removes_count),
    _count("cart_views_count", "Times the cart was looked at.", lambda s, now: s.cart_views_count),
    _count(
        "coupon_attempts_count",
        "Coupons tried: those entered, or those applied and denied where these are more.",
        _coupon_attempts,
    ),
    _count("coupon_denied_count", "Coupons refused.", lambda s, now: s.coupon_denied_count),
    Signal(
        "shipping_options_compared_count",
        "count",
        "Different ways of shipping selected.",
        0.0,
        8.0,
        lambda s, now: s.options_distinct,
    ),
    Signal(
        "payment_methods_compared_count",
        "count",
        "Different ways of paying selected.",
        0.0,
        8.0,
        lambda s, now: s.methods_distinct,
    ),
    _count(
        "payment_switches_count",
        "Times another way of paying was selected than the one before.",
        lambda s, now: s.course.payment_switches_count,
    ),
    _count(
        "payment_failures_count",
        "Payments that did not go through.",
        lambda s, now: s.payment_failures_count,
    ),
    _count("orders_completed_count", "Orders completed.", lambda s, now: s.orders_count),
    _count("orders_cancelled_count", "Orders cancelled.", lambda s, now: s.orders_cancelled_count),
    _count("orders_refunded_count", "Orders refunded.", lambda s, now: s.orders_refunded_count),
)

DOUBT = (
    _count("refreshes_count", "Pages loaded again.", lambda s, now: s.refreshes_count),
    Signal(
        "refreshes_60s_count",
        "count",
        "Pages loaded again in the last 60 seconds.",
        0.0,
        60.0,
        lambda s, now: s.refreshes_since(now - MINUTE_MS),
    ),
    Signal(
        "hesitations_60s_count",
        "count",
        "Wandering cursors, exit intents, rage and dead clicks and abandoned form fields in the "
        "last 60 seconds.",
        0.0,
        60.0,
        lambda s, now: s.hesitations_since(now - MINUTE_MS),
    ),
    Signal(
        "cursor_wander_ratio",
        "changes per 1,000 px",
        "Changes of the cursor's direction per 1,000 px of its path, over all wanderings; 0 where "
        "no path is known.",
        0.0,
        100.0,
        _cursor_wander_ratio,
    ),
    _span(
        "cursor_wandering_ms",
        "Time the cursor wandered about.",
        lambda s, now: s.cursor_wandering_ms,
    ),
    _count(
        "exit_intents_count",
        "Times the cursor went for the tab's close button or the address bar.",
        lambda s, now: s.exit_intents_count,
    ),
    _count(
        "tab_hidden_count", "Times the tab went out of sight.", lambda s, now: s.tab_hidden_count
    ),
    _span(
        "tab_hidden_ms",
        "Time the tab was out of sight, up to now where it still is.",
        _tab_hidden_ms,
        DAY_MS,
    ),
    _count("rage_clicks_count", "Bursts of rage clicks.", lambda s, now: s.rage_clicks_count),
    _count("dead_clicks_count", "Clicks that did nothing.", lambda s, now: s.dead_clicks_count),
    _count(
        "form_abandons_count",
        "Form fields left half filled.",
        lambda s, now: s.form_abandons_count,
    ),
)

SIGNALS: tuple[Signal, ...] = STAGE + TIME + BROWSING + READING + CART_SIGNALS + DOUBT
"""All signals, in the order of the records that carry them."""
