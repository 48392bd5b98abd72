"""The stages of a shopping journey, in the order of the funnel."""

STAGES = (
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
BROWSE, PRODUCT, CART, CHECKOUT, CONTACT, SHIPPING, PAYMENT, REVIEW, PURCHASED = range(9)

STEPS: dict[str, int] = {
    "contact": CONTACT,
    "shipping": SHIPPING,
    "payment": PAYMENT,
    "review": REVIEW,
}
"""Steps of the checkout; a shop's own step reads as the checkout as such."""
