from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.simulator import Dials, Emission, World
from orchestrator.simulator.draws import BLOCK, Draws, pick
from tests.component.simulator.playing import CLEAN, START_MS, of_type, play


def clicks(**dials: float) -> list[Emission]:
    """The clickstream of a small world under these dials."""
    world = World(13, 80, START_MS, dials=Dials(**dials))
    return [emission for emission in play(world) if emission.topic == "clickstream"]


def test_a_clean_world_tells_everything_once_and_in_time() -> None:
    """With the dials at 0 every click arrives at its time, with an id of its own."""
    world = World(13, 80, START_MS, dials=CLEAN)
    emissions = [emission for emission in play(world) if emission.topic == "clickstream"]
    assert all(emission.time_ms == emission.value["time_ms"] for emission in emissions)
    ids = Counter(emission.value["id"] for emission in emissions)
    assert set(ids.values()) == {1}
    assert len(ids) == world.summary()["events"]


def test_duplicates_come_twice_and_alike() -> None:
    """A fifth of the clicks arrives a second time within 30 s, the same in every byte."""
    emissions = clicks(duplicates_share=0.2, out_of_order_share=0.0)
    seen: dict[str, Emission] = {}
    doubled = 0
    for emission in emissions:
        first = seen.setdefault(emission.value["id"], emission)
        if first is not emission:
            doubled += 1
            assert first.value == emission.value
            assert emission.time_ms - first.time_ms <= 30_000
    assert 0.15 < doubled / len(seen) < 0.25


def test_out_of_order_events_come_late_but_not_too_late() -> None:
    """A third lags, by 30 s at most; what is said is the same as in a clean world."""
    emissions = clicks(duplicates_share=0.0, out_of_order_share=0.33)
    lags = [emission.time_ms - emission.value["time_ms"] for emission in emissions]
    assert 0 < max(lags) <= 30_001
    assert 0.28 < sum(lag > 0 for lag in lags) / len(lags) < 0.38
    clean = clicks(duplicates_share=0.0, out_of_order_share=0.0)
    by_id = {emission.value["id"]: emission.value for emission in emissions}
    assert by_id == {emission.value["id"]: emission.value for emission in clean}


def test_orders_may_be_late_twice_or_known_to_the_order_system_only() -> None:
    """Each of these has a dial of its own."""

    def told(**dials: float) -> tuple[list[Emission], int, int]:
        emissions = play(World(13, 80, START_MS, dials=Dials(**dials)))
        placed = [emission for emission in emissions if emission.value["type"] == "order_placed"]
        completed = of_type(emissions, "clickstream", "order_completed")
        return placed, len({e.value["order_id"] for e in placed}), len(completed)

    prompt, orders, completed = told(
        late_orders_share=0.0, orders_only_share=0.0, duplicates_share=0.0
    )
    assert len(prompt) == orders == completed > 10
    assert max(e.time_ms - e.value["time_ms"] for e in prompt) <= 3_000
    late, _, _ = told(late_orders_share=1.0)
    assert sum(e.time_ms - e.value["time_ms"] > 60_000 for e in late) > len(late) // 2
    twice, orders, _ = told(duplicates_share=1.0)
    assert len(twice) == 2 * orders
    _, orders, completed = told(orders_only_share=1.0)
    assert orders > 10
    assert completed == 0


def test_consent_and_arrivals_follow_their_dials() -> None:
    """Nobody consents to e-mail at 0; twice the rate is half the time."""
    none = play(World(13, 60, START_MS, dials=Dials(consent_email_share=0.0)))
    profiles = of_type(none, "profiles", "profile_updated")
    assert profiles
    assert not any(profile["consent"]["email"] for profile in profiles)

    def last_ms(rate: float) -> int:
        world = World(13, 200, START_MS, dials=Dials(sessions_per_minute=rate))
        views = [e for e in play(world) if e.topic == "clickstream"]
        starts = {e.value["session_id"]: e.time_ms for e in reversed(views)}
        return max(t for session, t in starts.items() if "back" not in session) - START_MS

    assert 1.9 < last_ms(30.0) / last_ms(60.0) < 2.1


@pytest.mark.parametrize(
    "wrong", [{"duplicates_share": 1.5}, {"signal": 0.0}, {"sessions_per_minute": -1.0}]
)
def test_a_dial_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    """A typing error does not make a strange world."""
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        Dials(**wrong)


def test_a_world_needs_somebody() -> None:
    """No session, no world."""
    with pytest.raises(ValueError, match="session"):
        World(1, 0, START_MS)


@given(st.integers(), st.integers(0, 2**40))
def test_draws_are_named_not_counted(seed: int, index: int) -> None:
    """A draw depends on its name alone: asking for others first changes nothing."""
    draws, again = Draws(seed, "x"), Draws(seed, "x")
    again.block(index + 1)
    block = draws.block(index)
    assert block == again.block(index)
    assert len(block) == BLOCK
    assert all(0.0 <= uniform < 1.0 for uniform in block)
    assert draws.one(index * BLOCK + 3) == block[3]


@given(
    st.lists(st.floats(0.01, 10.0), min_size=1, max_size=40), st.floats(0.0, 1.0, exclude_max=True)
)
def test_picking_goes_by_weight(weights: list[float], uniform: float) -> None:
    """The chosen piece of the running sum is the one the mark falls into."""
    edges: list[float] = []
    for weight in weights:
        edges.append((edges[-1] if edges else 0.0) + weight)
    chosen = pick(uniform, edges)
    mark = uniform * edges[-1]
    assert mark < edges[chosen]
    assert chosen == 0 or mark >= edges[chosen - 1]
