"""Every gate refuses with its reason, in its order."""

from typing import Any

import pytest

from orchestrator.domain.decisioning import Situation, decide, shipped
from tests.unit.domain.decisioning.situations import (
    DAY_MS,
    DELIVERY,
    HOUR_MS,
    NOON_MS,
    PRICE,
    RAGE,
    REGULAR,
    RETURNS,
    follow_up,
    outcome,
    policies,
    situation,
)

REGULAR_PRICE = situation(PRICE, REGULAR)
DISCOUNT = (NOON_MS - 20 * DAY_MS, "limited_time_discount", "onsite", "discount")

NOTHING = {
    "action": "do_nothing",
    "treatment": None,
    "channel": None,
    "placement": None,
    "propensity": 1.0,
    "offer_cents": 0,
}


def _contact(age_ms: int, action: str, channel: str, group: str) -> tuple[int, str, str, str]:
    return (NOON_MS - age_ms, action, channel, group)


@pytest.mark.parametrize(
    ("seen", "action", "reason"),
    [
        # eligible: the person, the stage, the trigger
        (situation(DELIVERY, risk=0.2), "expedite_shipping", "eligible.risk"),
        (situation(DELIVERY, stage="purchased"), "social_proof", "eligible.purchased"),
        (situation(DELIVERY), "ranking_change", "eligible.stage"),
        (situation(DELIVERY), "cart_reminder", "eligible.trigger"),
        (follow_up(), "loyalty_discount", "eligible.trigger"),
        (follow_up("push_reminder"), "cart_reminder", "eligible.follow_up"),
        (situation(PRICE), "loyalty_discount", "eligible.orders_count"),
        (
            situation(PRICE, {**REGULAR, "coupon_share": 0.5}),
            "loyalty_discount",
            "eligible.coupon_share",
        ),
        (
            situation(PRICE, {"coupon_share": 0.5}),
            "limited_time_discount",
            "eligible.coupon_share",
        ),
        (situation(DELIVERY, {"cart_value_cents": 0}), "expedite_shipping", "eligible.cart_value"),
        # applicable: the moment
        (situation(RETURNS), "payment_help", "applicable.failed_payment"),
        (situation(PRICE), "chat_invitation", "applicable.trouble"),
        (situation(PRICE, stage="cart"), "bundle_hint", "applicable.bundle_product"),
        (
            situation({**PRICE, "payment_failures_count": 1.0}, REGULAR),
            "loyalty_discount",
            "applicable.no_failed_payment",
        ),
        # suitable: this person now
        (situation(DELIVERY, REGULAR), "loyalty_discount", "suitable.concern"),
        # consent
        (follow_up(consent={}), "cart_reminder", "consent.email"),
        (follow_up("push_reminder", consent={}), "push_reminder", "consent.push"),
        (situation(RAGE, consent={"chat": False}), "chat_invitation", "consent.chat"),
        (situation(RETURNS, consent={"onsite": False}), "returns_reassurance", "consent.onsite"),
        # suppression
        (
            REGULAR_PRICE.replace(suppressions={"recent_order"}),
            "loyalty_discount",
            "suppression.recent_order",
        ),
        (
            REGULAR_PRICE.replace(suppressions={"complaint"}),
            "loyalty_discount",
            "suppression.complaint",
        ),
        (follow_up(suppressions={"returned"}), "cart_reminder", "suppression.returned"),
        (
            situation(PRICE, {**REGULAR, "returns_share": 0.8}),
            "loyalty_discount",
            "suppression.chronic_returns",
        ),
        # caps
        (
            situation(
                RETURNS,
                contacts=[
                    _contact(HOUR_MS * (number + 2), "social_proof", "onsite", "social")
                    for number in range(8)
                ],
            ),
            "returns_reassurance",
            "cap.day",
        ),
        (
            situation(
                RAGE,
                contacts=[
                    _contact(2 * DAY_MS, "chat_invitation", "chat", "chat"),
                    _contact(3 * DAY_MS, "chat_invitation", "chat", "chat"),
                ],
            ),
            "chat_invitation",
            "cap.interruptive_week",
        ),
        # cooldowns
        (REGULAR_PRICE.replace(contacts=[DISCOUNT]), "loyalty_discount", "cooldown.discount"),
        (
            situation(RETURNS, contacts=[_contact(9_000, "social_proof", "onsite", "social")]),
            "returns_reassurance",
            "cooldown.contact",
        ),
        (
            situation(RETURNS, dismissed=[(NOON_MS - DAY_MS, "returns_reassurance")]),
            "returns_reassurance",
            "cooldown.dismissed",
        ),
        # quiet hours, budget
        (follow_up(now_ms=NOON_MS + 10 * HOUR_MS), "cart_reminder", "quiet_hours"),
        (
            REGULAR_PRICE.replace(budgets_left_cents={"discount": 898}),
            "loyalty_discount",
            "budget.discount",
        ),
    ],
)
def test_a_gate_refuses_with_its_reason(seen: Situation, action: str, reason: str) -> None:
    """The reason code names gate and cause."""
    assert outcome(decide(shipped(), seen, "dec-1"), action) == reason


