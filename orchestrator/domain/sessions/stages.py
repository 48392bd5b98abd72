"""The stages of a shopping journey, in the order of the funnel."""

from typing import Final

STAGES: Final[tuple[str, ...]] = (
    "browse",
    "product",
    "cart",
    "checkout",
    "contact",
    "shipping",
    "payment",
    "review",
    "purchased",
)
# one a line and final: the compiler writes the numbers in
BROWSE: Final = 0
PRODUCT: Final = 1
CART: Final = 2
CHECKOUT: Final = 3
CONTACT: Final = 4
SHIPPING: Final = 5
PAYMENT: Final = 6
REVIEW: Final = 7
PURCHASED: Final = 8

STEPS: Final[dict[str, int]] = {
    "contact": CONTACT,
    "shipping": SHIPPING,
    "payment": PAYMENT,
    "review": REVIEW,
}
"""Steps of the checkout; a shop's own step reads as the checkout as such."""
