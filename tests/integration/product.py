"""The product as a user runs it: roles as processes on a broker, judged from the raw log.

`calm` is the reference: the same log through the same processor in this process, no transactions,
no kills.
"""

import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson

from orchestrator import wiring
from orchestrator.adapters.kafka.producer import InputProducer
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.memory.murmur2 import murmur2
from orchestrator.adapters.store import MemoryTable
from orchestrator.cli.replaying import clock_marker
from orchestrator.config import Connection
from orchestrator.messages.topics import TOPICS
from orchestrator.processors.partition import PartitionRunner
from orchestrator.types import Emit, Millis, Payload, Record, Scope
from orchestrator.windowing import TopicMerge
from tests.builders import at_ms, click, encoded
from tests.integration.log_reader import LogReader, LogRecord, Verdict
from tests.integration.processes import ROOT, wait_until

PARTITIONS = 4
INPUTS = ("profiles", "identities", "orders", "feedback", "clickstream")
COMMANDS = tuple(name for name in TOPICS if name.startswith("interventions."))
OUTPUTS = ("decisions", "sessions", *COMMANDS)
PIECE = 20
"""Records written at a time, where they are spread over some seconds."""
SETTLE_S = 3 * 86_400
"""Long enough for every session to end and every reminder to be considered."""


class Role:
    """One role of the product as a process; stopped, or killed, by its own handle only."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "orchestrator", name, *command]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stderr=log, stdout=log)
        return self

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> int:
        """SIGTERM; return the exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(20)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def says(self) -> str:
        """The end of what it logged."""
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.is_running:
            self.kill()


class Letter(NamedTuple):
    """A record to write, perhaps one that no producer in its right mind would."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None


class Product:
    """Topics of its own on a cluster; roles, input, and what was committed.

    Args:
        cluster: Where.
        prefix: Of topics and groups.
        folder: For logs.
    """

    def __init__(self, cluster: Cluster, prefix: str, folder: Path) -> None:
        self.cluster = cluster
        self.prefix = prefix
        self.place = Connection(cluster.address, {}, prefix.rstrip("."), prefix)
        self._folder = folder
        wiring.create_topics(self.place, PARTITIONS)

    def role(self, name: str, *options: str) -> Role:
        """A role, not started yet; `worker` and `learner` on the event clock."""
        command = ["--broker", self.place.broker, "--group-prefix", self.place.group_prefix]
        command += ["--topic-prefix", self.prefix, *options]
        if name != "agents" and "--clock" not in options:
            command += ["--clock", "event"]
        return Role(name, command, self._folder / f"{name}.log")

    def write(self, letters: Iterable[Letter], over_s: float = 0.0) -> None:
        """Write records in this order, spread over some seconds, and see them acknowledged."""
        producer = InputProducer(self.cluster)
        whole = list(letters)
        for count, letter in enumerate(whole):
            if over_s and count % PIECE == 0:
                producer.flush()
                time.sleep(over_s * PIECE / len(whole))
            producer.send(
                f"{self.prefix}{letter.topic}",
                letter.key,
                letter.value,
                partition=letter.partition,
            )
        producer.flush()
        producer.close()

    def tell_time(self, at_s: float) -> None:
        """Move the clock of every partition to so many seconds after T0."""
        letters = []
        for partition in range(PARTITIONS):
            key, value = clock_marker(partition, PARTITIONS, at_ms(at_s))
            letters.append(Letter("clickstream", key, value, partition))
        self.write(letters)

    def committed(self, topic: str) -> list[LogRecord]:
        """Committed records of a topic, partition by partition, by the transaction markers."""
        return self.judged(topic).committed

    def judged(self, topic: str) -> Verdict:
        """All records of a topic, by what the transaction markers say of them."""
        partitions = 1 if topic == "models" else PARTITIONS
        with LogReader(self.cluster.address) as reader:
            return reader.judge(f"{self.prefix}{topic}", partitions)

    def shown(self, topic: str) -> list[LogRecord]:
        """What a reader of committed records is given: by the embedded broker, aborted ones too."""
        verdict = self.judged(topic)
        aborted = verdict.aborted if self.cluster.embedded else []
        return sorted([*verdict.committed, *aborted], key=lambda row: (row.partition, row.offset))

    def end(self, topic: str) -> int:
        """How many offsets a topic holds."""
        with LogReader(self.cluster.address) as reader:
            return reader.end(f"{self.prefix}{topic}", PARTITIONS)

    def values(self, topic: str) -> list[Payload]:
        return [orjson.loads(row.value or b"null") for row in self.committed(topic)]

    def positions(self, changelog: str = "orchestrator.state") -> dict[str, dict[int, int]]:
        """The next offset of each input topic and partition, by the committed state rows."""
        found: dict[str, dict[int, int]] = {}
        for row in self.committed(changelog):
            value = orjson.loads(row.value or b"{}")
            for topic, offset in value.get("next", {}).items():
                found.setdefault(topic, {})[row.partition] = offset
        return found

    def wait_folded(
        self,
        role: Role,
        *topics: str,
        changelog: str = "orchestrator.state",
        timeout_s: float = 90,
    ) -> None:
        """Wait until a role has committed everything in these input topics, the clicks if none."""
        ends = {topic: self.ends(topic) for topic in topics or ("clickstream",)}

        def is_done() -> bool:
            assert role.is_running, f"{role.name} ended:\n{role.says()}"
            now = self.positions(changelog)
            return all(
                now.get(topic, {}).get(partition, 0) >= end
                for topic, by_partition in ends.items()
                for partition, end in by_partition.items()
            )

        wait_until(is_done, f"all of {ends} folded\n{role.says()}", timeout_s)

    def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last committed record, by partition."""
        ends: dict[int, int] = {}
        for row in self.committed(topic):
            ends[row.partition] = row.offset + 1
        return ends


