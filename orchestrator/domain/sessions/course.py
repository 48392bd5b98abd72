"""What depends on the order of a session's events: a plain sequential fold over them."""

from typing import Any, Final

from orchestrator.domain.sessions.items import (
    ADVANCE,
    CART_KEPT,
    CART_SEEN,
    CHANGE,
    COUPON,
    HEARTBEAT,
    HIDDEN,
    METHOD,
    MOVE,
    ORDER,
    SHOWN,
    VIEW,
    Item,
)
from orchestrator.domain.sessions.stages import CART, CHECKOUT, PAYMENT, PRODUCT, PURCHASED

JUMP_RATIO: Final = 2
"""Two products seen one after the other are a price jump when one costs so many times the other."""
PRODUCTS_MAX: Final = 8
CART_MAX: Final = 16
ORDERS_MAX: Final = 8
CENTS_MAX: Final = 10**12


NUMBERS: Final = (
    "longest_gap_ms",
    "stage",
    "step_returns_count",
    "checkout_exits_count",
    "payment_switches_count",
    "price_cents",
    "price_jumps_count",
    "hidden_ms",
    "cart_value_cents",
    "items_count",
    "cart_emptied",
)
"""Order and length are the stored form's: append only."""
_EMPTY_ROW: Final[tuple[Any, ...]] = ([], 0, [], [], "", [], "", 0)


