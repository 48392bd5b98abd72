"""What a worker is given in life: garbage, misrouted records, backlogs, restarts in between."""

import base64
import random
from collections import Counter
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer

from orchestrator import wiring
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.errors import InvalidRecord
from orchestrator.messages import wire
from orchestrator.types import Payload
from tests.builders import T0_MS, click, encoded, order, profile
from tests.integration.product import (
    INPUTS,
    OUTPUTS,
    PARTITIONS,
    SETTLE_S,
    Letter,
    Product,
    by_topic,
    calm,
    of_json,
    partition_of,
    published,
    traffic,
)

pytestmark = pytest.mark.integration

FUZZED = 10_000
HOUR, DAY = 3_600, 86_400
ORDER_TOPICS = ("profiles", "identities", "orders", "feedback")


def mutated(good: bytes, dice: random.Random) -> bytes:
    """A few bytes of a good value changed, cut, doubled."""
    raw = bytearray(good)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(raw))
        how = dice.randrange(4)
        if how == 0:
            raw[at] = dice.randrange(256)
        elif how == 1:
            del raw[at : at + dice.randint(1, 20)]
        elif how == 2:
            raw[at:at] = dice.randbytes(3)
        else:
            raw[at:at] = raw[max(0, at - 15) : at]
        if not raw:
            return b""
    return bytes(raw)


def changed(dice: random.Random, who: str) -> bytes:
    """A good click with one field that no model allows, or that is merely odd."""
    event = click("product_viewed", dice.uniform(0, 900), who, "f-1", price_cents=100)
    odd: list[Payload] = [
        {"time_ms": "soon"},
        {"time_ms": -5},
        {"time_ms": 2**63},
        {"time_ms": 1.5},
        {"time_ms": T0_MS + 400 * 366 * DAY * 1000},
        {"time_ms": T0_MS + 3 * 366 * DAY * 1000},
        {"time_ms": 1},
        {"id": None},
        {"id": ""},
        {"id": 17},
        {"id": "x" * 5000},
        {"type": None},
        {"type": "from_a_newer_frontend"},
        {"type": ["product_viewed"]},
        {"session_id": {"a": 1}},
        {"properties": []},
        {"properties": {"price_cents": -100, "product_id": "p"}},
        {"properties": {"price_cents": 10**400, "product_id": "p"}},
        {"properties": {"price_cents": "cheap", "product_id": "p"}},
        {"properties": {"product_id": "a\x00b"}},
        {"properties": {}},
        {"context": "mobile"},
        {"unknown": {"deep": [[[]]]}},
        {"profile_id": "somebody-else"},
    ]
    return str_dumps(event | dice.choice(odd))


def str_dumps(value: Payload) -> bytes:
    import json  # noqa: PLC0415 - orjson refuses what a careless producer writes

    return json.dumps(value).encode()


def garbage(total: int) -> list[Letter]:
    """Records that are wrong in every way we know, and some that only look so.

    None is right but for a time some days ahead: under `--clock event` that is what time is.
    """
    dice = random.Random(5)
    found: list[Letter] = []
    goods = [encoded(click(at=at, profile="f-0")) for at in range(20)]
    for number in range(total):
        who = f"f-{number % 40}"
        key: bytes | None = who.encode()
        topic = "clickstream"
        value: bytes | None
        match number % 10:
            case 0 | 1 | 2:
                value = mutated(dice.choice(goods), dice)
            case 3 | 4 | 5:
                value = changed(dice, who)
            case 6:
                value = dice.randbytes(dice.randint(0, 200))
            case 7:
                value = dice.choice([b"", b"null", b"[]", b"1e999", b'"x"', b"\x00" * 9, b"{}"])
            case 8:
                topic = dice.choice(ORDER_TOPICS)
                value = mutated(encoded(order(profile=who)), dice)
            case _:
                key = dice.choice([None, b"", b"\xff\xfe", b"a\x00b", who.encode(), b"k" * 3000])
                value = dice.choice([None, encoded(click(at=3, profile=who))])
        found.append(Letter(topic, key, value))
    found = [letter for letter in found if not is_ahead(letter)]
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    found.append(Letter("clickstream", b"f-0", deep))
    found.append(Letter("clickstream", b"f-0", b"[" * 100_000))
    huge = click(profile="f-0") | {"context": {"page": {"path": "x" * 900_000}}}
    found.append(Letter("clickstream", b"f-0", str_dumps(huge)))
    found.append(Letter("orders", b"f-0", b"\x00" * 900_000))
    dice.shuffle(found)
    return found


