"""Clicks, orders and the catalogue to published statistics."""

import orjson
import pytest

from orchestrator.domain.merchandising.statistics import Occasions, PairUpdate
from orchestrator.errors import InvalidRecord
from orchestrator.messages.products import ProductStatistics
from orchestrator.processors.merchandising import (
    Change,
    Described,
    LogRecord,
    Ordered,
    Retired,
    Tables,
    Totals,
    Viewed,
    change_product,
    content_of,
    decode_changes,
    decode_occasions,
    dump_product,
    encode_changes,
    encode_occasions,
    load_product,
    read_catalog,
    read_shopper_event,
    rebuild,
)
from orchestrator.types import Payload
from tests.builders import T0_MS, click, encoded, order

FUTURE_MS = 600_000
NEVER_LATE = 10**15


def logged(topic: str, value: Payload) -> LogRecord:
    return LogRecord(topic, value["profile_id"].encode(), encoded(value), T0_MS)


def view(profile: str, product: str, at: float = 0) -> LogRecord:
    return logged("clickstream", click("product_viewed", at, profile, product_id=product))


def basket(profile: str, order_id: str, *products: str) -> LogRecord:
    lines = [{"product_id": product, "quantity": 1, "price_cents": 990} for product in products]
    return logged("orders", order("order_placed", 0, profile, order_id=order_id, products=lines))


def described(product: str, **fields: object) -> LogRecord:
    value = {"id": f"c-{product}", "time_ms": T0_MS, "product_id": product, **fields}
    return LogRecord("catalog", product.encode(), orjson.dumps(value), T0_MS)


def read(topic: str, value: Payload) -> Viewed | Ordered | None:
    return read_shopper_event(topic, value["profile_id"].encode(), encoded(value), NEVER_LATE)


def published(tables: Tables, product: str) -> Payload:
    payload = tables.payload(product, T0_MS)
    assert payload is not None
    return payload


def test_views_and_orders_are_read_from_both_topics() -> None:
    """What counts is recognised; what does not gives nothing."""
    viewed = read("clickstream", click("product_viewed", session="s", product_id="a"))
    lines = [{"product_id": "a", "quantity": 2, "price_cents": 1}]
    completed = read("clickstream", click("order_completed", order_id="o", products=lines))
    placed = read("orders", order("order_placed", order_id="o", products=lines))
    assert viewed == Viewed("p-1", "s", "a", T0_MS)
    assert completed == placed == Ordered("p-1", "o", ("a",), T0_MS)
    assert read("clickstream", click("page_viewed")) is None
    assert read("orders", order("order_paid", order_id="o")) is None
    assert read_shopper_event("clickstream", b"p-1", None, NEVER_LATE) is None


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"p-1", b"{nope", "invalid_json"),
        (b"p-1", b"[]", "schema"),
        (b"\xff", encoded(click("product_viewed")), "key_mismatch"),
        (None, encoded(click("product_viewed")), "key_mismatch"),
        (b"p-1", encoded(click("product_viewed", at=601)), "future_time"),
    ],
)
def test_poison_is_named(key: bytes | None, value: bytes, reason: str) -> None:
    """What can never be counted says why."""
    with pytest.raises(InvalidRecord) as refused:
        read_shopper_event("clickstream", key, value, T0_MS + FUTURE_MS)
    assert refused.value.reason == reason


def test_the_catalogue_describes_and_takes_back() -> None:
    """A tombstone describes nothing."""
    record = described("a", price_cents=990, currency="EUR", category="shoes")
    assert read_catalog(record.key, record.value) == Described("a", 990, "EUR", "shoes")
    assert read_catalog(b"a", None) == Described("a")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"a", described("a", price_cents=-4).value, "schema"),
        (b"a", b"x", "invalid_json"),
        (b"a", b"", "invalid_json"),
        (b"b", described("a").value, "key_mismatch"),
        (None, described("a").value, "key_missing"),
        (None, None, "key_missing"),
        (b"\xff", described("a").value, "invalid_key"),
        (b"\xff", None, "invalid_key"),
        (b"", None, "schema"),
    ],
)
def test_what_describes_no_product_is_named(
    key: bytes | None, value: bytes | None, reason: str
) -> None:
    """What of the catalogue can never be used says why."""
    with pytest.raises(InvalidRecord) as refused:
        read_catalog(key, value)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "changes",
    [
        [PairUpdate("a", "view", ("b", "c"), T0_MS, 7, counts=False)],
        [Described("a", 990, "EUR", None), Retired("b", T0_MS)],
        [],
    ],
)
def test_changes_survive_the_internal_topic(changes: list[Change]) -> None:
    """What is encoded reads back the same."""
    assert decode_changes(encode_changes(changes)) == changes


