"""The Faust app: three agents, two tables, a timer; every one a shell around pure steps."""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faust
import structlog
from aiokafka.partitioner import murmur2
from faust.types import StreamT, TableT, TopicT

from orchestrator.processors.merchandising import (
    CATALOG,
    CLICKSTREAM,
    ORDERS,
    PRODUCTS,
    Change,
    decode_change,
    encode_change,
    fold_product,
    fold_shopper,
    read_catalog,
    read_shopper_event,
)
from orchestrator.runtimes.agents.connection import client_options, faust_options
from orchestrator.runtimes.agents.follower import Follower
from orchestrator.runtimes.agents.publisher import Expiry, Publisher
from orchestrator.runtimes.agents.settings import (
    CHANGES,
    SHOPPERS,
    STATISTICS,
    TOTALS,
    AgentsSettings,
)
from orchestrator.runtimes.agents.views import Directory, add_views

SENDS_A_SLICE = 200
"""Records sent before the event loop gets its turn again."""
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
    shoppers: TableT[bytes, bytes]
    products: TableT[bytes, bytes]
    topics: dict[str, TopicT]
    partitions: int

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

    async def publish(self) -> None:
        """Send all that is due; in slices, so that clicks are not held up."""
        if not self.ready():
            return
        sent = 0
        for topic, key, value in self.publisher.plan(self.products, self.owns):
            await self.topics[topic].send(key=key, value=value)
            sent += 1
            if sent % SENDS_A_SLICE == 0:
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
        for name in (CHANGES, TOTALS, PRODUCTS, CATALOG)
    }
    parts = Parts(
        settings=settings,
        app=app,
        publisher=publisher,
        directory=directory,
        follower=Follower(client_options(settings), takes, partitions),
        shoppers=_table(app, "shoppers", settings.topic(SHOPPERS)),
        products=_table(app, "products", settings.topic(STATISTICS)),
        topics=topics,
        partitions=partitions[settings.topic(CHANGES)],
    )
    _add_shoppers(parts)
    _add_products(parts)
    _add_tasks(parts)
    if settings.web_port is not None:
        add_views(app, directory, parts.ready)
    return app


def _add_shoppers(parts: Parts) -> None:
    """Clicks and orders, by profile: to the changes they make to products."""
    settings, publisher, shoppers = parts.settings, parts.publisher, parts.shoppers
    names = {settings.topic(name): name for name in (CLICKSTREAM, ORDERS)}
    expiry = Expiry(settings.shopper_retention_ms)

    async def restored() -> None:
        expiry.reset(shoppers, parts.partition_of)

    shoppers.on_recover(restored)

    @parts.app.agent(parts.app.topic(*names, **_RAW), name="shoppers")
    async def _(stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            message = event.message
            with publisher.counting():
                latest_ms = int(message.timestamp * 1000) + settings.future_ms
                logical = names[message.topic]
                seen = read_shopper_event(logical, message.key, message.value, latest_ms)
                if seen is not None:
                    await fold(message.partition, seen)

    async def fold(partition: int, seen: Any) -> None:
        key = seen.profile_id.encode()
        row = shoppers.get(key)
        shoppers[key], last_ms, updates = fold_shopper(row, seen)
        if row is None:
            expiry.notice(partition, key, last_ms)
        for update in updates:
            await _send_change(parts, update)
        for silent in list(expiry.expired(partition, last_ms, shoppers)):
            del shoppers[silent]


def _add_products(parts: Parts) -> None:
    """Changes, by product: to its statistics. The catalogue's take the same way."""
    publisher, products = parts.publisher, parts.products

    @parts.app.agent(parts.topics[CATALOG], name="catalog")
    async def _(stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            with publisher.counting():
                await _send_change(parts, read_catalog(event.message.key, event.message.value))

    @parts.app.agent(parts.topics[CHANGES], name="products")
    async def _(stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            with publisher.counting():
                change = decode_change(event.message.value)
                key = change.product_id.encode()
                row = fold_product(products.get(key), change)
                if row is not None:
                    products[key] = row
                elif key in products:
                    del products[key]
                publisher.touch(key, change)


def _add_tasks(parts: Parts) -> None:
    """What happens beside the records."""
    app, publisher, products, settings = parts.app, parts.publisher, parts.products, parts.settings

    async def restored() -> None:
        publisher.forget_published()
        publisher.look_again(products)

    products.on_recover(restored)

    @app.task  # type: ignore[untyped-decorator]
    async def _() -> None:
        await parts.follower.run()

    @app.timer(interval=settings.publish_every_ms / 1000, name="publish")  # type: ignore[untyped-decorator]
    async def _() -> None:
        await parts.publish()

    @app.timer(interval=settings.refresh_every_ms / 1000, name="refresh")  # type: ignore[untyped-decorator]
    async def _() -> None:
        publisher.look_again(products)


async def _send_change(parts: Parts, change: Change) -> None:
    await parts.topics[CHANGES].send(key=change.product_id.encode(), value=encode_change(change))


def _table(app: faust.App, name: str, changelog: str) -> TableT[bytes, bytes]:
    return app.Table(
        name, key_type=bytes, value_type=bytes, changelog_topic=app.topic(changelog, **_RAW)
    )


def _options(settings: AgentsSettings) -> dict[str, Any]:
    state_dir = settings.state_dir or Path(tempfile.gettempdir(), settings.group)
    web = settings.web_port is not None
    return {
        "broker": ";".join(f"kafka://{host}" for host in settings.broker.split(",")),
        "autodiscover": False,
        "broker_commit_interval": 1.0,
        "consumer_auto_offset_reset": "earliest",
        "datadir": str(state_dir),
        "processing_guarantee": "at_least_once",
        "producer_linger": 0.005,
        "store": "memory://",
        "stream_wait_empty": False,
        "table_standby_replicas": 0,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_bind": settings.web_host,
        "web_enabled": web,
        "web_host": settings.web_host,
        "web_in_thread": False,
        "web_port": settings.web_port or 0,
        "web_graph_enabled": False,
        "web_router_enabled": False,
        "web_stats_enabled": False,
        "web_tables_enabled": False,
        **faust_options(settings.kafka),
    }
