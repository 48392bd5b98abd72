"""Training rows of a closed session: what was seen at each decision, with the label it deserves.

The target is risk under doing nothing. A treated session's outcome says little about it, and a
treated shopper is not a random one, so:

* a decision at which nothing was done is a row, weighted 1/p(do nothing), bounded by `WEIGHT_CAP`;
* from the first treatment on there are no rows: what follows already holds its effect;
* rows before a treatment are censored by it: their label is the risk that was *stored* at that
  decision (itself a forecast of what happens when nothing is done), not the session's outcome.

The last point is one step of temporal-difference learning (Sutton & Barto, 2018, section 6.1).
Without it rows of sessions that ended too early to be treated would be over-represented, and the
product of weights that would set this right over ten decisions has no useful bound.
`benchmarks/quality/risk_labels.py` compares the alternatives where the truth is known: mean error
of the forecast -.15 with all rows pooled, -.13 with weights alone, below .01 so.
"""

from collections.abc import Sequence
from typing import NamedTuple

WEIGHT_CAP = 5.0
"""Largest weight of a row: p(do nothing) below a fifth counts as a fifth. Larger ones made the
model's intercept swing with single sessions and took no bias away."""


class Scored(NamedTuple):
    """One decision of a session as the ledger holds it; nothing in it is computed again."""

    time_ms: int
    stage: str
    row: list[float]
    """The model's row, from the entry's own `features`."""
    risk: float
    """The score stored at decision time."""
    p_none: float
    """Logged propensity of doing nothing, in [0, 1]."""
    treated: bool


class Example(NamedTuple):
    """One row to learn from."""

    row: list[float]
    label: float
    """1: abandoned, 0: bought; between: a stored forecast."""
    weight: float
    scored: Scored


def examples(decisions: Sequence[Scored], *, abandoned: bool) -> list[Example]:
    """Rows of one closed session.

    Args:
        decisions: In any order.
        abandoned: No order stands at the end of the session.
    """
    ordered = sorted(decisions, key=lambda scored: scored.time_ms)
    label = 1.0 if abandoned else 0.0
    untreated = ordered
    for index, scored in enumerate(ordered):
        if scored.treated:
            label = scored.risk
            untreated = ordered[:index]
            break
    return [Example(scored.row, label, weight(scored.p_none), scored) for scored in untreated]


def weight(p_none: float) -> float:
    """Inverse propensity, bounded."""
    return min(1.0 / p_none, WEIGHT_CAP) if p_none > 0.0 else WEIGHT_CAP
