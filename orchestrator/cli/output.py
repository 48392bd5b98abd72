"""How commands speak: results on stdout, all else on stderr; errors with code and way out.

With `--json` stdout carries one object a line and nothing else.
"""

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, ParamSpec, TypeVar

import orjson
import typer
from rich.console import Console
from rich.markup import escape

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
    """Print a small table for people, as wide as it is; numbers stand to the right."""
    head = [column.replace("_", " ") for column in columns]
    body = [list(row) for row in rows]
    told = [[_cell(value) for value in row] for row in body]
    widths = [max(map(len, cells)) for cells in zip(head, *told, strict=True)]
    to_right = [
        bool(body) and all(isinstance(row[at], int | float) for row in body)
        for at in range(len(head))
    ]

    def line(cells: list[str]) -> str:
        aligned = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, to_right, strict=True)
        ]
        return "  ".join(aligned).rstrip()

    out.print(title, markup=False, style="italic")
    if any(head):
        out.print(line(head), markup=False, style="bold")
    for cells in told:
        out.print(line(cells), markup=False)


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def summary_tables(title: str, summary: Mapping[str, Any]) -> None:
    """Print a summary: what is plain in it first, then a table for each mapping."""
    plain = [(name, value) for name, value in _plain(summary).items() if name != "type"]
    table(title, ("", ""), [(name.replace("_", " "), value) for name, value in plain])
    for name, value in summary.items():
        if isinstance(value, dict) and value:
            _mapping_table(name.replace("_", " "), value)


def _mapping_table(title: str, found: Mapping[str, Any]) -> None:
    """A value a row; of mappings a column for each plain field, and a further table for others."""
    first = next(iter(found.values()))
    out.print()
    if not isinstance(first, dict):
        table(title, ("", ""), found.items())
        return
    table(title, ("", *_plain(first)), ((k, *_plain(v).values()) for k, v in found.items()))
    for name in [name for name, value in first.items() if isinstance(value, dict)]:
        within = {key: value[name] for key, value in found.items()}
        _mapping_table(f"{title}, {name.replace('_', ' ')}", within)


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not isinstance(value, dict)}


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
