"""How commands speak: results on stdout, all else on stderr; errors with code and way out.

With `--json` stdout carries one object a line and nothing else.
"""

import errno
import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TextIO, TypeVar, get_type_hints

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from orchestrator.errors import InvalidPolicy, OrchestratorError

P = ParamSpec("P")
R = TypeVar("R")


class UnusableFile(OrchestratorError):
    """A file or folder that an option names cannot be read or written."""

    code = "E102"
    exit_status = 2

    def __init__(self, message: str) -> None:
        super().__init__(message, way_out="Check the path, that its folder exists, and the rights.")


class SystemRefused(OrchestratorError):
    """The system refused something and named no file: the output's disk is full, or the like."""

    code = "E103"

    def __init__(self, error: OSError) -> None:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        super().__init__(
            f"the system refused: {error.strerror or type(error).__name__}.",
            way_out="Make room where the output goes."
            if full
            else "ORCHESTRATOR_DEBUG=1 shows where it was.",
        )


class _NobodyReads(Exception):
    """Whoever read the results has enough and closed the pipe."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Results need a reader, errors do not; Rich would end with status 1 for both."""
        if not self.stderr:
            raise _NobodyReads
        self.quiet = True
        give_up(sys.stderr)


out = _Console(highlight=False, soft_wrap=True, emoji=False)
err = _Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def json_line(value: dict[str, Any]) -> None:
    """Write one object to stdout, at once."""
    try:
        sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise _NobodyReads from None


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


def tell(error: OrchestratorError) -> None:
    """The lines of an error, on stderr."""
    err.print(f"[bold red]{error.code}[/] {escape(error.message)}")
    if error.way_out:
        err.print(f"     {escape(error.way_out)}")


def give_up(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: Python would try once more at its end."""
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def refused(error: OSError, option: str = "") -> OrchestratorError:
    """An error of the system, as ours."""
    if error.filename is None:
        give_up(sys.stdout)
        return SystemRefused(error)
    told = f"{option}: cannot use" if option else "cannot use"
    return UnusableFile(f"{told} {error.filename}: {error.strerror}.")


def _refuse(error: OrchestratorError) -> NoReturn:
    tell(error)
    raise typer.Exit(error.exit_status) from None


def _named(command: Callable[..., object], given: Mapping[str, Any], file: str) -> str:
    """The option that a file was named by, with its environment variable; empty for arguments."""
    for name, value in given.items():
        if isinstance(value, Path) and (value == Path(file) or value in Path(file).parents):
            option = get_type_hints(command, include_extras=True)[name].__metadata__[0]
            told = str(option.default)  # where typer keeps the first name
            if told.startswith("-"):
                return f"{told} (or {option.envvar})" if option.envvar else told
    return ""


def _without_policies(
    error: InvalidPolicy, command: Callable[..., object], given: Mapping[str, Any]
) -> OrchestratorError:
    """The same error, unless the folder that was to hold the policies is not there at all."""
    folder = given.get("policies")
    if not isinstance(folder, Path) or folder.is_dir():
        return error
    return UnusableFile(f"{_named(command, given, str(folder))}: there is no folder {folder}.")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn our errors into one clear line on stderr and the documented exit status.

    Exit codes: 0 ok, or nobody reads on, 1 failed work, 2 usage, 3 doctor found a problem,
    4 broker unreachable, 5 bad policy, schema or setting, 130 interrupted.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except InvalidPolicy as error:
            _refuse(_without_policies(error, command, kwargs))
        except OrchestratorError as error:
            _refuse(error)
        except KeyboardInterrupt:
            err.print("interrupted")
            raise typer.Exit(130) from None
        except _NobodyReads:
            give_up(sys.stdout)
            raise typer.Exit(0) from None
        except OSError as error:
            if error.filename is None and os.environ.get("ORCHESTRATOR_DEBUG"):
                raise
            file = error.filename
            _refuse(refused(error, _named(command, kwargs, str(file)) if file else ""))

    return run
