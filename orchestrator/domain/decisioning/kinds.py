"""The kinds of policy documents that steer when and how decisions are made; see docs/policies.md.

`Action` has a module of its own. Times are milliseconds, money is cents, shares lie in [0, 1].
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from orchestrator.domain.decisioning.conditions import Node, Part, Reason

Channel: TypeAlias = Literal["onsite", "chat", "email", "push"]
Stage: TypeAlias = Literal[
    "browse",
    "product",
    "cart",
    "checkout",
    "contact",
    "shipping",
    "payment",
    "review",
    "purchased",
]
Concern: TypeAlias = Literal["price", "affordability", "delivery", "returns", "trust", "technical"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""Lower case, digits, `_` and `-`; at most 64."""
EventType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Span = Annotated[int, Field(ge=0, le=366 * 86_400_000)]
"""Milliseconds, up to a year."""
Money = Annotated[int, Field(ge=0, le=10**12)]
"""Cents."""
MinuteOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""Local time, HH:MM."""


class Document(Part):
    """What every policy document has."""

    name: Name
    """Name within its kind; the key on the topic `policies` is `kind/name`."""
    description: Annotated[str, Field(max_length=2000)] = ""
    """For people."""


class DueCondition(Part):
    """A decision is due after certain events while a condition on signals holds."""

    events: Annotated[tuple[EventType, ...], Field(min_length=1, max_length=32)]
    """Events after which to look."""
    when: Node
    """A condition on signals only: neither risk nor facts are known yet."""


class SignalSet(Document):
    """When a decision is due. Risk is scored then, and only then."""

    kind: Literal["SignalSet"]
    decision_spacing_ms: Span = 30_000
    """Least time between two decisions of a session."""
    events: tuple[EventType, ...]
    """Events that make a decision due by themselves."""
    urgent_events: tuple[EventType, ...] = ()
    """Events that make one due whatever the spacing, but for `urgent_spacing_ms`."""
    urgent_spacing_ms: Span = 3_000
    """Least time between an urgent decision and the one before it."""
    conditions: Annotated[tuple[DueCondition, ...], Field(max_length=64)] = ()
    """Events that make one due while something holds."""
    silence_ms: dict[Stage, Annotated[int, Field(ge=1_000, le=1_800_000)]] = Field(
        default_factory=dict
    )
    """How long a shopper may be silent, by stage, until a decision is due."""


class EngagementPolicy(Document):
    """Which actions compete, and what all of them need. Its name is the policy's name."""

    kind: Literal["EngagementPolicy"]
    actions: Annotated[tuple[Name, ...], Field(min_length=1, max_length=200)]
    """Actions in force, in the order of candidates in the ledger; `do_nothing` comes by itself."""
    eligible: Node | None = None
    """What every action needs; reason codes `eligible.<reason>`."""

    @model_validator(mode="after")
    def _distinct(self) -> "EngagementPolicy":
        if len(set(self.actions)) < len(self.actions):
            raise ValueError("`actions` names one twice")
        if "do_nothing" in self.actions:
            raise ValueError("`do_nothing` is always a candidate: leave it out")
        return self


class Reach(Part):
    """Which contacts a rule is about; without any restriction all of them."""

    channels: tuple[Channel, ...] | None = None
    """Only contacts on these channels."""
    groups: tuple[Name, ...] | None = None
    """Only contacts of these cooldown groups."""
    interruptive: bool = False
    """Only contacts by interruptive actions."""


class Cap(Reach):
    """At most so many contacts in a sliding span of time."""

    name: Reason
    """Refuses as `cap.<name>`."""
    span_ms: Annotated[int, Field(gt=0, le=366 * 86_400_000)]
    """Length of the span."""
    contacts_max: Annotated[int, Field(ge=0, le=1000)]
    """Contacts allowed within it."""


class Suppression(Reach):
    """A reason not to contact."""

    reason: Reason
    """Refuses as `suppression.<reason>`; also what the caller may state of a person."""
    when: Node | None = None
    """Condition under which it holds by itself; without one it holds only when stated."""


class QuietHours(Part):
    """Local hours without contact on some channels; over midnight when `start` > `end`."""

    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    """Channels that keep quiet."""
    start: MinuteOfDay
    """First minute of quiet, in the shopper's time zone."""
    end: MinuteOfDay
    """First minute after it."""


