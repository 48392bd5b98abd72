"""What does not depend on the order of a session's events: sums, extremes, latest words."""

from bisect import bisect_left
from typing import Any, Final

from orchestrator.domain.sessions.hashing import mark

SUM_MAX: Final = 10**12
"""Sums stop there: they stay whole numbers in every JSON reader. Stopping keeps them order-free."""
TEXT_MAX: Final = 64

PRODUCTS: Final = 0
METHODS: Final = 1
OPTIONS: Final = 2
"""Families of distinct words."""
DISTINCT_MAX: Final = (64, 8, 8)
_FAMILY_SHIFT: Final = 22

SUMS: Final = (
    "pages_count",
    "searches_count",
    "lists_count",
    "product_views_count",
    "adds_count",
    "removes_count",
    "cart_views_count",
    "steps_viewed_count",
    "steps_completed_count",
    "payment_selections_count",
    "payment_failures_count",
    "coupons_entered_count",
    "coupons_applied_count",
    "coupon_denied_count",
    "orders_count",
    "orders_cancelled_count",
    "orders_refunded_count",
    "reviews_written_count",
    "wishlist_count",
    "images_count",
    "refreshes_count",
    "cursor_wanders_count",
    "cursor_path_px",
    "cursor_turns_count",
    "cursor_wandering_ms",
    "exit_intents_count",
    "rage_clicks_count",
    "dead_clicks_count",
    "shipping_cost_dwell_ms",
    "delivery_dates_dwell_ms",
    "returns_policy_dwell_ms",
    "price_dwell_ms",
    "reviews_dwell_ms",
    "size_guide_dwell_ms",
    "form_abandons_count",
    "tab_hidden_count",
    "text_copies_count",
    "text_copied_characters",
    "scrolls_count",
    "heartbeats_count",
    "unknown_events_count",
)
"""Their order is the stored form's."""
NUMBERS: Final = (*SUMS, "scroll_depth_permille", "price_min_cents", "price_max_cents", "reached")


