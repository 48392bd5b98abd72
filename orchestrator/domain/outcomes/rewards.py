"""What a decision earned: settled when its session closes, corrected when the truth comes late.

All decisions of a session share its outcome: each is credited with what was bought after it. So
rewards must never be added up over the decisions of a session; they compare actions, they do not
share out money. What an action gives away is charged to it *and to the decisions before it*, else
doing nothing would look free wherever a coupon followed.

The reward at close is 0 where nothing was bought yet, and is corrected when an order turns up,
comes back or is cancelled: waiting for the whole window was measured to cost a sixth of the gain.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.outcomes.purchases import Purchase

DO_NOTHING = "do_nothing"
ENGAGEMENTS = ("delivered", "shown", "clicked", "accepted", "dismissed", "expired", "unsubscribed")
"""Feedback types a claim remembers, by bit."""
_SAME_AS = {"chat_completed": "accepted"}


def says_something(kind: str) -> bool:
    """Whether feedback of this type tells what became of a command."""
    return _SAME_AS.get(kind, kind) in ENGAGEMENTS


@dataclass(frozen=True, slots=True)
class RewardRule:
    """How rewards are counted; a shop sets its own."""

    default_margin_share: float = 0.35
    """Margin of an order whose margin the order system does not tell, share of its total."""
    onsite_window_ms: int = 30 * 60_000
    """How long an order counts for an on-site or chat decision after its session's last event:
    the session's own gap."""
    message_window_ms: int = 72 * 3_600_000
    """The same where e-mail or push was among the allowed candidates, whatever was chosen: arms
    that compete are measured over the same time."""
    returns_window_ms: int = 30 * 86_400_000
    """How long after the order goods may come back."""


class Claim:
    """One decision that waits for its outcome, and what was said about it so far."""

    __slots__ = (
        "_engaged",
        "action",
        "command_id",
        "decision_id",
        "follows_up",
        "offer_cents",
        "published",
        "revision",
        "time_ms",
        "window_ms",
    )

    def __init__(
        self,
        decision_id: str,
        time_ms: int,
        action: str,
        *,
        offer_cents: int = 0,
        command_id: str = "",
        window_ms: int = 0,
        follows_up: bool = False,
    ) -> None:
        self.decision_id = decision_id
        self.time_ms = time_ms
        self.action = action
        self.offer_cents = offer_cents
        self.command_id = command_id
        self.window_ms = window_ms
        self.follows_up = follows_up
        """Decided after its session, on a message that had been planned."""
        self._engaged = 0
        self.published: list[int] | None = None
        """The last reward published, as numbers; None: not settled yet."""
        self.revision = 0
        """Rewards published so far."""

    def engage(self, kind: str) -> None:
        """Take one acknowledgement in; kinds that mean nothing here pass."""
        if says_something(kind):
            kind = _SAME_AS.get(kind, kind)
            self._engaged |= 1 << ENGAGEMENTS.index(kind)

    def engaged(self, kind: str) -> bool:
        return bool(self._engaged >> ENGAGEMENTS.index(kind) & 1)

    def redeemable(self) -> bool:
        """Whether an order pays for the offer: it was not turned down, or taken all the same."""
        declined = self.engaged("dismissed") or self.engaged("expired")
        return not declined or self.engaged("accepted") or self.engaged("clicked")

    def dump(self) -> list[Any]:
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def load(cls, row: list[Any]) -> "Claim":
        claim = cls("", 0, "")
        for name, value in zip(cls.__slots__, row, strict=True):
            setattr(claim, name, value)
        return claim


@dataclass(slots=True)
class Visit:
    """One session as its decisions' rewards need it."""

    session_id: str
    claims: list[Claim]
    """In order of time."""
    closed_ms: int = 0
    """When it ended, its gap included; 0: not known."""
    cart_value_cents: int = 0
    """Stands for the total of an order known by name only."""

    def window_end_ms(self, claim: Claim) -> int:
        """Until when an order counts for a decision of this session."""
        return max(claim.time_ms + claim.window_ms, self.closed_ms)

    def counts(self, claim: Claim, order: Purchase) -> bool:
        """Whether an order is an outcome of a decision: placed after it, and soon enough."""
        placed = order.placed_ms
        if order.session_id == self.session_id:
            return not placed or placed >= claim.time_ms
        return claim.time_ms <= placed <= self.window_end_ms(claim)


@dataclass(frozen=True, slots=True)
class Reward:
    """What one decision earned, as far as is known."""

    cents: int
    converted: bool
    """An order that was not cancelled followed."""
    matured: bool
    """The time in which it may still change is over; a straggler corrects it all the same."""
    matures_ms: int
    """From when on no further change is expected."""
    parts: dict[str, int]
    """`margin_cents` + `returns_cents` + `offer_cents` + `later_offers_cents` = `cents`; counts
    of what the shopper did with the command stand beside."""

    def numbers(self) -> list[int]:
        """Everything in it as numbers, to see whether it changed."""
        return [self.cents, self.converted, self.matured, *self.parts.values()]


def settle(
    visit: Visit, claim: Claim, purchases: Iterable[Purchase], rule: RewardRule, now_ms: int
) -> Reward:
    """The reward of one decision, from everything known at `now_ms`."""
    standing = [order for order in purchases if not order.cancelled and visit.counts(claim, order)]
    margin = returns = 0
    for order in standing:
        gross = order.gross_margin_cents(rule.default_margin_share, visit.cart_value_cents)
        margin += gross
        returns -= gross - round(gross * order.kept_share())
    offer = later = 0
    if standing:
        offer = -claim.offer_cents if claim.redeemable() else 0
        later = -_given_later_cents(visit, claim, standing)
    parts = {
        "margin_cents": margin,
        "returns_cents": returns,
        "offer_cents": offer,
        "later_offers_cents": later,
        **{kind: 1 for kind in ENGAGEMENTS if claim.engaged(kind)},
    }
    ends = [order.placed_ms + rule.returns_window_ms for order in standing]
    matures_ms = max(visit.window_end_ms(claim), *ends) if ends else visit.window_end_ms(claim)
    return Reward(
        cents=margin + returns + offer + later,
        converted=bool(standing),
        matured=now_ms >= matures_ms,
        matures_ms=matures_ms,
        parts=parts,
    )


def _given_later_cents(visit: Visit, claim: Claim, standing: list[Purchase]) -> int:
    """Offers of the session's later decisions that one of these orders could redeem."""
    last_ms = max(order.placed_ms or visit.closed_ms for order in standing)
    return sum(
        other.offer_cents
        for other in visit.claims
        if claim.time_ms < other.time_ms <= last_ms and other.redeemable()
    )
