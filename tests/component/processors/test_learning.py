"""The learner: rewards as outcomes become known, and every row learnt once, as it was seen."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import pytest

from orchestrator.messages.base import Message
from orchestrator.messages.outcomes import ModelSnapshot, RewardCorrected, RewardSettled
from orchestrator.online.snapshots import parse
from orchestrator.processors.learning import LearningProcessor
from orchestrator.processors.learning_state import MAX_CLAIMS, MAX_VISITS, Awaiting
from orchestrator.processors.partition import PartitionRunner
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
    start,
)

TOPICS = {
    "decision_made": "decisions",
    "session_closed": "sessions",
    "shown": "feedback",
    "accepted": "feedback",
    "dismissed": "feedback",
    "email_opened": "feedback",
}


def feed(
    run: PartitionRunner[Awaiting], values: Iterable[dict[str, Any]], until: int = 0
) -> list[dict[str, Any]]:
    """Fold values in order, move time on to `until`, return the payloads published."""
    for offset, value in enumerate(values):
        topic = TOPICS.get(value["type"], "orders")
        run.feed(record(topic, value, offset, run.scope.partition))
    run.advance(T0 + until)
    emits, _ = run.take()
    return [payload for emit in emits if (payload := emit.value) is not None]


def rewards(payloads: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What matters of the rewards published, in order."""
    models: dict[str, type[Message]] = {
        "reward_settled": RewardSettled,
        "reward_corrected": RewardCorrected,
    }
    told = []
    for payload in payloads:
        if payload["type"] in models:
            models[payload["type"]].model_validate(payload, extra="forbid")
            told.append(
                (
                    payload["type"].removeprefix("reward_"),
                    payload["action"],
                    payload["reward_cents"],
                    payload["converted"],
                    payload["matured"],
                )
            )
    return told


def test_an_abandoned_session_settles_at_its_end() -> None:
    """Nothing bought: one settled reward of 0 a decision, final, and the rows are learnt."""
    fold = processor()
    published = feed(runner(fold), [decision(0), decision(MINUTE), closed(32 * MINUTE)])
    assert rewards(published) == [("settled", "do_nothing", 0, False, True)] * 2
    assert fold.learner.examples == 2


def test_a_purchase_pays_margin_less_offer_and_matures_after_the_returns_window() -> None:
    """Total x default share - offer at close; the same again, matured, thirty days later."""
    fold = processor()
    values = [
        decision(0, action="free_shipping", offer_cents=590),
        order(MINUTE, session_id="s-1"),
        closed(32 * MINUTE, outcome="purchased", order_ids=("o-1",)),
    ]
    run = runner(fold)
    assert rewards(feed(run, values)) == [("settled", "free_shipping", 3410, True, False)]
    later = feed(run, [], until=31 * DAY)
    assert rewards(later) == [("corrected", "free_shipping", 3410, True, True)]
    feed(run, [], until=40 * DAY)
    assert len(run.states) == 0


def test_an_order_known_by_name_only_is_worth_the_cart_until_the_order_system_tells() -> None:
    """`order_ids` of the session settle it; total and margin correct it when they come."""
    run = runner(processor())
    values = [
        decision(0),
        closed(32 * MINUTE, outcome="purchased", order_ids=("o-1",), cart_value_cents=5_000),
        order(40 * MINUTE, session_id="s-1", margin_cents=1_234),
    ]
    assert rewards(feed(run, values)) == [
        ("settled", "do_nothing", 2_000, True, True),
        ("corrected", "do_nothing", 1_234, True, False),
    ]


def test_a_late_order_and_its_return_correct_the_reward() -> None:
    """Settled as nothing; then an order of the session comes late, is half returned, cancelled."""
    values = [
        decision(0),
        closed(32 * MINUTE),
        order(20 * MINUTE, session_id="s-1"),
        order(2 * DAY, "order_returned", total_cents=5_000),
        order(3 * DAY, "order_cancelled"),
    ]
    assert [reward[2:4] for reward in rewards(feed(runner(processor()), values))] == [
        (0, False),
        (4_000, True),
        (2_000, True),
        (0, False),
    ]


