"""Each signal by its own definition, and within its own bound."""

from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.sessions import STAGES, Session, stages
from orchestrator.domain.signals import NAMES, SIGNALS, Signal, markdown, values
from orchestrator.domain.signals.values import FEW_EVENTS, parts_of
from orchestrator.types import Payload
from tests.builders import at_ms, click
from tests.strategies import click_streams
from tests.unit.domain.sessions.rig import session_of

Case = tuple[str, list[Payload], float, float]
"""Signal, events, present (seconds), value."""


def step(name: str, at: float) -> Payload:
    return click("checkout_step_viewed", at=at, step=name)


def each(kind: str, count: int, **properties: Any) -> list[Payload]:
    return [click(kind, at=at, **properties) for at in range(count)]


def methods(*names: str) -> list[Payload]:
    return [click("payment_method_selected", at=at, method=name) for at, name in enumerate(names)]


def prices(*cents: int | None) -> list[Payload]:
    return [
        click("product_viewed", at=at, product_id=f"p-{at}", price_cents=each_cents)
        for at, each_cents in enumerate(cents)
    ]


def dwell(*sections: str) -> list[Payload]:
    return [
        click("section_dwelled", at=at, section=section, visible_ms=1500)
        for at, section in enumerate(sections)
    ]


STEPS = [step(name, at) for at, name in enumerate(("contact", "shipping", "contact", "payment"))]
OUT = [*STEPS, click("product_viewed", at=5)]

