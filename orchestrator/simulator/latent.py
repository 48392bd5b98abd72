"""The latent state of one session: what the shopper wants and fears, and the luck of the day."""

from typing import NamedTuple

from orchestrator.simulator.catalogue import Catalogue
from orchestrator.simulator.dials import Dials
from orchestrator.simulator.draws import Draws, exponential, normal
from orchestrator.simulator.pages import ACCOUNT, CART, HOME, LIST, PRODUCT, SEARCH
from orchestrator.simulator.people import (
    AFFORDABILITY,
    CONCERNS,
    PRICE,
    TECHNICAL,
    TRUST,
    History,
    Person,
)

Cart = tuple[tuple[int, int], ...]
"""Products by position in the catalogue, and pieces."""

_TROUBLE_SHARE = 0.12
_ACCOUNT_SHARE = 0.06
_TABLET_SHARE = 0.07
_STRANGE_SHARE = 0.12
"""Sessions of known customers on a device that the shop does not know."""


class Setting(NamedTuple):
    """What all sessions of a world share."""

    seed: int
    dials: Dials
    catalogue: Catalogue


class Latent:
    """One session before anything happened in it; never changed afterwards.

    Attributes are true values that no system outside sees.
    """

    __slots__ = (
        "cart",
        "concerns",
        "course",
        "customer_id",
        "device",
        "entry",
        "fatigue",
        "heartbeats",
        "intent",
        "known",
        "number",
        "openness",
        "parent_id",
        "profile_id",
        "seen",
        "session_id",
        "setting",
        "start_ms",
        "who",
    )

    def __init__(
        self, setting: Setting, number: int, who: Person, history: History | None, start_ms: int
    ) -> None:
        draws = Draws(setting.seed, "session", number)
        u, v = draws.block(0), draws.block(1)
        self.setting = setting
        self.number = number
        self.who = who
        self.session_id = f"s{setting.seed}-{number}"
        self.parent_id: str | None = None
        """Session that this one comes back from."""
        self.start_ms = start_ms
        self.course = Draws(setting.seed, "course", number)
        """The luck of the day."""
        self.concerns = [
            mean * 0.5 * (exponential(u[index], 1.0) + exponential(u[8 + index], 1.0))
            for index, mean in enumerate(who.concern_means())
        ]
        if v[0] < _TROUBLE_SHARE:
            self.concerns[TECHNICAL] += 1.0 + v[1]
        if not who.orders_count:
            self.concerns[TRUST] += 0.25
        self.fatigue = 0.0
        if history is not None:
            self.fatigue = history.fatigue_at(start_ms)
            self.concerns[PRICE] += history.coupon_wait
        self.intent = who.intent + 0.8 * normal(v[2])
        self.openness = who.openness + 0.5 * normal(v[3])
        self.device = "mobile" if v[4] < who.mobile_share else "desktop"
        if self.device == "mobile" and v[5] < _TABLET_SHARE:
            self.device = "tablet"
        self.heartbeats = v[6] < 0.25  # noqa: PLR2004 - a quarter of the frontends send them
        self.known = who.customer_id is not None
        self.profile_id = who.profile_id
        """Whom the clickstream takes the shopper for."""
        self.customer_id = who.customer_id
        """None until the shopper logs in at the checkout."""
        if self.known and v[7] < _STRANGE_SHARE:
            self.profile_id = f"dev{setting.seed}-{who.number}"
            self.customer_id = None
        self.entry = _entry(v[8], who)
        self.cart: Cart = ()
        # What events show of a concern is the concern and noise: channel by channel, all session.
        noise = 0.4 / setting.dials.signal
        w = draws.block(2)
        self.seen = [
            concern + noise * normal(w[index]) for index, concern in enumerate(self.concerns)
        ]
        hesitation = 0.25 * sum(self.concerns) - 0.5 * self.intent
        self.seen.append(hesitation + 1.6 * noise * normal(w[8]))

    def coming_back(self, start_ms: int, cart: Cart) -> "Latent":
        """The session in which this shopper comes back to a cart left behind."""
        latent = Latent.__new__(Latent)
        for name in Latent.__slots__:
            setattr(latent, name, getattr(self, name))
        latent.session_id = f"{self.session_id}-back"
        latent.parent_id = self.session_id
        latent.start_ms = start_ms
        latent.course = Draws(self.setting.seed, "course back", self.number)
        latent.entry = CART
        latent.cart = cart
        latent.intent = self.intent + 0.25
        return latent

    def replica(self, index: int) -> "Latent":
        """The same shopper at the same moment, with the luck of another day."""
        latent = Latent.__new__(Latent)
        for name in Latent.__slots__:
            setattr(latent, name, getattr(self, name))
        latent.course = Draws(self.setting.seed, "course", self.number, index)
        return latent

    def allows(self, channel: str) -> bool:
        """Whether the shopper may be reached on a channel."""
        if self.profile_id != self.who.profile_id:
            return channel in {"onsite", "chat"}
        return self.who.allows(channel)

    @property
    def main_concern(self) -> str:
        """The strongest concern, affordability as it stands for a middling cart."""
        weights = list(self.concerns)
        weights[AFFORDABILITY] *= 1.2
        return CONCERNS[max(range(len(weights)), key=weights.__getitem__)]


def _entry(uniform: float, who: Person) -> int:
    if who.orders_count and uniform < _ACCOUNT_SHARE:
        return ACCOUNT
    if uniform < 0.4:  # noqa: PLR2004
        return HOME
    if uniform < 0.6:  # noqa: PLR2004
        return LIST
    return PRODUCT if uniform < 0.9 else SEARCH  # noqa: PLR2004
