from functools import cache
from itertools import pairwise

from orchestrator.messages import clickstream
from orchestrator.messages.parse import validate_payload
from orchestrator.messages.topics import TOPICS
from orchestrator.simulator import Emission, Simulation, World
from orchestrator.types import Payload
from tests.component.simulator.playing import CLEAN, START_MS, OnceEach, bytes_of, of_type, play

SEED = 13
SESSIONS = 800


@cache
def played() -> tuple[World, list[Emission]]:
    """A world without commands, and all its records."""
    world = World(SEED, SESSIONS, START_MS)
    return world, play(world)


@cache
def treated() -> tuple[World, list[Emission]]:
    """A world in which every cart sees one action or another."""
    world = World(SEED, 600, START_MS)
    return world, play(world, OnceEach())


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A world is a function of its arguments and the commands it gets."""
    for player in (None, OnceEach):
        one, other = (
            bytes_of(play(World(5, 30, START_MS), player() if player else None)) for _ in range(2)
        )
        assert one == other
    assert bytes_of(play(World(6, 30, START_MS))) != bytes_of(play(World(5, 30, START_MS)))


def test_records_arrive_in_order_of_time() -> None:
    """Time never runs back, whatever was planned late."""
    _, emissions = treated()
    assert all(one.time_ms <= other.time_ms for one, other in pairwise(emissions))
    assert emissions[0].time_ms == START_MS


def test_every_record_is_valid_and_carries_its_key() -> None:
    """All that the world says is in the form of the contract, strictly read."""
    _, emissions = treated()
    for emission in emissions:
        validate_payload(emission.topic, emission.value)
        assert emission.key == TOPICS[emission.topic].key_of(emission.value)
        assert TOPICS[emission.topic].is_input


def test_every_event_type_of_the_contract_appears() -> None:
    """No part of the worker stays unfed, whatever events it reads."""
    seen = {e.value["type"] for e in treated()[1] if e.topic == "clickstream"}
    models = clickstream.COMMERCE + clickstream.MICRO_SIGNALS
    known = {model.model_fields["type"].annotation.__args__[0] for model in models}  # type: ignore[union-attr]
    assert seen == known


def test_abandonment_and_length_are_those_of_real_shops() -> None:
    """About 68% of carts are abandoned without action; a session has about 18.5 events."""
    summary = played()[0].summary()
    assert 0.66 < summary["abandonment_share"] < 0.71
    assert 17.5 < summary["events_per_session"] < 19.5
    assert summary["sessions"] >= SESSIONS
    assert summary["live_sessions_peak"] > 100  # they overlap


def test_the_six_types_differ() -> None:
    """Who one is shows in what one does."""
    by_type: Payload = played()[0].summary()["by_type"]
    assert len(by_type) == 6
    shares = {kind: row["abandonment_share"] for kind, row in by_type.items()}
    assert shares["loyal"] < 0.55 < shares["price_sensitive"]
    assert sum(row["sessions"] for row in by_type.values()) == played()[0].summary()["sessions"]


def test_an_order_is_told_of_alike_everywhere() -> None:
    """Clickstream and order system speak of the same order, its money and its session."""
    _, emissions = treated()
    placed = {order["order_id"]: order for order in of_type(emissions, "orders", "order_placed")}
    completed = of_type(emissions, "clickstream", "order_completed")
    assert completed
    for event in completed:
        order = placed[event["properties"]["order_id"]]
        assert order["session_id"] == event["session_id"]
        assert order["total_cents"] == event["properties"]["total_cents"]
        assert order["time_ms"] == event["time_ms"]
    assert any(order["coupon"] for order in placed.values())


def test_a_cart_adds_up() -> None:
    """The value told after each change is that of the lines put in and taken out."""
    world = World(3, 100, START_MS, dials=CLEAN)
    carts: dict[str, int] = {}
    changes = 0
    for emission in play(world):
        if emission.topic != "clickstream" or emission.value["session_id"].endswith("-back"):
            continue
        session, facts = emission.value["session_id"], emission.value["properties"]
        if emission.value["type"] == "product_added":
            worth = facts["price_cents"] * facts["quantity"]
            carts[session] = carts.get(session, 0) + worth
            changes += 1
        if emission.value["type"] == "product_removed":
            carts[session] = facts["cart_value_cents"]
        elif facts.get("cart_value_cents"):
            assert facts["cart_value_cents"] == carts[session]
    assert changes > 30


def test_nothing_of_the_past_is_kept() -> None:
    """When all is over only persons are remembered."""
    world, _ = treated()
    assert world.is_over
    sizes = dict(world.sizes())
    assert sizes.pop("persons") <= world.population
    assert set(sizes.values()) == {0}


def test_truth_goes_to_the_side_and_nowhere_else() -> None:
    """One truth a session; no record names a latent type or concern."""
    truths: list[Payload] = []
    world = World(3, 80, START_MS, truth=truths.append)
    wire = bytes_of(play(world))
    assert len(truths) == world.summary()["sessions"]
    assert {truth["shopper_type"] for truth in truths} >= {"browser", "loyal"}
    for word in (b'loyal"', b"browser", b"anxious", b"gamer", b"concern", b"openness"):
        assert word not in wire
    assert sum(truth["purchased"] for truth in truths) == world.summary()["purchases"]


def test_steps_end_where_they_are_told_to() -> None:
    """Driven in steps a world gives what it gives driven at once."""
    simulation = Simulation(World(4, 50, START_MS))
    stepped: list[Emission] = []
    for minute in range(1, 400_000):
        until_ms = START_MS + minute * 60_000
        for emission in simulation.step_until(until_ms):
            assert emission.time_ms <= until_ms
            stepped.append(emission)
        if simulation.world.is_over:
            break
    assert stepped == list(Simulation(World(4, 50, START_MS)).run())


def test_running_sessions_only_leaves_parcels_out() -> None:
    """Who only wants the shoppers need not wait for days of parcels."""
    simulation = Simulation(World(4, 50, START_MS))
    emissions = list(simulation.run_sessions())
    assert emissions[-1].time_ms < START_MS + 12 * 3_600_000
    assert simulation.world.are_shoppers_gone
    assert simulation.summary()["sessions"] >= 50
