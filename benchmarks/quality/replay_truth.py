"""What a file of clicks holds, counted with pandas alone: nothing of the product is used.

A session is what a user (and, where the file names sessions, a session id) does without a silence
of thirty minutes. An order is a transaction id; where the file has none, a row of purchase.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

GAP_MS = 1_800_000


@dataclass(frozen=True)
class Truth:
    """Counts of one file."""

    rows: int
    sessions: int
    orders: int
    order_rows: int
    sessions_with_order: int


def form_of(path: Path) -> str | None:
    """The format of a file by its columns: None where it is neither of the two."""
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq  # noqa: PLC0415 (only for parquet)

            schema = pq.read_schema(path)  # type: ignore[no-untyped-call]
            columns = set(schema.names)
        else:
            columns = set(pd.read_csv(path, nrows=0).columns)
    except (OSError, ValueError):
        return None
    if {"event_time", "event_type", "user_id", "user_session"} <= columns:
        return "rees46-csv"
    if {"timestamp", "visitorid", "event", "itemid", "transactionid"} <= columns:
        return "retailrocket-csv"
    return None


def count(path: Path, form: str) -> Truth:
    """Count a file of one of the two formats."""
    return _rees46(path) if form == "rees46-csv" else _retailrocket(path)


def _rees46(path: Path) -> Truth:
    rows = pd.read_csv(path, dtype={"user_id": str, "user_session": str})
    stamps = pd.to_datetime(rows["event_time"], format="%Y-%m-%d %H:%M:%S UTC", utc=True)
    rows["at_ms"] = _epoch_ms(stamps)
    rows["order"] = rows.index.where(rows["event_type"] == "purchase")
    return _counted(rows, ["user_id", "user_session"])


def _retailrocket(path: Path) -> Truth:
    rows = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    if pd.api.types.is_datetime64_any_dtype(rows["timestamp"]):
        rows["at_ms"] = _epoch_ms(rows["timestamp"])
    else:
        rows["at_ms"] = rows["timestamp"]
    bought = rows["event"].isin([2, "transaction"])
    rows["order"] = rows["transactionid"].where(bought)
    return _counted(rows, ["visitorid"])


def _counted(rows: pd.DataFrame, who: list[str]) -> Truth:
    """Number the sessions of each (user, session id) by its silences, and count."""
    rows = rows.sort_values([*who, "at_ms"], kind="stable")
    silence_ms = rows.groupby(who, dropna=False)["at_ms"].diff()
    begins = silence_ms.isna() | (silence_ms >= GAP_MS)
    session = begins.cumsum()
    ordered = rows["order"].notna()
    return Truth(
        rows=len(rows),
        sessions=int(begins.sum()),
        orders=int(rows.loc[ordered, "order"].nunique()),
        order_rows=int(ordered.sum()),
        sessions_with_order=int(session[ordered].nunique()),
    )


def _epoch_ms(stamps: "pd.Series[pd.Timestamp]") -> "pd.Series[int]":
    return stamps.dt.as_unit("ms").astype("int64")
