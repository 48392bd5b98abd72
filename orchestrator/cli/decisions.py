"""`orchestrator decide` and `explain`: what would be done, and why something was."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import options
from orchestrator.cli.options import BadOption, choice, connection
from orchestrator.cli.output import guarded, json_line, out
from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from orchestrator.adapters.importers import Row


class DecisionNotFound(OrchestratorError):
    """The ledger holds no such decision."""

    code = "E132"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help="One session's events in, the decisions out; no broker.")(decide)
    app.command(help="Why a decision was made, and what would have changed it.")(explain)


@guarded
def decide(
    session: Annotated[Path, typer.Option("--session", help="Events as JSONL; - reads stdin.")],
    policies: options.Policies = None,
    form: Annotated[str, typer.Option("--format", help="As of replay.")] = "native-jsonl",
    finish: Annotated[
        bool, typer.Option("--finish/--no-finish", help="Let time pass until the session ended.")
    ] = True,
    as_json: options.Json = False,
) -> None:
    """Print each decision as it would be made, and the commands and revocations that follow."""
    from orchestrator.cli.dry import FARTHEST_MS, DryRun  # noqa: PLC0415 (loads the product)
    from orchestrator.cli.explaining import headline  # noqa: PLC0415

    run = DryRun(policies)
    last_ms = 0
    emits = []
    for row in _rows(session, form):
        if last_ms < row.time_ms < FARTHEST_MS:
            last_ms = row.time_ms
        emits += run.feed(row)
    if finish and last_ms:
        emits += run.finish(last_ms)
    for emit in emits:
        value = emit.value or {}
        if as_json:
            json_line(value)
        elif value.get("type") == "decision_made":
            out.print(headline(value), markup=False)
        elif value.get("type") in {"intervention_issued", "intervention_revoked"}:
            what = value.get("action") or value.get("reason")
            out.print(
                f"  {value['type']} {value['id']} on {value['channel']}: {what}", markup=False
            )
        elif emit.topic == "dead-letters":
            out.print(f"  refused: {value['reason']}: {value['detail']}", markup=False)


def _rows(session: Path, form: str) -> "Iterator[Row]":
    from orchestrator.adapters.importers import FORMATS, read  # noqa: PLC0415 (beside its use)
    from orchestrator.adapters.importers.rows import UnreadableInput  # noqa: PLC0415

    try:
        yield from read(session, choice("--format", form, tuple(FORMATS)))
    except UnreadableInput as error:
        raise UnreadableInput(f"--session: {error.message}", way_out=error.way_out) from error


@guarded
def explain(
    decision_id: Annotated[str, typer.Argument(help="dec-..., or the command's cmd-...")],
    broker: options.Broker = "",
    extra: options.Extra = None,
    ledger: Annotated[
        Path | None, typer.Option("--ledger", help="JSONL file of ledger entries.")
    ] = None,
    policies: options.Policies = None,
    topic_prefix: options.TopicPrefix = "",
    as_json: options.Json = False,
) -> None:
    """Print the ledger entry as a person reads it."""
    wanted = f"dec-{decision_id.removeprefix('cmd-').removeprefix('dec-')}"
    if ledger is not None:
        entry = _from_file(ledger, wanted)
    elif broker:
        entry = _from_broker(wanted, broker, extra, topic_prefix)
    else:
        raise BadOption("no ledger named.", way_out="Give --ledger FILE or --broker HOST:PORT.")
    if entry is None:
        raise DecisionNotFound(
            f"no decision {decision_id!r} in {ledger or broker}.",
            way_out="Its id is the `id` of a line of the ledger; of a broker: orchestrator tail"
            " decisions --from-start --broker ...",
        )
    from orchestrator.cli.explaining import explanation, told  # noqa: PLC0415 (loads the product)

    found = explanation(entry, policies)
    if as_json:
        json_line(found)
    else:
        for line in told(found):
            out.print(line, markup=False)


def _from_file(path: Path, wanted: str) -> dict[str, Any] | None:
    from orchestrator.cli.explaining import checked, entry_in  # noqa: PLC0415 (loads the product)

    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if wanted.encode() in line:
                try:
                    entry = entry_in(line)
                except ValueError:
                    continue  # a command or a reward that names the decision
                if entry["id"] == wanted:
                    return checked(entry, f"--ledger: line {number} of {path}")
    return None


def _from_broker(
    wanted: str, broker: str, extra: list[str] | None, topic_prefix: str
) -> dict[str, Any] | None:
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.adapters.kafka.tools import read_topic  # noqa: PLC0415
    from orchestrator.cli.explaining import checked, entry_in  # noqa: PLC0415

    place = connection(broker, extra, topic_prefix=topic_prefix)
    for row in read_topic(wiring.cluster(place), [f"{topic_prefix}decisions"]):
        if wanted.encode() in (row.value() or b""):
            try:
                entry = entry_in(row.value())
            except ValueError:
                continue  # written by somebody else
            if entry["id"] == wanted:
                at = f"{row.partition()}:{row.offset()}"
                return checked(entry, f"the record {at} of {row.topic()}")
    return None
