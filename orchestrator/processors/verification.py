"""Make a partition's ledger anew from its log: every entry pins what it was made of.

An entry names the offset of each topic it had seen, what made it due and when, and the versions in
force. Records are folded up to those offsets, the versions put in force, and the one record or
timer that made the decision due comes last; the entry made must be the one that stands there, to
the byte.

Two things the log cannot tell are taken from the ledger. Which partner product the statistics of
the moment named (fact `bundle_product_id`): one version of them covers several rows. And under
`--clock wall` whether a timer decided at all before the next record came: it decides where the
ledger says so; with the records only sessions end.
"""

from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import orjson

from orchestrator.domain.risk import Risk
from orchestrator.domain.signals.values import values
from orchestrator.errors import InvalidPolicy, InvalidRecord
from orchestrator.online.snapshots import read
from orchestrator.ports import RawRecord, StateTable
from orchestrator.processors.fold import CLOCK_MARKER
from orchestrator.processors.journey.ledger import LEDGER
from orchestrator.processors.journey.processor import JourneyProcessor
from orchestrator.processors.journey.state import FollowUp, Profile
from orchestrator.processors.journey.tables import Tables
from orchestrator.processors.journey.triggers import Trigger
from orchestrator.processors.partition import PartitionRunner
from orchestrator.types import Emit, Millis, Payload, Record, Scope, Step
from orchestrator.windowing import TopicMerge

BUNDLE: Final = "bundle_product_id"
SILENCE: Final = "silence"
LOOK_AGAIN_MS: Final = 1_000
"""When a timer that decided nothing fires again; the partition's time."""

Publication = tuple[str, bytes | None]
"""Key and value of a record of `policies`."""


class Log(NamedTuple):
    """What a partition's ledger was made of."""

    records: Mapping[str, Sequence[RawRecord]]
    """Committed records of each input topic, by offset."""
    refused: Container[tuple[str, int]]
    """Topic and offset of those that went to the dead letters."""
    models: Mapping[str, bytes]
    """Snapshots of the risk model, by label."""
    policies: Sequence[Publication]
    """In their order."""


class Reading(NamedTuple):
    """How the worker reads records."""

    decode: Callable[[str, RawRecord, Callable[[str], int]], Record]
    """A topic's raw record decoded, given the latest time of each topic so far."""
    is_stray: Callable[[RawRecord], bool]
    """Whether a record is in the wrong partition, and was sent to its own."""


class Difference(NamedTuple):
    """An entry that is not what the log makes."""

    decision_id: str
    why: str


class _Guided:
    """The journey's processor, whose timers decide what they are told to, and no more."""

    def __init__(self, journey: JourneyProcessor) -> None:
        self.inputs = journey.inputs
        self.broadcasts = journey.broadcasts
        self.decode = journey.decode
        self.on_broadcast = journey.on_broadcast
        self.on_record = journey.on_record
        self.dump = journey.dump
        self.load = journey.load
        self.wanted: Payload | None = None
        """The entry that a timer made."""
        self._journey = journey

    def on_timer(self, scope: Scope, key: str, state: Profile, now: Millis) -> Step[Profile]:
        step = self._journey.pass_time(key, state, now)
        if step.state is None:
            return step
        emits = list(step.emits)
        if self.wanted is not None:
            emits += self._decide(scope, key, state, self.wanted)
        # a decision may be due that the ledger holds further on
        state.wake_at_ms = max(now + LOOK_AGAIN_MS, state.wake_at_ms)
        return Step(state, emits)

    def _decide(self, scope: Scope, key: str, state: Profile, entry: Payload) -> list[Emit]:
        """What the entry's timer decides, where it is due: nothing else makes an equal entry."""
        journey = self._journey
        session_id: str = entry["session_id"]
        name: str = entry["trigger"]["timer"]
        now = Millis(entry["trigger"]["now_ms"])
        if name == SILENCE:
            for session in state.sessions.open:
                due_ms = journey.silence_due_ms(session)
                if session.session_id == session_id and 0 < due_ms <= now:
                    trigger = Trigger.of_timer(name, key, session_id, due_ms, now)
                    told = values(session, now)
                    return journey.decider.in_session(scope, key, state, session, trigger, told)
        for planned in map(FollowUp._make, state.follow_ups):
            is_due = planned.due_ms <= now - journey.sessions.lateness_ms
            if is_due and (planned.name, planned.session_id) == (name, session_id):
                state.follow_ups.remove(planned)
                return journey.decider.follow_up(scope, key, state, planned, now)
        return []


