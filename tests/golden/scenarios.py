"""Golden scenarios: a file of events, and the file of everything that the product makes of them.

`events.jsonl` is what `orchestrator replay --format native-jsonl` reads; `emits.jsonl` is a line
for each message published. `python -m tests.golden.rewrite` writes the second anew; what changes
is read by people before it is kept.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from orchestrator import wiring
from orchestrator.adapters.importers import read
from orchestrator.types import Emit, Payload

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.parent.name for path in FOLDER.glob("*/events.jsonl")))
PARTITIONS = 4
DAY_MS = 86_400_000


def emits(name: str) -> list[Emit]:
    """What the shipped product publishes of a scenario, a day after its last event."""
    fold = wiring.fold(wiring.journey(), PARTITIONS)
    found: list[Emit] = []
    last_ms = 0
    for row in read(FOLDER / name / "events.jsonl", "native-jsonl"):
        last_ms = max(last_ms, row.time_ms)
        found += fold.feed(row.topic, row.key, row.value)
    return [*found, *fold.finish(last_ms + DAY_MS + DAY_MS // 24)]


def lines(found: list[Emit]) -> bytes:
    """As `emits.jsonl` keeps them."""
    option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS
    return b"".join(
        orjson.dumps({"topic": emit.topic, "key": emit.key, "value": emit.value}, option=option)
        for emit in found
    )


def values(found: list[Emit], kind: str) -> list[Payload]:
    """Messages of one type."""
    return [emit.value for emit in found if emit.value and emit.value["type"] == kind]


def commands(found: list[Emit]) -> Iterator[Any]:
    """Actions of the commands, in order."""
    for command in values(found, "intervention_issued"):
        yield command["action"]
