"""One shopper's views and orders, to pair updates."""

from collections import Counter

import orjson
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.merchandising.shopper import (
    ORDERS_KEPT,
    PARTNER_WINDOW,
    PRODUCTS_PER_ORDER,
    PRODUCTS_PER_SESSION,
    SESSION_GAP_MS,
    SESSIONS_KEPT,
    Shopper,
)
from orchestrator.domain.merchandising.statistics import PairUpdate

T0 = 1_790_000_000_000
views = st.tuples(st.sampled_from("abcdefg"), st.integers(T0, T0 + SESSION_GAP_MS - 1))


def pairs(updates: list[PairUpdate]) -> Counter[tuple[str, str]]:
    """n_ij by (i, j)."""
    return Counter(
        (update.product_id, partner) for update in updates for partner in update.partners
    )


def own(updates: list[PairUpdate]) -> Counter[str]:
    """n_i."""
    return Counter(update.product_id for update in updates if update.counts)


def viewed(*events: tuple[str, int], shopper: Shopper | None = None) -> list[PairUpdate]:
    shopper = shopper or Shopper()
    return [
        update for product, time_ms in events for update in shopper.view("u", "s", product, time_ms)
    ]


@given(st.lists(views, max_size=20).flatmap(lambda v: st.tuples(st.just(v), st.permutations(v))))
def test_views_within_the_gap_count_alike_in_any_order(
    orders: tuple[list[tuple[str, int]], list[tuple[str, int]]],
) -> None:
    """Arrival order within a session changes neither n_i nor n_ij nor N."""
    one, other = (viewed(*order) for order in orders)
    assert own(one) == own(other)
    assert pairs(one) == pairs(other)
    assert sum(update.leads for update in one) == sum(update.leads for update in other)


@given(st.lists(views, max_size=30))
def test_pairs_are_symmetric(events: list[tuple[str, int]]) -> None:
    """n_ij = n_ji, whichever of the two was viewed first."""
    counted = pairs(viewed(*events))
    assert all(counted[j, i] == count for (i, j), count in counted.items())


@given(st.lists(views, max_size=20))
def test_views_delivered_again_count_once(events: list[tuple[str, int]]) -> None:
    """A redelivered session adds nothing."""
    shopper = Shopper()
    viewed(*events, shopper=shopper)
    assert viewed(*events, shopper=shopper) == []


@given(st.lists(views, max_size=20))
def test_state_survives_json(events: list[tuple[str, int]]) -> None:
    """What is dumped reads back as the same state."""
    shopper = Shopper()
    viewed(*events, shopper=shopper)
    shopper.order("u", "o-1", ["a", "b"], T0)
    assert Shopper.load(orjson.loads(orjson.dumps(shopper.dump()))).dump() == shopper.dump()


def test_one_product_of_a_session_and_of_an_order_stands_for_it() -> None:
    """N counts occasions: one lead each."""
    updates = viewed(("a", T0), ("b", T0 + 1), ("c", T0 + 2))
    ordered = Shopper().order("u", "o-1", ["b", "a", "c"], T0)
    assert [update.product_id for update in updates if update.leads] == ["a"]
    assert [update.product_id for update in ordered if update.leads] == ["a"]


def test_a_silence_of_half_an_hour_ends_the_session() -> None:
    """Before it the products belong together, after it they do not."""
    together = viewed(("a", T0), ("b", T0 + SESSION_GAP_MS - 1))
    apart = viewed(("a", T0), ("b", T0 + SESSION_GAP_MS))
    assert pairs(together) == {("a", "b"): 1, ("b", "a"): 1}
    assert pairs(apart) == {}


def test_tabs_are_sessions_of_their_own_and_without_an_id_the_profile_is_one() -> None:
    """Products of different session ids are not paired; those without id are."""
    shopper = Shopper()
    shopper.view("u", "tab-1", "a", T0)
    assert pairs(list(shopper.view("u", "tab-2", "b", T0 + 1))) == {}
    shopper.view("u", None, "c", T0 + 2)
    assert pairs(list(shopper.view("u", None, "d", T0 + 3))) == {("d", "c"): 1, ("c", "d"): 1}


def test_events_of_a_closed_session_do_not_come_back() -> None:
    """What cannot be told from a repeat is left out, also when its session was pushed out."""
    shopper = Shopper()
    for number in range(SESSIONS_KEPT + 1):
        shopper.view("u", f"s-{number}", "a", T0 + number)
    assert len(shopper.visits) == SESSIONS_KEPT
    assert shopper.view("u", "s-0", "a", T0) == ()
    late = Shopper()
    late.view("u", "s", "a", T0 + 2 * SESSION_GAP_MS)
    assert late.view("u", "s", "b", T0) == ()


def test_a_session_is_bounded() -> None:
    """Who opens a thousand products is counted for the first ones, paired with the latest few."""
    shopper = Shopper()
    updates = viewed(*((f"p-{number}", T0 + number) for number in range(1000)), shopper=shopper)
    assert sum(own(updates).values()) == PRODUCTS_PER_SESSION
    assert max(len(update.partners) for update in updates) == PARTNER_WINDOW


def test_an_order_counts_once_however_often_it_is_told() -> None:
    """`order_completed` twice and `order_placed` once are one order."""
    shopper = Shopper()
    first = shopper.order("u", "o-1", ["a", "b", "a"], T0)
    assert own(list(first)) == {"a": 1, "b": 1}
    assert pairs(list(first)) == {("a", "b"): 1, ("b", "a"): 1}
    assert shopper.order("u", "o-1", ["a", "b"], T0 + 99) == ()


def test_the_same_order_under_two_profiles_has_the_same_tokens() -> None:
    """So that a product counts it once though two rows have seen it."""
    one = Shopper().order("anonymous", "o-1", ["a", "b"], T0)
    other = Shopper().order("customer", "o-1", ["a", "b"], T0 + 5)
    assert [update.token for update in one] == [update.token for update in other]


def test_an_order_without_products_is_not_remembered() -> None:
    """A later report may name them."""
    shopper = Shopper()
    assert shopper.order("u", "o-1", [], T0) == ()
    assert len(shopper.order("u", "o-1", ["a"], T0)) == 1


def test_orders_are_bounded() -> None:
    """Order ids are remembered for a while, products of an order up to a number."""
    shopper = Shopper()
    for number in range(100):
        shopper.order("u", f"o-{number}", ["a"], T0 + number)
    assert len(shopper.orders) == ORDERS_KEPT
    whole = shopper.order("u", "big", [f"p-{number}" for number in range(200)], T0)
    assert len(whole) == PRODUCTS_PER_ORDER