class Course:
    """The way through the shop so far; a function of the events in order."""

    __slots__ = (
        "acted_ms",
        "cart",
        "cart_emptied",
        "cart_value_cents",
        "checkout_exits_count",
        "coupon",
        "hidden_ms",
        "hidden_since_ms",
        "items_count",
        "longest_gap_ms",
        "order_ids",
        "payment_method",
        "payment_switches_count",
        "price_cents",
        "price_jumps_count",
        "stage",
        "step_returns_count",
        "viewed",
    )

    def __init__(self) -> None:
        self.acted_ms: int = 0
        """Time of the shopper's last act; 0: none."""
        self.longest_gap_ms: int = 0
        self.stage: int = 0
        self.step_returns_count: int = 0
        self.checkout_exits_count: int = 0
        self.payment_method: str = ""
        self.payment_switches_count: int = 0
        self.price_cents: int = 0
        """Of the product last seen with a price."""
        self.price_jumps_count: int = 0
        self.hidden_since_ms: int = 0
        """0: the tab is in sight."""
        self.hidden_ms: int = 0
        self.cart_value_cents: int = 0
        self.items_count: int = 0
        self.cart_emptied: int = 0
        """1: there was a cart, and its last piece was taken out (not bought)."""
        self.coupon: str = ""
        self.cart: dict[str, int] = {}
        """Pieces by product."""
        self.viewed: list[str] = []
        """Products seen last, the latest at the end."""
        self.order_ids: list[str] = []

    def follow(self, time_ms: int, item: Item) -> None:
        """Go on by one event; events come in the order of (time, hash of the id)."""
        kind = item.kind
        if kind != HEARTBEAT:
            acted_ms = self.acted_ms
            if acted_ms and time_ms - acted_ms > self.longest_gap_ms:
                self.longest_gap_ms = time_ms - acted_ms
            self.acted_ms = time_ms
        if kind >= HIDDEN:
            self._turn(kind, time_ms, item)

    def _turn(self, kind: int, time_ms: int, item: Item) -> None:  # noqa: C901 - a table
        """By kind, the frequent ones first; compiled, six times as fast as a table of functions."""
        if kind == VIEW:
            self.view(item)
        elif kind == MOVE:
            self._go(item.first)
        elif kind == CART_SEEN:
            self.see_cart(item)
        elif kind == CHANGE:
            self.change(item)
        elif kind == HIDDEN:
            self.hide(time_ms)
        elif kind == SHOWN:
            self.show(time_ms)
        elif kind == METHOD:
            self.choose_method(item)
        elif kind == ADVANCE:
            self.stage = max(self.stage, item.first)
        elif kind == COUPON:
            self.coupon = item.text
        elif kind == ORDER:
            self.order(item)
        elif kind == CART_KEPT:
            self.keep_cart(item)

    def hide(self, time_ms: int) -> None:
        """The tab goes out of sight."""
        if not self.hidden_since_ms:
            self.hidden_since_ms = time_ms

    def show(self, time_ms: int) -> None:
        """The tab comes back."""
        if self.hidden_since_ms:
            self.hidden_ms += time_ms - self.hidden_since_ms
            self.hidden_since_ms = 0

    def see_cart(self, item: Item) -> None:
        """Go to a stage and take in what is told of the cart."""
        if item.first >= 0:
            self._go(item.first)
        self._take_cart(item.second, item.third)

    def keep_cart(self, item: Item) -> None:
        """As `see_cart`, without a way back."""
        self.stage = max(self.stage, item.first)
        self._take_cart(item.second, item.third)

    def view(self, item: Item) -> None:
        """See a product."""
        self._go(PRODUCT)
        price_cents, product_id = item.third, item.text
        if price_cents:
            before = self.price_cents
            if before and (
                price_cents >= JUMP_RATIO * before or before >= JUMP_RATIO * price_cents
            ):
                self.price_jumps_count += 1
            self.price_cents = price_cents
        viewed = self.viewed
        if product_id in viewed:
            viewed.remove(product_id)
        viewed.append(product_id)
        if len(viewed) > PRODUCTS_MAX:
            del viewed[0]

    def change(self, item: Item) -> None:
        """Put pieces of a product into the cart, or take them out."""
        pieces, value_cents, absolute = item.first, item.second, item.third
        product_id = item.text
        cart = self.cart
        kept = cart.get(product_id, 0) + pieces
        if kept > 0:
            cart[product_id] = kept
            if len(cart) > CART_MAX:
                del cart[next(iter(cart))]
        else:
            cart.pop(product_id, None)
        items_count = max(0, self.items_count + pieces)
        if pieces < 0:
            if value_cents == 0 if absolute else items_count == 0:
                self._empty(bought=0)
                return
        elif self.stage < CART or self.stage == PURCHASED:
            self.stage = CART
        self.cart_emptied = 0
        if absolute:
            self.cart_value_cents = min(CENTS_MAX, value_cents)
            self.items_count = items_count or 1
        else:
            self.cart_value_cents = min(CENTS_MAX, max(0, self.cart_value_cents + value_cents))
            self.items_count = items_count

    def choose_method(self, item: Item) -> None:
        """Choose a way of paying."""
        method = item.text
        self.stage = max(self.stage, PAYMENT)
        if self.payment_method and method != self.payment_method:
            self.payment_switches_count += 1
        self.payment_method = method

    def order(self, item: Item) -> None:
        """Complete an order: what was in the cart is bought."""
        self.stage = PURCHASED
        self._empty(bought=1)
        order_id, order_ids = item.text, self.order_ids
        if order_id not in order_ids:
            order_ids.append(order_id)
            if len(order_ids) > ORDERS_MAX:
                del order_ids[0]

    def _go(self, stage: int) -> None:
        before = self.stage
        if stage < before and CHECKOUT <= before < PURCHASED:
            if stage >= CHECKOUT:
                self.step_returns_count += 1
            else:
                self.checkout_exits_count += 1
        self.stage = stage

    def _take_cart(self, value_cents: int, items_count: int) -> None:
        if items_count == 0 or (value_cents == 0 and items_count < 0):
            self._empty(bought=0)
            return
        self.cart_emptied = 0
        if value_cents >= 0:
            self.cart_value_cents = min(CENTS_MAX, value_cents)
            self.items_count = self.items_count or 1
        if items_count > 0:
            self.items_count = items_count

    def _empty(self, bought: int) -> None:
        if bought:
            self.cart_emptied = 0
        elif self.items_count:
            self.cart_emptied = 1
        self.cart_value_cents = 0
        self.items_count = 0
        self.cart.clear()

    def copy(self) -> "Course":
        """A course of its own that has come as far."""
        course = Course()
        course.acted_ms = self.acted_ms
        course.longest_gap_ms = self.longest_gap_ms
        course.stage = self.stage
        course.step_returns_count = self.step_returns_count
        course.checkout_exits_count = self.checkout_exits_count
        course.payment_method = self.payment_method
        course.payment_switches_count = self.payment_switches_count
        course.price_cents = self.price_cents
        course.price_jumps_count = self.price_jumps_count
        course.hidden_since_ms = self.hidden_since_ms
        course.hidden_ms = self.hidden_ms
        course.cart_value_cents = self.cart_value_cents
        course.items_count = self.items_count
        course.cart_emptied = self.cart_emptied
        course.coupon = self.coupon
        course.cart = self.cart.copy()
        course.viewed = self.viewed[:]
        course.order_ids = self.order_ids[:]
        return course

    def dump(self, opened_ms: int) -> list[Any]:
        """Plain JSON values; times after the session's opening, plus 1; empty ends left out."""
        numbers = [
            self.longest_gap_ms,
            self.stage,
            self.step_returns_count,
            self.checkout_exits_count,
            self.payment_switches_count,
            self.price_cents,
            self.price_jumps_count,
            self.hidden_ms,
            self.cart_value_cents,
            self.items_count,
            self.cart_emptied,
        ]
        row: list[Any] = [
            numbers if any(numbers) else [],
            self.acted_ms - opened_ms + 1 if self.acted_ms else 0,
            self.viewed[:],
            [entry for pair in self.cart.items() for entry in pair],
            self.payment_method,
            self.order_ids[:],
            self.coupon,
            self.hidden_since_ms - opened_ms + 1 if self.hidden_since_ms else 0,
        ]
        while row and not row[-1]:
            row.pop()
        return row

    @classmethod
    def load(cls, row: list[Any], opened_ms: int) -> "Course":
        """The inverse of `dump`."""
        course = cls()
        numbers, acted_ms, viewed, cart, method, order_ids, coupon, hidden_since_ms = [
            *row,
            *_EMPTY_ROW[len(row) :],
        ]
        for name, number in zip(NUMBERS, numbers, strict=False):
            setattr(course, name, number)
        course.acted_ms = acted_ms + opened_ms - 1 if acted_ms else 0
        course.viewed = viewed[:]
        if cart:
            course.cart = dict(zip(cart[::2], cart[1::2], strict=True))
        course.payment_method = method
        course.order_ids = order_ids[:]
        course.coupon = coupon
        course.hidden_since_ms = hidden_since_ms + opened_ms - 1 if hidden_since_ms else 0
        return course
