"""Write version 0 of the risk model, the one that ships: a prior, worth a few hundred rows.

The table is a merchandiser's: which way a feature points and roughly how far, per unit of the
fixed transforms of `orchestrator.domain.signals` (most lie in [0, 2]). It is not fitted to any
shop. It is held weakly: the learner overrules it within some hundred sessions.

    python -m benchmarks.quality.risk_prior          writes orchestrator/online/shipped/risk.v0.json
"""

import json
from pathlib import Path

from orchestrator.domain.signals import FEATURES
from orchestrator.messages.base import TIME_MIN_MS
from orchestrator.online.snapshots import FORMAT, Snapshot, read

PATH = Path(__file__).parents[2] / "orchestrator" / "online" / "shipped" / "risk.v0.json"
BROWSING_LOGITS = 2.2
"""Log odds of leaving without an order for somebody who browses: nine in ten do."""
TABLE: dict[str, tuple[float, float, float]] = {
    # name: (log odds a unit, typical mean, typical spread)
    "stage_product": (-0.3, 0.25, 0.43),
    "stage_cart": (-1.3, 0.25, 0.43),
    "stage_checkout": (-1.6, 0.10, 0.30),
    "stage_shipping": (-1.6, 0.12, 0.33),
    "stage_payment": (-2.0, 0.12, 0.33),
    "stage_review": (-2.8, 0.05, 0.22),
    "events_log": (-0.3, 0.60, 0.20),
    "age_log": (0.0, 1.20, 0.30),
    "silence_log": (0.6, 0.30, 0.40),
    "longest_gap_log": (0.2, 0.90, 0.25),
    "refreshes_log": (0.2, 0.20, 0.40),
    "cursor_wander_log": (0.2, 0.40, 0.30),
    "shipping_cost_dwell_log": (0.3, 0.20, 0.40),
    "delivery_dates_dwell_log": (0.2, 0.15, 0.35),
    "returns_policy_dwell_log": (0.2, 0.15, 0.35),
    "price_dwell_log": (0.2, 0.20, 0.40),
    "reviews_dwell_log": (-0.1, 0.20, 0.40),
    "payment_trouble_log": (0.4, 0.10, 0.30),
    "coupon_attempts_log": (0.1, 0.10, 0.30),
    "tab_hidden_log": (0.3, 0.15, 0.30),
    "frustration_log": (0.4, 0.10, 0.25),
    "exit_intents_log": (0.6, 0.15, 0.35),
    "cart_value_log": (0.1, 0.40, 0.40),
    "products_distinct_log": (0.1, 0.60, 0.35),
    "price_range_log": (0.1, 0.20, 0.30),
    "steps_back_log": (0.4, 0.10, 0.30),
    "orders_count_log": (-0.4, 0.30, 0.45),
    "returns_share": (0.2, 0.05, 0.15),
    "coupon_share": (0.1, 0.05, 0.15),
    "is_member": (-0.2, 0.20, 0.40),
}
PRIOR_ROWS = 200
"""Rows the means and spreads count for."""
PRIOR_GRADIENTS = 2.0
"""AdaGrad's squared gradients so far, as after some ten rows: the first steps stay below 0.04."""


def prior() -> Snapshot:
    """The table as a snapshot over exactly the features that sessions have."""
    rows = [TABLE[name] for name in FEATURES]
    weights = [logits * spread for logits, _, spread in rows]
    state = {
        "format": FORMAT,
        "examples": 0,
        "steps": 0,
        "intercept": round(BROWSING_LOGITS + sum(w * mean for w, mean, _ in rows), 6),
        "counts": [PRIOR_ROWS] * len(rows),
        "means": [mean for _, mean, _ in rows],
        "variances": [round(spread**2, 6) for _, _, spread in rows],
        "weights": [round(weight, 6) for weight in weights],
        "gradients": [PRIOR_GRADIENTS] * len(rows),
    }
    return Snapshot("risk", 0, TIME_MIN_MS, FEATURES, state)


def main() -> None:
    """Write the file, after reading it back as a worker would."""
    value = json.dumps(prior().payload(), indent=1).encode() + b"\n"
    read(value)
    PATH.write_bytes(value)
    print(f"{PATH}: {len(FEATURES)} features")


if __name__ == "__main__":
    main()
