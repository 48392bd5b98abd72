"""Run the fast lane in this process over rows or messages: what `replay --dry` and `decide` do."""

import base64
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import orjson

from orchestrator import wiring
from orchestrator.adapters.importers import Row
from orchestrator.domain.outcomes.purchases import PLACING
from orchestrator.messages.aliases import GA4, canonical, translated
from orchestrator.types import Emit

FARTHEST_MS = 4_102_444_800_000
"""2100: times beyond are no times."""
SETTLE_MS = 32 * 60_000
"""Past the last record until every session has ended: the gap, the lateness and a minute."""


class Summary:
    """What a replay did, in the words of its last line."""

    def __init__(self) -> None:
        self.records = 0
        self.sessions: Counter[str] = Counter()
        """By outcome."""
        self.stages: dict[str, list[float]] = {}
        """Risks scored, by stage."""
        self.orders: set[str] = set()
        """Orders of sessions."""
        self.told_orders: Counter[str] = Counter()
        """How many records tell of each order; also one that no session takes is a purchase."""
        self.purchase_events = 0
        """Clicks that complete an order."""
        self.decisions: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.rows_skipped: Counter[str] = Counter()
        self.commands = 0
        self.revocations = 0

    def give(self, topic: str, value: bytes | None, times: int = 1) -> None:
        """Count the order that a record tells of; `times` is -1 for one that was refused."""
        order_id = _order_told(topic, value)
        if order_id is not None:
            self.told_orders[order_id] += times
            self.purchase_events += times * (topic == "clickstream")

    def take(self, emit: Emit) -> None:
        """Count one message that was, or would have been, published."""
        value = emit.value or {}
        kind = value.get("type")
        if kind == "decision_made":
            self.decisions[value["chosen"]["action"]] += 1
            self.stages.setdefault(value["stage"], []).append(value["risk"])
            for candidate in value["candidates"]:
                if candidate["refused_by"] is not None:
                    self.refusals[candidate["refused_by"]] += 1
        elif kind == "session_closed":
            self.sessions[value["outcome"]] += 1
            self.orders.update(value["order_ids"])
        elif kind == "intervention_issued":
            self.commands += 1
        elif kind == "intervention_revoked":
            self.revocations += 1
        elif emit.topic == "dead-letters":
            self.dead_letters[value["reason"]] += 1
            if value["value_base64"] is not None:
                self.give(value["topic"], base64.b64decode(value["value_base64"]), -1)

    def payload(self) -> dict[str, Any]:
        """The summary line; records, rows skipped and dead letters add up to the input rows."""
        return {
            "type": "replay_summary",
            "records": self.records,
            "sessions": self.sessions.total(),
            "purchases": len(self.orders | (+self.told_orders).keys()),
            "decisions": dict(sorted(self.decisions.items())),
            "refusals": dict(sorted(self.refusals.items())),
            "dead_letters": dict(sorted(self.dead_letters.items())),
            "rows_skipped": dict(sorted(self.rows_skipped.items())),
            "sessions_by_outcome": dict(sorted(self.sessions.items())),
            "risk_by_stage": {
                stage: {"decisions": len(risks), "mean": round(sum(risks) / len(risks), 4)}
                for stage, risks in sorted(self.stages.items())
            },
            "purchase_events": self.purchase_events,
            "commands": self.commands,
            "revocations": self.revocations,
        }


class DryRun:
    """The fold, its summary, and where the ledger goes.

    Args:
        policies: Folder of policies; the shipped ones without it.
        partitions: As many as the topics would have.
        ledger: Gets the ledger, an entry a line, in the order of decisions.
    """

    def __init__(
        self, policies: Path | None = None, partitions: int = 12, ledger: IO[bytes] | None = None
    ) -> None:
        self.fold = wiring.fold(wiring.journey(policies), partitions)
        self.summary = Summary()
        self._ledger = ledger

    def feed(self, row: Row) -> list[Emit]:
        """Fold one row of an importer."""
        if row.skipped:
            self.summary.rows_skipped[row.skipped] += 1
            return []
        before = self.fold.dead_letters.total()
        self.summary.give(row.topic, row.value)
        emits = self._taken(self.fold.feed(row.topic, row.key, row.value))
        if self.fold.dead_letters.total() == before:
            self.summary.records += 1
        return emits

    def finish(self, last_ms: int) -> list[Emit]:
        """Let every session end: time goes on past the last record's, in every partition."""
        return self._taken(self.fold.finish(last_ms + SETTLE_MS))

    def _taken(self, emits: Iterable[Emit]) -> list[Emit]:
        kept = list(emits)
        for emit in kept:
            self.summary.take(emit)
            if emit.topic == "decisions" and self._ledger is not None:
                self._ledger.write(orjson.dumps(emit.value, option=orjson.OPT_APPEND_NEWLINE))
        return kept


def _order_told(topic: str, value: bytes | None) -> str | None:
    """The id of the order that a record says exists."""
    if value is None or (b"order" not in value and b"purchase" not in value):
        return None
    try:
        event = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return None
    if topic == "orders" and event["type"] in PLACING:
        order_id = event.get("order_id")
    elif topic == "clickstream" and canonical(event["type"]) == "order_completed":
        properties = (translated(event) if event["type"] in GA4 else event).get("properties")
        order_id = properties.get("order_id") if isinstance(properties, dict) else None
    else:
        return None
    return order_id if isinstance(order_id, str) else None
