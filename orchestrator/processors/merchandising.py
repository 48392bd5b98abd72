"""Clicks, orders and the catalogue in; pair updates, product statistics, published rows out.

Pure steps around `orchestrator.domain.merchandising`: keyed folds by shopper (`meet_shopper`) and
by product (`change_product`), and the `Totals` that every publisher needs whole. `rebuild` runs
all of them over a log, in process.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import orjson

from orchestrator.domain.merchandising.shopper import Shopper
from orchestrator.domain.merchandising.statistics import (
    Occasions,
    PairUpdate,
    ProductStatistics,
    shrunk_lift,
)
from orchestrator.errors import InvalidRecord
from orchestrator.messages import wire
from orchestrator.types import Payload

CLICKSTREAM = "clickstream"
ORDERS = "orders"
CATALOG = "catalog"
PRODUCTS = "merchandising.products"

PARTNERS_PUBLISHED = 20
"""Partners of a published product, per kind: the highest lifts above chance."""
MAX_ID_LENGTH = 256


class Viewed(NamedTuple):
    """A product page was opened."""

    profile_id: str
    session_id: str | None
    product_id: str
    time_ms: int


class Ordered(NamedTuple):
    """An order was placed, by whichever topic told of it."""

    profile_id: str
    order_id: str
    product_ids: tuple[str, ...]
    time_ms: int


class Described(NamedTuple):
    """What the catalogue says of a product; all None: it was taken out."""

    product_id: str
    price_cents: int | None = None
    currency: str | None = None
    category: str | None = None


class Retired(NamedTuple):
    """Forget a product nobody has looked at for long."""

    product_id: str
    before_ms: int
    """Only where its latest occasion lies before this event time."""


Change: TypeAlias = PairUpdate | Described | Retired


def read_shopper_event(
    topic: str, key: bytes | None, value: bytes | None, latest_ms: int
) -> Viewed | Ordered | None:
    """Decode a record of `clickstream` or `orders`; None: nothing to count in it.

    Args:
        topic: Logical topic name.
        key: The record's key, the profile.
        value: The record's bytes.
        latest_ms: Event times beyond this are the error of some clock.

    Raises:
        InvalidRecord: The record can never be counted.
    """
    if not value:
        return None
    event = wire.decode(topic, (key or b"").decode(errors="replace"), value)
    kind = event.type
    if event.time_ms > latest_ms:
        raise InvalidRecord("future_time", "the event lies in the future")
    if topic == CLICKSTREAM and kind == "product_viewed":
        product_id = event.properties.product_id
        return Viewed(event.profile_id, event.session_id, product_id, event.time_ms)
    if topic == CLICKSTREAM and kind == "order_completed":
        ordered = event.properties
    elif topic == ORDERS and kind == "order_placed":
        ordered = event
    else:
        return None
    products = tuple(line.product_id for line in ordered.products or ())
    return Ordered(event.profile_id, ordered.order_id, products, event.time_ms)


def read_catalog(key: bytes | None, value: bytes | None) -> Described:
    """Decode a record of `catalog`; a tombstone describes nothing.

    Raises:
        InvalidRecord: The record can never be used.
    """
    if key is None:
        raise InvalidRecord("key_missing", "the record has no key")
    try:
        product_id = key.decode()
    except UnicodeDecodeError:
        raise InvalidRecord("invalid_key", "the key is not UTF-8") from None
    if value is not None:
        product = wire.decode(CATALOG, product_id, value)
        return Described(product_id, product.price_cents, product.currency, product.category)
    if not 0 < len(product_id) <= MAX_ID_LENGTH:
        raise InvalidRecord("schema", "the key is no product id")
    return Described(product_id)


def meet_shopper(shopper: Shopper, event: Viewed | Ordered) -> tuple[PairUpdate, ...]:
    """One view or order into a shopper's state; returns what it changes for which products."""
    if isinstance(event, Viewed):
        return shopper.view(event.profile_id, event.session_id, event.product_id, event.time_ms)
    return shopper.order(event.profile_id, event.order_id, event.product_ids, event.time_ms)


def change_product(state: ProductStatistics | None, change: Change) -> ProductStatistics | None:
    """One change into a product's state; None: there is nothing to keep, or no longer."""
    state = state or ProductStatistics()
    if isinstance(change, PairUpdate):
        state.apply(change)
    elif isinstance(change, Described):
        state.describe(change.price_cents, change.currency, change.category)
    elif state.interest.at_ms < change.before_ms:
        state = state.forgotten()
    return None if state.is_blank() else state


def load_shopper(row: bytes) -> Shopper:
    """A shopper's row, as its host keeps it."""
    return Shopper.load(orjson.loads(row))


def dump_shopper(state: Shopper) -> bytes:
    """The inverse of `load_shopper`."""
    return orjson.dumps(state.dump())


def load_product(row: bytes) -> ProductStatistics:
    """A product's row, as its host keeps it."""
    return ProductStatistics.load(orjson.loads(row))


def dump_product(state: ProductStatistics) -> bytes:
    """The inverse of `load_product`."""
    return orjson.dumps(state.dump())


_TAGS: Mapping[str, type[Change]] = {"pair": PairUpdate, "described": Described, "retired": Retired}


def encode_changes(changes: Iterable[Change]) -> bytes:
    """Changes of products of one partition, for the internal topic."""
    return orjson.dumps([[_tag_of(change), *change] for change in changes])


def decode_changes(value: bytes | None) -> list[Change]:
    """The inverse of `encode_changes`.

    Raises:
        InvalidRecord: Somebody else wrote to the internal topic.
    """
    try:
        return [_change(tag, fields) for tag, *fields in orjson.loads(value or b"")]
    except (ValueError, TypeError, KeyError, IndexError):
        raise InvalidRecord("schema", "these are no changes of products") from None


