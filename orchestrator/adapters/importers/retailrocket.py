"""RetailRocket "recommender system dataset" `events.csv`: view, addtocart, transaction rows.

Columns: timestamp (ms), visitorid, event, itemid, transactionid. The file is not in the order of
time, so it is read whole and sorted by time (stable); rows of one transaction are one order.
A parquet sample with the same columns (event coded 0, 1, 2) is read too, where pyarrow is there.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from orchestrator.adapters.importers.rows import Row, UnreadableInput, open_bytes, skipped

COLUMNS = ("timestamp", "visitorid", "event", "itemid", "transactionid")
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
    source = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    rows = [_row(number, row) for number, row in enumerate(source, start=1)]
    rows.sort(key=lambda row: row.time_ms)
    yield from rows


def _csv(path: Path) -> Iterator[dict[str, str]]:
    with open_bytes(path) as plain:
        rows = csv.DictReader(io.TextIOWrapper(plain, "utf-8", errors="replace", newline=""))
        _check(path, rows.fieldnames or ())
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
    _check(path, table.column_names)
    for row in table.select(list(COLUMNS)).to_pylist():
        at = row["timestamp"]
        stamp = str(at) if isinstance(at, int) else str(round(_epoch_ms(at)))
        transaction = row["transactionid"]
        absent = transaction is None or str(transaction) in {"nan", "NaN", ""}
        yield {
            "timestamp": stamp,
            "visitorid": str(row["visitorid"]),
            "event": str(row["event"]),
            "itemid": str(row["itemid"]),
            "transactionid": "" if absent else str(transaction),
        }


def _epoch_ms(at: Any) -> float:
    from datetime import UTC  # noqa: PLC0415 (beside its one use)

    return float(at.replace(tzinfo=UTC).timestamp()) * 1000


def _check(path: Path, columns: Any) -> None:
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise UnreadableInput(
            f"{path} has no column {', '.join(missing)}.",
            way_out="The header must be that of RetailRocket's events.csv.",
        )


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
    return Row("clickstream", row["visitorid"], orjson.dumps(value), time_ms)
