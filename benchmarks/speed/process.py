"""Run one process within a time limit and read from the system what it used."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_S = 0.02
GRACE_S = 15.0
LOG_TAIL = 600


class RunFailed(Exception):
    """An engine did not do its job; the message says how."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used, from its start to its end."""

    cpu_s: float
    """User and system time, all threads."""
    wall_s: float
    peak_mb: float
    """Most memory resident at once, as last seen while it ran."""


class Running:
    """A process under our eyes: bounded in time, ended by its id, its output in a file.

    Args:
        command: Program and arguments.
        log: File that takes its output.
        core: The core to hold it on, where `taskset` exists; None leaves it free.
        package: Folder to import packages from before all others.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        core: int | None = None,
        package: Path | None = None,
    ) -> None:
        prefix = () if core is None or not shutil.which("taskset") else ("taskset", "-c", str(core))
        self._log = log
        self._started = time.monotonic()
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [*prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"PYTHONPATH": str(package)} if package else None,
            )
        self.usage: Usage | None = None
        self._peak_mb = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.usage is None:
            self._signal(signal.SIGKILL)
            os.wait4(self._process.pid, 0)
            self._process.returncode = -signal.SIGKILL

    def ended(self) -> bool:
        """Whether it has ended; takes its usage when it has."""
        if self.usage is not None:
            return True
        self._peak_mb = _peak_mb(self._process.pid) or self._peak_mb
        pid, status, used = os.wait4(self._process.pid, os.WNOHANG)
        if not pid:
            return False
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.usage = Usage(
            cpu_s=used.ru_utime + used.ru_stime,
            wall_s=time.monotonic() - self._started,
            # ru_maxrss would count this process's own memory too: the child was it before `exec`
            peak_mb=self._peak_mb,
        )
        return True

    def wait(self, timeout_s: float) -> Usage:
        """Wait for its end.

        Raises:
            RunFailed: it did not end in time, or ended badly.
        """
        deadline = time.monotonic() + timeout_s
        while not self.ended():
            if time.monotonic() > deadline:
                raise RunFailed(f"not finished after {timeout_s:.0f} s: {self.tail()}")
            time.sleep(POLL_S)
        if self.usage is None or self._process.returncode:
            raise RunFailed(f"exit status {self._process.returncode}: {self.tail()}")
        return self.usage

    def wait_until(self, done: Callable[[], bool], timeout_s: float, every_s: float = 0.1) -> None:
        """Wait for a condition while it runs.

        Raises:
            RunFailed: it ended before, or the condition did not come in time.
        """
        deadline = time.monotonic() + timeout_s
        while not done():
            if self.ended():
                raise RunFailed(f"ended early, status {self._process.returncode}: {self.tail()}")
            if time.monotonic() > deadline:
                raise RunFailed(f"not done after {timeout_s:.0f} s: {self.tail()}")
            time.sleep(every_s)

    def stop(self, timeout_s: float = GRACE_S) -> Usage:
        """Ask it to end as an operator would, and wait."""
        self._signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def cpu_s(self) -> float:
        """User and system time so far, all threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tail(self) -> str:
        """The end of its output, on one line."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return " ".join(text[-LOG_TAIL:].split())

    def _signal(self, number: int) -> None:
        if self._process.returncode is None:
            os.kill(self._process.pid, number)


def _peak_mb(pid: int) -> float | None:
    """The high-water mark of a process's resident memory; None where it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None