class Tally:
    """Sums, extremes and latest words of a set of events; the order they are added in is nothing.

    The latest word wins; of two at the same time, the greater one.
    """

    __slots__ = (
        "adds_count",
        "cart_views_count",
        "coupon_denied_count",
        "coupons_applied_count",
        "coupons_entered_count",
        "currency_last",
        "currency_ms",
        "cursor_path_px",
        "cursor_turns_count",
        "cursor_wandering_ms",
        "cursor_wanders_count",
        "dead_clicks_count",
        "delivery_dates_dwell_ms",
        "device_last",
        "device_ms",
        "exit_intents_count",
        "form_abandons_count",
        "heartbeats_count",
        "images_count",
        "lists_count",
        "locale_last",
        "locale_ms",
        "marks",
        "methods_distinct",
        "options_distinct",
        "orders_cancelled_count",
        "orders_count",
        "orders_refunded_count",
        "pages_count",
        "payment_failures_count",
        "payment_selections_count",
        "price_dwell_ms",
        "price_max_cents",
        "price_min_cents",
        "product_views_count",
        "products_distinct",
        "rage_clicks_count",
        "reached",
        "refreshes_count",
        "removes_count",
        "returns_policy_dwell_ms",
        "reviews_dwell_ms",
        "reviews_written_count",
        "scroll_depth_permille",
        "scrolls_count",
        "searches_count",
        "shipping_cost_dwell_ms",
        "size_guide_dwell_ms",
        "steps_completed_count",
        "steps_viewed_count",
        "tab_hidden_count",
        "text_copied_characters",
        "text_copies_count",
        "unknown_events_count",
        "wishlist_count",
    )

    def __init__(self) -> None:  # noqa: PLR0915 - a line an attribute, as the compiler wants it
        self.pages_count: int = 0
        self.searches_count: int = 0
        self.lists_count: int = 0
        self.product_views_count: int = 0
        self.adds_count: int = 0
        self.removes_count: int = 0
        self.cart_views_count: int = 0
        self.steps_viewed_count: int = 0
        self.steps_completed_count: int = 0
        self.payment_selections_count: int = 0
        self.payment_failures_count: int = 0
        self.coupons_entered_count: int = 0
        self.coupons_applied_count: int = 0
        self.coupon_denied_count: int = 0
        self.orders_count: int = 0
        self.orders_cancelled_count: int = 0
        self.orders_refunded_count: int = 0
        self.reviews_written_count: int = 0
        self.wishlist_count: int = 0
        self.images_count: int = 0
        self.refreshes_count: int = 0
        self.cursor_wanders_count: int = 0
        self.cursor_path_px: int = 0
        self.cursor_turns_count: int = 0
        self.cursor_wandering_ms: int = 0
        self.exit_intents_count: int = 0
        self.rage_clicks_count: int = 0
        self.dead_clicks_count: int = 0
        self.shipping_cost_dwell_ms: int = 0
        self.delivery_dates_dwell_ms: int = 0
        self.returns_policy_dwell_ms: int = 0
        self.price_dwell_ms: int = 0
        self.reviews_dwell_ms: int = 0
        self.size_guide_dwell_ms: int = 0
        self.form_abandons_count: int = 0
        self.tab_hidden_count: int = 0
        self.text_copies_count: int = 0
        self.text_copied_characters: int = 0
        self.scrolls_count: int = 0
        self.heartbeats_count: int = 0
        self.unknown_events_count: int = 0
        self.scroll_depth_permille: int = 0
        self.price_min_cents: int = 0
        """Of the products seen with a price; 0: none."""
        self.price_max_cents: int = 0
        self.reached: int = 0
        """The furthest stage reached."""
        self.methods_distinct: int = 0
        self.options_distinct: int = 0
        self.products_distinct: int = 0
        self.marks: list[int] = []
        """Distinct words met, by family: the smallest marks, so many as the family may have."""
        self.device_last: str = ""
        self.device_ms: int = 0
        self.locale_last: str = ""
        self.locale_ms: int = 0
        self.currency_last: str = ""
        self.currency_ms: int = 0

    def meet(self, family: int, word: str) -> None:
        """Count a word unless it was met before; of too many the smallest marks stay."""
        entry = mark(word) | family << _FAMILY_SHIFT
        if entry in self.marks:
            return
        self.marks.append(entry)
        if family == PRODUCTS and self.products_distinct < DISTINCT_MAX[PRODUCTS]:
            self.products_distinct += 1
        elif family == METHODS and self.methods_distinct < DISTINCT_MAX[METHODS]:
            self.methods_distinct += 1
        elif family == OPTIONS and self.options_distinct < DISTINCT_MAX[OPTIONS]:
            self.options_distinct += 1
        else:
            self._count_marks()

    def _count_marks(self) -> None:
        """Count the marks of each family anew, and let go of those too many."""
        marks = sorted(self.marks)
        first = bisect_left(marks, METHODS << _FAMILY_SHIFT)
        second = bisect_left(marks, OPTIONS << _FAMILY_SHIFT)
        products = marks[:first][: DISTINCT_MAX[PRODUCTS]]
        methods = marks[first:second][: DISTINCT_MAX[METHODS]]
        options = marks[second:][: DISTINCT_MAX[OPTIONS]]
        self.products_distinct = len(products)
        self.methods_distinct = len(methods)
        self.options_distinct = len(options)
        self.marks = products + methods + options

    def see_price(self, price_cents: int) -> None:
        """Take the price of a product seen into the range; 0 is no price."""
        if price_cents:
            if price_cents > self.price_max_cents:  # noqa: PLR1730 - faster than a call
                self.price_max_cents = price_cents
            if not self.price_min_cents or price_cents < self.price_min_cents:
                self.price_min_cents = price_cents

    def see_device(self, device: str, time_ms: int) -> None:
        """The device an event came from; its first 64 characters count."""
        device = device[:TEXT_MAX]
        if time_ms > self.device_ms or (time_ms == self.device_ms and device > self.device_last):
            self.device_ms = time_ms
            self.device_last = device

    def see_locale(self, locale: str, time_ms: int) -> None:
        """The locale of the page an event came from."""
        if time_ms > self.locale_ms or (time_ms == self.locale_ms and locale > self.locale_last):
            self.locale_ms = time_ms
            self.locale_last = locale

    def see_currency(self, currency: str, time_ms: int) -> None:
        """The currency of the cart or the order."""
        if time_ms > self.currency_ms or (
            time_ms == self.currency_ms and currency > self.currency_last
        ):
            self.currency_ms = time_ms
            self.currency_last = currency

    def absorb(self, other: "Tally") -> None:
        """Add what another set of events tallied."""
        for name in SUMS:
            setattr(self, name, min(SUM_MAX, getattr(self, name) + getattr(other, name)))
        self.scroll_depth_permille = max(self.scroll_depth_permille, other.scroll_depth_permille)
        self.see_price(other.price_min_cents)
        self.see_price(other.price_max_cents)
        self.reached = max(self.reached, other.reached)
        self.marks.extend(entry for entry in other.marks if entry not in self.marks)
        self._count_marks()
        if other.device_ms:
            self.see_device(other.device_last, other.device_ms)
        if other.locale_ms:
            self.see_locale(other.locale_last, other.locale_ms)
        if other.currency_ms:
            self.see_currency(other.currency_last, other.currency_ms)

    def dump_tally(self, last_ms: int) -> list[Any]:
        """Plain JSON values; times before the session's last event."""
        return [
            self._numbers(),
            sorted(self.marks),
            self.device_last,
            last_ms - self.device_ms if self.device_ms else 0,
            self.locale_last,
            last_ms - self.locale_ms if self.locale_ms else 0,
            self.currency_last,
            last_ms - self.currency_ms if self.currency_ms else 0,
        ]

    def _numbers(self) -> list[int]:
        """In the order of `NUMBERS`, one a line: compiled, it takes a seventh of `attrgetter`."""
        return [
            self.pages_count,
            self.searches_count,
            self.lists_count,
            self.product_views_count,
            self.adds_count,
            self.removes_count,
            self.cart_views_count,
            self.steps_viewed_count,
            self.steps_completed_count,
            self.payment_selections_count,
            self.payment_failures_count,
            self.coupons_entered_count,
            self.coupons_applied_count,
            self.coupon_denied_count,
            self.orders_count,
            self.orders_cancelled_count,
            self.orders_refunded_count,
            self.reviews_written_count,
            self.wishlist_count,
            self.images_count,
            self.refreshes_count,
            self.cursor_wanders_count,
            self.cursor_path_px,
            self.cursor_turns_count,
            self.cursor_wandering_ms,
            self.exit_intents_count,
            self.rage_clicks_count,
            self.dead_clicks_count,
            self.shipping_cost_dwell_ms,
            self.delivery_dates_dwell_ms,
            self.returns_policy_dwell_ms,
            self.price_dwell_ms,
            self.reviews_dwell_ms,
            self.size_guide_dwell_ms,
            self.form_abandons_count,
            self.tab_hidden_count,
            self.text_copies_count,
            self.text_copied_characters,
            self.scrolls_count,
            self.heartbeats_count,
            self.unknown_events_count,
            self.scroll_depth_permille,
            self.price_min_cents,
            self.price_max_cents,
            self.reached,
        ]

    def load_tally(self, row: list[Any], last_ms: int) -> None:
        """The inverse of `dump_tally`, onto a fresh tally."""
        (
            numbers,
            marks,
            self.device_last,
            device_ms,
            self.locale_last,
            locale_ms,
            self.currency_last,
            money_ms,
        ) = row
        for name, number in zip(NUMBERS, numbers, strict=True):
            setattr(self, name, number)
        if marks:
            self.marks = marks[:]
            self._count_marks()
        self.device_ms = last_ms - device_ms if self.device_last else 0
        self.locale_ms = last_ms - locale_ms if self.locale_last else 0
        self.currency_ms = last_ms - money_ms if self.currency_last else 0