class ContactPolicy(Document):
    """What protects people and measurement: consent, caps, cooldowns, quiet hours, holdout."""

    kind: Literal["ContactPolicy"]
    consent_default: dict[Channel, bool]
    """Consent where nobody stated any; a channel that is not named is refused."""
    caps: Annotated[tuple[Cap, ...], Field(max_length=64)] = ()
    """Limits on the number of contacts."""
    cooldowns_ms: dict[Name, Span] = Field(default_factory=dict)
    """Quiet time of a group after a contact of it; refuses as `cooldown.<group>`."""
    between_contacts_ms: dict[Channel, Span] = Field(default_factory=dict)
    """Quiet time of a channel after any contact on it; refuses as `cooldown.contact`. Urgent
    actions are exempt."""
    dismissal_ms: Span = 7 * 86_400_000
    """Quiet time of a group after the shopper dismissed one of it; `cooldown.dismissed`."""
    suppressions: Annotated[tuple[Suppression, ...], Field(max_length=64)] = ()
    """Reasons not to contact."""
    quiet_hours: Annotated[tuple[QuietHours, ...], Field(max_length=16)] = ()
    """Hours without contact."""
    time_zone_default: Annotated[str, Field(max_length=64)] = "UTC"
    """IANA time zone of shoppers whose own nobody knows."""
    daily_budgets_cents: dict[Name, Money] = Field(default_factory=dict)
    """What offers may give away a day (UTC), by budget; refuses as `budget.<name>`."""
    holdout_share: Share = 0.05
    """Share of people, by customer where known, to whom nothing is ever done."""
    holdout_salt: Annotated[str, Field(min_length=1, max_length=64)] = "holdout"
    """Another salt holds out other people."""


class Arbitration(Document):
    """How one of the allowed actions is chosen; formulas in docs/policies.md."""

    kind: Literal["Arbitration"]
    rule: Literal["inverse_gap", "greedy"] = "inverse_gap"
    """`inverse_gap`: propensity falls with the distance from the best score; `greedy`: the best
    gets all but the floor."""
    gamma: Annotated[float, Field(gt=0.0, le=100_000.0)] = 40.0
    """Sharpness of `inverse_gap`; scores are normalised to [0, 1] within each decision."""
    floor_share: Annotated[float, Field(gt=0.0, le=0.05)] = 0.002
    """Least propensity of an allowed candidate: without one no candidate can be evaluated."""
    margin_share: Share = 0.35
    """Margin of a cart whose own margin is not known."""
    order_value_cents: Annotated[int, Field(gt=0, le=10**9)] = 6_000
    """Value of an order where the cart is still empty."""
    match_floor: Share = 0.15
    """Match of an action that answers no concern the shopper shows."""
    match_unknown: Share = 0.4
    """Match of every action while there is no evidence of any concern."""


class Reward(Document):
    """What a decision is held to have earned, and for how long it is waited for."""

    kind: Literal["Reward"]
    margin_share: Share = 0.35
    """Margin of an order whose margin the order system does not tell."""
    onsite_window_ms: Span = 1_800_000
    """How long an order counts for decisions on site and in chat."""
    message_window_ms: Span = 259_200_000
    """The same where e-mail or push was among the allowed candidates."""
    returns_window_ms: Span = 2_592_000_000
    """How long after an order goods may come back."""


class Arm(Part):
    """One arm of an experiment."""

    name: Name
    share: Annotated[float, Field(gt=0.0, le=1.0)]
    """Share of people in it."""
    without: tuple[Name, ...] = ()
    """Actions that this arm does not get; they refuse as `experiment.<arm>`."""
    treatments: dict[Name, Name] = Field(default_factory=dict)
    """Treatment of an action in this arm, instead of the first that fits."""


class Experiment(Document):
    """A test with sticky arms: a person keeps the arm for as long as the salt stands."""

    kind: Literal["Experiment"]
    salt: Annotated[str, Field(min_length=1, max_length=64)]
    """Another salt draws the arms anew."""
    arms: Annotated[tuple[Arm, ...], Field(min_length=2, max_length=16)]
    """Arms; their shares add up to 1 at most. Who falls into none is not in the test."""

    @model_validator(mode="after")
    def _adds_up(self) -> "Experiment":
        if sum(arm.share for arm in self.arms) > 1.0 + 1e-9:
            raise ValueError("the arms' shares add up to more than 1")
        if len({arm.name for arm in self.arms}) < len(self.arms):
            raise ValueError("two arms share a name")
        return self


class FollowUp(Part):
    """A decision that is due some time after the session."""

    name: Name
    """What conditions see as the fact `follow_up`."""
    after_ms: Annotated[int, Field(gt=0, le=30 * 86_400_000)]
    """Time since the session's last event."""
    actions: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Actions that compete for it; others refuse as `eligible.follow_up`."""


class Journey(Document):
    """Follow-ups to a session that ended in some way."""

    kind: Literal["Journey"]
    after: tuple[Literal["purchased", "abandoned", "browsed"], ...]
    """Outcomes of a session that start it."""
    follow_ups: Annotated[tuple[FollowUp, ...], Field(min_length=1, max_length=8)]
    """What may follow, by name."""
    stop_on: tuple[EventType, ...] = ("order_completed", "cart_emptied", "consent_withdrawn")
    """What ends it before a follow-up is due."""
