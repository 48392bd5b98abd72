"""The policies in force, validated and compiled; pinned by the hash of their content."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, NamedTuple, TypeVar

from orchestrator.domain.decisioning.action import Action
from orchestrator.domain.decisioning.arbitration import Terms
from orchestrator.domain.decisioning.conditions import leaves
from orchestrator.domain.decisioning.documents import Source, parse
from orchestrator.domain.decisioning.due import DueRules
from orchestrator.domain.decisioning.gates import Test, compile_tree
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
from orchestrator.domain.decisioning.plan import Candidate, Plan, SharedLine
from orchestrator.domain.decisioning.situation import Contact, Situation
from orchestrator.domain.decisioning.validation import SINGLE, trees, typed, validate
from orchestrator.errors import InvalidPolicy

Sent = TypeVar("Sent", bound=Contact)
AGENDAS_MAX: Final = 256
HASH_DIGITS: Final = 12


def content_hash(documents: Any) -> str:
    """Hash of plain JSON values by their canonical form: `sha256:<12 hex>`.

    Canonical: keys sorted, no blanks, UTF-8.

    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(documents, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + sha256(text.encode()).hexdigest()[:HASH_DIGITS]


class Agenda(NamedTuple):
    """What trigger and stage alone say of the actions in force."""

    lines: tuple[SharedLine, ...]
    """One for each action, refused where that is certain from the outset; else it only holds the
    place."""
    rows: tuple[Candidate, ...]
    """Theirs."""
    in_question: tuple[tuple[int, Plan], ...]
    """The other actions, with their places."""


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
        self.terms = Terms(
            next(
                iter(by_kind.get(Arbitration, ())), Arbitration(kind="Arbitration", name="default")
            )
        )
        self.holdout_salt: str = self.contact.holdout_salt
        self.holdout_share: float = self.contact.holdout_share
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
        self.common: Test | None = (
            compile_tree(eligible, "eligible") if eligible is not None else None
        )
        """What all actions need."""
        self._agendas: dict[tuple[str, str, str], Agenda] = {}
        self._shares: dict[tuple[int, int], dict[str, int]] = {}
        self.due = DueRules(self.signals)
        """When a decision is due."""

    def plan(self, action: str) -> Plan:
        """The action of a name; raises `KeyError` where it is not in force."""
        return self._by_name[action]

    def agenda(self, situation: Situation) -> Agenda:
        """The actions in candidate order, those that trigger or stage rule out refused already."""
        key = (situation.trigger, situation.follow_up, situation.stage)
        found = self._agendas.get(key)
        if found is None:
            codes = [plan.outset(situation) for plan in self.plans]
            lines = tuple(
                plan.refused(code or "") for plan, code in zip(self.plans, codes, strict=True)
            )
            in_question = tuple(
                (index, plan)
                for index, (plan, code) in enumerate(zip(self.plans, codes, strict=True))
                if code is None
            )
            found = Agenda(lines, tuple(line.row for line in lines), in_question)
            if len(self._agendas) < AGENDAS_MAX:
                self._agendas[key] = found
        return found

    # -- what to keep of the past, and to do in the future

    def follow_ups(self, outcome: str) -> tuple[tuple[Journey, FollowUp], ...]:
        """What may follow a session of an outcome, each with its journey."""
        return tuple(
            (journey, follow_up)
            for journey in self.journeys
            if outcome in journey.after
            for follow_up in journey.follow_ups
        )

    def relevant(self, contacts: Sequence[Sent], now_ms: int, limit: int = 32) -> list[Sent]:
        """The contacts that caps and cooldowns may still ask for, oldest first.

        Where there are more than `limit`, those that matter longest are kept: a discount of last
        month outlives the banners of today.

        Args:
            contacts: Oldest first.
            now_ms: The present.
            limit: Most to keep.
        """
        # most people have had none: the closure below is not made for them
        return self._relevant(contacts, now_ms, limit) if contacts else []

    def _relevant(self, contacts: Sequence[Sent], now_ms: int, limit: int) -> list[Sent]:
        until_ms = self.guard.matters_until_ms
        alive = [contact for contact in contacts if until_ms(contact) > now_ms]
        if len(alive) > limit:
            alive = sorted(sorted(alive, key=lambda kept: (until_ms(kept), kept))[-limit:])
        return alive

    def budget_shares_cents(self, partition: int, partitions: int) -> dict[str, int]:
        """A partition's share of each daily budget; read only.

        The shares of all partitions add up to the budget, to the cent.
        """
        shares = self._shares.get((partition, partitions))
        if shares is None:
            shares = self._shares[partition, partitions] = {
                name: total * (partition + 1) // partitions - total * partition // partitions
                for name, total in self.contact.daily_budgets_cents.items()
            }
        return shares

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


def check_published(key: str, value: bytes) -> None:
    """Look at a value of the topic `policies` alone.

    Raises:
        InvalidPolicy: It is no document of that key, whatever others it goes with.
    """
    for parsed in parse(_published(key, value)):
        typed(parsed)


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
