"""Diagnosis of a concern."""

import pytest
from hypothesis import given
from hypothesis.strategies import dictionaries, floats, sampled_from

from orchestrator.domain.intent import CONCERNS, EVIDENCE, concern
from orchestrator.domain.signals import SIGNALS

SIGNAL_NAMES = [row.signal for row in EVIDENCE]
readings = dictionaries(sampled_from(SIGNAL_NAMES), floats(0, 1e7, allow_subnormal=False))


@given(signals=readings)
def test_shares_add_up_to_one_or_there_is_no_evidence(signals: dict[str, float]) -> None:
    """Shares are rounded to four digits, positive, and sum to 1; without evidence: empty."""
    found = concern(signals)
    assert set(found) <= set(CONCERNS)
    if found:
        assert sum(found.values()) == pytest.approx(1.0, abs=1e-9)
        assert all(share > 0 and round(share, 4) == share for share in found.values())
    evident = any(signals.get(row.signal, 0.0) > row.free for row in EVIDENCE)
    assert bool(found) == evident


@given(signals=readings, more=floats(1, 1e6))
def test_more_evidence_of_a_concern_never_lessens_its_share(
    signals: dict[str, float], more: float
) -> None:
    """More reading of the returns policy never makes returns a smaller concern."""
    before = concern(signals).get("returns", 0.0)
    dwell_ms = signals.get("returns_policy_dwell_ms", 0.0) + more
    after = concern({**signals, "returns_policy_dwell_ms": dwell_ms}).get("returns", 0.0)
    assert after >= min(before, 1.3 / 1.5) - 2e-4


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ({"price_dwell_ms": 20_000, "coupon_attempts_count": 2}, "price"),
        ({"payment_methods_compared_count": 3, "payment_switches_count": 2}, "affordability"),
        ({"shipping_cost_dwell_ms": 40_000}, "delivery"),
        ({"returns_policy_dwell_ms": 15_000}, "returns"),
        ({"reviews_dwell_ms": 30_000}, "trust"),
        ({"rage_clicks_count": 2, "dead_clicks_count": 4}, "technical"),
        ({"payment_failures_count": 1}, "technical"),
    ],
)
def test_behaviour_speaks_of_its_concern(signals: dict[str, float], expected: str) -> None:
    """What a shopper does longest or most tells what worries them."""
    found = concern(signals)
    assert max(found, key=found.__getitem__) == expected


def test_a_glance_is_no_evidence() -> None:
    """Up to `free` a signal says nothing."""
    assert concern({row.signal: row.free for row in EVIDENCE}) == {}
    assert concern({}) == {}


def test_the_table_names_signals_that_exist() -> None:
    """Every signal of the table is measured, every weight belongs to a concern."""
    known = {signal.name for signal in SIGNALS}
    assert set(SIGNAL_NAMES) <= known
    assert len(set(SIGNAL_NAMES)) == len(SIGNAL_NAMES)
    for row in EVIDENCE:
        assert set(row.weights) <= set(CONCERNS)
        assert all(weight > 0 for weight in row.weights.values())
        assert row.half > 0
