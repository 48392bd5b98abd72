"""One session's potential outcomes: what it would earn under any actions, by pure computation."""

from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.simulator.course import Course, Walk, shipping_fee_cents
from orchestrator.simulator.draws import exponential
from orchestrator.simulator.latent import Latent
from orchestrator.simulator.pages import CART, KINDS, PRODUCT
from orchestrator.simulator.people import RETURNS
from orchestrator.simulator.reactions import (
    DO_NOTHING,
    FATIGUE,
    IN_SESSION,
    NUMBERS,
    Received,
    Response,
    action_of,
    logistic,
    pull,
    respond,
)
from orchestrator.types import Payload

STANDARD_COST_CENTS, EXPRESS_COST_CENTS = 420, 820
RETURN_COST_CENTS = 550
PAY_LATER_SHARE = 0.025
"""What the financing costs the shop, share of the total."""
_PAYMENT_SHARE, _PAYMENT_CENTS = 0.014, 25
_OWN_RETURN_MS = 2 * 3_600_000
REMINDED_AFTER_MS = 3_600_000
_RESPONSE, _ORDER, _BACK = 1_000, 2_000, 3_000
"""Where the draws lie that are no page's."""


class Order(NamedTuple):
    """One order as it came about."""

    order_id: str
    lines: tuple[tuple[int, int], ...]
    discount_cents: int
    offer: Received | None
    """The command that the discount came from."""
    shipping_cents: int
    """What the shopper paid for shipping."""
    total_cents: int
    margin_cents: int
    """Contribution before returns."""
    is_express: bool
    is_returned: bool
    is_cancelled: bool

    @property
    def profit_cents(self) -> int:
        """Contribution after cancellation and return."""
        if self.is_cancelled:
            return 0
        return -STANDARD_COST_CENTS - RETURN_COST_CENTS if self.is_returned else self.margin_cents

    @property
    def revenue_cents(self) -> int:
        """What is kept of the total."""
        return 0 if self.is_cancelled or self.is_returned else self.total_cents


class Outcome(NamedTuple):
    """How a session ends."""

    purchased: bool
    carted: bool
    stage: str
    """Furthest page: home (no cart), cart, contact, shipping, payment, review."""
    revenue_cents: int
    profit_cents: int
    """Contribution less the cost of contacts."""
    end_ms: int


