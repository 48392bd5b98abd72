"""When sessions open and end, and where late and doubled events go."""

import orjson
import pytest

from orchestrator.domain.sessions import SessionSet, SessionSettings
from tests.builders import T0_MS, at_ms, click, decoded
from tests.unit.domain.sessions.rig import through_json

MINUTE = 60
GAP = 30 * MINUTE
SETTINGS = SessionSettings()
DAY = 86_400


def fresh() -> SessionSet:
    return SessionSet(SETTINGS)


def route(held: SessionSet, at: float, session: str | None = "s-1", **fields: str) -> str:
    """Verdict and session, e.g. `added s-1`."""
    found, verdict = held.route(decoded(click(at=at, session=session, **fields)))
    return f"{verdict} {found.session_id if found else '-'}"


def open_ids(held: SessionSet) -> list[str]:
    return [session.session_id for session in held.open]


def test_without_a_session_id_the_profile_names_the_session() -> None:
    """The events of a profile that name no session form one."""
    held = fresh()
    assert route(held, 0, None) == "added p-1"
    assert route(held, 10, None) == "added p-1"
    assert route(held, 20, "s-1") == "added s-1"


def test_a_gap_of_exactly_thirty_minutes_ends_a_session() -> None:
    """One millisecond less and the session goes on; the next one's id ends in ~2."""
    held = fresh()
    assert route(held, 0) == "added s-1"
    assert route(held, GAP - 0.001) == "added s-1"
    assert route(held, 2 * GAP - 0.001) == "added s-1~2"
    assert route(held, 3 * GAP) == "added s-1~3"


def test_due_hands_out_what_ended_once() -> None:
    """A session ends by the watermark, at its last event plus the gap, and is handed out once."""
    held = fresh()
    route(held, 0)
    route(held, 40)
    end_ms = at_ms(40 + GAP)
    assert held.next_close_ms() == end_ms
    assert held.due(end_ms - 1) == []
    (session,) = held.due(end_ms)
    assert (session.session_id, session.closed_ms) == ("s-1", end_ms)
    assert (held.due(end_ms + 1), held.open, held.next_close_ms()) == ([], [], 0)


def test_sessions_end_in_the_order_of_their_ends() -> None:
    """Whatever order they were opened in."""
    held = fresh()
    for at, session in ((0, "s-2"), (5, "s-1"), (10, "s-3"), (15, "s-2")):
        route(held, at, session)
    assert [session.session_id for session in held.due(at_ms(DAY))] == ["s-1", "s-3", "s-2"]


def test_an_event_of_an_ended_session_is_late() -> None:
    """Before the session's end it is late, from then on it opens the next one."""
    held = fresh()
    route(held, 0)
    held.due(at_ms(GAP))
    held = through_json(held)
    assert route(held, GAP - 0.001) == "late -"
    assert route(held, GAP) == "added s-1~2"


def test_an_event_older_than_the_lateness_is_late() -> None:
    """Sixty seconds behind the session's last event are allowed, a millisecond more is not."""
    held = fresh()
    route(held, 100)
    assert route(held, 40) == "added s-1"
    assert route(held, 39.999) == "late -"
    assert held.open[0].opened_ms == at_ms(40)


def test_a_duplicate_is_known_by_its_id() -> None:
    """Within the lateness, also after a restart, also with another time."""
    held = fresh()
    route(held, 0, id="e-1")
    route(held, 60, id="e-2")
    held = through_json(held)
    assert route(held, 0, id="e-1") == "duplicate s-1"
    assert route(held, 61, id="e-2") == "duplicate s-1"
    assert held.open[0].events_count == 2


def test_a_duplicate_older_than_the_lateness_is_late() -> None:
    """It cannot be told from a new event; nothing is counted twice."""
    held = fresh()
    route(held, 0, id="e-1")
    route(held, 61, id="e-2")
    assert route(held, 0, id="e-1") == "late -"
    assert held.open[0].events_count == 2


