"""Faust, tuned: memory table with changelog, `take`, uvloop; no monitor, logging, collector."""

import contextlib
import gc
import logging
import os
import signal
import weakref
from typing import Any

import mode.loop

with contextlib.suppress(ImportError):
    mode.loop.use("uvloop")

import faust
from faust.streams import _current_event
from faust.transport.producer import ProducerBuffer

from benchmarks.speed.engines.job import Job, from_command_line
from benchmarks.speed.reference import (
    decode,
    dump_state,
    encode,
    fold,
    load_state,
)

ProducerBuffer.max_messages = 100_000
TAKE = 500


def build(job: Job) -> faust.App:
    """The application with its one agent."""
    app = faust.App(
        "faust-reference",
        broker=f"kafka://{job.broker}",
        store="memory://",
        datadir=job.scratch,
        web_enabled=False,
        autodiscover=False,
        topic_partitions=job.partitions,
        topic_disable_leader=True,
        topic_allow_declare=True,
        stream_wait_empty=False,
        cython_optimizations=True,
        stream_buffer_maxsize=16_384,
        stream_recovery_delay=0.0,
        broker_commit_every=20_000,
        broker_commit_interval=5.0,
        broker_max_poll_records=5000,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
        consumer_max_fetch_size=4 * 1024 * 1024,
        consumer_auto_offset_reset="earliest",
        producer_linger=0.05,
        producer_max_batch_size=512 * 1024,
        table_cleanup_interval=600.0,
    )
    source = app.topic(job.topic, key_type=bytes, value_type=bytes, key_serializer="raw",
                       value_serializer="raw")  # fmt: skip
    sink = app.topic(job.output, key_serializer="raw", value_serializer="raw")
    # Values are bytes: the table gives a type it does not know to JSON.
    table = app.Table("sessions", partitions=job.partitions, key_type=bytes, value_type=bytes)

    @app.agent(source)
    async def agent(stream: Any) -> None:
        seen = 0
        async for events in stream.take_events(TAKE, within=0.05):
            if not seen:
                app.sensors._sensors.clear()  # noqa: SLF001 - no public way to drop the monitor
                gc.freeze()
                gc.disable()
            for event in events:
                # A table write outside of plain iteration needs the event it belongs to.
                _current_event.set(weakref.ref(event))
                key = event.key
                click = decode(event.value)
                kept = table.get(key)
                session, command = fold(None if kept is None else load_state(kept), click)
                if session is None:
                    table.pop(key, None)
                else:
                    table[key] = dump_state(session)
                if command is not None:
                    sink.send_soon(key=key, value=encode(command))
            seen += len(events)
            if seen >= job.events:
                os.kill(os.getpid(), signal.SIGTERM)

    return app


def main(job: Job) -> None:
    """Run the job until the backlog is consumed and committed."""
    logging.disable(logging.CRITICAL)
    worker = faust.Worker(build(job), loglevel="CRITICAL", quiet=True)
    with contextlib.suppress(SystemExit):
        worker.execute_from_commandline()


if __name__ == "__main__":
    main(from_command_line())
