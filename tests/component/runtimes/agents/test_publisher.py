"""What is due for publication, what is refused, and who is forgotten."""

from base64 import b64encode

import orjson
import pytest
from faust.types import Message

from orchestrator.domain.merchandising.shopper import Shopper
from orchestrator.domain.merchandising.statistics import PairUpdate
from orchestrator.errors import InvalidRecord
from orchestrator.messages.operations import DeadLetter
from orchestrator.processors.merchandising import (
    PRODUCTS,
    Change,
    Described,
    Retired,
    Viewed,
    change_product,
    decode_changes,
    dump_product,
    dump_shopper,
    load_product,
    meet_shopper,
    read_catalog,
)
from orchestrator.runtimes.agents.publisher import Expiry, Publisher, Send
from orchestrator.runtimes.agents.settings import CHANGES, DEAD_LETTERS, TOTALS, AgentsSettings
from orchestrator.runtimes.agents.views import Directory, limit_of

T0 = 1_790_000_000_000
DAY_MS = 86_400_000


class Bench:
    """A publisher with its table of rows, as the app drives it."""

    def __init__(self) -> None:
        self.publisher = Publisher(AgentsSettings(broker="a:1"))
        self.rows: dict[bytes, bytes] = {}

    def change(self, *changes: Change) -> None:
        for change in changes:
            key = change.product_id.encode()
            row = self.rows.pop(key, None)
            state = change_product(load_product(row) if row else None, change)
            if state is not None:
                self.rows[key] = dump_product(state)
            self.publisher.tell_time(change)
            self.publisher.touch([key])

    def sends(self, *, owns: str = "ab") -> list[Send]:
        plan = self.publisher.plan(self.rows, lambda key: key.decode() in owns)
        return [send for send in plan if send is not None]


def view(product: str, *partners: str, at_ms: int = T0, token: int = 1) -> PairUpdate:
    return PairUpdate(product, "view", partners, at_ms, token, leads=not partners)


def test_totals_go_out_before_what_is_computed_from_them() -> None:
    """Both products know each other's counts in the same round."""
    bench = Bench()
    bench.publisher.take_totals(b"others", b"[50,0,50,0]")
    bench.change(view("a"), view("b", "a", token=2))
    bench.change(PairUpdate("a", "view", ("b",), T0, 2, counts=False))
    sends = bench.sends()
    assert [send.topic for send in sends] == [TOTALS, TOTALS, PRODUCTS, PRODUCTS]
    partners = [orjson.loads(send.value or b"")["viewed_with"] for send in sends[2:]]
    assert [[partner["product_id"] for partner in found] for found in partners] == [["b"], ["a"]]
    assert partners[0][0]["lift"] == partners[1][0]["lift"] > 1


def test_only_news_is_published() -> None:
    """A second look at an unchanged product sends nothing; a change sends it again."""
    bench = Bench()
    bench.change(view("a"))
    assert [send.topic for send in bench.sends()] == [TOTALS, PRODUCTS]
    bench.publisher.touch(bench.rows)
    assert bench.sends() == []
    bench.change(view("a", token=2))
    assert [send.topic for send in bench.sends()] == [TOTALS, PRODUCTS]


def test_rows_of_other_members_are_left_alone() -> None:
    """A row may linger from a partition that has moved on."""
    bench = Bench()
    bench.change(view("a"), view("b"))
    assert {send.key for send in bench.sends(owns="b")} == {b"b"}


def test_after_a_rebalance_everything_is_published_again() -> None:
    """Another member may have published since."""
    bench = Bench()
    bench.change(view("a"))
    bench.sends()
    bench.publisher.forget_published()
    bench.publisher.touch(bench.rows)
    assert [send.topic for send in bench.sends()] == [PRODUCTS]


def test_a_product_only_described_is_not_published() -> None:
    """It has no statistics yet."""
    bench = Bench()
    bench.change(Described("a", 990))
    assert bench.sends() == []


def test_products_without_interest_are_retired() -> None:
    """First the wish on the way of all changes; when the row is gone, tombstones."""
    bench = Bench()
    bench.change(view("a"), view("b", at_ms=T0 + 400 * DAY_MS))
    sends = bench.sends()
    (wish,) = (send for send in sends if send.topic == CHANGES)
    (retired,) = decode_changes(wish.value)
    assert isinstance(retired, Retired)
    bench.change(retired)
    assert b"a" not in bench.rows
    assert bench.sends() == [
        Send(TOTALS, b"a", None),
        Send(PRODUCTS, b"a", None, [("ce_source", b"orchestrator-agents")]),
    ]
    assert bench.publisher.totals.sessions == 1


def test_totals_of_other_members_count() -> None:
    """N is of all members, and shrinks when a product is taken out."""
    publisher = Publisher(AgentsSettings(broker="a:1"))
    publisher.take_totals(b"x", b"[5,2,4,1]")
    assert (publisher.totals.sessions, publisher.totals.orders) == (4, 1)
    publisher.take_totals(b"x", None)
    assert (publisher.totals.sessions, publisher.totals.orders) == (0, 0)


def test_poison_is_counted_and_passed_over() -> None:
    """A refused record is no reason to stop; any other error is."""
    publisher = Publisher(AgentsSettings(broker="a:1"))
    for error in (InvalidRecord("schema", "of no use"), None):
        with publisher.counting():
            if error is not None:
                raise error
    assert publisher.counts == {"records": 2, "skipped.schema": 1}
    with pytest.raises(KeyError), publisher.counting():
        raise KeyError


