"""The policy kind `Action`: one thing the shop can do for a shopper."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from orchestrator.domain.decisioning.conditions import Node, Part
from orchestrator.domain.decisioning.kinds import (
    Channel,
    Concern,
    Document,
    Money,
    Name,
    Share,
    Span,
    Stage,
)
from orchestrator.domain.decisioning.situation import TriggerKind

CancelReason: TypeAlias = Literal["order_completed", "cart_emptied", "consent_withdrawn"]
Headline = Annotated[str, Field(max_length=120)]
Body = Annotated[str, Field(min_length=1, max_length=600)]
Label = Annotated[str, Field(max_length=40)]


class Texts(Part):
    """What the shopper reads, in one language; `$name` stands for a fact of docs/policies.md."""

    headline: Headline | None = None
    """Title; plain text."""
    body: Body
    """Text; plain text."""
    cta: Label | None = None
    """Label of the button."""


class Treatment(Part):
    """One way of carrying an action out. The first that fits is taken."""

    name: Name
    when: Node | None = None
    """Condition under which it fits; it also needs every fact its texts name to be known."""
    content: Annotated[dict[Literal["en", "de"], Texts], Field(min_length=1)]
    """Texts by language; English is for everybody else, so it must be there."""

    @model_validator(mode="after")
    def _english(self) -> "Treatment":
        if "en" not in self.content:
            raise ValueError("`content` needs `en`: it is read by all whose language is not there")
        return self


class Offer(Part):
    """What the shop gives away with an action. Codes are issued by the shop, never made up."""

    kind: Name
    """E.g. discount, free_shipping, free_expedited_shipping, pay_later."""
    amount_cents: Money | None = None
    """Discount as an amount."""
    share: Annotated[float, Field(gt=0.0, le=0.5)] | None = None
    """Discount as a share of the cart."""
    max_cents: Annotated[int, Field(gt=0, le=10**9)] | None = None
    """Limit of the amount where `share` is given."""
    cost_cents: Money | None = None
    """What it costs the shop when redeemed; left out: the discount itself."""
    budget: Name | None = None
    """Budget of the ContactPolicy that pays for it."""
    expires_after_ms: Annotated[int, Field(gt=0, le=90 * 86_400_000)]
    """How long it holds."""

    @model_validator(mode="after")
    def _priced(self) -> "Offer":
        if self.amount_cents is not None and self.share is not None:
            raise ValueError("give `amount_cents` or `share`, not both")
        if self.share is not None and self.max_cents is None:
            raise ValueError("`share` needs `max_cents`: one huge cart must not empty the budget")
        return self


class Worth(Part):
    """What it is worth when the action works."""

    order_margin_share: Annotated[float, Field(ge=0.0, le=3.0)] = 1.0
    """Part of the order's margin that is won; above 1 where it also brings later orders."""
    fixed_cents: Money = 0
    """Won on top, e.g. the margin of an added product."""


class Action(Document):
    """One thing the shop can do. `do_nothing` needs no document."""

    kind: Literal["Action"]
    channel: Channel
    placement: Name
    """Where on the channel, e.g. checkout_banner."""
    group: Name
    """Cooldown group: actions that feel the same to the shopper."""
    triggers: Annotated[tuple[TriggerKind, ...], Field(min_length=1)] = ("event", "silence")
    """Decisions it takes part in. `event` and `silence`: the shopper is there."""
    interruptive: bool = False
    """Whether it stops the shopper; counts against caps of that kind."""
    urgent: bool = False
    """Whether it may follow another contact at once."""
    eligible: Node | None = None
    """Whether this person may have it at all: `eligible.<reason>`."""
    applicable: Node | None = None
    """Whether it makes sense at this moment: `applicable.<reason>`."""
    suitable: Node | None = None
    """Whether it is good for this person now: `suitable.<reason>`."""
    offered_share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Share of people who may get it in each 60 days, drawn anew: what is not certain cannot be
    played for. Others refuse as `suitable.offered_share`."""
    concerns: Annotated[dict[Concern, Share], Field(min_length=1)]
    """How well it answers each concern, 1 is best."""
    acceptance: dict[Stage | Literal["default"], Share]
    """Prior: probability that it keeps a shopper who is in two minds and has just the concern it
    answers best, by stage."""
    priority: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0
    """Weight of its value; 1 unless the shop has a reason."""
    worth: Worth = Worth()
    """What it is worth when it works."""
    contact_cost_cents: Annotated[float, Field(ge=0.0, le=100_000.0)] = 0.0
    """Cost of carrying it out, annoyance included, whether it works or not."""
    offer: Offer | None = None
    """What is given away."""
    shows_product: Literal["product_id", "bundle_product_id"] | None = None
    """Fact that names the product to show; the command carries it."""
    ttl_ms: Annotated[int, Field(ge=1_000, le=30 * 86_400_000)]
    """How long the command may be carried out."""
    cancel_on: Annotated[tuple[CancelReason, ...], Field(min_length=1)]
    """What revokes it."""
    treatments: Annotated[tuple[Treatment, ...], Field(min_length=1, max_length=16)]
    """Ways of carrying it out; the last has no condition and needs no facts."""

    @model_validator(mode="after")
    def _complete(self) -> "Action":
        if self.name == "do_nothing":
            raise ValueError("`do_nothing` is always a candidate and takes no document")
        if "default" not in self.acceptance:
            raise ValueError("`acceptance` needs a `default`: stages that it does not name use it")
        if self.treatments[-1].when is not None:
            raise ValueError(
                "the last treatment must have no `when`: there is always one that fits"
            )
        if len({treatment.name for treatment in self.treatments}) < len(self.treatments):
            raise ValueError("two treatments share a name")
        if "order_completed" not in self.cancel_on:
            raise ValueError("`cancel_on` needs `order_completed`: nobody is asked to buy twice")
        if self.channel in {"email", "push"} and "consent_withdrawn" not in self.cancel_on:
            raise ValueError("`cancel_on` needs `consent_withdrawn` on e-mail and push")
        if "follow_up" in self.triggers and self.channel in {"onsite", "chat"}:
            raise ValueError("nobody is on the site at a follow-up: use email or push")
        return self


__all__ = ["Action", "Offer", "Span", "Texts", "Treatment", "Worth"]
