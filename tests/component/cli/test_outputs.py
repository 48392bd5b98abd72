"""Commands as a shell starts them: outputs that are closed, full, or cannot say every letter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "hesitation.jsonl"


def process(redirection: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """A command of its own as a shell would start it: its status and what it printed."""
    command = f'"$0" -m orchestrator "$@" {redirection}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments", [["policy", "check"], ["policy", "check", "--json"], ["--help"]]
)
def test_a_closed_pipe_is_no_error(arguments: list[str]) -> None:
    """Whoever reads has enough: 0, and not a word."""
    assert process("| { exec 0<&-; }; exit ${PIPESTATUS[0]}", *arguments) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
@pytest.mark.parametrize(
    "arguments", [["policy", "check"], ["policy", "check", "--json"], ["--help"]]
)
def test_a_full_disk_is_told(arguments: list[str]) -> None:
    """In the system's words."""
    status, _, stderr = process("> /dev/full", *arguments)
    assert (status, stderr.split("\n")[0]) == (
        1,
        "E103 the system refused: No space left on device.",
    )


def test_a_closed_output_is_no_error() -> None:
    """As with /dev/null; the status is that of the work."""
    assert process(">&-", "policy", "check", "--json") == (0, "", "")
    assert process("2>&-", "policy", "check", "no/such") == (2, "", "")


def test_letters_that_the_output_cannot_say_are_escaped(tmp_path: Path) -> None:
    """Else the results would end in the middle."""
    file = tmp_path / "events.jsonl"
    file.write_text(EXAMPLE.read_text().replace('"s-91"', '"s€91"'))
    status, stdout, _ = process("", "decide", "--session", str(file), PYTHONIOENCODING="latin-1")
    assert status == 0
    assert "s\\u20ac91 at " in stdout