def is_ahead(letter: Letter) -> bool:
    """Whether a worker would take it and move its clock on."""
    try:
        event = wire.decode(letter.topic, (letter.key or b"").decode(), letter.value or b"")
    except (InvalidRecord, UnicodeDecodeError):
        return False
    return T0_MS + 1_000_000 < int(event.time_ms) < T0_MS + 2 * 366 * DAY * 1000


def interleaved(good: list[Letter], bad: list[Letter]) -> list[Letter]:
    """Both in their own order, mixed at random."""
    dice = random.Random(6)
    order_of = [0] * len(good) + [1] * len(bad)
    dice.shuffle(order_of)
    sources = (iter(good), iter(bad))
    return [next(sources[which]) for which in order_of]


@pytest.mark.slow
def test_garbage_stops_nobody_and_is_accounted_for(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Each record is a dead letter with its bytes and a reason, or was folded.

    The good sessions are what they would be without the rest.
    """
    product = Product(cluster, prefix, tmp_path)
    good = traffic(0, 120)
    with product.role("worker") as worker:
        product.write(interleaved(good, garbage(FUZZED)))
        product.tell_time(SETTLE_S)
        product.wait_folded(worker, *INPUTS)
        assert worker.is_running, worker.says()
        assert worker.stop() == 0, worker.says()
    log = {
        (topic, row.partition, row.offset): row
        for topic in INPUTS
        for row in product.committed(topic)
    }
    letters = product.values("dead-letters")
    places = [(letter["topic"], letter["partition"], letter["offset"]) for letter in letters]
    assert len(places) == len(set(places)), "a record is in the dead letters twice"
    assert FUZZED * 0.6 < len(letters) < FUZZED
    for place, letter in zip(places, letters, strict=True):
        row = log[place]
        assert letter["reason"], letter
        assert letter["detail"], letter
        assert letter["reason"] != "processing_error", letter
        held = letter["value_base64"]
        assert (None if held is None else base64.b64decode(held)) == row.value
        assert (
            None if letter["key_base64"] is None else base64.b64decode(letter["key_base64"])
        ) == row.key
    reasons = Counter(letter["reason"] for letter in letters)
    assert {
        "invalid_json",
        "schema",
        "key_mismatch",
        "key_missing",
        "invalid_key",
        "tombstone",
        "future_time",
    } <= reasons.keys(), reasons
    _same_good_sessions(product, good)


def _same_good_sessions(product: Product, good: list[Letter]) -> None:
    """The sessions of the good shoppers are those of a run without the garbage."""
    fold = wiring.fold(wiring.journey(), PARTITIONS)
    alone = [
        emit
        for letter in good
        for emit in fold.feed(letter.topic, (letter.key or b"").decode(), letter.value)
    ]
    alone += fold.finish(T0_MS + SETTLE_S * 1000)
    ours = {"decision_ids", "risk_last"}  # ids come from offsets, which the garbage moves
    wanted = {
        emit.value["id"]: {key: held for key, held in emit.value.items() if key not in ours}
        for emit in alone
        if emit.topic == "sessions" and emit.value
    }
    found = {
        value["id"]: {key: held for key, held in value.items() if key not in ours}
        for value in product.values("sessions")
        if value["profile_id"].startswith("shopper-")
    }
    assert found == of_json(wanted)


def test_a_backlog_of_two_topics_reads_as_one_history(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """26 hours of clicks and orders, written before the worker starts, are read by event time.

    No order is seen too late, nobody who bought is reminded, the ledger is the merged history's.
    """
    product = Product(cluster, prefix, tmp_path)
    letters: list[Letter] = []
    buyers = {f"b-{number}" for number in range(60)}
    others = {f"n-{number}" for number in range(60)}
    for number, who in enumerate(sorted(buyers | others)):
        start = number * 26 * HOUR / 120
        letters.append(Letter("profiles", who.encode(), encoded(profile(who, -DAY))))
        for kind, at in (("product_viewed", 0), ("product_added", 20), ("cart_viewed", 40)):
            event = click(kind, start + at, who, "s-1", cart_value_cents=4990, currency="EUR")
            letters.append(Letter("clickstream", who.encode(), encoded(event)))
        if who in buyers:
            bought = order("order_placed", start + 50 * 60, who, f"o-{who}")
            letters.append(Letter("orders", who.encode(), encoded(bought)))
    product.write(letters)
    product.tell_time(SETTLE_S)
    with product.role("worker") as worker:
        product.wait_folded(worker, "clickstream", "orders", "profiles")
        assert worker.stop() == 0, worker.says()
    wanted = by_topic(calm(product, wiring.journey(), INPUTS))
    found = published(product)
    for topic in OUTPUTS:
        assert found[topic] == of_json_keys(wanted[topic]), topic
    reminders = [
        value
        for topic in ("interventions.email", "interventions.push")
        for value in product.values(topic)
        if value["type"] == "intervention_issued"
    ]
    assert {command["profile_id"] for command in reminders} & buyers == set()
    assert {command["profile_id"] for command in reminders} & others


def of_json_keys(values: dict[int, list[Payload]]) -> dict[int, list[Payload]]:
    """As it is after travelling, by partition still."""
    return {partition: of_json(each) for partition, each in values.items()}


def test_a_purchase_while_the_worker_is_down_stops_the_reminder(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Abandoned, worker killed, bought by `orders`, worker started, hours pass: no reminder.

    Those who did not buy get theirs.
    """
    product = Product(cluster, prefix, tmp_path)
    people = [f"r-{number}" for number in range(40)]
    buyers = set(people[::2])
    with product.role("worker") as worker:
        letters = [Letter("profiles", who.encode(), encoded(profile(who, -DAY))) for who in people]
        for kind, at in (("product_viewed", 0), ("product_added", 20), ("cart_viewed", 40)):
            letters += [
                Letter(
                    "clickstream",
                    who.encode(),
                    encoded(click(kind, at, who, "s-1", cart_value_cents=4990, currency="EUR")),
                )
                for who in people
            ]
        product.write(letters)
        product.tell_time(45 * 60)
        product.wait_folded(worker, "clickstream", "profiles")
        worker.kill()
        product.write(
            Letter("orders", who.encode(), encoded(order("order_placed", 50 * 60, who, f"o-{who}")))
            for who in people
            if who in buyers
        )
        product.tell_time(SETTLE_S)
        worker.start()
        product.wait_folded(worker, "clickstream", "orders")
        assert worker.stop() == 0, worker.says()
    sent = {value["profile_id"] for value in product.values("interventions.email")}
    sent |= {value["profile_id"] for value in product.values("interventions.push")}
    assert sent
    assert not sent & buyers


def test_a_record_in_the_wrong_partition_is_forwarded_once(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Records that a producer put elsewhere are folded where their key belongs, each once."""
    product = Product(cluster, prefix, tmp_path)
    who = "stray"
    right = partition_of(who)
    wrong = (right + 1) % PARTITIONS
    with product.role("worker") as worker:
        product.write(
            Letter("clickstream", who.encode(), encoded(click(at=at, profile=who)), wrong)
            for at in range(10)
        )
        product.wait_folded(worker)
        product.tell_time(SETTLE_S)
        product.wait_folded(worker)
        assert worker.stop() == 0, worker.says()
    rows = product.committed("clickstream")
    moved = [row for row in rows if row.key == b"stray" and row.partition == right]
    assert len(moved) == 10
    assert all(("orchestrator-forwarded", b"1") in row.headers for row in moved)
    (session,) = product.values("sessions")
    assert session["profile_id"] == who
    assert session["events_count"] == 10
    assert {row.partition for row in product.committed("sessions")} == {right}


def test_a_producer_with_another_partitioner_is_put_right(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Their own partitioner spreads people elsewhere: every session is whole all the same."""
    product = Product(cluster, prefix, tmp_path)
    producer = Producer({"bootstrap.servers": cluster.address})
    for at in range(5):
        for number in range(30):
            value = encoded(click(at=at, profile=f"c-{number}"))
            producer.produce(f"{prefix}clickstream", key=f"c-{number}", value=value)
    assert producer.flush(30) == 0
    with product.role("worker") as worker:
        product.wait_folded(worker)
        product.tell_time(SETTLE_S)
        product.wait_folded(worker)
        assert worker.stop() == 0, worker.says()
    sessions = product.values("sessions")
    assert len(sessions) == 30
    assert {session["events_count"] for session in sessions} == {5}
    assert orjson.dumps(product.values("dead-letters")) == b"[]"
