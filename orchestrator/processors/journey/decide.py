"""One due decision: features, risk, concern, guardrails, draw; the ledger entry and the command."""

from collections.abc import Sequence
from typing import Any, Final

from orchestrator.domain.decisioning.content import content
from orchestrator.domain.decisioning.decide import Decision, decide
from orchestrator.domain.decisioning.plan import Plan
from orchestrator.domain.decisioning.situation import Situation
from orchestrator.domain.intent.concern import concern
from orchestrator.domain.sessions.session import Session
from orchestrator.domain.signals.features import features
from orchestrator.online.rounding import rounded
from orchestrator.processors.journey.budgets import budgets_left_cents, spend
from orchestrator.processors.journey.intake import COUNT_MAX
from orchestrator.processors.journey.ledger import channel_topic, ledger_entry, own_span
from orchestrator.processors.journey.state import (
    MAX_COMMANDS,
    MAX_FOLLOW_UPS,
    Contact,
    FollowUp,
    Outstanding,
    Profile,
)
from orchestrator.processors.journey.tables import Tables
from orchestrator.processors.journey.triggers import Trigger
from orchestrator.types import CommandId, DecisionId, Emit, Millis, Payload, Scope, SessionId

RECENT_ORDER_MS: Final = 24 * 3_600_000
"""A purchase up to a day before a session, in it or since forbids to remind of its cart: clocks of
shops and browsers differ, and who has just bought is not to be chased."""
_BLANK_ENTRY: Final[Payload] = dict.fromkeys(
    (
        "id",
        "type",
        "time_ms",
        "profile_id",
        "session_id",
        "customer_id",
        "trigger",
        "positions",
        "stage",
        "risk",
        "concern",
        "features",
        "signals",
        "facts",
        "consent",
        "contacts",
        "dismissed",
        "suppressions",
        "budgets_left_cents",
        "candidates",
        "chosen",
        "command_id",
        "reason",
        "exploration",
        "models",
        "policy",
        "holdout",
        "experiment",
    ),
) | {"type": "decision_made"}
"""Copied and filled in: half the time of a new dict."""
_PER_UNIT: Final = 1_000_000
"""Six digits of the risk are kept: what is logged is what was used."""


