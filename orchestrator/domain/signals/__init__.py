"""Signals: what a session tells of its shopper, each with a name, a unit and a bound."""

from orchestrator.domain.signals.declarations import SIGNALS, Signal
from orchestrator.domain.signals.features import FEATURES, FactsView, features
from orchestrator.domain.signals.page import markdown
from orchestrator.domain.signals.values import NAMES, parts_of, values

__all__ = [
    "FEATURES",
    "NAMES",
    "SIGNALS",
    "FactsView",
    "Signal",
    "features",
    "markdown",
    "parts_of",
    "values",
]
