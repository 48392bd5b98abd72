from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.simulator import ACTIONS, DO_NOTHING, Dials, Emission, Plan, World
from orchestrator.simulator.course import MAX_VISITS
from orchestrator.simulator.reactions import Received
from orchestrator.types import Payload
from tests.component.simulator.playing import CLEAN, SHIPPED, START_MS, OnceEach, command, play

WORLD = World(7, 10_000, START_MS)
SHAM = World(7, 10_000, START_MS, dials=Dials(heterogeneity=0.0))
KINDS = ("accepted", "clicked", "ignored", "dismissed")


@cache
def plan(number: int) -> Plan:
    """A session of the world, potential outcomes and all."""
    return WORLD.plan(number)


received = st.builds(
    Received,
    action=st.sampled_from(SHIPPED),
    effective_ms=st.integers(START_MS, START_MS + 900_000),
    kind=st.sampled_from(KINDS),
    discount_share=st.sampled_from([0.0, 0.1]),
)


@settings(max_examples=100)
@given(number=st.integers(0, 9_999), one=received)
def test_an_action_works_on_what_comes_after_it(number: int, one: Received) -> None:
    """Page visits that were open before an action took effect are the same with and without it."""
    session = plan(number)
    before = [visit for visit in session.baseline.visits if visit.start_ms < one.effective_ms]
    course = session.course([one])
    assert course.visits[: len(before)] == before
    assert len(course.visits) <= MAX_VISITS


@settings(max_examples=50)
@given(number=st.integers(0, 9_999), action=st.sampled_from(SHIPPED))
def test_asking_for_outcomes_changes_nothing(number: int, action: str) -> None:
    """Potential outcomes are pure: any order, any number of times."""
    fresh = WORLD.plan(number)
    first = fresh.outcome(action)
    assert fresh.outcome(DO_NOTHING) == plan(number).outcome()
    assert fresh.outcome(action) == first == plan(number).outcome(action)


@settings(max_examples=60)
@given(number=st.integers(0, 9_999), action=st.sampled_from(SHIPPED))
def test_in_a_sham_world_no_action_moves_anybody(number: int, action: str) -> None:
    """With the dial at 0 nobody buys, or does not, because of an action; it only costs."""
    session = SHAM.plan(number)
    with_it, without_it = session.outcome(action), session.outcome()
    assert with_it.purchased == without_it.purchased
    assert with_it.profit_cents <= without_it.profit_cents + 1


@pytest.mark.parametrize("action", SHIPPED)
def test_each_action_helps_somebody_and_harms_somebody(action: str) -> None:
    """There are shoppers who buy because of it and others who would have, but for it."""
    effects = (
        plan(number).outcome(action).purchased - plan(number).outcome().purchased
        for number in range(4_000)
        if plan(number).baseline.carted
    )
    found: set[int] = set()
    for effect in effects:
        found.add(effect)
        if found >= {-1, 1}:
            return
    pytest.fail(f"effects found: {found}")


@cache
def carted() -> list[int]:
    """Sessions with a cart among the first 1,200."""
    return [number for number in range(1_200) if plan(number).baseline.carted]


def mean_effect(action: str, concern: str) -> float:
    """Mean effect on purchases of shoppers with a cart whose main concern is this."""
    effects = [
        plan(number).outcome(action).purchased - plan(number).outcome().purchased
        for number in carted()
        if plan(number).latent.main_concern == concern
    ]
    return sum(effects) / len(effects)


@pytest.mark.parametrize(
    ("action", "concern", "other"),
    [
        ("limited_time_discount", "price", "delivery"),
        ("expedite_shipping", "delivery", "returns"),
        ("returns_reassurance", "returns", "price"),
        ("payment_help", "technical", "returns"),
        ("free_shipping", "shipping_cost", "delivery"),
    ],
)
def test_an_action_helps_those_whose_concern_it_answers(
    action: str, concern: str, other: str
) -> None:
    """Effects differ by latent concern: there is something to find out."""
    assert mean_effect(action, concern) > 0.01 > mean_effect(action, other)


def test_chance_is_the_mean_over_other_days() -> None:
    """The probability lies in [0, 1] and tells good prospects from bad ones."""
    chances = [(plan(number).chance(replicas=16), number) for number in carted()[:60]]
    assert all(0.0 <= chance <= 1.0 for chance, _ in chances)
    better = [number for chance, number in chances if chance > 0.5]
    worse = [number for chance, number in chances if chance < 0.2]
    assert share_bought(better) > share_bought(worse)


def share_bought(numbers: list[int]) -> float:
    return sum(plan(number).outcome().purchased for number in numbers) / len(numbers)


def test_without_commands_the_world_is_its_own_baseline() -> None:
    """Nothing done, nothing caused: both halves of the summary agree to the cent."""
    world = World(3, 150, START_MS)
    play(world)
    summary = world.summary()
    without: Payload = summary["without_actions"]
    assert {name: summary[name] for name in without} == without
    assert summary["gained_cents_per_1000_sessions"] == 0
    assert summary["by_action"] == {}


def test_what_actions_caused_adds_up_to_what_was_gained() -> None:
    """One action a shopper: realised less baseline is the sum of the individual effects."""
    world = World(3, 250, START_MS)
    onsite = [name for name in SHIPPED if not ACTIONS[name].pulls]
    play(world, OnceEach(onsite))
    summary = world.summary()
    caused = summary["by_action"].values()
    assert sum(row["shown"] for row in caused) > 60
    gained = summary["profit_cents"] - summary["without_actions"]["profit_cents"]
    assert sum(row["caused_profit_cents"] for row in caused) == gained != 0


def test_an_action_changes_no_record_before_it_and_no_other_shopper() -> None:
    """The same seed with and without a command: one shopper's later records differ, no others."""
    calm = play(World(9, 60, START_MS, dials=CLEAN, population=1_000_000))
    sent: list[Payload] = []

    def once(world: World, emission: Emission) -> list[Payload]:
        if not sent and emission.value["type"] == "checkout_started":
            sent.append(command("expedite_shipping", emission, "1"))
            return sent
        return []

    moved = play(World(9, 60, START_MS, dials=CLEAN, population=1_000_000), once)
    profile, time_ms = sent[0]["profile_id"], sent[0]["time_ms"]
    assert [e for e in calm if e.time_ms <= time_ms] == [e for e in moved if e.time_ms <= time_ms]
    person = profile.partition("-")[2]

    def others(emissions: list[Emission]) -> list[Emission]:
        return [e for e in emissions if e.key.partition("-")[2] != person]

    assert others(calm) == others(moved)
    assert [e for e in calm if e.key == profile] != [e for e in moved if e.key == profile]
