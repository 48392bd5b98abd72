"""What the fast lane keeps of one profile: bounded, slim, and the same after a JSON round trip."""

from typing import Any, NamedTuple

from orchestrator.domain.sessions import SessionSet
from orchestrator.types import CommandId, DecisionId, Millis, SessionId

MAX_COMMANDS = 8
MAX_CONTACTS = 32
MAX_ORDERS = 32
MAX_FOLLOW_UPS = 4
MAX_DISMISSALS = 8


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


class FollowUp(NamedTuple):
    """A message to consider later, e.g. the cart reminder an hour after an abandoned session."""

    due_ms: int
    journey: str
    session_id: SessionId
    opened_ms: int
    closed_ms: int
    stage: str
    cart_value_cents: int
    currency: str
    risk: float
    signals: dict[str, float]
    features: dict[str, float]


class Facts:
    """What is known of the person beside the clicks; None where nobody said."""

    __slots__ = (
        "consent",
        "coupon_share",
        "customer_id",
        "is_member",
        "locale",
        "orders_count",
        "orders_value_cents",
        "returns_share",
        "time_zone",
    )

    def __init__(self) -> None:
        self.customer_id: str | None = None
        self.time_zone: str | None = None
        self.locale: str | None = None
        self.consent: dict[str, bool] = {}
        self.is_member = False
        self.orders_count = 0
        self.orders_value_cents = 0
        self.returns_share = 0.0
        self.coupon_share = 0.0

    def dump(self) -> list[Any]:
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def load(cls, row: list[Any]) -> "Facts":
        facts = cls()
        for name, value in zip(cls.__slots__, row, strict=True):
            setattr(facts, name, value)
        return facts


class Profile:
    """State of one profile in the worker (`ports.Keyed`)."""

    __slots__ = (
        "commands",
        "contacts",
        "dismissals",
        "facts",
        "follow_ups",
        "last_ms",
        "last_order_ms",
        "orders",
        "scheduled_ms",
        "sessions",
        "wake_at_ms",
    )

    def __init__(self, sessions: SessionSet) -> None:
        self.sessions = sessions
        self.facts = Facts()
        self.commands: list[Outstanding] = []
        self.contacts: list[Contact] = []
        self.dismissals: list[tuple[int, str]] = []
        self.follow_ups: list[FollowUp] = []
        self.orders: list[str] = []
        """Order ids known, most recent last: an order seen twice is one order."""
        self.last_order_ms = 0
        self.last_ms = 0
        """The profile's own time: its latest event."""
        self.wake_at_ms = 0
        self.scheduled_ms = 0

    def knows_order(self, order_id: str) -> bool:
        """Whether the order was seen; remembers it either way."""
        if order_id in self.orders:
            return True
        self.orders.append(order_id)
        del self.orders[:-MAX_ORDERS]
        return False

    def remember(self, command: Outstanding, contact: Contact) -> None:
        """Keep a command just issued, for revocation and for caps."""
        self.commands.append(command)
        del self.commands[:-MAX_COMMANDS]
        self.contacts.append(contact)
        del self.contacts[:-MAX_CONTACTS]

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
            self.facts.dump(),
            self.commands,
            self.contacts,
            self.dismissals,
            self.follow_ups,
            self.orders,
            self.last_order_ms,
            self.last_ms,
            self.wake_at_ms,
        ]

    @classmethod
    def load(cls, row: list[Any], sessions: SessionSet) -> "Profile":
        profile = cls(sessions)
        profile.facts = Facts.load(row[1])
        profile.commands = [Outstanding(*held[:-1], tuple(held[-1])) for held in row[2]]
        profile.contacts = [Contact(*contact) for contact in row[3]]
        profile.dismissals = [(time_ms, action) for time_ms, action in row[4]]
        profile.follow_ups = [FollowUp(*follow_up) for follow_up in row[5]]
        profile.orders = list(row[6])
        profile.last_order_ms, profile.last_ms, profile.wake_at_ms = row[7:10]
        return profile
