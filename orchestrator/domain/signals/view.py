"""What signals and features read of a session: the names alone, not the class."""

from typing import Protocol

BROWSE, PRODUCT, CART, CHECKOUT, CONTACT, SHIPPING, PAYMENT, REVIEW, PURCHASED = range(9)
"""Indices of the stages of a journey."""


class CourseView(Protocol):
    """What depends on the order of the events."""

    acted_ms: int
    """Time of the last event that was no heartbeat; 0: none."""
    longest_gap_ms: int
    stage: int
    step_returns_count: int
    checkout_exits_count: int
    payment_switches_count: int
    price_jumps_count: int
    hidden_since_ms: int
    hidden_ms: int
    cart_value_cents: int
    items_count: int


class SessionView(Protocol):
    """A session as far as signals go; times are event times, Unix epoch, milliseconds."""

    opened_ms: int
    events_count: int
    reached: int
    pages_count: int
    searches_count: int
    lists_count: int
    product_views_count: int
    products_distinct: int
    methods_distinct: int
    options_distinct: int
    adds_count: int
    removes_count: int
    cart_views_count: int
    steps_viewed_count: int
    steps_completed_count: int
    payment_failures_count: int
    coupons_entered_count: int
    coupons_applied_count: int
    coupon_denied_count: int
    reviews_written_count: int
    wishlist_count: int
    images_count: int
    refreshes_count: int
    cursor_path_px: int
    cursor_turns_count: int
    cursor_wandering_ms: int
    exit_intents_count: int
    rage_clicks_count: int
    dead_clicks_count: int
    shipping_cost_dwell_ms: int
    delivery_dates_dwell_ms: int
    returns_policy_dwell_ms: int
    price_dwell_ms: int
    reviews_dwell_ms: int
    size_guide_dwell_ms: int
    form_abandons_count: int
    tab_hidden_count: int
    text_copied_characters: int
    scroll_depth_permille: int
    heartbeats_count: int
    unknown_events_count: int
    orders_count: int
    orders_cancelled_count: int
    orders_refunded_count: int
    price_min_cents: int
    price_max_cents: int

    @property
    def course(self) -> CourseView: ...

    def events_since(self, since_ms: int) -> int:
        """Events after a time within the last minute."""
        ...

    def refreshes_since(self, since_ms: int) -> int:
        """Page refreshes after a time within the last minute."""
        ...

    def hesitations_since(self, since_ms: int) -> int:
        """Micro-signals of doubt or trouble after a time within the last minute."""
        ...


class FactsView(Protocol):
    """What is known of the person beside the clicks."""

    is_member: bool
    orders_count: int
    returns_share: float
    coupon_share: float
