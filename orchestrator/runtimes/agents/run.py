"""Run the agents until told to stop: checks first, signals, a bounded shutdown."""

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import faust
import structlog

from orchestrator.errors import OrchestratorError
from orchestrator.runtimes.agents.app import build_app
from orchestrator.runtimes.agents.connection import check_topics, fitted, look_up
from orchestrator.runtimes.agents.settings import AgentsSettings

STOP_TIMEOUT_S = 10.0
EXIT_HUNG = 1
_NOISY = ("faust", "mode", "aiokafka", "asyncio")

log = structlog.get_logger(__name__)


class AgentsFailed(OrchestratorError):
    """Faust gave up."""

    code = "E207"


def run_agents(settings: AgentsSettings) -> None:
    """Run until SIGTERM or SIGINT; blocks, in the main thread.

    Raises:
        InvalidSettings: A setting is not usable.
        BrokerUnreachable: No broker answers.
        TopicsNotReady: Topics are missing or do not fit together.
        AgentsFailed: Faust stopped by itself.
    """
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="orchestrator-agents-") as folder:
        state_dir = settings.state_dir or Path(folder)
        asyncio.run(_run(replace(settings, state_dir=state_dir)))


async def _run(settings: AgentsSettings) -> None:
    cluster = await look_up(settings)
    check_topics(settings, cluster.partitions)
    app = build_app(fitted(settings, cluster), cluster.partitions)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log.info("agents_starting", group=settings.group, broker=settings.broker)
    try:
        await _until_stopped(app, stop)
    finally:
        _cut_off_after(STOP_TIMEOUT_S)
        with contextlib.suppress(RuntimeError):  # a producer that died cannot be flushed
            await app.stop()
    log.info("agents_stopped", group=settings.group)


async def _until_stopped(app: faust.App, stop: asyncio.Event) -> None:
    """Start the app and wait for a signal or its end, whichever comes first."""
    starting = asyncio.create_task(app.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            return
        await starting
        app.sensors.remove(app.monitor)  # costs every record, and nobody reads it
        log.info("agents_started")
        ended = asyncio.create_task(app.wait_until_stopped())
        await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
    finally:
        stopping.cancel()
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
    if not stop.is_set():
        raise AgentsFailed(f"the agents stopped by themselves: {app.crash_reason!r}.")


def _cut_off_after(seconds: float) -> None:
    """End the process where Faust's threads do not: without its broker a stop may hang."""
    cut_off = threading.Timer(seconds, os._exit, (EXIT_HUNG,))
    cut_off.daemon = True
    cut_off.start()
