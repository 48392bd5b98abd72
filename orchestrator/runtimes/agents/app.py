"""The Faust app: three agents, two tables, a timer; every one a shell around pure steps."""

import asyncio
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import faust
import structlog
from aiokafka import TopicPartition
from aiokafka.partitioner import murmur2
from faust.streams import Stream
from faust.types import FutureMessage, Message, TableT, TopicT

from orchestrator.domain.merchandising.shopper import Shopper
from orchestrator.domain.merchandising.statistics import ProductStatistics
from orchestrator.errors import InvalidRecord
from orchestrator.processors.merchandising import (
    CATALOG,
    CLICKSTREAM,
    ORDERS,
    PRODUCTS,
    Change,
    Ordered,
    Viewed,
    change_product,
    decode_changes,
    dump_product,
    dump_shopper,
    encode_changes,
    load_product,
    load_shopper,
    meet_shopper,
    read_catalog,
    read_shopper_event,
)
from orchestrator.runtimes.agents.connection import answers, client_options, faust_options
from orchestrator.runtimes.agents.follower import Follower, read_on
from orchestrator.runtimes.agents.lane import Lane
from orchestrator.runtimes.agents.publisher import Expiry, Publisher, Send
from orchestrator.runtimes.agents.settings import (
    CHANGES,
    DEAD_LETTERS,
    SHOPPERS,
    STATISTICS,
    TOTALS,
    AgentsSettings,
)
from orchestrator.runtimes.agents.views import Directory, add_views

CHANGES_A_MESSAGE = 500
DRAIN_S = 0.01
REQUEST_BYTES = 4 * 1024 * 1024 + 65_536
"""Room for the largest dead letter and its headers."""
PRODUCTS_A_SLICE = 50
"""Products looked at for publication before the event loop gets its turn again."""
_RAW: Mapping[str, Any] = {
    "key_type": bytes,
    "value_type": bytes,
    "key_serializer": "raw",
    "value_serializer": "raw",
    "allow_empty": True,
}

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Parts:
    """What the agents of one app share."""

    settings: AgentsSettings
    app: faust.App
    publisher: Publisher
    directory: Directory
    follower: Follower
    shoppers: Lane[Shopper]
    products: Lane[ProductStatistics]
    expiry: Expiry
    topics: dict[str, TopicT]
    partitions: int
    outbox: dict[int, list[Change]] = field(default_factory=dict)
    """Changes on their way to the partition of their product."""
    letters: list[Send] = field(default_factory=list)
    """Dead letters on their way."""

    def partition_of(self, key: bytes) -> int:
        """The partition of a key, as every murmur2 producer has it."""
        return int((murmur2(key) & 0x7FFFFFFF) % self.partitions)

    def owns(self, key: bytes) -> bool:
        """Whether this member holds the partition of a product."""
        changes = self.settings.topic(CHANGES)
        return faust.types.TP(changes, self.partition_of(key)) in self.app.consumer.assignment()

    def ready(self) -> bool:
        """Whether tables are restored, totals known, and records flowing."""
        app = self.app
        return (
            self.follower.caught_up.is_set()
            and not app.rebalancing
            and app.tables.recovery.completed.is_set()  # type: ignore[attr-defined]
            and not app.should_stop
        )

    async def hindrance(self) -> str | None:
        """Why records cannot be taken now, for `/readyz`."""
        if not self.ready():
            return "restoring or rebalancing"
        return None if await answers(self.settings) else "no broker answers"

    def emit(self, changes: Iterable[Change]) -> None:
        """Put changes aside until the next flush."""
        for change in changes:
            partition = self.partition_of(change.product_id.encode())
            self.outbox.setdefault(partition, []).append(change)

    def refuse(self, message: Message, invalid: InvalidRecord) -> None:
        """Put the dead letter of a record of `catalog` aside until the next flush."""
        self.letters.append(self.publisher.dead_letter(message, invalid))

    async def flush(self) -> None:
        """Send what was put aside, write the rows that changed, acknowledge their records."""
        outbox, self.outbox = self.outbox, {}
        letters, self.letters = self.letters, []
        await self.shoppers.flush(self._outgoing(outbox, letters))
        self.publisher.touch(await self.products.flush())

    def _outgoing(
        self, outbox: Mapping[int, list[Change]], letters: Iterable[Send]
    ) -> Iterator[FutureMessage]:
        changes = self.topics[CHANGES]
        for partition, whole in outbox.items():
            for part in _parts(whole):
                yield changes.send_soon(value=encode_changes(part), partition=partition)
        for send in letters:
            topic = self.topics[send.topic]
            yield topic.send_soon(key=send.key, value=send.value, headers=send.headers)

    async def restored(self) -> None:
        """Tables were restored after a start or rebalance: begin from their rows.

        Where partitions move again meanwhile, nothing is taken: Faust restores once more, and this
        is called again.
        """
        self._begin_anew()
        try:
            count = await self._restore_the_rest()
        except Exception as error:
            # Faust ignores what a callback raises, and would count on from half a table
            await self.app.crash(error)
            raise
        if count is None:
            log.info("restoration_overtaken")
            return
        log.info("tables_restored", beyond_the_listed_end=count)
        self._begin_anew()
        self.expiry.reset(self.shoppers.table.data, self.partition_of)
        self.publisher.forget_published()
        self.publisher.touch(self.products.table.data)

    def _begin_anew(self) -> None:
        self.outbox.clear()
        self.letters.clear()
        for lane in (self.shoppers, self.products):
            lane.reset()

    async def _restore_the_rest(self) -> int | None:
        """Read the changelogs on to where they really end.

        Faust stops at the end that ListOffsets names. The embedded broker names the start of the
        last batch: all rows but the first of it would be missing, and be counted from nothing.

        Returns:
            How many rows there were; None if partitions moved again before all were read.
        """
        await self.app.producer.flush()  # rows on their way are news to what is read here
        tables: Any = self.app.tables
        recovery = tables.recovery
        while not tables.changelog_queue.empty():  # noqa: ASYNC110 - Faust signals nothing here
            await asyncio.sleep(DRAIN_S)
        recovery.flush_buffers()  # what Faust had fetched beyond that end, or it comes later
        generation = recovery._generation_id  # noqa: SLF001 - told nowhere else
        reached = {place: recovery.active_offsets[place] for place in recovery.active_tps}
        if None in reached.values():  # of the next restoration, which has not begun to read
            return None
        rows: list[tuple[TopicPartition, bytes, bytes | None]] = []
        count = await read_on(
            client_options(self.settings),
            {
                TopicPartition(place.topic, place.partition): offset + 1
                for place, offset in reached.items()
            },
            lambda *row: rows.append(row),
        )
        if generation != self.app.consumer_generation_id:
            return None
        rows_of: dict[str, TableT[bytes, bytes]] = {
            self.settings.topic(SHOPPERS): self.shoppers.table,
            self.settings.topic(STATISTICS): self.products.table,
        }
        for place, key, row in rows:
            data = rows_of[place.topic].data
            if row is None:
                data.pop(key, None)
            else:
                data[key] = row
        return count

    async def publish(self) -> None:
        """Send all that is due; in slices, so that clicks are not held up."""
        if not self.ready():
            return
        sent = looked_at = 0
        for send in self.publisher.plan(self.products.table.data, self.owns):
            if send is not None:
                await self.topics[send.topic].send(
                    key=send.key, value=send.value, headers=send.headers
                )
                sent += 1
                continue
            looked_at += 1
            if looked_at % PRODUCTS_A_SLICE == 0:
                await asyncio.sleep(0)
        if sent:
            log.info("merchandising_published", sent=sent, **self.publisher.counts)


