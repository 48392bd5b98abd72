"""`orchestrator state inspect`: what the workers keep of a person, from the changelog."""

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from rich.markup import escape

from orchestrator.cli import options
from orchestrator.cli.options import connection
from orchestrator.cli.output import guarded, json_line, out
from orchestrator.cli.roles import SessionGap
from orchestrator.config import Connection
from orchestrator.errors import OrchestratorError

app = typer.Typer(no_args_is_help=True)

CHANGELOG = "orchestrator.state"


class ProfileUnknown(OrchestratorError):
    """The workers keep nothing of this profile."""

    code = "E135"


@app.callback()
def _state() -> None:
    """Look at what the workers keep."""


@app.command()
@guarded
def inspect(
    profile: Annotated[str, typer.Argument(help="A profile id, as the clicks carry it.")],
    broker: options.Broker = "",
    extra: options.Extra = None,
    group_prefix: options.GroupPrefix = "orchestrator",
    topic_prefix: options.TopicPrefix = "",
    session_gap_s: SessionGap = 1_800,
    as_json: options.Json = False,
) -> None:
    """Print the committed state of one profile: sessions, signals, contacts, what is planned."""
    place = connection(broker, extra, group_prefix, topic_prefix)
    told = _committed_state(place, profile, session_gap_s * 1000)
    if as_json:
        json_line(told)
    else:
        _print(told)


def _committed_state(place: Connection, profile_id: str, gap_ms: int) -> dict[str, Any]:
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.adapters.kafka.tools import committed, read_topic  # noqa: PLC0415
    from orchestrator.adapters.memory.murmur2 import murmur2  # noqa: PLC0415
    from orchestrator.messages.topics import prefixed  # noqa: PLC0415
    from orchestrator.processors.inspection import inspected  # noqa: PLC0415
    from orchestrator.runtimes.worker.restore import Restore  # noqa: PLC0415

    cluster = wiring.cluster(place)
    processor = wiring.journey(gap_ms=gap_ms)
    changelog = prefixed(CHANGELOG, place.topic_prefix)
    count = wiring.admin(place).partitions([changelog])[changelog]
    number = murmur2(profile_id.encode(), count)
    names = {prefixed(topic, place.topic_prefix): topic for topic in processor.inputs}
    offsets = committed(
        cluster,
        f"{place.group_prefix}-worker",
        [(topic, number) for topic in (changelog, *names)],
    )
    restore = Restore(
        (changelog, number),
        offsets.get((changelog, number)),
        {logical: offsets.get((topic, number)) for topic, logical in names.items()},
    )
    for raw in read_topic(cluster, [changelog], {(changelog, number): None}):
        restore.take(raw)
    if not restore.is_complete():
        raise restore.lost()
    if restore.needs_second_pass():
        for raw in read_topic(cluster, [changelog], {(changelog, number): None}):
            restore.take(raw)
    value = dict(restore.rows()).get(profile_id)
    if value is None:
        raise ProfileUnknown(
            f"the group {place.group_prefix}-worker keeps nothing of {profile_id!r}.",
            way_out="Check the id and the prefixes; a profile goes 90 days after its last event.",
        )
    told = inspected(profile_id, processor.load(orjson.loads(value)["s"]))
    partition_ms = (restore.meta() or {})["meta"]["now_ms"]
    return told | {"partition": number, "partition_ms": partition_ms, "bytes": len(value)}


def _print(told: dict[str, Any]) -> None:
    out.print(
        f"[bold]{escape(told['profile_id'])}[/]  partition {told['partition']}, "
        f"{told['bytes']:,} bytes, last event {_time(told['last_ms'])}, "
        f"the partition's time {_time(told['partition_ms'])}"
    )
    _line("facts", told["facts"])
    for session in told["sessions"]:
        risk = "not scored" if session["risk"] is None else f"risk {session['risk']:.2f}"
        out.print(
            f"session {session['session_id']}: at {session['stage']}, {risk}, "
            f"{session['events_count']} events since {_time(session['opened_ms'])}, last "
            f"{_time(session['last_ms'])}, cart {session['cart_value_cents'] / 100:.2f}",
            markup=False,
        )
        _line("  signals", session["signals"])
    for name in ("commands", "contacts", "dismissed", "follow_ups", "orders"):
        for row in told[name]:
            _line(name.replace("_", " ").removesuffix("s"), row)


def _line(what: str, fields: dict[str, Any]) -> None:
    shown = ", ".join(
        f"{name.removesuffix('_ms')} {_time(value)}"
        if name.endswith(("time_ms", "at_ms", "due_ms"))
        else f"{name} {value:g}"
        if isinstance(value, float)
        else f"{name} {value}"
        for name, value in fields.items()
    )
    out.print(f"{what}: {shown or 'nothing'}", markup=False)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
