"""Event to command at a steady rate, against the broker alone with the same producer and reader.

One round is two phases on fresh brokers: `floor` reads the events back, `product` reads the
on-site commands that `orchestrator worker` writes because of them. Both readers are read_committed.
"""

import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.speed import broker as kafka
from benchmarks.speed.cases import (
    COMPILED_PATH,
    Setting,
    is_compiled,
    orchestrator,
    prepare_product,
)
from benchmarks.speed.pace import PREPARE_S, sent_ns
from benchmarks.speed.process import RunFailed, Running
from benchmarks.speed.rounds import Tell, paired_values, spread

RATE_PER_S = 2_000
PARTITIONS = 4
"""One worker's share, as the runbook advises and the demo has it."""
MANY_PARTITIONS = kafka.PARTITIONS
"""Shown beside it: what each partition more costs, since a transaction writes to every one."""
ROUNDS = 3
WARM_S = 4.0
"""Left out: first fetches, caches, the worker's first sessions."""
MEASURED_S = 8.0
DRAIN_S = 3.0
READY_S = 60.0
FETCH_WAIT_MS = 20
"""As the product's readers of the embedded broker have it, which does not long-poll: it sleeps this
out with what it has found. A shorter one lowers the floor and holds up what the worker writes."""
LEAST_SAMPLES = 100
COMMANDS = "interventions.onsite"
"""A channel system reads its channel; this one carries 19 of 20 commands of the stream. Both phases
read one topic, else the reader would cost the broker more in one than in the other."""


def measure(
    setting: Setting, tell: Tell, partitions: int = PARTITIONS, rounds: int = ROUNDS
) -> dict[str, Any]:
    """Measure both phases some rounds in turn; p50 and p99 in milliseconds, and their ratios."""
    phases: dict[str, dict[int, list[float]]] = {"floor": {}, "product": {}}
    failures: list[str] = []
    for number in range(rounds):
        for name, samples in phases.items():
            try:
                prefix = f"lat-{partitions}-{name}-{number}-"
                samples[number] = _phase(name, setting, prefix, partitions)
            except RunFailed as failure:
                failures.append(f"{name}, round {number + 1}: {failure}")
                tell(f"latency {number + 1}/{rounds} {name}: FAILED {failure}")
            else:
                p50, p99 = _quantile(samples[number], 0.5), _quantile(samples[number], 0.99)
                tell(
                    f"latency {number + 1}/{rounds} {name}, {partitions} partitions:"
                    f" p50 {p50:.1f} ms, p99 {p99:.1f} ms of {len(samples[number])}"
                )
    result: dict[str, Any] = {
        "rate_per_s": RATE_PER_S,
        "partitions": partitions,
        "seconds": MEASURED_S,
        "rounds": rounds,
        "hot_path": "compiled" if is_compiled() else "interpreted",
        "failures": failures,
    }
    for name, samples in phases.items():
        result[name] = _figures(samples)
    for share, key in ((0.5, "p50_ratio"), (0.99, "p99_ratio")):
        ratios = paired_values(
            {number: _quantile(values, share) for number, values in phases["product"].items()},
            {number: _quantile(values, share) for number, values in phases["floor"].items()},
        )
        ratio = spread(ratios)
        result[key] = ratio.as_json() if ratio else None
    return result


def _figures(samples: dict[int, list[float]]) -> dict[str, Any] | None:
    p50 = spread([_quantile(values, 0.5) for values in samples.values()])
    p99 = spread([_quantile(values, 0.99) for values in samples.values()])
    if p50 is None or p99 is None:
        return None
    counts = [len(values) for values in samples.values()]
    return {"p50_ms": p50.as_json(), "p99_ms": p99.as_json(), "samples": counts}


def _phase(name: str, setting: Setting, prefix: str, partitions: int) -> list[float]:
    prefix = prefix if setting.broker else ""
    with (
        tempfile.TemporaryDirectory(prefix="speed-") as scratch,
        # Not pinned: with several clients the embedded broker needs its second thread.
        kafka.fresh(setting.broker) as address,
    ):
        folder = Path(scratch)
        options = prepare_product(address, prefix, folder, partitions)
        source = prefix + kafka.INPUT
        if name == "floor":
            return _observe(address, source, _places(source, partitions), folder)
        command = orchestrator(
            "worker", *options, "--clock", "wall", "--slot", "speed",
            "--metrics-port", str(port := _free_port()),
        )  # fmt: skip
        package = COMPILED_PATH if is_compiled() else None
        with Running(command, folder / "worker.log", None, package) as worker:
            worker.wait_until(lambda: _is_ready(port), READY_S)
            told = _places(prefix + COMMANDS, partitions)
            latencies = _observe(address, source, told, folder, worker)
            worker.stop()
            return latencies


def _places(topic: str, partitions: int) -> list[TopicPartition]:
    return [TopicPartition(topic, number, 0) for number in range(partitions)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(port: int) -> bool:
    """Whether the worker says that it is assigned and restored."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def _observe(
    address: str,
    source_topic: str,
    places: list[TopicPartition],
    folder: Path,
    worker: Running | None = None,
) -> list[float]:
    """Pace events into one topic and collect the latency of what arrives on another."""
    consumer = kafka.reader(address, "speed-latency", FETCH_WAIT_MS)
    consumer.assign(places)
    pace = [
        sys.executable, "-m", "benchmarks.speed.pace", "--broker", address,
        "--topic", source_topic, "--rate", str(RATE_PER_S),
        "--seconds", str(WARM_S + MEASURED_S),
    ]  # fmt: skip
    try:
        with Running(pace, folder / "pace.log") as source:
            begin_ns = time.monotonic_ns() + int((PREPARE_S + WARM_S) * 1e9)
            latencies = _collect(consumer, source, begin_ns, worker)
    finally:
        consumer.close()
    if len(latencies) < LEAST_SAMPLES:
        raise RunFailed(f"only {len(latencies)} latencies seen")
    return latencies


def _collect(
    consumer: Consumer, source: Running, begin_ns: int, worker: Running | None
) -> list[float]:
    """Latencies, in milliseconds, of events sent from `begin_ns` on."""
    latencies: list[float] = []
    end_s = time.monotonic() + 120
    drained_s = 0.0
    while time.monotonic() < end_s:
        messages = consumer.consume(500, 0.005)
        now_ns = time.monotonic_ns()
        for message in messages:
            stamp = _stamp(message)
            if begin_ns <= stamp <= now_ns:
                latencies.append((now_ns - stamp) / 1e6)
        if worker is not None and worker.ended():
            raise RunFailed(f"the worker ended: {worker.tail()}")
        if source.ended():
            drained_s = drained_s or time.monotonic() + DRAIN_S
            if time.monotonic() > drained_s:
                source.wait(1)
                return latencies
    raise RunFailed("the producer did not end")


def _stamp(message: Message) -> int:
    if message.error() is not None:
        return 0
    headers = dict(message.headers() or ())
    traceparent = headers.get("traceparent")
    return sent_ns(traceparent) if isinstance(traceparent, bytes) else 0


def _quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
