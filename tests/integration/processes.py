"""Members as processes: started, killed, stopped, waited for, by their own handles only."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from orchestrator.adapters.kafka.settings import Cluster

ROOT = Path(__file__).parents[2]


class Member:
    """One process of the counting processor."""

    def __init__(self, cluster: Cluster, prefix: str, slot: str, log: Path) -> None:
        self._command = [
            *(sys.executable, "-m", "tests.integration.member", cluster.address),
            *("1" if cluster.embedded else "0", slot, prefix.rstrip("."), prefix),
            json.dumps(dict(cluster.overrides)),
        ]
        self._log = log
        self._began = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, failpoint: str = "") -> Self:
        """Start it; with a failpoint, `NAME:N`, it will end there by itself."""
        environment = os.environ | {"ORCHESTRATOR_TEST_FAILPOINT": failpoint}
        with self._log.open("ab") as log:
            self._began = log.tell()
            self._process = subprocess.Popen(self._command, cwd=ROOT, stderr=log, env=environment)
        return self

    def has_died(self) -> bool:
        """It ended as by SIGKILL."""
        assert self._process is not None
        return self._process.poll() == -signal.SIGKILL

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def terminate(self) -> int:
        """SIGTERM; return the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(15)

    def says(self) -> str:
        """What it logged since its start."""
        return self._log.read_bytes()[self._began :].decode() if self._log.exists() else ""

    def is_settled(self) -> bool:
        """It has run partitions since its start."""
        return "partitions_restored" in self.says()

    def __enter__(self) -> Self:
        return self if self.is_running else self.start()

    def __exit__(self, *_: object) -> None:
        if self.is_running:
            self.kill()

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    """Poll a condition of another process; a sleep is all one can do about those."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.1)
