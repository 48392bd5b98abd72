"""Who the shoppers are: six latent types, and persons who keep their taste over many sessions."""

from enum import StrEnum
from itertools import accumulate
from math import exp
from typing import NamedTuple

from orchestrator.simulator.catalogue import CATEGORIES, CURRENCY
from orchestrator.simulator.dials import Dials
from orchestrator.simulator.draws import Draws, exponential, normal, pick
from orchestrator.types import Payload

PRICE, SHIPPING_COST, AFFORDABILITY, DELIVERY, RETURNS, TRUST, TECHNICAL, CHOICE = range(8)
CONCERNS = (
    "price",
    "shipping_cost",
    "affordability",
    "delivery",
    "returns",
    "trust",
    "technical",
    "choice",
)
"""What may keep somebody from buying."""
Weights = tuple[tuple[int, float], ...]
"""A number for each of some concerns."""


class ShopperType(StrEnum):
    """The six latent types."""

    PRICE_SENSITIVE = "price_sensitive"
    DELIVERY_ANXIOUS = "delivery_anxious"
    RETURN_ANXIOUS = "return_anxious"
    BROWSER = "browser"
    LOYAL = "loyal"
    COUPON_GAMER = "coupon_gamer"


class _Kind(NamedTuple):
    """What the persons of one type have in common."""

    weight: float
    concerns: tuple[float, ...]
    """Mean strength of each concern."""
    intent: float
    """Mean wish to buy today."""
    openness: float
    """Mean readiness to be spoken to."""
    orders: float
    """Mean number of earlier orders of a known customer."""
    member_share: float
    returns_share: float
    coupon_share: float
    browsing: float
    """Wish to look on, against going to the cart."""


_KINDS: dict[ShopperType, _Kind] = {
    ShopperType.PRICE_SENSITIVE: _Kind(
        0.24, (1.3, 0.8, 0.9, 0.2, 0.3, 0.3, 0.25, 0.4), 0.1, 0.2, 2.0, 0.2, 0.08, 0.35, 0.3
    ),
    ShopperType.DELIVERY_ANXIOUS: _Kind(
        0.16, (0.3, 0.4, 0.2, 1.6, 0.2, 0.3, 0.25, 0.3), 0.35, 0.1, 3.0, 0.25, 0.08, 0.1, -0.1
    ),
    ShopperType.RETURN_ANXIOUS: _Kind(
        0.14, (0.3, 0.2, 0.4, 0.2, 1.4, 0.8, 0.25, 0.5), 0.1, 0.1, 1.5, 0.15, 0.35, 0.1, 0.2
    ),
    ShopperType.BROWSER: _Kind(
        0.24, (0.5, 0.3, 0.5, 0.2, 0.3, 0.5, 0.25, 1.3), -0.45, -0.1, 1.0, 0.1, 0.12, 0.1, 0.9
    ),
    ShopperType.LOYAL: _Kind(
        0.14, (0.2, 0.2, 0.2, 0.4, 0.2, 0.05, 0.4, 0.2), 0.8, 0.3, 8.0, 0.75, 0.08, 0.08, -0.3
    ),
    ShopperType.COUPON_GAMER: _Kind(
        0.08, (1.0, 0.6, 0.2, 0.2, 0.3, 0.2, 0.2, 0.2), 0.35, 0.6, 4.0, 0.4, 0.2, 0.75, 0.0
    ),
}
TYPES = tuple(_KINDS)
_TYPE_ODDS = list(accumulate(kind.weight for kind in _KINDS.values()))
_PLACES = (
    ("Europe/Berlin", "de-DE"),
    ("Europe/Vienna", "de-AT"),
    ("Europe/London", "en-GB"),
    ("Europe/Paris", "fr-FR"),
    ("America/New_York", "en-US"),
    ("America/Los_Angeles", "en-US"),
)
_PLACE_ODDS = (4.0, 5.0, 7.0, 8.0, 9.0, 10.0)
CHANNELS = ("onsite", "chat", "email", "push")


class Person(NamedTuple):
    """One person, latent traits included; a function of the world's seed and a number."""

    number: int
    shopper_type: ShopperType
    profile_id: str
    customer_id: str | None
    """None: somebody without an account."""
    time_zone: str
    locale: str
    consent: tuple[bool, bool, bool, bool]
    """By `CHANNELS`."""
    is_member: bool
    orders_count: int
    """Orders before the world began."""
    returns_share: float
    coupon_share: float
    mean_order_cents: int
    intent: float
    openness: float
    browsing: float
    lifetime_value_cents: int
    """What the person would spend in a year to come."""
    taste: list[float]
    """Running sum of the weights of the categories."""
    mobile_share: float

    def allows(self, channel: str) -> bool:
        """Whether the person consented to a channel, as the customer system knows it."""
        if self.customer_id is None:
            return channel in {"onsite", "chat"}
        return channel in CHANNELS and self.consent[CHANNELS.index(channel)]

    def concern_means(self) -> tuple[float, ...]:
        """Mean strength of each concern in a session of this person."""
        return _KINDS[self.shopper_type].concerns


