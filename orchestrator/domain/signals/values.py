"""Read the signals from a session, one after the other; what is 0 is left out."""

from collections.abc import Iterable
from typing import Final

from orchestrator.domain.sessions.course import Course
from orchestrator.domain.sessions.session import Session
from orchestrator.domain.sessions.stages import CHECKOUT, REVIEW
from orchestrator.domain.signals.declarations import (
    BROWSING,
    CART_SIGNALS,
    CENTS_MAX,
    CHARACTERS_MAX,
    DOUBT,
    HOUR_MS,
    MINUTE_MS,
    RATIO_MAX,
    READING,
    SIGNALS,
    STAGE,
    TIME,
)

NAMES: Final[tuple[str, ...]] = tuple(signal.name for signal in SIGNALS)
"""Names of the signals, in the order of their declarations."""
CURSOR_UNIT_PX: Final = 1_000
FEW_EVENTS: Final = 60
"""So few events take no count beyond its bound: they add one to it, at most."""
_BOUNDS: Final = tuple((signal.name, signal.upper) for signal in SIGNALS)
_STAGE: Final = 1
_TIME: Final = 2
_BROWSING: Final = 4
_READING: Final = 8
_CART: Final = 16
_DOUBT: Final = 32
_CENTS: Final = int(CENTS_MAX)
_CHARACTERS: Final = int(CHARACTERS_MAX)
_RATIO: Final = int(RATIO_MAX)
ALL_PARTS: Final = _STAGE | _TIME | _BROWSING | _READING | _CART | _DOUBT
_PART_OF: Final[dict[str, int]] = {
    signal.name: part
    for part, signals in (
        (_STAGE, STAGE),
        (_TIME, TIME),
        (_BROWSING, BROWSING),
        (_READING, READING),
        (_CART, CART_SIGNALS),
        (_DOUBT, DOUBT),
    )
    for signal in signals
}


def parts_of(names: Iterable[str]) -> int:
    """The parts of `values` that these signals are of, as bits; a name of none is of none."""
    parts = 0
    for name in names:
        parts |= _PART_OF.get(name, 0)
    return parts


def values(session: Session, now_ms: int, parts: int = ALL_PARTS) -> dict[str, float]:
    """Values of the signals by name, each within its bound; those that are 0 are left out.

    Args:
        session: A session, open or ended.
        now_ms: The present, event time, not before the session's last event.
        parts: Those of `parts_of` alone, where only some signals are asked for.
    """
    found: dict[str, float] = {}
    if parts & _STAGE:
        _stage(session, found)
    if parts & _TIME:
        _time(session, now_ms, found)
    if parts & _BROWSING:
        _browsing(session, found)
    if parts & _READING:
        _reading(session, found)
    if parts & _CART:
        _cart(session, found)
    if parts & _DOUBT:
        _doubt(session, now_ms, found)
    if session.events_count > FEW_EVENTS or _is_extreme(session, now_ms):
        for name, upper in _BOUNDS:
            bounded = found.get(name)
            if bounded is not None and bounded > upper:
                found[name] = upper
    return found


def _is_extreme(session: Session, now_ms: int) -> bool:
    """Whether something other than a count of events may be beyond its bound: hardly ever."""
    course: Course = session.course
    if now_ms - session.opened_ms > HOUR_MS or course.longest_gap_ms > HOUR_MS:
        return True
    if (
        course.hidden_ms > HOUR_MS
        or course.cart_value_cents > _CENTS
        or course.items_count > FEW_EVENTS
    ):
        return True
    if session.price_max_cents > _RATIO * session.price_min_cents:
        return True
    if session.text_copied_characters > _CHARACTERS or session.cursor_wandering_ms > HOUR_MS:
        return True
    if session.cursor_turns_count * CURSOR_UNIT_PX > _RATIO * session.cursor_path_px:
        return True
    read_ms = session.shipping_cost_dwell_ms + session.delivery_dates_dwell_ms
    read_ms += session.returns_policy_dwell_ms + session.price_dwell_ms
    return read_ms + session.reviews_dwell_ms + session.size_guide_dwell_ms > HOUR_MS


def _stage(session: Session, found: dict[str, float]) -> None:
    course: Course = session.course
    if course.stage:
        found["stage_index"] = course.stage
    if session.reached:
        found["stage_reached_index"] = session.reached
    if course.step_returns_count:
        found["step_returns_count"] = course.step_returns_count
    if course.checkout_exits_count:
        found["checkout_exits_count"] = course.checkout_exits_count
    if session.steps_viewed_count:
        found["steps_viewed_count"] = session.steps_viewed_count
    if session.steps_completed_count:
        found["steps_completed_count"] = session.steps_completed_count


def _time(session: Session, now_ms: int, found: dict[str, float]) -> None:
    course: Course = session.course
    age_ms = now_ms - session.opened_ms
    if age_ms > 0:
        found["session_age_ms"] = age_ms
    silence_ms = now_ms - (course.acted_ms or session.opened_ms)
    if silence_ms > 0:
        found["silence_ms"] = silence_ms
        if CHECKOUT <= course.stage <= REVIEW:
            found["silence_in_checkout_ms"] = silence_ms
    if course.longest_gap_ms:
        found["hesitation_longest_gap_ms"] = course.longest_gap_ms
    if session.events_count:
        found["events_count"] = session.events_count
        found["pace_events_per_min"] = session.events_count * MINUTE_MS / max(MINUTE_MS, age_ms)
    if session.heartbeats_count:
        found["heartbeats_count"] = session.heartbeats_count
    if session.unknown_events_count:
        found["unknown_events_count"] = session.unknown_events_count


