"""Conditions: trees of all, any and none, whose every leaf carries a reason code. No eval.

A tree compiles to one function of a situation that returns None where it holds, else the reason
code of the leaf that broke it.

What is unknown never satisfies a comparison: a fact that is None or missing fails every leaf but
`unknown`. A signal that is missing is 0: nothing was counted.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from orchestrator.domain.decisioning.situation import FACTS, Situation

Refusal: TypeAlias = Callable[[Situation], str | None]
"""A compiled condition: None where it holds, else the reason code."""
Reason = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A reason code: lower case, digits, underscores."""
Operator = Literal[
    "equals",
    "differs",
    "at_least",
    "at_most",
    "above",
    "below",
    "in",
    "not_in",
    "known",
    "unknown",
]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq,
    "differs": operator.ne,
    "at_least": operator.ge,
    "at_most": operator.le,
    "above": operator.gt,
    "below": operator.lt,
    "in": lambda value, bound: value in bound,
    "not_in": lambda value, bound: value not in bound,
}
ORDERED = frozenset({"at_least", "at_most", "above", "below"})
_LISTS = frozenset({"in", "not_in"})
_EXISTENCE = frozenset({"known", "unknown"})
_TYPES = {"text": str, "number": (int, float), "bool": bool}
DEPTH_MAX = 6


class Part(BaseModel):
    """A piece of a policy: nothing unknown in it, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Leaf(Part):
    """One comparison of a fact or a signal with a value."""

    fact: str | None = None
    """Name of a fact; see the table in docs/policies.md."""
    signal: str | None = None
    """Name of a micro-signal; counts, milliseconds, shares."""
    op: Operator
    """How to compare."""
    value: bool | int | float | str | tuple[bool | int | float | str, ...] | None = None
    """What to compare with; a list for `in` and `not_in`, none for `known` and `unknown`."""
    reason: Reason
    """Code that tells why the condition failed, e.g. `no_failed_payment`."""

    @model_validator(mode="after")
    def _fits(self) -> "Leaf":
        if (self.fact is None) == (self.signal is None):
            raise ValueError("name either `fact` or `signal`")
        if self.fact is not None and self.fact not in FACTS:
            raise ValueError(f"no fact is called {self.fact!r}; known: {', '.join(FACTS)}")
        if self.op in _EXISTENCE:
            if self.value is not None or self.fact is None:
                raise ValueError(f"`{self.op}` asks for a fact and takes no `value`")
            return self
        if (self.op in _LISTS) != isinstance(self.value, tuple) or self.value is None:
            raise ValueError(f"`{self.op}` needs a {'list' if self.op in _LISTS else 'value'}")
        kind = FACTS[self.fact].type if self.fact is not None else "number"
        if self.op in ORDERED and kind != "number":
            raise ValueError(f"`{self.op}` orders numbers; `{self.fact}` is a {kind}")
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        for value in values:
            if not isinstance(value, _TYPES[kind]) or isinstance(value, bool) != (kind == "bool"):
                raise ValueError(f"`{self.fact or self.signal}` is a {kind}, not {value!r}")
        return self


class AllOf(Part):
    """Holds when every branch holds."""

    all: Annotated[tuple["Node", ...], Field(min_length=1, max_length=32)]
    reason: Reason | None = None
    """Told instead of the branch's own reason."""


class AnyOf(Part):
    """Holds when one branch holds."""

    any: Annotated[tuple["Node", ...], Field(min_length=1, max_length=32)]
    reason: Reason | None = None
    """Told instead of the first branch's reason."""


class NoneOf(Part):
    """Holds when no branch holds."""

    none: Annotated[tuple["Node", ...], Field(min_length=1, max_length=32)]
    reason: Reason | None = None
    """Told instead of the reason of the branch that held."""


def _form(node: Any) -> str:
    names = node if isinstance(node, dict) else type(node).model_fields
    return next((name for name in ("all", "any", "none") if name in names), "leaf")


