"""Runs a command against a real Apache Kafka of its own: one KRaft node on loopback, no Docker.

Usage: python deploy/kafka/run.py [--if-possible] [--limit-s N] COMMAND...

Resolves the server's jars through Maven (once, kept in var/kafka/), formats and starts a broker on
free ports with its data in a temporary folder, waits until it serves transactions, and runs the
command with ORCHESTRATOR_TEST_BROKER=HOST:PORT. Then it stops the broker and removes the data.

Exit status: the command's; 1 where the broker does not start; 3 where Java 17 or Maven is missing
(0 with --if-possible); 124 where the command took longer than the limit.
"""

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / "var" / "kafka"
JAVA_AT_LEAST = 17
LEFT_OUT = 3
TIMED_OUT = 124

_ATTEMPTS = 3
"""Another process may take a free port between our look and the broker's."""
_CLUSTER_ID = "b3JjaGVzdHJhdG9yLWthZg"
"""Any 16 bytes in base64: each broker's data is its own, and StorageTool needs seconds for one."""
_RESOLVE_LIMIT_S = 600
_START_LIMIT_S = 60
_STOP_LIMIT_S = 20
_LOG_TAIL_LINES = 30
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

_LAUNCHER = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
with __import__("contextlib").suppress(Exception):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit(0)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Asks Linux to end the broker when its parent is killed (PR_SET_PDEATHSIG), then becomes it."""


class LeftOutError(Exception):
    """What is missing on this machine for a real broker."""


class StartError(Exception):
    """The broker could not be had, and why."""


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit status."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        java, maven = find_java(), find_maven()
        with broker(java, jars(maven)) as address:
            return run(options.command, address, options.limit_s)
    except LeftOutError as reason:
        print(f"Tests on Apache Kafka were LEFT OUT: {reason}.", file=sys.stderr)
        return 0 if options.if_possible else LEFT_OUT
    except StartError as reason:
        print(f"Apache Kafka could not be started: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def find_java() -> str:
    """Path of a Java that runs Kafka 4: JAVA_HOME's, else the PATH's."""
    home = os.environ.get("JAVA_HOME")
    java = (shutil.which("java", path=f"{home}/bin") if home else None) or shutil.which("java")
    if java is None:
        raise LeftOutError(f"no Java here ({JAVA_AT_LEAST} or newer is needed)")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < JAVA_AT_LEAST:
        version = found[1] if found else "of unknown version"
        raise LeftOutError(f"{java} is Java {version}, {JAVA_AT_LEAST} or newer is needed")
    return java


def find_maven() -> str:
    """Path of Maven, which resolves the server's jars."""
    maven = shutil.which("mvn")
    if maven is None:
        raise LeftOutError("no Maven here (mvn resolves the broker's jars)")
    return maven


