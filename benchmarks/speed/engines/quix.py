"""Quix Streams: state in RocksDB with a changelog, commit every 5 s."""

import gc
import logging

from quixstreams import Application, State

from benchmarks.speed.engines.job import Job, from_command_line
from benchmarks.speed.reference import decode, dump_state, encode, fold, load_state

KEY = "s"


def main(job: Job) -> None:
    """Run the job until the backlog is consumed and committed."""
    logging.disable(logging.CRITICAL)
    app = Application(
        broker_address=job.broker,
        consumer_group="quix-reference",
        auto_offset_reset="earliest",
        processing_guarantee=job.options.get("guarantee", "at-least-once"),  # type: ignore[arg-type]
        commit_interval=5.0,
        state_dir=job.scratch,
        loglevel=None,
        consumer_extra_config={
            "fetch.queue.backoff.ms": 10,
            "fetch.wait.max.ms": 10,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
        },
        producer_extra_config={"linger.ms": 20, "partitioner": "murmur2_random"},
        consumer_poll_timeout=0.2,
    )
    source = app.topic(job.topic, value_deserializer="bytes", key_deserializer="bytes")
    sink = app.topic(job.output, value_serializer="bytes", key_serializer="bytes")
    seen = 0

    def step(value: bytes, state: State) -> tuple[bytes, ...]:
        nonlocal seen
        click = decode(value)
        kept = state.get_bytes(KEY)
        session, command = fold(None if kept is None else load_state(kept), click)
        if session is None:
            state.delete(KEY)
        else:
            state.set_bytes(KEY, dump_state(session))
        seen += 1
        if seen >= job.events:
            app.stop()  # after this event, with a last commit
        return () if command is None else (encode(command),)

    app.dataframe(source).apply(step, stateful=True, expand=True).to_topic(sink)
    gc.freeze()
    gc.disable()
    app.run()


if __name__ == "__main__":
    main(from_command_line())
