"""When the journey decides, and what each decision leaves behind."""

import itertools

import orjson
import pytest

from orchestrator.messages.envelope import headers, incoming_traceparent
from orchestrator.online.rng import uniform
from tests.builders import at_ms, click, feedback, identity, order, profile
from tests.component.processors.journey.rig import (
    DAY,
    HOUR,
    MINUTE,
    Story,
    cart,
    of,
    reachable,
    with_changes,
)


def shipping(at: float = 60, shopper: str = "p-1") -> dict[str, object]:
    return click("checkout_step_viewed", at, shopper, "s-1", step="shipping", cart_value_cents=8990)


def test_silence_on_the_shipping_step_is_scored_though_no_event_arrives() -> None:
    """Twenty seconds of silence make a decision due, at its time, by a timer."""
    story = Story()
    story.tell(*cart(), shipping(60))
    before = len(story.values("decision_made"))
    assert of(story.until(79), "decision_made") == []
    (entry,) = of(story.until(81), "decision_made")
    assert before == len(story.values("decision_made")) - 1
    assert entry["trigger"] == {
        "kind": "timer",
        "timer": "silence",
        "due_ms": at_ms(80),
        "now_ms": at_ms(80),
    }
    assert entry["stage"] == "shipping"
    assert entry["time_ms"] == at_ms(80)
    assert 0 < entry["risk"] < 1
    assert of(story.until(600), "decision_made") == [], "one silence is one decision"


def test_an_event_after_the_silence_makes_a_new_silence_possible() -> None:
    """Silence is counted from the last event, each time anew."""
    story = Story()
    story.tell(*cart(), shipping(60))
    story.until(100)
    story.tell(click("scrolled", 110, session="s-1", depth=0.4))
    (entry,) = of(story.until(135), "decision_made")
    assert entry["trigger"]["due_ms"] == at_ms(130)


def test_decisions_of_a_session_keep_their_distance() -> None:
    """Triggers that follow each other within the policy's spacing are one moment."""
    story = Story()
    spacing_ms = story.policies.signals.decision_spacing_ms
    story.tell(*cart())
    story.tell(*[click("cart_viewed", 60 + tenth / 10, session="s-1") for tenth in range(3000)])
    times = [entry["time_ms"] for entry in story.values("decision_made")]
    apart = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) >= 3
    assert min(apart) == spacing_ms > 100


def test_every_due_decision_is_one_entry_also_when_nothing_is_done() -> None:
    """The ledger holds what was refused, and why."""
    story = Story()
    story.tell(click("checkout_started", 0, session="s-1"))
    (entry,) = story.values("decision_made")
    refused = {row["action"]: row["refused_by"] for row in entry["candidates"]}
    assert refused.pop("do_nothing") is None
    assert all(refused.values())
    assert entry["chosen"]["action"] == "do_nothing"
    assert entry["command_id"] is None
    assert story.sent() == []


def test_an_entry_encoded_in_part_reads_as_the_whole() -> None:
    """Lines of refused actions are encoded once; the bytes must be those of the entry itself."""
    story = Story()
    story.tell(click("checkout_started", 0, session="s-1"))
    story.until(1_000)
    story.tell(profile(consent={"onsite": False}), click("payment_failed", 1_100, session="s-1"))
    entries = [emit for emit in story.emits if emit.topic == "decisions"]
    assert len(entries) >= 3
    for emit in entries:
        assert emit.part_encoded is not None
        assert emit.value is not None
        field, form = emit.part_encoded
        assert orjson.dumps(form) == orjson.dumps(emit.value[field])
        refused = [row["refused_by"] for row in emit.value["candidates"] if not row["allowed"]]
        assert list(emit.refusals) == refused


