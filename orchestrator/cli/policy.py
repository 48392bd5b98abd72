"""`orchestrator policy check|diff|backtest|publish|rollback`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import orjson
import typer

from orchestrator.cli import options
from orchestrator.cli.options import BadOption, connection
from orchestrator.cli.output import UnusableFile, guarded, json_line, out, table
from orchestrator.config import Connection
from orchestrator.errors import OrchestratorError

app = typer.Typer(no_args_is_help=True)
Folder = Annotated[
    Path | None, typer.Argument(help="Folder of policy files; the shipped ones without.")
]


class NothingToRollBack(OrchestratorError):
    """There is no earlier publication of policies to go back to."""

    code = "E133"


class Published(NamedTuple):
    """A record of the topic `policies`."""

    key: str
    offset: int
    time_ms: int
    """When it was published; 0 of a withdrawal."""
    document: dict[str, Any] | None


@app.command()
@guarded
def check(folder: Folder = None, as_json: options.Json = False) -> None:
    """Validate a folder of policies; exit 5 with file, line and value where it is wrong."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)

    loaded = wiring.policies(_there(folder))
    actions = [plan.name for plan in loaded.plans]
    if as_json:
        json_line({"type": "policy_checked", "version": loaded.version, "actions": actions})
        return
    told = f"{loaded.version}: {len(loaded.documents)} documents, {len(actions)} actions"
    out.print(told, markup=False)


@app.command()
@guarded
def diff(
    before: Annotated[Path, typer.Argument(help="Folder of policies.")],
    after: Annotated[Path, typer.Argument(help="Another one.")],
    as_json: options.Json = False,
) -> None:
    """Say which fields of which documents differ."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)

    old, new = wiring.policies(_there(before)).documents, wiring.policies(_there(after)).documents
    for key in sorted(old.keys() | new.keys()):
        for path, was, now in _differences(old.get(key), new.get(key), ""):
            if as_json:
                json_line(
                    {"type": "difference", "document": key, "path": path, "was": was, "now": now}
                )
            else:
                out.print(f"{key}{path}: {was!r} -> {now!r}", markup=False)


@app.command()
@guarded
def publish(
    folder: Folder = None,
    broker: options.Broker = "",
    extra: options.Extra = None,
    topic_prefix: options.TopicPrefix = "",
    as_json: options.Json = False,
) -> None:
    """Bring a folder's policies into force: workers take them between two batches."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)

    place = connection(broker, extra, topic_prefix=topic_prefix)
    loaded = wiring.policies(_there(folder))
    gone = in_force(publications(place)).keys() - loaded.documents.keys()
    written = wiring.publish_policies(place, {**dict.fromkeys(sorted(gone)), **loaded.documents})
    if as_json:
        json_line({"type": "policies_published", "version": loaded.version, "documents": written})
    else:
        out.print(f"{loaded.version}: {len(written)} documents published", markup=False)