def build_app(settings: AgentsSettings, partitions: Mapping[str, int]) -> faust.App:
    """Make the app; nothing runs and nothing is connected yet.

    Args:
        settings: What the agents were told.
        partitions: Partitions of the broker's topics, by their names there.

    Raises:
        InvalidSettings: An `-X` key that does not map.
    """
    app = faust.App(settings.group, **_options(settings))
    publisher, directory = Publisher(settings), Directory()
    takes = {settings.topic(TOTALS): publisher.take_totals}
    if settings.web_port is not None:
        takes[settings.topic(PRODUCTS)] = directory.take
    topics = {
        name: app.topic(settings.topic(name), **_RAW)
        for name in (CHANGES, TOTALS, PRODUCTS, CATALOG, DEAD_LETTERS)
    }
    parts = Parts(
        settings=settings,
        app=app,
        publisher=publisher,
        directory=directory,
        follower=Follower(client_options(settings), takes, partitions),
        shoppers=Lane(_table(app, settings, SHOPPERS), load_shopper, dump_shopper),
        products=Lane(_table(app, settings, STATISTICS), load_product, dump_product),
        expiry=Expiry(settings.shopper_retention_ms),
        topics=topics,
        partitions=partitions[settings.topic(CHANGES)],
    )
    _add_shoppers(parts)
    _add_products(parts)
    _add_tasks(parts)
    if settings.web_port is not None:
        add_views(app, directory, parts.hindrance)
    return app


