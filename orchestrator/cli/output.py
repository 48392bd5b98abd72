"""How commands speak: results on stdout, all else on stderr; errors with code and way out.

With `--json` stdout carries one object a line and nothing else.
"""

import functools
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, ParamSpec, TypeVar

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestrator.errors import OrchestratorError

P = ParamSpec("P")
R = TypeVar("R")


class UnusableFile(OrchestratorError):
    """A file or folder that an option names cannot be read or written."""

    code = "E102"
    exit_status = 2

    def __init__(self, message: str) -> None:
        super().__init__(message, way_out="Check the path, that its folder exists, and the rights.")


out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def json_line(value: dict[str, Any]) -> None:
    """Write one object to stdout, at once."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a small table for people."""
    grid = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)
    for row in rows:
        grid.add_row(*(str(cell) for cell in row))
    out.print(grid)


def _refuse(error: OrchestratorError) -> NoReturn:
    err.print(f"[bold red]{error.code}[/] {escape(error.message)}")
    if error.way_out:
        err.print(f"     {escape(error.way_out)}")
    raise typer.Exit(error.exit_status) from None


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn our errors into one clear line on stderr and the documented exit status.

    Exit codes: 0 ok, 1 failed work, 2 usage, 3 doctor found a problem, 4 broker unreachable,
    5 bad policy, schema or setting, 130 interrupted.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except OrchestratorError as error:
            _refuse(error)
        except KeyboardInterrupt:
            err.print("interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            sys.stderr.close()
            raise typer.Exit(0) from None
        except OSError as error:
            if error.filename is None:  # not about a file that somebody named
                raise
            _refuse(UnusableFile(f"cannot use {error.filename}: {error.strerror}."))

    return run
