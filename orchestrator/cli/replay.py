"""`orchestrator replay FILE`: a file of clicks through the product, in process or by a broker."""

import time
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestrator.adapters.importers import FORMATS, Row, read
from orchestrator.cli import options
from orchestrator.cli.options import BadOption, choice, connection
from orchestrator.cli.output import err, guarded, json_line, summary_tables


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Replay a file of clicks: in process (--dry), or into a broker's topics.")(
        replay
    )


@guarded
def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Plain or gzipped file; - reads standard input.")],
    form: Annotated[
        str, typer.Option("--format", help=f"One of: {', '.join(FORMATS)}.")
    ] = "native-jsonl",
    dry: Annotated[bool, typer.Option("--dry", help="Fold in this process, no broker.")] = False,
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
    as_json: options.Json = False,
) -> None:
    """Replay, and say what became of every row."""
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
    from orchestrator.cli.replaying import write_all  # noqa: PLC0415 (loads the Kafka client)

    place = connection(broker, extra, group_prefix, topic_prefix)
    with _progress(as_json) as progress:
        task = progress.add_task("writing", total=None)
        summary = write_all(
            _paced(rows, pace),
            place,
            finish=finish,
            wait_s=wait,
            on_row=lambda: progress.advance(task),
            on_wait=lambda text: progress.update(task, description=text),
        )
    _print(summary, as_json=as_json)


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


def _progress(as_json: bool) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows"),
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