def _add_shoppers(parts: Parts) -> None:
    """Clicks and orders, by profile: to the changes they make to products."""
    settings, lane, expiry = parts.settings, parts.shoppers, parts.expiry
    names = {settings.topic(name): name for name in (CLICKSTREAM, ORDERS)}

    @parts.app.agent(parts.app.topic(*names, **_RAW), name="shoppers")  # type: ignore[arg-type]
    async def _(stream: Stream[bytes]) -> None:
        async for event in stream.noack().events():
            with parts.publisher.counting():
                seen = read(event.message)
                if seen is not None:
                    fold(event.message.partition, seen)
            await lane.took(stream, event)

    def read(message: Message) -> Viewed | Ordered | None:
        latest_ms = int(message.timestamp * 1000) + settings.future_ms
        return read_shopper_event(names[message.topic], message.key, message.value, latest_ms)

    def fold(partition: int, seen: Viewed | Ordered) -> None:
        key = seen.profile_id.encode()
        shopper = lane.get(key)
        if shopper is None:
            shopper = Shopper()
            expiry.notice(partition, key, seen.time_ms)
        parts.emit(meet_shopper(shopper, seen))
        lane.put(key, shopper, partition)
        for silent in expiry.expired(partition, seen.time_ms, last_ms_of):
            lane.put(silent, None, partition)

    def last_ms_of(key: bytes) -> int | None:
        shopper = lane.get(key)
        return None if shopper is None else shopper.last_ms


def _add_products(parts: Parts) -> None:
    """Changes, by product: to its statistics. The catalogue's take the same way."""
    publisher, lane = parts.publisher, parts.products

    @parts.app.agent(parts.topics[CATALOG], name="catalog")  # type: ignore[arg-type]
    async def _(stream: Stream[bytes]) -> None:
        async for event in stream.noack().events():
            with publisher.counting(partial(parts.refuse, event.message)):
                parts.emit([read_catalog(event.message.key, event.message.value)])
            await parts.shoppers.took(stream, event)

    @parts.app.agent(parts.topics[CHANGES], name="products")  # type: ignore[arg-type]
    async def _(stream: Stream[bytes]) -> None:
        async for event in stream.noack().events():
            with publisher.counting():
                for change in decode_changes(event.message.value):
                    key = change.product_id.encode()
                    lane.put(key, change_product(lane.get(key), change), event.message.partition)
                    publisher.tell_time(change)
            await lane.took(stream, event)


def _add_tasks(parts: Parts) -> None:
    """What happens beside the records."""
    app, settings = parts.app, parts.settings
    parts.products.table.on_recover(parts.restored)

    @app.task  # type: ignore[untyped-decorator]
    async def _() -> None:
        await parts.follower.run()

    @app.task  # type: ignore[untyped-decorator]
    async def _() -> None:
        while True:  # until cancelled: a shutdown waits for the last acknowledgements
            await asyncio.sleep(settings.flush_every_ms / 1000)
            await parts.flush()

    @app.timer(interval=settings.publish_every_ms / 1000, name="publish")  # type: ignore[untyped-decorator]
    async def _() -> None:
        await parts.publish()

    @app.timer(interval=settings.refresh_every_ms / 1000, name="refresh")  # type: ignore[untyped-decorator]
    async def _() -> None:
        parts.publisher.touch(parts.products.table.data)


def _parts(changes: list[Change]) -> Iterator[list[Change]]:
    """Messages of bounded size."""
    for start in range(0, len(changes), CHANGES_A_MESSAGE):
        yield changes[start : start + CHANGES_A_MESSAGE]


def _table(app: faust.App, settings: AgentsSettings, name: str) -> TableT[bytes, bytes]:
    changelog = app.topic(settings.topic(name), **_RAW)
    return app.Table(name, key_type=bytes, value_type=bytes, changelog_topic=changelog)


def _options(settings: AgentsSettings) -> dict[str, Any]:
    state_dir = settings.state_dir or Path(tempfile.gettempdir(), settings.group)
    web = {} if settings.web_port is None else {"web_port": settings.web_port}
    return {
        "broker": ";".join(f"kafka://{host}" for host in settings.broker.split(",")),
        "autodiscover": False,
        "broker_commit_interval": 1.0,
        "broker_heartbeat_interval": 3.0,
        "broker_session_timeout": 30.0,
        "consumer_auto_offset_reset": "earliest",
        "datadir": str(state_dir),
        "processing_guarantee": "at_least_once",
        "producer_linger": 0.005,
        "producer_max_request_size": REQUEST_BYTES,
        # it is for tables on disk; what is read back here may lie beyond the end that is listed
        "recovery_consistency_check": False,
        "store": "memory://",
        "stream_wait_empty": True,
        "table_standby_replicas": 0,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_bind": settings.web_host,
        "web_enabled": bool(web),
        "web_host": settings.web_host,
        "web_in_thread": False,
        "web_graph_enabled": False,
        "web_router_enabled": False,
        "web_stats_enabled": False,
        "web_tables_enabled": False,
        **web,
        **faust_options(settings.kafka),
    }
