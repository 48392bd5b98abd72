"""The snapshot that models see."""

from dataclasses import dataclass
from math import e, isfinite, log, log1p
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.signals import FEATURES, features
from orchestrator.types import Payload
from tests.builders import at_ms, click
from tests.strategies import click_streams
from tests.unit.domain.sessions.rig import session_of


@dataclass
class Facts:
    """A person."""

    is_member: bool = False
    orders_count: int = 0
    returns_share: float = 0.0
    coupon_share: float = 0.0


def named(*events: Payload, present: float = 0, facts: Facts | None = None) -> dict[str, float]:
    found = features(session_of(*events), facts or Facts(), at_ms(present))
    return dict.fromkeys(FEATURES, 0.0) | found


def only(kind: str, count: int = 1, **properties: Any) -> list[Payload]:
    return [click(kind, at=at, **properties) for at in range(count)]


def dwelled(section: str) -> list[Payload]:
    return only("section_dwelled", section=section, visible_ms=1000 * round(e**4) - 1000)


FOUR = round(e**4) - 1
FULL = log1p(FOUR) / 4


@pytest.mark.parametrize(
    ("name", "events", "present", "value"),
    [
        ("stage_product", only("product_viewed"), 0, 1),
        ("stage_cart", only("cart_viewed"), 0, 1),
        ("stage_checkout", only("checkout_started"), 0, 1),
        ("stage_checkout", only("checkout_step_viewed", step="contact"), 0, 1),
        ("stage_shipping", only("checkout_step_viewed", step="shipping"), 0, 1),
        ("stage_payment", only("checkout_step_viewed", step="payment"), 0, 1),
        ("stage_review", only("checkout_step_viewed", step="review"), 0, 1),
        ("events_log", only("page_viewed", FOUR), 60, FULL),
        ("age_log", only("page_viewed"), FOUR, FULL),
        ("silence_log", only("page_viewed"), FOUR, FULL),
        ("silence_log", [click(at=0), click("heartbeat", at=30)], FOUR, FULL),
        ("longest_gap_log", [click(at=0), click(at=FOUR)], FOUR, FULL),
        ("refreshes_log", only("page_refreshed", 3), 9, log(4)),
        (
            "cursor_wander_log",
            only("cursor_wandered", path_px=1000.0, direction_changes=3),
            9,
            log(4) / 4,
        ),
        (
            "cursor_wander_log",
            only("cursor_wandered", path_px=1.0, direction_changes=999),
            9,
            log(101) / 4,
        ),
        ("cursor_wander_log", only("cursor_wandered", direction_changes=3), 9, 0),
        ("shipping_cost_dwell_log", dwelled("shipping_costs"), 0, FULL),
        ("delivery_dates_dwell_log", dwelled("delivery_dates"), 0, FULL),
        ("returns_policy_dwell_log", dwelled("returns_policy"), 0, FULL),
        ("price_dwell_log", dwelled("price"), 0, FULL),
        ("reviews_dwell_log", dwelled("reviews"), 0, FULL),
        ("payment_trouble_log", only("payment_failed", 3), 9, log(4)),
        ("coupon_attempts_log", only("coupon_denied", 3), 9, log(4)),
        ("tab_hidden_log", only("tab_hidden", 3), 9, log(4) / 2),
        ("frustration_log", only("rage_clicked", 3), 9, log(4) / 2),
        ("frustration_log", only("dead_clicked", 3), 9, log(4) / 2),
        ("frustration_log", only("form_field_abandoned", 3), 9, log(4) / 2),
        ("exit_intents_log", only("exit_intended", 3), 9, log(4)),
        ("cart_value_log", only("product_added", cart_value_cents=9900), 9, log(100) / 5),
        ("products_distinct_log", only("product_viewed", 3), 9, log(2) / 2),
        (
            "price_range_log",
            [click("product_viewed", at=at, price_cents=price) for at, price in enumerate((5, 15))],
            9,
            log(3) / 2,
        ),
        (
            "price_range_log",
            [
                click("product_viewed", at=at, price_cents=price)
                for at, price in enumerate((1, 999))
            ],
            9,
            log(100) / 2,
        ),
        (
            "steps_back_log",
            [click("checkout_step_viewed"), click("cart_viewed", at=1)],
            9,
            log(2),
        ),
    ],
)
def test_transforms(name: str, events: list[Payload], present: float, value: float) -> None:
    """Each feature is its signal under its fixed transform."""
    assert named(*events, present=present)[name] == pytest.approx(value, abs=6e-7)


def test_facts() -> None:
    """What is known of the person is part of the snapshot."""
    row = named(click(), facts=Facts(True, 3, 0.25, 0.5))  # noqa: FBT003 - a fact
    assert row["orders_count_log"] == pytest.approx(log(4) / 2)
    assert (row["returns_share"], row["coupon_share"], row["is_member"]) == (0.25, 0.5, 1.0)


def test_stages_are_one_hot() -> None:
    """Of the stages at most one is on; none while browsing and after the purchase."""
    for kind, on in (("page_viewed", 0), ("product_viewed", 1), ("order_completed", 0)):
        row = named(click(kind))
        assert sum(row[name] for name in FEATURES if name.startswith("stage_")) == on


@settings(max_examples=30)
@given(click_streams(within_s=1200, sessions=("s-1",), max_size=16), st.integers(-1000, 86_400_000))
def test_features_are_finite(events: list[Payload], later_ms: int) -> None:
    """Any session, at any time: floats by known names, all finite, none negative, six digits."""
    session = session_of(*events)
    found = features(session, Facts(), session.last_ms + later_ms)
    assert found.keys() <= set(FEATURES)
    assert len(FEATURES) == len(set(FEATURES)) == 30
    for value in found.values():
        assert isinstance(value, float)
        assert isfinite(value)
        assert value >= 0
        assert round(value, 6) == value
