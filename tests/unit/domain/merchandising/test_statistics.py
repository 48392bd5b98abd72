"""Counts, lift and trend of a product."""

from itertools import pairwise
from typing import TypeVar

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.merchandising.statistics import (
    DAY_MS,
    FAST_HALF_LIFE_MS,
    PARTNERS_KEPT,
    PARTNERS_SLACK,
    SLOW_HALF_LIFE_MS,
    Interest,
    Occasions,
    PairUpdate,
    ProductStatistics,
    shrunk_lift,
    token_of,
)

T = TypeVar("T")
counts = st.integers(0, 10_000)
times = st.integers(1_790_000_000_000, 1_790_000_000_000 + 30 * DAY_MS)
updates = st.builds(
    PairUpdate,
    st.just("p"),
    st.sampled_from(["view", "purchase"]),
    st.lists(st.sampled_from("abcdef"), unique=True, max_size=4).map(tuple),
    times,
    st.integers(0, 2**53 - 1),
    st.booleans(),
    st.booleans(),
)


def shuffled(
    lists: st.SearchStrategy[list[T]],
) -> st.SearchStrategy[tuple[list[T], list[T]]]:
    """A list, and the same in another order."""
    return lists.flatmap(lambda items: st.tuples(st.just(items), st.permutations(items)))


def seen(*parts: PairUpdate) -> ProductStatistics:
    state = ProductStatistics()
    for update in parts:
        state.apply(update)
    return state


def bought(*partners: str, token: int = 1) -> PairUpdate:
    return PairUpdate("p", "purchase", partners, 1_790_000_000_000, token)


@given(counts, counts, counts, counts)
def test_lift_is_symmetric(together: int, n_i: int, n_j: int, occasions: int) -> None:
    """Which of the two products is asked about makes no difference."""
    assert shrunk_lift(together, n_i, n_j, occasions) == shrunk_lift(together, n_j, n_i, occasions)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_lift_of_independent_products_is_one(n_i: int, n_j: int) -> None:
    """Products that meet as often as chance has it have lift 1."""
    assert shrunk_lift(n_i * n_j, n_i * 10, n_j * 10, 100) == pytest.approx(1.0)


@given(counts, counts, counts, st.integers(1, 10_000))
def test_lift_rises_with_meetings(together: int, n_i: int, n_j: int, occasions: int) -> None:
    """One more meeting never lowers the lift, and it is never negative."""
    lift = shrunk_lift(together, n_i, n_j, occasions)
    assert 0.0 <= lift < shrunk_lift(together + 1, n_i, n_j, occasions)


def test_one_chance_meeting_of_rare_products_is_no_discovery() -> None:
    """The raw lift would be 1000; shrunk it stays below that of 20 meetings where 2 were due."""
    assert shrunk_lift(1, 1, 1, 1000) < shrunk_lift(20, 45, 45, 1000)


def test_without_any_occasion_the_lift_is_one() -> None:
    """Nothing seen says nothing."""
    assert shrunk_lift(0, 0, 0, 0) == 1.0


@given(shuffled(st.lists(st.tuples(st.sampled_from([1.0, 5.0]), times), min_size=1)))
def test_interest_does_not_depend_on_order(
    orders: tuple[list[tuple[float, int]], list[tuple[float, int]]],
) -> None:
    """Late occasions weigh what they would weigh by now."""
    one, other = Interest(), Interest()
    for interest, occasions in zip((one, other), orders, strict=True):
        for weight, time_ms in occasions:
            interest.add(weight, time_ms)
    assert other.at_ms == one.at_ms
    assert other.fast == pytest.approx(one.fast, abs=1e-9)
    assert other.slow == pytest.approx(one.slow, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from([1.0, 5.0]), times)), st.integers(0, 365 * DAY_MS))
def test_trend_is_bounded(seen_at: list[tuple[float, int]], later_ms: int) -> None:
    """Between 0 and the ratio of the half-lives, whatever is seen and whenever it is asked."""
    interest = Interest()
    for weight, time_ms in seen_at:
        interest.add(weight, time_ms)
    trend = interest.trend(interest.at_ms + later_ms)
    assert 0.0 < trend < SLOW_HALF_LIFE_MS / FAST_HALF_LIFE_MS


