"""Read topics without a group: compacted ones whole and for ever, or on to their end, once.

Faust's own way (`GlobalTable`) is documented to loop in recovery with more than one member. Where
a topic ends is told by the high watermark of a fetch: the embedded broker's ListOffsets errs.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition

Take: TypeAlias = Callable[[bytes, bytes | None], None]

POLL_MS = 500
RECORDS_A_POLL = 2_000
EMPTY_FETCH_MS = 50
"""How long the broker may hold a fetch at the end, where only the end is wanted."""


class Follower:
    """Hands every record of some topics to their callbacks; each member reads everything.

    Args:
        options: Settings of an aiokafka client.
        takes: Topic, by its name on the broker, to what takes its keys and values.
        partitions: Partitions of those topics, by name.
    """

    def __init__(
        self, options: Mapping[str, Any], takes: Mapping[str, Take], partitions: Mapping[str, int]
    ) -> None:
        self._options = options
        self._takes = takes
        self._partitions = [
            TopicPartition(topic, partition)
            for topic in takes
            for partition in range(partitions[topic])
        ]
        self.caught_up = asyncio.Event()
        """Set once everything that was there at the start has been read."""

    async def run(self) -> None:
        """Follow until cancelled; broker trouble is aiokafka's to sit out."""
        consumer = AIOKafkaConsumer(
            **self._options, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            consumer.assign(self._partitions)
            while True:
                batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS_A_POLL)
                for partition, records in batches.items():
                    take = self._takes[partition.topic]
                    for record in records:
                        if record.key is not None:
                            take(record.key, record.value)
                if not self.caught_up.is_set() and await _at_end(consumer, self._partitions):
                    self.caught_up.set()
        finally:
            await consumer.stop()


async def read_on(
    options: Mapping[str, Any],
    positions: Mapping[TopicPartition, int],
    take: Callable[[TopicPartition, bytes, bytes | None], None],
) -> int:
    """Hand over every record from these positions to the ends as they are now.

    Args:
        options: Settings of an aiokafka client.
        positions: The offset to begin at, by partition.
        take: Gets partition, key and value; records without a key are passed over.

    Returns:
        How many records there were.
    """
    if not positions:
        return 0
    consumer = AIOKafkaConsumer(
        **options,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=EMPTY_FETCH_MS,
    )
    await consumer.start()
    try:
        consumer.assign(list(positions))
        for partition, offset in positions.items():
            consumer.seek(partition, offset)
        count = 0
        while not await _at_end(consumer, positions):
            batches = await consumer.getmany(timeout_ms=EMPTY_FETCH_MS)
            for partition, records in batches.items():
                count += len(records)
                for record in records:
                    if record.key is not None:
                        take(partition, record.key, record.value)
        return count
    finally:
        await consumer.stop()


async def _at_end(consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> bool:
    for partition in partitions:
        end = consumer.highwater(partition)
        if end is None or await consumer.position(partition) < end:
            return False
    return True
