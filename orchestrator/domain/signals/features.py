"""The snapshot that models see: signals and facts under fixed transforms.

The transforms are constants: sums learnt under one scaling mean nothing under another
(decisioning.md, section 1), so whatever scaling a model learns belongs to the model.
"""

from math import log, log1p

from orchestrator.domain.signals.view import (
    CART,
    CHECKOUT,
    CONTACT,
    PAYMENT,
    PRODUCT,
    REVIEW,
    SHIPPING,
    FactsView,
    SessionView,
)

FEATURES: tuple[str, ...] = (
    "stage_product",
    "stage_cart",
    "stage_checkout",
    "stage_shipping",
    "stage_payment",
    "stage_review",
    "events_log",
    "age_log",
    "silence_log",
    "longest_gap_log",
    "refreshes_log",
    "cursor_wander_log",
    "shipping_cost_dwell_log",
    "delivery_dates_dwell_log",
    "returns_policy_dwell_log",
    "price_dwell_log",
    "reviews_dwell_log",
    "payment_trouble_log",
    "coupon_attempts_log",
    "tab_hidden_log",
    "frustration_log",
    "exit_intents_log",
    "cart_value_log",
    "products_distinct_log",
    "price_range_log",
    "steps_back_log",
    "orders_count_log",
    "returns_share",
    "coupon_share",
    "is_member",
)
"""Names in order. Stages are one-hot (browsing and after the purchase: none)."""

WANDER_MAX = 100.0
RANGE_MAX = 100.0


def features(session: SessionView, facts: FactsView, now_ms: int) -> list[float]:
    """The values of `FEATURES`: finite, at least 0, nearly all below 2.

    Counts are log1p; times log1p of seconds, over 4 (54 s read as 1); money log1p of whole units,
    over 5 (147 read as 1); shares as they are.

    Args:
        session: The session so far.
        facts: What is known of the person.
        now_ms: Event time of the snapshot, not before the session's last event.
    """
    course = session.course
    stage = course.stage
    age_ms = now_ms - session.opened_ms
    silence_ms = now_ms - (course.acted_ms or session.opened_ms)
    path_px = session.cursor_path_px
    price_min_cents = session.price_min_cents
    wander = 1000.0 * session.cursor_turns_count / path_px if path_px else 0.0
    price_range = session.price_max_cents / price_min_cents if price_min_cents else 1.0
    trouble = session.payment_failures_count + course.payment_switches_count
    coupons = session.coupons_applied_count + session.coupon_denied_count
    return [
        1.0 if stage == PRODUCT else 0.0,
        1.0 if stage == CART else 0.0,
        1.0 if stage in (CHECKOUT, CONTACT) else 0.0,
        1.0 if stage == SHIPPING else 0.0,
        1.0 if stage == PAYMENT else 0.0,
        1.0 if stage == REVIEW else 0.0,
        log1p(session.events_count) * 0.25,
        log1p(age_ms * 0.001) * 0.25 if age_ms > 0 else 0.0,
        log1p(silence_ms * 0.001) * 0.25 if silence_ms > 0 else 0.0,
        log1p(course.longest_gap_ms * 0.001) * 0.25,
        log1p(session.refreshes_count),
        log1p(min(WANDER_MAX, wander)) * 0.25,
        log1p(session.shipping_cost_dwell_ms * 0.001) * 0.25,
        log1p(session.delivery_dates_dwell_ms * 0.001) * 0.25,
        log1p(session.returns_policy_dwell_ms * 0.001) * 0.25,
        log1p(session.price_dwell_ms * 0.001) * 0.25,
        log1p(session.reviews_dwell_ms * 0.001) * 0.25,
        log1p(trouble),
        log1p(max(session.coupons_entered_count, coupons)),
        log1p(session.tab_hidden_count) * 0.5,
        log1p(session.rage_clicks_count + session.dead_clicks_count + session.form_abandons_count)
        * 0.5,
        log1p(session.exit_intents_count),
        log1p(course.cart_value_cents * 0.01) * 0.2,
        log1p(session.products_distinct) * 0.5,
        log(min(RANGE_MAX, price_range)) * 0.5,
        log1p(course.step_returns_count + course.checkout_exits_count),
        log1p(facts.orders_count) * 0.5,
        facts.returns_share,
        facts.coupon_share,
        1.0 if facts.is_member else 0.0,
    ]
