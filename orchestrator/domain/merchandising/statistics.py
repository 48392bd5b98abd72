"""Statistics of one product: how often, with whom, how steeply.

Counts are in *occasions*: a session is one occasion to view a product, an order is one occasion to
buy it, however often the product occurs in it.
"""

import hashlib
from collections import deque
from math import exp2, log
from operator import itemgetter
from typing import Any, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["view", "purchase"]

PARTNERS_KEPT = 200
"""Partners a product remembers, per kind: the most frequent ones."""
PARTNERS_SLACK = 56
"""Newcomers held beside them before the next pruning, so that a new partner can grow at all."""
PRIOR_PAIRS = 3.0
"""Pseudo-count of the shrunk lift: pairs seen and expected, before any was seen."""
TOKENS_KEPT = 128
"""Latest updates a product remembers, so that a repeat of one of them does not count."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FAST_HALF_LIFE_MS = 6 * HOUR_MS
SLOW_HALF_LIFE_MS = 7 * DAY_MS
PURCHASE_WEIGHT = 5.0
"""A purchase moves the trend like that many views."""
TREND_PRIOR_PER_DAY = 20.0
"""Occasions a day that both rates are given beforehand: a few views are no trend yet."""


class PairUpdate(NamedTuple):
    """What one view or one order changes for one product."""

    product_id: str
    kind: Kind
    partners: tuple[str, ...]
    """The products seen with it, each one occasion more."""
    time_ms: int
    token: int
    """Names the update: the same view or order gives the same token again."""
    counts: bool = True
    """Whether the product itself gets one more occasion; not, where only a partner joined."""
    leads: bool = False
    """Whether this product stands for the occasion: one product of each session or order does."""


class Occasions(NamedTuple):
    """A product's share of the totals that every reader needs: n_i, and its part of N."""

    views: int = 0
    purchases: int = 0
    led_views: int = 0
    """Sessions this product stands for; summed over all products: N of views."""
    led_purchases: int = 0


def token_of(*parts: str) -> int:
    """Name an update by what it came from: 53 bits, so that JSON keeps it."""
    raw = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(raw, "big") >> 11


def shrunk_lift(together: int, n_i: int, n_j: int, occasions: int) -> float:
    """How much more often two products meet than chance has it, shrunk towards 1.

    (n_ij + 3) / (E_ij + 3) with E_ij = n_i n_j / N: the posterior mean of a gamma-Poisson model
    with mean 1, so that one chance meeting of two rare products is no discovery.

    Args:
        together: n_ij, occasions with both.
        n_i: Occasions with the one.
        n_j: Occasions with the other.
        occasions: N, all occasions.

    Returns:
        A ratio; 1 for chance, also where nothing has been seen at all.

    Source: DuMouchel (1999), Bayesian data mining in large frequency tables.
    """
    expected = n_i * n_j / occasions if occasions > 0 else 0.0
    return (together + PRIOR_PAIRS) / (expected + PRIOR_PAIRS)


class Interest:
    """Weighted occasions of a product, forgotten by half-lives of event time: fast and slow.

    The sums are commutative: late occasions weigh what they would have weighed by now.
    """

    __slots__ = ("at_ms", "fast", "slow")

    def __init__(self, fast: float = 0.0, slow: float = 0.0, at_ms: int = 0) -> None:
        self.fast = fast
        self.slow = slow
        self.at_ms = at_ms
        """The time the sums are as of: the latest occasion's."""

    def add(self, weight: float, time_ms: int) -> None:
        """Take an occasion in, in any order."""
        age_ms = self.at_ms - time_ms
        if age_ms >= 0:
            self.fast += weight * exp2(-age_ms / FAST_HALF_LIFE_MS)
            self.slow += weight * exp2(-age_ms / SLOW_HALF_LIFE_MS)
            return
        self.fast = self.fast * exp2(age_ms / FAST_HALF_LIFE_MS) + weight
        self.slow = self.slow * exp2(age_ms / SLOW_HALF_LIFE_MS) + weight
        self.at_ms = time_ms

    def trend(self, now_ms: int) -> float:
        """Today's rate over the week's, shrunk towards 1: above it interest rises, below it fades.

        (fast + prior) / (slow + prior), all in weighted occasions a day; lies between 0 and
        SLOW_HALF_LIFE_MS / FAST_HALF_LIFE_MS, and goes to 1 when nobody looks any more.
        """
        age_ms = max(0, now_ms - self.at_ms)
        per_day = log(2.0) * DAY_MS
        fast = self.fast * exp2(-age_ms / FAST_HALF_LIFE_MS) * per_day / FAST_HALF_LIFE_MS
        slow = self.slow * exp2(-age_ms / SLOW_HALF_LIFE_MS) * per_day / SLOW_HALF_LIFE_MS
        return (fast + TREND_PRIOR_PER_DAY) / (slow + TREND_PRIOR_PER_DAY)


