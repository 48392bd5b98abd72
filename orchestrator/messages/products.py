"""Topics `catalog`, `inventory`, `merchandising.products`. Key: `product_id`; compacted."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.messages.base import (
    NULL_IS_EMPTY,
    Attributes,
    Count,
    Currency,
    Id,
    Message,
    MoneyCents,
    Name,
    Number,
    Part,
    Share,
    Size,
    Text,
)
from orchestrator.messages.clickstream_properties import ImageFeatures


class ProductDescribed(Message):
    """A product as the catalogue has it now; a tombstone takes it off."""

    type: Name = "product_described"
    product_id: Id
    title: Text | None = None
    category: Text | None = None
    price_cents: MoneyCents | None = None
    unit_cost_cents: MoneyCents | None = None
    """What one piece costs the shop."""
    currency: Currency | None = None
    attributes: Annotated[Attributes, NULL_IS_EMPTY] = Field(default={})
    """Colour, size, material ... by name."""
    facts: Annotated[Attributes, NULL_IS_EMPTY] = Field(default={})
    """What a text about the product may say."""
    image_features: ImageFeatures | None = None
    returns_share: Share | None = None
    """Share of sold pieces that come back."""


class StockCounted(Message):
    """Stock of a product, as it is now."""

    type: Name = "stock_counted"
    product_id: Id
    stock: Annotated[dict[Name, Count], Field(max_length=10_000)]
    """Pieces by location."""
    days_of_cover: Size | None = None
    """How long the stock lasts at the present rate of sale."""


class RelatedProduct(Part):
    """A product that goes with another."""

    product_id: Id
    lift: Size
    """Shrunk lift: how much more often together than by chance."""
    count: Count
    """How often together."""


Related = Annotated[list[RelatedProduct], Field(max_length=1000)]


class ProductStatistics(Message):
    """What the clickstream says of a product."""

    type: Literal["product_statistics"]
    product_id: Id
    views: Count
    purchases: Count
    trend: Number
    """Present rate of views and purchases over the usual one; 1: as usual."""
    bought_with: Related
    viewed_with: Related
    price_cents: MoneyCents | None = None
    """As the catalogue has it now."""
    currency: Currency | None = None
    category: Text | None = None