def test_half_of_the_fast_interest_is_forgotten_in_a_half_life() -> None:
    """The half-life is one of event time."""
    interest = Interest()
    interest.add(8.0, 1_000)
    interest.add(0.0, 1_000 + FAST_HALF_LIFE_MS)
    assert interest.fast == pytest.approx(4.0)


def test_a_burst_trends_and_fades() -> None:
    """A burst lifts the trend above 1; later it falls below 1; in the end it is 1 again."""
    interest = Interest()
    for minute in range(60):
        interest.add(1.0, minute * 60_000)
    trends = [interest.trend(interest.at_ms + days * DAY_MS) for days in (0, 2, 400)]
    assert trends[0] > 2.0
    assert trends[1] < 1.0
    assert trends[2] == pytest.approx(1.0)


def test_steady_interest_is_as_usual() -> None:
    """The same number of views every hour for weeks: a trend of about 1."""
    interest = Interest()
    for hour in range(24 * 60):
        interest.add(4.0, hour * 3_600_000)
    assert interest.trend(interest.at_ms) == pytest.approx(1.0, abs=0.1)


@given(shuffled(st.lists(updates, max_size=30, unique_by=lambda u: u.token)))
def test_counts_do_not_depend_on_order(
    orders: tuple[list[PairUpdate], list[PairUpdate]],
) -> None:
    """Updates in any order count alike."""
    one, other = (seen(*order) for order in orders)
    assert one.occasions == other.occasions
    assert one.viewed_with == other.viewed_with
    assert one.bought_with == other.bought_with


@given(st.lists(updates, min_size=1, max_size=30, unique_by=lambda u: u.token))
def test_repeats_do_not_count(given_updates: list[PairUpdate]) -> None:
    """The latest updates delivered once more change nothing."""
    assert seen(*given_updates).dump() == seen(*given_updates, *given_updates).dump()


@given(st.lists(updates))
def test_state_survives_json(given_updates: list[PairUpdate]) -> None:
    """What is dumped reads back as the same state."""
    state = seen(*given_updates)
    state.describe(990, "EUR", "shoes")
    assert ProductStatistics.load(orjson.loads(orjson.dumps(state.dump()))).dump() == state.dump()


def test_partners_are_bounded_and_the_frequent_ones_stay() -> None:
    """A thousand chance partners do not push a steady one out."""
    state = ProductStatistics()
    for number in range(1000):
        state.apply(bought("steady", f"chance-{number}", token=number))
        assert len(state.bought_with) <= PARTNERS_KEPT + PARTNERS_SLACK
    assert state.bought_with["steady"] == 1000


def test_among_equals_the_latest_partners_stay() -> None:
    """A catalogue turns over: the newcomer is kept, one of the first is dropped."""
    state = ProductStatistics()
    for number in range(PARTNERS_KEPT + PARTNERS_SLACK + 1):
        state.apply(bought(f"partner-{number}", token=number))
    assert f"partner-{PARTNERS_KEPT + PARTNERS_SLACK}" in state.bought_with
    assert "partner-0" not in state.bought_with


def test_a_partner_that_joins_is_no_occasion_of_ones_own() -> None:
    """Only the product viewed gets a view; both get the pair."""
    state = seen(PairUpdate("p", "view", ("q",), 5, 1, counts=False))
    assert state.occasions == Occasions()
    assert state.viewed_with == {"q": 1}


def test_a_forgotten_product_keeps_what_the_catalogue_says() -> None:
    """Statistics go, the description stays until the catalogue takes it back."""
    state = seen(bought("q"))
    state.describe(990, "EUR", "shoes")
    forgotten = state.forgotten()
    assert forgotten.occasions == Occasions()
    assert not forgotten.is_blank()
    forgotten.describe(None, None, None)
    assert forgotten.is_blank()


def test_tokens_tell_parts_apart() -> None:
    """Parts that run together into the same text are still different updates."""
    tokens = sorted({token_of("a", "bc"), token_of("ab", "c"), token_of("abc")})
    assert all(low < high < 2**53 for low, high in pairwise(tokens))
    assert len(tokens) == 3