def _tag_of(change: Change) -> str:
    return next(tag for tag, kind in _TAGS.items() if isinstance(change, kind))


def _change(tag: str, fields: list[Any]) -> Change:
    if tag == "pair":
        fields[2] = tuple(fields[2])
    return _TAGS[tag](*fields)


class Totals:
    """What every publisher must know of all products, its own or not: n_j of each, and N."""

    __slots__ = ("by_product", "orders", "sessions")

    def __init__(self) -> None:
        self.by_product: dict[str, Occasions] = {}
        self.sessions = 0
        """N of views: sessions in which a product was viewed."""
        self.orders = 0
        """N of purchases."""

    def put(self, product_id: str, occasions: Occasions | None) -> None:
        """Replace one product's share; None takes it out."""
        before = self.by_product.pop(product_id, Occasions())
        after = occasions or Occasions()
        self.sessions += after.led_views - before.led_views
        self.orders += after.led_purchases - before.led_purchases
        if occasions is not None:
            self.by_product[product_id] = occasions


def encode_occasions(occasions: Occasions) -> bytes:
    """One product's share of the totals, for the internal topic."""
    return orjson.dumps(list(occasions))


def decode_occasions(value: bytes | None) -> Occasions | None:
    """The inverse of `encode_occasions`; None for a tombstone."""
    return Occasions(*orjson.loads(value)) if value else None


def product_payload(
    product_id: str, state: ProductStatistics, totals: Totals, now_ms: int
) -> Payload:
    """One product in the form of `merchandising.products`.

    Args:
        product_id: Its key.
        state: Its statistics.
        totals: Counts of its partners, and of all occasions.
        now_ms: Event time the trend is as of.
    """
    time_ms = max(now_ms, state.interest.at_ms)
    payload: Payload = {
        "type": "product_statistics",
        "time_ms": time_ms,
        "product_id": product_id,
        "views": state.occasions.views,
        "purchases": state.occasions.purchases,
        "trend": round(state.interest.trend(time_ms), 3),
        "bought_with": _partners(state.bought_with, product_id, state, totals, bought=True),
        "viewed_with": _partners(state.viewed_with, product_id, state, totals, bought=False),
        "price_cents": state.price_cents,
        "currency": state.currency,
        "category": state.category,
    }
    digest = hashlib.blake2b(orjson.dumps(payload), digest_size=10).hexdigest()
    return {"id": f"mp-{digest}", **payload}


def content_of(payload: Payload) -> int:
    """A hash of what a reader sees in a payload, its id and time left out."""
    seen = {name: value for name, value in payload.items() if name not in ("id", "time_ms")}
    return int.from_bytes(hashlib.blake2b(orjson.dumps(seen), digest_size=8).digest(), "big")


class LogRecord(NamedTuple):
    """A record of an input topic as it lies in the log."""

    topic: str
    """Logical topic name."""
    key: bytes | None
    value: bytes | None
    written_ms: int
    """Kafka's timestamp."""


@dataclass(slots=True)
class Tables:
    """What the agents keep between them, whole."""

    shoppers: dict[str, Shopper] = field(default_factory=dict)
    products: dict[str, ProductStatistics] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    skipped: dict[str, int] = field(default_factory=dict)
    """Records that could not be counted, by reason."""

    def payload(self, product_id: str, now_ms: int) -> Payload | None:
        """What the agents publish of a product once they stand still; None: nothing."""
        state = self.products.get(product_id)
        if state is None or state.occasions == Occasions():
            return None
        return product_payload(product_id, state, self.totals, now_ms)


def rebuild(records: Iterable[LogRecord], *, future_ms: int) -> Tables:
    """Count the whole log again, in process: the truth that the agents' tables are checked against.

    Args:
        records: The input topics; in log order within a partition, any order between them.
        future_ms: How far an event may lie after its record's timestamp.
    """
    tables = Tables()
    for record in records:
        try:
            changes = _changes(tables, record, record.written_ms + future_ms)
        except InvalidRecord as invalid:
            tables.skipped[invalid.reason] = tables.skipped.get(invalid.reason, 0) + 1
            continue
        for change in changes:
            state = change_product(tables.products.pop(change.product_id, None), change)
            if state is not None:
                tables.products[change.product_id] = state
    for product_id, state in tables.products.items():
        tables.totals.put(product_id, state.occasions)
    return tables


def _changes(tables: Tables, record: LogRecord, latest_ms: int) -> tuple[Change, ...]:
    if record.topic == CATALOG:
        return (read_catalog(record.key, record.value),)
    event = read_shopper_event(record.topic, record.key, record.value, latest_ms)
    if event is None:
        return ()
    return meet_shopper(tables.shoppers.setdefault(event.profile_id, Shopper()), event)


def _partners(
    counts: Mapping[str, int],
    product_id: str,
    state: ProductStatistics,
    totals: Totals,
    *,
    bought: bool,
) -> list[Payload]:
    """The partners met more often than chance has it: highest lift first, ties by count and id."""
    everything = totals.orders if bought else totals.sessions
    own = state.occasions.purchases if bought else state.occasions.views
    rows: list[tuple[float, int, str]] = []
    for partner, count in counts.items():
        known = totals.by_product.get(partner)
        if known is None:
            continue  # forgotten, or its counts have not come round yet
        theirs = known.purchases if bought else known.views
        lift = round(shrunk_lift(count, own, theirs, everything), 2)
        if lift > 1.0 and partner != product_id:
            rows.append((-lift, -count, partner))
    rows.sort()
    return [
        {"product_id": partner, "lift": -lift, "count": -count}
        for lift, count, partner in rows[:PARTNERS_PUBLISHED]
    ]