def came(key: bytes | None, value: bytes | None, *headers: tuple[str, bytes]) -> Message:
    """A record of `shop.catalog`, at offset 7 of its partition, as Faust hands it over."""
    return Message("shop.catalog", 0, 7, T0 / 1000 + 0.001, 0, [*headers], key, value, None)


def refused(message: Message) -> Send:
    """What is sent for a record of the catalogue that is none."""
    publisher = Publisher(AgentsSettings(broker="a:1", group_prefix="shop", topic_prefix="shop."))
    letters: list[Send] = []

    def refuse(invalid: InvalidRecord) -> None:
        letters.append(publisher.dead_letter(message, invalid))

    with publisher.counting(refuse):
        read_catalog(message.key, message.value)
    (letter,) = letters
    return letter


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"p", b'{"id":"c","time_ms":1790000000000,"product_id":"p","price_cents":-4}', "schema"),
        (b"p", b"x", "invalid_json"),
        (b"q", b'{"id":"c","time_ms":1790000000000,"product_id":"p"}', "key_mismatch"),
        (None, b'{"id":"c","time_ms":1790000000000,"product_id":"p"}', "key_missing"),
        (b"\xff", None, "invalid_key"),
    ],
)
def test_what_is_no_product_becomes_a_dead_letter(
    key: bytes | None, value: bytes | None, reason: str
) -> None:
    """In the contract's form, under the record's key, with headers; a repeat is the same."""
    send = refused(came(key, value))
    assert (send.topic, send.key) == (DEAD_LETTERS, key)
    letter = orjson.loads(send.value or b"")
    DeadLetter.model_validate(letter, extra="forbid")
    assert letter["detail"]
    assert letter | {"detail": ""} == {
        "id": "dl-catalog-0-7",
        "type": "dead_letter",
        "time_ms": T0 + 1,
        "topic": "catalog",
        "partition": 0,
        "offset": 7,
        "key_base64": None if key is None else b64encode(key).decode(),
        "value_base64": None if value is None else b64encode(value).decode(),
        "value_bytes": len(value or b""),
        "truncated": False,
        "reason": reason,
        "detail": "",
        "first_seen_by": "shop-agents",
    }
    headers = dict(send.headers or ())
    assert headers["ce_id"] == b"dl-catalog-0-7"
    assert (headers["ce_type"], headers["ce_source"]) == (b"dead_letter", b"shop-agents")
    assert refused(came(key, value)) == send


def test_a_dead_letter_continues_the_trace_of_its_record() -> None:
    """Where the record has one."""
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = dict(refused(came(b"p", b"x", ("traceparent", trace))).headers or ())
    assert headers["traceparent"][:35] == trace[:35]
    assert headers["traceparent"] != trace


def shopper_row(time_ms: int) -> bytes:
    shopper = Shopper()
    meet_shopper(shopper, Viewed("u", None, "a", time_ms))
    return dump_shopper(shopper)


def test_silent_shoppers_are_forgotten() -> None:
    """After the retention; who came back meanwhile is looked at again later."""
    expiry = Expiry(retention_ms=DAY_MS)
    last_ms = {b"gone": T0, b"back": T0 + DAY_MS}.get
    expiry.notice(0, b"gone", T0)
    expiry.notice(0, b"back", T0)
    assert list(expiry.expired(0, T0 + DAY_MS - 1, last_ms)) == []
    assert list(expiry.expired(0, T0 + DAY_MS, last_ms)) == [b"gone"]
    assert list(expiry.expired(0, T0 + 2 * DAY_MS, last_ms)) == [b"back"]


def test_each_partition_has_its_own_time() -> None:
    """One that runs ahead forgets nobody of another, and time does not go back."""
    expiry = Expiry(retention_ms=DAY_MS)
    expiry.reset({b"u": shopper_row(T0)}, lambda key: 1)
    last_ms = {b"u": T0}.get
    assert list(expiry.expired(0, T0 + 9 * DAY_MS, last_ms)) == []
    assert list(expiry.expired(1, T0, last_ms)) == []
    assert list(expiry.expired(1, T0 + 9 * DAY_MS, last_ms)) == [b"u"]
    expiry.notice(1, b"u", T0)
    assert list(expiry.expired(1, T0, lambda _: None)) == []


def test_the_directory_serves_what_was_published() -> None:
    """The latest value of each, tombstones taken out, the steepest first."""
    directory = Directory()
    for product, trend in (("a", 0.9), ("b", 2.5), ("c", 1.5)):
        directory.take(product.encode(), orjson.dumps({"product_id": product, "trend": trend}))
    directory.take(b"c", None)
    trending = orjson.loads(directory.trending(5))
    assert [row["product_id"] for row in trending] == ["b", "a"]
    assert orjson.loads(directory.trending(1)) == trending[:1]
    assert directory.product("c") is None
    assert orjson.loads(directory.product("a") or b"")["trend"] == 0.9


@pytest.mark.parametrize(
    ("text", "limit"),
    [("1", 1), ("200", 200), ("0", None), ("201", None), ("-1", None), ("x", None), ("²", None)],
)
def test_limits_are_checked(text: str, limit: int | None) -> None:
    """A request for no or too many products is refused."""
    assert limit_of(text) == limit
