"""A ledger that a host wrote, made anew from the log of the same broker."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import orjson
import pytest

from orchestrator.adapters.clock import ManualClock
from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.transport import MemoryTransport
from orchestrator.adapters.store import MemoryTable
from orchestrator.domain.risk import Risk
from orchestrator.messages.topics import TOPICS
from orchestrator.online.snapshots import shipped
from orchestrator.processors.journey.processor import JourneyProcessor
from orchestrator.processors.verification import Difference, Log, Reading, Verification
from orchestrator.runtimes.worker import ExactlyOnceHost, HostSettings
from orchestrator.runtimes.worker.intake import admit
from orchestrator.types import Payload, Scope
from tests.builders import T0_MS, click, encoded, order, profile
from tests.component.processors.journey.rig import GREEDY, topic_of, with_changes

PARTITIONS = 2
SHOPPERS = 12
HOUR_MS = 3_600_000
EAGER = with_changes(
    net_value={"rule": "greedy", "floor_share": 1e-9}, protection={"holdout_share": 0.5}
)
PARTNERS = {
    "id": "sku-1",
    "type": "product_statistics",
    "time_ms": T0_MS,
    "product_id": "sku-1",
    "bought_with": [{"product_id": "sku-9"}],
}


class Live:
    """The fast lane on a broker in memory, by the wall clock or by the records."""

    def __init__(self, clock: str) -> None:
        self.wall = clock == "wall"
        self.broker = MemoryBroker(now_ms=T0_MS)
        self.clock = ManualClock(T0_MS)
        self.settings = HostSettings(
            role="worker",
            changelog="orchestrator.state",
            clock="wall" if self.wall else "event",
            merge_wait_ms=0,
        )
        for name in TOPICS:
            self.broker.create(name, PARTITIONS)
        self._nonces = count(1)
        self.host = self._started()

    def _started(self) -> ExactlyOnceHost[Any]:
        host: ExactlyOnceHost[Any] = ExactlyOnceHost(
            journey(),
            MemoryTransport(self.broker),
            self.settings,
            self.clock,
            table=lambda _: MemoryTable(),
            nonce=f"n{next(self._nonces)}",
        )
        host.start()
        return host

    def restart(self) -> None:
        """The process is killed and another takes over."""
        self.host.close()
        self.host = self._started()

    def tell(self, *messages: Payload) -> None:
        """Write messages and let the host fold them."""
        for message in messages:
            self.broker.write(topic_of(message), message["profile_id"].encode(), encoded(message))
        self.settle()

    def publish(self, topic: str, key: str, value: Payload) -> None:
        self.broker.write(topic, key.encode(), encoded(value), partition=0)

    def wait(self, ms: int) -> None:
        """Let the clocks run on."""
        self.clock.advance(ms)
        self.broker.now_ms += ms
        self.settle()

    def settle(self) -> None:
        idle = 0
        for _ in range(500):
            idle = 0 if self.host.turn() else idle + 1
            if idle > 3:
                return
        raise AssertionError("it never came to rest")

    def ledger(self, partition: int) -> list[bytes]:
        rows = self.broker.committed("decisions")
        return [row.value() or b"" for row in rows if row.partition() == partition]

    def log(self, partition: int, **changes: Any) -> Log:
        def rows(topic: str) -> list[Any]:
            return [row for row in self.broker.committed(topic) if row.partition() == partition]

        letters = [orjson.loads(row.value() or b"") for row in rows("dead-letters")]
        models = [row.value() or b"" for row in self.broker.committed("models")]
        published = self.broker.committed("policies")
        return Log(
            records={topic: rows(topic) for topic in self.host.processor.inputs},
            refused={(letter["topic"], letter["offset"]) for letter in letters},
            models={f"risk@{orjson.loads(value)['version']}": value for value in models},
            policies=[((row.key() or b"").decode(), row.value()) for row in published],
        )._replace(**changes)

    def verified(
        self, partition: int, entries: Sequence[bytes] | None = None, **changes: Any
    ) -> list[Difference]:
        """What differs between a partition's ledger, or other entries, and its log."""
        processor = journey()

        def decoded(topic: str, raw: Any, last_ms: Any) -> Any:
            return admit(processor, topic, partition, raw, 10**15, last_ms)

        verification = Verification(
            processor,
            Scope(partition, PARTITIONS),
            MemoryTable(),
            self.log(partition, **changes),
            Reading(decoded, lambda _: False),
            wall=self.wall,
        )
        found = self.ledger(partition) if entries is None else entries
        return list(verification.differences(found))


def journey() -> JourneyProcessor:
    return JourneyProcessor(GREEDY, Risk(shipped("risk")))


