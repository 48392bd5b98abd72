"""When a decision is due: events, conditions, spacing, silence, follow-ups."""

import pytest

from orchestrator.domain.decisioning import STAGES, shipped
from orchestrator.domain.sessions import STAGES as SESSION_STAGES
from tests.unit.domain.decisioning.situations import NOON_MS


@pytest.mark.parametrize("kind", ["checkout_started", "payment_failed", "exit_intended"])
def test_some_events_make_a_decision_due_by_themselves(kind: str) -> None:
    """Without a look at any signal."""
    assert shipped().due.after_event(kind, NOON_MS, 0) is True


@pytest.mark.parametrize("kind", ["heartbeat", "page_viewed", "scrolled", "something_new", ""])
def test_other_events_do_not(kind: str) -> None:
    """Also types of which nobody here has heard."""
    assert shipped().due.after_event(kind, NOON_MS, 0) is False
    assert not shipped().due.confirms(kind, {"shipping_cost_dwell_ms": 60_000.0})


@pytest.mark.parametrize(("dwell_ms", "due"), [(2_999.0, False), (3_000.0, True)])
def test_a_condition_is_looked_at_after_its_events(dwell_ms: float, due: bool) -> None:  # noqa: FBT001 - parametrised
    """A glance at the shipping costs is nothing, three seconds are."""
    assert shipped().due.after_event("section_dwelled", NOON_MS, 0) is None
    assert shipped().due.confirms("section_dwelled", {"shipping_cost_dwell_ms": dwell_ms}) is due


@pytest.mark.parametrize("kind", ["checkout_started", "section_dwelled"])
def test_decisions_keep_their_distance(kind: str) -> None:
    """Within the spacing none is due, whatever happens; at its end one may be."""
    spacing_ms = shipped().signals.decision_spacing_ms
    assert shipped().due.after_event(kind, NOON_MS + spacing_ms - 1, NOON_MS) is False
    assert shipped().due.after_event(kind, NOON_MS + spacing_ms, NOON_MS) is not False


def test_urgent_events_wait_less() -> None:
    """A failed payment is answered soon after another decision, but not in one breath with it."""
    spacing_ms = shipped().signals.urgent_spacing_ms
    assert shipped().due.after_event("payment_failed", NOON_MS + spacing_ms - 1, NOON_MS) is False
    assert shipped().due.after_event("payment_failed", NOON_MS + spacing_ms, NOON_MS) is True
    assert spacing_ms < shipped().signals.decision_spacing_ms


def test_silence_is_due_once() -> None:
    """By stage; not again until something happens; never where no stage says so."""
    due_ms = shipped().due.after_silence_ms
    assert due_ms("shipping", NOON_MS, 0) == NOON_MS + 20_000
    assert due_ms("shipping", NOON_MS, NOON_MS) == NOON_MS + 20_000
    assert due_ms("shipping", NOON_MS, NOON_MS + 20_000) == 0
    assert due_ms("shipping", NOON_MS + 30_000, NOON_MS + 20_000) == NOON_MS + 50_000
    assert due_ms("purchased", NOON_MS, 0) == 0


def test_follow_ups_belong_to_an_outcome() -> None:
    """An abandoned cart is followed up after an hour and a day; a purchase is not."""
    found = [(one.name, one.after_ms) for _, one in shipped().follow_ups("abandoned")]
    assert found == [("cart_reminder", 3_600_000), ("push_reminder", 86_400_000)]
    assert shipped().follow_ups("purchased") == ()


def test_stages_are_those_of_sessions() -> None:
    """The two rooms do not know one another; they must name the funnel alike."""
    assert STAGES == SESSION_STAGES
