"""A file to read."""

import gzip
from pathlib import Path

import pytest

from tests.component.adapters.importers.files import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write lines as a file, plain or gzipped."""

    def written(*lines: str | bytes, zipped: bool = False) -> Path:
        raw = b"".join(
            (line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines
        )
        path = tmp_path / ("rows.gz" if zipped else "rows")
        path.write_bytes(gzip.compress(raw) if zipped else raw)
        return path

    return written
