"""Quiet hours across zones and daylight saving, caps, cooldowns, budgets, what to keep."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, tuples

from orchestrator.domain.decisioning import Contact, decide, shipped
from tests.unit.domain.decisioning.situations import (
    DAY_MS,
    NOON_MS,
    PRICE,
    REGULAR,
    follow_up,
    outcome,
    policies,
    situation,
)

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"]
KINDS = [
    ("social_proof", "onsite", "social"),
    ("chat_invitation", "chat", "chat"),
    ("loyalty_discount", "onsite", "discount"),
    ("free_shipping", "onsite", "shipping_offer"),
    ("cart_reminder", "email", "reminder"),
]
contacts = lists(
    tuples(integers(0, 70 * DAY_MS), sampled_from(KINDS)).map(
        lambda made: (NOON_MS - made[0], *made[1])
    ),
    max_size=20,
)


def _at(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@given(hour=integers(0, 23), minute=integers(0, 59), zone=sampled_from(ZONES))
def test_quiet_hours_are_the_shoppers_own(hour: int, minute: int, zone: str) -> None:
    """From 21:00 to 08:00 local time, wherever that is, no e-mail goes out."""
    now_ms = _at(f"2026-11-24T{hour:02}:{minute:02}", zone)
    seen = follow_up(now_ms=now_ms)
    seen = seen.replace(facts={**seen.facts, "time_zone": zone})
    refused = outcome(decide(shipped(), seen, "dec-1"), "cart_reminder")
    assert (refused == "quiet_hours") == (hour >= 21 or hour < 8)


@pytest.mark.parametrize(
    ("text", "quiet"),
    [
        ("2026-03-28T07:30", True),  # winter time: 06:30 UTC
        ("2026-03-29T07:30", True),  # summer time since the night: 05:30 UTC
        ("2026-03-29T08:00", False),
        ("2026-10-25T08:00", False),  # back to winter time
        ("2026-10-25T07:59", True),
    ],
)
def test_quiet_hours_follow_daylight_saving(text: str, quiet: bool) -> None:  # noqa: FBT001 - parametrised
    """The wall clock counts, on the days that have 23 or 25 hours too."""
    seen = follow_up(now_ms=_at(text, "Europe/Berlin"))
    refused = outcome(decide(shipped(), seen, "dec-1"), "cart_reminder")
    assert (refused == "quiet_hours") is quiet


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../../etc/passwd", "\x00", "x" * 900])
def test_an_unknown_zone_reads_as_the_default(zone: str | None) -> None:
    """Whatever a profile says of its zone, a decision is made; by the policy's own zone then."""
    seen = follow_up(now_ms=_at("2026-11-24T22:00", "UTC"))
    seen = seen.replace(facts={**seen.facts, "time_zone": zone})
    assert outcome(decide(shipped(), seen, "dec-1"), "cart_reminder") == "quiet_hours"
    tokyo = policies(ContactPolicy={"time_zone_default": "Asia/Tokyo", "holdout_share": 0.0})
    assert outcome(decide(tokyo, seen, "dec-1"), "cart_reminder") == "quiet_hours"
    seen = seen.replace(now_ms=_at("2026-11-24T22:00", "UTC") + 4 * 3_600_000)
    assert outcome(decide(tokyo, seen, "dec-1"), "cart_reminder") is None


@pytest.mark.parametrize(("age_days", "allowed"), [(0, False), (59, False), (60, True)])
def test_one_discount_in_sixty_days(age_days: int, allowed: bool) -> None:  # noqa: FBT001 - parametrised
    """Whoever had one, of either kind, gets none for 60 days: no use in leaving for it."""
    for action in ("loyalty_discount", "limited_time_discount"):
        seen = situation(
            PRICE, REGULAR, contacts=[(NOON_MS - age_days * DAY_MS, action, "onsite", "discount")]
        )
        refused = outcome(decide(shipped(), seen, "dec-1"), "loyalty_discount")
        assert refused == (None if allowed else "cooldown.discount")


@given(made=contacts)
def test_more_contacts_never_allow_more(made: list[Contact]) -> None:
    """What is allowed after some contacts is allowed after fewer."""
    seen = situation(PRICE, REGULAR, contacts=made)
    fewer = seen.replace(contacts=made[1:])
    allowed = {
        row["action"] for row in decide(shipped(), seen, "dec-1").candidates if row["allowed"]
    }
    before = {
        row["action"] for row in decide(shipped(), fewer, "dec-1").candidates if row["allowed"]
    }
    assert allowed <= before


@given(made=contacts)
def test_only_relevant_contacts_matter(made: list[Contact]) -> None:
    """Forgetting what `relevant` leaves out changes no decision."""
    kept = shipped().relevant(made, NOON_MS)
    assert set(kept) <= set(made)
    for seen in (situation(PRICE, REGULAR), follow_up()):
        whole = decide(shipped(), seen.replace(contacts=made), "dec-1")
        slim = decide(shipped(), seen.replace(contacts=kept), "dec-1")
        assert slim.candidates == whole.candidates


@pytest.mark.parametrize(
    "made", [(), ((NOON_MS - 400 * DAY_MS, "social_proof", "onsite", "social"),)]
)
def test_a_cap_of_none_is_reached_by_everybody(made: Sequence[Contact]) -> None:
    """Also by those who were never contacted, or long ago."""
    cap = {"name": "never", "span_ms": 3_600_000, "contacts_max": 0}
    closed = policies(ContactPolicy={"caps": [cap], "holdout_share": 0.0})
    decision = decide(closed, situation(PRICE, REGULAR, contacts=made), "dec-1")
    assert decision.reason == "none_allowed"
    assert "cap.never" in {row["refused_by"] for row in decision.candidates}


def test_a_discount_outlives_the_banners_of_today() -> None:
    """Where room is short, contacts that matter longest are kept."""
    discount = (NOON_MS - 30 * DAY_MS, "loyalty_discount", "onsite", "discount")
    banners = [(NOON_MS - number, "social_proof", "onsite", "social") for number in range(100)]
    kept = shipped().relevant([discount, *banners], NOON_MS, limit=8)
    assert kept[0] == discount
    assert len(kept) == 8
    assert kept == sorted(kept)


@given(partitions=integers(1, 64))
def test_shares_of_a_budget_add_up(partitions: int) -> None:
    """No cent is lost between partitions, and none is spent twice."""
    budgets = shipped().contact.daily_budgets_cents
    shares = [shipped().budget_shares_cents(number, partitions) for number in range(partitions)]
    assert all(share.keys() == budgets.keys() for share in shares)
    for name, total in budgets.items():
        known = [share[name] for share in shares]
        assert sum(known) == total
        assert max(known) - min(known) <= 1


def test_what_a_decision_spends_fits_the_budget() -> None:
    """The exposure charged is at most what was left."""
    for left in range(880, 920):
        seen = situation(PRICE, REGULAR, budgets_left_cents={"discount": left})
        decision = decide(shipped(), seen, "dec-1")
        if decision.action == "loyalty_discount":
            assert decision.spends == ("discount", 899)
            assert left >= 899
