"""Read a partition's state back from its changelog, trusting only batches that were committed.

Every batch begins, in each partition it touches, with a meta row that names the batch and the
offset of the last committed batch's meta row. The group's committed offsets hold one entry more:
for the changelog's own partition, the offset of the last committed batch's meta row (the marker).
So from the marker back runs a chain of exactly the committed batches.

- Apache Kafka shows committed records only; the chain then merely proves that all is there: a
  reader can be held up by somebody's open transaction, and must wait until the marker is visible.
- The embedded broker shows aborted records too; what is not on the chain is dropped.
- Where compaction took the older meta rows, the chain ends early: rows of batches before its
  visible root, or without a meta row, are committed ones, since only those get compacted.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from orchestrator.errors import StateLost
from orchestrator.ports import Place, RawRecord
from orchestrator.runtimes.worker.outbox import BATCH_HEADER, META_KEY, SHARED_KEY

_META = META_KEY.encode()
_SHARED = SHARED_KEY.encode()


class Restore:
    """Collects one partition's changelog, then tells what stands.

    Args:
        place: The changelog partition.
        marker: Offset of the last committed batch's meta row; None: not known to the group.
        committed: The group's offset of each input topic in the partition: they choose the last
            batch where the marker is not known (its retention in the group has passed).
    """

    def __init__(
        self, place: Place, marker: int | None, committed: Mapping[str, int | None]
    ) -> None:
        self.place = place
        self.marker = marker
        self._committed = {at: offset for at, offset in committed.items() if offset is not None}
        self._metas: dict[int, dict[str, Any]] = {}
        self._bad: frozenset[str] = frozenset()
        self._latest: dict[bytes, bytes] = {}
        self.rows_read = 0
        self.second_pass = False

    def take(self, raw: RawRecord) -> None:
        """Take in one row, in log order."""
        self.rows_read += 1
        key, value = raw.key(), raw.value()
        if key == _META:
            if not self.second_pass:
                self._metas[raw.offset()] = orjson.loads(value)
            return
        if self._bad and self._batch_of(raw) in self._bad:
            return
        if value is None:
            self._latest.pop(key, None)
        else:
            self._latest[key] = value

    def is_complete(self) -> bool:
        """At the end of the log: whether the last committed batch was seen.

        Input offsets without any batch are a group that was told where to begin.
        """
        if self.marker is None and self._committed and self._metas:
            self.marker = self._last_by_positions()
            return self.marker is not None
        return self.marker is None or self.marker in self._metas

    def lost(self) -> StateLost:
        """The error where it never becomes complete."""
        topic, partition = self.place
        return StateLost(
            f"{topic} [{partition}] does not hold the state that the group's offsets stand on.",
            way_out="Bring the changelog back, or begin anew in another --group-prefix.",
        )

    def needs_second_pass(self) -> bool:
        """Whether rows of aborted batches were among those read: read again without them."""
        if self.second_pass:
            return False
        chain = self._chain()
        root = min(chain, default=0)
        self._bad = frozenset(
            str(meta["b"])
            for offset, meta in self._metas.items()
            if offset not in chain and (offset > root or self.marker is None)
        )
        if not self._bad:
            return False
        self.second_pass = True
        self._latest.clear()
        return True

    def meta(self) -> dict[str, Any] | None:
        """The last committed batch's meta row; None: nothing was ever committed."""
        return None if self.marker is None else self._metas[self.marker]

    def shared(self) -> Any | None:
        """What the processor shares over all partitions, if this partition holds it."""
        row = None if self.marker is None else self._latest.get(_SHARED)
        return None if row is None else orjson.loads(row)["s"]

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """Key and changelog value of every state that stands.

        None where the group committed nothing here: a new group on an old changelog begins anew.
        """
        if self.marker is None:
            return
        for key, value in self._latest.items():
            if key != _SHARED:
                yield key.decode(), value

    def _chain(self) -> set[int]:
        chain: set[int] = set()
        at = self.marker
        while at is not None and at in self._metas:
            chain.add(at)
            at = self._metas[at]["prev"]
        return chain

    def _last_by_positions(self) -> int | None:
        for offset in sorted(self._metas, reverse=True):
            positions = self._metas[offset]["next"]
            if all(at <= self._committed.get(topic, 0) for topic, at in positions.items()):
                return offset
        return None

    def _batch_of(self, raw: RawRecord) -> str:
        value = raw.value()
        if value is not None:
            return str(orjson.loads(value)["b"])
        for name, data in raw.headers() or ():
            if name == BATCH_HEADER and data is not None:
                return str(data.decode())
        return ""
