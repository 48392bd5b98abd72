"""The formats of `orchestrator replay --format`."""

from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.adapters.importers.native import read_native
from orchestrator.adapters.importers.rees46 import read_rees46
from orchestrator.adapters.importers.retailrocket import read_retailrocket
from orchestrator.adapters.importers.rows import Row, UnreadableInput
from orchestrator.adapters.importers.segment import read_segment

FORMATS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "native-jsonl": read_native,
    "segment-jsonl": read_segment,
    "rees46-csv": read_rees46,
    "retailrocket-csv": read_retailrocket,
}


def read(path: Path, form: str) -> Iterator[Row]:
    """Read a file row by row.

    Args:
        path: Plain or gzipped file; `-` is standard input where the format allows streaming.
        form: One of `FORMATS`.

    Raises:
        UnreadableInput: no such format, no such file, or a header that is not of the format.
    """
    reader = FORMATS.get(form)
    if reader is None:
        raise UnreadableInput(
            f"no format {form!r} (from --format).", way_out=f"Known: {', '.join(FORMATS)}."
        )
    return reader(path)