def test_an_order_in_no_session_counts_within_the_window_of_the_decision() -> None:
    """Three days where e-mail was a candidate, also for doing nothing; on site not."""
    mail = [decision(0, channels=("email",)), closed(32 * MINUTE), order(2 * DAY)]
    site = [decision(0), closed(32 * MINUTE), order(2 * DAY)]
    assert [r[2] for r in rewards(feed(runner(processor()), mail))] == [0, 4_000]
    assert [r[2] for r in rewards(feed(runner(processor()), site))] == [0]


def test_a_decision_after_the_session_waits_its_own_window() -> None:
    """A reminder an hour later is settled by the order it brought, or after three days."""
    reminder = decision(
        HOUR + 32 * MINUTE, action="cart_reminder", channels=("email",), follows_up=True
    )
    run = runner(processor())
    told = rewards(feed(run, [decision(0), closed(32 * MINUTE), reminder], until=2 * DAY))
    assert told == [("settled", "do_nothing", 0, False, True)]
    assert rewards(feed(run, [], until=4 * DAY)) == [("settled", "cart_reminder", 0, False, True)]
    run = runner(processor())
    told = rewards(feed(run, [decision(0), closed(32 * MINUTE), reminder, order(DAY)]))
    assert told[1:] == [("settled", "cart_reminder", 4_000, True, False)]


def test_feedback_is_told_and_a_dismissed_offer_is_not_charged() -> None:
    """The parts hold what the shopper did; late feedback corrects."""
    given = decision(0, action="free_shipping", offer_cents=590)
    values = [
        given,
        feedback(1, "shown", given["command_id"]),
        feedback(2, "dismissed", given["command_id"]),
        order(MINUTE, session_id="s-1"),
        closed(32 * MINUTE, outcome="purchased", order_ids=("o-1",)),
    ]
    run = runner(processor())
    (settled,) = feed(run, values)
    assert settled["reward_cents"] == 4_000
    assert settled["parts"]["shown"] == settled["parts"]["dismissed"] == 1
    (corrected,) = feed(run, [feedback(40 * MINUTE, "accepted", given["command_id"])])
    assert (corrected["type"], corrected["reward_cents"]) == ("reward_corrected", 3_410)


def test_copies_change_nothing() -> None:
    """Every record twice: the same rewards, the same rows, the same model."""
    values = [
        decision(0),
        decision(MINUTE, action="free_shipping", offer_cents=100),
        order(2 * MINUTE, session_id="s-1"),
        closed(32 * MINUTE, outcome="purchased", order_ids=("o-1",)),
        order(2 * DAY, "order_refunded", total_cents=4_000),
    ]
    once, twice = processor(), processor()
    calm = feed(runner(once), values)
    doubled = feed(runner(twice), [value for value in values for _ in range(2)])
    assert doubled == calm
    assert twice.learner.model.state() == once.learner.model.state()


def test_what_is_learnt_is_what_was_seen() -> None:
    """Leak test: the row at learning has the hash of the row at the decision, from the ledger."""
    fold = processor()
    seen, learnt = [], []
    learn = fold.learner.model.learn

    def spy(x: Any, y: float, weight: float = 1.0) -> None:
        learnt.append(sha256(json.dumps(list(x)).encode()).hexdigest())
        learn(x, y, weight)

    fold.learner.model.learn = spy  # type: ignore[method-assign]
    run = runner(fold)
    for step in range(20):
        entry = decision(step * MINUTE, dwell=0.1 * step + 1 / 3)
        row = [entry["features"][name] for name in start().features]
        seen.append(sha256(json.dumps(row).encode()).hexdigest())
        feed(run, [entry])
    feed(run, [closed(60 * MINUTE)])
    assert learnt == seen


