"""The learner, killed at any point of any batch, learns and pays every outcome exactly once."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.processors.learning_state import Awaiting
from orchestrator.processors.partition import PartitionRunner
from orchestrator.types import Record
from tests.component.processors.learning_builders import (
    DAY,
    MINUTE,
    closed,
    decision,
    order,
    processor,
    record,
    runner,
)

PARTITIONS = 2
EVERY_EXAMPLES = 7


def history() -> list[Record]:
    """Sessions of several profiles over two partitions, some bought, one returned."""
    values: list[tuple[int, str, dict[str, Any]]] = []
    for number in range(8):
        profile, session, at = f"p-{number % 4}", f"s-{number}", number * 20 * MINUTE
        who: dict[str, Any] = {"profile_id": profile, "session_id": session}
        values += [
            (number % PARTITIONS, "decisions", decision(at + step, dwell=0.3 * step, **who))
            for step in range(3)
        ]
        bought = number % 3 == 0
        if bought:
            placed = order(at + MINUTE, order_id=f"o-{number}", **who)
            values.append((number % PARTITIONS, "orders", placed))
        end = closed(
            at + 40 * MINUTE,
            outcome="purchased" if bought else "abandoned",
            order_ids=(f"o-{number}",) if bought else (),
            **who,
        )
        values.append((number % PARTITIONS, "sessions", end))
    back = order(2 * DAY, "order_returned", order_id="o-0", profile_id="p-0", total_cents=None)
    values.append((0, "orders", back))
    values.append((1, "decisions", decision(40 * DAY, profile_id="p-9", session_id="s-9")))
    values.sort(key=lambda value: value[2]["time_ms"])
    return [
        record(topic, value, offset, partition)
        for offset, (partition, topic, value) in enumerate(values)
    ]


HISTORY = history()


@dataclass
class Log:
    """What a host has committed: outputs, changelog rows as bytes, and where to go on."""

    emits: list[Any] = field(default_factory=list)
    rows: dict[tuple[int, str], bytes] = field(default_factory=dict)
    metas: dict[int, bytes] = field(default_factory=dict)
    shared: bytes | None = None
    next_record: int = 0


class Host:
    """One process: everything in it is lost when it is thrown away."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.fold = processor(EVERY_EXAMPLES)
        self.fold.restore_shared(None if log.shared is None else orjson.loads(log.shared))
        self.runners: list[PartitionRunner[Awaiting]] = []
        for partition in range(PARTITIONS):
            run = runner(self.fold, partition)
            if partition in log.metas:
                run.restore_meta(orjson.loads(log.metas[partition]))
            for (owner, key), row in log.rows.items():
                if owner == partition:
                    run.restore(key, self.fold.load(orjson.loads(row)))
            self.runners.append(run)

    def fold_batch(self, count: int) -> int:
        """Fold the next records, commit nothing."""
        batch = HISTORY[self.log.next_record : self.log.next_record + count]
        for held in batch:
            self.runners[held.partition].feed(held)
        return len(batch)

    def commit(self, count: int) -> None:
        """One transaction: outputs, rows, meta rows, the shared row and the position."""
        log = self.log
        for partition, run in enumerate(self.runners):
            emits, dirty = run.take()
            log.emits.extend(orjson.dumps(emit.value) for emit in emits)
            for key, state in dirty.items():
                if state is None:
                    log.rows.pop((partition, key), None)
                else:
                    log.rows[partition, key] = orjson.dumps(self.fold.dump(state))
            log.metas[partition] = orjson.dumps(run.meta())
        shared = self.fold.shared_state()
        if shared is not None:
            log.shared = orjson.dumps(shared)
        log.next_record += count


def calm() -> Log:
    log = Log()
    host = Host(log)
    while log.next_record < len(HISTORY):
        host.commit(host.fold_batch(1))
    return log


CALM = calm()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from(("commit", "die", "abort"))), max_size=30)
)
def test_a_killed_learner_ends_where_a_calm_one_does(fates: list[tuple[int, str]]) -> None:
    """Batches of any size, killed or aborted before any commit: same rewards, models and state."""
    log = Log()
    host = Host(log)
    for size, fate in fates:
        folded = host.fold_batch(size)
        if fate == "commit":
            host.commit(folded)
        else:
            host = Host(log)
    while log.next_record < len(HISTORY):
        host.commit(host.fold_batch(5))
    assert sorted(log.emits) == sorted(CALM.emits)
    assert log.shared == CALM.shared
    assert log.rows == CALM.rows


def test_the_calm_run_did_something() -> None:
    """The comparison is about models, corrections and rows, not about nothing."""
    types = {orjson.loads(emit)["type"] for emit in CALM.emits}
    assert types == {"reward_settled", "reward_corrected", "model_snapshot"}
    assert CALM.shared is not None
    assert orjson.loads(CALM.shared)["snapshot"]["examples"] == 24


def test_state_survives_json_at_every_step() -> None:
    """Dump, bytes, load after each record: the dump of what comes back is the same."""
    log = Log()
    host = Host(log)
    while log.next_record < len(HISTORY):
        host.commit(host.fold_batch(1))
        for row in log.rows.values():
            assert orjson.dumps(host.fold.dump(host.fold.load(orjson.loads(row)))) == row


def test_an_abort_in_place_takes_the_model_back() -> None:
    """Without a new process: `restore_shared` with the last committed row undoes the batch."""
    log = Log()
    host = Host(log)
    host.commit(host.fold_batch(len(HISTORY) // 2))
    committed = host.fold.learner.model.state()
    host.fold_batch(len(HISTORY))
    assert host.fold.learner.model.state() != committed
    assert log.shared is not None
    host.fold.restore_shared(orjson.loads(log.shared))
    assert host.fold.learner.model.state() == committed
    assert host.fold.shared_state() is None
