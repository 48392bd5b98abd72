"""What would have flipped a decision: told changes do flip it."""

import pytest
from hypothesis import given, settings
from hypothesis.strategies import floats, sampled_from

from orchestrator.domain.decisioning import Flip, Situation, decide, flip, shipped
from orchestrator.domain.intent import concern
from tests.unit.domain.decisioning.situations import (
    DELIVERY,
    EVERYTHING,
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

SCENES = {
    "loyal": situation(PRICE, REGULAR),
    "delivery": situation(DELIVERY),
    "returns": situation(RETURNS, stage="product"),
    "rage": situation(RAGE),
    "low risk": situation(RAGE, risk=0.2),
    "everything": situation(EVERYTHING),
    "follow-up": follow_up(),
}


def _changed(seen: Situation, one: Flip) -> Situation:
    if one.kind == "risk":
        return seen.replace(risk=one.after)
    if one.kind == "wait":
        return seen.replace(now_ms=one.after)
    if one.kind == "consent":
        return seen.replace(consent={**seen.consent, one.name: one.after})
    if one.kind == "fact":
        return seen.replace(facts={**seen.facts, one.name: one.after})
    signals = {**seen.signals, one.name: float(one.after or 0)}
    return seen.replace(signals=signals, concern=concern(signals))


@settings(max_examples=12, deadline=None)
@given(name=sampled_from(sorted(SCENES)), risk=floats(0.05, 0.99))
def test_a_flip_does_flip(name: str, risk: float) -> None:
    """Made anew with the one change, the decision has another best, or the action is allowed."""
    seen = SCENES[name].replace(risk=round(risk, 6))
    decision = decide(shipped(), seen, "dec-1")
    for one in flip(shipped(), seen, decision, concern):
        after = decide(shipped(), _changed(seen, one), "dec-1")
        assert one.before != one.after
        assert 0.0 <= one.size <= 1.0
        if one.effect == "best":
            assert after.best == one.action != decision.best
        else:
            assert outcome(decision, one.action) is not None
            assert outcome(after, one.action) is None


def test_low_risk_flips_at_the_threshold() -> None:
    """Refused by `eligible.risk`: the risk at which it would not have been."""
    decision = decide(shipped(), SCENES["low risk"], "dec-1")
    best = flip(shipped(), SCENES["low risk"], decision, concern)[0]
    assert (best.kind, best.after, best.action) == ("risk", 0.35, "chat_invitation")


@pytest.mark.parametrize(
    ("seen", "kind", "action"),
    [
        (follow_up(consent={}), "consent", "cart_reminder"),
        (follow_up(now_ms=NOON_MS + 10 * 3_600_000), "wait", "cart_reminder"),
        (situation(PRICE, {**REGULAR, "coupon_share": 0.5}), "fact", "loyalty_discount"),
    ],
)
def test_a_refusal_is_lifted_by_what_caused_it(seen: Situation, kind: str, action: str) -> None:
    """Consent, time, or the fact that a condition asked for."""
    lifted = flip(shipped(), seen, decide(shipped(), seen, "dec-1"), concern)[-1]
    assert (lifted.effect, lifted.kind, lifted.action) == ("allowed", kind, action)


def test_nothing_flips_the_holdout() -> None:
    """Who is held out is held out."""
    everybody = policies(ContactPolicy={"holdout_share": 1.0})
    seen = SCENES["loyal"]
    assert flip(everybody, seen, decide(everybody, seen, "dec-1"), concern) == ()
