"""Any order of arrival within the lateness, and any duplicates, give the same sessions."""

from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.domain.sessions import SessionSettings
from orchestrator.types import Payload
from tests.builders import click
from tests.strategies import click_streams
from tests.unit.domain.sessions.rig import SHORT, Arrival, arrive, fold

LATENESS_MS = SHORT.lateness_ms
delays = st.integers(0, LATENESS_MS)
ways = st.tuples(
    st.sampled_from((None, "mobile", "desktop")),
    st.sampled_from((None, "de-DE", "en-GB")),
    delays,
    st.none() | delays,
)
streams = click_streams(within_s=900, sessions=(None, "s-1", "s-2"), max_size=16)
shopping = click_streams(
    types=(
        "product_viewed",
        "product_added",
        "product_removed",
        "cart_viewed",
        "checkout_started",
        "checkout_step_viewed",
        "checkout_step_completed",
        "payment_method_selected",
        "tab_hidden",
        "tab_shown",
        "page_refreshed",
        "heartbeat",
        "order_completed",
    ),
    within_s=300,
    sessions=("s-1",),
    max_size=16,
)


@st.composite
def arrivals(draw: st.DrawFn, events: st.SearchStrategy[list[Payload]]) -> list[Arrival]:
    """Events from some device, with delays, some delivered twice."""
    found: list[Arrival] = []
    for event in draw(events):
        device, locale, delay_ms, again_ms = draw(ways)
        context = {"device": device, "locale": locale}
        found.append((event | {"context": context}, delay_ms, again_ms))
    return found


def in_order(events: list[Arrival]) -> list[Payload]:
    return [event for event, _, _ in events]


MOBILE = {"device": "mobile", "locale": "de-DE"}
DESKTOP = {"device": "desktop", "locale": "en-GB"}
BRIDGE: list[Arrival] = [
    (click("product_viewed", at=0, session="s-1", price_cents=1000, context=MOBILE), 0, None),
    (click("product_added", at=110, session="s-1", currency="EUR"), 45_000, None),
    (click("checkout_started", at=150, session="s-1", currency="GBP"), 0, None),
    (
        click("product_viewed", at=151, session="s-1", price_cents=5000, context=DESKTOP),
        0,
        50_000,
    ),
]
"""The second event comes after the third, which at first seemed to open a session."""


@settings(max_examples=60)
@given(arrivals(streams))
@example(BRIDGE)
def test_order_of_arrival_and_duplicates_do_not_matter(events: list[Arrival]) -> None:
    """Late, shuffled and doubled deliveries make the sessions that sorted ones make."""
    expected, _ = fold(in_order(events))
    sessions, verdicts = fold(arrive(events))
    assert sessions == expected
    assert verdicts.count("added") == len(events)


@settings(max_examples=40)
@given(arrivals(shopping))
def test_the_course_of_a_session_does_not_depend_on_arrival(events: list[Arrival]) -> None:
    """Carts, steps, prices and hidden tabs follow event time, whatever came first."""
    assert fold(arrive(events))[0] == fold(in_order(events))[0]


@settings(max_examples=40)
@given(arrivals(shopping), st.randoms(use_true_random=False))
def test_ids_break_ties(events: list[Arrival], shuffle: Random) -> None:
    """Events of one millisecond count in the order of their ids, however they arrive."""
    at_once = [event | {"time_ms": events[0][0]["time_ms"]} for event in in_order(events)]
    shuffled = shuffle.sample(at_once, k=len(at_once))
    assert fold(shuffled)[0] == fold(at_once)[0]


@settings(max_examples=40)
@given(arrivals(streams), st.integers(1, 7))
def test_restarts_do_not_matter(events: list[Arrival], every: int) -> None:
    """Stored and loaded every few events, sessions and verdicts are those of a calm run."""
    deliveries = arrive(events)
    assert fold(deliveries, restart_every=every) == fold(deliveries)


@settings(max_examples=40)
@given(arrivals(streams))
def test_a_shorter_lateness_holds_too(events: list[Arrival]) -> None:
    """With a lateness of 5 s the minute's window is kept all the same."""
    hasty = SessionSettings(gap_ms=120_000, lateness_ms=5_000)
    prompt = [
        (event, delay_ms // 12, None if again_ms is None else again_ms // 12)
        for event, delay_ms, again_ms in events
    ]
    assert fold(arrive(prompt), hasty)[0] == fold(in_order(prompt), hasty)[0]


def test_a_bridge_makes_one_session_of_two() -> None:
    """An event that comes late between two tentative sessions joins them, under the first's id."""
    (only,), verdicts = fold(arrive(BRIDGE))
    assert only[0] == "s-1"
    assert verdicts == ["added", "added", "added", "added", "duplicate"]
