"""What the learner's outcome does not depend on: how its four topics are merged."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, NamedTuple

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.processors.learning_state import Awaiting
from orchestrator.processors.partition import PartitionRunner
from orchestrator.types import Record
from tests.component.processors.learning_builders import (
    DAY,
    HOUR,
    MINUTE,
    T0,
    closed,
    decision,
    feedback,
    order,
    processor,
    record,
    runner,
)

TOPICS = ("decisions", "feedback", "orders", "sessions")
Values = list[tuple[str, dict[str, Any]]]

# strategies are made once: made anew for every draw, they take longer than the draw
ONE_TO_THREE = st.integers(1, 3)
UP_TO_TWO = st.integers(0, 2)
UP_TO_FOUR = st.integers(0, 4)
STARTS_H = st.integers(0, 30)
STEPS = st.sampled_from((MINUTE, 20 * MINUTE))
ACTIONS = st.sampled_from(("do_nothing", "do_nothing", "free_shipping"))
CHANNELS = st.sampled_from((("onsite",), ("onsite", "email")))
OFFERS_CENTS = st.sampled_from((0, 590))
RISKS = st.sampled_from((0.3, 0.6))
ANSWERS = st.lists(st.sampled_from(("shown", "dismissed", "accepted")))
ORDER_EVENTS = st.sets(
    st.sampled_from(("order_placed", "order_paid", "order_returned", "order_cancelled"))
)
QUARTERS = st.integers(0, 24)
TOTALS_CENTS = st.sampled_from((None, 10_000, 4_000))
NINE_OF_TEN = st.integers(0, 9)
FOLLOW_UPS = st.sampled_from(("do_nothing", "cart_reminder"))
FOLLOW_UP_CHANNELS = st.sampled_from((("email",), ()))


class Outcome(NamedTuple):
    """What lasts of a fold."""

    rewards: dict[str, Any]
    """By decision: the last reward."""
    examples: list[bytes]
    """Every row learnt with its label and weight, sorted."""
    left: int
    """States that are still there."""


def outcome(records: Iterable[Record], *, every: int = 0) -> Outcome:
    """Fold records in this order, then let two months pass; states go through JSON now and then."""
    fold = processor()
    learnt: list[bytes] = []
    learn = fold.learner.learn

    def spy(examples: Sequence[Any], **told: Any) -> Any:
        learnt.extend(orjson.dumps([each.row, each.label, each.weight]) for each in examples)
        return learn(examples, **told)

    fold.learner.learn = spy  # type: ignore[method-assign]
    run = runner(fold)
    for count, held in enumerate(records, 1):
        run.feed(held)
        if every and count % every == 0:
            _restart(run)
    run.advance(T0 + 60 * DAY)
    emits, _ = run.take()
    rewards = {}
    for emit in emits:
        value = emit.value or {}
        rewards[value["decision_id"]] = {
            name: value[name]
            for name in ("action", "reward_cents", "converted", "parts", "matured")
        }
    return Outcome(rewards, sorted(learnt), len(run.states))


def _restart(run: PartitionRunner[Awaiting]) -> None:
    for key in list(run.states):  # type: ignore[call-overload]
        state = run.states.get(key)
        row = orjson.dumps(run.processor.dump(state))  # type: ignore[arg-type]
        run.restore(key, run.processor.load(orjson.loads(row)))


@st.composite
def visits(draw: st.DrawFn, profile_id: str, number: int) -> Values:
    """One session within two days: decisions, what became of them, perhaps orders and an end."""
    session_id = f"s-{number}"
    who: dict[str, Any] = {"profile_id": profile_id, "session_id": session_id}
    at = draw(STARTS_H) * HOUR
    values: Values = []
    inside: list[str] = []
    for step in range(draw(UP_TO_FOUR)):
        entry = decision(
            at + step * draw(STEPS),
            decision_id=f"dec-{profile_id}-{session_id}-{step}",
            action=draw(ACTIONS),
            channels=draw(CHANNELS),
            offer_cents=draw(OFFERS_CENTS),
            risk=draw(RISKS),
            dwell=float(number * 10 + step),
            **who,
        )
        inside.append(entry["id"])
        values.append(("decisions", entry))
        if entry["command_id"]:
            values += [
                ("feedback", feedback(at + step, kind, entry["command_id"], profile_id=profile_id))
                for kind in draw(ANSWERS)
            ]
    order_id = f"o-{profile_id}-{number}"
    for kind in draw(ORDER_EVENTS):
        named = session_id if draw(st.booleans()) else None
        value = order(
            at + draw(QUARTERS) * 15 * MINUTE,
            kind,
            profile_id=profile_id,
            order_id=order_id,
            session_id=named,
            total_cents=draw(TOTALS_CENTS),
        )
        values.append(("orders", value))
    if draw(NINE_OF_TEN):
        bought = draw(st.booleans())
        end = closed(
            at + 2 * HOUR,
            outcome="purchased" if bought else "abandoned",
            order_ids=(order_id,) if bought else (),
            decision_ids=tuple(inside),
            **who,
        )
        values.append(("sessions", end))
    for later in range(draw(UP_TO_TWO)):
        entry = decision(
            at + (3 + 10 * later) * HOUR,
            decision_id=f"dec-{profile_id}-{session_id}-later-{later}",
            action=draw(FOLLOW_UPS),
            channels=draw(FOLLOW_UP_CHANNELS) or ("onsite",),
            follows_up=True,
            **who,
        )
        values.append(("decisions", entry))
    return values


@st.composite
def logs(draw: st.DrawFn) -> dict[str, list[Record]]:
    """Some profiles' sessions as four topics, each in the order of its writing."""
    values: Values = []
    for profile in range(draw(ONE_TO_THREE)):
        for number in range(draw(ONE_TO_THREE)):
            values += draw(visits(f"p-{profile}", number))
    values.sort(key=lambda pair: pair[1]["time_ms"])
    return {
        topic: [
            record(topic, value, offset)
            for offset, value in enumerate(value for name, value in values if name == topic)
        ]
        for topic in TOPICS
    }


