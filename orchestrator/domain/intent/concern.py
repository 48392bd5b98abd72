"""Diagnosis of a concern: weighted evidence from signals, as shares.

A signal's strength is (x - free) / (x - free + half) above `free`, else 0: a glance says nothing,
much of the same says hardly more than enough of it. Strength times weight adds to a concern; the
sums are then divided by their total. The weights are a merchandiser's, written down so that they
can be argued about; they are not learnt.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from orchestrator.online.rounding import rounded

CONCERNS: Final = ("price", "affordability", "delivery", "returns", "trust", "technical")
_PER_UNIT: Final = 10_000
"""Four digits of a share are kept."""


class Evidence(NamedTuple):
    """One line of the table."""

    signal: str
    free: float
    """Up to here the signal says nothing; in its unit."""
    half: float
    """So far above `free` it has half its weight; in its unit, above 0."""
    weights: Mapping[str, float]
    """Weight by concern."""


EVIDENCE: Final[tuple[Evidence, ...]] = (
    # what was read
    Evidence("price_dwell_ms", 2_000, 8_000, {"price": 1.0}),
    Evidence("shipping_cost_dwell_ms", 2_000, 10_000, {"delivery": 0.8, "price": 0.4}),
    Evidence("delivery_dates_dwell_ms", 2_000, 8_000, {"delivery": 1.2}),
    Evidence("returns_policy_dwell_ms", 2_000, 6_000, {"returns": 1.3, "trust": 0.2}),
    Evidence("size_guide_dwell_ms", 3_000, 10_000, {"returns": 0.6}),
    Evidence("reviews_dwell_ms", 3_000, 10_000, {"trust": 0.8}),
    # what was compared
    Evidence("price_jumps_count", 1, 2, {"price": 0.4}),
    Evidence("price_range_ratio", 2, 2, {"price": 0.2}),
    Evidence("text_copied_characters", 0, 15, {"price": 0.4}),
    Evidence("tab_hidden_count", 1, 2, {"price": 0.3}),
    Evidence("removes_count", 0, 1, {"price": 0.5}),
    Evidence("shipping_options_compared_count", 1, 1, {"delivery": 0.8}),
    Evidence("payment_methods_compared_count", 1, 1, {"affordability": 1.0}),
    Evidence("payment_switches_count", 0, 1, {"affordability": 0.8}),
    # what was tried
    Evidence("coupon_attempts_count", 0, 1, {"price": 1.0}),
    Evidence("coupon_denied_count", 0, 0.5, {"price": 1.0}),
    Evidence("payment_failures_count", 0, 0.5, {"technical": 1.8, "affordability": 0.2}),
    # what went wrong
    Evidence("rage_clicks_count", 0, 0.5, {"technical": 1.5}),
    Evidence("dead_clicks_count", 1, 2, {"technical": 0.8}),
    Evidence("refreshes_60s_count", 1, 2, {"technical": 0.4}),
    Evidence("form_abandons_count", 0, 1, {"trust": 0.4, "technical": 0.3}),
    # doubt that names no cause
    Evidence("cursor_wander_ratio", 10, 20, {"trust": 0.2}),
    Evidence("exit_intents_count", 0, 2, {"price": 0.15, "trust": 0.15}),
)
"""The table. A signal that stands in no line of it is no evidence of any concern."""


class _Line:
    """A line of the table, a number a concern: the hot path adds without a loop."""

    __slots__ = (
        "affordability",
        "delivery",
        "free",
        "half",
        "price",
        "returns",
        "signal",
        "technical",
        "trust",
    )

    def __init__(self, row: Evidence) -> None:
        weight = row.weights.get
        self.signal: str = row.signal
        self.free: float = row.free
        self.half: float = row.half
        self.price: float = weight("price", 0.0)
        self.affordability: float = weight("affordability", 0.0)
        self.delivery: float = weight("delivery", 0.0)
        self.returns: float = weight("returns", 0.0)
        self.trust: float = weight("trust", 0.0)
        self.technical: float = weight("technical", 0.0)


_LINES: Final = [_Line(row) for row in EVIDENCE]


def concern(signals: dict[str, float]) -> dict[str, float]:
    """How the evidence divides between the concerns.

    Args:
        signals: Values by signal name; what is missing is 0.

    Returns:
        Shares by concern, in the order of `CONCERNS`, those of 0 left out, rounded to
        four digits so that they add up to 1; empty without any evidence.

    >>> concern({"returns_policy_dwell_ms": 20_000.0})
    {'returns': 0.8667, 'trust': 0.1333}
    """
    price = affordability = delivery = returns = trust = technical = 0.0
    for line in _LINES:
        value = signals.get(line.signal)
        if value is not None:
            beyond = value - line.free
            if beyond > 0.0:
                strength = beyond / (beyond + line.half)
                price += line.price * strength
                affordability += line.affordability * strength
                delivery += line.delivery * strength
                returns += line.returns * strength
                trust += line.trust * strength
                technical += line.technical * strength
    total = price + affordability + delivery + returns + trust + technical
    if not total:
        return {}
    found: dict[str, float] = {}
    # in the order of CONCERNS
    left = 1.0 - _add(found, "price", price / total)
    left -= _add(found, "affordability", affordability / total)
    left -= _add(found, "delivery", delivery / total)
    left -= _add(found, "returns", returns / total)
    left -= _add(found, "trust", trust / total)
    left -= _add(found, "technical", technical / total)
    most, greatest = "price", price
    if affordability > greatest:
        most, greatest = "affordability", affordability
    if delivery > greatest:
        most, greatest = "delivery", delivery
    if returns > greatest:
        most, greatest = "returns", returns
    if trust > greatest:
        most, greatest = "trust", trust
    if technical > greatest:
        most, greatest = "technical", technical
    # the greatest takes what rounding left
    found[most] = rounded(left + found[most], _PER_UNIT)
    return found


def _add(found: dict[str, float], name: str, evidence: float) -> float:
    share = rounded(evidence, _PER_UNIT)
    if share > 0.0:
        found[name] = share
    return share