class Decider:
    """Decide for a profile with the tables in force.

    Args:
        tables: Policies, models and product statistics.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def in_session(
        self,
        scope: Scope,
        profile_id: str,
        profile: Profile,
        session: Session,
        trigger: Trigger,
        signals: dict[str, float],
    ) -> list[Emit]:
        """Decide while the shopper is there (or silent), and note it in the session."""
        now = trigger.now_ms
        named = features(session, profile.facts, now)
        risk = rounded(self.tables.risk.score(named), _PER_UNIT)
        policies = self.tables.policies
        situation = Situation(
            now_ms=now,
            profile_id=profile_id,
            session_id=session.session_id,
            stage=session.stage,
            risk=risk,
            concern=concern(signals),
            signals=signals,
            facts=self._cart(session, self._person(profile, now)),
            consent=profile.facts.consent,
            customer_id=profile.facts.customer_id,
            contacts=profile.contacts,
            dismissed=profile.dismissals,
            suppressions=_suppressions(profile, session.opened_ms),
            budgets_left_cents=budgets_left_cents(scope, policies, now),
            trigger=trigger.situation,
        )
        decision = decide(policies, situation, trigger.decision_id)
        session.decided(trigger.decision_id, now, risk)
        return self._emits(scope, profile, situation, decision, trigger, named)

    def follow_up(
        self, scope: Scope, profile_id: str, profile: Profile, planned: FollowUp, now: Millis
    ) -> list[Emit]:
        """Decide on a planned message; a purchase or a return to the shop since then forbids it."""
        trigger = Trigger.of_timer(
            planned.name, profile_id, planned.session_id, planned.due_ms, now
        )
        policies = self.tables.policies
        suppressions = _suppressions(profile, min(planned.opened_ms, now) - RECENT_ORDER_MS)
        if profile.sessions.open:
            suppressions.add("returned")
        situation = Situation(
            now_ms=now,
            profile_id=profile_id,
            session_id=planned.session_id,
            stage=planned.stage,
            risk=planned.risk,
            concern=concern(planned.signals),
            signals=planned.signals,
            facts=self._person(profile, now) | planned.facts,
            consent=profile.facts.consent,
            customer_id=profile.facts.customer_id,
            contacts=profile.contacts,
            dismissed=profile.dismissals,
            suppressions=suppressions,
            budgets_left_cents=budgets_left_cents(scope, policies, now),
            trigger="follow_up",
            follow_up=planned.name,
        )
        decision = decide(policies, situation, trigger.decision_id)
        return self._emits(scope, profile, situation, decision, trigger, {})

    def plan_follow_ups(
        self, profile: Profile, session: Session, outcome: str, signals: dict[str, float]
    ) -> None:
        """Plan what the journeys ask for after a session that ended so."""
        emptied_ms = profile.cart_emptied_ms
        emptied = session.cart_emptied or emptied_ms > profile.cart_filled_ms
        for journey, follow_up in self.tables.policies.follow_ups(outcome):
            if emptied and "cart_emptied" in journey.stop_on:
                continue
            profile.follow_ups.append(
                FollowUp(
                    due_ms=session.last_ms + follow_up.after_ms,
                    name=follow_up.name,
                    session_id=SessionId(session.session_id),
                    opened_ms=session.opened_ms,
                    stage=session.stage_reached,
                    risk=session.risk_last or 0.0,
                    signals=signals,
                    facts=self._cart(session, {}),
                )
            )
        del profile.follow_ups[:-MAX_FOLLOW_UPS]

    # -- what a decision sees

    def _person(self, profile: Profile, now: Millis) -> dict[str, Any]:
        """Facts of the person; what is not known is left out."""
        known = profile.facts
        found: dict[str, Any] = {
            "customer_known": known.customer_id is not None,
            "is_member": known.is_member,
            "orders_count": known.orders_count,
            "orders_value_cents": known.orders_value_cents,
            "returns_share": known.returns_share,
            "coupon_share": known.coupon_share,
        }
        if profile.last_order_ms:
            found["last_order_age_ms"] = now - profile.last_order_ms
        if known.segment is not None:
            found["segment"] = known.segment
        if known.locale is not None:
            found["locale"] = known.locale
        if known.time_zone is not None:
            found["time_zone"] = known.time_zone
        return found

    def _cart(self, session: Session, found: dict[str, Any]) -> dict[str, Any]:
        """Add the facts of the cart and the products in it; what is not known is left out."""
        found["cart_value_cents"] = session.cart_value_cents
        found["cart_items_count"] = min(COUNT_MAX, session.items_count)
        viewed = session.viewed_product_ids
        if session.currency_last:
            found["currency"] = session.currency_last
        if session.device_last:
            found["device"] = session.device_last
        if session.locale_last:
            found["locale"] = session.locale_last
        if viewed:
            found["product_id"] = viewed[-1]
        partner = None
        if self.tables.pinned_partners is not None:
            partner = self.tables.pinned_partners.get(session.session_id)
        elif self.tables.partners:
            partner = self.tables.partner([*reversed(session.cart_product_ids), *reversed(viewed)])
        if partner is not None:
            found["bundle_product_id"] = partner
        return found

    # -- what it leaves behind

    def _emits(
        self,
        scope: Scope,
        profile: Profile,
        situation: Situation,
        decision: Decision,
        trigger: Trigger,
        named: dict[str, float],
    ) -> list[Emit]:
        profile_id = situation.profile_id
        command_id: CommandId | None = None
        emits: list[Emit] = []
        if decision.plan is not None:
            command_id = CommandId(f"cmd-{trigger.decision_id.removeprefix('dec-')}")
            emits.append(self._command(profile, situation, decision, decision.plan, command_id))
            if decision.spends is not None:
                budget, amount_cents = decision.spends
                spend(scope, budget, amount_cents, trigger.now_ms)
        entry = self._entry(scope, situation, decision, trigger, named, command_id)
        emits.insert(0, ledger_entry(profile_id, entry, decision.lines))
        return emits

    def _command(
        self,
        profile: Profile,
        situation: Situation,
        decision: Decision,
        plan: Plan,
        command_id: CommandId,
    ) -> Emit:
        now = situation.now_ms
        profile.expire(Millis(now))
        replaced = _replaced(profile.commands, plan.channel, plan.placement)
        profile.commands = [held for held in profile.commands if held is not replaced]
        profile.commands.append(
            Outstanding(
                command_id,
                DecisionId(decision.decision_id),
                SessionId(situation.session_id or ""),
                plan.channel,
                plan.placement,
                plan.name,
                decision.expires_at_ms,
                plan.cancel_on,
            )
        )
        profile.sent.append((command_id, plan.name))
        del profile.sent[:-MAX_COMMANDS]
        contact = Contact(now, plan.name, plan.channel, plan.group)
        sent = sorted([*profile.contacts, contact])
        profile.contacts = self.tables.policies.relevant(sent, now)
        payload: Payload = {
            "id": command_id,
            "decision_id": decision.decision_id,
            "type": "intervention_issued",
            "time_ms": now,
            "profile_id": situation.profile_id,
            "session_id": situation.session_id,
            "channel": plan.channel,
            "placement": plan.placement,
            "action": plan.name,
            "treatment": decision.treatment,
            "offer": decision.offer,
            "content": self._content(situation, decision, plan),
            "expires_at_ms": decision.expires_at_ms,
            "supersedes": replaced.command_id if replaced else None,
            "cancel_on": list(plan.cancel_on),
            "policy": decision.policy,
            "experiment": decision.experiment,
        }
        emit = Emit(channel_topic(plan.channel), situation.profile_id, payload)
        emit.span = own_span(command_id)
        return emit

    def _content(self, situation: Situation, decision: Decision, plan: Plan) -> dict[str, Any]:
        """What the shopper reads, in their language, and the product it is about."""
        locale = situation.facts.get("locale")
        told = content(
            self.tables.policies,
            plan.name,
            decision.treatment or "",
            locale if isinstance(locale, str) else None,
            situation.facts,
            decision.offer,
        )
        product_id = situation.facts.get(plan.shows_product)
        if product_id is not None:
            told["product_ids"] = [product_id]
        return told

    def _entry(
        self,
        scope: Scope,
        situation: Situation,
        decision: Decision,
        trigger: Trigger,
        named: dict[str, float],
        command_id: CommandId | None,
    ) -> Payload:
        entry = _BLANK_ENTRY.copy()
        entry["id"] = trigger.decision_id
        entry["time_ms"] = trigger.now_ms
        entry["profile_id"] = situation.profile_id
        entry["session_id"] = situation.session_id
        entry["customer_id"] = situation.customer_id
        entry["trigger"] = trigger.payload
        entry["positions"] = scope.positions.copy()
        entry["stage"] = situation.stage
        entry["risk"] = situation.risk
        entry["concern"] = situation.concern
        entry["features"] = named
        entry["signals"] = situation.signals
        entry["facts"] = situation.facts
        entry["consent"] = dict(situation.consent)
        entry["contacts"] = [list(contact) for contact in situation.contacts]
        entry["dismissed"] = [list(dismissal) for dismissal in situation.dismissed]
        entry["suppressions"] = sorted(situation.suppressions) if situation.suppressions else []
        entry["budgets_left_cents"] = situation.budgets_left_cents
        entry["candidates"] = decision.candidates
        entry["chosen"] = decision.chosen
        entry["command_id"] = command_id
        entry["reason"] = decision.reason
        entry["exploration"] = decision.exploration
        entry["models"] = self.tables.versions
        entry["policy"] = decision.policy
        entry["holdout"] = decision.holdout
        entry["experiment"] = decision.experiment
        return entry


def _suppressions(profile: Profile, ordered_since_ms: int) -> set[str]:
    """Reasons against contacting this person at all, whatever the policy."""
    found: set[str] = set()
    if profile.last_order_ms and profile.last_order_ms >= ordered_since_ms:
        found.add("recent_order")
    if len(profile.commands) >= MAX_COMMANDS:
        found.add("outstanding_commands")
    return found


def _replaced(
    commands: Sequence[Outstanding], channel: str, placement: str | None
) -> Outstanding | None:
    """The command that holds the same place, which a new one supersedes."""
    for held in commands:
        if held.channel == channel and held.placement == (placement or ""):
            return held
    return None
