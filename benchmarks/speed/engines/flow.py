"""bytewax: `stateful_batch` with recovery snapshots every second (at least once)."""

import gc
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.speed.engines.job import Job, from_command_line
from benchmarks.speed.reference import Session, decode, dump_state, encode, fold, load_state


class SessionLogic(StatefulBatchLogic[bytes, Any, bytes]):
    """One session; values come a batch at a time."""

    def __init__(self, kept: bytes | None) -> None:
        self.session: Session | None = None if kept is None else load_state(kept)

    def on_batch(self, values: list[bytes]) -> tuple[Iterable[Any], bool]:
        """Fold the values of one key; the second item tells whether the session ended."""
        commands = []
        session = self.session
        for value in values:
            click = decode(value)
            session, command = fold(session, click)
            if command is not None:
                commands.append(KafkaSinkMessage(click.profile_id.encode(), encode(command)))
        self.session = session
        return commands, session is None

    def snapshot(self) -> bytes:
        return b"" if self.session is None else dump_state(self.session)


def _keyed(batch: list[Any]) -> list[tuple[str, bytes]]:
    return [(message.key.decode(), message.value) for message in batch]


def build(job: Job) -> Dataflow:
    """Source, session, sink."""
    flow = Dataflow("reference")
    source = KafkaSource(
        [job.broker],
        [job.topic],
        tail=False,
        batch_size=5000,
        add_config={
            "fetch.queue.backoff.ms": "10",
            "fetch.wait.max.ms": "10",
            "statistics.interval.ms": "0",
        },
    )
    messages = op.input("in", flow, source)
    keyed = op.flat_map_batch("key", messages, _keyed)
    commands = op.stateful_batch("session", keyed, SessionLogic)
    sink = KafkaSink([job.broker], job.output, {"linger.ms": "1", "partitioner": "murmur2_random"})
    op.output("out", op.map("bare", commands, lambda pair: pair[1]), sink)
    return flow


def main(job: Job) -> None:
    """Run the job until the backlog is consumed."""
    recovery = None
    if job.options.get("recovery", "yes") == "yes":
        init_db_dir(Path(job.scratch), 1)
        recovery = RecoveryConfig(job.scratch)
    flow = build(job)
    gc.freeze()
    gc.disable()
    cli_main(
        flow,
        epoch_interval=timedelta(seconds=1),
        recovery_config=recovery,
    )


if __name__ == "__main__":
    main(from_command_line())
