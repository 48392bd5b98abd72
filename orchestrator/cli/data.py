"""`orchestrator tail`, `dead-letters`: look at what travels."""

import base64
import time
from collections.abc import Container
from typing import Annotated, Any

import orjson
import typer

from orchestrator.cli import options
from orchestrator.cli.options import BadOption, connection
from orchestrator.cli.output import guarded, json_line, out, table
from orchestrator.config import Connection
from orchestrator.errors import OrchestratorError

letters = typer.Typer(no_args_is_help=True)
DETAIL_CHARACTERS = 80


class NotFound(OrchestratorError):
    """No such record."""

    code = "E131"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help="Follow a topic.")(tail)
    app.add_typer(letters, name="dead-letters", help="Records that could not be processed.")


@guarded
def tail(
    topic: Annotated[str, typer.Argument(help="Logical name, e.g. interventions.onsite")],
    broker: options.Broker = "",
    extra: options.Extra = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="From the oldest record on.")
    ] = False,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0, help="End after so long; 0: never.")
    ] = 0.0,
    limit: Annotated[int, typer.Option("--limit", min=0, help="End after so many; 0: no end.")] = 0,
    topic_prefix: options.TopicPrefix = "",
    as_json: options.Json = False,
) -> None:
    """Print records as they are committed."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.adapters.kafka.tools import tail_topics  # noqa: PLC0415

    place = connection(broker, extra, topic_prefix=topic_prefix)
    until = time.monotonic() + seconds if seconds else None
    seen = 0
    check_topic(place, topic, wiring.admin(place).describe())
    rows = tail_topics(
        wiring.cluster(place),
        [f"{topic_prefix}{topic}"],
        from_start=from_start,
        stop=lambda: until is not None and time.monotonic() > until,
    )
    for row in rows:
        if row is None:
            continue
        _show(row, as_json=as_json)
        seen += 1
        if limit and seen >= limit:
            return


def check_topic(place: Connection, topic: str, present: Container[str]) -> None:
    """See that a topic that is none of ours is there all the same, as those of the agents are.

    Raises:
        BadOption: it is not.
    """
    from orchestrator.messages.topics import TOPICS, prefixed  # noqa: PLC0415 (slow to import)

    name = prefixed(topic, place.topic_prefix)
    if topic not in TOPICS and name not in present:
        raise BadOption(
            f"there is no topic {name!r} on {place.broker}.",
            way_out=f"Name it without prefix, one of: {', '.join(TOPICS)}.",
        )


def _show(row: Any, *, as_json: bool) -> None:
    key = (row.key() or b"").decode("utf-8", "replace")
    value = row.value()
    if as_json:
        record = {
            "topic": row.topic(),
            "partition": row.partition(),
            "offset": row.offset(),
            "key": key,
            "headers": {
                name: (held or b"").decode("utf-8", "replace") for name, held in row.headers() or ()
            },
            "value": _decoded(value),
        }
        json_line(record)
        return
    text = "(tombstone)" if value is None else value.decode("utf-8", "replace")
    out.print(f"{row.partition()}:{row.offset()} {key} {text}", markup=False)


def _decoded(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value.decode("utf-8", "replace")


@letters.command("list")
@guarded
def list_letters(
    broker: options.Broker = "",
    extra: options.Extra = None,
    reason: Annotated[str, typer.Option("--reason", help="Only of this reason.")] = "",
    topic_prefix: options.TopicPrefix = "",
    as_json: options.Json = False,
) -> None:
    """List dead letters, oldest first."""
    found = [
        letter
        for letter in _letters(broker, extra, topic_prefix)
        if reason in ("", letter["reason"])
    ]
    if as_json:
        for letter in found:
            json_line({key: value for key, value in letter.items() if key != "value_base64"})
        return
    if not found:
        out.print("no dead letters")
        return
    table(
        "1 dead letter" if len(found) == 1 else f"{len(found)} dead letters",
        ("id", "reason", "detail"),
        ((one["id"], one["reason"], one["detail"][:DETAIL_CHARACTERS]) for one in found),
    )


@letters.command()
@guarded
def show(
    letter_id: Annotated[str, typer.Argument(help="Id, as `list` prints it.")],
    broker: options.Broker = "",
    extra: options.Extra = None,
    topic_prefix: options.TopicPrefix = "",
    as_json: options.Json = False,
) -> None:
    """Show one dead letter with its original bytes."""
    letter = _find(letter_id, broker, extra, topic_prefix)
    if as_json:
        json_line(letter)
        return
    for name, value in letter.items():
        if name != "value_base64":
            out.print(f"{name:14} {value}", markup=False)
    original = base64.b64decode(letter["value_base64"] or "")
    out.print(f"{'value':14} {original.decode('utf-8', 'backslashreplace')}", markup=False)


@letters.command()
@guarded
def replay(
    letter_id: Annotated[str, typer.Argument(help="Id, as `list` prints it; `all` for every one.")],
    broker: options.Broker = "",
    extra: options.Extra = None,
    reason: Annotated[str, typer.Option("--reason", help="With `all`: only of this reason.")] = "",
    topic_prefix: options.TopicPrefix = "",
    as_json: options.Json = False,
) -> None:
    """Write the original bytes to their topic again, e.g. after a fix; ids stay, so once counts."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.adapters.kafka.producer import InputProducer  # noqa: PLC0415

    if letter_id == "all":
        chosen = [
            letter
            for letter in _letters(broker, extra, topic_prefix)
            if reason in ("", letter["reason"])
        ]
    else:
        chosen = [_find(letter_id, broker, extra, topic_prefix)]
    place = connection(broker, extra, topic_prefix=topic_prefix)
    producer = InputProducer(wiring.cluster(place))
    for letter in chosen:
        key, value = letter["key_base64"], letter["value_base64"]
        producer.send(
            f"{topic_prefix}{letter['topic']}",
            None if key is None else base64.b64decode(key),
            None if value is None else base64.b64decode(value),
        )
        if as_json:
            json_line({"type": "dead_letter_replayed", "id": letter["id"]})
    producer.flush()
    producer.close()
    if not as_json:
        out.print(f"{len(chosen)} written again")


def _letters(broker: str, extra: list[str] | None, topic_prefix: str) -> list[dict[str, Any]]:
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.adapters.kafka.tools import read_topic  # noqa: PLC0415

    place = connection(broker, extra, topic_prefix=topic_prefix)
    rows = read_topic(wiring.cluster(place), [f"{topic_prefix}dead-letters"])
    found: list[dict[str, Any]] = [orjson.loads(row.value()) for row in rows]
    return sorted(found, key=lambda letter: (letter["time_ms"], letter["id"]))


def _find(
    letter_id: str, broker: str, extra: list[str] | None, topic_prefix: str
) -> dict[str, Any]:
    for letter in _letters(broker, extra, topic_prefix):
        if letter["id"] == letter_id:
            return letter
    raise NotFound(
        f"no dead letter {letter_id!r}.", way_out="List them with: orchestrator dead-letters list"
    )
