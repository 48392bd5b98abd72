"""`orchestrator replay FILE`: a file of clicks through the product, in process or by a broker.

`replay --verify` takes no file: it makes the ledger of a broker's topics anew and compares.
"""

import time
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestrator.adapters.importers import FORMATS, Row, read
from orchestrator.cli import options
from orchestrator.cli.options import BadOption, choice, connection
from orchestrator.cli.output import err, guarded, json_line, out, summary_tables
from orchestrator.cli.roles import SessionGap
from orchestrator.config import Connection

DIFFERS = 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help="Replay a file of clicks: in process (--dry), or into a broker's topics. "
        "With --verify: make a broker's ledger anew from its log, and compare."
    )(replay)


@guarded
def replay(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="Plain or gzipped file; - reads standard input.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help=f"One of: {', '.join(FORMATS)}.")
    ] = "native-jsonl",
    dry: Annotated[bool, typer.Option("--dry", help="Fold in this process, no broker.")] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="No file: the ledger made anew from the log must be equal."),
    ] = False,
    broker: options.Broker = "",
    extra: options.Extra = None,
    ledger: Annotated[
        Path | None, typer.Option("--ledger", help="With --dry: write the ledger here, as JSONL.")
    ] = None,
    speed: Annotated[
        str, typer.Option("--speed", help="max, or times faster than life: 1, 60 ...")
    ] = "max",
    policies: options.Policies = None,
    partitions: Annotated[
        int, typer.Option("--partitions", min=1, help="With --dry: as the topics would have.")
    ] = 12,
    finish: Annotated[
        bool, typer.Option("--finish/--no-finish", help="Let time pass until all sessions ended.")
    ] = True,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for the worker to catch up.")
    ] = 60.0,
    group_prefix: options.GroupPrefix = "orchestrator",
    topic_prefix: options.TopicPrefix = "",
    session_gap_s: SessionGap = 1_800,
    clock: Annotated[
        str, typer.Option("--clock", help="With --verify: wall or event, as the workers had it.")
    ] = "wall",
    as_json: options.Json = False,
) -> None:
    """Replay, and say what became of every row; exit 3 where `--verify` finds a difference."""
    if verify:
        if file is not None or dry:
            raise BadOption(
                "--verify reads the topics of a broker: it takes no file and no --dry.",
                way_out="Use: orchestrator replay --verify --broker HOST:PORT",
            )
        place = connection(broker, extra, group_prefix, topic_prefix)
        wall = choice("--clock", clock, ("wall", "event")) == "wall"
        _verify(place, policies, session_gap_s * 1000, wall=wall, as_json=as_json)
        return
    if file is None:
        raise BadOption("no file named.", way_out="Give a FILE, or - for standard input.")
    rows = read(file, choice("--format", form, tuple(FORMATS)))
    pace = _pace(speed)
    if dry:
        _refuse_broker(context)
        if ledger is not None and ledger.exists() and file.exists() and ledger.samefile(file):
            raise BadOption(
                f"--ledger {ledger} is the file that is read: it would be overwritten.",
                way_out="Give the ledger a name of its own.",
            )
        _dry(rows, ledger, policies, partitions, finish=finish, as_json=as_json)
        return
    if ledger is not None:
        raise BadOption("--ledger goes with --dry.", way_out="Use: orchestrator tail decisions")
    place = connection(broker, extra, group_prefix, topic_prefix)
    _write(_paced(rows, pace), place, wait, finish=finish, as_json=as_json)


def _write(
    rows: Iterator[Row], place: Connection, wait_s: float, *, finish: bool, as_json: bool
) -> None:
    from orchestrator.cli.replaying import write_all  # noqa: PLC0415 (loads the Kafka client)

    with _progress(as_json) as progress:
        task = progress.add_task("writing", total=None)
        summary = write_all(
            rows,
            place,
            finish=finish,
            wait_s=wait_s,
            on_row=lambda: progress.advance(task),
            on_wait=lambda text: progress.update(task, description=text),
        )
    _print(summary, as_json=as_json)


def _verify(
    place: Connection, policies: Path | None, gap_ms: int, *, wall: bool, as_json: bool
) -> None:
    from orchestrator.cli.verifying import verify  # noqa: PLC0415 (loads the Kafka client)

    with _progress(as_json, "partitions") as progress:
        task = progress.add_task("verifying", total=None)
        summary, found = verify(
            place, policies, gap_ms, wall=wall, on_partition=lambda: progress.advance(task)
        )
    for number, each in found:
        if as_json:
            json_line({"type": "difference", "partition": number, **each._asdict()})
        else:
            out.print(f"[red]differs[/] {each.decision_id} [{number}]: {escape(each.why)}")
    if as_json:
        json_line(summary)
    else:
        out.print(
            f"{summary['entries']:,} ledger entries of {summary['partitions']} partitions made "
            f"anew from the log: {summary['different'] or 'none'} differ"
        )
    if found:
        raise typer.Exit(DIFFERS)


def _refuse_broker(context: typer.Context) -> None:
    """One that only the environment names is for other commands."""
    source = context.get_parameter_source("broker")
    if source is not None and source.name == "COMMANDLINE":
        raise BadOption(
            "--dry and --broker exclude each other.",
            way_out="Leave out --broker to fold in this process, --dry to write into its topics.",
        )


def _dry(
    rows: Iterator[Row],
    ledger: Path | None,
    policies: Path | None,
    partitions: int,
    *,
    finish: bool,
    as_json: bool,
) -> None:
    from contextlib import ExitStack  # noqa: PLC0415 (beside its use)

    from orchestrator.cli.dry import FARTHEST_MS, DryRun  # noqa: PLC0415 (loads the product)

    with ExitStack() as stack:
        target = stack.enter_context(ledger.open("wb")) if ledger is not None else None
        run = DryRun(policies, partitions, target)
        last_ms = 0
        progress = stack.enter_context(_progress(as_json))
        task = progress.add_task("folding", total=None)
        for row in rows:
            run.feed(row)
            if last_ms < row.time_ms < FARTHEST_MS:
                last_ms = row.time_ms
            progress.advance(task)
        if finish and last_ms:
            run.finish(last_ms)
    _print(run.summary.payload(), as_json=as_json)


def _pace(speed: str) -> float:
    """Times faster than life; infinite for `max`."""
    try:
        pace = inf if speed == "max" else float(speed)
    except ValueError:
        pace = 0.0
    if not pace > 0:
        raise BadOption(f"--speed {speed!r} is no speed.", way_out="Give max, or a number above 0.")
    return pace


def _paced(rows: Iterator[Row], pace: float) -> Iterator[Row]:
    if pace == inf:
        yield from rows
        return
    began = time.monotonic()
    first_ms = 0
    for row in rows:
        if row.time_ms:
            first_ms = first_ms or row.time_ms
            ahead_s = (row.time_ms - first_ms) / 1000 / pace - (time.monotonic() - began)
            if ahead_s > 0:
                time.sleep(ahead_s)
        yield row


def _progress(as_json: bool, what: str = "rows") -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed:,.0f}} {what}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=as_json or not err.is_terminal,
    )


def _print(summary: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        json_line(summary)
        return
    summary_tables("Replay", summary)