def test_a_late_event_bridges_two_sessions() -> None:
    """What seemed a second session is the first one: ids, decisions and events are joined."""
    held = fresh()
    route(held, 0)
    assert route(held, GAP + 30) == "added s-1~2"
    held.open[0].decided("dec-1", at_ms(GAP + 30), 0.4)
    assert route(held, GAP - 10) == "added s-1"
    (session,) = held.open
    assert (session.events_count, session.last_ms) == (3, at_ms(GAP + 30))
    assert (session.decision_ids, session.risk_last) == (["dec-1"], 0.4)
    assert route(held, 2 * GAP + 30) == "added s-1~2"


def test_an_event_before_a_second_session_may_not_reach_back() -> None:
    """Early enough to open the second session earlier, too late to join it to the first."""
    held = fresh()
    route(held, 0)
    route(held, GAP + 50)
    assert route(held, GAP + 1) == "added s-1~2"
    assert open_ids(held) == ["s-1~2", "s-1"]
    assert held.open[0].opened_ms == at_ms(GAP + 1)


def test_an_event_cannot_bridge_to_an_ended_session() -> None:
    """Once the first session was handed out, what belongs to it is late."""
    held = fresh()
    route(held, 0)
    route(held, GAP + 30)
    assert len(held.due(at_ms(GAP))) == 1
    assert route(held, GAP - 10) == "late -"
    assert route(held, GAP) == "added s-1~2"


def test_a_fifth_session_ends_the_oldest() -> None:
    """Four may be open at once; the oldest ends at its last event and may come back."""
    held = fresh()
    for at in range(5):
        route(held, at, f"s-{at}")
    assert open_ids(held) == ["s-4", "s-3", "s-2", "s-1"]
    held = through_json(held)
    assert held.next_close_ms() == T0_MS + 1
    (ended,) = held.due(T0_MS)
    assert (ended.session_id, ended.closed_ms) == ("s-0", T0_MS + 1)
    assert route(held, 0, "s-0", id="another") == "late -"
    assert route(held, 10, "s-0") == "added s-0~2"
    assert open_ids(held) == ["s-0~2", "s-4", "s-3", "s-2"]


def test_sessions_that_fell_silent_leave_room() -> None:
    """A session past its gap does not count as open, though nobody asked what is due."""
    held = fresh()
    for at in range(4):
        route(held, at, f"s-{at}")
    route(held, GAP + 1.5, "s-4")
    assert len(held.open) == 5
    assert [session.session_id for session in held.due(at_ms(GAP + 1.5))] == ["s-0", "s-1"]


def test_ended_sessions_are_remembered_within_bounds() -> None:
    """Eight ends are kept by id; what is older than a forgotten one is late."""
    held = fresh()
    for day in range(12):
        route(held, day * DAY, f"s-{day}")
        held.due(at_ms(day * DAY + DAY / 2))
    assert route(held, 11 * DAY + 1, "s-11") == "late -"
    assert route(held, 3 * DAY + 1, "s-3") == "late -"
    assert route(held, 12 * DAY, "s-3") == "added s-3"
    held.due(at_ms(13 * DAY))
    assert len(orjson.dumps(held.dump())) < 300


def test_a_returning_id_is_numbered_on() -> None:
    """A profile that names no sessions has one id for ever: ~2, ~3 ..."""
    held = fresh()
    ids = []
    for day in range(4):
        route(held, day * DAY, None)
        held = through_json(held)
        ids += [session.session_id for session in held.due(at_ms(day * DAY + DAY / 2))]
    assert ids == ["p-1", "p-1~2", "p-1~3", "p-1~4"]


def test_nobody_asking_what_is_due_keeps_two_of_an_id_open() -> None:
    """Only the last two sessions of an id can still become one; those before have ended."""
    held = fresh()
    for day in range(5):
        route(held, day * DAY)
    assert open_ids(held) == ["s-1~5", "s-1~4"]
    assert [session.session_id for session in held.due(at_ms(9 * DAY))] == [
        "s-1",
        "s-1~2",
        "s-1~3",
        "s-1~4",
        "s-1~5",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"gap_ms": 60_000, "lateness_ms": 60_000},
        {"lateness_ms": -1},
        {"open_max": 0},
        {"horizons_max": 0},
        {"recent_max": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    """The lateness is shorter than the gap; bounds are at least one."""
    with pytest.raises(ValueError, match="must be at least"):
        SessionSettings(**wrong)
