"""The agents as a process on a broker: counted right, killed, gone on, served over HTTP."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import ge
from pathlib import Path
from typing import Any, Self

import orjson
import pytest
from aiokafka import TopicPartition as AioPartition
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from orchestrator.adapters.kafka.admin import Admin, TopicSpec
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.memory.murmur2 import murmur2
from orchestrator.messages.products import ProductStatistics
from orchestrator.messages.topics import partition_count, topic_config
from orchestrator.processors.merchandising import LogRecord, Tables, rebuild
from orchestrator.runtimes.agents.connection import client_options
from orchestrator.runtimes.agents.follower import read_on
from orchestrator.runtimes.agents.settings import STATISTICS, AgentsSettings, topics
from orchestrator.types import Payload
from tests.builders import T0_MS, click, encoded, order

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PARTITIONS = 3
ROOT = Path(__file__).parents[2]
MAIN = """
import json, sys
from orchestrator.errors import OrchestratorError
from orchestrator.runtimes.agents.run import run_agents
from orchestrator.runtimes.agents.connection import client_options
from orchestrator.runtimes.agents.follower import read_on
from orchestrator.runtimes.agents.settings import AgentsSettings
try:
    run_agents(AgentsSettings(**json.loads(sys.argv[1])))
except OrchestratorError as error:
    sys.exit(f"{error}")