Node: TypeAlias = Annotated[
    Annotated[AllOf, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[NoneOf, Tag("none")]
    | Annotated[Leaf, Tag("leaf")],
    Discriminator(_form),
]
"""A condition: a leaf, or all, any, none of several."""

for _model in (AllOf, AnyOf, NoneOf):
    _model.model_rebuild()


def branches(node: Node) -> tuple[Node, ...]:
    """The children of a node; none of a leaf."""
    if isinstance(node, AllOf):
        return node.all
    if isinstance(node, AnyOf):
        return node.any
    if isinstance(node, NoneOf):
        return node.none
    return ()


def leaves(node: Node | None) -> Iterator[Leaf]:
    """Every leaf of a tree, in file order."""
    if isinstance(node, Leaf):
        yield node
    elif node is not None:
        for branch in branches(node):
            yield from leaves(branch)


def depth(node: Node) -> int:
    """Levels of a tree; a leaf is 1."""
    return 1 + max((depth(branch) for branch in branches(node)), default=0)


def compile_tree(node: Node, prefix: str) -> Refusal:
    """A function that tells why the condition fails.

    Args:
        node: The tree.
        prefix: Gate the reasons belong to: `eligible` makes `eligible.<reason>`.
    """
    if isinstance(node, Leaf):
        return _leaf(node, f"{prefix}.{node.reason}")
    reason = f"{prefix}.{node.reason}" if node.reason else None
    parts = tuple(compile_tree(branch, prefix) for branch in branches(node))
    if isinstance(node, AllOf):
        return _all(parts, reason)
    if isinstance(node, AnyOf):
        return _any(parts, reason)
    codes = tuple(f"{prefix}.{next(leaves(branch)).reason}" for branch in branches(node))
    return _none(parts, codes if reason is None else (reason,) * len(parts))


def _all(parts: tuple[Refusal, ...], reason: str | None) -> Refusal:
    if reason is None and len(parts) == 1:
        return parts[0]

    def refusal(situation: Situation) -> str | None:
        for part in parts:
            refused = part(situation)
            if refused is not None:
                return reason or refused
        return None

    return refusal


def _any(parts: tuple[Refusal, ...], reason: str | None) -> Refusal:
    def refusal(situation: Situation) -> str | None:
        first: str | None = None
        for part in parts:
            refused = part(situation)
            if refused is None:
                return None
            first = first or refused
        return reason or first

    return refusal


def _none(parts: tuple[Refusal, ...], codes: tuple[str, ...]) -> Refusal:
    pairs = tuple(zip(parts, codes, strict=True))

    def refusal(situation: Situation) -> str | None:
        for part, code in pairs:
            if part(situation) is None:
                return code
        return None

    return refusal


def _leaf(leaf: Leaf, code: str) -> Refusal:
    bound = leaf.value
    if leaf.signal is not None:
        signal, holds = leaf.signal, _COMPARE[leaf.op]

        def of_signal(situation: Situation) -> str | None:
            return None if holds(situation.signals.get(signal, 0.0), bound) else code

        return of_signal
    read = reader(leaf.fact or "")
    if leaf.op in _EXISTENCE:
        wanted = leaf.op == "unknown"

        def existence(situation: Situation) -> str | None:
            return None if (read(situation) is None) is wanted else code

        return existence
    compare = _COMPARE[leaf.op]
    if isinstance(bound, tuple):
        bound = frozenset(bound)

    def of_fact(situation: Situation) -> str | None:
        value = read(situation)
        return None if value is not None and compare(value, bound) else code

    return of_fact


def reader(fact: str) -> Callable[[Situation], Any]:
    """A function that reads a fact from a situation; None where it is unknown."""
    if fact in {"stage", "risk", "trigger", "follow_up"}:
        return operator.attrgetter(fact)
    if fact.startswith("concern."):
        concern = fact.removeprefix("concern.")
        return lambda situation: situation.concern.get(concern, 0.0)
    return lambda situation: situation.facts.get(fact)
