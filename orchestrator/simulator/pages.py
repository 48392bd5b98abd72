"""The kinds of pages: what weighs on each, how long one stays, and where one goes next."""

from orchestrator.simulator.people import (
    AFFORDABILITY,
    CHOICE,
    DELIVERY,
    PRICE,
    RETURNS,
    SHIPPING_COST,
    TECHNICAL,
    TRUST,
    Weights,
)

HOME, LIST, SEARCH, PRODUCT, CART, CONTACT, SHIPPING, PAYMENT, REVIEW, POLICY, ACCOUNT, THANKS = (
    range(12)
)
KINDS = (
    "home",
    "list",
    "search",
    "product",
    "cart",
    "contact",
    "shipping",
    "payment",
    "review",
    "policy",
    "account",
    "thanks",
)
"""Kinds of pages, in the numbers' order."""
BARRIERS: tuple[Weights, ...] = (
    ((CHOICE, 0.3),),
    ((CHOICE, 0.5),),
    ((CHOICE, 0.4),),
    ((PRICE, 0.35), (RETURNS, 0.3), (TRUST, 0.35), (CHOICE, 0.45)),
    (
        (PRICE, 1.56),
        (SHIPPING_COST, 0.84),
        (AFFORDABILITY, 0.84),
        (DELIVERY, 0.6),
        (RETURNS, 0.84),
        (CHOICE, 1.08),
    ),
    ((TRUST, 1.92), (TECHNICAL, 0.72)),
    ((SHIPPING_COST, 2.28), (DELIVERY, 1.92)),
    ((AFFORDABILITY, 2.64), (TRUST, 1.44), (TECHNICAL, 1.92), (PRICE, 0.72)),
    ((PRICE, 0.96), (RETURNS, 1.8), (DELIVERY, 0.6), (TRUST, 0.6)),
    ((RETURNS, 0.48),),
    (),
    (),
)
"""How much each concern weighs on each kind of page."""
LEAVING = (-1.5, -2.5, -2.5, -2.75, -3.63, -3.65, -3.65, -4.05, -3.75, -3.0, -2.2, 9.0)
"""Logit of leaving from each kind of page with no concern at all."""
MEDIAN_MS = (11e3, 17e3, 14e3, 28e3, 22e3, 38e3, 28e3, 42e3, 17e3, 30e3, 20e3, 12e3)
COMPARING = frozenset({PRODUCT, CART, PAYMENT})
MOVES: dict[int, tuple[tuple[int, float], ...]] = {
    HOME: ((LIST, 0.5), (SEARCH, 0.2), (PRODUCT, 0.3)),
    LIST: ((PRODUCT, 0.8), (LIST, 0.1), (SEARCH, 0.1)),
    SEARCH: ((PRODUCT, 0.75), (SEARCH, 0.15), (LIST, 0.1)),
    CONTACT: ((SHIPPING, 0.95), (CART, 0.05)),
    SHIPPING: ((PAYMENT, 0.88), (CART, 0.07), (POLICY, 0.05)),
    PAYMENT: ((REVIEW, 0.92), (SHIPPING, 0.05), (CART, 0.03)),
    REVIEW: ((THANKS, 0.94), (PAYMENT, 0.03), (CART, 0.03)),
    ACCOUNT: ((HOME, 0.5), (LIST, 0.3), (PRODUCT, 0.2)),
}