"""


@dataclass
class Shop:
    """A shop's traffic: what was written, and what of it is published."""

    cluster: Cluster
    prefix: str
    log: list[LogRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._producer = Producer(
            {"bootstrap.servers": self.cluster.address, "partitioner": "murmur2_random"}
        )

    def write(self, topic: str, key: str | None, value: bytes | None) -> None:
        name = f"{self.prefix}{topic}"
        self._producer.produce(name, key=key, value=value)
        self.log.append(LogRecord(topic, key.encode() if key else None, value, T0_MS))

    def shoppers(self, first: int, count: int) -> None:
        """Each opens three products of a family and buys two of them."""
        for number in range(first, first + count):
            profile, family = f"u-{number}", number % 5
            for at, letter in enumerate("abc"):
                product = f"{letter}-{family}"
                value = click("product_viewed", number + at, profile, product_id=product)
                self.write("clickstream", profile, encoded(value))
            lines = [{"product_id": f"{letter}-{family}", "quantity": 1} for letter in "ab"]
            placed = order("order_placed", number, profile, f"o-{number}", products=lines)
            self.write("orders", profile, encoded(placed))
            told = click("order_completed", number, profile, order_id=f"o-{number}", products=lines)
            self.write("clickstream", profile, encoded(told))
        self.flush()

    def flush(self) -> int:
        """See everything acknowledged; return how many records are not."""
        return self._producer.flush(30)

    def published(self) -> dict[str, Payload]:
        """`merchandising.products`, compacted."""
        topic = f"{self.prefix}merchandising.products"
        latest: dict[str, Payload] = {}
        for key, value in read_whole(self.cluster, topic, 1):
            latest[key] = orjson.loads(value)
        return latest

    def dead_letters(self) -> list[Payload]:
        topic = f"{self.prefix}dead-letters"
        return [orjson.loads(value) for _, value in read_whole(self.cluster, topic, PARTITIONS)]

    def views(self) -> int:
        return sum(product["views"] for product in self.published().values())


@dataclass
class Agents:
    """The agents as a process of their own."""

    settings: dict[str, Any]
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with (self.folder / "agents.log").open("ab") as log:
            command = [sys.executable, "-c", MAIN, json.dumps(self.settings)]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        return self

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def terminate(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def get(self, path: str) -> tuple[int, Any]:
        """A view's status and JSON; status 0 while nobody listens."""
        url = f"http://127.0.0.1:{self.settings['web_port']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, orjson.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, orjson.loads(error.read())
        except OSError:
            return 0, None

    def says(self) -> str:
        return (self.folder / "agents.log").read_text()


def read_whole(cluster: Cluster, topic: str, partitions: int) -> Iterator[tuple[str, bytes]]:
    """Every record of a topic, up to its end by the fetch (ListOffsets errs on the embedded)."""
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.address,
            "group.id": "reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    ended = 0
    while ended < partitions:
        for message in consumer.consume(500, 1.0):
            error = message.error()
            if error is None:
                yield (message.key() or b"").decode(), message.value() or b"null"
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public constant
                ended += 1
    consumer.close()


def wait_until(
    condition: Callable[[], bool], what: str, agents: Agents, within_s: float = 60
) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert agents.process is None or agents.process.poll() is None, agents.says()
        assert time.monotonic() < end, f"not within {within_s} s: {what}\n{agents.says()}"
        time.sleep(0.3)


@pytest.fixture
def shop(cluster: Cluster, prefix: str) -> Shop:
    """Topics of its own, as `topics create` makes them."""
    contract = ("clickstream", "orders", "catalog", "merchandising.products", "dead-letters")
    specs = [
        TopicSpec(f"{prefix}{name}", partition_count(name, PARTITIONS), topic_config(name))
        for name in contract
    ]
    specs += [
        TopicSpec(f"{prefix}{topic.name}", topic.partitions, topic.config)
        for topic in topics(PARTITIONS)
    ]
    Admin(cluster).create(specs)
    return Shop(cluster, prefix)


@pytest.fixture
def agents(cluster: Cluster, prefix: str, tmp_path: Path) -> Iterator[Agents]:
    settings = {
        "broker": cluster.address,
        "group_prefix": prefix.rstrip("."),
        "topic_prefix": prefix,
        "web_port": free_port(),
        "publish_every_ms": 300,
        "refresh_every_ms": 1500,
    }
    agents = Agents(settings, tmp_path)
    yield agents
    if agents.process is not None and agents.process.poll() is None:
        agents.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def told(tables: Tables, product: str) -> Payload:
    """What a rebuild says of a product, without what depends on the moment."""
    payload = tables.payload(product, T0_MS)
    assert payload is not None
    return lasting(payload)


def lasting(payload: Payload) -> Payload:
    moment = ("id", "time_ms", "trend")
    return {name: value for name, value in payload.items() if name not in moment}


def test_a_calm_run_equals_a_rebuild_from_the_log(shop: Shop, agents: Agents) -> None:
    """Counts, partners, lifts and prices are those of the log; poison between is passed over.

    That of the catalogue is dead-lettered here, that of the clickstream and of orders elsewhere.
    """
    agents.start()
    described = {"id": "c-1", "time_ms": T0_MS, "product_id": "a-0", "price_cents": 990}
    shop.write("catalog", "a-0", orjson.dumps(described | {"currency": "EUR", "category": "shoes"}))
    for poison in (b"{nope", b"[]", b"\xff\xfe", None):
        shop.write("clickstream", "u-0", poison)
        shop.write("orders", None, poison)
        shop.write("catalog", "a-1", poison)
    foreign = orjson.dumps(described | {"note": "x" * 900_000})
    shop.write("catalog", "a-2", foreign)
    shop.write("catalog", None, b"{}")
    shop.shoppers(0, 60)
    tables = rebuild(shop.log, future_ms=10**12)
    expected = {product: told(tables, product) for product in tables.products}

    def settled() -> bool:
        return {key: lasting(value) for key, value in shop.published().items()} == expected

    wait_until(settled, "statistics as in the log", agents)
    bought = shop.published()["a-0"]
    ProductStatistics.model_validate(bought, extra="forbid")
    assert [partner["product_id"] for partner in bought["bought_with"]] == ["b-0"]
    assert {partner["product_id"] for partner in bought["viewed_with"]} == {"b-0", "c-0"}
    assert (bought["views"], bought["purchases"], bought["price_cents"]) == (12, 12, 990)

    letters = {letter["id"]: letter for letter in shop.dead_letters()}
    assert {letter["topic"] for letter in letters.values()} == {"catalog"}
    assert [letters[name]["reason"] for name in sorted(letters)] == [
        "invalid_json",
        "schema",
        "invalid_json",
        "key_mismatch",
        "key_missing",
    ]
    assert b64decode(letters["dl-catalog-0-5"]["value_base64"]) == foreign
    group = f"{agents.settings['group_prefix']}-agents"
    assert {letter["first_seen_by"] for letter in letters.values()} == {group}

    assert agents.get("/livez") == (200, {"status": "alive"})
    assert agents.get("/readyz")[0] == 200
    assert agents.get("/products/a-0") == (200, bought)
    assert agents.get("/products/unknown")[0] == 404
    status, trending = agents.get("/trending?limit=3")
    assert (status, len(trending)) == (200, 3)
    assert agents.get("/trending?limit=all")[0] == 400
    assert agents.terminate() == 0


def test_killed_agents_recover_and_go_on(shop: Shop, agents: Agents) -> None:
    """After kill -9 under load the counts go on from where they were, and none is lost.

    What was delivered and not yet acknowledged comes again; a product's latest updates are known
    by their tokens, so it does not count twice.
    """
    agents.start()
    shop.shoppers(0, 100)
    wait_until(lambda: shop.views() > 0, "first statistics", agents)
    shop.shoppers(100, 100)
    agents.kill()
    shop.shoppers(200, 100)
    agents.start()
    tables = rebuild(shop.log, future_ms=10**12)
    wanted = {key: counts(told(tables, key)) for key in tables.products}

    def all_counted() -> bool:
        found = shop.published()
        return all(
            key in found and all(map(ge, counts(found[key]), counted))
            for key, counted in wanted.items()
        )

    wait_until(all_counted, "all views and purchases of every product", agents)
    views = shop.views()
    assert 900 <= views <= 909, "repeats are few"
    assert {partner["product_id"] for partner in shop.published()["a-0"]["viewed_with"]} == {
        "b-0",
        "c-0",
    }
    assert agents.terminate() == 0


def test_members_come_and_go(shop: Shop, agents: Agents, tmp_path: Path) -> None:
    """No rebalance ends a member, and afterwards the counts are those of the log.

    The second member comes and goes in silence: by then the first has read rows that lie beyond
    the end which the embedded broker lists.
    """
    agents.start()
    shop.shoppers(0, 100)
    wait_until(lambda: shop.views() == 300, "statistics", agents)
    folder = tmp_path / "second"
    folder.mkdir()
    second = Agents(agents.settings | {"web_port": None}, folder).start()
    try:
        wait_until(lambda: "tables_restored" in second.says(), "the second member", second)
        restored = agents.says().count("tables_restored")
        assert second.terminate() == 0, second.says()
    finally:
        if second.process is not None and second.process.poll() is None:
            second.kill()
    wait_until(lambda: agents.says().count("tables_restored") > restored, "the first", agents)
    shop.shoppers(100, 50)
    wait_until(lambda: shop.views() >= 450, "statistics of the first, alone again", agents)
    tables = rebuild(shop.log, future_ms=10**12)
    wanted = {key: counts(told(tables, key)) for key in tables.products}
    assert {key: counts(value) for key, value in shop.published().items()} == wanted
    assert agents.terminate() == 0


def counts(product: Payload) -> tuple[int, int]:
    return product["views"], product["purchases"]


def test_reading_on_ends_where_the_topic_does(shop: Shop, agents: Agents) -> None:
    """From an offset on, whole batches included, from empty partitions nothing; then it returns."""
    settings = AgentsSettings(broker=agents.settings["broker"])
    for number in range(20):
        shop.write(STATISTICS, "a-0", b"%d" % number)
    assert shop.flush() == 0
    topic = f"{shop.prefix}{STATISTICS}"
    read: list[bytes | None] = []

    def take(_: AioPartition, key: bytes, value: bytes | None) -> None:
        assert key == b"a-0"
        read.append(value)

    options = client_options(settings)
    places = [AioPartition(topic, partition) for partition in range(PARTITIONS)]
    count = asyncio.run(read_on(options, dict.fromkeys(places, 0), take))
    assert (count, read) == (20, [b"%d" % number for number in range(20)])
    read.clear()
    place = AioPartition(topic, murmur2(b"a-0", PARTITIONS))
    assert asyncio.run(read_on(options, {place: 5}, take)) == len(read) == 15
    assert asyncio.run(read_on(options, {place: 20}, take)) == 0
    assert asyncio.run(read_on(options, {}, take)) == 0


def test_without_a_broker_it_says_so(agents: Agents) -> None:
    """Exit with the address that did not answer, not with a traceback."""
    agents.settings |= {"broker": f"127.0.0.1:{free_port()}", "connect_timeout_ms": 3000}
    agents.start()
    assert agents.process is not None
    assert agents.process.wait(30) == 1
    assert f"E204 no broker answers at {agents.settings['broker']}" in agents.says()
    assert "Traceback" not in agents.says()


def test_without_topics_it_says_which(cluster: Cluster, agents: Agents) -> None:
    """Faust makes no topics of its own: those missing are named, with the way out."""
    agents.start()
    assert agents.process is not None
    assert agents.process.wait(30) == 1
    name = AgentsSettings(**agents.settings).topic("clickstream")
    assert f"E206 topics are missing: {name}" in agents.says()
    assert "orchestrator topics create" in agents.says()