def test_spans_are_digits_of_the_id() -> None:
    """An entry and its command have different ones, all valid; with a cause, in its trace."""
    story = Story()
    story.tell(*cart(), click("payment_failed", 1_100, session="s-1"))
    emits = [emit for emit in story.emits if emit.value and emit.topic != "sessions"]
    assert {emit.topic for emit in emits} > {"decisions"}
    traces = [dict(headers(emit.value or {}, "w", span=emit.span))["traceparent"] for emit in emits]
    assert len(set(traces)) == len(traces)
    assert all(incoming_traceparent([("traceparent", trace)]) for trace in traces)
    cause = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    own = dict(headers(emits[0].value or {}, "w", cause, span=emits[0].span))["traceparent"]
    assert own.startswith(cause[:36].encode())


def test_ids_follow_from_the_position_and_the_draw_from_the_id() -> None:
    """Two tellings of the same log give the same ids; anybody can recompute the draw."""
    told = []
    for _ in range(2):
        story = Story()
        story.tell(*cart(), shipping())
        story.until(HOUR)
        told.append(story.values("decision_made"))
    assert told[0] == told[1]
    for entry in told[0]:
        assert entry["exploration"]["draw"] == uniform(entry["id"])
        if entry["command_id"]:
            assert entry["command_id"].removeprefix("cmd-") == entry["id"].removeprefix("dec-")


def test_the_entry_pins_what_was_seen_of_every_topic() -> None:
    """`positions` names the last offset folded of each topic, the deciding event's included."""
    story = Story()
    story.tell(reachable(), identity(at=-HOUR))
    story.tell(*cart())
    entry = story.values("decision_made")[-1]
    assert entry["positions"] == {"profiles": 0, "identities": 0, "clickstream": 2}
    assert entry["trigger"]["offset"] == 2
    assert entry["customer_id"] == "c-1"


def test_the_holdout_is_sticky_and_gets_nothing() -> None:
    """A person of the holdout gets no command in any session, and is the same in each."""
    story = Story(with_changes(protection={"holdout_share": 0.5}), partitions=4)
    shoppers = [f"h-{number}" for number in range(40)]
    for session in range(3):
        for shopper in shoppers:
            at = session * DAY
            story.tell(*cart(at, shopper, f"s-{session}"))
            story.tell(click("payment_failed", at + 60, shopper, f"s-{session}", reason="declined"))
    held = {
        shopper: {e["holdout"] for e in story.values("decision_made") if e["profile_id"] == shopper}
        for shopper in shoppers
    }
    assert all(len(kinds) == 1 for kinds in held.values())
    out = {shopper for shopper, kinds in held.items() if kinds == {True}}
    assert 8 < len(out) < 32
    served = {command["profile_id"] for command in story.sent()}
    assert served
    assert not served & out


def test_what_a_shopper_dismissed_is_not_shown_again() -> None:
    """A dismissal closes the action's group for a week."""
    story = Story()
    story.tell(*cart(), click("payment_failed", 60, session="s-1", reason="declined"))
    (command,) = story.sent("payment_help")
    story.tell(feedback("dismissed", 70, command_id=command["id"]))
    story.tell(click("payment_failed", 5 * MINUTE, session="s-1", reason="declined"))
    entry = story.values("decision_made")[-1]
    refused = {row["action"]: row["refused_by"] for row in entry["candidates"]}
    assert refused["payment_help"] == "cooldown.dismissed"


def test_a_dismissal_counts_also_after_the_command_has_gone() -> None:
    """What it was about is known by its id, although it was revoked in the meantime."""
    story = Story()
    story.tell(*cart(), click("payment_failed", 60, session="s-1", reason="declined"))
    (command,) = story.sent("payment_help")
    story.tell(click("product_removed", 65, session="s-1"), *cart(70))
    story.restart()
    story.tell(feedback("dismissed", 120, command_id=command["id"]))
    story.tell(click("payment_failed", 5 * MINUTE, session="s-1", reason="declined"))
    entry = story.values("decision_made")[-1]
    refused = {row["action"]: row["refused_by"] for row in entry["candidates"]}
    assert refused["payment_help"] == "cooldown.dismissed"


