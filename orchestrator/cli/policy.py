"""`orchestrator policy check|diff|publish`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import options
from orchestrator.cli.options import connection
from orchestrator.cli.output import guarded, json_line, out

app = typer.Typer(no_args_is_help=True)
Folder = Annotated[
    Path | None, typer.Argument(help="Folder of policy files; the shipped ones without.")
]


@app.command()
@guarded
def check(folder: Folder = None, as_json: options.Json = False) -> None:
    """Validate a folder of policies; exit 5 with file, line and value where it is wrong."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)

    loaded = wiring.policies(folder)
    actions = [plan.name for plan in loaded.plans]
    if as_json:
        json_line({"type": "policy_checked", "version": loaded.version, "actions": actions})
        return
    out.print(f"{loaded.version}: {len(loaded.documents)} documents, {len(actions)} actions")


@app.command()
@guarded
def diff(
    before: Annotated[Path, typer.Argument(help="Folder of policies.")],
    after: Annotated[Path, typer.Argument(help="Another one.")],
    as_json: options.Json = False,
) -> None:
    """Say which fields of which documents differ."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)

    old, new = wiring.policies(before).documents, wiring.policies(after).documents
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
    loaded = wiring.policies(folder)
    written = wiring.publish_policies(place, dict(loaded.documents))
    _tell(written, loaded.version, as_json=as_json)


def _tell(written: list[str], version: str, *, as_json: bool) -> None:
    if as_json:
        json_line({"type": "policies_published", "version": version, "documents": written})
    else:
        out.print(f"{version}: {len(written)} documents published")


def _differences(was: Any, now: Any, path: str) -> list[tuple[str, Any, Any]]:
    if was == now:
        return []
    if isinstance(was, dict) and isinstance(now, dict):
        found = []
        for name in sorted(was.keys() | now.keys()):
            found += _differences(was.get(name), now.get(name), f"{path}.{name}")
        return found
    return [(path, was, now)]
