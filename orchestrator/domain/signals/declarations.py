"""The signals, declared: name, unit, definition, bound. `values` reads them from a session.

Unless a definition says otherwise a signal looks at the open session as a whole; `_60s` in a name
means the minute before the present.
"""

from typing import Final, NamedTuple

from orchestrator.domain.sessions.stages import PURCHASED

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
COUNT_MAX: Final = 1_000.0
CENTS_MAX: Final = 100_000_000.0
CHARACTERS_MAX: Final = 100_000.0
RATIO_MAX: Final = 100.0


class Signal(NamedTuple):
    """One signal. Its value is clipped to [lower, upper]."""

    name: str
    """Carries the unit."""
    unit: str
    definition: str
    lower: float
    upper: float


def _count(name: str, definition: str) -> Signal:
    return Signal(name, "count", definition, 0.0, COUNT_MAX)


def _span(name: str, definition: str, upper: float = HOUR_MS) -> Signal:
    return Signal(name, "ms", definition, 0.0, float(upper))


STAGE = (
    Signal(
        "stage_index",
        "index",
        "Stage the shopper is at: 0 browse, 1 product, 2 cart, 3 checkout, 4 contact, "
        "5 shipping, 6 payment, 7 review, 8 purchased.",
        0.0,
        float(PURCHASED),
    ),
    Signal(
        "stage_reached_index",
        "index",
        "Furthest stage reached, numbered as `stage_index`.",
        0.0,
        float(PURCHASED),
    ),
    _count("step_returns_count", "Moves from a step of the checkout back to an earlier one."),
    _count(
        "checkout_exits_count",
        "Moves out of the checkout, back to cart, product or list, without an order.",
    ),
    _count("steps_viewed_count", "Steps of the checkout opened, repeats included."),
    _count("steps_completed_count", "Steps of the checkout finished, repeats included."),
)

TIME = (
    _span("session_age_ms", "Time since the session's first event.", DAY_MS),
    _span("silence_ms", "Time since the last event that was no heartbeat."),
    _span(
        "silence_in_checkout_ms",
        "`silence_ms` while the shopper is at a stage from checkout to review, else 0.",
    ),
    _span(
        "hesitation_longest_gap_ms",
        "Longest time between two consecutive events, heartbeats left out.",
    ),
    Signal(
        "pace_events_per_min",
        "events/min",
        "Events over the session's age, which counts as at least one minute.",
        0.0,
        COUNT_MAX,
    ),
    _count("events_count", "Events of any type."),
    _count("heartbeats_count", "Heartbeats of an open page."),
    _count(
        "unknown_events_count",
        "Events of a type, and dwells on a section, that this version does not know.",
    ),
)

BROWSING = (
    _count("pages_count", "Pages viewed."),
    _count("searches_count", "Searches."),
    _count("lists_count", "Product lists viewed."),
    _count("products_viewed_count", "Products viewed, repeats included."),
    Signal("products_distinct_count", "count", "Different products viewed.", 0.0, 64.0),
    Signal(
        "price_range_ratio",
        "ratio",
        "Highest over lowest price of the products viewed; 1 where no price is known.",
        1.0,
        RATIO_MAX,
    ),
    _count(
        "price_jumps_count",
        "Consecutive product views with a price at least twice, or at most half, the one before.",
    ),
    Signal(
        "scroll_depth_share",
        "share",
        "Deepest scroll of any page, as a share of the page.",
        0.0,
        1.0,
    ),
    _count("wishlist_count", "Products put on a wish list."),
    _count("reviews_written_count", "Product reviews written."),
    _count("images_uploaded_count", "Images uploaded."),
)

READING = (
    _span("shipping_cost_dwell_ms", "Time the shipping costs were in view."),
    _span("delivery_dates_dwell_ms", "Time the delivery dates were in view."),
    _span("returns_policy_dwell_ms", "Time the returns policy was in view."),
    _span("price_dwell_ms", "Time the price was in view."),
    _span("reviews_dwell_ms", "Time the reviews were in view."),
    _span("size_guide_dwell_ms", "Time the size guide was in view."),
    _span("dwell_ms", "Time that any of the known sections was in view, summed."),
    Signal(
        "text_copied_characters",
        "characters",
        "Characters copied from pages: a price or a name to compare elsewhere.",
        0.0,
        CHARACTERS_MAX,
    ),
)

CART_SIGNALS = (
    Signal(
        "cart_value_cents", "cents", "Value of the cart, in the session's currency.", 0.0, CENTS_MAX
    ),
    _count("items_count", "Pieces in the cart."),
    _count("adds_count", "Additions to the cart."),
    _count("removes_count", "Removals from the cart."),
    _count("cart_views_count", "Times the cart was looked at."),
    _count(
        "coupon_attempts_count",
        "Coupons tried: those entered, or those applied and denied where these are more.",
    ),
    _count("coupon_denied_count", "Coupons refused."),
    Signal(
        "shipping_options_compared_count", "count", "Different ways of shipping selected.", 0.0, 8.0
    ),
    Signal(
        "payment_methods_compared_count", "count", "Different ways of paying selected.", 0.0, 8.0
    ),
    _count(
        "payment_switches_count", "Times another way of paying was selected than the one before."
    ),
    _count("payment_failures_count", "Payments that did not go through."),
    _count("orders_completed_count", "Orders completed."),
    _count("orders_cancelled_count", "Orders cancelled."),
    _count("orders_refunded_count", "Orders refunded."),
)

DOUBT = (
    Signal("events_60s_count", "count", "Events in the last 60 seconds.", 0.0, 100.0),
    _count("refreshes_count", "Pages loaded again."),
    Signal("refreshes_60s_count", "count", "Pages loaded again in the last 60 seconds.", 0.0, 60.0),
    Signal(
        "hesitations_60s_count",
        "count",
        "Wandering cursors, exit intents, rage and dead clicks and abandoned form fields in the "
        "last 60 seconds.",
        0.0,
        60.0,
    ),
    Signal(
        "cursor_wander_ratio",
        "changes per 1,000 px",
        "Changes of the cursor's direction per 1,000 px of its path, over all wanderings; 0 where "
        "no path is known.",
        0.0,
        RATIO_MAX,
    ),
    _span("cursor_wandering_ms", "Time the cursor wandered about."),
    _count(
        "exit_intents_count", "Times the cursor went for the tab's close button or the address bar."
    ),
    _count("tab_hidden_count", "Times the tab went out of sight."),
    _span("tab_hidden_ms", "Time the tab was out of sight, up to now where it still is.", DAY_MS),
    _count("rage_clicks_count", "Bursts of rage clicks."),
    _count("dead_clicks_count", "Clicks that did nothing."),
    _count("form_abandons_count", "Form fields left half filled."),
)

SIGNALS: tuple[Signal, ...] = STAGE + TIME + BROWSING + READING + CART_SIGNALS + DOUBT
"""All signals, in the order of the records that carry them."""
