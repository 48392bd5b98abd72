"""One batch, one transaction: changelog, messages, dead letters and offsets, or nothing."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from orchestrator.errors import Retryable
from orchestrator.ports import Clock, Place, TransactionalProducer
from orchestrator.runtimes.worker.batch import Part
from orchestrator.runtimes.worker.outbox import META_KEY, Outgoing, tombstone_headers
from orchestrator.runtimes.worker.settings import HostSettings

_META: Final = META_KEY.encode()


class Transactions:
    """Commits sealed batches.

    Args:
        producer: Initialised.
        settings: Of the host.
        clock: For the age of a transaction.
    """

    def __init__(
        self, producer: TransactionalProducer, settings: HostSettings, clock: Clock
    ) -> None:
        self._producer = producer
        self._changelog = settings.physical(settings.changelog)
        self._max_age_ms = settings.max_transaction_ms
        self._clock = clock

    def commit(
        self,
        name: str,
        parts: Sequence[Part],
        extra: Sequence[Outgoing],
        group_metadata: Callable[[], Any],
    ) -> dict[int, int]:
        """Write a batch and its offsets.

        Args:
            name: The batch's.
            parts: What each partition adds.
            extra: Dead letters and forwarded records.
            group_metadata: Asked at the last moment: it carries the generation.

        Returns:
            Each partition's marker: the offset of its meta row.

        Raises:
            Retryable: aborted; nothing was written, and all state must be restored.
            DeliveryUnknown: the outcome is not known: exit.
            Fenced: exit.
            ClientFailed: exit.
        """
        started_ms = self._clock.mono_ms()
        self._producer.begin()
        try:
            markers = self._send(name, parts, extra)
            self._check_age(started_ms)
            self._producer.send_offsets(_offsets(parts, markers), group_metadata())
            self._producer.commit()
        except Retryable:
            self._producer.abort()
            raise
        return markers

    def _send(self, name: str, parts: Sequence[Part], extra: Sequence[Outgoing]) -> dict[int, int]:
        send = self._producer.send
        changelog = self._changelog
        gone = tombstone_headers(name)
        markers: dict[int, int] = {}
        for part in parts:
            number = part.unit.number
            # the meta row goes first: a restore knows a batch by it
            send(changelog, number, _META, part.meta, on_offset=_note(markers, number))
            for key, row in part.rows.items():
                send(changelog, number, key.encode(), row, gone if row is None else None)
            for out in part.emits:
                send(out.topic, out.partition, out.key, out.value, out.headers)
        for out in extra:
            send(out.topic, out.partition, out.key, out.value, out.headers)
        self._producer.flush()
        if len(markers) < len(parts):
            raise Retryable("a changelog row was not acknowledged")
        return markers

    def _check_age(self, started_ms: int) -> None:
        """A process that was stopped may no longer be a member: not every broker would notice."""
        age_ms = self._clock.mono_ms() - started_ms
        if age_ms > self._max_age_ms:
            raise Retryable(f"the transaction is {age_ms} ms old: the group may have gone on")


def _offsets(parts: Sequence[Part], markers: dict[int, int]) -> dict[Place, int]:
    offsets: dict[Place, int] = {}
    for part in parts:
        offsets.update(part.unit.offsets())
        offsets[part.unit.marker_place] = markers[part.unit.number]
    return offsets


def _note(markers: dict[int, int], number: int) -> Callable[[int], None]:
    def note(offset: int) -> None:
        markers[number] = offset

    return note
