"""The snapshot that models see: signals and facts under fixed transforms.

The transforms are constants: sums learnt under one scaling mean nothing under another
(decisioning.md, section 1), so whatever scaling a model learns belongs to the model.
"""

from math import log
from typing import Final, Protocol

from orchestrator.domain.sessions.course import Course
from orchestrator.domain.sessions.session import Session
from orchestrator.domain.sessions.stages import (
    CART,
    CHECKOUT,
    CONTACT,
    PAYMENT,
    PRODUCT,
    REVIEW,
    SHIPPING,
)
from orchestrator.online.rounding import rounded

FEATURES: Final[tuple[str, ...]] = (
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

WANDER_MAX: Final = 100.0
RANGE_MAX: Final = 100.0
_PER_UNIT: Final = 1_000_000
"""Six digits are kept: what is logged is what was used, so it is rounded before it is used."""
_OF_STAGE: Final[dict[int, str]] = {
    PRODUCT: "stage_product",
    CART: "stage_cart",
    CHECKOUT: "stage_checkout",
    CONTACT: "stage_checkout",
    SHIPPING: "stage_shipping",
    PAYMENT: "stage_payment",
    REVIEW: "stage_review",
}


class FactsView(Protocol):
    """What is known of the person beside the clicks."""

    is_member: bool
    orders_count: int
    returns_share: float
    coupon_share: float


def features(session: Session, facts: FactsView, now_ms: int) -> dict[str, float]:
    """Values of `FEATURES` by name: finite, above 0, nearly all below 2; those of 0 are left out.

    Counts are log1p; times log1p of seconds, over 4 (54 s read as 1); money log1p of whole units,
    over 5 (147 read as 1); shares as they are.

    Args:
        session: The session so far.
        facts: What is known of the person.
        now_ms: Event time of the snapshot, not before the session's last event.
    """
    found: dict[str, float] = {}
    stage = _OF_STAGE.get(session.course.stage)
    if stage is not None:
        found[stage] = 1.0
    _time(session, now_ms, found)
    _doubt(session, found)
    _cart(session, found)
    if facts.orders_count:
        found["orders_count_log"] = _rounded(_log1p(facts.orders_count) * 0.5)
    if facts.returns_share:
        found["returns_share"] = _rounded(facts.returns_share)
    if facts.coupon_share:
        found["coupon_share"] = _rounded(facts.coupon_share)
    if facts.is_member:
        found["is_member"] = 1.0
    return found


def _log1p(value: float) -> float:
    """As exact as six digits ask for; compiled, a tenth of `math.log1p`."""
    return log(1.0 + value)


def _rounded(value: float) -> float:
    return rounded(value, _PER_UNIT)


def _seconds(span_ms: int) -> float:
    return _rounded(_log1p(span_ms * 0.001) * 0.25)


def _time(session: Session, now_ms: int, found: dict[str, float]) -> None:
    course: Course = session.course
    found["events_log"] = _rounded(_log1p(session.events_count) * 0.25)
    age_ms = now_ms - session.opened_ms
    if age_ms > 0:
        found["age_log"] = _seconds(age_ms)
    silence_ms = now_ms - (course.acted_ms or session.opened_ms)
    if silence_ms > 0:
        found["silence_log"] = _seconds(silence_ms)
    if course.longest_gap_ms:
        found["longest_gap_log"] = _seconds(course.longest_gap_ms)


def _doubt(session: Session, found: dict[str, float]) -> None:
    if session.refreshes_count:
        found["refreshes_log"] = _rounded(_log1p(session.refreshes_count))
    if session.cursor_path_px and session.cursor_turns_count:
        wander = 1000.0 * session.cursor_turns_count / session.cursor_path_px
        found["cursor_wander_log"] = _rounded(_log1p(min(WANDER_MAX, wander)) * 0.25)
    if session.shipping_cost_dwell_ms:
        found["shipping_cost_dwell_log"] = _seconds(session.shipping_cost_dwell_ms)
    if session.delivery_dates_dwell_ms:
        found["delivery_dates_dwell_log"] = _seconds(session.delivery_dates_dwell_ms)
    if session.returns_policy_dwell_ms:
        found["returns_policy_dwell_log"] = _seconds(session.returns_policy_dwell_ms)
    if session.price_dwell_ms:
        found["price_dwell_log"] = _seconds(session.price_dwell_ms)
    if session.reviews_dwell_ms:
        found["reviews_dwell_log"] = _seconds(session.reviews_dwell_ms)
    if session.tab_hidden_count:
        found["tab_hidden_log"] = _rounded(_log1p(session.tab_hidden_count) * 0.5)
    clicks = session.rage_clicks_count + session.dead_clicks_count + session.form_abandons_count
    if clicks:
        found["frustration_log"] = _rounded(_log1p(clicks) * 0.5)
    if session.exit_intents_count:
        found["exit_intents_log"] = _rounded(_log1p(session.exit_intents_count))


def _cart(session: Session, found: dict[str, float]) -> None:
    course: Course = session.course
    trouble = session.payment_failures_count + course.payment_switches_count
    if trouble:
        found["payment_trouble_log"] = _rounded(_log1p(trouble))
    answered = session.coupons_applied_count + session.coupon_denied_count
    attempts = max(session.coupons_entered_count, answered)
    if attempts:
        found["coupon_attempts_log"] = _rounded(_log1p(attempts))
    if course.cart_value_cents:
        found["cart_value_log"] = _rounded(_log1p(course.cart_value_cents * 0.01) * 0.2)
    if session.products_distinct:
        found["products_distinct_log"] = _rounded(_log1p(session.products_distinct) * 0.5)
    if session.price_max_cents > session.price_min_cents > 0:
        price_range = session.price_max_cents / session.price_min_cents
        found["price_range_log"] = _rounded(log(min(RANGE_MAX, price_range)) * 0.5)
    back = course.step_returns_count + course.checkout_exits_count
    if back:
        found["steps_back_log"] = _rounded(_log1p(back))
