"""The stream R: clickstream events in the contract's form, many sessions live at once, seeded."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

START_MS = 1_748_736_000_000
"""Event time of the first event, fixed: the stream is the same on every day."""
GAP_MS = 15_000
"""Mean event time between two events of one session: 22 events in five minutes or so."""

Maker = Callable[[Random, "_Shopper"], dict[str, Any]]


class Event(NamedTuple):
    """One record to be written."""

    key: bytes
    value: bytes


class Plan(NamedTuple):
    """Size of the stream: by default it spans an hour, so that sessions also close by silence."""

    events: int = 150_000
    live_sessions: int = 600
    seed: int = 7


class _Shopper:
    """One session on its way; `left` counts the events until it ends."""

    __slots__ = ("cart_cents", "items", "left", "length", "number", "session")

    def __init__(self, number: int, rng: Random, *, fresh: bool) -> None:
        self.number = number
        self.session = f"s-{number:08x}"
        self.length = rng.randint(8, 36)
        self.left = self.length if fresh else rng.randint(1, self.length)
        self.items = 0 if self.left > self.length * 0.7 else 1
        self.cart_cents = 4990 * self.items


def _price(rng: Random) -> int:
    return rng.randrange(990, 24_990, 100)


def _product(rng: Random, s: _Shopper) -> dict[str, Any]:
    return {
        "product_id": f"sku-{rng.randrange(4000):05d}",
        "category": "shoes/running",
        "price_cents": _price(rng),
        "currency": "EUR",
        "variant": "42-blue",
    }


def _added(rng: Random, s: _Shopper) -> dict[str, Any]:
    product = _product(rng, s)
    s.items += 1
    s.cart_cents += product["price_cents"]
    return {**product, "quantity": 1, "cart_value_cents": s.cart_cents}


def _removed(rng: Random, s: _Shopper) -> dict[str, Any]:
    s.items = max(0, s.items - 1)
    s.cart_cents = 0 if not s.items else max(0, s.cart_cents - 990)
    return {**_product(rng, s), "quantity": 1, "cart_value_cents": s.cart_cents}


def _cart(rng: Random, s: _Shopper) -> dict[str, Any]:
    return {"cart_value_cents": s.cart_cents, "items_count": s.items, "currency": "EUR"}


def _step(rng: Random, s: _Shopper) -> dict[str, Any]:
    return {"step": rng.choice(("contact", "shipping", "payment", "review")), **_cart(rng, s)}


def _dwelled(rng: Random, s: _Shopper) -> dict[str, Any]:
    sections = ("shipping_costs", "delivery_dates", "returns_policy", "price", "reviews")
    return {"section": rng.choice(sections), "visible_ms": rng.randrange(500, 20_000)}


def _method(rng: Random, s: _Shopper) -> dict[str, Any]:
    return {"method": rng.choice(("card", "paypal", "invoice", "instalments")), "currency": "EUR"}


def _cursor(rng: Random, s: _Shopper) -> dict[str, Any]:
    return {
        "path_px": rng.randrange(200, 6000),
        "direction_changes": rng.randrange(1, 30),
        "duration_ms": rng.randrange(300, 9000),
    }


def _order(rng: Random, s: _Shopper) -> dict[str, Any]:
    line = {"product_id": f"sku-{rng.randrange(4000):05d}", "quantity": 1, "price_cents": 4990}
    total = max(s.cart_cents, 4990)
    return {
        "order_id": f"o-{s.number}",
        "total_cents": total,
        "currency": "EUR",
        "products": [line],
    }


def _fixed(**properties: Any) -> Maker:
    return lambda rng, s: properties


MAKERS: dict[str, Maker] = {
    "page_viewed": _fixed(),
    "product_list_viewed": _fixed(category="shoes/running", list_id="running-bestsellers"),
    "products_searched": _fixed(query="trail running shoes", results_count=37),
    "product_viewed": _product,
    "product_added": _added,
    "product_removed": _removed,
    "wishlist_product_added": _product,
    "cart_viewed": _cart,
    "checkout_started": _cart,
    "checkout_step_viewed": _step,
    "shipping_option_selected": _fixed(option="standard", cost_cents=490, currency="EUR"),
    "payment_method_selected": _method,
    "payment_failed": _fixed(method="card", reason="declined_by_issuer"),
    "coupon_denied": _fixed(coupon="WELCOME10", reason="expired"),
    "section_dwelled": _dwelled,
    "cursor_wandered": _cursor,
    "rage_clicked": _fixed(element="button#apply-coupon", clicks=4),
    "form_field_abandoned": _fixed(field="shipping.postal_code"),
    "page_refreshed": _fixed(),
    "tab_hidden": _fixed(),
    "tab_shown": _fixed(),
    "scrolled": lambda rng, s: {"depth": round(rng.random(), 2)},
    "heartbeat": _fixed(),
    "order_completed": _order,
    "exit_intended": _fixed(),
}

# Weights of the event types while browsing (first 45 % of a session), with a cart (to 75 %), and in
# checkout; about 27 % of all events are decision types.
PHASES: tuple[tuple[float, str, dict[str, int]], ...] = (
    (
        0.45,
        "/running-shoes/trail",
        {
            "page_viewed": 16, "product_list_viewed": 9, "products_searched": 6,
            "product_viewed": 24, "scrolled": 14, "section_dwelled": 6, "cursor_wandered": 6,
            "heartbeat": 5, "tab_hidden": 3, "tab_shown": 3, "wishlist_product_added": 2,
            "product_added": 8, "page_refreshed": 1,
        },
    ),
    (
        0.75,
        "/cart/overview",
        {
            "product_viewed": 20, "product_added": 14, "product_removed": 4, "cart_viewed": 18,
            "coupon_denied": 3, "section_dwelled": 12, "cursor_wandered": 9, "scrolled": 10,
            "heartbeat": 5, "tab_hidden": 3, "tab_shown": 3, "page_refreshed": 3,
        },
    ),
    (
        1.0,
        "/checkout/shipping",
        {
            "checkout_started": 8, "checkout_step_viewed": 20, "shipping_option_selected": 9,
            "payment_method_selected": 9, "payment_failed": 3, "form_field_abandoned": 4,
            "section_dwelled": 17, "cursor_wandered": 12, "rage_clicked": 2, "heartbeat": 9,
            "tab_hidden": 5, "tab_shown": 5, "page_refreshed": 3,
        },
    ),
)  # fmt: skip


def _tables() -> list[tuple[float, str, list[str], list[int]]]:
    return [(upto, path, list(w), list(w.values())) for upto, path, w in PHASES]


def records(plan: Plan, now_ms: Callable[[], int] | None = None) -> Iterator[Event]:
    """Yield the events in the order of their times; the same for the same plan.

    Args:
        plan: Size and seed.
        now_ms: Gives each event's time as it is made; None: times of the plan's own.
    """
    rng = Random(plan.seed)
    tables = _tables()
    shoppers = [_Shopper(n, rng, fresh=False) for n in range(plan.live_sessions)]
    born = plan.live_sessions
    tick_ms = GAP_MS / plan.live_sessions
    devices = ("mobile", "desktop", "tablet")
    for number in range(plan.events):
        slot = rng.randrange(plan.live_sessions)
        shopper = shoppers[slot]
        shopper.left -= 1
        share = 1 - shopper.left / shopper.length
        _, path, types, weights = next((t for t in tables if share <= t[0]), tables[-1])
        if shopper.left <= 0:
            bought = shopper.items > 0 and rng.random() < 0.4
            event_type = "order_completed" if bought else "exit_intended"
            shoppers[slot] = _Shopper(born, rng, fresh=True)
            born += 1
        else:
            event_type = rng.choices(types, weights)[0]
        profile = f"p-{shopper.number:08d}"
        event = {
            "id": f"{number:012d}-{rng.getrandbits(48):012x}",
            "type": event_type,
            "time_ms": now_ms() if now_ms else START_MS + int(number * tick_ms),
            "profile_id": profile,
            "session_id": shopper.session,
            "customer_id": None,
            "context": {
                "page": {"path": path, "referrer": "https://shop.example/"},
                "device": devices[shopper.number % 3],
                "locale": "de-DE",
            },
            "properties": MAKERS[event_type](rng, shopper),
        }
        yield Event(profile.encode(), json.dumps(event, separators=(",", ":")).encode())