def jars(maven: str) -> Path:
    """Folder of the broker's jars: resolved once for each content of pom.xml."""
    pom = HERE / "pom.xml"
    libs = CACHE / f"libs-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if libs.is_dir():
        return libs
    _say("resolving the jars of Apache Kafka with Maven, once ...")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="resolving-") as folder:
        target = Path(folder) / "libs"
        command = [
            maven,
            "-q",
            "-B",
            "-Dstyle.color=never",
            "-f",
            str(pom),
            "dependency:copy-dependencies",
        ]
        try:
            subprocess.run(
                [*command, f"-DoutputDirectory={target}"], check=True, timeout=_RESOLVE_LIMIT_S
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise StartError(f"Maven did not resolve its jars ({error}).") from error
        with contextlib.suppress(OSError):  # another run was quicker
            target.rename(libs)
    return libs


@contextlib.contextmanager
def broker(java: str, libs: Path) -> Iterator[str]:
    """A broker that serves transactions, by its address; it ends with the context."""
    for attempt in range(_ATTEMPTS):
        with tempfile.TemporaryDirectory(prefix="orchestrator-kafka-") as folder:
            node = Node(java, libs, Path(folder))
            try:
                address = node.start()
                if address is not None:
                    yield address
                    return
            finally:
                node.stop()
                node.keep_log()
        _say(f"attempt {attempt + 1} of {_ATTEMPTS}: the broker ended, see {CACHE}/broker.log")
    raise StartError(f"it ended at once {_ATTEMPTS} times, its log: {CACHE}/broker.log")


class Node:
    """One KRaft node: broker and controller in one process."""

    def __init__(self, java: str, libs: Path, folder: Path) -> None:
        self._folder = folder
        # the folder for native libraries and the like: it goes with the data
        self._java = [java, *_JVM, f"-Djava.io.tmpdir={folder}", "-cp", f"{libs}/*"]
        self._properties = folder / "server.properties"
        self._log = folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str | None:
        """Format and start it; return its address, or None where it ended.

        Raises:
            StartError: it did not become ready in time.
        """
        began = time.monotonic()
        port, controller_port = free_ports(2)
        template = string.Template((HERE / "server.properties").read_text())
        self._properties.write_text(
            template.substitute(
                port=port, controller_port=controller_port, data=self._folder / "data"
            )
        )
        with self._log.open("wb") as log:
            if not self._format(log):
                return None
            command = [*self._java, "kafka.Kafka", str(self._properties)]
            launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
            # a session of its own: Ctrl-C must reach the command first
            self._process = subprocess.Popen(
                [*launcher, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        address = f"127.0.0.1:{port}"
        if not self._wait_ready(address, began + _START_LIMIT_S):
            return None
        _say(
            f"Apache Kafka ({_version(self._log)}) at {address}, process {self._process.pid}, "
            f"ready in {time.monotonic() - began:.1f} s"
        )
        return address

    def stop(self) -> None:
        """SIGTERM, then SIGKILL; by the handle of the process."""
        if self._process is None:
            return
        _end(self._process, (signal.SIGTERM,), _STOP_LIMIT_S)
        self._process = None

    def keep_log(self) -> None:
        """Keep the log of this run: the temporary folder goes."""
        with contextlib.suppress(OSError):
            shutil.copy(self._log, CACHE / "broker.log")

    def _format(self, log: IO[bytes]) -> bool:
        storage = [*self._java, "kafka.tools.StorageTool"]
        command = [*storage, "format", "-t", _CLUSTER_ID, "-c", str(self._properties)]
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
        return done.returncode == 0

    def _wait_ready(self, address: str, deadline: float) -> bool:
        """Ready: it describes its cluster and gives a transactional producer its id."""
        client: dict[str, str | int | float | bool] = {"bootstrap.servers": address, "log_level": 0}
        admin = AdminClient(client)
        described = False
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                return False
            with contextlib.suppress(KafkaException):
                if not described:
                    admin.describe_cluster(request_timeout=2).result()
                    described = True
                Producer({**client, "transactional.id": "ready"}).init_transactions(5)
                return True
            time.sleep(0.1)
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
        raise StartError(f"it is not ready after {_START_LIMIT_S} s.\n{tail}")


def run(command: Sequence[str], address: str, limit_s: float) -> int:
    """Run the command with the broker's address in its environment; return its status."""
    environment: Mapping[str, str] = {**os.environ, "ORCHESTRATOR_TEST_BROKER": address}
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    try:
        status = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        print(f"not done within {limit_s:.0f} s, stopped: {' '.join(command)}", file=sys.stderr)
        return TIMED_OUT
    finally:
        # SIGINT first: pytest then ends the processes of its tests
        _end(process, (signal.SIGINT, signal.SIGTERM), _STOP_LIMIT_S)
    return status if status >= 0 else 128 - status


def free_ports(number: int) -> list[int]:
    """Loopback ports nobody listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _end(process: subprocess.Popen[bytes], signals: Sequence[int], limit_s: float) -> None:
    """Signal after signal until the process has ended, SIGKILL at last."""
    for number in (*signals, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(limit_s)


def _version(log: Path) -> str:
    found = re.search(r"Kafka version: (\S+)", log.read_text(errors="replace"))
    return found[1] if found else "version not told"


def _interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM cleans up as Ctrl-C does."""
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(f"test-kafka: {text}", file=sys.stderr, flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--if-possible", action="store_true", help="exit 0, not 3, where Java or Maven is missing"
    )
    parser.add_argument("--limit-s", type=float, default=3_600, help="stop the command after this")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    options = parser.parse_args(arguments)
    if not options.command:
        parser.error("a command to run is missing")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