CASES: list[Case] = [
    ("stage_index", STEPS, 9, 6),
    ("stage_index", OUT, 9, 1),
    ("stage_reached_index", OUT, 9, 6),
    ("step_returns_count", STEPS, 9, 1),
    ("step_returns_count", OUT, 9, 1),
    ("checkout_exits_count", STEPS, 9, 0),
    ("checkout_exits_count", OUT, 9, 1),
    ("checkout_exits_count", [click("order_completed"), click("product_viewed", at=1)], 9, 0),
    ("steps_viewed_count", STEPS, 9, 4),
    ("steps_completed_count", each("checkout_step_completed", 2), 9, 2),
    ("session_age_ms", each("page_viewed", 3), 10, 10_000),
    ("silence_ms", [click(at=2), click("heartbeat", at=5)], 9, 7_000),
    ("silence_ms", [click("heartbeat", at=5), click("heartbeat", at=8)], 9, 4_000),
    ("silence_in_checkout_ms", STEPS, 9, 6_000),
    ("silence_in_checkout_ms", OUT, 9, 0),
    ("hesitation_longest_gap_ms", [click(at=0), click(at=7), click(at=9)], 99, 7_000),
    ("hesitation_longest_gap_ms", [click(at=0), click("heartbeat", at=4), click(at=7)], 9, 7_000),
    ("hesitation_longest_gap_ms", [click()], 99, 0),
    ("pace_events_per_min", each("page_viewed", 6), 120, 3),
    ("pace_events_per_min", each("page_viewed", 6), 10, 6),
    ("events_60s_count", [click(at=0), click(at=1), click(at=30)], 60.5, 2),
    ("events_60s_count", [click(at=0), click(at=1), click(at=30)], 60, 2),
    ("events_60s_count", [click(at=0), click(at=1), click(at=30)], 90, 0),
    ("events_count", each("page_viewed", 6), 9, 6),
    ("heartbeats_count", each("heartbeat", 3), 9, 3),
    ("unknown_events_count", [click("hologram_rotated"), *dwell("aura", "price")], 9, 2),
    ("pages_count", each("page_viewed", 2), 9, 2),
    ("searches_count", each("products_searched", 2), 9, 2),
    ("lists_count", each("product_list_viewed", 2), 9, 2),
    ("products_viewed_count", each("product_viewed", 3), 9, 3),
    ("products_distinct_count", each("product_viewed", 3), 9, 1),
    ("products_distinct_count", prices(1, 2, 3), 9, 3),
    ("price_range_ratio", prices(2000, 500, None, 3000, 0), 9, 6),
    ("price_range_ratio", prices(None, 0), 9, 1),
    ("price_jumps_count", prices(1000, 1999, None, 900, 1800, 1800), 9, 2),
    (
        "scroll_depth_share",
        [click("scrolled", depth=0.75), click("scrolled", at=1, depth=0.5)],
        9,
        0.75,
    ),
    ("wishlist_count", each("wishlist_product_added", 2), 9, 2),
    ("reviews_written_count", each("product_reviewed", 2), 9, 2),
    ("images_uploaded_count", each("image_uploaded", 2), 9, 2),
    ("shipping_cost_dwell_ms", dwell("shipping_costs", "price", "shipping_costs"), 9, 3000),
    ("delivery_dates_dwell_ms", dwell("delivery_dates", "price"), 9, 1500),
    ("returns_policy_dwell_ms", dwell("returns_policy", "price"), 9, 1500),
    ("price_dwell_ms", dwell("price", "reviews"), 9, 1500),
    ("reviews_dwell_ms", dwell("reviews", "price"), 9, 1500),
    ("size_guide_dwell_ms", dwell("size_guide", "price"), 9, 1500),
    (
        "dwell_ms",
        dwell("shipping_costs", "delivery_dates", "returns_policy", "price", "reviews", "aura"),
        9,
        7500,
    ),
    ("dwell_ms", dwell("size_guide"), 9, 1500),
    ("text_copied_characters", each("text_copied", 2, characters=12), 9, 24),
    ("text_copied_characters", each("text_copied", 2), 9, 0),
    ("cart_value_cents", each("product_added", 2, cart_value_cents=4500), 9, 4500),
    ("items_count", each("product_added", 2, quantity=2), 9, 4),
    ("adds_count", each("product_added", 2, quantity=2), 9, 2),
    ("removes_count", each("product_removed", 2), 9, 2),
    ("cart_views_count", each("cart_viewed", 2), 9, 2),
    ("coupon_attempts_count", [*each("coupon_entered", 2), click("coupon_denied", at=1)], 9, 2),
    ("coupon_attempts_count", [click("coupon_denied"), click("coupon_applied", at=1)], 9, 2),
    ("coupon_denied_count", [click("coupon_denied"), click("coupon_applied", at=1)], 9, 1),
    (
        "shipping_options_compared_count",
        [
            click("shipping_option_selected", at=at, option=option)
            for at, option in enumerate(("dhl", "ups", None, "dhl"))
        ],
        9,
        2,
    ),
    ("payment_methods_compared_count", methods("card", "paypal", "card"), 9, 2),
    ("payment_switches_count", methods("card", "card", "paypal", "card"), 9, 2),
    ("payment_failures_count", each("payment_failed", 2), 9, 2),
    ("orders_completed_count", each("order_completed", 2), 9, 2),
    ("orders_cancelled_count", each("order_cancelled", 2), 9, 2),
    ("orders_refunded_count", each("order_refunded", 2), 9, 2),
    ("refreshes_count", each("page_refreshed", 3), 99, 3),
    ("refreshes_60s_count", [*each("page_refreshed", 3), click(at=30)], 61.5, 1),
    (
        "hesitations_60s_count",
        [
            click("rage_clicked", at=0),
            click("exit_intended", at=10),
            click("rage_clicked", at=11),
            click("dead_clicked", at=12),
            click("cursor_wandered", at=13),
            click("form_field_abandoned", at=14),
            click("page_refreshed", at=15),
        ],
        65,
        5,
    ),
    (
        "cursor_wander_ratio",
        each("cursor_wandered", 2, path_px=1500.5, direction_changes=6),
        9,
        4,
    ),
    ("cursor_wander_ratio", each("cursor_wandered", 2, direction_changes=6), 9, 0),
    ("cursor_wandering_ms", each("cursor_wandered", 2, duration_ms=900), 9, 1800),
    ("exit_intents_count", each("exit_intended", 2), 9, 2),
    ("tab_hidden_count", [click("tab_hidden"), click("tab_shown", at=1)], 9, 1),
    ("tab_hidden_ms", [click("tab_hidden"), click("tab_shown", at=4)], 9, 4000),
    ("tab_hidden_ms", [*each("tab_hidden", 2), click("tab_shown", at=4)], 9, 4000),
    ("tab_hidden_ms", [click("tab_shown"), click("tab_hidden", at=4)], 9, 5000),
    ("rage_clicks_count", each("rage_clicked", 2, clicks=7), 9, 2),
    ("dead_clicks_count", each("dead_clicked", 2), 9, 2),
    ("form_abandons_count", each("form_field_abandoned", 2), 9, 2),
]


def signal_named(name: str) -> Signal:
    (signal,) = [each_signal for each_signal in SIGNALS if each_signal.name == name]
    return signal


@pytest.mark.parametrize(
    ("name", "events", "present", "value"),
    CASES,
    ids=[f"{name}-{value}" for name, _, _, value in CASES],
)
def test_definition(name: str, events: list[Payload], present: float, value: float) -> None:
    """The signal has the value that its definition says."""
    session = session_of(*events)
    assert values(session, at_ms(present)).get(name, 0.0) == value


def test_every_signal_has_a_case() -> None:
    """No signal without a test of its definition; names are distinct."""
    assert {name for name, _, _, _ in CASES} == set(NAMES)
    assert len(NAMES) == len(set(NAMES)) >= 34


