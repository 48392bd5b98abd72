"""Topics that every member reads whole: models, policies, products."""

from collections.abc import Sequence
from typing import Any

from orchestrator.errors import InvalidPolicy
from orchestrator.ports import Metrics, Place, Processor, RawRecord, Transport
from orchestrator.runtimes.worker.logs import Log
from orchestrator.runtimes.worker.settings import HostSettings

_READ = 2_000
_FETCH_WAIT_MS = 500
"""A model or a policy comes once in minutes: it need not be looked for as clicks are."""
_SHOWN = 500
"""Characters of a key or a sentence in a line of the log."""


class Broadcasts:
    """Hands each record of the broadcast topics to the processor, between batches only.

    Args:
        transport: Of the cluster.
        processor: Says which topics, and takes the records in.
        settings: Of the host.
        metrics: Counts what the processor refuses.
        log: Told of it: what was in force stays so.
    """

    def __init__(
        self,
        transport: Transport,
        processor: Processor[Any],
        settings: HostSettings,
        metrics: Metrics,
        log: Log,
    ) -> None:
        self._metrics = metrics
        self._log = log
        self._processor = processor
        self._topics = {settings.physical(topic): topic for topic in processor.broadcasts}
        self._behind: set[Place] = set()
        self._reader = None
        if self._topics:
            self._behind = _places(transport, list(self._topics))
            self._reader = transport.reader(fetch_wait_ms=_FETCH_WAIT_MS)
            self._reader.assign(dict.fromkeys(self._behind))

    @property
    def caught_up(self) -> bool:
        """Whether each topic has been read to its end once."""
        return not self._behind

    def poll(self) -> int:
        """Take in what is there; return how many records."""
        if self._reader is None:
            return 0
        polled = self._reader.poll(_READ, 20 if self._behind else 0)
        for raw in polled.rows:
            self._take(self._topics[raw.topic()], raw)
        for topic, partition, _ in polled.ends:
            self._behind.discard((topic, partition))
        return len(polled.rows)

    def close(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            self._reader.close()

    def _take(self, topic: str, raw: RawRecord) -> None:
        key = (raw.key() or b"").decode(errors="replace")
        try:
            self._processor.on_broadcast(topic, key, raw.value())
        except Exception as error:  # noqa: BLE001 - a bad broadcast must not stop every member
            why, way_out = _reason(error)
            self._metrics.count("broadcasts_refused", labels={"topic": topic})
            self._log.warning(
                "broadcast_refused",
                topic=topic,
                key=key[:_SHOWN],
                offset=raw.offset(),
                error=why[:_SHOWN],
                way_out=way_out[:_SHOWN],
                effect="the version in force stays",
            )


def _reason(error: Exception) -> tuple[str, str]:
    """Why, and the way out; the text of a foreign error may hold values, so its type must do."""
    if isinstance(error, InvalidPolicy):
        return error.message, error.way_out
    return f"the processor raised {type(error).__name__}", ""


def _places(transport: Transport, topics: Sequence[str]) -> set[Place]:
    counts = transport.partitions(topics)
    return {(topic, number) for topic, count in counts.items() for number in range(count)}