def test_purchases_and_abandonments_are_held_alike() -> None:
    """A session told early as bought is not learnt before one that was abandoned would be."""
    fold = processor()
    run = runner(fold)
    feed(run, [decision(0), closed(MINUTE, outcome="purchased")], until=30 * MINUTE)
    assert fold.learner.examples == 0
    feed(run, [], until=31 * MINUTE)
    assert fold.learner.examples == 1


def test_a_session_without_end_is_no_row() -> None:
    """Rewards are settled after two days; after a week nothing is learnt, and it is counted."""
    fold = processor()
    run = runner(fold)
    assert rewards(feed(run, [decision(0)], until=3 * DAY)) == [
        ("settled", "do_nothing", 0, False, True)
    ]
    assert feed(run, [], until=8 * DAY) == []
    assert fold.learner.examples == 0
    assert run.scope.values == {"sessions_without_end": 1}
    assert len(run.states) == 0


def test_an_end_that_comes_after_three_days_still_counts() -> None:
    """Rewards settled without it are corrected, and the rows are learnt."""
    fold = processor()
    run = runner(fold)
    told = rewards(feed(run, [decision(0)], until=3 * DAY))
    assert told == [("settled", "do_nothing", 0, False, True)]
    bought = closed(32 * MINUTE, outcome="purchased", order_ids=("o-1",))
    assert rewards(feed(run, [bought])) == [("corrected", "do_nothing", 3_200, True, True)]
    assert fold.learner.examples == 1


def test_an_end_waits_for_the_decisions_it_names() -> None:
    """Read before them all, with the hold long over: nothing is learnt until the last is there."""
    fold = processor()
    first, second = decision(0), decision(MINUTE)
    end = closed(32 * MINUTE, decision_ids=(first["id"], second["id"]))
    run = runner(fold)
    feed(run, [end, first], until=DAY)
    assert fold.learner.examples == 0
    assert len(rewards(feed(run, [second]))) == 1
    assert fold.learner.examples == 2


def test_decisions_that_never_come_are_not_waited_for_for_ever() -> None:
    """After a week what is there is learnt; an end without any decision is forgotten."""
    fold = processor()
    run = runner(fold)
    end = closed(32 * MINUTE, decision_ids=(decision(0)["id"], "dec-lost"))
    alone = closed(32 * MINUTE, profile_id="p-2", decision_ids=("dec-lost",))
    feed(run, [end, alone, decision(0)], until=6 * DAY)
    assert fold.learner.examples == 0
    feed(run, [], until=8 * DAY)
    assert fold.learner.examples == 1
    assert len(run.states) == 0


def test_a_treated_session_teaches_what_came_before_only() -> None:
    """The treatment ends the rows; the one before it is labelled with the risk stored there."""
    fold = processor()
    values = [
        decision(0, p_none=1.0),
        decision(MINUTE, action="free_shipping", risk=0.9),
        decision(2 * MINUTE),
        closed(32 * MINUTE),
    ]
    feed(runner(fold), values, until=HOUR)
    assert fold.learner.examples == 1
    assert fold.learner.quality.rows == 0  # a forecast is no label to measure against


def test_snapshots_are_published_when_due_with_offsets_inside() -> None:
    """Every K rows a version more: it validates, scores as the model does, says where from."""
    fold = processor(every_examples=4)
    values = []
    for step in range(6):
        name = f"s-{step}"
        values.append(decision(step * HOUR, session_id=name, dwell=float(step)))
        values.append(decision(step * HOUR + MINUTE, session_id=name, dwell=float(step)))
        values.append(closed(step * HOUR + 45 * MINUTE, session_id=name))
    published = [p for p in feed(runner(fold, partition=1), values) if p.get("model_id")]
    assert [p["version"] for p in published] == [1, 2, 3]
    for payload in published:
        ModelSnapshot.model_validate(payload, extra="forbid")
    last = parse(json.loads(json.dumps(published[-1])))
    assert last.offsets == {"decisions": {"1": 16}, "sessions": {"1": 17}}
    assert last.examples == 12
    x = (3.0, 1.0)
    assert last.scorer().score(x) == pytest.approx(fold.learner.model.predict(x), abs=1e-9)


