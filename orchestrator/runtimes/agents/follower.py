"""Read whole compacted topics, from their beginning on and for ever, without a group.

Faust's own way (`GlobalTable`) is documented to loop in recovery with more than one member.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition

Take: TypeAlias = Callable[[bytes, bytes | None], None]

POLL_MS = 500
RECORDS_A_POLL = 2_000


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
                if not self.caught_up.is_set() and await self._at_end(consumer):
                    self.caught_up.set()
        finally:
            await consumer.stop()

    async def _at_end(self, consumer: AIOKafkaConsumer) -> bool:
        """By the high watermark of a fetch: the embedded broker's ListOffsets errs."""
        for partition in self._partitions:
            end = consumer.highwater(partition)
            if end is None or await consumer.position(partition) < end:
                return False
        return True