@app.command()
@guarded
def rollback(
    broker: options.Broker = "",
    extra: options.Extra = None,
    topic_prefix: options.TopicPrefix = "",
    as_json: options.Json = False,
) -> None:
    """Put in force what was before the last publication; twice undoes it."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)

    place = connection(broker, extra, topic_prefix=topic_prefix)
    written = wiring.publish_policies(place, undone(list(publications(place))))
    if as_json:
        json_line({"type": "policies_rolled_back", "documents": written})
    else:
        out.print(f"{len(written)} documents as they were before the last publication")


def _there(folder: Path | None) -> Path | None:
    """The folder, which exists.

    Raises:
        UnusableFile: it does not.
    """
    if folder is not None and not folder.is_dir():
        raise UnusableFile(f"there is no folder {folder}.")
    return folder


def in_force(log: Iterator[Published]) -> dict[str, Any]:
    """The documents that the topic holds, the last one of each key."""
    kept = {record.key: record.document for record in log}
    return {key: document for key, document in kept.items() if document is not None}


def undone(log: list[Published]) -> dict[str, Any]:
    """What to publish so that the last publication has not been; None withdraws a document.

    Raises:
        NothingToRollBack: the topic is empty, or no longer holds what was before.
    """
    last_ms = max((record.time_ms for record in log), default=0)
    at = next((k for k, record in enumerate(log) if record.time_ms == last_ms), 0)
    way_out = "Publish the folder that you want: orchestrator policy publish DIR"
    if not log:
        raise NothingToRollBack("no policies were published.", way_out=way_out)
    if log[at].offset != at:
        raise NothingToRollBack("what was before has been compacted away.", way_out=way_out)
    before, now = in_force(iter(log[:at])), in_force(iter(log))
    changed = {key: before.get(key) for key in sorted(before.keys() | now.keys())}
    # what was no policy is not brought back
    changed = {key: was or None for key, was in changed.items() if was != now.get(key)}
    if not changed:
        raise NothingToRollBack("the last publication changed nothing.", way_out=way_out)
    return changed


@app.command()
@guarded
def backtest(
    folder: Folder = None,
    ledger: Annotated[
        Path, typer.Option("--ledger", help="JSONL of entries, as replay --ledger writes it.")
    ] = Path("ledger.jsonl"),
    as_json: options.Json = False,
) -> None:
    """Decide each entry of a ledger anew under other policies; say where the choice differs.

    What an entry saw stays as it is: no shopper would have gone on otherwise.
    """
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)
    from orchestrator.cli.explaining import situation_of  # noqa: PLC0415
    from orchestrator.domain.decisioning import decide  # noqa: PLC0415

    loaded = wiring.policies(_there(folder))
    was: Counter[str] = Counter()
    now: Counter[str] = Counter()
    changed = 0
    for entry in _entries(ledger):
        decision = decide(loaded, situation_of(entry), entry["id"])
        before, after = entry["chosen"]["action"], decision.candidates[decision.index]["action"]
        was[before] += 1
        now[after] += 1
        changed += before != after
        if before != after and as_json:
            json_line({"type": "backtest_change", "id": entry["id"], "was": before, "now": after})
    summary = {"decisions": was.total(), "changed": changed}
    if as_json:
        head = {"type": "backtest_summary", "policy": loaded.version, **summary}
        json_line({**head, "was": dict(sorted(was.items())), "now": dict(sorted(now.items()))})
        return
    out.print(f"{loaded.version}: {changed} of {was.total()} choices differ", markup=False)
    table(
        "Choices",
        ("action", "was", "now"),
        ((one, was[one], now[one]) for one in sorted(was | now)),
    )


def _entries(ledger: Path) -> Iterator[dict[str, Any]]:
    from orchestrator.cli.explaining import checked, entry_in  # noqa: PLC0415 (loads the product)

    with ledger.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            place = f"--ledger: line {number} of {ledger}"
            try:
                entry = entry_in(line)
            except ValueError:
                raise BadOption(
                    f"{place} is no ledger entry.",
                    way_out="Give a file as written by replay --ledger, or tail decisions --json.",
                ) from None
            yield checked(entry, place)


def publications(place: Connection) -> Iterator[Published]:
    """The topic `policies` from its beginning; it has one partition."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)
    from orchestrator.adapters.kafka.tools import read_topic  # noqa: PLC0415

    for row in read_topic(wiring.cluster(place), wiring.names(["policies"], place.topic_prefix)):
        yield publication((row.key() or b"").decode(errors="replace"), row.offset(), row.value())


def publication(key: str, offset: int, value: bytes | None) -> Published:
    """A record as published; one that is nothing of the kind is a document without contents."""
    if value is None:
        return Published(key, offset, 0, None)
    try:
        told = orjson.loads(value)
        time_ms, document = told["time_ms"], told["document"]
    except (ValueError, TypeError, LookupError):
        return Published(key, offset, 0, {})
    fits = isinstance(time_ms, int) and isinstance(document, dict)
    return Published(key, offset, time_ms, document) if fits else Published(key, offset, 0, {})


def _differences(was: Any, now: Any, path: str) -> list[tuple[str, Any, Any]]:
    if was == now:
        return []
    if isinstance(was, dict) and isinstance(now, dict):
        found = []
        for name in sorted(was.keys() | now.keys()):
            found += _differences(was.get(name), now.get(name), f"{path}.{name}")
        return found
    return [(path, was, now)]
