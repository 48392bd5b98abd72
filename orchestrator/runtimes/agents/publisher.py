"""What of the tables is due for publication, and what it looks like. No I/O: Faust sends it."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

import orjson
from faust.types import Message

from orchestrator.domain.merchandising.statistics import Occasions, PairUpdate
from orchestrator.errors import InvalidRecord
from orchestrator.messages import envelope
from orchestrator.messages.envelope import Headers
from orchestrator.processors.dead_letters import dead_letter
from orchestrator.processors.merchandising import (
    CATALOG,
    PRODUCTS,
    Change,
    Retired,
    Totals,
    content_of,
    decode_occasions,
    encode_changes,
    encode_occasions,
    load_product,
    load_shopper,
    product_payload,
)
from orchestrator.runtimes.agents.settings import CHANGES, DEAD_LETTERS, TOTALS, AgentsSettings
from orchestrator.types import Position

Rows: TypeAlias = Mapping[bytes, bytes]


class Send(NamedTuple):
    """A record to be sent."""

    topic: str
    """Logical name."""
    key: bytes | None
    value: bytes | None
    headers: Headers | None = None
    """Of what others read; None: the agents' own."""


class Publisher:
    """Which products changed, the totals of all, and what was last published of each.

    Args:
        settings: The agents'.
    """

    def __init__(self, settings: AgentsSettings) -> None:
        self._retention_ms = settings.product_retention_ms
        self._source = settings.group
        self.totals = Totals()
        self.now_ms = 0
        """Greatest event time met: what trends are as of."""
        self.counts: Counter[str] = Counter()
        """Records counted, skipped (by reason), published; since the start of the process."""
        self._due: set[bytes] = set()
        self._published: dict[bytes, int] = {}

    @contextmanager
    def counting(self, refuse: Callable[[InvalidRecord], None] = lambda _: None) -> Iterator[None]:
        """Around one record: a record that can never be counted is passed over, not raised.

        Args:
            refuse: Told why.
        """
        self.counts["records"] += 1
        try:
            yield
        except InvalidRecord as invalid:
            self.counts[f"skipped.{invalid.reason}"] += 1
            refuse(invalid)

    def dead_letter(self, message: Message, invalid: InvalidRecord) -> Send:
        """A record of `catalog` that can never be used; the same each time it is met.

        Args:
            message: The record as it came.
            invalid: Why.
        """
        letter = dead_letter(
            Position(CATALOG, message.partition, message.offset),
            message.key,
            message.value,
            (invalid.reason, invalid.detail),
            self._source,
            round(message.timestamp * 1000),
        )
        came = message.headers
        trace = envelope.incoming_traceparent(came.items() if isinstance(came, Mapping) else came)
        headers = envelope.headers(letter, self._source, trace)
        return Send(DEAD_LETTERS, message.key, orjson.dumps(letter), headers)

    def tell_time(self, change: Change) -> None:
        """A change was met: trends are as of the latest."""
        if isinstance(change, PairUpdate):
            self.now_ms = max(self.now_ms, change.time_ms)

    def touch(self, keys: Iterable[bytes]) -> None:
        """The rows of these products changed: they are due."""
        self._due.update(keys)

    def take_totals(self, key: bytes, value: bytes | None) -> None:
        """A row of the totals came round, from this member or another."""
        self.totals.put(key.decode(), decode_occasions(value))

    def forget_published(self) -> None:
        """Partitions moved: another member may have published since."""
        self._published.clear()

    def plan(self, rows: Rows, owns: Callable[[bytes], bool]) -> Iterator[Send | None]:
        """Everything due, as records: first the totals, then what is computed from them.

        None stands for a product that has been looked at: a good moment to let others have a turn.

        Args:
            rows: The table of products.
            owns: Whether this member holds a product's partition; others' rows may be stale.
        """
        due = sorted(key for key in self._due if owns(key))
        self._due.clear()
        for key in due:
            yield from self._plan_totals(key, rows.get(key))
            yield None
        for key in due:
            yield from self._plan_product(key, rows.get(key))
            yield None

    def _plan_totals(self, key: bytes, row: bytes | None) -> Iterator[Send]:
        product_id = key.decode()
        occasions = load_product(row).occasions if row else Occasions()
        known = self.totals.by_product.get(product_id)
        if occasions == (known or Occasions()):
            return
        gone = occasions == Occasions()
        self.totals.put(product_id, None if gone else occasions)
        yield Send(TOTALS, key, None if gone else encode_occasions(occasions))
        if gone:
            self._published.pop(key, None)
            yield Send(PRODUCTS, key, None, envelope.tombstone_headers(self._source))

    def _plan_product(self, key: bytes, row: bytes | None) -> Iterator[Send]:
        state = load_product(row) if row else None
        if state is None or state.occasions == Occasions():
            return
        self.now_ms = max(self.now_ms, state.interest.at_ms)
        product_id = key.decode()
        horizon_ms = self.now_ms - self._retention_ms
        if state.interest.at_ms < horizon_ms:
            # Tables change only inside an agent, so the wish takes the way of all changes.
            yield Send(CHANGES, key, encode_changes([Retired(product_id, horizon_ms)]))
            return
        payload = product_payload(product_id, state, self.totals, self.now_ms)
        content = content_of(payload)
        if self._published.get(key) != content:
            self._published[key] = content
            self.counts["published"] += 1
            headers = envelope.headers(payload, self._source)
            yield Send(PRODUCTS, key, orjson.dumps(payload), headers)


class Expiry:
    """Which shoppers of a partition have been silent for long: a queue by first notice.

    A row that has moved on since is queued again when its turn comes, so every row is looked at
    about once per retention.
    """

    def __init__(self, retention_ms: int) -> None:
        self._retention_ms = retention_ms
        self._queues: dict[int, deque[tuple[int, bytes]]] = {}
        self._now_ms: dict[int, int] = {}

    def reset(self, rows: Rows, partition_of: Callable[[bytes], int]) -> None:
        """Start over from a restored table."""
        self._queues.clear()
        self._now_ms.clear()
        for last_ms, key in sorted((load_shopper(row).last_ms, key) for key, row in rows.items()):
            partition = partition_of(key)
            self._queues.setdefault(partition, deque()).append((last_ms, key))
            self._now_ms[partition] = last_ms

    def notice(self, partition: int, key: bytes, last_ms: int) -> None:
        """A row came into being."""
        self._queues.setdefault(partition, deque()).append((last_ms, key))

    def expired(
        self, partition: int, now_ms: int, last_ms_of: Callable[[bytes], int | None]
    ) -> Iterator[bytes]:
        """Keys to forget by now; the caller removes them.

        Args:
            partition: Whose time it is.
            now_ms: Event time there.
            last_ms_of: A shopper's latest event time; None: already gone.
        """
        now_ms = self._now_ms[partition] = max(now_ms, self._now_ms.get(partition, 0))
        queue = self._queues.get(partition)
        while queue and queue[0][0] <= now_ms - self._retention_ms:
            _, key = queue.popleft()
            last_ms = last_ms_of(key)
            if last_ms is None:
                continue
            if last_ms <= now_ms - self._retention_ms:
                yield key
            else:
                queue.append((last_ms, key))