def _browsing(session: Session, found: dict[str, float]) -> None:
    if session.pages_count:
        found["pages_count"] = session.pages_count
    if session.searches_count:
        found["searches_count"] = session.searches_count
    if session.lists_count:
        found["lists_count"] = session.lists_count
    if session.product_views_count:
        found["products_viewed_count"] = session.product_views_count
    if session.products_distinct:
        found["products_distinct_count"] = session.products_distinct
    lowest = session.price_min_cents
    found["price_range_ratio"] = session.price_max_cents / lowest if lowest else 1.0
    if session.course.price_jumps_count:
        found["price_jumps_count"] = session.course.price_jumps_count
    if session.scroll_depth_permille:
        found["scroll_depth_share"] = session.scroll_depth_permille / 1000.0
    if session.wishlist_count:
        found["wishlist_count"] = session.wishlist_count
    if session.reviews_written_count:
        found["reviews_written_count"] = session.reviews_written_count
    if session.images_count:
        found["images_uploaded_count"] = session.images_count


def _reading(session: Session, found: dict[str, float]) -> None:
    dwell_ms = 0
    if session.shipping_cost_dwell_ms:
        found["shipping_cost_dwell_ms"] = session.shipping_cost_dwell_ms
        dwell_ms += session.shipping_cost_dwell_ms
    if session.delivery_dates_dwell_ms:
        found["delivery_dates_dwell_ms"] = session.delivery_dates_dwell_ms
        dwell_ms += session.delivery_dates_dwell_ms
    if session.returns_policy_dwell_ms:
        found["returns_policy_dwell_ms"] = session.returns_policy_dwell_ms
        dwell_ms += session.returns_policy_dwell_ms
    if session.price_dwell_ms:
        found["price_dwell_ms"] = session.price_dwell_ms
        dwell_ms += session.price_dwell_ms
    if session.reviews_dwell_ms:
        found["reviews_dwell_ms"] = session.reviews_dwell_ms
        dwell_ms += session.reviews_dwell_ms
    if session.size_guide_dwell_ms:
        found["size_guide_dwell_ms"] = session.size_guide_dwell_ms
        dwell_ms += session.size_guide_dwell_ms
    if dwell_ms:
        found["dwell_ms"] = dwell_ms
    if session.text_copied_characters:
        found["text_copied_characters"] = session.text_copied_characters


def _cart(session: Session, found: dict[str, float]) -> None:
    course: Course = session.course
    if course.cart_value_cents:
        found["cart_value_cents"] = course.cart_value_cents
    if course.items_count:
        found["items_count"] = course.items_count
    if session.adds_count:
        found["adds_count"] = session.adds_count
    if session.removes_count:
        found["removes_count"] = session.removes_count
    if session.cart_views_count:
        found["cart_views_count"] = session.cart_views_count
    answered = session.coupons_applied_count + session.coupon_denied_count
    if answered or session.coupons_entered_count:
        found["coupon_attempts_count"] = max(session.coupons_entered_count, answered)
    if session.coupon_denied_count:
        found["coupon_denied_count"] = session.coupon_denied_count
    if session.options_distinct:
        found["shipping_options_compared_count"] = session.options_distinct
    if session.methods_distinct:
        found["payment_methods_compared_count"] = session.methods_distinct
    if course.payment_switches_count:
        found["payment_switches_count"] = course.payment_switches_count
    if session.payment_failures_count:
        found["payment_failures_count"] = session.payment_failures_count
    if session.orders_count:
        found["orders_completed_count"] = session.orders_count
    if session.orders_cancelled_count:
        found["orders_cancelled_count"] = session.orders_cancelled_count
    if session.orders_refunded_count:
        found["orders_refunded_count"] = session.orders_refunded_count


def _doubt(session: Session, now_ms: int, found: dict[str, float]) -> None:
    events, refreshes, hesitations = session.recent(now_ms - MINUTE_MS)
    if events:
        found["events_60s_count"] = events
    if session.refreshes_count:
        found["refreshes_count"] = session.refreshes_count
    if refreshes:
        found["refreshes_60s_count"] = refreshes
    if hesitations:
        found["hesitations_60s_count"] = hesitations
    if session.cursor_path_px and session.cursor_turns_count:
        turns = CURSOR_UNIT_PX * session.cursor_turns_count
        found["cursor_wander_ratio"] = turns / session.cursor_path_px
    if session.cursor_wandering_ms:
        found["cursor_wandering_ms"] = session.cursor_wandering_ms
    if session.exit_intents_count:
        found["exit_intents_count"] = session.exit_intents_count
    if session.tab_hidden_count:
        found["tab_hidden_count"] = session.tab_hidden_count
    hidden_since_ms = session.course.hidden_since_ms
    hidden_ms = session.course.hidden_ms
    if hidden_since_ms and now_ms > hidden_since_ms:
        hidden_ms += now_ms - hidden_since_ms
    if hidden_ms:
        found["tab_hidden_ms"] = hidden_ms
    if session.rage_clicks_count:
        found["rage_clicks_count"] = session.rage_clicks_count
    if session.dead_clicks_count:
        found["dead_clicks_count"] = session.dead_clicks_count
    if session.form_abandons_count:
        found["form_abandons_count"] = session.form_abandons_count
