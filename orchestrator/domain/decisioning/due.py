"""When a decision is due: a SignalSet, compiled."""

from collections.abc import Mapping
from typing import Final

from orchestrator.domain.decisioning.conditions import leaves
from orchestrator.domain.decisioning.gates import Test, compile_tree
from orchestrator.domain.decisioning.kinds import SignalSet
from orchestrator.domain.decisioning.situation import Situation

_ASK: Final = 0
_DUE: Final = 1
_URGENT: Final = 2
"""How an event makes a decision due: where its signals say so, by itself, and sooner."""


class DueRules:
    """The moments to decide at.

    They depend on what the shopper does alone, on no model and no draw: so runs with different
    models decide at the same moments.
    """

    __slots__ = (
        "_conditions",
        "_silence_ms",
        "_spacing_ms",
        "_urgent_spacing_ms",
        "_ways",
        "asked",
    )

    def __init__(self, signals: SignalSet) -> None:
        self._conditions = _by_event(signals)
        self._ways: dict[str, int] = dict.fromkeys(self._conditions, _ASK)
        self._ways.update(dict.fromkeys(signals.events, _DUE))
        self._ways.update(dict.fromkeys(signals.urgent_events, _URGENT))
        self.asked = _asked(signals)
        """Names of the signals that `confirms` looks at, by event type."""
        self._spacing_ms: int = signals.decision_spacing_ms
        self._urgent_spacing_ms: int = signals.urgent_spacing_ms
        self._silence_ms: dict[str, int] = {str(at): ms for at, ms in signals.silence_ms.items()}

    def after_event(self, event_type: str, now_ms: int, last_decision_ms: int) -> bool | None:
        """Whether an event makes a decision due; None: where its signals say so, see `confirms`.

        Args:
            event_type: Type of the event just added.
            now_ms: The profile's own time.
            last_decision_ms: Latest decision of the session; 0: none.
        """
        way = self._ways.get(event_type)
        if way is None:
            return False
        since_ms = now_ms - last_decision_ms
        if way == _URGENT:
            return since_ms >= self._urgent_spacing_ms
        if since_ms < self._spacing_ms:
            return False
        return True if way == _DUE else None

    def confirms(self, event_type: str, signals: dict[str, float]) -> bool:
        """Whether the session's signals make a decision due after an event of this type.

        Args:
            event_type: Type of the event just added.
            signals: Values by name, at least of those in `asked`; what is missing is 0.
        """
        tests = self._conditions.get(event_type)
        if tests is None:
            return False
        situation = _signals_only(signals)
        for test in tests:  # noqa: SIM110 - a generator costs more than the loop
            if test.refusal(situation) is None:
                return True
        return False

    def after_silence_ms(self, stage: str, last_ms: int, last_decision_ms: int) -> int:
        """When silence makes a decision due; 0: not before the next event.

        One that was made since the last event, by silence or for another reason, is enough.

        Args:
            stage: Where the shopper is.
            last_ms: Latest event of the session.
            last_decision_ms: Latest decision of the session; 0: none.
        """
        wait_ms = self._silence_ms.get(stage)
        if wait_ms is None or last_decision_ms > last_ms:
            return 0
        return last_ms + wait_ms


def _by_event(signal_set: SignalSet) -> Mapping[str, tuple[Test, ...]]:
    tests: dict[str, tuple[Test, ...]] = {}
    for condition in signal_set.conditions:
        test = compile_tree(condition.when, "due")
        for event in condition.events:
            tests[event] = (*tests.get(event, ()), test)
    return tests


def _asked(signal_set: SignalSet) -> Mapping[str, frozenset[str]]:
    asked: dict[str, frozenset[str]] = {}
    for condition in signal_set.conditions:
        names = frozenset(leaf.signal for leaf in leaves(condition.when) if leaf.signal)
        for event in condition.events:
            asked[event] = asked.get(event, frozenset()) | names
    return asked


def _signals_only(signals: dict[str, float]) -> Situation:
    return Situation(
        now_ms=0,
        profile_id="",
        session_id=None,
        stage="",
        risk=0.0,
        concern={},
        signals=signals,
        facts={},
        consent={},
    )
