"""Score a session's features with the model version in force."""

from collections.abc import Mapping, Sequence

from orchestrator.online.scorer import LinearScorer
from orchestrator.online.snapshots import Snapshot


class Risk:
    """p(abandon | nothing is done at this decision) of one model version.

    Args:
        snapshot: A validated snapshot of the model `risk`.
        names: Order of the rows to come, e.g. the signals' own `FEATURES`; the snapshot's order
            by default. What the model knows and the rows lack is 0.
    """

    __slots__ = ("score_row", "scorer", "version")

    def __init__(self, snapshot: Snapshot, names: Sequence[str] | None = None) -> None:
        self.version = snapshot.label
        """As the ledger names it: `risk@41`."""
        self.scorer: LinearScorer = snapshot.scorer()
        if names is not None:
            self.scorer = self.scorer.over(names)
        self.score_row = self.scorer.score
        """Risk in (0, 1) of a row in the order of `features`; the hot path."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of a row's values, in order."""
        return self.scorer.features

    def row(self, features: Mapping[str, float]) -> list[float]:
        """A ledger entry's `features` as a row; what is missing is 0."""
        return self.scorer.row(features)

    def score(self, features: dict[str, float]) -> float:
        """Risk in (0, 1) of named features."""
        return self.scorer.score_named(features)