class Verification:
    """One partition's ledger against its log.

    Args:
        processor: As the worker's was at its start; it is changed.
        scope: The partition.
        states: Empty.
        log: Records and versions.
        reading: Makes records of raw ones.
        wall: Whether time also moved with the wall clock.
    """

    def __init__(
        self,
        processor: JourneyProcessor,
        scope: Scope,
        states: StateTable[Profile],
        log: Log,
        reading: Reading,
        *,
        wall: bool,
    ) -> None:
        self._tables = processor.tables
        self._guided = _Guided(processor) if wall else None
        self._runner: PartitionRunner[Profile] = PartitionRunner(
            self._guided or processor, scope, states
        )
        self._log = log
        self._reading = reading
        self._waiting = {topic: deque(log.records.get(topic, ())) for topic in processor.inputs}
        self._merge = TopicMerge(tuple(processor.inputs), 0, self._decoded)
        self._risks = {self._tables.risk.version: self._tables.risk}
        self._policy_versions = self._versions_of(log.policies)
        self._taken = 0
        """Publications that are in force."""
        self._made: dict[str, bytes] = {}
        """Entries made and not looked for yet."""

    def differences(self, entries: Sequence[bytes]) -> Iterator[Difference]:
        """What differs, entry by entry in the order of the ledger, then what it does not hold."""
        seen: set[str] = set()
        for value in entries:
            entry = orjson.loads(value)
            decision_id: str = entry["id"]
            if decision_id in seen:
                yield Difference(decision_id, "the ledger holds it twice")
                continue
            seen.add(decision_id)
            missing = None
            if decision_id not in self._made:
                missing = self._follow(entry)
            made = self._made.pop(decision_id, None)
            if made != value:
                yield Difference(decision_id, missing or _difference(entry, made))
        for decision_id in self._made:
            yield Difference(decision_id, "the log makes it, the ledger does not hold it")

    def _follow(self, entry: Payload) -> str | None:
        """Fold up to an entry and make it; return what is missing for it."""
        trigger: Payload = entry["trigger"]
        cause = (trigger.get("topic"), trigger.get("offset"))
        raw_cause: RawRecord | None = None
        for topic, offset in entry["positions"].items():
            waiting = self._waiting[topic]
            while waiting and waiting[0].offset() <= offset:
                raw = waiting.popleft()
                if (topic, raw.offset()) == cause:
                    raw_cause = raw
                else:
                    self._merge.push(topic, raw)
        self._fold()
        state = self._runner.states.get(entry["profile_id"])
        missing = self._put_in_force(entry, state)
        if raw_cause is not None:
            self._merge.push(trigger["topic"], raw_cause)
            self._fold()
        elif state is not None and trigger["kind"] == "timer":
            self._fire(entry, state)
        else:
            missing = missing or "what made it due is not in the log"
        return missing

    def _fire(self, entry: Payload, state: Profile) -> None:
        """Let the time come at which an entry's timer fired."""
        at = _partition_ms(entry, state)
        if self._guided is None:
            self._runner.advance(at)
        else:
            self._guided.wanted = entry
            self._runner.fire(entry["profile_id"], at)
            self._guided.wanted = None
        self._collect()

    def _fold(self) -> None:
        """Fold everything that was pushed, in the order of the merge."""
        runner = self._runner
        for topic in self._waiting:
            self._merge.mark_end(topic)
        for record in self._merge.ready(0):
            place = (record.topic, record.offset)
            is_known = runner.states.get(record.key) is not None
            if place in self._log.refused or (
                not is_known and self._reading.is_stray(self._merge.given)
            ):
                runner.skip(*place)
            elif getattr(record.value, "type", "") == CLOCK_MARKER:
                runner.skip(*place)
                runner.advance(record.time_ms)
            else:
                try:
                    runner.feed(record)
                except InvalidRecord:  # the worker took it: what follows from it will differ
                    runner.skip(*place)
        self._collect()

    def _collect(self) -> None:
        for emit in self._runner.take()[0]:
            if emit.topic == LEDGER and emit.value is not None:
                self._made[emit.value["id"]] = orjson.dumps(emit.value)

    def _decoded(self, topic: str, raw: RawRecord) -> Record:
        return self._reading.decode(topic, raw, self._merge.time_ms)

    def _put_in_force(self, entry: Payload, state: Profile | None) -> str | None:
        """Put the versions that an entry pins in force; return which one cannot be had."""
        risk = self._risk(entry["models"]["risk"])
        if risk is None:
            return f"the topic models no longer holds {entry['models']['risk']}"
        bundles = {entry["session_id"]: entry["facts"].get(BUNDLE)}
        self._tables.pin(risk, entry["models"]["bundles"], bundles)
        for planned in map(FollowUp._make, state.follow_ups if state else ()):
            if planned.session_id == entry["session_id"]:
                _replace(planned.facts, BUNDLE, entry["facts"].get(BUNDLE))
        wanted = entry["policy"]
        if self._tables.policies.version == wanted:
            return None
        if wanted not in self._policy_versions[self._taken :]:
            return f"neither --policies nor the topic policies gives {wanted}"
        end = self._policy_versions.index(wanted, self._taken) + 1
        _publish(self._tables, self._log.policies[self._taken : end])
        self._taken = end
        return None

    def _versions_of(self, publications: Sequence[Publication]) -> list[str]:
        """The version in force after each publication."""
        tables = Tables(self._tables.policies, self._tables.risk)
        found = []
        for publication in publications:
            _publish(tables, (publication,))
            found.append(tables.policies.version)
        return found

    def _risk(self, label: str) -> Risk | None:
        if label not in self._risks and label in self._log.models:
            self._risks[label] = Risk(read(self._log.models[label]))
        return self._risks.get(label)


def _publish(tables: Tables, publications: Sequence[Publication]) -> None:
    for key, value in publications:
        with suppress(InvalidPolicy):  # as in the worker: what was in force stays
            tables.take("policies", key, value)


def _replace(facts: dict[str, Any], name: str, value: Any) -> None:
    """Put a fact last, where it is added when it is found; None takes it away."""
    facts.pop(name, None)
    if value is not None:
        facts[name] = value


def _partition_ms(entry: Payload, state: Profile) -> Millis:
    """The partition's time when a timer fired: the profile's own, and how far that is behind."""
    behind_ms = state.behind_ms
    if entry["trigger"]["timer"] == SILENCE:
        for session in state.sessions.open:
            if session.session_id == entry["session_id"]:
                behind_ms = session.behind_ms
    return Millis(entry["trigger"]["now_ms"] + behind_ms)


def _difference(entry: Payload, made: bytes | None) -> str:
    if made is None:
        return "the log does not make it"
    again = orjson.loads(made)
    fields = [name for name in entry if again.get(name) != entry[name]]
    return f"made anew it differs in {', '.join(fields) or 'the order of its fields'}"
