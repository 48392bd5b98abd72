"""The command tree; each module brings its own commands."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from traceback import extract_tb
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from orchestrator import __version__
from orchestrator.cli import (
    data,
    decisions,
    demo,
    operate,
    policy,
    replay,
    roles,
    schemas,
    simulate,
    state,
    topics,
)
from orchestrator.cli.options import BadOption
from orchestrator.cli.output import err, give_up, refused, tell


class _Commands(TyperGroup):
    """A value that an option does not take is told like every other error."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            tell(_bad_option(error))
            raise typer.Exit(BadOption.exit_status) from None


def _bad_option(error: Any) -> BadOption:
    checked = error.__cause__.errors() if hasattr(error.__cause__, "errors") else []
    value = f" (given: {checked[0]['input']!r})" if checked else ""
    command = error.ctx.command_path if error.ctx else "orchestrator"
    return BadOption(
        f"{error.format_message().rstrip('.')}{value}.", way_out=f"See: {command} --help"
    )


app = typer.Typer(
    cls=_Commands,
    name="orchestrator",
    help="Event-streaming customer-journey orchestrator: clicks in, revocable interventions out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"orchestrator {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """See `orchestrator COMMAND --help`; exit codes and error codes stand in docs/errors.md."""


demo.register(app)
roles.register(app)
replay.register(app)
simulate.register(app)
decisions.register(app)
data.register(app)
operate.register(app)
app.add_typer(state.app, name="state", help="What the workers keep of a person.")
app.add_typer(topics.app, name="topics", help="Create and show the topics.")
app.add_typer(policy.app, name="policy", help="Check, compare and publish policies.")
app.add_typer(schemas.app, name="schemas", help="JSON Schemas and AsyncAPI of the topics.")


def _prepare_streams() -> None:
    """They may be closed; stdout may be of an encoding without the letters of the data."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (as long as the process)
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (as long as the process)
    elif isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def main() -> None:
    """Entry point; what nobody foresaw is one line too, unless ORCHESTRATOR_DEBUG is set."""
    _prepare_streams()
    try:
        app()
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        give_up(sys.stdout)
        sys.exit(0)
    except Exception as error:
        if os.environ.get("ORCHESTRATOR_DEBUG"):
            raise
        if isinstance(error, OSError):
            told = refused(error)
            tell(told)
            sys.exit(told.exit_status)
        frame = extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename}:{frame.lineno}"
        err.print(f"[bold red]E100[/] unexpected {type(error).__name__} at {where}")
        err.print("     Please report it; ORCHESTRATOR_DEBUG=1 shows all of it.")
        sys.exit(1)
