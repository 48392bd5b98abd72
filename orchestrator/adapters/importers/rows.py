"""One input row, and how it is opened."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from orchestrator.errors import OrchestratorError


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


def csv_rows(path: Path, columns: Iterable[str], origin: str) -> Iterator[dict[str, str] | None]:
    """Rows of a CSV file with a header; None for one that cannot be read as CSV.

    Args:
        path: Plain or gzipped file, or `-`.
        columns: What the header must name.
        origin: Whose form it is, for the error.

    Raises:
        UnreadableInput: no such file, or another header.
    """
    with open_bytes(path) as plain:
        rows = csv.DictReader(io.TextIOWrapper(plain, "utf-8-sig", errors="replace", newline=""))
        check_columns(path, columns, _next_header(rows), origin)
        while True:
            try:
                yield next(rows)
            except StopIteration:
                return
            except csv.Error:
                yield None


def check_columns(path: Path, wanted: Iterable[str], found: Iterable[str], origin: str) -> None:
    """Refuse a file whose header lacks a column."""
    there = set(found)
    missing = [column for column in wanted if column not in there]
    if missing:
        raise UnreadableInput(
            f"{path} has no column {', '.join(missing)}.",
            way_out=f"The header must be that of {origin}.",
        )


def _next_header(rows: "csv.DictReader[str]") -> Iterable[str]:
    try:
        return rows.fieldnames or ()
    except csv.Error:
        return ()


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a plain or gzipped file, `-` for standard input; errors name the file."""
    try:
        if str(path) == "-":
            yield io.BufferedReader(io.FileIO(0, closefd=False))
            return
        with path.open("rb") as plain:
            head = plain.read(2)
            plain.seek(0)
            if head == b"\x1f\x8b":
                with gzip.open(plain) as inflated:
                    yield cast("IO[bytes]", inflated)
            else:
                yield plain
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableInput(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}.",
            way_out="Check the path and that the file is whole (plain or gzip).",
        ) from error
