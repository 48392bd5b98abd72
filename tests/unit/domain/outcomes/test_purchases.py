"""An order is the same, whatever the order of its events and however often they come."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.outcomes import Purchase

EVENT = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(
            (
                "order_placed",
                "order_paid",
                "order_shipped",
                "order_returned",
                "order_refunded",
                "order_cancelled",
                "order_sung_about",
            )
        ),
        "event_id": st.sampled_from("abcdefghij"),
        "time_ms": st.integers(1, 50),
        "total_cents": st.none() | st.integers(0, 5000),
        "margin_cents": st.none() | st.integers(-500, 2000),
    }
)
EVENTS = st.lists(EVENT, max_size=10, unique_by=lambda event: event["event_id"])


def told(events: list[dict[str, Any]]) -> Purchase:
    purchase = Purchase("o-1")
    for event in events:
        purchase.take(**event)
    return purchase


@settings(max_examples=40)
@given(events=EVENTS, shuffle=st.randoms(use_true_random=False))
def test_arrival_order_and_copies_do_not_matter(events: list[dict[str, Any]], shuffle: Any) -> None:
    """Shuffled and doubled deliveries tell the same order."""
    mixed = events * 2
    shuffle.shuffle(mixed)
    calm, other = told(events), told(mixed)
    assert sorted(other.events) == sorted(calm.events)
    other.events = calm.events
    assert other.dump() == calm.dump()


@settings(max_examples=40)
@given(events=EVENTS)
def test_it_survives_json(events: list[dict[str, Any]]) -> None:
    """Dump, JSON, load: nothing is lost, and the next event means the same."""
    calm = told(events)
    again = Purchase.load(json.loads(json.dumps(calm.dump())))
    for purchase in (calm, again):
        purchase.take("order_paid", "z", 7, total_cents=10)
    assert again.dump() == calm.dump()


@settings(max_examples=40)
@given(events=EVENTS)
def test_what_is_kept_is_a_share(events: list[dict[str, Any]]) -> None:
    """However much comes back, between nothing and everything is kept."""
    assert 0.0 <= told(events).kept_share() <= 1.0


def test_a_return_that_is_refunded_is_one_loss() -> None:
    """Goods back and money back for the same half: half is kept."""
    purchase = Purchase("o-1")
    purchase.take("order_placed", "a", 1, total_cents=1000, margin_cents=400)
    purchase.take("order_returned", "b", 2, total_cents=500)
    purchase.take("order_refunded", "c", 3, total_cents=500)
    assert purchase.kept_share() == 0.5
    purchase.take("order_refunded", "c", 3, total_cents=500)
    assert purchase.kept_share() == 0.5


def test_the_order_system_knows_the_margin_better() -> None:
    """A told margin, also a loss, goes before the default share; the total before the cart."""
    purchase = Purchase("o-1")
    assert purchase.gross_margin_cents(0.35, 2000) == 700
    purchase.take("order_placed", "a", 1, total_cents=1000)
    assert purchase.gross_margin_cents(0.35, 2000) == 350
    purchase.take("order_paid", "b", 2, margin_cents=-50)
    assert purchase.gross_margin_cents(0.35, 2000) == -50
