"""Topics `feedback`, `profiles`, `identities`: what is known of a person. Key: `profile_id`."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.messages.base import (
    NULL_IS_EMPTY,
    WHOLE,
    Count,
    Currency,
    Id,
    Ids,
    Locale,
    LongText,
    Message,
    MoneyCents,
    Name,
    OptionalId,
    Part,
    Share,
    Text,
)


class FeedbackProperties(Part):
    """What a channel knows beside the fact."""

    score: Annotated[int, Field(ge=0, le=10), WHOLE] | None = None
    """`nps_answered`: 0 to 10."""
    purpose: Name | None = None
    """`unsubscribed`: the consent withdrawn, e.g. email; without it the channel's own."""
    reason: Text | None = None
    url: LongText | None = None


class Feedback(Message):
    """A channel tells what became of a command.

    Types: delivered, shown, clicked, accepted, dismissed, expired, chat_completed, email_opened,
    unsubscribed, nps_answered; another one is kept.
    """

    type: Name
    profile_id: Id
    command_id: OptionalId = None
    """The intervention this answers; an unsubscription may answer none."""
    channel: Name | None = None
    properties: Annotated[FeedbackProperties, NULL_IS_EMPTY] = FeedbackProperties()


class Consent(Part):
    """Consent by purpose; where none is named the contact policy's `consent_default` holds."""

    onsite: bool | None = None
    chat: bool | None = None
    email: bool | None = None
    push: bool | None = None


class ProfileUpdated(Message):
    """All that the customer system says of a person; it replaces what it said before.

    A tombstone erases the person.
    """

    type: Literal["profile_updated"]
    profile_id: Id
    customer_id: OptionalId = None
    time_zone: Text | None = None
    """IANA name, e.g. Europe/Berlin: quiet hours are the shopper's own."""
    locale: Locale | None = None
    segment: Text | None = None
    consent: Annotated[Consent, NULL_IS_EMPTY] = Consent()
    is_member: bool | None = None
    orders_count: Count | None = None
    orders_value_cents: MoneyCents | None = None
    currency: Currency | None = None
    returns_share: Share | None = None
    """Share of orders sent back."""
    coupon_share: Share | None = None
    """Share of orders that used a coupon."""


class Identified(Message):
    """An anonymous id turned out to be a known person."""

    type: Literal["identified"]
    profile_id: Id
    customer_id: OptionalId = None
    also_known_as: Ids = Field(default=[])
    """Other profile ids of the same person."""
