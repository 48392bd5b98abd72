"""Signals of a session, as numbers and as a page of documentation."""

from collections.abc import Iterator, Mapping

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
from orchestrator.domain.signals.view import SessionView

NAMES: tuple[str, ...] = tuple(signal.name for signal in SIGNALS)
"""Names of the signals, in the order of `measure`."""
_TABLE = tuple((signal.value, signal.lower, signal.upper) for signal in SIGNALS)
_BY_NAME = dict(zip(NAMES, _TABLE, strict=True))


def measure(session: SessionView, now_ms: int) -> list[float]:
    """Values of all signals in the order of `NAMES`, each within its bound.

    Args:
        session: A session, open or ended.
        now_ms: The present, event time, not before the session's last event.
    """
    row: list[float] = []
    for value, lower, upper in _TABLE:
        reading = value(session, now_ms)
        if reading < lower:
            reading = lower
        elif reading > upper:
            reading = upper
        row.append(reading)
    return row


def values(session: SessionView, now_ms: int) -> dict[str, float]:
    """Values of all signals by name; arguments as of `measure`."""
    return dict(zip(NAMES, measure(session, now_ms), strict=True))


class Readings(Mapping[str, float]):
    """Signals of a session, each worked out when it is asked for.

    Args:
        session: A session, open or ended; it must not change meanwhile.
        now_ms: The present, event time, not before the session's last event.
    """

    __slots__ = ("_now_ms", "_session")

    def __init__(self, session: SessionView, now_ms: int) -> None:
        self._session = session
        self._now_ms = now_ms

    def __getitem__(self, name: str) -> float:
        value, lower, upper = _BY_NAME[name]
        return min(max(value(self._session, self._now_ms), lower), upper)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


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
