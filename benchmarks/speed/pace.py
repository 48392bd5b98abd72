"""Write events at a steady rate, each stamped with the moment it was handed to the client.

The stamp is the trace id of the record's `traceparent`: a command continues the trace of the event
that caused it, so whoever sees the command can tell how long it took, without a table of what was
sent. Clocks: CLOCK_MONOTONIC, one for all processes of a machine.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import islice

from confluent_kafka import Producer

from benchmarks.speed.broker import CLIENT
from benchmarks.speed.stream import Plan, records

TICK_S = 0.005
PREPARE_S = 4.0
"""Enough to make the events; sending starts then."""
LINGER_MS = 20
"""The embedded broker's reads slow down with the number of stored batches."""


def trace(number: int) -> bytes:
    """A `traceparent` that says when it was made."""
    return f"00-{time.monotonic_ns():016x}{number:016x}-{number:016x}-01".encode()


def sent_ns(traceparent: bytes) -> int:
    """The moment in a `traceparent` made by `trace`; of another's it is any number."""
    return int(traceparent[3:19], 16)


def ticks(rate: int, seconds: float) -> Iterator[int]:
    """Yield how many events to send now, so that the rate holds; sleep in between."""
    start = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - start) < seconds:
        due = int(elapsed * rate) - sent
        if due > 0:
            sent += due
            yield due
        time.sleep(TICK_S)


def main() -> None:
    """Send for some seconds and stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--rate", type=int, required=True, help="events per second")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--live-sessions", type=int, default=3_000)
    args = parser.parse_args()
    producer = Producer(
        {
            "bootstrap.servers": args.broker,
            "partitioner": "murmur2_random",
            "linger.ms": LINGER_MS,
            **CLIENT,
        }
    )
    producer.list_topics(args.topic, timeout=10)
    plan = Plan(int(args.rate * args.seconds) + args.rate, args.live_sessions, seed=11)
    begin_s = time.time() + PREPARE_S
    times_ms = (int((begin_s + number / args.rate) * 1000) for number in range(plan.events))
    # Made beforehand: what is measured should not share the machine with the making.
    events = enumerate(list(records(plan, lambda: next(times_ms))), 1)
    number = 0
    time.sleep(max(0.0, begin_s - time.time()))
    for due in ticks(args.rate, args.seconds):
        for number, event in islice(events, due):
            headers: list[tuple[str, str | bytes | None]] = [("traceparent", trace(number))]
            producer.produce(args.topic, event.value, event.key, headers=headers)
        producer.poll(0)
    left = producer.flush(20)
    print(f"sent {number}, {left} not delivered")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
