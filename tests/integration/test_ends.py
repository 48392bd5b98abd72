"""How commands end that run others: told by a signal, or because a part of them ended."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.processes import ROOT, wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from /proc"),
]


def _hang_ups_count() -> None:
    """Also where the tests run under `nohup`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Command:
    """A command as a process, with what it started and the folder it may leave files in."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._log = folder / "command.log"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator", *arguments],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | {"TMPDIR": str(self.temporary)},
                preexec_fn=_hang_ups_count,  # noqa: PLW1509 - one thread, one call
            )

    def children(self) -> dict[int, str]:
        """Its children's command lines, by process id."""
        own = self.process.pid
        listed = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return {
            int(child): " ".join(Path(f"/proc/{child}/cmdline").read_text().split("\0"))
            for child in listed
        }

    def child(self, word: str) -> int:
        """The child whose command line holds this word, once it is there."""
        wait_until(lambda: any(word in line for line in self.children().values()), word, 30)
        return next(child for child, line in self.children().items() if word in line)

    def wait(self, timeout_s: float = 30) -> int:
        return self.process.wait(timeout_s)

    def says(self) -> str:
        return self._log.read_text()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Command]:
    """A demo whose roles have been started."""
    yield from started(tmp_path, "demo")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Command]:
    """`run` with its roles started."""
    yield from started(tmp_path, "run")


def started(folder: Path, name: str) -> Iterator[Command]:
    command = Command(folder, name)
    children: dict[int, str] = {}
    try:
        command.child(" agents ")
        children = command.children()
        yield command
        left = [line for child, line in children.items() if Path(f"/proc/{child}").exists()]
        assert left == [], "all children have ended"
    finally:
        if command.process.poll() is None:
            for child in children:
                os.kill(child, signal.SIGKILL)
            command.process.kill()
            command.process.wait(10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_told_to_end_leaves_nothing(demo: Command, number: int) -> None:
    """As by Ctrl-C: children ended, folder removed."""
    demo.process.send_signal(number)
    assert demo.wait() == 130, demo.says()
    assert list(demo.temporary.glob("orchestrator-demo-*")) == []


def test_a_hang_up_ends_run(running: Command) -> None:
    """The terminal is closed: as by SIGTERM."""
    running.process.send_signal(signal.SIGHUP)
    assert running.wait() == 0, running.says()


def test_a_demo_notices_that_its_broker_died(demo: Command) -> None:
    """It cannot go on, and says so."""
    wait_until(lambda: " -> " in demo.says(), "a decision")
    os.kill(demo.child(" broker "), signal.SIGKILL)
    assert demo.wait() == 4, demo.says()
    assert "E204 no broker answers at 127.0.0.1:" in demo.says()
    assert list(demo.temporary.glob("orchestrator-demo-*")) == []


def test_run_notices_that_its_broker_died(running: Command) -> None:
    """Its data is gone: the roles are not left to wait for it."""
    os.kill(running.child(" broker "), signal.SIGKILL)
    assert running.wait() == 4, running.says()
    assert "E204 no broker answers at 127.0.0.1:" in running.says()


def test_a_demo_notices_that_a_role_died(demo: Command) -> None:
    """The error names a log that is still there."""
    os.kill(demo.child(" learner "), signal.SIGKILL)
    assert demo.wait() == 1, demo.says()
    named = re.search(
        r"E208 the learner .* SIGKILL; its log is (\S+)\.$", demo.says(), re.MULTILINE
    )
    assert named is not None, demo.says()
    assert Path(named[1]).is_file()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_role_is_stopped_while_it_starts(tmp_path: Path, number: int) -> None:
    """Status 0, also while it waits for a broker's first answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        command = Command(tmp_path, "agents", "--broker", address)
        connection, _ = silent.accept()
        with connection:
            command.process.send_signal(number)
            assert command.wait() == 0, command.says()
    assert not re.search(r"Traceback|\bE\d{3} ", command.says()), command.says()
