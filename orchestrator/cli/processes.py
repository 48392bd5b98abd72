"""Roles as processes: what they are started with, how they are looked after, how they end."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from orchestrator.config import Connection
from orchestrator.errors import BrokerUnreachable, OrchestratorError

if TYPE_CHECKING:
    from orchestrator.adapters.embedded import EmbeddedBroker

STOP_TIMEOUT_S = 15.0


@contextmanager
def raised_on_signals(error: type[BaseException]) -> Iterator[None]:
    """Raise it at the first SIGTERM, SIGINT or SIGHUP, so that what was begun is cleared away.

    Further ones do not disturb that. SIGHUP is taken as SIGTERM, also where a role has handlers of
    its own by then; `nohup` stays in force. Outside the main thread there are no signals.
    """
    if current_thread() is not main_thread():
        yield
        return

    told = False

    def stop(*_: object) -> None:
        nonlocal told
        told = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        # what was interrupted half-made, an asyncio stream say, may raise when it is cleared away
        sys.unraisablehook = lambda _: None
        raise error

    def hang_up(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    former = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        former[signal.SIGHUP] = signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    except Exception as other:
        if not told:
            raise
        # what was interrupted, an import say, may raise an error of its own instead
        raise error from other
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def command_options(place: Connection) -> list[str]:
    """The options that name the broker, for a role started as a process."""
    given = ["--broker", place.broker]
    for key, value in place.extra.items():
        given += ["-X", f"{key}={value}"]
    return [
        *given,
        *("--group-prefix", place.group_prefix),
        *("--topic-prefix", place.topic_prefix),
    ]


def role_options(
    place: Connection,
    clock: str,
    log_level: str | None = None,
    policies: Path | None = None,
    state_dir: Path | None = None,
) -> dict[str, list[str]]:
    """The options of each role started as a process, by its name; None: the role's own default."""
    shared = command_options(place)
    if log_level is not None:
        shared += ["--log-level", log_level]
    if policies is not None:
        shared += ["--policies", str(policies)]
    clocked = [*shared, "--clock", clock]
    if state_dir is not None:
        clocked += ["--state-dir", str(state_dir)]
    return {"worker": clocked, "learner": clocked, "agents": shared}


def start_roles(
    stack: ExitStack, arguments: Mapping[str, list[str]], logs: Path | None = None
) -> "dict[str, subprocess.Popen[bytes]]":
    """Start roles as processes; leaving the stack stops them together, by SIGTERM first.

    Args:
        stack: What they end with.
        arguments: The options of each role, by its name.
        logs: Folder for what they print, a file each; here without.
    """
    processes: dict[str, subprocess.Popen[bytes]] = {}
    stack.callback(_stop, processes)
    for name, given in arguments.items():
        log: Any = nullcontext() if logs is None else log_of(logs, name).open("wb")
        with log as target:
            processes[name] = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "orchestrator", name, *given], stderr=target, stdout=target
            )
    return processes


def log_of(logs: Path, name: str) -> Path:
    """The file with what a role printed."""
    return logs / f"{name}.log"


def look_after(
    processes: "Mapping[str, subprocess.Popen[bytes]]",
    included: "EmbeddedBroker | None",
    logs: Path | None = None,
) -> None:
    """See that the included broker, if any, and all roles still run.

    Raises:
        BrokerUnreachable: the broker ended; the roles can finish nothing, and are killed.
        RoleFailed: a role ended; the error's exit status is that of the role.
    """
    if included is not None:
        try:
            included.check()
        except BrokerUnreachable:
            for process in processes.values():
                process.kill()
            raise
    for name, process in processes.items():
        if process.poll() is not None:
            raise _failed(name, process.returncode, logs)


def _failed(name: str, status: int, logs: Path | None) -> OrchestratorError:
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.adapters.embedded import status_name  # noqa: PLC0415

    where = "stands above" if logs is None else f"is {log_of(logs, name)}"
    failed = wiring.RoleFailed(
        f"the {name} ended by itself with status {status_name(status)}; its log {where}.",
        way_out="Its last lines tell why; check this machine with: orchestrator doctor",
    )
    failed.exit_status = max(status, 1)
    return failed


def _stop(processes: "Mapping[str, subprocess.Popen[bytes]]") -> None:
    until = time.monotonic() + STOP_TIMEOUT_S
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
