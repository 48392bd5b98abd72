"""What each action does to a shopper: which concerns it answers, which it stirs, whom it annoys.

All effects are causal and latent. An action helps whoever has the concern that it answers, and
harms whoever has not: it interrupts, it makes people suspicious, it teaches them to wait.
"""

from math import exp, sqrt
from typing import NamedTuple

from orchestrator.simulator.people import (
    AFFORDABILITY,
    CHOICE,
    DELIVERY,
    PRICE,
    RETURNS,
    SHIPPING_COST,
    TECHNICAL,
    TRUST,
    ShopperType,
    Weights,
)

DO_NOTHING = "do_nothing"


class Action(NamedTuple):
    """One action as the shopper experiences it."""

    name: str
    channel: str
    answers: Weights = ()
    """Share of a concern that it takes away when taken up."""
    stirs: Weights = ()
    """Concern that it adds, taken up or not."""
    jar: float = 0.0
    """Logit of leaving that the interruption adds."""
    annoys: tuple[tuple[ShopperType, float], ...] = ()
    """Further logits of leaving, by type; below 0: it pleases."""
    appeal: float = -1.0
    """Logit of taking it up when it answers nothing."""
    discount_share: float = 0.0
    """Discount where the command does not tell one."""
    contact_cents: int = 0
    """Cost of the contact itself, when taken up."""
    pulls: float = 0.0
    """E-mail and push: logit of coming back that it adds."""


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(DO_NOTHING, "onsite"),
        Action(
            "chat_invitation",
            "chat",
            answers=((TRUST, 0.7), (TECHNICAL, 0.75), (RETURNS, 0.35), (CHOICE, 0.35)),
            jar=0.3,
            annoys=((ShopperType.BROWSER, 0.25), (ShopperType.COUPON_GAMER, 0.15)),
            appeal=-2.0,
            contact_cents=150,
        ),
        Action(
            "limited_time_discount",
            "onsite",
            answers=((PRICE, 0.65), (AFFORDABILITY, 0.2)),
            stirs=((TRUST, 0.3),),
            jar=0.08,
            annoys=((ShopperType.LOYAL, 0.3), (ShopperType.DELIVERY_ANXIOUS, 0.1)),
            appeal=-0.6,
            discount_share=0.08,
        ),
        Action(
            "loyalty_discount",
            "onsite",
            answers=((PRICE, 0.55), (TRUST, 0.35), (SHIPPING_COST, 0.2)),
            stirs=((CHOICE, 0.15),),
            jar=0.06,
            annoys=((ShopperType.BROWSER, 0.1), (ShopperType.RETURN_ANXIOUS, 0.1)),
            appeal=-0.8,
            discount_share=0.1,
        ),
        Action(
            "free_shipping",
            "onsite",
            answers=((SHIPPING_COST, 0.9), (PRICE, 0.15)),
            stirs=((DELIVERY, 0.2),),
            jar=0.05,
            appeal=-0.7,
        ),
        Action(
            "expedite_shipping",
            "onsite",
            answers=((DELIVERY, 0.8),),
            stirs=((PRICE, 0.2), (SHIPPING_COST, 0.2)),
            jar=0.05,
            annoys=((ShopperType.BROWSER, 0.1),),
            appeal=-1.0,
        ),
        Action(
            "delivery_date_promise",
            "onsite",
            answers=((DELIVERY, 0.5), (TRUST, 0.15)),
            stirs=((DELIVERY, 0.12),),
            jar=0.03,
            appeal=-1.0,
        ),
        Action(
            "pay_later_offer",
            "onsite",
            answers=((AFFORDABILITY, 0.85), (RETURNS, 0.15)),
            stirs=((TRUST, 0.25),),
            jar=0.06,
            annoys=((ShopperType.LOYAL, 0.1),),
            appeal=-1.4,
        ),
        Action(
            "returns_reassurance",
            "onsite",
            answers=((RETURNS, 0.65), (TRUST, 0.2)),
            stirs=((RETURNS, 0.14),),
            jar=0.03,
            appeal=-1.1,
        ),
        Action(
            "social_proof",
            "onsite",
            answers=((TRUST, 0.5), (CHOICE, 0.4)),
            stirs=((PRICE, 0.08),),
            jar=0.04,
            annoys=((ShopperType.LOYAL, 0.12), (ShopperType.COUPON_GAMER, 0.12)),
            appeal=-0.9,
        ),
        Action(
            "bundle_hint",
            "onsite",
            answers=((CHOICE, 0.45),),
            stirs=((PRICE, 0.07), (AFFORDABILITY, 0.07)),
            jar=0.03,
            annoys=((ShopperType.PRICE_SENSITIVE, 0.1), (ShopperType.LOYAL, -0.3)),
            appeal=-1.6,
        ),
        Action(
            "ranking_change",
            "onsite",
            answers=((CHOICE, 0.6), (PRICE, 0.15)),
            jar=0.04,
            annoys=((ShopperType.LOYAL, 0.15), (ShopperType.DELIVERY_ANXIOUS, 0.1)),
            appeal=-0.8,
        ),
        Action(
            "payment_help",
            "onsite",
            answers=((TECHNICAL, 0.8), (AFFORDABILITY, 0.3)),
            stirs=((TRUST, 0.18),),
            jar=0.05,
            appeal=-1.2,
        ),
        Action(
            "cart_reminder",
            "email",
            answers=((CHOICE, 0.2), (TRUST, 0.1)),
            annoys=((ShopperType.BROWSER, 1.7), (ShopperType.RETURN_ANXIOUS, 1.1)),
            appeal=-0.3,
            contact_cents=2,
            pulls=0.9,
        ),
        Action(
            "push_reminder",
            "push",
            answers=((CHOICE, 0.15),),
            annoys=(
                (ShopperType.BROWSER, 1.6),
                (ShopperType.LOYAL, 1.9),
                (ShopperType.RETURN_ANXIOUS, 1.2),
            ),
            appeal=-0.5,
            contact_cents=1,
            pulls=1.0,
        ),
    )
}
"""The actions that the product ships."""
UNKNOWN = Action("", "onsite", jar=0.08, appeal=-1.5)
"""What a shop's own action is taken for: an interruption that answers nothing."""
NUMBERS = {name: number for number, name in enumerate(ACTIONS)}


