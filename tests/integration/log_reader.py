"""An independent judge: reads a partition's raw log and applies the transaction markers itself.

It speaks just enough of Kafka's protocol over a socket (Fetch, isolation read_uncommitted) and
parses the record batches, control batches included. Nothing of it is shared with the product, and
it does not trust the broker's read_committed, which the embedded one gets wrong.

Source: https://kafka.apache.org/protocol (request header v1, Fetch v4) and the message format v2.
"""

import gzip
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

_FETCH = 1
_FETCH_VERSION = 4
_READ_UNCOMMITTED = 0
_MAX_BYTES = 8 * 1024 * 1024
_HEAD = struct.Struct(">qiibIhiqqqhii")
"""offset, length, leader epoch, magic, crc, attributes, last delta, times, producer, count."""
_NOT_YET = (3, 6)
"""Errors of a topic that was created just now: unknown, or nobody leads it."""
_TRIES = 100
_IS_TRANSACTIONAL = 0x10
_IS_CONTROL = 0x20
_COMMIT = 1


@dataclass(frozen=True)
class LogRecord:
    """A record as it stands in the log."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    producer: tuple[int, int] | None
    """Producer id and epoch of its transaction; None outside of one."""


@dataclass
class Verdict:
    """A topic's records by what became of their transactions, in log order."""

    committed: list[LogRecord] = field(default_factory=list)
    aborted: list[LogRecord] = field(default_factory=list)
    open: list[LogRecord] = field(default_factory=list)


class LogReader:
    """Reads topics of a broker (one that leads all partitions, as a single node does)."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._correlation = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def judge(self, topic: str, partitions: int) -> Verdict:
        """Every record of a topic from the beginning to the end, by its transaction's outcome."""
        verdict = Verdict()
        for partition in range(partitions):
            self._judge_partition(topic, partition, verdict)
        return verdict

    def end(self, topic: str, partitions: int) -> int:
        """How many offsets a topic holds, markers included."""
        return sum(self._fetch(topic, number, 0, 1)[0] for number in range(partitions))

    def _judge_partition(self, topic: str, partition: int, verdict: Verdict) -> None:
        kept: list[LogRecord] = []
        outcome: dict[int, bool] = {}
        pending: dict[int, list[LogRecord]] = {}
        for entry in self._entries(topic, partition):
            if isinstance(entry, _Marker):
                for record in pending.pop(entry.producer_id, []):
                    outcome[record.offset] = entry.commits
                continue
            kept.append(entry)
            if entry.producer is None:
                outcome[entry.offset] = True
            else:
                pending.setdefault(entry.producer[0], []).append(entry)
        for record in kept:
            settled = outcome.get(record.offset)
            if settled is None:
                verdict.open.append(record)
            elif settled:
                verdict.committed.append(record)
            else:
                verdict.aborted.append(record)

    def _entries(self, topic: str, partition: int) -> "Iterator[LogRecord | _Marker]":
        offset = empty = 0
        while True:
            high, data = self._fetch(topic, partition, offset)
            progressed = False
            for entry_offset, entry in _parse(data, partition):
                if entry_offset >= offset:
                    offset = entry_offset + 1
                    progressed = True
                    if entry is not None:
                        yield entry
            if offset >= high:
                return
            # a busy broker may answer with nothing: what is there must not be taken for missing
            empty = 0 if progressed else empty + 1
            assert empty < _TRIES, f"{topic} [{partition}]: stuck at {offset} of {high}"

    def _fetch(
        self, topic: str, partition: int, offset: int, max_bytes: int = _MAX_BYTES
    ) -> tuple[int, bytes]:
        error, high, data = self._ask(topic, partition, offset, max_bytes)
        for _ in range(_TRIES):
            if error not in _NOT_YET:
                break
            time.sleep(0.1)
            error, high, data = self._ask(topic, partition, offset, max_bytes)
        assert error == 0, f"{topic} [{partition}]: error {error}"
        return high, data

    def _ask(
        self, topic: str, partition: int, offset: int, max_bytes: int
    ) -> tuple[int, int, bytes]:
        self._correlation += 1
        client = b"judge"
        name = topic.encode()
        request = b"".join(
            (
                struct.pack(">hhih", _FETCH, _FETCH_VERSION, self._correlation, len(client)),
                client,
                struct.pack(">iiiibi", -1, 100, 1, max_bytes, _READ_UNCOMMITTED, 1),
                struct.pack(">h", len(name)),
                name,
                struct.pack(">iiqi", 1, partition, offset, max_bytes),
            )
        )
        self._socket.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", self._exactly(4))
        cursor = _Cursor(self._exactly(size))
        cursor.take(">ii")  # correlation id, throttle time
        (topics,) = cursor.take(">i")
        assert topics == 1, f"{topic}: {topics} topics in the answer"
        (length,) = cursor.take(">h")
        cursor.skip(length)
        (partitions,) = cursor.take(">i")
        assert partitions == 1
        _, error, high, _, aborted = cursor.take(">ihqqi")
        cursor.skip(max(0, aborted) * 16)
        (length,) = cursor.take(">i")
        return error, high, cursor.read(max(0, length))

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(size - len(parts))
            assert part, "the broker closed the connection"
            parts += part
        return bytes(parts)


@dataclass(frozen=True)
class _Marker:
    producer_id: int
    commits: bool


class _Cursor:
    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, form: str) -> tuple[int, ...]:
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values

    def skip(self, size: int) -> None:
        self.at += size

    def read(self, size: int) -> bytes:
        found = self.data[self.at : self.at + size]
        self.at += size
        return found

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7

    def sized(self) -> bytes | None:
        size = self.varint()
        return None if size < 0 else self.read(size)


def _parse(data: bytes, partition: int) -> Iterator[tuple[int, LogRecord | _Marker | None]]:
    """Records and markers of consecutive batches; a batch cut off at the end is left out."""
    at = 0
    while at + _HEAD.size <= len(data):
        base, length, _, magic, _, attributes, last, _, _, producer, epoch, _, count = (
            _HEAD.unpack_from(data, at)
        )
        end = at + 12 + length
        if end > len(data):
            return
        assert magic == 2, f"message format {magic}"
        body = data[at + _HEAD.size : end]
        codec = attributes & 7
        assert codec in (0, 1), f"compression {codec} is not for a judge"
        cursor = _Cursor(gzip.decompress(body) if codec else body)
        writer = (producer, epoch) if attributes & _IS_TRANSACTIONAL else None
        for _ in range(count):
            record = _record(cursor, partition, base, writer)
            if attributes & _IS_CONTROL:
                _, kind = struct.unpack(">hh", record.key or b"")
                yield record.offset, _Marker(producer, kind == _COMMIT)
            else:
                yield record.offset, record
        yield base + last, None
        at = end


def _record(
    cursor: _Cursor, partition: int, base: int, writer: tuple[int, int] | None
) -> LogRecord:
    cursor.varint()  # length
    cursor.skip(1)  # attributes
    cursor.varint()  # time delta
    offset = base + cursor.varint()
    key = cursor.sized()
    value = cursor.sized()
    headers = tuple(
        ((cursor.sized() or b"").decode(), cursor.sized()) for _ in range(cursor.varint())
    )
    return LogRecord(partition, offset, key, value, headers, writer)
