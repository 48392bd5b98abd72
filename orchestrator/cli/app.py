"""The command tree; each module brings its own commands."""

import os
import sys
from traceback import extract_tb
from typing import Annotated

import typer

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
    topics,
)
from orchestrator.cli.output import err

app = typer.Typer(
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
app.add_typer(topics.app, name="topics", help="Create and show the topics.")
app.add_typer(policy.app, name="policy", help="Check, compare and publish policies.")
app.add_typer(schemas.app, name="schemas", help="JSON Schemas and AsyncAPI of the topics.")


def main() -> None:
    """Entry point; what nobody foresaw is one line too, unless ORCHESTRATOR_DEBUG is set."""
    try:
        app()
    except Exception as error:
        if os.environ.get("ORCHESTRATOR_DEBUG"):
            raise
        frame = extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename}:{frame.lineno}"
        err.print(f"[bold red]E100[/] unexpected {type(error).__name__} at {where}")
        err.print("     Please report it; ORCHESTRATOR_DEBUG=1 shows all of it.")
        sys.exit(1)