class ProductStatistics:
    """All that is known of one product; bounded, plain JSON when dumped."""

    __slots__ = (
        "bought_with",
        "category",
        "currency",
        "interest",
        "occasions",
        "price_cents",
        "tokens",
        "viewed_with",
    )

    def __init__(self) -> None:
        self.occasions = Occasions()
        self.interest = Interest()
        self.viewed_with: dict[str, int] = {}
        """Partner to number of sessions with both; at most kept + slack entries."""
        self.bought_with: dict[str, int] = {}
        self.price_cents: int | None = None
        self.currency: str | None = None
        self.category: str | None = None
        self.tokens: deque[int] = deque(maxlen=TOKENS_KEPT)

    def apply(self, update: PairUpdate) -> bool:
        """Count one update in; False, and nothing changed, where it is a repeat."""
        if update.token in self.tokens:
            return False
        self.tokens.append(update.token)
        bought = update.kind == "purchase"
        if update.counts:
            self.occasions = _add(self.occasions, bought=bought, leads=update.leads)
            self.interest.add(PURCHASE_WEIGHT if bought else 1.0, update.time_ms)
        partners = self.bought_with if bought else self.viewed_with
        for partner in update.partners:
            partners[partner] = partners.get(partner, 0) + 1
        if len(partners) > PARTNERS_KEPT + PARTNERS_SLACK:
            _prune(partners)
        return True

    def describe(self, price_cents: int | None, currency: str | None, category: str | None) -> None:
        """Take over what the catalogue says; all None: the product is no longer in it."""
        self.price_cents, self.currency, self.category = price_cents, currency, category

    def forgotten(self) -> "ProductStatistics":
        """The product without its history: only what the catalogue says of it."""
        state = ProductStatistics()
        state.describe(self.price_cents, self.currency, self.category)
        return state

    def is_blank(self) -> bool:
        """Whether there is nothing left to keep."""
        described = (self.price_cents, self.currency, self.category) != (None, None, None)
        return not (described or self.tokens)

    def dump(self) -> list[Any]:
        """The state as plain JSON values; `load` is the inverse."""
        interest = self.interest
        return [
            list(self.occasions),
            [interest.fast, interest.slow, interest.at_ms],
            self.viewed_with,
            self.bought_with,
            [self.price_cents, self.currency, self.category],
            list(self.tokens),
        ]

    @classmethod
    def load(cls, row: list[Any]) -> "ProductStatistics":
        """Read a dumped state; raises ValueError or TypeError on anything else."""
        occasions, interest, viewed_with, bought_with, described, tokens = row
        state = cls()
        state.occasions = Occasions(*occasions)
        state.interest = Interest(*interest)
        state.viewed_with = dict(viewed_with)
        state.bought_with = dict(bought_with)
        state.describe(*described)
        state.tokens.extend(tokens)
        return state


def _add(occasions: Occasions, *, bought: bool, leads: bool) -> Occasions:
    views, purchases, led_views, led_purchases = occasions
    if bought:
        return Occasions(views, purchases + 1, led_views, led_purchases + leads)
    return Occasions(views + 1, purchases, led_views + leads, led_purchases)


def _prune(partners: dict[str, int]) -> None:
    """Keep the most frequent; among equals the latest to join, as catalogues turn over."""
    kept = sorted(partners.items(), key=itemgetter(1))[-PARTNERS_KEPT:]
    partners.clear()
    partners.update(kept)
