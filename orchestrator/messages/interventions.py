"""Topics `interventions.*`: revocable commands to the channels. Key: `profile_id`."""

from typing import Literal

from pydantic import Field

from orchestrator.messages.base import (
    Currency,
    Id,
    Ids,
    Locale,
    LongText,
    Message,
    MoneyCents,
    Name,
    Names,
    Part,
    Share,
    Text,
    TimeMs,
)


class Offer(Part):
    """What the shop gives away."""

    kind: Name
    amount_cents: MoneyCents
    """What it may cost at most; 0 where the worth is no money, e.g. a promise."""
    currency: Currency | None = None
    share: Share | None = None
    """Discount as a share of the cart, where the offer is one."""
    code: Id | None
    """The shop issues codes from the offer; null until it has."""
    expires_at_ms: TimeMs | None


class Content(Part):
    """What the shopper reads: plain text, never markup."""

    headline: Text | None = None
    body: LongText
    cta: Text | None = None
    """Label of the button."""
    locale: Locale
    facts: Names
    """Facts the text stands on; the channel fills them in."""
    product_ids: Ids = Field(default=[])
    """Products to show with it."""


class ExperimentArm(Part):
    """Where an experiment put the profile."""

    name: Name
    arm: Name


class InterventionIssued(Message):
    """Do this, unless it is revoked or expired first."""

    type: Literal["intervention_issued"]
    decision_id: Id
    profile_id: Id
    session_id: Id | None
    channel: Name
    placement: Name | None
    action: Name
    treatment: Name | None
    offer: Offer | None
    content: Content
    expires_at_ms: TimeMs
    """Deliver before this time or not at all."""
    supersedes: Id | None
    """The command this one replaces."""
    cancel_on: Names
    """What revokes it: order_completed, cart_emptied, consent_withdrawn ..."""
    policy: Name
    """`name@sha256:hash` of the engagement policy."""
    experiment: ExperimentArm | None


class InterventionRevoked(Message):
    """The command of the same `id` no longer holds."""

    type: Literal["intervention_revoked"]
    profile_id: Id
    decision_id: Id
    channel: Name
    reason: Name
    """What happened, in the words of `cancel_on`."""
