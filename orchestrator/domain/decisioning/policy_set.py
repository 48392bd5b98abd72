"""The policies in force, validated and compiled; pinned by the hash of their content."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Protocol, TypeAlias

from orchestrator.domain.decisioning.action import Action
from orchestrator.domain.decisioning.conditions import Refusal, compile_tree, leaves
from orchestrator.domain.decisioning.documents import Source, parse
from orchestrator.domain.decisioning.guard import Guard
from orchestrator.domain.decisioning.kinds import (
    Arbitration,
    ContactPolicy,
    Document,
    EngagementPolicy,
    Experiment,
    FollowUp,
    Journey,
    Reward,
    SignalSet,
)
from orchestrator.domain.decisioning.plan import Candidate, Plan
from orchestrator.domain.decisioning.situation import Contact, Situation
from orchestrator.domain.decisioning.validation import SINGLE, trees, validate
from orchestrator.errors import InvalidPolicy

Signals = Callable[[], Mapping[str, float]]
"""Works a session's signals out; called only where a condition asks for them."""
Agenda: TypeAlias = tuple[tuple[Plan, Candidate | None], ...]
"""Actions, each with its refusal where that is certain from the outset."""
AGENDAS_MAX = 256
HASH_DIGITS = 12


def content_hash(documents: Any) -> str:
    """Hash of plain JSON values by their canonical form: `sha256:<12 hex>`.

    Canonical: keys sorted, no blanks, UTF-8.

    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(documents, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + sha256(text.encode()).hexdigest()[:HASH_DIGITS]


class OpenSession(Protocol):
    """What is read of a session to tell when a decision is due."""

    @property
    def stage(self) -> str: ...

    last_ms: int
    """Its latest event."""
    last_decision_ms: int
    """Its latest decision; 0: none."""


class PolicySet:
    """All documents in force.

    Args:
        documents: Validated documents by `kind/name`.
    """

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self.documents: Mapping[str, dict[str, Any]] = {
            key: documents[key].model_dump(mode="json") for key in sorted(documents)
        }
        """Canonical form by `kind/name`, as published to the topic `policies`."""
        self.typed = tuple(documents[key] for key in sorted(documents))
        by_kind: dict[type[Document], list[Any]] = {}
        for document in documents.values():
            by_kind.setdefault(type(document), []).append(document)
        self.engagement: EngagementPolicy = by_kind[EngagementPolicy][0]
        self.contact: ContactPolicy = by_kind[ContactPolicy][0]
        self.signals: SignalSet = by_kind[SignalSet][0]
        self.arbitration: Arbitration = next(
            iter(by_kind.get(Arbitration, ())), Arbitration(kind="Arbitration", name="default")
        )
        self.reward: Reward = next(
            iter(by_kind.get(Reward, ())), Reward(kind="Reward", name="default")
        )
        self.experiment: Experiment | None = next(iter(by_kind.get(Experiment, ())), None)
        self.journeys: tuple[Journey, ...] = tuple(
            sorted(by_kind.get(Journey, ()), key=lambda journey: journey.name)
        )
        self.version = f"{self.engagement.name}@{content_hash(self.documents)}"
        """As each decision pins it: `checkout-rescue@sha256:<12 hex>`."""
        by_name: dict[str, Action] = {action.name: action for action in by_kind.get(Action, ())}
        in_force = [by_name[name] for name in self.engagement.actions]
        self.guard = Guard(self.contact, in_force)
        self.plans = tuple(
            Plan(action, self.guard, self._follow_ups_of(action.name)) for action in in_force
        )
        """Actions in force, in candidate order."""
        self._by_name = {plan.name: plan for plan in self.plans}
        eligible = self.engagement.eligible
        self.common: Refusal | None = (
            compile_tree(eligible, "eligible") if eligible is not None else None
        )
        """What all actions need."""
        self._agendas: dict[tuple[str, str, str], Agenda] = {}
        self._due_events = frozenset(self.signals.events)
        self._urgent_events = frozenset(self.signals.urgent_events)
        self._due_conditions = _by_event(self.signals)
        self._silence_ms: Mapping[str, int] = dict(self.signals.silence_ms)

    def plan(self, action: str) -> Plan:
        """The action of a name; raises `KeyError` where it is not in force."""
        return self._by_name[action]

    def agenda(self, situation: Situation) -> Agenda:
        """The actions in candidate order, those that trigger or stage rule out refused already."""
        key = (situation.trigger, situation.follow_up, situation.stage)
        found = self._agendas.get(key)
        if found is None:
            entries = []
            for plan in self.plans:
                code = plan.outset(situation)
                entries.append((plan, plan.refused(code) if code is not None else None))
            found = tuple(entries)
            if len(self._agendas) < AGENDAS_MAX:
                self._agendas[key] = found
        return found

    # -- when a decision is due

    def is_due(
        self, event_type: str, session: OpenSession, now_ms: int, signals: Signals | None = None
    ) -> bool:
        """Whether an event makes a decision due.

        Args:
            event_type: Type of the event just added.
            session: Its session; read for the spacing.
            now_ms: The profile's own time.
            signals: Works out the session's signals; without it conditions on them hold.
        """
        last_ms = session.last_decision_ms
        if event_type in self._urgent_events:
            return not last_ms or now_ms - last_ms >= self.signals.urgent_spacing_ms
        tests = self._due_conditions.get(event_type)
        if event_type not in self._due_events and tests is None:
            return False
        if last_ms and now_ms - last_ms < self.signals.decision_spacing_ms:
            return False
        if event_type in self._due_events or tests is None or signals is None:
            return True
        situation = _signals_only(signals())
        return any(test(situation) is None for test in tests)

    def silence_due_ms(self, session: OpenSession) -> int:
        """When silence makes a decision due; 0: not before the next event.

        One that was made since the last event, by silence or for another reason, is enough.
        """
        wait = self._silence_ms.get(session.stage)
        if wait is None or session.last_decision_ms > session.last_ms:
            return 0
        return session.last_ms + wait

    def follow_ups(self, outcome: str) -> tuple[tuple[Journey, FollowUp], ...]:
        """What may follow a session of an outcome, each with its journey."""
        return tuple(
            (journey, follow_up)
            for journey in self.journeys
            if outcome in journey.after
            for follow_up in journey.follow_ups
        )

    # -- what to keep of the past

    def relevant(self, contacts: Iterable[Contact], now_ms: int, limit: int = 32) -> list[Contact]:
        """The contacts that caps and cooldowns may still ask for, oldest first.

        Where there are more than `limit`, those that matter longest are kept: a discount of last
        month outlives the banners of today.
        """
        scored = [(contact[0] + self.guard.matters_ms(contact), contact) for contact in contacts]
        alive = sorted((entry for entry in scored if entry[0] > now_ms), reverse=True)[:limit]
        return sorted(contact for _, contact in alive)

    def budget_share_cents(self, budget: str, partition: int, partitions: int) -> int | None:
        """A partition's share of a daily budget; None where there is no such budget.

        The shares of all partitions add up to the budget, to the cent.
        """
        total = self.contact.daily_budgets_cents.get(budget)
        if total is None:
            return None
        return total * (partition + 1) // partitions - total * partition // partitions

    # -- names and versions

    def _follow_ups_of(self, action: str) -> frozenset[str]:
        return frozenset(
            follow_up.name
            for journey in self.journeys
            for follow_up in journey.follow_ups
            if action in follow_up.actions
        )

    def overridden(
        self,
        published: Mapping[str, bytes | Mapping[str, Any]],
        signals: Collection[str] | None = None,
    ) -> "PolicySet":
        """These policies with published documents in the place of those of the same key.

        Of a kind of which one is in force a published one replaces it, whatever its name.

        Args:
            published: By `kind/name`: values of the topic `policies`, or their documents.
            signals: Names of the signals there are, to refuse others.

        Raises:
            InvalidPolicy: Together they are no valid set.
        """
        merged: dict[str, Mapping[str, Any]] = dict(self.documents)
        for key, value in published.items():
            kind = key.partition("/")[0]
            if kind in SINGLE:
                merged = {
                    held: row for held, row in merged.items() if not held.startswith(f"{kind}/")
                }
            merged[key] = _published(key, value)
        return load(merged.values(), signals)


def load(sources: Iterable[Source], signals: Collection[str] | None = None) -> PolicySet:
    """Policies from files, texts or plain documents.

    Args:
        sources: Paths of files or folders, (name, text) pairs, or plain documents.
        signals: Names of the signals there are; None: names of signals are not checked.

    Raises:
        InvalidPolicy: Tells the file, line, path and value, and the way out.
    """
    parsed = [document for source in sources for document in parse(source)]
    placed = validate(parsed, signals)
    return PolicySet({one.key: one.document for one in placed})


@cache
def shipped() -> PolicySet:
    """The policies that come with the product."""
    return load([files("orchestrator") / "policies"])


def signal_names(policies: PolicySet) -> frozenset[str]:
    """Every signal that a condition of these policies names."""
    return frozenset(
        leaf.signal
        for document in policies.typed
        for _, tree in trees(document)
        for leaf in leaves(tree)
        if leaf.signal is not None
    )


def _published(key: str, value: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """The document of a value of the topic `policies`, with or without its envelope."""
    try:
        row = json.loads(value) if isinstance(value, bytes) else value
    except ValueError as error:
        raise InvalidPolicy(
            f"{key} on the topic `policies` is not JSON.",
            way_out="Publish it again with `orchestrator policy publish`.",
        ) from error
    if isinstance(row, Mapping) and isinstance(row.get("document"), Mapping):
        row = row["document"]
    if not isinstance(row, Mapping) or f"{row.get('kind')}/{row.get('name')}" != key:
        raise InvalidPolicy(
            f"{key} on the topic `policies` holds another document.",
            way_out="Publish it again with `orchestrator policy publish`.",
        )
    return row


def _by_event(signal_set: SignalSet) -> Mapping[str, tuple[Refusal, ...]]:
    tests: dict[str, tuple[Refusal, ...]] = {}
    for condition in signal_set.conditions:
        test = compile_tree(condition.when, "due")
        for event in condition.events:
            tests[event] = (*tests.get(event, ()), test)
    return tests


def _signals_only(signals: Mapping[str, float]) -> Situation:
    return Situation(
        now_ms=0,
        profile_id="",
        session_id=None,
        stage="",
        risk=0.0,
        concern={},
        signals=signals,
        facts={},
        consent={},
    )
