"""The walk: a pure function from a session's latent state and the actions received to its course.

A course is a row of page visits. What happens on a page is settled when it opens; whether the
shopper leaves, and where to, is settled when the visit ends. So an action works on what comes
after it, and the same luck with and without it gives its individual effect.
"""

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

from orchestrator.simulator.catalogue import FREE_SHIPPING_CENTS
from orchestrator.simulator.draws import exponential, normal, pick
from orchestrator.simulator.latent import Cart, Latent
from orchestrator.simulator.pages import (
    BARRIERS,
    CART,
    COMPARING,
    CONTACT,
    HOME,
    LEAVING,
    LIST,
    MEDIAN_MS,
    MOVES,
    PAYMENT,
    POLICY,
    PRODUCT,
    REVIEW,
    SEARCH,
    SHIPPING,
    THANKS,
)
from orchestrator.simulator.people import (
    AFFORDABILITY,
    CHOICE,
    DELIVERY,
    PRICE,
    RETURNS,
    SHIPPING_COST,
    TECHNICAL,
)
from orchestrator.simulator.reactions import (
    FATIGUE,
    IN_SESSION,
    Received,
    ease,
    logistic,
)

MAX_VISITS = 48
STANDARD_FEE_CENTS = 490
EXPRESS_FEE_CENTS = 990
MAX_VISIT_MS = 600_000
"""Well below the silence that ends a session."""
_ADD = -1.3
_FOLLOWING = 2.5
_CARELESS = 0.3
"""A concern about shipping costs, where there are none."""


class Visit(NamedTuple):
    """One page visit."""

    number: int
    """From 0."""
    kind: int
    start_ms: int
    end_ms: int
    product: int
    """By position in the catalogue; -1: none."""
    added: int
    """Pieces put into the cart."""
    removed: int
    """Product taken out of the cart; -1: none."""
    cart: Cart
    """After the visit."""
    hidden_ms: int
    """How long the tab was out of sight."""
    failed: bool
    """A payment did not go through."""
    express: bool
    """The shopper chose the faster way of shipping."""
    fee_cents: int
    """What shipping would cost the shopper, as far as is known here."""
    redeemed: Received | None
    """A discount used here for the first time."""


class Course(NamedTuple):
    """One session from its first page to the last."""

    visits: list[Visit]
    bought: bool
    carted: bool
    stage: int
    """Furthest kind of page reached, cart or later; else the first."""
    cart: Cart
    """What was in the cart at the end, or was bought."""
    express: bool
    offers: tuple[Received, ...]
    """Actions whose offer the shopper held at the end."""
    end_ms: int


def shipping_fee_cents(goods_cents: int, express: bool, offers: Sequence[Received]) -> int:  # noqa: FBT001
    """What the shopper pays for shipping."""
    if express:
        waived = any(offer.action == "expedite_shipping" for offer in offers)
        return 0 if waived else EXPRESS_FEE_CENTS
    if goods_cents >= FREE_SHIPPING_CENTS:
        return 0
    waived = any(offer.action == "free_shipping" for offer in offers)
    return 0 if waived else STANDARD_FEE_CENTS