def extreme() -> Session:
    """A session that drives every sum and count beyond its bound."""
    huge = 2**53
    events = [
        click("product_viewed", at=0, price_cents=1),
        click("product_viewed", at=1, price_cents=huge),
        click("cursor_wandered", at=2, path_px=1.0, direction_changes=huge, duration_ms=huge),
        click("text_copied", at=3, characters=huge),
        click("product_added", at=4, quantity=huge, cart_value_cents=huge),
        click("scrolled", at=5, depth=1.0),
        click("tab_hidden", at=6),
    ]
    for at, section in enumerate(
        ("shipping_costs", "delivery_dates", "returns_policy", "price", "reviews", "size_guide")
    ):
        events.append(click("section_dwelled", at=7 + at, section=section, visible_ms=huge))
    session = session_of(*events, step("review", at=20))
    for name in dir(Session.__mro__[1]):
        if name.endswith("_count"):
            setattr(session, name, huge)
    for name in dir(session.course):
        if name.endswith("_count"):
            setattr(session.course, name, huge)
    session.events_count = session.methods_distinct = session.options_distinct = huge
    session.products_distinct = session.course.longest_gap_ms = huge
    return session


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_bound(signal: Signal) -> None:
    """However extreme the session, and however far the present, the value is within the bound."""
    session = extreme()
    for now_ms in (session.last_ms, session.last_ms + 365 * 86_400_000, 0):
        assert signal.lower <= values(session, now_ms).get(signal.name, 0.0) <= signal.upper
    if not signal.name.endswith("_60s_count") and "stage" not in signal.name:
        assert values(session, session.last_ms + 365 * 86_400_000)[signal.name] == (
            signal.upper if signal.name != "pace_events_per_min" else pytest.approx(signal.upper)
        )


def test_few_events_exceed_no_bound_of_a_count() -> None:
    """Distinct ways to pay and to ship are counted to their bound by the session itself."""
    own = {"payment_methods_compared_count", "shipping_options_compared_count"}
    counts = [one for one in SIGNALS if one.unit == "count" and one.name not in own]
    assert min(one.upper for one in counts) >= FEW_EVENTS


def test_a_bound_changes_nothing_but_what_is_beyond_it() -> None:
    """Whole numbers stay whole ones: how a value is written must not depend on its neighbours."""
    session = session_of(
        click("product_added", at=0, quantity=100_000, price_cents=100), click("cart_viewed", at=20)
    )
    found = values(session, session.last_ms)
    assert found["items_count"] == next(s.upper for s in SIGNALS if s.name == "items_count")
    assert isinstance(found["session_age_ms"], int)
    assert isinstance(found["stage_index"], int)


@settings(max_examples=30)
@given(click_streams(within_s=1200, sessions=("s-1",), max_size=16), st.integers(0, 86_400_000))
def test_a_part_holds_what_the_whole_holds(events: list[Payload], later_ms: int) -> None:
    """Whichever signal is asked for alone, its value is the same."""
    session = session_of(*events)
    now_ms = session.last_ms + later_ms
    whole = values(session, now_ms)
    for name in NAMES:
        assert values(session, now_ms, parts_of([name])).get(name) == whole.get(name)


def test_a_signal_nobody_knows_is_of_no_part() -> None:
    """A policy that names one is refused where policies are read; here it is 0."""
    assert parts_of(["mood_index"]) == 0
    assert values(extreme(), 0, parts_of(["mood_index"])) == {}


@settings(max_examples=30)
@given(click_streams(within_s=1200, sessions=("s-1",), max_size=16), st.integers(0, 2 * 86_400_000))
def test_values_are_finite_and_bounded(events: list[Payload], later_ms: int) -> None:
    """Any session, at any time after its last event."""
    session = session_of(*events)
    found = values(session, session.last_ms + later_ms)
    assert found.keys() <= set(NAMES)
    assert all(found.values()), "what is 0 is left out"
    for signal in SIGNALS:
        value = found.get(signal.name, 0.0)
        assert isfinite(value), signal.name
        assert signal.lower <= value <= signal.upper, signal.name


def test_a_minute_of_events_fills_the_short_windows() -> None:
    """The `_60s` signals reach their bound and not beyond."""
    refreshes = [click("page_refreshed", at=at / 2.2) for at in range(128)]
    exits = [click("exit_intended", at=at / 2.2) for at in range(128)]
    assert values(session_of(*refreshes), at_ms(59))["refreshes_60s_count"] == 60
    assert values(session_of(*exits), at_ms(59))["hesitations_60s_count"] == 60
    assert values(session_of(*exits), at_ms(59))["events_60s_count"] == 100


def test_names_carry_units() -> None:
    """The last word of a name is its unit."""
    suffix = {"count": "count", "ms": "ms", "cents": "cents", "share": "share", "index": "index"}
    for signal in SIGNALS:
        if signal.unit in suffix:
            assert signal.name.endswith(f"_{suffix[signal.unit]}")
        assert signal.lower < signal.upper
        assert signal.definition.endswith(".")


def test_stages_are_numbered_as_sessions_number_them() -> None:
    """The two rooms agree though they do not know one another."""
    assert [getattr(stages, name.upper()) for name in STAGES] == list(range(len(STAGES)))


def test_the_page_is_current() -> None:
    """`docs/signals.md` is what the declarations say."""
    page = Path(__file__).parents[4] / "docs" / "signals.md"
    assert page.read_text(encoding="utf-8") == markdown()
