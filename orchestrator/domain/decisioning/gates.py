"""Conditions as tests of a situation: None where the condition holds, else the reason code.

Plain classes, one a form of condition, so that the hot path is a method call a leaf.
"""

from typing import Any, Final

from orchestrator.domain.decisioning.conditions import (
    EXISTENCE,
    AllOf,
    AnyOf,
    Leaf,
    Node,
    branches,
    leaves,
)
from orchestrator.domain.decisioning.situation import CONCERNS, Situation

_CONCERN: Final = "concern."
_OWN: Final = frozenset({"stage", "risk", "trigger", "follow_up"})
"""Facts that a situation has as fields of its own."""
_ALWAYS_KNOWN: Final = _OWN | {f"{_CONCERN}{name}" for name in CONCERNS}
_AT_LEAST: Final = 0
_AT_MOST: Final = 1
_ABOVE: Final = 2
_BELOW: Final = 3
_EQUALS: Final = 4
_DIFFERS: Final = 5
_IN: Final = 6
_NOT_IN: Final = 7
_OPERATORS: Final[dict[str, int]] = {
    "at_least": _AT_LEAST,
    "at_most": _AT_MOST,
    "above": _ABOVE,
    "below": _BELOW,
    "equals": _EQUALS,
    "differs": _DIFFERS,
    "in": _IN,
    "not_in": _NOT_IN,
}
"""As numbers: compiled, half the time of functions from `operator`."""


def _holds(operator: int, value: Any, bound: Any) -> bool:
    if operator == _AT_LEAST:
        held = value >= bound
    elif operator == _EQUALS:
        held = value == bound
    elif operator == _AT_MOST:
        held = value <= bound
    elif operator == _ABOVE:
        held = value > bound
    elif operator == _BELOW:
        held = value < bound
    elif operator == _DIFFERS:
        held = value != bound
    else:
        held = (value in bound) is (operator == _IN)
    return bool(held)


class Test:
    """A compiled condition."""

    __slots__ = ()

    def refusal(self, situation: Situation) -> str | None:
        """None where the condition holds, else the reason code."""
        raise NotImplementedError


class _SignalAtLeast(Test):
    """The commonest leaf."""

    __slots__ = ("bound", "code", "signal")

    def __init__(self, signal: str, bound: float, code: str) -> None:
        self.signal = signal
        self.bound = bound
        self.code = code

    def refusal(self, situation: Situation) -> str | None:
        value = situation.signals.get(self.signal)
        if value is None:
            value = 0.0
        return None if value >= self.bound else self.code


class _Comparison(Test):
    """A leaf that compares what a name stands for with a bound."""

    __slots__ = ("bound", "code", "name", "operator")

    def __init__(self, name: str, op: str, bound: Any, code: str) -> None:
        self.name = name
        self.operator: int = _OPERATORS[op]
        self.bound = bound
        self.code = code


class _Signal(_Comparison):
    __slots__ = ()

    def refusal(self, situation: Situation) -> str | None:
        held = _holds(self.operator, situation.signals.get(self.name, 0.0), self.bound)
        return None if held else self.code


class _Own(_Comparison):
    """A leaf about what the situation itself holds, which is always known."""

    __slots__ = ()

    def refusal(self, situation: Situation) -> str | None:
        held = _holds(self.operator, getattr(situation, self.name), self.bound)
        return None if held else self.code


class _Concern(_Comparison):
    __slots__ = ()

    def refusal(self, situation: Situation) -> str | None:
        held = _holds(self.operator, situation.concern.get(self.name, 0.0), self.bound)
        return None if held else self.code


class _Fact(_Comparison):
    __slots__ = ()

    def refusal(self, situation: Situation) -> str | None:
        value = situation.facts.get(self.name)
        held = value is not None and _holds(self.operator, value, self.bound)
        return None if held else self.code


class _Known(Test):
    __slots__ = ("code", "fact", "wanted")

    def __init__(self, fact: str, wanted: bool, code: str) -> None:  # noqa: FBT001 - a leaf's value
        self.fact = fact
        self.wanted = wanted
        self.code = code

    def refusal(self, situation: Situation) -> str | None:
        known = self.fact in _ALWAYS_KNOWN or situation.facts.get(self.fact) is not None
        return None if known is self.wanted else self.code


class _Branches(Test):
    """Several conditions, and the reason to tell instead of theirs."""

    __slots__ = ("parts", "reason")

    def __init__(self, parts: tuple[Test, ...], reason: str | None) -> None:
        self.parts = parts
        self.reason = reason


class _All(_Branches):
    __slots__ = ()

    def refusal(self, situation: Situation) -> str | None:
        for part in self.parts:
            refused = part.refusal(situation)
            if refused is not None:
                return self.reason or refused
        return None


class _Any(_Branches):
    __slots__ = ()

    def refusal(self, situation: Situation) -> str | None:
        first: str | None = None
        for part in self.parts:
            refused = part.refusal(situation)
            if refused is None:
                return None
            if first is None:
                first = refused
        return self.reason or first


class _None(Test):
    __slots__ = ("parts",)

    def __init__(self, parts: tuple[tuple[Test, str], ...]) -> None:
        self.parts = parts

    def refusal(self, situation: Situation) -> str | None:
        for part, code in self.parts:
            if part.refusal(situation) is None:
                return code
        return None


def compile_tree(node: Node, prefix: str) -> Test:
    """A test that tells why a condition fails.

    Args:
        node: The condition.
        prefix: Gate the reasons belong to: `eligible` makes `eligible.<reason>`.
    """
    if isinstance(node, Leaf):
        return _leaf(node, f"{prefix}.{node.reason}")
    reason = f"{prefix}.{node.reason}" if node.reason else None
    parts = tuple(compile_tree(branch, prefix) for branch in branches(node))
    if isinstance(node, AllOf):
        return parts[0] if reason is None and len(parts) == 1 else _All(parts, reason)
    if isinstance(node, AnyOf):
        return _Any(parts, reason)
    codes = tuple(f"{prefix}.{next(leaves(branch)).reason}" for branch in branches(node))
    return _None(tuple((part, reason or code) for part, code in zip(parts, codes, strict=True)))


def _leaf(leaf: Leaf, code: str) -> Test:
    value: Any = leaf.value
    if leaf.signal is not None:
        if leaf.op == "at_least":
            return _SignalAtLeast(leaf.signal, value, code)
        return _Signal(leaf.signal, leaf.op, value, code)
    fact = leaf.fact or ""
    if leaf.op in EXISTENCE:
        return _Known(fact, leaf.op == "known", code)
    bound = frozenset(value) if isinstance(value, tuple) else value
    if fact in _OWN:
        return _Own(fact, leaf.op, bound, code)
    if fact.startswith(_CONCERN):
        return _Concern(fact.removeprefix(_CONCERN), leaf.op, bound, code)
    return _Fact(fact, leaf.op, bound, code)
