"""What commands say of values, files, addresses and streams that cannot be used."""

import os
import subprocess
import sys
from errno import EPIPE
from pathlib import Path

import orjson
import pytest
import typer

from orchestrator.cli.data import check_topic
from orchestrator.cli.options import BadOption, connection
from orchestrator.cli.output import guarded
from orchestrator.wiring import SHIPPED_POLICIES
from tests.component.cli.test_commands import run

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "hesitation.jsonl"


@pytest.mark.parametrize("session_id", ["s[/x]91", "s[red]91", "s:cat:91"])
def test_data_is_no_markup(session_id: str, tmp_path: Path) -> None:
    """An id is printed as it is."""
    file = tmp_path / "events.jsonl"
    file.write_text(EXAMPLE.read_text().replace('"s-91"', f'"{session_id}"'))
    assert f"{session_id} at " in run("decide", "--session", file).stdout


def test_names_of_folders_are_no_markup(tmp_path: Path) -> None:
    """Neither in findings nor in what was written."""
    folder = tmp_path / "[/x]"
    assert str(folder) in run("schemas", "check", "--dir", folder, status=5).stderr
    assert str(folder) in run("schemas", "export", "--dir", folder).stdout
    assert str(folder) in run("schemas", "check", "--dir", folder).stdout
    assert "no folder [/y]" in run("doctor", "--state-dir", "[/y]", status=3).stdout


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (
            ["worker", "--metrics-port", "99999"],
            2,
            ["E101", "'--metrics-port'", "'99999'", "--help"],
        ),
        (["learner", "--metrics-port", "-5"], 2, ["E101", "'--metrics-port'", "'-5'"]),
        (
            ["topics", "create", "--partitions", "0"],
            2,
            ["E101", "'--partitions'", "'0'", "create --help"],
        ),
        (["tail"], 2, ["E101", "'topic'", "tail --help"]),
        (
            ["agents", "--broker", "h:abc"],
            2,
            ["E101", "--broker", "ORCHESTRATOR_BROKER", "'h:abc'"],
        ),
        (
            ["topics", "list", "--broker", "g:1,h:99999"],
            2,
            ["E101", "--broker", "'h:99999'", "65535"],
        ),
        (["topics", "list", "--broker", ":9092"], 2, ["E101", "':9092'"]),
        (
            ["decide", "--session", EXAMPLE, "--policies", "no/such"],
            2,
            ["E102", "--policies", "ORCHESTRATOR_POLICIES", "no/such"],
        ),
        (
            ["worker", "--broker", "h:1", "--policies", "no/such"],
            2,
            ["E102", "--policies", "no/such"],
        ),
        (["policy", "diff", SHIPPED_POLICIES, "no/such"], 2, ["E102", "no folder no/such"]),
        (["decide", "--session", "no/such"], 1, ["E130", "--session", "no/such"]),
        (["policy", "backtest", "--ledger", "no/such"], 2, ["E102", "--ledger", "no/such"]),
    ],
)
def test_errors_name_option_value_and_way_out(
    arguments: list[str | Path], status: int, told: list[str]
) -> None:
    """Nothing on stdout."""
    result = run(*arguments, status=status)
    assert [word for word in told if word not in result.stderr] == [], result.stderr
    assert result.stdout == ""


def test_doctor_tells_of_policies_that_are_not_there() -> None:
    """A finding like any other."""
    result = run("doctor", "--policies", "no/such", "--json", status=3)
    checks = {check["check"]: check for check in map(orjson.loads, result.stdout.splitlines())}
    assert not checks["policies"]["ok"]
    assert "no folder no/such" in checks["policies"]["detail"]


@pytest.mark.parametrize(
    "address", ["h", "h:1", "SSL://h:1,g:65535", "[::1]", "[::1]:9092", "h:1,"]
)
def test_addresses_as_librdkafka_takes_them(address: str) -> None:
    """With and without port."""
    assert connection(address).broker == address


def test_a_topic_that_is_none_is_told_with_those_there_are() -> None:
    """A topic of ours, and any other that is there, may be looked at."""
    place = connection("h:1", topic_prefix="p.")
    check_topic(place, "decisions", [])
    check_topic(place, "merchandising.changes", ["p.merchandising.changes"])
    with pytest.raises(BadOption, match=r"no topic 'p\.nosuch' on h:1.+one of: clickstream"):
        check_topic(place, "nosuch", ["nosuch"])


@pytest.mark.parametrize("command", [["explain", "dec-1"], ["policy", "backtest"]])
def test_an_entry_that_lacks_something_is_told_with_its_line(
    command: list[str], tmp_path: Path
) -> None:
    """And with what is missing."""
    ledger = tmp_path / "ledger.jsonl"
    run("replay", EXAMPLE, "--dry", "--ledger", ledger)
    count = len(ledger.read_bytes().splitlines())
    with ledger.open("ab") as lines:
        lines.write(b'{"id":"dec-1","trigger":{},"chosen":{}}\n')
    stderr = run(*command, "--ledger", ledger, status=2).stderr
    assert f"E101 --ledger: line {count + 1} of {ledger}" in stderr
    assert "time_ms: Field required" in stderr


@pytest.mark.usefixtures("capsys")
def test_a_role_whose_log_nobody_reads_has_failed() -> None:
    """A supervisor must start it again."""

    @guarded
    def role() -> None:
        raise BrokenPipeError(EPIPE, "Broken pipe")

    with pytest.raises(typer.Exit) as end:
        role()
    assert end.value.exit_code == 1


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
