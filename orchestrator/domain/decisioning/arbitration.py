"""From scores to propensities, and from a propensity vector to the choice."""

from typing import Final

from orchestrator.domain.decisioning.kinds import Arbitration
from orchestrator.online.rounding import rounded

_PER_UNIT: Final = 1_000_000_000_000
"""Propensities are rounded before they are used: what is logged is what was drawn from."""


class Terms:
    """What `Arbitration` says, as decisions read it."""

    __slots__ = (
        "floor_share",
        "gamma",
        "margin_share",
        "match_floor",
        "match_unknown",
        "order_value_cents",
        "rule",
    )

    def __init__(self, arbitration: Arbitration) -> None:
        self.rule: str = arbitration.rule
        self.gamma: float = arbitration.gamma
        self.floor_share: float = arbitration.floor_share
        self.margin_share: float = arbitration.margin_share
        self.order_value_cents: int = arbitration.order_value_cents
        self.match_floor: float = arbitration.match_floor
        self.match_unknown: float = arbitration.match_unknown


def best_of(scores: list[float]) -> int:
    """Index of the best score; of equal ones the last where it is doing nothing, else the first."""
    best_at = len(scores) - 1
    best = scores[best_at]
    for at, score in enumerate(scores):
        if score > best:
            best_at, best = at, score
    return best_at


def inverse_gap(scores: list[float], gamma: float, floor_share: float) -> list[float]:
    """Propensities by inverse-gap weighting with a floor.

    Scores are normalised to [0, 1] within the decision, the best to 1. Where the best is positive,
    what loses more than the best wins counts as losing just that: one very bad candidate must not
    make all others look alike. Then, with k candidates and gap_a = 1 - normalised score,

        p_a = 1 / (k + gamma * gap_a) for all but the best, which gets the rest;
        p'_a = (1 - k * floor_share) * p_a + floor_share.

    Args:
        scores: Of the allowed candidates, doing nothing at the end; at least one.
        gamma: Sharpness; 0 would be uniform.
        floor_share: Least propensity; at most 1 / k.

    Returns:
        Propensities in the order of the scores, rounded to 12 digits; they sum to 1 within
        1e-9 and none is below the floor.

    Source: Abe & Long (1999); Foster & Rakhlin (2020), SquareCB.
    """
    count = len(scores)
    best_at = best_of(scores)
    best = scores[best_at]
    low = best
    for score in scores:
        if score < low:  # noqa: PLR1730 - faster than a call
            low = score
    if 0.0 < best < -low:
        low = -best
    span = best - low
    slope = gamma / span if span > 0.0 else 0.0
    kept = 1.0 - count * floor_share
    result: list[float] = []
    total = 0.0
    for score in scores:
        score = max(score, low)  # noqa: PLW2901 - clipped in place: this runs for every decision
        share = rounded(kept / (count + slope * (best - score)) + floor_share, _PER_UNIT)
        result.append(share)
        total += share
    result[best_at] = rounded(1.0 - (total - result[best_at]), _PER_UNIT)
    return result


def greedy(scores: list[float], floor_share: float) -> list[float]:
    """Propensities where the best gets all but the floor of the others; as `inverse_gap`."""
    result = [floor_share] * len(scores)
    result[best_of(scores)] = rounded(1.0 - (len(scores) - 1) * floor_share, _PER_UNIT)
    return result


def choose(propensities: list[float], draw: float) -> int:
    """Index of the candidate drawn: the first at which the running sum exceeds the draw.

    Args:
        propensities: As logged, in candidate order; refused candidates have 0.
        draw: In [0, 1), as logged.

    >>> choose([0.0, 0.25, 0.75], 0.2), choose([0.0, 0.25, 0.75], 0.25)
    (1, 2)
    """
    running = 0.0
    last = 0
    for index, share in enumerate(propensities):
        if share > 0.0:
            running += share
            if draw < running:
                return index
            last = index
    return last
