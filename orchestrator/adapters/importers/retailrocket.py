"""RetailRocket "recommender system dataset" `events.csv`: view, addtocart, transaction rows.

Columns: timestamp (ms), visitorid, event, itemid, transactionid. The file is not in the order of
time, so it is read whole and sorted by time (stable); rows of one transaction are one order.
A parquet sample with the same columns (event coded 0, 1, 2) is read too, where pyarrow is there.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.adapters.importers.rows import (
    Row,
    UnreadableInput,
    check_columns,
    csv_rows,
    row_of,
    skipped,
)

COLUMNS = ("timestamp", "visitorid", "event", "itemid", "transactionid")
ORIGIN = "RetailRocket's events.csv"
TYPES = {
    "view": "product_viewed",
    "addtocart": "product_added",
    "transaction": "order_completed",
    "0": "product_viewed",
    "1": "product_added",
    "2": "order_completed",
}


def read_retailrocket(path: Path) -> Iterator[Row]:
    """Yield a row per line in the order of time; rows without a time come first, as skipped."""
    source = _parquet(path) if path.suffix == ".parquet" else csv_rows(path, COLUMNS, ORIGIN)
    rows = [
        row if isinstance(row, Row) else _row(number, row)
        for number, row in enumerate(source, start=1)
    ]
    rows.sort(key=lambda row: row.time_ms)
    yield from rows


def _parquet(path: Path) -> Iterator[dict[str, str]]:
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415 (an extra: only for parquet files)
    except ImportError as error:
        raise UnreadableInput(
            f"{path} is parquet and pyarrow is not installed.",
            way_out="Install journey-orchestrator[parquet], or convert the file to CSV.",
        ) from error
    try:
        table = pq.read_table(path)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise UnreadableInput(f"cannot read {path}: {error}.") from error
    check_columns(path, COLUMNS, table.column_names, ORIGIN)
    for row in table.select(list(COLUMNS)).to_pylist():
        yield {column: _cell(row[column]) for column in COLUMNS}


def _cell(value: Any) -> str:
    """A cell as the CSV would have it: nothing for nothing, 7 for 7.0, milliseconds for a time."""
    if isinstance(value, datetime):
        at = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return str(round(at.timestamp() * 1000))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value).replace("nan", "")
    return "" if value is None or str(value).lower() == "nan" else str(value)


def _row(number: int, row: dict[str, str]) -> Row:
    kind = TYPES.get(row["event"] or "")
    if kind is None:
        return skipped("unknown_event_type")
    if not row["visitorid"]:
        return skipped("no_visitor_id")
    try:
        time_ms = int(row["timestamp"])
    except (ValueError, TypeError):
        return skipped("bad_value")
    properties: dict[str, Any] = {"product_id": row["itemid"]}
    if kind == "order_completed":
        properties = {
            "order_id": f"retailrocket-{row['transactionid'] or number}",
            "products": [{"product_id": row["itemid"], "quantity": 1, "price_cents": None}],
        }
    value = {
        "id": f"retailrocket-{number}",
        "type": kind,
        "time_ms": time_ms,
        "profile_id": row["visitorid"],
        "session_id": None,
        "properties": properties,
    }
    return row_of("clickstream", row["visitorid"], value, time_ms)
