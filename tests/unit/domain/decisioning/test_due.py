"""When a decision is due: events, conditions, spacing, silence, follow-ups."""

from dataclasses import dataclass

import pytest

from orchestrator.domain.decisioning import STAGES, shipped
from orchestrator.domain.sessions import STAGES as SESSION_STAGES
from tests.unit.domain.decisioning.situations import NOON_MS


@dataclass
class OpenSession:
    """What the policies read of a session."""

    stage: str = "shipping"
    last_ms: int = NOON_MS
    last_decision_ms: int = 0


def _never() -> dict[str, float]:
    raise AssertionError("signals were worked out though nothing asked for them")


@pytest.mark.parametrize("kind", ["checkout_started", "payment_failed", "exit_intended"])
def test_some_events_make_a_decision_due_by_themselves(kind: str) -> None:
    """Without a look at any signal."""
    assert shipped().is_due(kind, OpenSession(), NOON_MS, _never)


@pytest.mark.parametrize("kind", ["heartbeat", "page_viewed", "scrolled", "something_new", ""])
def test_other_events_do_not(kind: str) -> None:
    """Also types of which nobody here has heard."""
    assert not shipped().is_due(kind, OpenSession(), NOON_MS, _never)


@pytest.mark.parametrize(("dwell_ms", "due"), [(2_999.0, False), (3_000.0, True)])
def test_a_condition_is_looked_at_after_its_events(dwell_ms: float, due: bool) -> None:  # noqa: FBT001 - parametrised
    """A glance at the shipping costs is nothing, three seconds are."""
    signals = {"shipping_cost_dwell_ms": dwell_ms}
    assert shipped().is_due("section_dwelled", OpenSession(), NOON_MS, lambda: signals) is due


def test_decisions_keep_their_distance() -> None:
    """Within the spacing none is due, whatever happens; at its end one is."""
    session = OpenSession(last_decision_ms=NOON_MS)
    spacing_ms = shipped().signals.decision_spacing_ms
    assert not shipped().is_due("checkout_started", session, NOON_MS + spacing_ms - 1, _never)
    assert shipped().is_due("checkout_started", session, NOON_MS + spacing_ms, _never)


def test_urgent_events_wait_less() -> None:
    """A failed payment is answered soon after another decision, but not in one breath with it."""
    session = OpenSession(last_decision_ms=NOON_MS)
    spacing_ms = shipped().signals.urgent_spacing_ms
    assert not shipped().is_due("payment_failed", session, NOON_MS + spacing_ms - 1, _never)
    assert shipped().is_due("payment_failed", session, NOON_MS + spacing_ms, _never)
    assert spacing_ms < shipped().signals.decision_spacing_ms


def test_silence_is_due_once() -> None:
    """By stage; not again until something happens; never where no stage says so."""
    session = OpenSession()
    assert shipped().silence_due_ms(session) == NOON_MS + 20_000
    session.last_decision_ms = NOON_MS
    assert shipped().silence_due_ms(session) == NOON_MS + 20_000
    session.last_decision_ms = NOON_MS + 20_000
    assert shipped().silence_due_ms(session) == 0
    session.last_ms = NOON_MS + 30_000
    assert shipped().silence_due_ms(session) == NOON_MS + 50_000
    assert shipped().silence_due_ms(OpenSession(stage="purchased")) == 0


def test_follow_ups_belong_to_an_outcome() -> None:
    """An abandoned cart is followed up after an hour and a day; a purchase is not."""
    found = [(one.name, one.after_ms) for _, one in shipped().follow_ups("abandoned")]
    assert found == [("cart_reminder", 3_600_000), ("push_reminder", 86_400_000)]
    assert shipped().follow_ups("purchased") == ()


def test_stages_are_those_of_sessions() -> None:
    """The two rooms do not know one another; they must name the funnel alike."""
    assert STAGES == SESSION_STAGES
