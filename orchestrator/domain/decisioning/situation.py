"""What a decision sees: one shopper at one moment, and the names a policy may ask for."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Literal, NamedTuple, TypeAlias

FactValue: TypeAlias = str | int | float | bool | None
TriggerKind: TypeAlias = Literal["event", "silence", "follow_up"]
"""Something happened; nothing happened for long; a planned message is due after the session."""
Contact: TypeAlias = tuple[int, str, str, str]
"""A command that was sent: time_ms, action, channel, cooldown group."""

CHANNELS: Final = ("onsite", "chat", "email", "push")
CONCERNS: Final = ("price", "affordability", "delivery", "returns", "trust", "technical")
STAGES: Final = (
    "browse",
    "product",
    "cart",
    "checkout",
    "contact",
    "shipping",
    "payment",
    "review",
    "purchased",
)
"""Stages of the journey as sessions name them, in the order of the funnel."""
NOTHING: Final[dict[str, int]] = {}


class Fact(NamedTuple):
    """A name a condition may ask for."""

    type: Literal["text", "number", "bool"]
    description: str


FACTS: Final[Mapping[str, Fact]] = {
    # of the moment: read from the situation itself
    "stage": Fact("text", "stage of the journey: " + ", ".join(STAGES)),
    "risk": Fact("number", "probability that the session ends without an order, [0, 1]"),
    "trigger": Fact("text", "why a decision is due: event, silence, follow_up"),
    "follow_up": Fact("text", "follow-up of a Journey that is due; empty otherwise"),
    **{
        f"concern.{name}": Fact("number", f"share of the evidence that speaks of {name}, [0, 1]")
        for name in CONCERNS
    },
    # of the person: from `profiles`, orders seen, and the session's context
    "customer_known": Fact("bool", "whether the shopper is identified"),
    "is_member": Fact("bool", "member of the loyalty programme"),
    "orders_count": Fact("number", "orders known before now"),
    "orders_value_cents": Fact("number", "their total, cents"),
    "last_order_age_ms": Fact("number", "since the last order known, milliseconds"),
    "returns_share": Fact("number", "share of orders sent back, [0, 1]"),
    "coupon_share": Fact("number", "share of orders with a coupon, [0, 1]"),
    "lifetime_value_cents": Fact("number", "expected margin of future orders, cents"),
    "segment": Fact("text", "segment as the customer system names it"),
    "device": Fact("text", "mobile, tablet, desktop ..."),
    "locale": Fact("text", "BCP 47 tag of the shopper's language, e.g. de-DE"),
    "time_zone": Fact("text", "IANA name of the shopper's time zone, e.g. Europe/Berlin"),
    # of the cart and the products in it
    "cart_value_cents": Fact("number", "value of the cart, cents"),
    "cart_items_count": Fact("number", "pieces in the cart"),
    "currency": Fact("text", "ISO 4217 code of all money in the situation"),
    "margin_share": Fact("number", "margin of the cart as a share of its value, [0, 1]"),
    "product_id": Fact("text", "product looked at last"),
    "product_name": Fact("text", "its name"),
    "product_purchases_count": Fact("number", "how often it was bought lately"),
    "product_stars": Fact("number", "its mean review, 1 to 5"),
    "bundle_product_id": Fact("text", "product often bought with the ones in the cart"),
    "bundle_product_name": Fact("text", "its name"),
    "delivery_date": Fact("text", "date of delivery the shop can keep, ISO 8601"),
    "order_cutoff": Fact("text", "local time to order by for that date, HH:MM"),
    "returns_days": Fact("number", "days within which goods may be sent back"),
    "shipping_cost_cents": Fact("number", "shipping cost of the cart, cents"),
}
"""Facts that conditions and texts may name. One that is None or missing is unknown."""
_FIELDS: Final = (
    "budgets_left_cents",
    "concern",
    "consent",
    "contacts",
    "customer_id",
    "dismissed",
    "facts",
    "follow_up",
    "now_ms",
    "profile_id",
    "risk",
    "session_id",
    "signals",
    "stage",
    "suppressions",
    "trigger",
)


class Situation:
    """One shopper at one moment; a decision is a function of this, the policies and an id.

    Args:
        now_ms: The profile's own time, Unix epoch UTC.
        profile_id: Key of the person in the log.
        session_id: Session the decision is for.
        stage: Stage of the journey, one of `STAGES`.
        risk: Probability of leaving without an order under do-nothing, [0, 1].
        concern: Share of the evidence by concern; sums to 1, or is empty without evidence.
        signals: Micro-signals by name; one that is missing counts as 0.
        facts: Values by the names of `FACTS`; None or missing: unknown.
        consent: Consent by channel where somebody stated it.
        customer_id: Identified customer: the unit of holdout and experiments where known.
        contacts: Commands sent to this person, at least as far back as `PolicySet.relevant` keeps.
        dismissed: Dismissals by the shopper: (time_ms, action).
        suppressions: Reason codes against contacting at all, e.g. `recent_order`.
        budgets_left_cents: What is left today of this partition's share, by budget; a budget that
            is not named is not limited.
        trigger: Why the decision is due.
        follow_up: Name of the follow-up due, where the trigger is one.
    """

    __slots__ = _FIELDS

    def __init__(
        self,
        *,
        now_ms: int,
        profile_id: str,
        session_id: str | None,
        stage: str,
        risk: float,
        concern: dict[str, float],
        signals: dict[str, float],
        facts: dict[str, FactValue],
        consent: dict[str, bool],
        customer_id: str | None = None,
        contacts: Sequence[Contact] = (),
        dismissed: Sequence[tuple[int, str]] = (),
        suppressions: AbstractSet[str] = frozenset(),
        budgets_left_cents: dict[str, int] = NOTHING,
        trigger: TriggerKind = "event",
        follow_up: str = "",
    ) -> None:
        self.now_ms = now_ms
        self.profile_id = profile_id
        self.session_id = session_id
        self.stage = stage
        self.risk = risk
        self.concern = concern
        self.signals = signals
        self.facts = facts
        self.consent = consent
        self.customer_id = customer_id
        self.contacts = contacts
        self.dismissed = dismissed
        self.suppressions = suppressions
        self.budgets_left_cents = budgets_left_cents
        self.trigger: TriggerKind = trigger
        self.follow_up = follow_up

    def replace(self, **changes: object) -> "Situation":
        """A copy with some fields changed."""
        values = {name: getattr(self, name) for name in _FIELDS}
        return Situation(**(values | changes))
