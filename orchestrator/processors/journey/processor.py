"""The fast lane's processor: every profile-keyed topic in, commands, ledger and sessions out."""

from collections.abc import Sequence
from typing import Any, Final

from orchestrator.domain.decisioning import PolicySet
from orchestrator.domain.risk import Risk
from orchestrator.domain.sessions.session import Session
from orchestrator.domain.sessions.session_set import SessionSet
from orchestrator.domain.sessions.settings import SessionSettings
from orchestrator.domain.signals.values import values
from orchestrator.errors import InvalidRecord
from orchestrator.messages import wire
from orchestrator.processors.journey.decide import Decider
from orchestrator.processors.journey.intake import (
    ERASED,
    note_order,
    on_cart_emptied,
    on_feedback,
    on_order,
    on_profile,
    revoke,
)
from orchestrator.processors.journey.ledger import session_closed
from orchestrator.processors.journey.state import KnownOrder, Profile
from orchestrator.processors.journey.tables import Tables
from orchestrator.processors.journey.triggers import Trigger
from orchestrator.types import Emit, Millis, Record, Scope, Step

RETENTION_MS: Final = 90 * 24 * 3_600_000
"""A profile silent this long is forgotten: longer than any cap looks back."""
CART_CHANGES: Final = frozenset({"product_added", "product_removed"})
CART_TELLING: Final = CART_CHANGES | frozenset(
    {
        "cart_viewed",
        "checkout_started",
        "checkout_step_viewed",
        "checkout_step_completed",
    }
)
"""Events that tell what is in the cart, or that nothing is."""


