"""Signals: what a session tells of its shopper, each with a name, a unit and a bound."""

from orchestrator.domain.signals.declarations import SIGNALS, Signal
from orchestrator.domain.signals.features import FEATURES, features
from orchestrator.domain.signals.values import NAMES, Readings, markdown, measure, values
from orchestrator.domain.signals.view import FactsView, SessionView

__all__ = [
    "FEATURES",
    "NAMES",
    "SIGNALS",
    "FactsView",
    "Readings",
    "SessionView",
    "Signal",
    "features",
    "markdown",
    "measure",
    "values",
]
