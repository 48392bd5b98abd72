"""REES46 "eCommerce behavior data from multi category store": view, cart, purchase rows.

Columns: event_time, event_type, product_id, category_id, category_code, brand, price, user_id,
user_session. A purchase row is one order of one product (the data name no order).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.adapters.importers.rows import Row, csv_rows, row_of, skipped

COLUMNS = ("event_time", "event_type", "product_id", "price", "user_id", "user_session")
TYPES = {
    "view": "product_viewed",
    "cart": "product_added",
    "remove_from_cart": "product_removed",
    "purchase": "order_completed",
}


def cents(price: str) -> int | None:
    """Price in units of currency to hundredths; None where the column is empty."""
    return round(float(price) * 100) if price else None


def read_rees46(path: Path) -> Iterator[Row]:
    """Yield a row per line; the id is the line's number, so a replay repeats it."""
    for number, row in enumerate(csv_rows(path, COLUMNS, "REES46's files"), start=1):
        yield row if isinstance(row, Row) else _row(number, row)


def _row(number: int, row: dict[str, str]) -> Row:
    kind = TYPES.get(row["event_type"] or "")
    if kind is None:
        return skipped("unknown_event_type")
    if not row["user_id"]:
        return skipped("no_user_id")
    try:
        at = datetime.strptime(row["event_time"], "%Y-%m-%d %H:%M:%S %Z").replace(tzinfo=UTC)
        price_cents = cents(row["price"])
    except (ValueError, TypeError, OverflowError):
        return skipped("bad_value")
    time_ms = int(at.timestamp() * 1000)
    value = {
        "id": f"rees46-{number}",
        "type": kind,
        "time_ms": time_ms,
        "profile_id": row["user_id"],
        "session_id": row["user_session"] or None,
        "properties": _properties(kind, number, row, price_cents),
    }
    return row_of("clickstream", row["user_id"], value, time_ms)


def _properties(
    kind: str, number: int, row: dict[str, str], price_cents: int | None
) -> dict[str, Any]:
    product = {"product_id": row["product_id"], "price_cents": price_cents}
    if kind == "order_completed":
        return {
            "order_id": f"rees46-{number}",
            "total_cents": price_cents,
            "currency": "USD",
            "products": [{**product, "quantity": 1}],
        }
    category = row.get("category_code") or row.get("category_id") or None
    return {**product, "category": category, "currency": "USD", "quantity": 1}
