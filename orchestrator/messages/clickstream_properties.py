"""Properties of the clickstream's events, as the contract's table has them.

All are optional unless the event makes no sense without; unknown ones are ignored.
"""

from typing import Annotated

from pydantic import Field

from orchestrator.messages.base import (
    Count,
    Currency,
    Id,
    LongText,
    MoneyCents,
    Name,
    Number,
    Numbers,
    Part,
    Share,
    Size,
    SpanMs,
    Text,
)


class NoProperties(Part):
    """Events that say all by happening."""


class PageProperties(Part):
    """A page view; the page itself stands in `context.page`."""

    path: LongText | None = None
    title: Text | None = None


class SearchProperties(Part):
    """A search of the shop."""

    query: Text | None = None
    results_count: Count | None = None


class ListProperties(Part):
    """A list of products."""

    category: Text | None = None
    list_id: Id | None = None
    results_count: Count | None = None


class ProductProperties(Part):
    """One product looked at or wished for."""

    product_id: Id
    category: Text | None = None
    price_cents: MoneyCents | None = None
    """Price of one piece."""
    currency: Currency | None = None
    quantity: Count | None = None
    variant: Text | None = None


class CartChangeProperties(ProductProperties):
    """One product put into the cart or taken out."""

    cart_value_cents: MoneyCents | None = None
    """Value of the cart after the change."""


class CartProperties(Part):
    """The cart as a whole."""

    cart_value_cents: MoneyCents | None = None
    currency: Currency | None = None
    items_count: Count | None = None


class StepProperties(CartProperties):
    """A step of the checkout."""

    step: Name
    """contact, shipping, payment, review; another word is no error."""


class ShippingOptionProperties(Part):
    """A way of shipping."""

    option: Text | None = None
    cost_cents: MoneyCents | None = None
    currency: Currency | None = None


class PaymentMethodProperties(Part):
    """A way of paying, chosen."""

    method: Name


class PaymentInfoProperties(Part):
    """A way of paying, filled in."""

    method: Name | None = None


class PaymentFailedProperties(Part):
    """A payment that did not go through."""

    method: Name | None = None
    reason: Text | None = None


class CouponProperties(Part):
    """A coupon tried, taken or refused."""

    coupon: Text | None = None
    discount_cents: MoneyCents | None = None
    currency: Currency | None = None
    reason: Text | None = None


class OrderLine(Part):
    """One product of an order."""

    product_id: Id
    quantity: Count | None = None
    price_cents: MoneyCents | None = None
    """Price of one piece."""


OrderLines = Annotated[list[OrderLine], Field(max_length=1000)]


class OrderProperties(Part):
    """An order as the shop's pages tell of it."""

    order_id: Id
    total_cents: MoneyCents | None = None
    discount_cents: MoneyCents | None = None
    currency: Currency | None = None
    coupon: Text | None = None
    products: OrderLines | None = None


class SectionProperties(Part):
    """A section of a page that stayed in view."""

    section: Name
    """shipping_costs, delivery_dates, returns_policy, price, reviews, size_guide; open."""
    visible_ms: SpanMs


class CursorProperties(Part):
    """A cursor that wandered."""

    path_px: Size | None = None
    direction_changes: Count | None = None
    duration_ms: SpanMs | None = None


class RageProperties(Part):
    """More than three clicks on one element within a second."""

    element: Text | None = None
    clicks: Count | None = None


class ElementProperties(Part):
    """An element that did nothing when clicked."""

    element: Text | None = None


class FieldProperties(Part):
    """A form field left half filled."""

    field: Text | None = None


class CopyProperties(Part):
    """Text copied; never the text itself."""

    element: Text | None = None
    characters: Count | None = None


class ScrollProperties(Part):
    """How far down the page."""

    depth: Share | None = None
    """Share of the page's height seen, in [0, 1]."""


class ReviewProperties(Part):
    """A product reviewed."""

    product_id: Id | None = None
    stars: Annotated[float, Field(ge=0.0, le=5.0)] | None = None


ImageFeatures = Numbers | Annotated[list[Number], Field(max_length=4096)]
"""Numbers by name, or an embedding."""


class ImageProperties(Part):
    """An image the shopper uploaded, as numbers; never the image itself."""

    image_id: Id | None = None
    features: ImageFeatures | None = None
