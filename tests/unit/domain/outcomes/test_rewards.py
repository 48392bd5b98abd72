"""What a decision earned, and when that can no longer change."""

import json

from orchestrator.domain.outcomes import Claim, Purchase, RewardRule, Visit, settle

RULE = RewardRule(default_margin_share=0.4)
DAY_MS = 86_400_000


def order(placed_ms: int, *, total: int = 10_000, session_id: str = "") -> Purchase:
    purchase = Purchase("o-1")
    purchase.session_id = session_id
    purchase.take("order_placed", "e-1", placed_ms, total_cents=total)
    return purchase


def visit(*claims: Claim, closed_ms: int = 10_000) -> Visit:
    return Visit("s-1", list(claims), closed_ms=closed_ms)


def test_nothing_bought_is_zero_and_final_on_site() -> None:
    """At its session's end an on-site decision without an order earned nothing, for good."""
    claim = Claim("d-1", 1_000, "social_proof", offer_cents=500)
    reward = settle(visit(claim), claim, [], RULE, 10_000)
    assert (reward.cents, reward.converted, reward.matured) == (0, False, True)


def test_a_message_waits_three_days() -> None:
    """Where e-mail was a candidate, an order two days later still counts; and not a week later."""
    claim = Claim("d-1", 1_000, "do_nothing", window_ms=RULE.message_window_ms)
    assert not settle(visit(claim), claim, [], RULE, 10_000).matured
    assert settle(visit(claim), claim, [order(2 * DAY_MS)], RULE, 2 * DAY_MS).cents == 4_000
    assert settle(visit(claim), claim, [order(7 * DAY_MS)], RULE, 7 * DAY_MS).cents == 0


def test_every_decision_before_the_order_shares_it_and_none_after() -> None:
    """The session's decisions are credited alike; what was decided after the order is not."""
    before, after = Claim("d-1", 1_000, "do_nothing"), Claim("d-2", 3_000, "do_nothing")
    held = visit(before, after)
    orders = [order(2_000, session_id="s-1")]
    assert settle(held, before, orders, RULE, 10_000).converted
    assert not settle(held, after, orders, RULE, 10_000).converted


def test_the_offer_is_charged_to_its_decision_and_to_those_before() -> None:
    """Doing nothing, then a coupon, then an order: doing nothing did not earn it for free."""
    first = Claim("d-1", 1_000, "do_nothing")
    coupon = Claim("d-2", 2_000, "limited_time_discount", offer_cents=1_000)
    last = Claim("d-3", 3_000, "do_nothing")
    held, orders = visit(first, coupon, last), [order(4_000, session_id="s-1")]
    rewards = [settle(held, claim, orders, RULE, 10_000) for claim in held.claims]
    assert [reward.cents for reward in rewards] == [3_000, 3_000, 4_000]
    assert rewards[0].parts["later_offers_cents"] == -1_000
    assert rewards[1].parts["offer_cents"] == -1_000


def test_a_dismissed_offer_costs_nothing() -> None:
    """Turned down: not redeemed. Turned down and then taken: redeemed."""
    claim = Claim("d-1", 1_000, "limited_time_discount", offer_cents=1_000)
    claim.engage("dismissed")
    held, orders = visit(claim), [order(4_000, session_id="s-1")]
    assert settle(held, claim, orders, RULE, 10_000).cents == 4_000
    claim.engage("accepted")
    reward = settle(held, claim, orders, RULE, 10_000)
    assert reward.cents == 3_000
    assert reward.parts["accepted"] == reward.parts["dismissed"] == 1


def test_returns_and_cancellations_take_the_margin_back() -> None:
    """Half returned: half the margin; cancelled: no conversion at all."""
    claim = Claim("d-1", 1_000, "do_nothing")
    purchase = order(4_000, session_id="s-1")
    purchase.take("order_returned", "e-2", 5_000, total_cents=5_000)
    reward = settle(visit(claim), claim, [purchase], RULE, 10_000)
    assert (reward.cents, reward.converted, reward.matured) == (2_000, True, False)
    assert settle(visit(claim), claim, [purchase], RULE, 4_000 + 30 * DAY_MS).matured
    purchase.take("order_cancelled", "e-3", 6_000)
    reward = settle(visit(claim), claim, [purchase], RULE, 10_000)
    assert (reward.cents, reward.converted, reward.matured) == (0, False, True)


def test_money_parts_add_up() -> None:
    """The parts in cents are the whole reward."""
    claim = Claim("d-1", 1_000, "free_shipping", offer_cents=590)
    purchase = order(4_000, session_id="s-1")
    purchase.take("order_refunded", "e-2", 5_000, total_cents=1_234)
    reward = settle(visit(claim), claim, [purchase], RULE, 10_000)
    assert sum(v for name, v in reward.parts.items() if name.endswith("_cents")) == reward.cents


def test_a_claim_survives_json() -> None:
    """Dump, JSON, load."""
    claim = Claim("d-1", 1_000, "free_shipping", offer_cents=590, command_id="c-1", window_ms=7)
    claim.engage("accepted")
    claim.published = [1, 2]
    again = Claim.load(json.loads(json.dumps(claim.dump())))
    assert again.dump() == claim.dump()
    assert again.engaged("accepted")


def test_feedback_that_says_nothing_here_passes() -> None:
    """A finished chat is an acceptance; an opened mail or a score is not a deed of the shopper."""
    claim = Claim("d-1", 1_000, "chat_invitation")
    claim.engage("email_opened")
    assert claim.dump() == Claim("d-1", 1_000, "chat_invitation").dump()
    claim.engage("chat_completed")
    assert claim.engaged("accepted")
