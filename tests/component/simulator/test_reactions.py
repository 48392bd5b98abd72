from functools import cache

from orchestrator.simulator import Dials, Emission, World
from orchestrator.types import Payload
from tests.component.simulator.playing import (
    START_MS,
    OnceEach,
    command,
    of_type,
    play,
    revocation,
)

ONSITE = ("delivery_date_promise", "limited_time_discount", "chat_invitation")
ANSWERS = {"accepted", "clicked", "dismissed"}


@cache
def reacting() -> tuple[OnceEach, list[Emission]]:
    """A world in which carts see on-site actions."""
    player = OnceEach(ONSITE)
    return player, play(World(21, 300, START_MS), player)


def feedback_of(emissions: list[Emission]) -> dict[str, list[Payload]]:
    """Feedback by command, in order."""
    found: dict[str, list[Payload]] = {}
    for emission in emissions:
        if emission.topic == "feedback":
            found.setdefault(emission.value["command_id"], []).append(emission.value)
    return found


def test_a_command_is_delivered_then_shown_then_answered() -> None:
    """Feedback comes in that order, on the command's channel, with delays, after the command."""
    player, emissions = reacting()
    by_command = feedback_of(emissions)
    answered = 0
    for sent in player.sent.values():
        told = by_command.get(sent["id"], [])
        kinds = [value["type"] for value in told]
        assert kinds in (["expired"], ["delivered", "expired"]) or kinds[:2] == [
            "delivered",
            "shown",
        ]
        times = [sent["time_ms"], *(value["time_ms"] for value in told)]
        assert times == sorted(times)
        assert all(value["channel"] == sent["channel"] for value in told)
        answered += len(ANSWERS & set(kinds))
        assert len(ANSWERS & set(kinds)) <= 1
    assert answered > 30
    assert of_type(emissions, "feedback", "chat_completed")


def test_a_discount_taken_up_is_entered_and_paid_out() -> None:
    """Who takes an offer and buys pays less; who was shown none does not."""
    player, emissions = reacting()
    taken = {
        value["profile_id"]
        for value in of_type(emissions, "feedback", "accepted")
        + of_type(emissions, "feedback", "clicked")
    }
    applied = of_type(emissions, "clickstream", "coupon_applied")
    assert applied
    assert {event["profile_id"] for event in applied} <= taken
    orders = of_type(emissions, "clickstream", "order_completed")
    granted = [order for order in orders if order["properties"]["discount_cents"]]
    assert granted
    assert all(order["properties"]["coupon"] for order in granted)
    actions = {player.sent[order["session_id"]]["action"] for order in granted}
    assert actions == {"limited_time_discount"}


def test_an_offer_is_worth_what_the_command_says() -> None:
    """Share and limit of the discount are those of the command, not the simulator's."""

    def generous(world: World, emission: Emission) -> list[Payload]:
        if emission.value["type"] != "cart_viewed":
            return []
        offer = {"kind": "discount", "amount_cents": 777, "currency": "EUR", "share": 0.5}
        offer |= {"code": None, "expires_at_ms": emission.time_ms + 60_000}
        name = emission.value["id"]
        return [command("limited_time_discount", emission, name, offer=offer)]

    emissions = play(World(21, 80, START_MS), generous)
    applied = of_type(emissions, "clickstream", "coupon_applied")
    assert applied
    assert {event["properties"]["discount_cents"] for event in applied} <= set(range(1, 778))
    assert 777 in {event["properties"]["discount_cents"] for event in applied}


def test_a_revoked_command_is_not_shown() -> None:
    """Revoked at once, nobody sees it, nothing changes, nobody says it expired."""

    def fickle(world: World, emission: Emission) -> list[Payload]:
        if emission.value["type"] != "cart_viewed":
            return []
        sent = command("limited_time_discount", emission, emission.value["id"])
        return [sent, revocation(sent, emission.time_ms)]

    emissions = play(World(21, 60, START_MS), fickle)
    assert not [emission for emission in emissions if emission.topic == "feedback"]
    assert emissions == play(World(21, 60, START_MS))


def test_a_command_past_its_time_is_not_shown() -> None:
    """Expired on arrival, it comes back as expired and moves nobody."""

    def late(world: World, emission: Emission) -> list[Payload]:
        if emission.value["type"] != "cart_viewed":
            return []
        name = emission.value["id"]
        fields = {"expires_at_ms": emission.time_ms}
        return [command("limited_time_discount", emission, name, **fields)]

    emissions = play(World(21, 60, START_MS), late)
    feedback = [emission for emission in emissions if emission.topic == "feedback"]
    assert feedback
    assert {emission.value["type"] for emission in feedback} == {"expired"}
    rest = [emission for emission in emissions if emission.topic != "feedback"]
    assert rest == play(World(21, 60, START_MS))


def test_a_superseded_command_gives_way() -> None:
    """Of two commands, one replacing the other at once, the second alone is shown."""

    def better(world: World, emission: Emission) -> list[Payload]:
        if emission.value["type"] != "cart_viewed":
            return []
        name = emission.value["id"]
        first = command("limited_time_discount", emission, f"{name}-1")
        return [
            first,
            command("free_shipping", emission, f"{name}-2", supersedes=first["id"]),
        ]

    shown = of_type(play(World(21, 60, START_MS), better), "feedback", "shown")
    assert shown
    assert all(value["command_id"].endswith("-2") for value in shown)


def test_a_repeated_command_is_one_command() -> None:
    """At-least-once delivery of commands leaves the world as it is."""

    class Twice(OnceEach):
        def __call__(self, world: World, emission: Emission) -> list[Payload]:
            return super().__call__(world, emission) * 2

    once = play(World(21, 60, START_MS), OnceEach(ONSITE))
    assert play(World(21, 60, START_MS), Twice(ONSITE)) == once


def test_nobody_is_there_for_a_command_after_the_session() -> None:
    """On-site commands for a session that ended are not shown, but expire."""
    world = World(21, 30, START_MS)
    emissions = play(world)
    clicks = [emission for emission in emissions if emission.topic == "clickstream"]
    world.react(command("social_proof", clicks[0], "late", time_ms=world.now_ms))
    world.react(command("social_proof", clicks[0], "later", expires_at_ms=world.now_ms + 60_000))
    kinds = [emission.value["type"] for emission in play(world)]
    assert kinds == ["expired", "expired"]


def test_reminders_bring_back_only_who_consented() -> None:
    """Read after leaving, a message brings some back; who refused the channel gets none."""
    truths: list[Payload] = []
    player = OnceEach(("cart_reminder",))
    dials = Dials(consent_email_share=0.8)
    world = World(21, 300, START_MS, dials=dials, truth=truths.append)
    emissions = play(world, player)
    calm = World(21, 300, START_MS, dials=dials)
    play(calm)
    row = world.summary()["by_action"]["cart_reminder"]
    assert row["refused"] > 20
    assert row["accepted"] > 0
    back = {truth["parent_id"] for truth in truths if truth["parent_id"]}
    clicked = of_type(emissions, "feedback", "clicked")
    sessions = {sent["id"]: session for session, sent in player.sent.items()}
    assert {sessions[value["command_id"]] for value in clicked} <= back
    consent = {
        emission.key: emission.value["consent"]["email"]
        for emission in emissions
        if emission.topic == "profiles"
    }
    opened = of_type(emissions, "feedback", "email_opened")
    gone = {value["profile_id"] for value in of_type(emissions, "feedback", "unsubscribed")}
    assert opened
    assert all(consent[value["profile_id"]] or value["profile_id"] in gone for value in opened)
    assert world.summary()["sessions"] > calm.summary()["sessions"]
