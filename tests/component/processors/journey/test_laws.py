"""Laws that hold for every history of a person."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.decisioning import shipped
from orchestrator.messages.parse import validate_payload
from orchestrator.online.rng import uniform
from orchestrator.types import Emit, Payload
from tests.builders import profile
from tests.component.processors.journey.rig import DAY, Story, cart
from tests.component.processors.journey.streams import WITHIN_S, histories, read

History = list[tuple[str, Payload]]
END_S = WITHIN_S + 3 * DAY


def told(history: History) -> Story:
    """The history under the policies as shipped, to its end."""
    story = Story(shipped())
    read(story, history)
    story.until(END_S)
    return story


@given(history=histories())
def test_everything_published_is_of_its_contract(history: History) -> None:
    """Every message passes its model, unknown fields forbidden; its key is its person."""
    for emit in told(history).emits:
        assert emit.value is not None
        validate_payload(emit.topic, emit.value)
        assert emit.key == "p-1"


@given(history=histories())
def test_a_ledger_entry_is_a_lawful_choice(history: History) -> None:
    """Propensities of the allowed sum to 1, the refused have none, the draw picks the chosen."""
    for entry in told(history).values("decision_made"):
        rows = entry["candidates"]
        assert math.isclose(sum(row["propensity"] for row in rows), 1.0, abs_tol=1e-9)
        assert rows[-1]["action"] == "do_nothing"
        for row in rows:
            assert row["allowed"] == (row["refused_by"] is None)
            assert row["propensity"] > 0 if row["allowed"] else row["propensity"] == 0
        draw = uniform(entry["id"])
        reached = 0.0
        for row in rows:
            reached += row["propensity"]
            if row["propensity"] and draw < reached:
                break
        assert row["action"] == entry["chosen"]["action"]
        assert row["propensity"] == entry["chosen"]["propensity"]
        assert (entry["command_id"] is None) == (row["action"] == "do_nothing")


@given(history=histories())
def test_commands_and_revocations_belong_together(history: History) -> None:
    """Ids are unique; each command has its entry; it is revoked at most once, while it lives."""
    story = told(history)
    decided = [entry["id"] for entry in story.values("decision_made")]
    assert len(decided) == len(set(decided))
    ledger = {entry["command_id"]: entry for entry in story.values("decision_made")}
    out: dict[str, tuple[int, Emit]] = {}
    for at, emit in enumerate(story.emits):
        value = emit.value or {}
        if value["type"] == "intervention_issued":
            assert value["id"] not in out
            out[value["id"]] = (at, emit)
            assert ledger[value["id"]]["id"] == value["decision_id"]
            assert value["time_ms"] < value["expires_at_ms"]
            assert value["supersedes"] is None or value["supersedes"] in out
        elif value["type"] == "intervention_revoked":
            _, issued = out.pop(value["id"])
            assert issued.topic == emit.topic
            assert issued.value is not None
            assert value["reason"] in issued.value["cancel_on"]
            assert value["time_ms"] >= issued.value["time_ms"]


@given(history=histories())
def test_every_click_is_in_one_session_or_refused(history: History) -> None:
    """Distinct clicks = events of closed sessions + late ones; duplicates count nowhere."""
    story = told(history)
    sessions = story.values("session_closed")
    ids = [session["id"] for session in sessions]
    assert len(ids) == len(set(ids))
    counted = sum(session["events_count"] for session in sessions)
    late = story.fold.dead_letters["late"]
    distinct = len({message["id"] for topic, message in history if topic == "clickstream"})
    read_twice = sum(topic == "clickstream" for topic, _ in history) - distinct
    bought_late = counted + late
    assert distinct - _late_orders(history) <= bought_late <= distinct + read_twice
    decided = {entry["id"] for entry in story.values("decision_made")}
    for session in sessions:
        assert set(session["decision_ids"]) <= decided
    purchased = {session["id"] for session in sessions if session["outcome"] == "purchased"}
    assert purchased == {session["id"] for session in sessions if session["order_ids"]}


def _late_orders(history: History) -> int:
    """A late order is taken for its order, and in no session."""
    return sum(message["type"] == "order_completed" for _, message in history)


@given(history=histories())
def test_the_same_log_gives_the_same_messages(history: History) -> None:
    """Two readings are equal to the byte."""
    assert told(history).emits == told(history).emits


@given(history=histories(), cuts=st.sets(st.integers(0, 50), max_size=4))
def test_a_restart_changes_nothing(history: History, cuts: set[int]) -> None:
    """State, clock and values through JSON and back, anywhere: the rest of the log is the same."""
    calm = told(history)
    story = Story(shipped())
    for at, (topic, message) in enumerate(history):
        if at in cuts:
            story.restart()
        read(story, [(topic, message)])
    story.restart()
    story.until(END_S)
    assert story.emits == calm.emits
    assert Counter(story.fold.offsets) == Counter(calm.fold.offsets)


@pytest.mark.parametrize("field", ["time_zone", "locale", "segment"])
def test_an_empty_word_about_a_person_is_none(field: str) -> None:
    """Before a restart as after it: the ledger's facts do not name it."""
    for restarts in (False, True):
        story = Story(shipped())
        story.tell(profile() | {field: ""})
        if restarts:
            story.restart()
        story.tell(*cart())
        facts = [entry["facts"] for entry in story.values("decision_made")]
        assert facts
        assert all(known.get(field) != "" for known in facts)
