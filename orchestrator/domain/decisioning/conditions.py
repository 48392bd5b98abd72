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

_Compare: TypeAlias = Callable[[Any, Any], bool]
_COMPARE: dict[str, _Compare] = {
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
_TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "number": (int, float),
    "bool": bool,
}
_OWN = frozenset({"stage", "risk", "trigger", "follow_up"})
"""Facts that a situation has as fields of its own; they are always known."""
_CONCERN = "concern."
DEPTH_MAX = 6


class Part(BaseModel):
    """A piece of a policy: nothing unknown in it, and never changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


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


def parts_of(node: Node) -> tuple[Node, ...]:
    """A tree as parts that must all hold, in order, with the same reasons: plain alls opened."""
    if isinstance(node, AllOf) and node.reason is None:
        return tuple(part for branch in node.all for part in parts_of(branch))
    return (node,)


def _leaf(leaf: Leaf, code: str) -> Refusal:
    if leaf.signal is not None:
        return _signal_leaf(leaf.signal, _COMPARE[leaf.op], leaf.value, code)
    fact = leaf.fact or ""
    if leaf.op in _EXISTENCE:
        return _existence_leaf(fact, leaf.op == "unknown", code)
    bound = frozenset(leaf.value) if isinstance(leaf.value, tuple) else leaf.value
    return _fact_leaf(fact, _COMPARE[leaf.op], bound, code)


def _signal_leaf(signal: str, holds: _Compare, bound: Any, code: str) -> Refusal:
    def refusal(situation: Situation) -> str | None:
        return None if holds(situation.signals.get(signal, 0.0), bound) else code

    return refusal


def _fact_leaf(fact: str, holds: _Compare, bound: Any, code: str) -> Refusal:
    if fact in _OWN or fact.startswith(_CONCERN):
        read = reader(fact)

        def of_own(situation: Situation) -> str | None:
            return None if holds(read(situation), bound) else code

        return of_own

    def refusal(situation: Situation) -> str | None:
        value = situation.facts.get(fact)
        return None if value is not None and holds(value, bound) else code

    return refusal


def _existence_leaf(fact: str, wanted: bool, code: str) -> Refusal:  # noqa: FBT001 - a leaf's value
    read = reader(fact)

    def refusal(situation: Situation) -> str | None:
        return None if (read(situation) is None) is wanted else code

    return refusal


def reader(fact: str) -> Callable[[Situation], Any]:
    """A function that reads a fact from a situation; None where it is unknown."""
    if fact in _OWN:
        return operator.attrgetter(fact)
    if fact.startswith(_CONCERN):
        concern = fact.removeprefix(_CONCERN)
        return lambda situation: situation.concern.get(concern, 0.0)
    return lambda situation: situation.facts.get(fact)