class Walk:
    """One shopper on the way.

    Args:
        latent: The session.
        received: Actions that reach the shopper, in order of `effective_ms`.
    """

    def __init__(self, latent: Latent, received: Sequence[Received] = ()) -> None:
        self._latent = latent
        self._products = latent.setting.catalogue.products
        self._waiting = list(received)
        self._concerns = latent.concerns
        self._jar = 0.0
        self._fatigue = latent.fatigue
        self._held: list[Received] = []
        self._used: Received | None = None
        self._bundle = False
        """A bundle was hinted at, and the shopper wants to see it."""
        self._hinted = False
        """The page at hand is the hinted product."""
        self._lines: dict[int, int] = dict(latent.cart)
        self._cart = latent.cart
        self._cents = 0
        self._recount()
        self._product = -1
        self._express = False
        self._before = PRODUCT

    def run(self) -> Course:
        """Walk to the end."""
        latent = self._latent
        block = latent.course.block
        kind, now_ms, stage = latent.entry, latent.start_ms, latent.entry
        visits: list[Visit] = []
        carted = bool(self._cart)
        for number in range(MAX_VISITS):
            u = block(number)
            visit = self._visit(number, kind, now_ms, u)
            visits.append(visit)
            now_ms = visit.end_ms
            if kind == THANKS:
                break
            carted = carted or bool(visit.cart)
            if CART <= kind <= REVIEW:
                stage = max(stage, kind)
            self._take(now_ms)
            if u[0] < logistic(self._leaving(kind) + (0.5 if visit.failed else 0.0)):
                break
            kind = self._next(visit, u)
        return Course(
            visits,
            visits[-1].kind == THANKS,
            carted,
            stage if CART <= stage <= REVIEW else HOME,
            self._cart,
            self._express,
            tuple(self._held),
            now_ms,
        )

    # -- what weighs on the shopper

    def _take(self, now_ms: int) -> None:
        """Let the actions that have reached the shopper by now do their work."""
        while self._waiting and self._waiting[0].effective_ms <= now_ms:
            received = self._waiting.pop(0)
            latent = self._latent
            self._concerns = list(self._concerns)
            self._jar += ease(
                self._concerns,
                received,
                latent.who.shopper_type,
                self._fatigue,
                latent.setting.dials.heterogeneity,
            )
            self._fatigue += IN_SESSION * FATIGUE[received.kind]
            if received.taken:
                self._held.append(received)
                if received.kind == "accepted" and received.action == "bundle_hint" and self._lines:
                    self._bundle = latent.setting.dials.heterogeneity > 0

    def _barrier(self, kind: int) -> float:
        concerns = self._concerns
        total = 0.0
        for concern, weight in BARRIERS[kind]:
            strength = weight * concerns[concern]
            if concern == AFFORDABILITY:
                strength *= min(2.0, self._cents / 10_000)
            elif concern == SHIPPING_COST and self._cents >= FREE_SHIPPING_CENTS:
                strength *= _CARELESS
            total += strength
        return total

    def _leaving(self, kind: int) -> float:
        latent = self._latent
        return (
            LEAVING[kind]
            + self._barrier(kind)
            + self._jar
            - (_FOLLOWING if self._hinted else 0.0)
            - 0.7 * latent.intent
            + (0.35 * latent.who.browsing if kind >= CART else 0.0)
        )

    # -- one page

    def _visit(self, number: int, kind: int, start_ms: int, u: list[float]) -> Visit:
        self._take(start_ms)
        concerns = self._concerns
        barrier = self._barrier(kind)
        product = self._product if kind == PRODUCT else -1
        stay_ms = MEDIAN_MS[kind] * exp(0.65 * normal(u[2])) * (1.0 + 0.3 * barrier)
        if CART <= kind <= REVIEW and u[7] < 0.18 * barrier:
            stay_ms += exponential(u[8], 50_000.0)
        hidden_ms = 0
        if kind in COMPARING and u[9] < 0.05 + 0.05 * (concerns[PRICE] + concerns[CHOICE]):
            hidden_ms = int(3_000 + exponential(u[10], 25_000.0))
        end_ms = start_ms + int(min(MAX_VISIT_MS, 1_500 + stay_ms + hidden_ms))
        added, removed = 0, -1
        if kind == PRODUCT:
            if product < 0:
                product = self._product = self._find(u)
            added = self._add(product, u)
        elif kind == CART and self._lines:
            removed = self._remove(u[13])
        failed = kind == PAYMENT and u[11] < min(0.6, 0.02 + 0.24 * concerns[TECHNICAL])
        if kind == SHIPPING:
            held = any(offer.action == "expedite_shipping" for offer in self._held)
            self._express = held or u[12] < 0.05 + 0.12 * concerns[DELIVERY]
        redeemed = self._redeem() if kind in {CART, PAYMENT} else None
        return Visit(
            number,
            kind,
            start_ms,
            end_ms,
            product,
            added,
            removed,
            self._cart,
            min(hidden_ms, end_ms - start_ms),
            failed,
            self._express,
            shipping_fee_cents(self._cents, self._express, self._held),
            redeemed,
        )

    def _find(self, u: list[float]) -> int:
        catalogue = self._latent.setting.catalogue
        if self._lines and u[14] < 0.45:  # noqa: PLR2004 - what goes with the cart
            return catalogue.complement(next(reversed(self._lines)), u[15])
        return catalogue.choose(u[3], u[4], self._latent.who.taste)

    def _add(self, product: int, u: list[float]) -> int:
        latent = self._latent
        concerns = self._concerns
        wish = (
            _ADD
            + 0.55 * latent.intent
            - 0.35 * latent.who.browsing
            - 0.3 * concerns[CHOICE]
            - 0.25 * concerns[PRICE] * (0.5 + log(self._products[product].price_cents / 5_000))
        )
        # Who follows a hint has half said yes; what lies in the cart already is rarely doubled.
        wish += 1.2 * self._hinted - 1.2 * (product in self._lines)
        if u[5] >= logistic(wish):
            return 0
        pieces = 2 if u[6] > 0.93 else 1  # noqa: PLR2004
        self._lines[product] = self._lines.get(product, 0) + pieces
        self._recount()
        return pieces

    def _remove(self, uniform: float) -> int:
        regret = 0.03 + 0.05 * self._concerns[PRICE] if len(self._lines) > 1 else 0.02
        if uniform >= regret:
            return -1
        number = next(reversed(self._lines))
        del self._lines[number]
        self._recount()
        return number

    def _recount(self) -> None:
        self._cart = tuple(self._lines.items())
        self._cents = sum(
            self._products[number].price_cents * pieces for number, pieces in self._cart
        )

    def _redeem(self) -> Received | None:
        if self._used is not None or not self._lines:
            return None
        for offer in self._held:
            if offer.discount_on(self._cents):
                self._used = offer
                return offer
        return None

    # -- the next page

    def _next(self, visit: Visit, u: list[float]) -> int:
        kind = visit.kind
        product = self._product
        self._product = -1
        if self._hinted:
            self._hinted = False
            if self._before != CART:
                return CART
            visit = visit._replace(kind=CART)
            kind = CART  # the hint stood in the cart: on with what was to come from there
        if self._bundle and kind <= CART and self._lines:
            self._bundle, self._hinted = False, True
            self._before = kind
            self._product = self._latent.setting.catalogue.complement(
                next(reversed(self._lines)), u[15]
            )
            return PRODUCT
        if kind == POLICY:
            if self._before == PRODUCT:
                self._product = product
            return self._before
        moves = self._moves(visit)
        odds: list[float] = []
        total = 0.0
        for _, weight in moves:
            total += weight
            odds.append(total)
        chosen = moves[pick(u[1], odds)][0]
        if chosen == POLICY:
            self._before = kind
            self._product = product
        return chosen

    def _moves(self, visit: Visit) -> tuple[tuple[int, float], ...]:
        kind = visit.kind
        concerns = self._concerns
        latent = self._latent
        if kind == PRODUCT:
            to_cart = 0.0
            if self._lines:
                to_cart = (1.1 if visit.added else 0.35) * exp(-0.3 * latent.who.browsing)
            return (
                (CART, to_cart),
                (PRODUCT, 0.4),
                (LIST, 0.3),
                (SEARCH, 0.1),
                (POLICY, 0.04 + 0.06 * concerns[RETURNS]),
            )
        if kind == CART:
            if not self._lines:
                return ((LIST, 1.0),)
            ready = 1.2 * exp(0.25 * latent.intent - 0.3 * latent.who.browsing)
            return (
                (CONTACT, ready),
                (PRODUCT, 0.1),
                (LIST, 0.16),
                (POLICY, 0.02 + 0.08 * concerns[RETURNS]),
            )
        if visit.failed:
            return ((PAYMENT, 0.8), (CART, 0.1), (SHIPPING, 0.1))
        return MOVES[kind]
