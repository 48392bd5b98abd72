"""Topics `sessions`, `rewards`, `models`: what came of it, and what was learnt."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.messages.base import (
    Count,
    Id,
    Ids,
    Json,
    Message,
    MoneyCents,
    Name,
    Number,
    Numbers,
    Offset,
    Share,
    SignedCents,
    TimeMs,
)


class SessionClosed(Message):
    """A session ended: 30 minutes of silence, or the profile opened too many."""

    type: Literal["session_closed"]
    profile_id: Id
    session_id: Id
    opened_ms: TimeMs
    """Its first event."""
    closed_ms: TimeMs
    """Its last event."""
    events_count: Count
    outcome: Literal["purchased", "abandoned", "browsed"]
    """abandoned: a cart or checkout was reached and no order followed; browsed: no cart."""
    stage_reached: Name
    cart_value_cents: MoneyCents
    order_ids: Ids
    signals: Numbers
    risk_last: Share | None
    """Last risk scored; null where no decision was due."""
    decision_ids: Ids


class RewardSettled(Message):
    """What a decision earned, once its window has passed or an outcome is sure."""

    type: Literal["reward_settled"]
    profile_id: Id
    decision_id: Id
    action: Name
    reward_cents: SignedCents
    converted: bool
    parts: Annotated[dict[Name, Number], Field(max_length=100)]
    """Shares of the reward by cause: margin, offer, contact, return ..."""
    matured: bool
    """Whether the window has passed: later ones can only be corrections."""


class RewardCorrected(Message):
    """A later outcome changed a reward: the sum as it stands now, not the difference."""

    type: Literal["reward_corrected"]
    profile_id: Id
    decision_id: Id
    action: Name
    reward_cents: SignedCents
    converted: bool
    parts: Annotated[dict[Name, Number], Field(max_length=100)]
    matured: bool


class ModelSnapshot(Message):
    """A model as learnt so far; workers swap it in between batches. Key: `model_id`."""

    type: Literal["model_snapshot"] = "model_snapshot"
    model_id: Id
    version: Count
    kind: Name
    """Which code reads `state`, e.g. logistic."""
    features: Annotated[list[Name], Field(max_length=1000)]
    """Names, in the order of the weights."""
    state: Json
    offsets: Annotated[
        dict[Name, Annotated[dict[Name, Offset], Field(max_length=10_000)]], Field(max_length=100)
    ]
    """Input topic to partition to the last offset learnt: a restart neither loses nor doubles."""
    examples: Count
    """How many rows it has learnt from."""
    metrics: Annotated[dict[Name, Number | None], Field(max_length=100)]
