"""Records of the learner's input topics, in the contract's form, with defaults."""

import json
from typing import Any

from orchestrator.domain.outcomes import RewardRule
from orchestrator.messages import wire
from orchestrator.online.logistic import OnlineLogistic
from orchestrator.online.snapshots import Snapshot
from orchestrator.processors.learning import LearningProcessor
from orchestrator.processors.learning_model import Publication, RiskLearner
from orchestrator.processors.learning_state import Awaiting
from orchestrator.processors.partition import PartitionRunner
from orchestrator.types import Millis, Record, Scope

T0 = 1_795_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FEATURES = ("dwell", "stage_cart")


class Table(dict[str, Awaiting]):
    """Keyed state in memory."""

    def put(self, key: str, state: Awaiting) -> None:
        self[key] = state

    def delete(self, key: str) -> None:
        self.pop(key, None)


def start() -> Snapshot:
    """A model that knows nothing yet."""
    return Snapshot("risk", 0, T0, FEATURES, {"format": 1, **OnlineLogistic(FEATURES).state()})


def processor(every_examples: int = 1_000_000) -> LearningProcessor:
    return LearningProcessor(
        RiskLearner(start(), Publication(every_examples=every_examples, every_ms=365 * DAY)),
        RewardRule(default_margin_share=0.4),
    )


def runner(fold: LearningProcessor, partition: int = 0) -> PartitionRunner[Awaiting]:
    return PartitionRunner(fold, Scope(partition=partition, partitions=2), Table())


def record(topic: str, value: dict[str, Any], offset: int = 0, partition: int = 0) -> Record:
    """A record decoded as the learner decodes it."""
    key = value["profile_id"]
    message = wire.decode(topic, key, json.dumps(value).encode())
    return Record(topic, partition, offset, key, message, Millis(value["time_ms"]))


def decision(
    at: int,
    *,
    decision_id: str = "",
    profile_id: str = "p-1",
    session_id: str = "s-1",
    action: str = "do_nothing",
    p_none: float = 0.5,
    offer_cents: int = 0,
    risk: float = 0.6,
    dwell: float = 0.0,
    channels: tuple[str, ...] = ("onsite",),
    follows_up: bool = False,
) -> dict[str, Any]:
    """A ledger entry, `at` milliseconds after T0; candidates: nothing, and one a channel.

    One that follows its session up was made on a timer, after it, and holds no features.
    """
    decision_id = decision_id or f"dec-{profile_id}-{session_id}-{at}"
    treated = action != "do_nothing"
    share = (1.0 - p_none) / len(channels)
    candidates = [{"action": "do_nothing", "allowed": True, "propensity": p_none}]
    candidates += [
        {"action": "free_shipping", "channel": channel, "allowed": True, "propensity": share}
        for channel in channels
    ]
    return {
        "id": decision_id,
        "type": "decision_made",
        "time_ms": T0 + at,
        "profile_id": profile_id,
        "session_id": session_id,
        "customer_id": None,
        "trigger": {"kind": "event", "event_id": "e-1", "now_ms": T0 + at},
        "positions": {"clickstream": 1},
        "stage": "cart",
        "risk": risk,
        "concern": {},
        "features": {} if follows_up else {"dwell": dwell, "stage_cart": 1.0, "unknown": 3.0},
        "candidates": candidates,
        "chosen": {
            "action": action,
            "channel": channels[0] if treated else None,
            "propensity": share if treated else p_none,
            "offer_cents": offer_cents,
        },
        "command_id": decision_id.replace("dec-", "cmd-") if treated else None,
        "reason": "test",
        "exploration": {"rule": "inverse_gap", "floor_share": 0.01, "draw": 0.5},
        "models": {"risk": "risk@0"},
        "policy": "test@sha256:0",
        "holdout": False,
        "experiment": None,
    }


def closed(
    at: int,
    *,
    profile_id: str = "p-1",
    session_id: str = "s-1",
    outcome: str = "abandoned",
    order_ids: tuple[str, ...] = (),
    cart_value_cents: int = 8_000,
    decision_ids: tuple[str, ...] = (),
) -> dict[str, Any]:
    return {
        "id": f"{profile_id}/{session_id}",
        "type": "session_closed",
        "time_ms": T0 + at,
        "profile_id": profile_id,
        "session_id": session_id,
        "opened_ms": T0,
        "closed_ms": T0 + at,
        "events_count": 3,
        "outcome": outcome,
        "stage_reached": "cart",
        "cart_value_cents": cart_value_cents,
        "currency": "EUR",
        "order_ids": list(order_ids),
        "signals": {},
        "risk_last": 0.6,
        "decision_ids": list(decision_ids),
    }


def order(
    at: int,
    kind: str = "order_placed",
    *,
    profile_id: str = "p-1",
    order_id: str = "o-1",
    session_id: str | None = None,
    total_cents: int | None = 10_000,
    margin_cents: int | None = None,
) -> dict[str, Any]:
    return {
        "id": f"{order_id}-{kind}-{at}",
        "type": kind,
        "time_ms": T0 + at,
        "profile_id": profile_id,
        "order_id": order_id,
        "session_id": session_id,
        "total_cents": total_cents,
        "margin_cents": margin_cents,
        "currency": "EUR",
        "coupon": None,
        "products": [],
        "properties": {},
    }


def feedback(at: int, kind: str, command_id: str, *, profile_id: str = "p-1") -> dict[str, Any]:
    return {
        "id": f"{command_id}-{kind}-{at}",
        "type": kind,
        "time_ms": T0 + at,
        "profile_id": profile_id,
        "command_id": command_id,
        "channel": "onsite",
        "properties": {},
    }
