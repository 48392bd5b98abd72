"""The command tree; each module brings its own commands."""

from typing import Annotated

import typer

from orchestrator import __version__
from orchestrator.cli import data, decisions, operate, policy, replay, roles, schemas, topics

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


roles.register(app)
replay.register(app)
decisions.register(app)
data.register(app)
operate.register(app)
app.add_typer(topics.app, name="topics", help="Create and show the topics.")
app.add_typer(policy.app, name="policy", help="Check, compare and publish policies.")
app.add_typer(schemas.app, name="schemas", help="JSON Schemas and AsyncAPI of the topics.")


def main() -> None:
    """Entry point."""
    app()