@pytest.mark.parametrize(
    ("seen", "action"),
    [
        (REGULAR_PRICE, "loyalty_discount"),
        (REGULAR_PRICE.replace(budgets_left_cents={"discount": 899}), "loyalty_discount"),
        (
            REGULAR_PRICE.replace(
                contacts=[(NOON_MS - 60 * DAY_MS, "loyalty_discount", "onsite", "discount")]
            ),
            "loyalty_discount",
        ),
        (situation(RETURNS, dismissed=[(NOON_MS - DAY_MS, "bundle_hint")]), "returns_reassurance"),
        (
            situation(
                {"payment_failures_count": 1.0},
                stage="payment",
                risk=0.1,
                contacts=[_contact(9_000, "social_proof", "onsite", "social")],
            ),
            "payment_help",
        ),
        (follow_up(), "cart_reminder"),
        (follow_up(suppressions=set()), "cart_reminder"),
        (situation(RETURNS, suppressions={"returned"}), "returns_reassurance"),
    ],
)
def test_what_passes_every_gate_is_allowed(seen: Situation, action: str) -> None:
    """Just beyond a bound the gate lets through; a rule about e-mail does not bind the page."""
    assert outcome(decide(shipped(), seen, "dec-1"), action) is None


def test_gates_are_asked_in_order() -> None:
    """Lifting the first refusal shows the next one: the order of the gates is a contract."""
    contacts = [DISCOUNT, *[_contact(HOUR_MS, "social_proof", "onsite", "social")] * 8]
    seen = situation(
        DELIVERY,
        {**REGULAR, "orders_count": 1},
        consent={"onsite": False},
        suppressions={"recent_order"},
        contacts=contacts,
        budgets_left_cents={"discount": 0},
    )
    lifts: list[tuple[str, dict[str, Any]]] = [
        ("eligible.orders_count", {"facts": {**seen.facts, "orders_count": 9}}),
        ("suitable.concern", {"signals": PRICE, "concern": {"price": 1.0}}),
        ("consent.onsite", {"consent": {}}),
        ("suppression.recent_order", {"suppressions": set()}),
        ("cap.day", {"contacts": [DISCOUNT]}),
        ("cooldown.discount", {"contacts": []}),
        ("budget.discount", {"budgets_left_cents": {}}),
    ]
    for reason, lift in lifts:
        assert outcome(decide(shipped(), seen, "dec-1"), "loyalty_discount") == reason
        seen = seen.replace(**lift)
    assert outcome(decide(shipped(), seen, "dec-1"), "loyalty_discount") is None


def test_low_risk_leaves_one_candidate() -> None:
    """Below the risk of the engagement policy nothing competes, and the entry says why."""
    decision = decide(shipped(), situation(PRICE, risk=0.1), "dec-1")
    assert decision.chosen == NOTHING
    assert decision.reason == "eligible.risk"
    assert {row["refused_by"] for row in decision.candidates[:-1]} == {"eligible.risk"}
    assert not decision.sends
    assert decision.offer is None
    assert decision.spends is None


def test_the_holdout_is_left_alone() -> None:
    """Who is held out gets nothing with certainty; what would have been allowed says so."""
    everybody = policies(ContactPolicy={"holdout_share": 1.0})
    decision = decide(everybody, REGULAR_PRICE, "dec-1")
    assert decision.holdout
    assert decision.reason == "holdout"
    assert outcome(decision, "loyalty_discount") == "holdout"
    assert outcome(decision, "cart_reminder") == "eligible.trigger"
    assert decision.chosen == NOTHING


def test_the_holdout_belongs_to_the_customer() -> None:
    """It follows the customer over profiles and decisions, and holds about its share of people."""
    held = {
        number: decide(shipped(), REGULAR_PRICE.replace(customer_id=f"c-{number}"), "dec-1").holdout
        for number in range(2_000)
    }
    assert 60 < sum(held.values()) < 140
    for number in range(50):
        seen = REGULAR_PRICE.replace(customer_id=f"c-{number}", profile_id=f"other-{number}")
        assert decide(shipped(), seen, f"dec-{number}").holdout is held[number]


def test_the_general_discount_is_never_certain() -> None:
    """Half of the people may get it in a span of 60 days, others in the next: no use to play."""
    seen = situation(PRICE)
    refusals = [
        outcome(decide(shipped(), seen.replace(profile_id=f"p-{number}"), "d"), name)
        for number in range(400)
        for name in ["limited_time_discount"]
    ]
    refused = refusals.count("suitable.offered_share")
    assert 150 < refused < 250
    later = [
        outcome(
            decide(
                shipped(),
                seen.replace(profile_id=f"p-{number}", now_ms=NOON_MS + 60 * DAY_MS),
                "d",
            ),
            "limited_time_discount",
        )
        for number in range(400)
    ]
    assert 120 < sum(a != b for a, b in zip(refusals, later, strict=True)) < 280


def test_an_experiment_masks_actions_and_picks_treatments() -> None:
    """A person keeps the arm; what an arm does not get is refused before propensities."""
    experiment = {
        "kind": "Experiment",
        "name": "no-chat",
        "salt": "2026-11",
        "arms": [
            {"name": "control", "share": 0.5, "treatments": {"chat_invitation": "offer_help"}},
            {"name": "quiet", "share": 0.5, "without": ["chat_invitation"]},
        ],
    }
    tested = shipped().overridden({"Experiment/no-chat": experiment})
    seen = {"control": 0, "quiet": 0}
    for number in range(200):
        person = situation(RAGE, profile_id=f"p-{number}")
        decision = decide(tested, person, "dec-1")
        assert decision.experiment is not None
        arm = decision.experiment["arm"]
        seen[arm] += 1
        refused = outcome(decision, "chat_invitation")
        if not decision.holdout:
            assert refused == (None if arm == "control" else "experiment.quiet")
        assert decide(tested, person, "dec-2").experiment == decision.experiment
    assert min(seen.values()) > 60