def run(*arguments: str | Path, status: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end; it exits with this status."""
    command = [sys.executable, "-m", "orchestrator", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=100, check=False)
    assert done.returncode == status, (done.stderr + done.stdout).decode()
    return done


def rows(*arguments: str | Path) -> list[dict[str, Any]]:
    """Standard output of a command with --json."""
    return [orjson.loads(line) for line in run(*arguments, "--json").stdout.splitlines()]


def at(product: Product) -> list[str]:
    """Options that name the broker and this test's topics."""
    return ["--broker", product.place.broker, "--topic-prefix", product.prefix]


def calm(product: Product, processor: Any, inputs: Sequence[str]) -> dict[int, list[Emit]]:
    """What a processor makes of the log in one go, partition by partition.

    Records that a host refuses before the fold are left out: a reference is read from good logs.
    """
    logs = {topic: product.shown(topic) for topic in inputs}
    return {
        partition: _fold(processor, partition, logs, lambda _: None)
        for partition in range(PARTITIONS)
    }


def calm_as_pinned(product: Product) -> dict[int, list[Emit]]:
    """What a worker makes of the log under the risk models that the live one had.

    When a model reaches a worker is nobody's promise, but each ledger entry pins the version it was
    made with: the same versions are put in force at the same records.
    """
    logs = {topic: product.committed(topic) for topic in INPUTS}
    models = {
        f"risk@{orjson.loads(row.value or b'')['version']}": row.value or b""
        for row in product.committed("models")
    }
    pinned = _pinned(product)
    found: dict[int, list[Emit]] = {}
    for partition in range(PARTITIONS):
        processor = wiring.journey()
        due = deque(pinned[partition])

        def put_in_force(record: Record, due: Any = due, processor: Any = processor) -> None:
            while due and record.topic == "clickstream" and record.offset >= due[0][0]:
                processor.on_broadcast("models", "risk", models[due.popleft()[1]])

        found[partition] = _fold(processor, partition, logs, put_in_force)
    return found


def _pinned(product: Product) -> list[list[tuple[int, str]]]:
    """By partition: from which click on which model decided."""
    found: list[list[tuple[int, str]]] = [[] for _ in range(PARTITIONS)]
    ends = product.ends("clickstream")
    for row in product.committed("decisions"):
        entry = orjson.loads(row.value or b"")
        version = entry["models"]["risk"]
        swaps = found[row.partition]
        if version != (swaps[-1][1] if swaps else "risk@0"):
            # a timer fires before the record that moved the clock counts; after a clock marker
            at = entry["positions"]["clickstream"] + (entry["trigger"]["kind"] == "timer")
            swaps.append((min(at, ends[row.partition] - 1), version))
    return found


def _fold(
    processor: Any,
    partition: int,
    logs: Mapping[str, list[LogRecord]],
    before: Callable[[Record], None],
) -> list[Emit]:
    runner = PartitionRunner(processor, Scope(partition, PARTITIONS), MemoryTable())
    merge = TopicMerge(tuple(logs), 0, partial(_record, processor))
    for topic, rows in logs.items():
        for row in rows:
            if row.partition == partition:
                merge.push(topic, row)
        merge.mark_end(topic)
    for record in merge.ready(0):
        before(record)
        if getattr(record.value, "type", "") == "clock_advanced":
            runner.skip(record.topic, record.offset)
            runner.advance(record.time_ms)
        else:
            runner.feed(record)
    return runner.take()[0]


def _record(processor: Any, topic: str, row: LogRecord) -> Record:
    key = (row.key or b"").decode()
    value = processor.decode(topic, key, row.value or b"")
    return Record(topic, row.partition, row.offset, key, value, Millis(value.time_ms))


def by_topic(emits: Mapping[int, Iterable[Emit]]) -> dict[str, dict[int, list[Payload]]]:
    """Values by topic and partition, in order."""
    found: dict[str, dict[int, list[Payload]]] = {topic: {} for topic in OUTPUTS}
    for partition, each in emits.items():
        for emit in each:
            values = found.setdefault(emit.topic, {}).setdefault(partition, [])
            values.append(emit.value or {})
    return found


def published(product: Product, topics: Sequence[str] = OUTPUTS) -> dict[str, Any]:
    """What was committed, in the same form."""
    found: dict[str, dict[int, list[Payload]]] = {topic: {} for topic in topics}
    for topic in topics:
        for row in product.committed(topic):
            value = orjson.loads(row.value or b"null")
            found[topic].setdefault(row.partition, []).append(value)
    return found


def of_json(values: Any) -> Any:
    """As it is after travelling: tuples are lists, keys are text."""
    return orjson.loads(orjson.dumps(values, option=orjson.OPT_NON_STR_KEYS))


def partition_of(key: str) -> int:
    """Where a key belongs."""
    return murmur2(key.encode(), PARTITIONS)


def shopper(number: int, start_s: float) -> list[tuple[float, Letter]]:
    """One shopper's quarter of an hour: hesitation, a cart, a checkout; every third one buys."""
    who, session = f"shopper-{number}", f"v-{number}"
    cents = 4_000 + 137 * (number % 50)
    value = {"cart_value_cents": cents, "currency": "EUR"}
    product = {"product_id": f"sku-{number % 20}", "price_cents": cents}
    steps: list[Payload] = []

    def add(kind: str, at: float, **properties: Any) -> None:
        steps.append(click(kind, start_s + at, who, session, **properties))

    add("page_viewed", 0)
    add("product_viewed", 8, **product)
    add("section_dwelled", 20, section="price", visible_ms=6_000 + number)
    add("product_added", 30, **product, **value)
    add("cart_viewed", 45, items_count=1, **value)
    add("exit_intended", 60)
    add("checkout_started", 95, items_count=1, **value)
    add("checkout_step_viewed", 130, step="shipping", **value)
    add("section_dwelled", 140, section="shipping_costs", visible_ms=9_000)
    if number % 4 == 0:
        add("payment_failed", 200, method="card", reason="declined")
    if number % 3 == 0:
        add("order_completed", 260, order_id=f"order-{number}", total_cents=cents, currency="EUR")
    return [
        ((step["time_ms"] - at_ms(0)) / 1000, Letter("clickstream", who.encode(), encoded(step)))
        for step in steps
    ]


def traffic(first: int, count: int, *, every_s: float = 7.0) -> list[Letter]:
    """Shoppers one after the other, their clicks in the order of time."""
    clicks: list[tuple[float, Letter]] = []
    for number in range(first, first + count):
        clicks += shopper(number, number * every_s)
    return [letter for _, letter in sorted(clicks, key=lambda pair: pair[0])]