def test_state_is_bounded() -> None:
    """However many sessions and decisions a profile brings, what is kept is not more."""
    run = runner(processor())
    values = [decision(step, session_id="long") for step in range(MAX_CLAIMS + 5)]
    values += [decision(1000 + step, session_id=f"s-{step}") for step in range(MAX_VISITS + 3)]
    published = feed(run, values)
    state = run.states.get("p-1")
    assert state is not None
    assert len(state.followed) == MAX_VISITS
    assert run.scope.values["decisions_given_up"] == 5
    assert run.scope.values["sessions_given_up"] == 4
    assert len({p["decision_id"] for p in published}) == len(published) == MAX_CLAIMS + 5 + 3


def test_a_closed_session_that_must_make_room_is_learnt_before() -> None:
    """Its rows still wait for their hold; they are learnt rather than lost."""
    fold = processor()
    run = runner(fold)
    feed(run, [decision(0, session_id="first"), closed(1, session_id="first")])
    feed(run, [decision(2 + step, session_id=f"s-{step}") for step in range(MAX_VISITS)])
    assert fold.learner.examples == 1


def test_a_decision_that_overtook_its_sessions_end_is_a_row_all_the_same() -> None:
    """The end is read first where topics lag: until the rows are learnt, a straggler is one."""
    fold = processor()
    values = [decision(MINUTE), closed(20 * MINUTE), decision(2 * MINUTE)]
    told = rewards(feed(runner(fold), values, until=HOUR))
    assert fold.learner.examples == 2
    assert len(told) == 2


def test_records_about_nobody_known_leave_no_state_for_long() -> None:
    """A session without decisions is forgotten at once; what a decision may claim in three days."""
    run = runner(processor())
    assert feed(run, [closed(0), feedback(1, "email_opened", "cmd-unknown")]) == []
    assert len(run.states) == 0
    given = decision(0, action="free_shipping")
    feed(run, [feedback(1, "shown", given["command_id"]), order(2)], until=2 * DAY)
    assert len(run.states) == 1
    assert json.loads(json.dumps(run.states.get("p-1").dump()))  # type: ignore[union-attr]
    (told,) = feed(run, [closed(32 * MINUTE), given], until=2 * DAY + 1)
    assert (told["converted"], told["parts"]["shown"]) == (True, 1)
    run = runner(processor())
    feed(run, [feedback(1, "shown", "cmd-unknown"), order(2)], until=2 * DAY)
    feed(run, [], until=3 * DAY + 2)
    assert len(run.states) == 0


def test_what_came_back_is_worth_its_lines_or_its_refund() -> None:
    """A return by product lines; a refund by its own amount, not by the order's total."""
    lines = {"products": [{"product_id": "a", "quantity": 2, "price_cents": 1_000}]}
    for event in (
        order(2 * DAY, "order_returned") | lines,
        order(2 * DAY, "order_refunded") | {"properties": {"refund_cents": 2_000}},
        order(2 * DAY, "order_returned", total_cents=2_000) | {"products": [{"product_id": "a"}]},
    ):
        values = [decision(0), order(MINUTE, session_id="s-1"), closed(32 * MINUTE), event]
        assert [r[2] for r in rewards(feed(runner(processor()), values))] == [4_000, 3_200]


def test_an_eraser_leaves_nothing() -> None:
    """A tombstone forgets the person."""
    run = runner(processor())
    feed(run, [decision(0)])
    gone = record("decisions", decision(1))
    gone.value = None
    run.feed(gone)
    assert len(run.states) == 0


def test_decode_is_the_contracts() -> None:
    """Bytes of every input topic decode to what the fold reads."""
    fold: LearningProcessor = processor()
    entry = decision(0)
    message = fold.decode("decisions", "p-1", json.dumps(entry).encode())
    assert message.chosen.action == "do_nothing"