class Plan:
    """One session, under any actions.

    Args:
        latent: Its latent state.
    """

    __slots__ = ("_baseline", "latent")

    def __init__(self, latent: Latent) -> None:
        self.latent = latent
        self._baseline: Course | None = None

    @property
    def baseline(self) -> Course:
        """The course without any action."""
        if self._baseline is None:
            self._baseline = Walk(self.latent).run()
        return self._baseline

    def course(self, received: Sequence[Received]) -> Course:
        """The course under these actions, in order of time."""
        return Walk(self.latent, received).run() if received else self.baseline

    # -- potential outcomes

    @property
    def moment_ms(self) -> int:
        """The moment for which `outcome` compares actions, the same for all of them.

        The first view of the cart; before it, the first product; before that, the start.
        """
        visits = self.baseline.visits
        for kind in (CART, PRODUCT):
            for visit in visits:
                if visit.kind == kind:
                    return visit.start_ms + 1_000
        return self.latent.start_ms + 1_000

    def outcome(self, action: str = DO_NOTHING, at_ms: int | None = None) -> Outcome:
        """What would come of the session, had the shopper this one action in view.

        Pure: no world has to run, and asking changes nothing. It counts the session and, where a
        cart is left behind, the return to it, so that all actions compare; reminders come an hour
        after the shopper has left.

        Args:
            action: One of the shipped actions.
            at_ms: When it comes into view; left out: `moment_ms`.
        """
        if action_of(action).pulls:
            return self.journey((), action, REMINDED_AFTER_MS)
        if action == DO_NOTHING:
            return self.journey(())
        return self.journey((self.receive(action, self.moment_ms if at_ms is None else at_ms),))

    def chance(self, action: str = DO_NOTHING, replicas: int = 64) -> float:
        """Probability of a purchase for this latent state, over other days' luck.

        The moment is the same distance from the start in all replicas.
        """
        after_ms = self.moment_ms
        found = 0
        for index in range(replicas):
            found += Plan(self.latent.replica(index)).outcome(action, after_ms).purchased
        return found / replicas

    def result(self, received: Sequence[Received]) -> Outcome:
        """How the session itself ends under these actions."""
        return self.settle(self.course(received), received)

    def journey(
        self, received: Sequence[Received], reminder: str | None = None, shown_ms: int = 0
    ) -> Outcome:
        """How the session ends, and the return to the cart where there is one.

        Args:
            received: Actions during the session.
            reminder: Action that the shopper sees after leaving a cart; None: none.
            shown_ms: How long after leaving.
        """
        course = self.course(received)
        here = self.settle(course, received)
        if course.bought or not course.cart:
            return here
        contact_cents = action_of(reminder).contact_cents if reminder else 0
        back_ms = self.returning_ms(reminder, shown_ms)
        if back_ms is None:
            return here._replace(profit_cents=here.profit_cents - contact_cents)
        there = self.back(course.end_ms + back_ms, course.cart).result(())
        return there._replace(profit_cents=here.profit_cents + there.profit_cents - contact_cents)

    def settle(self, course: Course, received: Sequence[Received]) -> Outcome:
        """The outcome of a course walked under these actions."""
        order = self.order(course)
        contact_cents = sum(
            action_of(one.action).contact_cents for one in received if one.kind != "dismissed"
        )
        return Outcome(
            purchased=order is not None,
            carted=course.carted,
            stage=KINDS[course.stage],
            revenue_cents=order.revenue_cents if order else 0,
            profit_cents=(order.profit_cents if order else 0) - contact_cents,
            end_ms=course.end_ms,
        )

    # -- reactions

    def response(self, action: str, before: Sequence[Received] = ()) -> Response:
        """What this shopper does with an action in view, after others in the same session."""
        latent = self.latent
        u = latent.course.block(_RESPONSE + NUMBERS.get(action, len(NUMBERS)))
        tired = latent.fatigue + IN_SESSION * sum(FATIGUE[one.kind] for one in before)
        return respond(action_of(action), latent.concerns, latent.openness, tired, u)

    def receive(
        self,
        action: str,
        shown_ms: int,
        *,
        offer: Payload | None = None,
        before: Sequence[Received] = (),
        command_id: str = "",
    ) -> Received:
        """An action shown at a time, with this shopper's response to it.

        Args:
            action: Its name.
            shown_ms: When it comes into view.
            offer: The command's offer, where it has one.
            before: What reached the shopper earlier in the session.
            command_id: The command it came by.
        """
        response = self.response(action, before)
        share, cents = _discount(action, offer)
        effective_ms = shown_ms + response.delay_ms
        return Received(action, effective_ms, response.kind, share, cents, command_id)

    # -- coming back

    def returning_ms(self, reminder: str | None = None, shown_ms: int = 0) -> int | None:
        """How long after leaving the shopper comes back to the cart, milliseconds; None: never.

        Args:
            reminder: Action that the shopper saw after leaving; None: none.
            shown_ms: How long after leaving that was.

        Who came back once does not come back again.
        """
        latent = self.latent
        if latent.parent_id is not None:
            return None
        course_u = latent.course.block(_BACK)
        own = -1.5 + 0.35 * latent.intent + (0.4 if latent.known else -0.6)
        scale = latent.setting.dials.delay
        own_ms = 15 * 60_000 + int(exponential(course_u[1], _OWN_RETURN_MS) * scale)
        if reminder is None:
            return own_ms if course_u[0] < logistic(own) else None
        who = latent.who
        pulled = own + pull(
            reminder,
            who.shopper_type,
            latent.openness,
            latent.fatigue,
            latent.setting.dials.heterogeneity,
        )
        if course_u[0] >= logistic(pulled):
            return None
        soon_ms = shown_ms + 20_000 + int(exponential(course_u[2], 120_000) * scale)
        return min(own_ms, soon_ms) if course_u[0] < logistic(own) else soon_ms

    def back(self, start_ms: int, cart: tuple[tuple[int, int], ...]) -> "Plan":
        """The session in which the shopper comes back."""
        return Plan(self.latent.coming_back(start_ms, cart))

    # -- money

    def order(self, course: Course) -> Order | None:
        """The order that a course ends with."""
        if not course.bought:
            return None
        latent = self.latent
        u = latent.course.block(_ORDER)
        products = latent.setting.catalogue.products
        goods = sum(products[number].price_cents * pieces for number, pieces in course.cart)
        cost = sum(products[number].unit_cost_cents * pieces for number, pieces in course.cart)
        taken = {offer.action for offer in course.offers}
        best = max(course.offers, key=lambda offer: offer.discount_on(goods), default=None)
        discount = best.discount_on(goods) if best else 0
        fee = shipping_fee_cents(goods, course.express, course.offers)
        freight = EXPRESS_COST_CENTS if course.express else STANDARD_COST_CENTS
        total = goods - discount + fee
        financing = PAY_LATER_SHARE * total if "pay_later_offer" in taken else 0.0
        margin = total - cost - freight - round(_PAYMENT_SHARE * total + financing) - _PAYMENT_CENTS
        worst = max(products[number].returns_share for number, _ in course.cart)
        back = 0.5 * worst + 0.25 * latent.who.returns_share + 0.02 * latent.concerns[RETURNS]
        cancelled = u[0] < 0.015  # noqa: PLR2004
        return Order(
            order_id=f"o{latent.session_id[1:]}",
            lines=course.cart,
            discount_cents=discount,
            offer=best if discount else None,
            shipping_cents=fee,
            total_cents=total,
            margin_cents=margin,
            is_express=course.express,
            is_returned=not cancelled and u[1] < back,
            is_cancelled=cancelled,
        )

    def order_luck(self) -> list[float]:
        """Draws for what becomes of the order afterwards."""
        return self.latent.course.block(_ORDER + 1)


def _discount(action: str, offer: Payload | None) -> tuple[float, int]:
    """Share and limit of the discount that a command grants."""
    default = action_of(action).discount_share
    if offer is None:
        return default, 0
    if offer.get("kind") != "discount" and not default:
        return 0.0, 0
    return float(offer.get("share") or 0.0), int(offer.get("amount_cents") or 0)
