"""What a processor keeps beside its keys: one row, in the batch's own transaction."""

from typing import Any

import orjson
import pytest

from orchestrator.errors import ClientFailed, Retryable
from orchestrator.runtimes.worker import own_all_with_first
from orchestrator.types import Emit, Millis, Record, Scope, Step
from tests.counting import Counted, CountingProcessor
from tests.unit.runtimes.rig import Rig, settle


class Totalling(CountingProcessor):
    """Counts all records of all partitions, as a learner counts its examples."""

    def __init__(self) -> None:
        super().__init__()
        self.total = -1
        self.changed = False

    def on_record(
        self, scope: Scope, state: Counted | None, record: Record, now: Millis
    ) -> Step[Counted]:
        self.total += 1
        self.changed = True
        return super().on_record(scope, state, record, now)

    def shared_state(self) -> Any | None:
        changed, self.changed = self.changed, False
        return self.total if changed else None

    def restore_shared(self, row: Any | None) -> None:
        self.total = 0 if row is None else row
        self.changed = False


class Versioned(Totalling):
    """Publishes the total after each record, as a learner its snapshots."""

    def on_record(
        self, scope: Scope, state: Counted | None, record: Record, now: Millis
    ) -> Step[Counted]:
        step = super().on_record(scope, state, record, now)
        version = {"id": f"v-{self.total}", "type": "version", "time_ms": int(now)}
        emit = Emit("versions", "shared", version | {"version": self.total})
        return Step(step.state, [*step.emits, emit])


def test_versions_stand_in_the_log_as_they_were_made() -> None:
    """Of several in one batch the last is the latest: readers take whatever comes last."""
    rig = Rig(partitions=4)
    rig.broker.create("versions", 1)
    host = rig.host(processor=Versioned(), own=own_all_with_first, batch_records=1000)
    settle(host)
    for _ in range(6):
        rig.clicks(40)
        settle(host)
    found = [
        orjson.loads(row.value() or b"")["version"] for row in rig.broker.committed("versions")
    ]
    assert len(found) == 240
    assert found == sorted(found)


@pytest.mark.parametrize("visible_aborts", [False, True])
def test_every_record_counts_once_over_aborts_and_restarts(*, visible_aborts: bool) -> None:
    """The shared row commits with the batch that moved it, whichever partition that was."""
    rig = Rig(partitions=4, visible_aborts=visible_aborts)
    rig.clicks(40)
    for skip in (1, 2, 5):
        rig.broker.fail("commit", Retryable("injected"), skip=skip)
    first = Totalling()
    host = rig.host(processor=first, own=own_all_with_first, batch_records=6)
    settle(host)
    assert first.total == 40
    rig.clicks(40)
    rig.broker.fail("commit", ClientFailed("injected"), skip=1)
    with pytest.raises(ClientFailed):
        settle(host)
    rig.broker.groups["orchestrator-worker"].members.clear()
    second = Totalling()
    settle(rig.host(processor=second, own=own_all_with_first, batch_records=6))
    assert second.total == 80
    rig.assert_each_counted_once()
