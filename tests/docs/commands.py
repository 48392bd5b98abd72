"""Whether a command line in the docs is one that our CLI takes. Nothing is run."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer

from orchestrator.cli.app import app

_ENDS = re.compile(r"\s(?:\||\|\||&&|;)\s")


def command_lines(text: str) -> Iterator[str]:
    """Each simple command of a shell block, without prompts, continuation lines joined."""
    joined = text.replace("\\\n", " ").replace("|\n", "| ")
    for line in joined.splitlines():
        for part in _ENDS.split(f" {line.removeprefix('$ ')} "):
            if part.strip() and not part.strip().startswith("#"):
                yield part.strip()


def refusal(line: str) -> str:
    """Why the CLI would not take this command line of ours; empty where it would."""
    words = shlex.split(line, comments=True)
    try:
        _parse(typer.main.get_command(app), "orchestrator", words[1:])
    except Exception as error:  # noqa: BLE001 - a usage error of typer's own click
        return f"{line}: {getattr(error, 'message', error)}"
    return ""


def unknown(line: str) -> str:
    """What an abbreviated line in the prose names that the CLI does not know."""
    command: Any = typer.main.get_command(app)
    for word in line.split()[1:]:
        if word.startswith("-"):
            known = {name for option in command.params for name in option.opts}
            known |= {name for option in command.params for name in option.secondary_opts}
            if word not in known | {"--help"}:
                return f"{line}: no option {word}"
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return f"{line}: no command {word}"
            command = command.commands[word]
    return ""


def _parse(command: Any, name: str, words: list[str], parent: Any = None) -> None:
    if not hasattr(command, "commands"):
        command.make_context(name, list(words), parent=parent).close()
        return
    context = command.make_context(name, list(words), parent=parent)
    rest = [*getattr(context, "_protected_args", []), *context.args]
    child_name, child, child_words = command.resolve_command(context, rest)
    _parse(child, str(child_name), child_words, context)
