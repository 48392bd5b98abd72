"""One input row, and how it is opened."""

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

from orchestrator.errors import OrchestratorError


class UnreadableInput(OrchestratorError):
    """The input file is missing, or is not of the format named."""

    code = "E130"


class Row(NamedTuple):
    """What became of one input row."""

    topic: str
    """Logical topic; empty when skipped."""
    key: str
    value: bytes
    time_ms: int
    """Event time, 0 where unknown; only for `--speed`."""
    skipped: str = ""
    """The reason, when the row is no event."""


def skipped(reason: str) -> Row:
    """A row that is accounted for by name."""
    return Row("", "", b"", 0, reason)


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
    except (OSError, EOFError) as error:
        raise UnreadableInput(
            f"cannot read {path}: {error.__class__.__name__}: {error}.",
            way_out="Check the path and that the file is whole (plain or gzip).",
        ) from error
