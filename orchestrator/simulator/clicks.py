"""One page visit as the events a frontend would send."""

from collections.abc import Callable
from operator import itemgetter

from orchestrator.simulator.catalogue import CATEGORIES, CURRENCY
from orchestrator.simulator.course import EXPRESS_FEE_CENTS, STANDARD_FEE_CENTS, Visit
from orchestrator.simulator.latent import Cart, Latent
from orchestrator.simulator.pages import (
    ACCOUNT,
    CART,
    CONTACT,
    HOME,
    LIST,
    PAYMENT,
    POLICY,
    PRODUCT,
    REVIEW,
    SEARCH,
    SHIPPING,
    THANKS,
)
from orchestrator.simulator.people import AFFORDABILITY, CHOICE, PRICE, SHIPPING_COST
from orchestrator.simulator.plan import Order
from orchestrator.simulator.signals import Click, Odds, presence
from orchestrator.types import Payload

_STEPS = {CONTACT: "contact", SHIPPING: "shipping", PAYMENT: "payment", REVIEW: "review"}
_AFTER = {
    CONTACT: (SHIPPING,),
    SHIPPING: (PAYMENT,),
    PAYMENT: (REVIEW,),
    REVIEW: (THANKS,),
}
"""Pages that show a step to be finished."""
_METHODS = ("card", "paypal", "invoice", "pay_later")
_SIGNALS, _DETAILS = 4_000, 6_000
_DETAILED = frozenset({LIST, SEARCH, PRODUCT, CART, SHIPPING, PAYMENT, ACCOUNT})
_NO_DRAWS: list[float] = []
_time = itemgetter(0)
_WORDS = ("gift", "blue", "leather", "waterproof", "small", "sale", "new", "kids")


def path_of(latent: Latent, visit: Visit) -> str:
    """The page's path."""
    kind = visit.kind
    if kind == PRODUCT:
        return "/p/" + latent.setting.catalogue.products[visit.product].product_id
    return _PATHS[kind]


_PATHS = {
    HOME: "/",
    LIST: "/c",
    SEARCH: "/search",
    CART: "/cart",
    CONTACT: "/checkout/contact",
    SHIPPING: "/checkout/shipping",
    PAYMENT: "/checkout/payment",
    REVIEW: "/checkout/review",
    POLICY: "/help/returns",
    ACCOUNT: "/account/orders",
    THANKS: "/checkout/thanks",
}


class Frontend:
    """What the frontend sends of one session, visit by visit.

    Args:
        latent: The session.
    """

    __slots__ = ("_latent", "_odds")

    def __init__(self, latent: Latent) -> None:
        self._latent = latent
        self._odds = Odds(latent)

    def events(self, visit: Visit, before: Visit | None, order: Order | None) -> list[Click]:
        """Events of one visit in order of time.

        Args:
            visit: The visit.
            before: The one before it.
            order: The order that the session ends with; read at the last visit only.
        """
        latent = self._latent
        block = latent.course.block
        start_ms = visit.start_ms
        span_ms = visit.end_ms - start_ms
        u = block(_DETAILS + visit.number) if visit.kind in _DETAILED else _NO_DRAWS
        found: list[Click] = []
        if before is not None and before.kind in _STEPS and visit.kind in _AFTER[before.kind]:
            found.append((start_ms, "checkout_step_completed", _step(latent, before)))
            if visit.kind != THANKS:  # an order has one time, wherever it is told of
                start_ms += 20
                span_ms -= 20
        found += _EVENTS[visit.kind](latent, visit, start_ms, span_ms, u)
        if visit.kind == THANKS:
            return sorted(found + _thanks(latent, start_ms, span_ms, order), key=_time)
        if visit.redeemed is not None:
            found += _redeemed(latent, visit, start_ms, span_ms)
        shown = block(_SIGNALS + visit.number)
        found += self._odds.emit(visit.kind, start_ms, span_ms, shown)
        if visit.hidden_ms or latent.heartbeats:
            found += presence(latent, start_ms, visit.end_ms, visit.hidden_ms)
        if len(found) > 1:
            found.sort(key=_time)
        return found


