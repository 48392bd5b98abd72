"""What `run` and the demo check, start and look after; how commands end by signals."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.adapters.embedded import EmbeddedBroker
from orchestrator.cli.demo import folder_for_logs
from orchestrator.cli.processes import look_after, raised_on_signals, role_options
from orchestrator.config import Connection
from orchestrator.errors import BrokerUnreachable
from orchestrator.wiring import RoleFailed
from tests.component.cli.test_commands import run

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _hang_ups_count() -> Iterator[None]:
    """Also where the tests run under `nohup`; what a command sets for its end ends with a test."""
    former, hook = signal.signal(signal.SIGHUP, signal.SIG_DFL), sys.unraisablehook
    yield
    signal.signal(signal.SIGHUP, former)
    sys.unraisablehook = hook


@contextmanager
def process(code: str = "input()") -> Iterator["subprocess.Popen[bytes]"]:
    """A process in place of a role."""
    command = [sys.executable, "-I", "-S", "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--log-level", "foo"], 2, ["E101", "--log-level", "'foo'"]),
        (["--clock", "sun"], 2, ["E101", "--clock", "'sun'"]),
        (["--policies", "."], 5, ["E120", "no policy files"]),
    ],
)
def test_run_checks_before_anything_runs(
    options: list[str],
    status: int,
    told: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A value that is none is told once, and not by each role."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALF_TANSU_BIN", "/nowhere")  # a broker would be another error
    result = run("run", *options, status=status)
    assert [word for word in told if word not in result.stderr] == []


def test_run_hands_its_options_to_each_role() -> None:
    """The learner rewards by the same policies that the worker decides by."""
    place = Connection("h:1", {"a": "b"}, "g", "t.")
    given = role_options(place, "event", "info", Path("mine"), Path("state"))
    assert list(given) == ["worker", "learner", "agents"]
    for options in given.values():
        assert options[options.index("--policies") + 1] == "mine"
    for name in ("worker", "learner"):
        assert given[name][-4:] == ["--clock", "event", "--state-dir", "state"]


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_signal_ends_a_command_once(number: signal.Signals, error: type[BaseException]) -> None:
    """What was begun is cleared away, undisturbed by further signals; then all is as before."""
    former = [signal.getsignal(one) for one in SIGNALS]
    cleared: list[str] = []

    @raised_on_signals(error)
    def command() -> None:
        try:
            signal.raise_signal(number)
        finally:
            for other in SIGNALS:
                signal.raise_signal(other)
            cleared.append("all")

    with pytest.raises(error):
        command()
    assert cleared == ["all"]
    assert [signal.getsignal(one) for one in SIGNALS] == former


@pytest.mark.parametrize("is_stopped", [True, False])
def test_what_a_signal_left_half_made_is_cleared_away_in_silence(is_stopped: bool) -> None:  # noqa: FBT001 - parametrised
    """As an asyncio stream whose making was interrupted; without a signal such a fault is told."""
    script = (
        "import signal\n"
        "from orchestrator.cli.processes import raised_on_signals\n"
        "class Half:\n"
        "    def __del__(self): self.made\n"
        "with raised_on_signals(SystemExit):\n"
        "    half = Half()\n"
        f"    if {is_stopped}: signal.raise_signal(signal.SIGTERM)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert ("AttributeError" in ended.stderr) is not is_stopped


def test_a_hang_up_reaches_a_handler_of_later() -> None:
    """A role's own one for SIGTERM lets it commit first."""
    heard: list[int] = []
    with raised_on_signals(SystemExit):
        signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
        signal.raise_signal(signal.SIGHUP)
    assert heard == [signal.SIGTERM]


def test_a_role_that_died_is_named(tmp_path: Path) -> None:
    """With how it ended and its log; its status is that of the command, if it has one."""
    with process() as lives, process() as killed, process("raise SystemExit(5)") as refused:
        look_after({"worker": lives}, None)
        killed.kill()
        for one in (killed, refused):
            one.wait()
        with pytest.raises(RoleFailed, match=f"the learner .* SIGKILL.* {tmp_path}") as raised:
            look_after({"worker": lives, "learner": killed}, None, tmp_path)
        assert raised.value.exit_status == 1
        with pytest.raises(RoleFailed, match=r"the worker .* status 5") as raised:
            look_after({"worker": refused, "learner": lives}, None)
        assert raised.value.exit_status == 5


def test_roles_end_with_the_included_broker() -> None:
    """At once: without it they would wait for it, and can finish nothing."""
    with EmbeddedBroker() as broker, process() as role:
        look_after({"worker": role}, broker)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, broker.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(BrokerUnreachable, match="SIGKILL"):
            look_after({"worker": role}, broker)
        assert role.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokerUnreachable, RoleFailed])
def test_a_log_that_an_error_names_stays(error: type[BaseException]) -> None:
    """Every other end of the demo removes the folder."""
    logs: list[Path] = []

    def use() -> None:
        with folder_for_logs() as folder:
            logs.append(folder / "worker.log")
            logs[0].write_text("why\n")
            raise error("ended")

    with pytest.raises(error):
        use()
    assert logs[0].exists() is (error is RoleFailed)
    shutil.rmtree(logs[0].parent, ignore_errors=True)


def test_an_error_of_what_a_signal_interrupted_is_the_signals() -> None:
    """An import that is interrupted may raise an error of its own in the place of ours."""
    with pytest.raises(KeyboardInterrupt), raised_on_signals(KeyboardInterrupt):  # noqa: PT012
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise SystemError("interrupted") from None
    with pytest.raises(SystemError), raised_on_signals(KeyboardInterrupt):
        raise SystemError("of its own")