def visit(number: int, at: float) -> list[Payload]:
    """A shopper who hesitates in the checkout, at so many seconds."""
    who, session = f"p-{number}", f"s-{number}-{at}"
    tell = partial(click, profile=who, session=session)
    return [
        tell("product_viewed", at, product_id="sku-1", price_cents=9_000),
        tell("product_added", at + 9, product_id="sku-1", price_cents=9_000),
        tell("exit_intended", at + 20),
        tell("checkout_started", at + 31, cart_value_cents=9_000),
        tell("checkout_step_viewed", at + 40, step="shipping", cart_value_cents=9_000),
        tell("section_dwelled", at + 50 + number, section="shipping_costs", visible_ms=9_000),
    ]


@pytest.fixture(scope="module", params=["wall", "event"])
def live(request: pytest.FixtureRequest) -> Live:
    """Two rounds of visits; a model, a policy and product statistics come in between."""
    live = Live(request.param)
    for number in range(SHOPPERS):
        live.tell(profile(f"p-{number}", 0, consent={"email": True, "onsite": True}))
        live.tell(*visit(number, 10 + number))
        live.wait(700)
    live.wait(95_000)  # silence decides
    live.publish("models", "risk", replace(shipped("risk"), version=7).payload())
    live.publish("merchandising.products", "sku-1", PARTNERS)
    live.tell(
        order(at=150, profile="p-1"), click("heartbeat", 140, "p-2", "s-2-12"), click("x", 1, "")
    )
    live.restart()
    for key, document in EAGER.documents.items():
        if document != GREEDY.documents[key]:
            kind, _, name = key.partition("/")
            published = {"id": f"{key}@1", "type": "policy_published", "time_ms": T0_MS}
            published |= {"kind": kind, "name": name, "version": "1", "document": document}
            live.publish("policies", key, published)
    for number in range(SHOPPERS):
        live.tell(*visit(number, 400 + number))
        live.wait(900)
    live.wait(3 * HOUR_MS)
    live.tell(*visit(1, 4 * 3_600), *visit(2, 4 * 3_600), *visit(3, 4 * 3_600))
    live.wait(1_000)
    return live


def test_the_ledger_is_made_anew_to_the_byte(live: Live) -> None:
    """Events, silence and reminders, under models and policies that came while it ran."""
    entries = [orjson.loads(value) for number in range(2) for value in live.ledger(number)]
    assert {entry["trigger"].get("timer") for entry in entries} >= {None, "silence"}
    assert any(entry["trigger"].get("timer") == "cart_reminder" for entry in entries)
    assert {entry["models"]["risk"] for entry in entries} == {"risk@0", "risk@7"}
    assert len({entry["policy"] for entry in entries}) > 1
    assert any("bundle_product_id" in entry["facts"] for entry in entries)
    for partition in range(PARTITIONS):
        assert live.verified(partition) == []


def test_an_entry_that_was_changed_is_found(live: Live) -> None:
    """A choice that nobody made, told by its field; the entries after it are as before."""
    entries = live.ledger(0)
    entry = orjson.loads(entries[3])
    entry["risk"] += 0.001
    (found,) = live.verified(0, [*entries[:3], orjson.dumps(entry), *entries[4:]])
    assert found == Difference(entry["id"], "made anew it differs in risk")


def test_a_lost_and_a_doubled_entry_are_found(live: Live) -> None:
    """An entry for a click that is not there, and one that is there twice."""
    entries = live.ledger(0)
    events = [value for value in entries if b'"kind":"event"' in value]
    lost = orjson.loads(events[2])["id"]
    (found,) = live.verified(0, [value for value in entries if value != events[2]])
    assert found == Difference(lost, "the log makes it, the ledger does not hold it")
    at = entries.index(events[2])
    (found,) = live.verified(0, [*entries[: at + 1], events[2], *entries[at + 1 :]])
    assert found == Difference(lost, "the ledger holds it twice")


def test_a_lost_record_is_found(live: Live) -> None:
    """Without one click its own decision cannot be made, and later ones come out otherwise."""
    records = dict(live.log(0).records)
    cause = orjson.loads(live.ledger(0)[0])["trigger"]["offset"]
    records["clickstream"] = [row for row in records["clickstream"] if row.offset() != cause]
    found = live.verified(0, records=records)
    assert found[0].why == "what made it due is not in the log"


def test_a_version_that_is_gone_is_named(live: Live) -> None:
    """A model that was compacted away, a policy that nobody published."""
    whys = {each.why for each in live.verified(0, models={})}
    assert "the topic models no longer holds risk@7" in whys
    found = live.verified(0, policies=[])
    assert 0 < len(found) < len(live.ledger(0))
    untold = "neither --policies nor the topic policies gives"
    assert all(each.why.startswith((untold, "the log makes it")) for each in found)
