"""Topic `decisions`: the ledger. Key: `profile_id`.

One entry each time a decision was due, also when nothing was sent: all it takes to explain and to
re-judge the decision without the process.
"""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.messages.base import (
    Id,
    Message,
    MoneyCents,
    Name,
    Names,
    Number,
    Numbers,
    Offset,
    Part,
    Share,
    SignedCents,
    Text,
    TimeMs,
)
from orchestrator.messages.interventions import ExperimentArm

Scalar = Text | bool | Number | None
Facts = Annotated[
    dict[Name, Scalar | Annotated[list[Text], Field(max_length=1000)]], Field(max_length=1000)
]
Rows = Annotated[list[Annotated[list[Scalar], Field(max_length=16)]], Field(max_length=1000)]


class Trigger(Part):
    """Why a decision was due, and the time it saw."""

    kind: Literal["event", "timer"]
    now_ms: TimeMs
    """The profile's own time: what a replay must hand to the fold."""
    event_id: Id | None = None
    topic: Name | None = None
    partition: Offset | None = None
    offset: Offset | None = None
    timer: Name | None = None
    """`timer`: which one, e.g. silence."""
    due_ms: TimeMs | None = None
    """`timer`: when it was due."""


class Candidate(Part):
    """One action that was looked at."""

    action: Name
    treatment: Name | None = None
    channel: Name | None = None
    placement: Name | None = None
    allowed: bool
    refused_by: Name | None = None
    """Reason code of the gate that refused it."""
    score: Number | None = None
    value_cents: SignedCents | None = None
    """Expected gain over doing nothing, before cost."""
    cost_cents: MoneyCents | None = None
    """Expected cost of the offer and the contact."""
    propensity: Share
    """Probability it was drawn with; the allowed ones sum to 1."""


class Chosen(Part):
    """The action drawn."""

    action: Name
    treatment: Name | None = None
    channel: Name | None = None
    placement: Name | None = None
    propensity: Share
    offer_cents: MoneyCents | None = None


class Exploration(Part):
    """How the draw was made; anybody can repeat it from the entry."""

    rule: Name
    floor_share: Share
    """Least propensity of an allowed candidate."""
    draw: Annotated[float, Field(ge=0.0, lt=1.0)]
    """Keyed hash of the entry's `id`, in [0, 1)."""


class DecisionMade(Message):
    """A ledger entry."""

    type: Literal["decision_made"]
    profile_id: Id
    session_id: Id | None
    customer_id: Id | None
    trigger: Trigger
    positions: Annotated[dict[Name, Offset], Field(max_length=100)]
    """Offset of each input topic's last record seen."""
    stage: Name
    risk: Share | None
    """Probability of abandonment under do-nothing."""
    concern: Annotated[dict[Name, Share], Field(max_length=100)]
    features: Numbers
    """What the models saw; learning reads it from here."""
    candidates: Annotated[list[Candidate], Field(min_length=1, max_length=1000)]
    chosen: Chosen
    command_id: Id | None
    reason: Name
    """Reason code of the choice."""
    exploration: Exploration
    models: Annotated[dict[Name, Name], Field(max_length=100)]
    """`family`: `family@version`."""
    policy: Name
    holdout: bool
    experiment: ExperimentArm | None
    signals: Numbers = Field(default={})
    """What policies saw of the session, by signal."""
    facts: Facts = Field(default={})
    """What policies saw of cart, profile and products."""
    consent: Annotated[dict[Name, bool], Field(max_length=100)] = Field(default={})
    """Consent as it stood, by channel; where none is named the policy's default held."""
    contacts: Rows = Field(default=[])
    """Contacts, at least those that caps and cooldowns count: time, action, channel, group."""
    dismissed: Rows = Field(default=[])
    """What the shopper waved away: time, action."""
    suppressions: Names = Field(default=[])
    """Reasons against any contact at all."""
    budgets_left_cents: Annotated[dict[Name, SignedCents], Field(max_length=100)] = Field(
        default={}
    )
    """This partition's share of each budget, before the decision."""
