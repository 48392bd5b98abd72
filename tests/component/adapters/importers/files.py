"""Files of clicks, a few rows of each format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from orchestrator.adapters.importers import Row
from tests.builders import click, order

REES46 = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
)
RETAIL = "timestamp,visitorid,event,itemid,transactionid"
Write = Callable[..., Path]


def line(**fields: Any) -> str:
    return orjson.dumps(fields).decode()


def values(rows: list[Row]) -> list[dict[str, Any]]:
    return [orjson.loads(row.value or b"null") for row in rows if not row.skipped]


SAMPLES: dict[str, list[str]] = {
    "native-jsonl": [line(**click()), line(topic="orders", key="p-1", value=order())],
    "segment-jsonl": [
        line(
            type="track",
            event="Product Viewed",
            messageId="m-1",
            anonymousId="a-1",
            timestamp="2026-09-21T14:13:20Z",
            properties={"product_id": "p", "price": 49.9},
        ),
        line(type="page", messageId="m-2", anonymousId="a-1", timestamp="2026-09-21T14:13:30Z"),
    ],
    "rees46-csv": [
        REES46,
        "2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541,s-1",
        "2019-10-01 00:00:05 UTC,purchase,44600062,2103807459595387724,,shiseido,35.79,541,s-1",
    ],
    "retailrocket-csv": [RETAIL, "1433221332117,257597,view,355908,", "1433221332200,1,view,2,"],
}
