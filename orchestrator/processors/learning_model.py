"""The model that the learner keeps: one for all partitions, saved with each batch that moved it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.domain.risk import Example, Quality, Risk
from orchestrator.online.drift import DriftAlarm
from orchestrator.online.logistic import LearningRates, OnlineLogistic
from orchestrator.online.snapshots import Snapshot, aligned
from orchestrator.types import Emit

MODELS_TOPIC = "models"
SESSION_RATES = LearningRates(intercept=0.01)
"""A session brings some eight rows that share one outcome: half the intercept's usual step halves
its swing, and was measured to forecast better (`benchmarks/quality/risk_labels.py`)."""


class SharedState(Protocol):
    """What a processor keeps beside its keys and partitions: one row, written by the host.

    The host calls `shared_state` once a batch, before the commit, and writes a row that is not
    None into the changelog of partition 0 in the batch's own transaction. At the start, and after
    an aborted batch, it calls `restore_shared` with the last committed row, or None.
    """

    def shared_state(self) -> Any | None:
        """The row where it changed since the last call, plain JSON values; None: unchanged."""
        ...

    def restore_shared(self, row: Any | None) -> None:
        """Take the last committed row back; None: begin from what ships."""
        ...


@dataclass(frozen=True, slots=True)
class Publication:
    """When a snapshot is due: whichever comes first, and only after something was learnt."""

    every_examples: int = 500
    every_ms: int = 10 * 60_000
    """Event time."""


class RiskLearner:
    """The risk model of record, its quality, and the snapshots it publishes.

    Args:
        start: Version 0, and the feature list for good.
        publication: How often a snapshot goes out.
        rates: Step sizes.
    """

    def __init__(
        self,
        start: Snapshot,
        publication: Publication | None = None,
        rates: LearningRates | None = None,
    ) -> None:
        self._start = start
        self._publication = publication or Publication()
        self._rates = rates or SESSION_RATES
        self._rows = Risk(start)
        self.alarm = DriftAlarm()
        """For the metrics only: never part of a snapshot, gone at a restart."""
        self.model: OnlineLogistic
        self.quality: Quality
        self.version: int
        self.examples: int
        self.time_ms: int
        self.offsets: dict[str, dict[str, int]]
        self.restore_shared(None)

    def row(self, features: Mapping[str, float]) -> list[float]:
        """A ledger entry's features as the model's row."""
        return self._rows.row(features)

    def learn(
        self,
        examples: Sequence[Example],
        *,
        partition: int,
        positions: Mapping[str, int],
        now_ms: int,
    ) -> list[Emit]:
        """Learn the rows of one session; a snapshot where one is due.

        Args:
            examples: Rows of a closed session.
            partition: Where they came from.
            positions: Last offset of each topic folded in that partition.
            now_ms: That partition's time.
        """
        if not examples:
            return []
        for example in examples:
            scored = example.scored
            if example.label in (0.0, 1.0):
                loss = self.quality.observe(
                    scored.risk, example.label, scored.stage, example.weight
                )
                self.alarm.observe(loss)
            self.model.learn(example.row, example.label, example.weight)
        self.examples += len(examples)
        self._unpublished += len(examples)
        self.time_ms = max(self.time_ms, now_ms)
        for topic, offset in positions.items():
            self.offsets.setdefault(topic, {})[str(partition)] = offset
        self._changed = True
        return self._publish() if self._is_due() else []

    def snapshot(self) -> Snapshot:
        """The model as it stands, under its present version."""
        return Snapshot(
            model_id=self._start.model_id,
            version=self.version,
            time_ms=self.time_ms,
            features=self.model.features,
            state=self.model.state(),
            offsets=self.offsets,
            examples=self.examples,
            metrics=self.quality.metrics(),
        )

    def shared_state(self) -> Any | None:
        if not self._changed:
            return None
        self._changed = False
        return {
            "snapshot": self.snapshot().payload(),
            "quality": self.quality.dump(),
            "unpublished": self._unpublished,
            "published_ms": self._published_ms,
        }

    def restore_shared(self, row: Any | None) -> None:
        if row is None:
            row = {
                "snapshot": self._start.payload(),
                "quality": Quality().dump(),
                "unpublished": 0,
                "published_ms": 0,
            }
        held = aligned(row["snapshot"], self._start)
        self.version = held.version
        self.examples = held.examples
        self.time_ms = held.time_ms
        self.offsets = {topic: dict(by_partition) for topic, by_partition in held.offsets.items()}
        self.quality = Quality.load(row["quality"])
        self.model = OnlineLogistic.restore(held.features, held.state, self._rates)
        self._unpublished: int = row["unpublished"]
        self._published_ms: int = row["published_ms"]
        self._changed = False

    def _is_due(self) -> bool:
        if self._unpublished >= self._publication.every_examples:
            return True
        if not self._published_ms:  # the first rows start the clock
            self._published_ms = self.time_ms
        return self.time_ms - self._published_ms >= self._publication.every_ms

    def _publish(self) -> list[Emit]:
        self.version += 1
        self._unpublished = 0
        self._published_ms = self.time_ms
        return [Emit(MODELS_TOPIC, self._start.model_id, self.snapshot().payload())]
