"""Conditions: trees of all, any and none, whose every leaf carries a reason code. No eval.

What is unknown never satisfies a comparison: a fact that is None or missing fails every leaf but
`unknown`. A signal that is missing is 0: nothing was counted. `gates.compile_tree` makes tests of
them.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from orchestrator.domain.decisioning.situation import FACTS

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

ORDERED = frozenset({"at_least", "at_most", "above", "below"})
_LISTS = frozenset({"in", "not_in"})
EXISTENCE = frozenset({"known", "unknown"})
_TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "number": (int, float),
    "bool": bool,
}
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
        if self.op in EXISTENCE:
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


def parts_of(node: Node) -> tuple[Node, ...]:
    """A tree as parts that must all hold, in order, with the same reasons: plain alls opened."""
    if isinstance(node, AllOf) and node.reason is None:
        return tuple(part for branch in node.all for part in parts_of(branch))
    return (node,)