@pytest.mark.parametrize(
    "value", [b"", None, b"zzz", b"[[]]", b'[["pair"]]', b'[["else",1]]', b"7"]
)
def test_foreign_values_on_the_internal_topic_are_refused(value: bytes | None) -> None:
    """Poison there is poison like any other."""
    with pytest.raises(InvalidRecord):
        decode_changes(value)


def test_retiring_spares_who_is_still_of_interest() -> None:
    """The wish may be older than the latest view."""
    state = change_product(None, PairUpdate("a", "view", (), T0_MS, 1))
    assert state is not None
    assert change_product(load_product(dump_product(state)), Retired("a", T0_MS)) is not None
    assert change_product(state, Retired("a", T0_MS + 1)) is None


def test_totals_follow_replacements_and_removals() -> None:
    """Replacing a product's share does not count it twice; taking it out takes its part of N."""
    totals = Totals()
    totals.put("a", Occasions(5, 2, 3, 1))
    totals.put("a", Occasions(6, 2, 4, 1))
    totals.put("b", decode_occasions(encode_occasions(Occasions(1, 1, 1, 0))))
    assert (totals.sessions, totals.orders) == (5, 1)
    totals.put("a", None)
    assert (totals.sessions, totals.orders) == (1, 0)
    assert decode_occasions(None) is None


def test_what_goes_with_what_is_found() -> None:
    """Bread goes with butter; both with neither of the many others, however popular."""
    log = [basket(f"u-{n}", f"o-{n}", "bread", "butter", "bag") for n in range(40)]
    log += [basket(f"v-{n}", f"p-{n}", f"other-{n}", "bag") for n in range(160)]
    tables = rebuild(log, future_ms=FUTURE_MS)
    bread = published(tables, "bread")
    assert [partner["product_id"] for partner in bread["bought_with"]] == ["butter"]
    assert bread["bought_with"][0]["count"] == 40
    assert bread["bought_with"][0]["lift"] == pytest.approx(
        (40 + 3) / (40 * 40 / 200 + 3), abs=0.01
    )
    assert bread["purchases"] == 40
    assert tables.totals.orders == 200


def test_an_order_of_two_topics_is_one() -> None:
    """`order_completed` in the clickstream and `order_placed` in orders, in either order."""
    lines = [{"product_id": "a", "quantity": 1}, {"product_id": "b", "quantity": 1}]
    completed = logged(
        "clickstream", click("order_completed", 5, "u", order_id="o", products=lines)
    )
    placed = basket("u", "o", "a", "b")
    for log in ([completed, placed], [placed, completed, placed]):
        tables = rebuild(log, future_ms=FUTURE_MS)
        assert published(tables, "a")["purchases"] == 1
        assert tables.totals.orders == 1


def test_partitions_may_be_read_in_any_order() -> None:
    """Shoppers do not depend on one another: their records may interleave as they like."""
    records = [
        view(f"u-{shopper}", product, at)
        for shopper in range(10)
        for at, product in enumerate(("a", "b", "c")[: 1 + shopper % 3])
    ]
    by_product = sorted(records, key=lambda record: (record.value, record.key), reverse=True)
    one, other = rebuild(records, future_ms=FUTURE_MS), rebuild(by_product, future_ms=FUTURE_MS)
    for product in ("a", "b", "c"):
        assert content_of(published(one, product)) == content_of(published(other, product))


def test_payloads_are_of_the_contract() -> None:
    """Every field of a payload is one of the model's, and no other; the id names the content."""
    log = [view(f"u-{n}", product) for n in range(9) for product in ("a", "b")]
    log += [basket(f"u-{n}", f"o-{n}", "a", "c") for n in range(9)]
    log += [described("a", price_cents=990, currency="EUR", category="shoes")]
    tables = rebuild(log, future_ms=FUTURE_MS)
    payload = published(tables, "a")
    ProductStatistics.model_validate(payload, extra="forbid")
    assert payload["price_cents"] == 990
    assert published(tables, "a") == payload
    later = tables.payload("a", T0_MS + 1)
    assert later is not None
    assert later["id"] != payload["id"]


def test_a_product_only_described_is_not_published() -> None:
    """The catalogue alone is no statistics."""
    tables = rebuild([described("a", price_cents=990)], future_ms=FUTURE_MS)
    assert tables.payload("a", T0_MS) is None
    assert tables.payload("unknown", T0_MS) is None


def test_rebuild_counts_what_it_skips() -> None:
    """Poison is passed over and told by reason."""
    poison = LogRecord("clickstream", b"u", b"{", T0_MS)
    tables = rebuild([poison, view("u", "a"), poison], future_ms=FUTURE_MS)
    assert tables.skipped == {"invalid_json": 2}
    assert published(tables, "a")["views"] == 1
