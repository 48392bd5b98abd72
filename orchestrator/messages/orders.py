"""Topic `orders`: what the order system knows. Key: `profile_id`."""

from typing import Annotated

from pydantic import Field

from orchestrator.messages.base import (
    NULL_IS_EMPTY,
    Currency,
    Id,
    Message,
    MoneyCents,
    Name,
    OptionalId,
    Part,
    SignedCents,
    Text,
    TimeMs,
)
from orchestrator.messages.clickstream_properties import OrderLines


class OrderEventProperties(Part):
    """What belongs to one type of order event."""

    reason: Text | None = None
    carrier: Text | None = None
    tracking_id: Text | None = None
    promised_ms: TimeMs | None = None
    """When the shopper was, or now is, told to expect the parcel."""
    refund_cents: MoneyCents | None = None


class OrderEvent(Message):
    """One step in an order's life.

    Types: order_placed, order_paid, order_packed, order_shipped, order_delivered, order_delayed,
    order_returned, order_refunded, order_cancelled; another one is kept. An order seen here and
    as `order_completed` in the clickstream is one order: same `order_id`.
    """

    type: Name
    profile_id: Id
    order_id: Id
    session_id: OptionalId = None
    total_cents: MoneyCents | None = None
    margin_cents: SignedCents | None = None
    """Contribution of the order; may be a loss."""
    currency: Currency | None = None
    coupon: Text | None = None
    products: OrderLines = Field(default=[])
    properties: Annotated[OrderEventProperties, NULL_IS_EMPTY] = OrderEventProperties()