def by_time(log: dict[str, list[Record]]) -> list[Record]:
    """One history, as a calm reader merges it."""
    return sorted((held for topic in TOPICS for held in log[topic]), key=lambda held: held.time_ms)


def shuffled(log: dict[str, list[Record]], dice: Random) -> list[Record]:
    """Any merge of the topics; the order within each stands."""
    turns = [topic for topic in TOPICS for _ in log[topic]]
    dice.shuffle(turns)
    if dice.random() < 0.3:  # whole topics one after the other
        dice.shuffle(names := list(TOPICS))
        turns.sort(key=names.index)
    rest = {topic: iter(log[topic]) for topic in TOPICS}
    return [next(rest[topic]) for topic in turns]


@settings(max_examples=120, deadline=None)
@given(log=logs(), dice=st.randoms(use_true_random=False), every=st.integers(0, 5))
def test_rewards_and_rows_do_not_depend_on_how_topics_are_merged(
    log: dict[str, list[Record]], dice: Random, every: int
) -> None:
    """Any interleaving: the same last reward of each decision, the same rows, labels, weights."""
    calm = outcome(by_time(log))
    assert outcome(shuffled(log, dice), every=every) == calm
    assert calm.left == 0
    decided = {held.value.id for held in log["decisions"]}
    assert calm.rewards.keys() == decided


def test_the_merge_by_time_learns_something() -> None:
    """The comparison is about rows and rewards, not about nothing."""
    entries = [decision(step * MINUTE, decision_id=f"dec-{step}") for step in range(3)]
    log: dict[str, list[Record]] = {topic: [] for topic in TOPICS}
    log["decisions"] = [record("decisions", entry, at) for at, entry in enumerate(entries)]
    end = closed(32 * MINUTE, decision_ids=("dec-0", "dec-1", "dec-2"))
    log["sessions"] = [record("sessions", end)]
    calm = outcome(by_time(log))
    assert (len(calm.rewards), len(calm.examples)) == (3, 3)
    assert outcome(log["sessions"] + log["decisions"]) == calm