class JourneyProcessor:
    """Sessions, signals, risk, guardrails, one action, revocations (`ports.Processor`).

    Args:
        policies: Policies in force until `policies` brings others.
        risk: Risk model in force until `models` brings another.
        sessions: Gap and lateness.
    """

    inputs: Sequence[str] = ("profiles", "identities", "orders", "feedback", "clickstream")
    broadcasts: Sequence[str] = ("policies", "models", "merchandising.products")

    def __init__(
        self, policies: PolicySet, risk: Risk, sessions: SessionSettings | None = None
    ) -> None:
        self.tables = Tables(policies, risk)
        self.sessions = sessions or SessionSettings()
        self.decider = Decider(self.tables)

    def decode(self, topic: str, key: str, value: bytes) -> Any:
        return wire.decode(topic, key, value)

    def on_broadcast(self, topic: str, key: str, value: bytes | None) -> None:
        self.tables.take(topic, key, value)

    def on_record(
        self, scope: Scope, state: Profile | None, record: Record, now: Millis
    ) -> Step[Profile]:
        if record.topic == "clickstream":
            return self._on_click(scope, state, record, now)
        event = record.value
        if event is None:
            return self._erase(record.key, state, now)
        profile = state or Profile(SessionSet(self.sessions))
        emits: list[Emit] = []
        if record.topic == "orders":
            emits = on_order(record.key, profile, event)
        elif record.topic == "feedback":
            emits = on_feedback(record.key, profile, event)
        elif record.topic == "profiles":
            default = self.tables.policies.contact.consent_default
            emits = on_profile(record.key, profile, event, default)
        elif event.customer_id:
            profile.facts.customer_id = event.customer_id
        profile.last_ms = max(profile.last_ms, record.time_ms)
        self._plan_wake(profile, now)
        return Step(profile, emits)

    def on_timer(self, scope: Scope, key: str, state: Profile, now: Millis) -> Step[Profile]:
        emits = self._end_sessions(key, state, now)
        emits += self._on_silence(scope, key, state, now)
        own_ms = Millis(now - state.behind_ms)
        # a purchase of the last minute may be still to come
        until_ms = own_ms - self.sessions.lateness_ms
        due = [planned for planned in state.follow_ups if planned.due_ms <= until_ms]
        if due:
            state.follow_ups = [held for held in state.follow_ups if held.due_ms > until_ms]
            for planned in due:
                emits += self.decider.follow_up(scope, key, state, planned, own_ms)
        return self._settle(state, own_ms, emits)

    def pass_time(self, key: str, state: Profile, now: Millis) -> Step[Profile]:
        """All that a timer does but decide: sessions end, what is over is forgotten."""
        emits = self._end_sessions(key, state, now)
        return self._settle(state, Millis(now - state.behind_ms), emits)

    def dump(self, state: Profile) -> Any:
        return state.dump()

    def load(self, row: Any) -> Profile:
        return Profile.load(row, SessionSet.load(row[0], self.sessions))

    def _on_click(
        self, scope: Scope, state: Profile | None, record: Record, now: Millis
    ) -> Step[Profile]:
        event = record.value
        key = record.key
        profile = state or Profile(SessionSet(self.sessions))
        session, verdict = profile.sessions.route(event)
        kind: str = event.type
        if session is None:
            return self._late(key, profile, event, now)
        if verdict == "duplicate":
            return Step(profile)
        if record.time_ms > profile.last_ms:  # noqa: PLR1730 - faster than a call
            profile.last_ms = record.time_ms
        customer_id: str | None = event.customer_id
        if customer_id:
            profile.facts.customer_id = customer_id
        emits: list[Emit] = []
        if kind == "order_completed":
            order = KnownOrder(event.properties.order_id, event.time_ms, session.session_id)
            emits += note_order(key, profile, order, event.properties.total_cents)
        elif kind in CART_TELLING:
            emits += self._on_cart(key, profile, session, event)
        now_ms = Millis(session.last_ms)  # the shopper's own time, whatever other topics say
        policies = self.tables.policies
        due = policies.due.after_event(kind, now_ms, session.last_decision_ms)
        if due is None:
            asked = values(session, now_ms, self.tables.asked_parts[kind])
            due = policies.due.confirms(kind, asked)
        if due:
            trigger = Trigger.of_record(record, event.id, now_ms)
            signals = values(session, now_ms)
            emits += self.decider.in_session(scope, key, profile, session, trigger, signals)
        # its clock is slow, or another's is fast, or history is replayed into a live log
        session.behind_ms = profile.behind_ms = max(0, now - session.last_ms)
        self._plan_wake(profile, now)
        return Step(profile, emits)

    def _on_cart(self, key: str, profile: Profile, session: Session, event: Any) -> list[Emit]:
        """A click that tells what is in the cart, or that nothing is.

        A late one that tells of none says nothing where later ones of the session know of pieces.
        """
        kind = event.type
        properties = event.properties
        value_cents = properties.cart_value_cents
        items_count = None
        if kind not in CART_CHANGES:
            items_count = properties.items_count
        said = items_count == 0 or (value_cents == 0 and not items_count)
        if kind == "product_removed":
            emptied = session.cart_emptied or (said and not session.items_count)
        else:
            emptied = said and not session.items_count and kind != "product_added"
        if value_cents or items_count or kind == "product_added":
            profile.cart_filled_ms = max(profile.cart_filled_ms, event.time_ms)
        if not emptied:
            return []
        names = self.tables.stopped_by("cart_emptied")
        return on_cart_emptied(key, profile, session, event.time_ms, names, said=said)

    def _late(self, key: str, profile: Profile, event: Any, now: Millis) -> Step[Profile]:
        """An event of a session that ended: only a purchase still matters."""
        if event.type != "order_completed":
            raise InvalidRecord("late", "its session ended, or it is older than the lateness")
        order = KnownOrder(event.properties.order_id, event.time_ms, event.session_id or "")
        emits = note_order(key, profile, order, event.properties.total_cents)
        self._plan_wake(profile, now)
        return Step(profile, emits)

    def _on_silence(self, scope: Scope, key: str, profile: Profile, now: Millis) -> list[Emit]:
        emits: list[Emit] = []
        for session in profile.sessions.open:
            due_ms = self.silence_due_ms(session)
            own_ms = Millis(now - session.behind_ms)
            if due_ms and due_ms <= own_ms:
                trigger = Trigger.of_timer("silence", key, session.session_id, due_ms, own_ms)
                signals = values(session, own_ms)
                emits += self.decider.in_session(scope, key, profile, session, trigger, signals)
        return emits

    def _end_sessions(self, key: str, profile: Profile, now: Millis) -> list[Emit]:
        ended = profile.sessions.due(now - self.sessions.lateness_ms)
        return [
            self._close(key, profile, session, ended[at + 1 :]) for at, session in enumerate(ended)
        ]

    def _settle(self, profile: Profile, own_ms: Millis, emits: list[Emit]) -> Step[Profile]:
        """Forget what expired, and the profile where nothing is left; else plan the next timer."""
        profile.expire(own_ms)
        if profile.idle() and profile.last_ms + RETENTION_MS <= own_ms:
            return Step(None, emits)
        profile.wake_at_ms = self._next_due_ms(profile)
        return Step(profile, emits)

    def _close(self, key: str, profile: Profile, session: Any, rivals: Sequence[Session]) -> Emit:
        signals = values(session, session.last_ms)
        order_ids = profile.orders_of(session, rivals)
        outcome = "purchased" if order_ids else session.outcome
        self.decider.plan_follow_ups(profile, session, outcome, signals)
        return session_closed(key, session, outcome, order_ids, signals)

    def _erase(self, key: str, profile: Profile | None, now: Millis) -> Step[Profile]:
        """A tombstone on `profiles`: revoke what is outstanding, forget the person.

        A tombstone has no time of its own: it happens now.
        """
        if profile is None:
            return Step(None)
        happened_ms = max(now, profile.last_ms)
        emits = revoke(key, profile, ERASED, Millis(happened_ms), happened_ms=happened_ms)
        return Step(None, emits)

    def _plan_wake(self, profile: Profile, now: Millis) -> None:
        profile.wake_at_ms = max(now + 1, self._next_due_ms(profile))

    def _next_due_ms(self, profile: Profile) -> int:
        """By the partition's time; plain loops: this runs for every click."""
        sessions = profile.sessions
        lateness_ms = self.sessions.lateness_ms
        close_ms = sessions.next_close_ms()
        due_ms: int = close_ms + lateness_ms if close_ms else 0
        for session in sessions.open:
            silence_ms = self.silence_due_ms(session)
            if silence_ms:
                silence_ms += session.behind_ms
                if not due_ms or silence_ms < due_ms:
                    due_ms = silence_ms
        behind_ms = profile.behind_ms
        for planned in profile.follow_ups:
            planned_ms = planned.due_ms + lateness_ms + behind_ms
            if not due_ms or planned_ms < due_ms:
                due_ms = planned_ms
        if due_ms:
            return due_ms
        if profile.commands:
            return min([held.expires_at_ms for held in profile.commands]) + behind_ms
        return profile.last_ms + RETENTION_MS + behind_ms

    def silence_due_ms(self, session: Session) -> int:
        return self.tables.policies.due.after_silence_ms(
            session.stage, session.last_ms, session.last_decision_ms
        )