@pytest.mark.parametrize("ahead_s", [30, 100, HOUR])
def test_silence_is_scored_where_another_shoppers_clock_is_fast(ahead_s: int) -> None:
    """The shopper's twenty seconds run on from when the events came, and are told in their time."""
    story = Story()
    story.tell(click("page_viewed", 60 + ahead_s, "p-fast"))
    story.tell(*cart(), shipping(60))
    of_other = click("page_viewed", 60 + ahead_s + 25, "p-other")
    (entry,) = of(story.tell(of_other), "decision_made")
    assert entry["profile_id"] == "p-1"
    assert entry["trigger"]["due_ms"] == entry["trigger"]["now_ms"] == at_ms(80)
    assert entry["signals"]["silence_ms"] == 20_000


def test_a_leap_of_the_partitions_time_runs_nobodys_future_off() -> None:
    """Old profiles first, then a click a month later, whose time nobody has confirmed yet."""
    story = Story()
    story.tell(reachable(at=-40 * DAY), *cart())
    story.tell(click("page_viewed", 45, "p-other"), click("page_viewed", 50, "p-other"))
    assert story.values("session_closed") == []
    assert story.sent("cart_reminder", "push_reminder") == []
    story.tell(click("payment_failed", 65, session="s-1", reason="declined"))
    assert not story.fold.dead_letters
    story.tell(order("order_placed", 90))
    assert story.values("intervention_revoked")


def test_a_slow_clock_is_told_by_the_sessions_own_clicks() -> None:
    """Not by what channels and other systems say in time, nor by a second device."""
    story = Story()
    for n in range(6):
        story.tell(click("page_viewed", HOUR + 10 * n, "p-other"))
        story.tell(feedback("shown", HOUR + 10 * n + 1, command_id="cmd-1"))
        story.tell(click("page_viewed", HOUR + 10 * n + 2, session="s-2"))
        story.tell(click("product_added", 10 * n, session="s-1", product_id=f"p-{n}"))
    entries = story.values("decision_made")
    assert not [entry for entry in entries if entry["trigger"]["kind"] == "timer"]
    assert story.values("session_closed") == []
    assert not story.fold.dead_letters


def test_a_slow_clock_silences_nobody_who_goes_on() -> None:
    """Events that come in time are no silence, however old their times are."""
    story = Story()
    for n in range(6):
        story.tell(click("page_viewed", HOUR + 10 * n, "p-other"))
        story.tell(click("product_added", 10 * n, session="s-1", product_id=f"p-{n}"))
    entries = story.values("decision_made")
    assert not [entry for entry in entries if entry["trigger"]["kind"] == "timer"]
    assert story.values("session_closed") == []


def test_a_command_in_the_same_place_supersedes_the_one_before() -> None:
    """Where two commands want one placement the later one names the earlier."""
    story = Story(
        with_changes(
            net_value={"rule": "greedy", "floor_share": 1e-9},
            protection={
                "holdout_share": 0.0,
                "cooldowns_ms": {},
                "between_contacts_ms": {},
                "caps": [],
            },
        )
    )
    story.tell(*cart(), click("payment_failed", 60, session="s-1", reason="declined"))
    story.tell(click("payment_failed", 120, session="s-1", reason="declined"))
    first, second, *_ = story.sent("payment_help")
    assert first["supersedes"] is None
    assert second["supersedes"] == first["id"]
    revoked = {one["id"] for one in of(story.tell(order(at=150)), "intervention_revoked")}
    assert story.sent("payment_help")[-1]["id"] in revoked
    assert first["id"] not in revoked, "what was superseded is gone already"


@pytest.mark.parametrize("channel", ["onsite", "chat"])
def test_without_a_profile_the_default_consent_holds(channel: str) -> None:
    """Nobody asked: on-site and chat may speak, e-mail and push may not."""
    story = Story()
    story.tell(*cart())
    story.until(2 * DAY)
    entries = story.values("decision_made")
    reasons = {row["refused_by"] for entry in entries for row in entry["candidates"]}
    assert f"consent.{channel}" not in reasons
    assert {"consent.email", "consent.push"} <= reasons
    assert story.sent("cart_reminder", "push_reminder") == []