def person(seed: int, number: int, dials: Dials) -> Person:
    """The person of a number."""
    draws = Draws(seed, "person", number)
    u, v = draws.block(0), draws.block(1)
    shopper_type = TYPES[pick(u[0], _TYPE_ODDS)]
    kind = _KINDS[shopper_type]
    loyal = shopper_type is ShopperType.LOYAL
    known = u[1] < dials.known_share or loyal  # nobody is loyal to a shop that does not know them
    orders = int(exponential(u[2], kind.orders)) + int(loyal) * 2 if known else 0
    time_zone, locale = _PLACES[pick(u[3], _PLACE_ODDS)]
    shares = (
        dials.consent_onsite_share,
        dials.consent_chat_share,
        dials.consent_email_share,
        dials.consent_push_share,
    )
    mean_order_cents = round(7_000 * exp(0.4 * normal(u[4])))
    return Person(
        number=number,
        shopper_type=shopper_type,
        profile_id=f"c{seed}-{number}" if known else f"anon{seed}-{number}",
        customer_id=f"c{seed}-{number}" if known else None,
        time_zone=time_zone,
        locale=locale,
        consent=(u[5] < shares[0], u[6] < shares[1], u[7] < shares[2], u[8] < shares[3]),
        is_member=known and u[9] < kind.member_share,
        orders_count=orders,
        returns_share=_share(kind.returns_share, u[10]) if orders else 0.0,
        coupon_share=_share(kind.coupon_share, u[11]) if orders else 0.0,
        mean_order_cents=mean_order_cents,
        intent=kind.intent + 0.5 * normal(u[12]),
        openness=kind.openness + 0.6 * normal(u[13]),
        browsing=kind.browsing,
        lifetime_value_cents=round(mean_order_cents * exponential(u[14], 1.0 + kind.orders / 2)),
        taste=list(accumulate(exponential(v[index], 1.0) ** 2 for index in range(len(CATEGORIES)))),
        mobile_share=0.2 + 0.6 * u[15],
    )


def _share(mean: float, uniform: float) -> float:
    return round(min(1.0, mean * (0.4 + 1.2 * uniform)), 3)


class History:
    """What happened to one person in this world: small, kept while the world runs."""

    __slots__ = (
        "coupon_wait",
        "fatigue",
        "fatigue_ms",
        "orders",
        "orders_cents",
        "refused",
        "told",
    )

    def __init__(self) -> None:
        self.fatigue = 0.0
        self.fatigue_ms = 0
        self.coupon_wait = 0.0
        """How far the person has learnt to wait for the next coupon."""
        self.orders = 0
        self.orders_cents = 0
        self.refused: tuple[str, ...] = ()
        """Channels unsubscribed from."""
        self.told = False
        """Whether the customer system has told of this person yet."""

    def bought(self, who: Person, total_cents: int, *, with_coupon: bool) -> None:
        """Remember an order; who got a coupon learns to wait for the next."""
        self.orders += 1
        self.orders_cents += total_cents
        if with_coupon:
            gamer = who.shopper_type is ShopperType.COUPON_GAMER
            self.coupon_wait = min(1.0, self.coupon_wait + (0.35 if gamer else 0.05))

    def fatigue_at(self, time_ms: int) -> float:
        """Weariness of being spoken to; it halves in three days."""
        if not self.fatigue:
            return 0.0
        return float(self.fatigue * 0.5 ** (max(0, time_ms - self.fatigue_ms) / FATIGUE_HALF_MS))

    def tire(self, amount: float, time_ms: int) -> None:
        """Add to the weariness."""
        self.fatigue = self.fatigue_at(time_ms) + amount
        self.fatigue_ms = time_ms


FATIGUE_HALF_MS = 3 * 86_400_000


def profile_record(who: Person, history: History, time_ms: int) -> Payload:
    """What the customer system says of a person."""
    consent = {
        channel: given and channel not in history.refused
        for channel, given in zip(CHANNELS, who.consent, strict=True)
    }
    orders = who.orders_count + history.orders
    return {
        "id": f"profile-{who.profile_id}-{time_ms}",
        "type": "profile_updated",
        "time_ms": time_ms,
        "profile_id": who.profile_id,
        "customer_id": who.customer_id,
        "time_zone": who.time_zone,
        "locale": who.locale,
        "consent": consent,
        "is_member": who.is_member,
        "orders_count": orders,
        "orders_value_cents": who.orders_count * who.mean_order_cents + history.orders_cents,
        "currency": CURRENCY,
        "returns_share": who.returns_share,
        "coupon_share": who.coupon_share,
    }
