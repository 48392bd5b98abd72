"""The signals as a page of documentation."""

from orchestrator.domain.signals.declarations import (
    BROWSING,
    CART_SIGNALS,
    DOUBT,
    READING,
    SIGNALS,
    STAGE,
    TIME,
    Signal,
)
from orchestrator.domain.signals.features import FEATURES

_SECTIONS: tuple[tuple[str, tuple[Signal, ...]], ...] = (
    ("Stage", STAGE),
    ("Time", TIME),
    ("Browsing", BROWSING),
    ("Reading", READING),
    ("Cart and checkout", CART_SIGNALS),
    ("Doubt", DOUBT),
)


def markdown() -> str:
    """The page `docs/signals.md`, written from the declarations."""
    lines = [
        "# Signals",
        "",
        "Generated from `orchestrator/domain/signals`; do not edit.",
        "",
        f"{len(SIGNALS)} signals are read from a session when a decision is due and when it ends.",
        "Each is finite and clipped to its bound. Any order of arrival within the lateness, and",
        "any duplicates, give the same values. `_60s` means the minute before the present; the",
        "others look at the session as a whole, up to the present.",
    ]
    for title, signals in _SECTIONS:
        lines += [
            "",
            f"## {title}",
            "",
            "| signal | unit | bound | definition |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| `{signal.name}` | {signal.unit} | {signal.lower:,.0f} to {signal.upper:,.0f} "
            f"| {signal.definition} |"
            for signal in signals
        ]
    lines += [
        "",
        "## Features",
        "",
        "What models see: signals and facts of the profile under fixed transforms, in this order",
        "(`orchestrator/domain/signals/features.py`).",
        "",
        ", ".join(f"`{name}`" for name in FEATURES) + ".",
        "",
    ]
    return "\n".join(lines)
