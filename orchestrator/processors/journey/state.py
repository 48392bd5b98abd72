"""What the fast lane keeps of one profile: bounded, slim, and the same after a JSON round trip."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from orchestrator.domain.sessions.session import Session
from orchestrator.domain.sessions.session_set import SessionSet
from orchestrator.types import CommandId, DecisionId, Keyed, Millis, SessionId

MAX_COMMANDS: Final = 8
MAX_ORDERS: Final = 32
MAX_FOLLOW_UPS: Final = 4
MAX_DISMISSALS: Final = 8


class Outstanding(NamedTuple):
    """A command that may still have to be revoked or superseded."""

    command_id: CommandId
    decision_id: DecisionId
    session_id: SessionId
    channel: str
    placement: str
    action: str
    expires_at_ms: int
    cancel_on: tuple[str, ...]


class Contact(NamedTuple):
    """A command that was sent, for caps and cooldowns."""

    time_ms: int
    action: str
    channel: str
    group: str


class KnownOrder(NamedTuple):
    """A purchase, from whichever topic it became known first."""

    order_id: str
    time_ms: int
    session_id: str
    """The session it names; empty where it names none."""
    claimed: bool = False
    """A session that ended has it."""


class FollowUp(NamedTuple):
    """A message to consider later, e.g. the cart reminder an hour after an abandoned session."""

    due_ms: int
    name: str
    session_id: SessionId
    opened_ms: int
    stage: str
    risk: float
    signals: dict[str, float]
    facts: dict[str, Any]
    """Facts of the cart as it was left."""


_FACTS: Final = (
    "consent",
    "coupon_share",
    "customer_id",
    "is_member",
    "locale",
    "orders_count",
    "orders_value_cents",
    "returns_share",
    "segment",
    "time_zone",
)


class Facts:
    """What is known of the person beside the clicks; None where nobody said."""

    __slots__ = _FACTS

    def __init__(self) -> None:
        self.customer_id: str | None = None
        self.time_zone: str | None = None
        self.locale: str | None = None
        self.segment: str | None = None
        self.consent: dict[str, bool] = {}
        self.is_member = False
        self.orders_count = 0
        self.orders_value_cents = 0
        self.returns_share = 0.0
        self.coupon_share = 0.0

    @property
    def told(self) -> bool:
        """Whether anything is known at all."""
        return bool(
            self.customer_id
            or self.orders_count
            or self.orders_value_cents
            or self.consent
            or self.time_zone
            or self.locale
            or self.is_member
            or self.segment
            or self.returns_share
            or self.coupon_share
        )

    def dump(self) -> list[Any]:
        return [getattr(self, name) for name in _FACTS]

    @classmethod
    def load(cls, row: list[Any]) -> "Facts":
        facts = cls()
        for name, value in zip(_FACTS, row, strict=True):
            setattr(facts, name, value)
        return facts


class Profile(Keyed):
    """State of one profile in the worker."""

    __slots__ = (
        "behind_ms",
        "cart_emptied_ms",
        "cart_filled_ms",
        "commands",
        "contacts",
        "dismissals",
        "facts",
        "follow_ups",
        "last_ms",
        "last_order_ms",
        "orders",
        "sent",
        "sessions",
    )

    def __init__(self, sessions: SessionSet) -> None:
        super().__init__()
        self.sessions = sessions
        self.facts = Facts()
        self.commands: list[Outstanding] = []
        self.contacts: list[Contact] = []
        self.sent: list[tuple[CommandId, str]] = []
        """Commands of late with their actions, the latest last: what is said of one counts also
        when it was replaced since."""
        self.dismissals: list[tuple[int, str]] = []
        self.follow_ups: list[FollowUp] = []
        self.orders: list[KnownOrder] = []
        """Most recent last: an order seen twice is one order."""
        self.last_order_ms = 0
        self.last_ms = 0
        """The profile's own time: its latest event."""
        self.cart_filled_ms = 0
        self.cart_emptied_ms = 0
        """When a session last told of a cart with something in it, and of an empty one: the cart is
        the shopper's, whatever tab it is looked at in."""
        self.behind_ms = 0
        """By how much the partition's time is ahead of the profile's own, where that matters."""

    def learn_order(self, order: KnownOrder) -> bool:
        """Remember a purchase; False where it was known."""
        if any(known.order_id == order.order_id for known in self.orders):
            return False
        self.orders.append(order)
        del self.orders[:-MAX_ORDERS]
        return True

    def orders_of(self, session: Session, rivals: Sequence[Session] = ()) -> list[str]:
        """Orders of a session that ends: completed in it, naming it, or placed in its time.

        An order that names the first session of its id, one that was never seen, or none, goes to
        one of the sessions open when it was placed: to that which came furthest. Each order goes
        to one session.

        Args:
            session: It ends.
            rivals: Sessions that end in the same moment and have not been asked yet.
        """
        found = list(session.order_ids)
        for at, order in enumerate(self.orders):
            if order.claimed:
                continue
            if order.order_id not in found:
                named = order.session_id == session.session_id
                if not named and not self._is_home(order, session, rivals):
                    continue
                found.append(order.order_id)
            self.orders[at] = order._replace(claimed=True)
        return found

    def _is_placed_in(self, order: KnownOrder, session: Session) -> bool:
        end_ms = session.closed_ms or session.last_ms + session.settings.gap_ms
        if not session.opened_ms <= order.time_ms < end_ms:
            return False
        named = order.session_id
        return named in ("", session.base_id) or not self.sessions.knows(named)

    def _is_home(self, order: KnownOrder, session: Session, rivals: Sequence[Session]) -> bool:
        """Whether it was placed in the session's time, and no other has a better claim."""
        if not self._is_placed_in(order, session):
            return False
        rank = (session.reached, session.last_ms)
        return not any(
            (rival.reached, rival.last_ms) > rank and self._is_placed_in(order, rival)
            for rival in (*self.sessions.open, *rivals)
        )

    def expire(self, now: Millis) -> None:
        """Forget commands that no channel may act on any more."""
        if self.commands:
            self.commands = [held for held in self.commands if held.expires_at_ms > now]

    def idle(self) -> bool:
        """Whether nothing is open, outstanding or planned."""
        return not (self.follow_ups or self.commands or self.sessions.open)

    def dump(self) -> list[Any]:
        return [
            self.sessions.dump(),
            self.facts.dump() if self.facts.told else 0,
            [list(held) for held in self.commands],
            [list(contact) for contact in self.contacts],
            [list(dismissal) for dismissal in self.dismissals],
            [list(planned) for planned in self.follow_ups],
            [list(order) for order in self.orders],
            self.last_order_ms,
            self.last_ms,
            self.wake_at_ms,
            self.behind_ms,
            self.cart_filled_ms,
            self.cart_emptied_ms,
            [list(told) for told in self.sent],
        ]

    @classmethod
    def load(cls, row: list[Any], sessions: SessionSet) -> "Profile":
        profile = cls(sessions)
        if row[1]:
            profile.facts = Facts.load(row[1])
        profile.commands = [Outstanding._make([*held[:-1], tuple(held[-1])]) for held in row[2]]
        profile.contacts = [Contact(*contact) for contact in row[3]]
        profile.dismissals = [(time_ms, action) for time_ms, action in row[4]]
        profile.follow_ups = [FollowUp(*follow_up) for follow_up in row[5]]
        profile.orders = [KnownOrder(*order) for order in row[6]]
        profile.last_order_ms, profile.last_ms = row[7:9]
        profile.wake_at_ms, profile.behind_ms = row[9:11]
        profile.cart_filled_ms, profile.cart_emptied_ms = row[11:13]
        profile.sent = [(command_id, action) for command_id, action in row[13]]
        return profile
