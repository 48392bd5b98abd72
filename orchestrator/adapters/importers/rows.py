"""One input row, and how it is opened."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from orchestrator.errors import OrchestratorError

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
"""What such files begin with."""
BUFFER_BYTES = 1 << 16


class UnreadableInput(OrchestratorError):
    """The input file is missing, or is not of the format named."""

    code = "E130"


class Row(NamedTuple):
    """What became of one input row."""

    topic: str
    """Logical topic; empty when skipped."""
    key: str
    value: bytes | None
    """None: a tombstone."""
    time_ms: int
    """Event time, 0 where unknown."""
    skipped: str = ""
    """The reason, when the row is no event."""


def skipped(reason: str) -> Row:
    """A row that is accounted for by name."""
    return Row("", "", b"", 0, reason)


def row_of(topic: str, key: str, value: dict[str, Any], time_ms: int) -> Row:
    """A row whose value is encoded here; named as skipped where JSON cannot say it."""
    try:
        return Row(topic, key, orjson.dumps(value), time_ms)
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits, or nested without end
        return skipped("bad_value")


def text_lines(path: Path) -> Iterator[bytes]:
    """Lines of a file without their ends, nor the mark that some editors put at the beginning."""
    with open_bytes(path) as lines:
        first = True
        for line in lines:
            yield (line.removeprefix(codecs.BOM_UTF8) if first else line).rstrip(b"\r\n")
            first = False


def csv_rows(path: Path, columns: Iterable[str], origin: str) -> Iterator[dict[str, str] | Row]:
    """Rows of a CSV file with a header; a skipped one for a line that is blank or no CSV.

    A row is a line: an unclosed quote ends with its line, and the next line is read.

    Args:
        path: Plain or gzipped file, or `-`.
        columns: What the header must name.
        origin: Whose form it is, for the error.

    Raises:
        UnreadableInput: no such file, or another header.
    """
    with open_bytes(path) as plain:
        lines = io.TextIOWrapper(plain, "utf-8-sig", errors="replace", newline="")
        header = _cells(next(lines, "")) or []
        check_columns(path, columns, header, origin)
        for line in lines:
            if line.isspace():
                yield skipped("blank_line")
            elif (cells := _cells(line)) is None:
                yield skipped("bad_row")
            else:
                yield dict(zip_longest(header, cells))


def _cells(line: str) -> list[str] | None:
    """The cells of a line; None where a cell is too long, or its quote is not closed."""
    try:
        cells = next(csv.reader((line, "\n")))
    except csv.Error:
        return None
    unclosed = bool(cells) and cells[-1].endswith(("\n", "\r"))
    return None if unclosed else cells


def check_columns(path: Path, wanted: Iterable[str], found: Iterable[str], origin: str) -> None:
    """Refuse a file whose header lacks a column."""
    there = set(found)
    missing = [column for column in wanted if column not in there]
    if missing:
        raise UnreadableInput(
            f"{path} has no column {', '.join(missing)}.",
            way_out=f"The header must be that of {origin}.",
        )


class _Rewound(io.RawIOBase):
    """A stream that may not seek, from its beginning: what was read of it, then the rest."""

    def __init__(self, head: bytes, rest: io.BufferedReader) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if not self._head:
            return self._rest.readinto1(buffer)
        size = min(len(buffer), len(self._head))
        buffer[:size], self._head = self._head[:size], self._head[size:]
        return size


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a plain or gzipped file, `-` for standard input; errors name the file."""
    try:
        with _opened(path) as plain:
            head = plain.read(len(PARQUET))
            whole = io.BufferedReader(_Rewound(head, plain), BUFFER_BYTES)
            if head.startswith(GZIP):
                with gzip.open(whole) as inflated:
                    _refuse_parquet(path, inflated.peek(len(PARQUET)))
                    yield cast("IO[bytes]", inflated)
            else:
                _refuse_parquet(path, head)
                yield whole
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableInput(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}.",
            way_out="Check the path and that the file is whole (plain or gzip).",
        ) from error


def _opened(path: Path) -> io.BufferedReader:
    if str(path) == "-":
        return io.BufferedReader(io.FileIO(0, closefd=False))
    return path.open("rb")


def _refuse_parquet(path: Path, head: bytes) -> None:
    if head.startswith(PARQUET):
        raise UnreadableInput(
            f"cannot read {path} as text: it is a Parquet file.",
            way_out="Only --format retailrocket-csv takes Parquet, not gzipped, from a file named"
            " *.parquet; write others as CSV or JSON lines.",
        )