def action_of(name: str) -> Action:
    """The action of that name, or one that nobody knows."""
    return ACTIONS.get(name) or UNKNOWN._replace(name=name)


class Response(NamedTuple):
    """What a shopper does once an action is in view."""

    kind: str
    """accepted, clicked, dismissed, ignored."""
    delay_ms: int
    """From when it is shown to the answer."""


STRENGTH = {"accepted": 1.0, "clicked": 0.75, "ignored": 0.45, "dismissed": 0.1}
"""How much of an action's answer arrives."""
_JARRING = {"accepted": 0.2, "clicked": 0.4, "ignored": 0.8, "dismissed": 1.5}
FATIGUE = {"accepted": 0.1, "clicked": 0.15, "ignored": 0.25, "dismissed": 0.45}
"""Weariness that each leaves behind."""
IN_SESSION = 2.0
"""Weariness of what has just been shown counts for more."""


class Received(NamedTuple):
    """One action that reached a shopper: from then on it works, not before."""

    action: str
    effective_ms: int
    kind: str
    """The response."""
    discount_share: float = 0.0
    """Discount of the cart that it grants."""
    discount_cents: int = 0
    """Limit of the discount, or the whole of it where `discount_share` is 0."""
    command_id: str = ""

    @property
    def taken(self) -> bool:
        """Whether the shopper holds the offer."""
        return self.kind in {"accepted", "clicked"}

    @property
    def coupon(self) -> str:
        """The code that the shop issues for the offer."""
        return f"SHOP-{self.command_id[-8:].upper() or 'NOW'}"

    def discount_on(self, cart_cents: int) -> int:
        """What the shopper pays less for a cart."""
        if not self.taken:
            return 0
        if self.discount_share:
            amount = round(cart_cents * self.discount_share)
            return min(amount, self.discount_cents) if self.discount_cents else amount
        return min(cart_cents, self.discount_cents)


def logistic(x: float) -> float:
    """The logistic function."""
    return 1.0 / (1.0 + exp(-x))


def relevance(action: Action, concerns: list[float]) -> float:
    """How much of what troubles the shopper an action answers."""
    return sum(share * concerns[concern] for concern, share in action.answers)


def respond(
    action: Action, concerns: list[float], openness: float, fatigue: float, u: list[float]
) -> Response:
    """What somebody does with an action in view.

    Args:
        action: What is shown.
        concerns: Latent concerns at that moment.
        openness: Readiness to be spoken to.
        fatigue: Weariness of being spoken to.
        u: At least three uniforms of this shopper and action.
    """
    fit = relevance(action, concerns)
    take = logistic(action.appeal + 0.9 * fit + openness - 0.8 * fatigue)
    refuse = logistic(-1.6 - 0.8 * fit + 2.0 * action.jar - 0.4 * openness + 0.7 * fatigue)
    delay_ms = 1_500 + int(6_000 * u[1])
    if u[0] < take:
        return Response("accepted" if u[2] < 0.6 else "clicked", delay_ms)  # noqa: PLR2004
    if u[0] < take + (1.0 - take) * refuse:
        return Response("dismissed", delay_ms)
    return Response("ignored", 2_000)


def ease(
    concerns: list[float],
    received: Received,
    shopper_type: ShopperType,
    fatigue: float,
    scale: float,
) -> float:
    """Change the concerns in place; return the logit of leaving that the action adds.

    Args:
        concerns: Latent concerns by number.
        received: The action, and how it was taken.
        shopper_type: Whom it reached.
        fatigue: Weariness of being spoken to.
        scale: Dial `heterogeneity`.
    """
    action = action_of(received.action)
    strength = STRENGTH[received.kind] * _depth(action, received)
    for concern, share in action.answers:
        concerns[concern] *= max(0.0, 1.0 - min(1.0, scale * strength) * share)
    stirred = scale * (0.4 if received.taken else 1.0)
    for concern, amount in action.stirs:
        concerns[concern] += stirred * amount
    jar = action.jar + sum(extra for kind, extra in action.annoys if kind is shopper_type)
    jarring = _JARRING[received.kind] * (1.0 + 0.6 * fatigue) if jar > 0 else strength
    return scale * jar * jarring


def _depth(action: Action, received: Received) -> float:
    """A deeper discount answers more, with diminishing effect."""
    if not action.discount_share or not received.discount_share:
        return 1.0
    return sqrt(min(2.0, received.discount_share / action.discount_share))


def pull(
    name: str, shopper_type: ShopperType, openness: float, fatigue: float, scale: float
) -> float:
    """Logit of coming back to the shop that a reminder adds; for some it is below 0."""
    action = action_of(name)
    annoyed = sum(extra for kind, extra in action.annoys if kind is shopper_type)
    return scale * (action.pulls + 0.3 * openness - annoyed - 0.5 * fatigue)