def _home(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    return [(at_ms, "page_viewed", {"path": "/", "title": "Home"})]


def _list(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    name = CATEGORIES[int(u[0] * len(CATEGORIES))].name
    properties = {"category": name, "list_id": f"c-{name}", "results_count": 25}
    return [(at_ms, "product_list_viewed", properties)]


def _search(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    category = CATEGORIES[int(u[0] * len(CATEGORIES))]
    noun = category.nouns[int(u[1] * len(category.nouns))].lower()
    query = f"{_WORDS[int(u[2] * len(_WORDS))]} {noun}"
    return [(at_ms, "products_searched", {"query": query, "results_count": int(40 * u[3])})]


def _product(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    found: list[Click] = [(at_ms, "product_viewed", _described(latent, visit.product))]
    if visit.added:
        properties = _described(latent, visit.product)
        properties["quantity"] = visit.added
        properties["cart_value_cents"] = _value(latent, visit.cart)
        found.append((at_ms + int(span_ms * (0.5 + 0.4 * u[0])), "product_added", properties))
    elif u[1] < 0.02 + 0.02 * max(0.0, latent.seen[CHOICE]):
        wished = _described(latent, visit.product)
        found.append((at_ms + int(span_ms * 0.7), "wishlist_product_added", wished))
    return found


def _cart(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    if visit.removed < 0:
        found: list[Click] = [(at_ms, "cart_viewed", _basket(latent, visit.cart))]
    else:
        lines = dict(visit.cart)
        price = latent.setting.catalogue.products[visit.removed].price_cents
        after = _basket(latent, visit.cart)
        properties = _described(latent, visit.removed)
        properties["quantity"] = 1
        properties["cart_value_cents"] = after["cart_value_cents"]
        viewed = {
            "cart_value_cents": after["cart_value_cents"] + price,
            "currency": CURRENCY,
            "items_count": sum(lines.values()) + 1,
        }
        found = [
            (at_ms, "cart_viewed", viewed),
            (at_ms + int(span_ms * 0.5), "product_removed", properties),
        ]
    if visit.redeemed is None:
        found += _hunting(latent, at_ms, span_ms, u)
    return found


def _contact(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    return [
        (at_ms, "checkout_started", _basket(latent, visit.cart)),
        (at_ms + 60, "checkout_step_viewed", _step(latent, visit)),
    ]


def _shipping(
    latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]
) -> list[Click]:
    found: list[Click] = [(at_ms, "checkout_step_viewed", _step(latent, visit))]
    chosen = "express" if visit.express else "standard"
    if u[0] < 0.06 + 0.14 * max(0.0, latent.seen[SHIPPING_COST]):
        other = "standard" if visit.express else "express"
        found.append((at_ms + int(span_ms * 0.3), "shipping_option_selected", _option(other, None)))
    if u[1] < 0.65:  # noqa: PLR2004
        found.append(
            (
                at_ms + int(span_ms * 0.6),
                "shipping_option_selected",
                _option(chosen, visit.fee_cents),
            )
        )
    return found


def _payment(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    found: list[Click] = [(at_ms, "checkout_step_viewed", _step(latent, visit))]
    first = int(u[0] * 3)
    method = _METHODS[first]
    found.append((at_ms + int(span_ms * 0.2), "payment_method_selected", {"method": method}))
    switches = 0.06 + 0.16 * max(0.0, latent.seen[AFFORDABILITY])
    if u[1] < switches:
        method = _METHODS[3] if u[2] < 0.5 else _METHODS[(first + 1) % 3]  # noqa: PLR2004
        found.append((at_ms + int(span_ms * 0.45), "payment_method_selected", {"method": method}))
    if visit.failed or u[3] < 0.6:  # noqa: PLR2004
        found.append((at_ms + int(span_ms * 0.8), "payment_info_entered", {"method": method}))
    if visit.failed:
        failed = {"method": method, "reason": "declined" if u[4] < 0.5 else "timeout"}  # noqa: PLR2004
        found.append((at_ms + int(span_ms * 0.92), "payment_failed", failed))
    return found


def _review(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    return [(at_ms, "checkout_step_viewed", _step(latent, visit))]


def _policy(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    return [(at_ms, "page_viewed", {"path": "/help/returns", "title": "Returns"})]


def _account(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    """A look at an order from before the world began."""
    who = latent.who
    found: list[Click] = [(at_ms, "page_viewed", {"path": "/account/orders", "title": "Orders"})]
    products = latent.setting.catalogue.products
    bought = products[int(u[1] * len(products))].product_id
    later_ms = at_ms + int(span_ms * 0.6)
    if u[0] < 0.5:  # noqa: PLR2004
        stars = float(1 + int(u[2] ** 0.5 * 5))
        found.append((later_ms, "product_reviewed", {"product_id": bought, "stars": stars}))
    elif u[0] < 0.5 + 0.5 * who.returns_share:
        refunded = {"order_id": f"o-before-{who.profile_id}", "total_cents": who.mean_order_cents}
        found.append((later_ms, "order_refunded", refunded))
    return found


def _opened(latent: Latent, visit: Visit, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    return [(at_ms + 300, "page_viewed", {"path": "/checkout/thanks", "title": "Thank you"})]


def _thanks(latent: Latent, at_ms: int, span_ms: int, order: Order | None) -> list[Click]:
    if order is None:
        return []
    properties = _ordered(latent, order)
    found: list[Click] = [(at_ms, "order_completed", properties)]
    if order.is_cancelled:
        found.append((at_ms + span_ms, "order_cancelled", dict(properties)))
    return found


def _ordered(latent: Latent, order: Order) -> Payload:
    return {
        "order_id": order.order_id,
        "total_cents": order.total_cents,
        "discount_cents": order.discount_cents,
        "currency": CURRENCY,
        "coupon": coupon_of(order),
        "products": order_lines(latent, order),
    }


def _hunting(latent: Latent, at_ms: int, span_ms: int, u: list[float]) -> list[Click]:
    """A coupon found somewhere and tried: nearly always in vain."""
    eager = max(0.0, latent.seen[PRICE])
    share = 0.03 + 0.07 * eager + 0.25 * latent.who.coupon_share
    if u[0] >= share:
        return []
    code = f"{_WORDS[int(u[1] * len(_WORDS))].upper()}{5 + 5 * int(u[2] * 4)}"
    entered_ms = at_ms + int(span_ms * 0.4)
    denied = {"coupon": code, "reason": "expired" if u[3] < 0.5 else "unknown"}  # noqa: PLR2004
    return [
        (entered_ms, "coupon_entered", {"coupon": code}),
        (entered_ms + 600, "coupon_denied", denied),
    ]


def _redeemed(latent: Latent, visit: Visit, at_ms: int, span_ms: int) -> list[Click]:
    offer = visit.redeemed
    if offer is None:
        return []
    code = offer.coupon
    cents = offer.discount_on(_value(latent, visit.cart))
    entered_ms = at_ms + int(span_ms * 0.3)
    applied = {"coupon": code, "discount_cents": cents, "currency": CURRENCY}
    return [
        (entered_ms, "coupon_entered", {"coupon": code}),
        (entered_ms + 500, "coupon_applied", applied),
    ]


def _described(latent: Latent, number: int) -> Payload:
    product = latent.setting.catalogue.products[number]
    return {
        "product_id": product.product_id,
        "category": CATEGORIES[product.category].name,
        "price_cents": product.price_cents,
        "currency": CURRENCY,
    }


def _value(latent: Latent, cart: Cart) -> int:
    products = latent.setting.catalogue.products
    return sum(products[number].price_cents * pieces for number, pieces in cart)


def _basket(latent: Latent, cart: Cart) -> Payload:
    return {
        "cart_value_cents": _value(latent, cart),
        "currency": CURRENCY,
        "items_count": sum(pieces for _, pieces in cart),
    }


def _step(latent: Latent, visit: Visit) -> Payload:
    return {"step": _STEPS[visit.kind], **_basket(latent, visit.cart)}


def coupon_of(order: Order) -> str | None:
    """The coupon an order used."""
    return order.offer.coupon if order.offer else None


def order_lines(latent: Latent, order: Order) -> list[Payload]:
    """The lines of an order as messages have them."""
    products = latent.setting.catalogue.products
    return [
        {
            "product_id": products[number].product_id,
            "quantity": pieces,
            "price_cents": products[number].price_cents,
        }
        for number, pieces in order.lines
    ]


def _option(name: str, fee_cents: int | None) -> Payload:
    """A way of shipping; without a fee, at its list price."""
    if fee_cents is None:
        fee_cents = EXPRESS_FEE_CENTS if name == "express" else STANDARD_FEE_CENTS
    return {"option": name, "cost_cents": fee_cents, "currency": CURRENCY}


_Page = Callable[[Latent, Visit, int, int, list[float]], list[Click]]
_EVENTS: dict[int, _Page] = {
    HOME: _home,
    LIST: _list,
    SEARCH: _search,
    PRODUCT: _product,
    CART: _cart,
    CONTACT: _contact,
    SHIPPING: _shipping,
    PAYMENT: _payment,
    REVIEW: _review,
    POLICY: _policy,
    ACCOUNT: _account,
    THANKS: _opened,
}
