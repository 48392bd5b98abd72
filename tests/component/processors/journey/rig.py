"""The journey without a broker: tell it messages, let time pass, see what it publishes."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from orchestrator.adapters.memory.murmur2 import murmur2
from orchestrator.adapters.store import MemoryTable
from orchestrator.domain.decisioning import PolicySet, shipped
from orchestrator.domain.risk import Risk
from orchestrator.online.snapshots import shipped as shipped_model
from orchestrator.processors.fold import Fold
from orchestrator.processors.journey.processor import JourneyProcessor
from orchestrator.types import Emit, Payload
from tests.builders import at_ms, click, encoded, profile

MINUTE, HOUR, DAY = 60, 3_600, 86_400
"""Seconds, as the builders count."""
TOPICS = {"profile_updated": "profiles", "identified": "identities"}
FEEDBACK = frozenset({"delivered", "shown", "clicked", "dismissed", "expired", "unsubscribed"})


def with_changes(**changes: Mapping[str, Any]) -> PolicySet:
    """The shipped policies with fields of documents changed; keys are their names."""
    published = {}
    for key, document in shipped().documents.items():
        name = key.partition("/")[2].replace("-", "_")
        if name in changes:
            published[key] = {**document, **changes[name]}
    assert len(published) == len(changes), "no such document"
    return shipped().overridden(published)


GREEDY = with_changes(
    net_value={"rule": "greedy", "floor_share": 1e-9}, protection={"holdout_share": 0.0}
)
"""The best is drawn, as good as always, and nobody is held out: what is sent is what was best."""


class Story:
    """One journey, told message by message.

    Args:
        policies: In force; `GREEDY` without.
        partitions: Of every topic.
    """

    def __init__(self, policies: PolicySet | None = None, partitions: int = 1) -> None:
        self.policies = policies or GREEDY
        self.fold = self._made(partitions)
        self.emits: list[Emit] = []
        """Everything published so far."""

    def tell(self, *messages: Payload) -> list[Emit]:
        """Fold messages in this order; return what they made the journey publish."""
        before = len(self.emits)
        for message in messages:
            self.tell_raw(topic_of(message), message["profile_id"], encoded(message))
        return self.emits[before:]

    def tell_raw(self, topic: str, key: str, value: bytes | None) -> list[Emit]:
        """Fold one record as it stands in the log."""
        found = list(self.fold.feed(topic, key, value))
        self.emits += found
        return found

    def until(self, at: float) -> list[Emit]:
        """Let time pass, without an event, to so many seconds after T0."""
        found = list(self.fold.finish(at_ms(at)))
        self.emits += found
        return found

    def restart(self) -> None:
        """Lose the process: all that remains is what went through JSON."""
        before = self.fold
        self.fold = self._made(before.partitions)
        self.fold.resume(before.offsets)
        for old, new in zip(before.runners, self.fold.runners, strict=True):
            new.restore_meta(orjson.loads(orjson.dumps(old.meta())))
            for key, state in states(old.states).items():
                row = orjson.loads(orjson.dumps(before.processor.dump(state)))
                new.restore(key, new.processor.load(row))

    def values(self, *types: str) -> list[Payload]:
        """What was published, of these types."""
        return of(self.emits, *types)

    def sent(self, *actions: str) -> list[Payload]:
        """Commands, of these actions or all."""
        found = self.values("intervention_issued")
        return [one for one in found if not actions or one["action"] in actions]

    def _made(self, partitions: int) -> Fold[Any]:
        processor = JourneyProcessor(self.policies, Risk(shipped_model("risk")))
        return Fold(processor, MemoryTable, murmur2, partitions)


def states(table: Any) -> dict[str, Any]:
    """Every state of a table in memory."""
    return dict(table._states)  # noqa: SLF001 - a table cannot be listed, and need not be


def of(emits: Iterable[Emit], *types: str) -> list[Payload]:
    """Values of these types, in order."""
    return [emit.value for emit in emits if emit.value and emit.value["type"] in types]


def topic_of(message: Payload) -> str:
    """The topic a builder's message belongs to."""
    kind = message["type"]
    if kind in TOPICS:
        return TOPICS[kind]
    if "order_id" in message:
        return "orders"
    return "feedback" if kind in FEEDBACK and "channel" in message else "clickstream"


def cart(at: float = 0, shopper: str = "p-1", session: str | None = "s-1") -> list[Payload]:
    """Three events that leave a cart of 89.90 behind, within a minute."""
    price = {"price_cents": 8_990, "currency": "EUR"}
    value = {"cart_value_cents": 8_990, "currency": "EUR"}
    return [
        click("product_viewed", at, shopper, session, **price),
        click("product_added", at + 20, shopper, session, **(price | value)),
        click("cart_viewed", at + 40, shopper, session, **value, items_count=1),
    ]


def reachable(shopper: str = "p-1", at: float = -DAY, **fields: Any) -> Payload:
    """A profile with consent to everything, in the zone where T0 is an afternoon."""
    return profile(shopper, at, **fields)
