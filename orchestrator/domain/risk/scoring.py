"""Score a session's named features with the model version in force."""

from collections.abc import Mapping, Sequence

from orchestrator.online.scorer import LinearScorer
from orchestrator.online.snapshots import Snapshot

STAGE_PREFIX = "stage_"
"""The funnel stage enters as one feature a stage: `stage_cart` is 1 on the cart, else 0."""


class Risk:
    """p(abandon | nothing is done at this decision) of one model version.

    Args:
        snapshot: A validated snapshot of the model `risk`.
    """

    __slots__ = ("_stages", "scorer", "version")

    def __init__(self, snapshot: Snapshot) -> None:
        self.version = snapshot.label
        """As the ledger names it: `risk@41`."""
        self.scorer: LinearScorer = snapshot.scorer()
        self._stages = {
            name.removeprefix(STAGE_PREFIX): index
            for index, name in enumerate(snapshot.features)
            if name.startswith(STAGE_PREFIX)
        }

    @property
    def features(self) -> tuple[str, ...]:
        """Names the model reads, in the order of its rows."""
        return self.scorer.features

    def row(self, features: Mapping[str, float], stage: str) -> list[float]:
        """The model's row of a ledger entry's `features` and `stage`; what is missing is 0."""
        row = self.scorer.row(features)
        index = self._stages.get(stage)
        if index is not None:
            row[index] = 1.0
        return row

    def score(self, features: Mapping[str, float], stage: str) -> float:
        """Risk in (0, 1) of named features at a funnel stage."""
        return self.scorer.score(self.row(features, stage))

    def score_row(self, row: Sequence[float]) -> float:
        """Risk in (0, 1) of a row as `row` makes it."""
        return self.scorer.score(row)
