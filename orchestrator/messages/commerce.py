"""Topics `rankings`, `bundles`, `fulfilment.plans`. Key: `profile_id`."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.messages.base import (
    WHOLE,
    Currency,
    Id,
    Message,
    MoneyCents,
    Name,
    Names,
    Number,
    Part,
    Share,
    TimeMs,
)


class RankedProduct(Part):
    """One place of a ranking."""

    product_id: Id
    score: Number | None = None


class RankingComputed(Message):
    """An order of products for one profile, best first."""

    type: Literal["ranking_computed"]
    profile_id: Id
    session_id: Id | None
    decision_id: Id | None
    """The decision that asked for it; null where the shop did."""
    surface: Name
    """Where it shows: home, category, search ..."""
    products: Annotated[list[RankedProduct], Field(max_length=1000)]
    expires_at_ms: TimeMs
    models: Annotated[dict[Name, Name], Field(max_length=100)]


class BundleProduct(Part):
    """One product of a bundle."""

    product_id: Id
    quantity: Annotated[int, Field(ge=1, le=1000), WHOLE] = 1
    price_cents: MoneyCents | None = None
    """Its price alone."""


class BundleOffered(Message):
    """Products offered together, at a price."""

    type: Literal["bundle_offered"]
    profile_id: Id
    session_id: Id | None
    decision_id: Id | None
    products: Annotated[list[BundleProduct], Field(min_length=2, max_length=100)]
    price_cents: MoneyCents | None
    discount_cents: MoneyCents
    currency: Currency | None
    propensity: Share | None
    """Probability this depth of discount was drawn with."""
    expires_at_ms: TimeMs


class FulfilmentPlanned(Message):
    """How an order is to be shipped."""

    type: Literal["fulfilment_planned"]
    profile_id: Id
    order_id: Id
    option: Name
    """Way of shipping."""
    location: Name | None
    """Where it leaves from."""
    carrier: Name | None
    promised_ms: TimeMs | None
    cost_cents: MoneyCents
    currency: Currency | None
    propensity: Share | None
    reasons: Names
