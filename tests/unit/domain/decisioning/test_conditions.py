"""Conditions mean what they say; compiled trees agree with a plain reading of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import (
    SearchStrategy,
    booleans,
    builds,
    dictionaries,
    floats,
    integers,
    just,
    lists,
    none,
    one_of,
    recursive,
    sampled_from,
)
from pydantic import TypeAdapter, ValidationError

from orchestrator.domain.decisioning.conditions import Node, leaves
from orchestrator.domain.decisioning.gates import compile_tree
from tests.unit.domain.decisioning.situations import situation

ADAPTER: TypeAdapter[Any] = TypeAdapter(Node)
numbers = integers(-3, 3)
number_leaves = builds(
    lambda source, op, value, reason: {**source, "op": op, "value": value, "reason": reason},
    sampled_from([{"fact": "orders_count"}, {"signal": "a_count"}, {"signal": "b_count"}]),
    sampled_from(["equals", "differs", "at_least", "at_most", "above", "below"]),
    numbers,
    sampled_from(["one", "two", "three"]),
)
list_leaves = builds(
    lambda op, value: {"fact": "orders_count", "op": op, "value": value, "reason": "listed"},
    sampled_from(["in", "not_in"]),
    lists(numbers, max_size=3),
)
known_leaves = sampled_from(["known", "unknown"]).map(
    lambda op: {"fact": "orders_count", "op": op, "reason": "existence"}
)
bool_leaves = booleans().map(
    lambda value: {"fact": "is_member", "op": "equals", "value": value, "reason": "member"}
)
plain = one_of(number_leaves, list_leaves, known_leaves, bool_leaves)


def _node(tree: dict[str, Any]) -> Any:
    return ADAPTER.validate_json(json.dumps(tree))


def _grow(children: SearchStrategy[dict[str, Any]]) -> SearchStrategy[dict[str, Any]]:
    branches = lists(children, min_size=1, max_size=3)
    return builds(
        lambda form, parts, reason: {form: parts, **reason},
        sampled_from(["all", "any", "none"]),
        branches,
        one_of(just({}), just({"reason": "whole"})),
    )


trees = recursive(plain, _grow, max_leaves=8)
facts = dictionaries(just("orders_count"), one_of(none(), numbers), max_size=1)
signals = dictionaries(sampled_from(["a_count", "b_count"]), numbers.map(float))


def _holds(tree: dict[str, Any], known: dict[str, Any], measured: dict[str, float]) -> bool:
    """The documented meaning, written down once more without any compiling."""
    for form, joined in (("all", all), ("any", any)):
        if form in tree:
            return joined(_holds(part, known, measured) for part in tree[form])
    if "none" in tree:
        return not any(_holds(part, known, measured) for part in tree["none"])
    value: Any = measured.get(tree["signal"], 0.0) if "signal" in tree else known.get(tree["fact"])
    if tree["op"] == "unknown":
        return value is None
    if value is None:
        return False
    bound: Any = tree.get("value")
    meaning: dict[str, Callable[[], bool]] = {
        "known": lambda: True,
        "equals": lambda: value == bound,
        "differs": lambda: value != bound,
        "at_least": lambda: value >= bound,
        "at_most": lambda: value <= bound,
        "above": lambda: value > bound,
        "below": lambda: value < bound,
        "in": lambda: value in bound,
        "not_in": lambda: value not in bound,
    }
    return meaning[tree["op"]]()


@given(tree=trees, known=facts, measured=signals, member=one_of(none(), booleans()))
def test_a_compiled_tree_agrees_with_its_plain_meaning(
    tree: dict[str, Any],
    known: dict[str, Any],
    measured: dict[str, float],
    member: bool | None,  # noqa: FBT001 - a fact's value
) -> None:
    """It holds exactly when it should, and a refusal is a reason that stands in the tree."""
    known = {"orders_count": None, "is_member": member, **known}
    node = _node(tree)
    refused = compile_tree(node, "gate").refusal(situation(measured, known))
    assert (refused is None) == _holds(tree, known, measured)
    if refused is not None:
        assert refused in {f"gate.{leaf.reason}" for leaf in leaves(node)} | {"gate.whole"}


@given(risk=floats(0, 1), bound=floats(0, 1))
def test_risk_and_concern_are_facts(risk: float, bound: float) -> None:
    """What the situation itself holds is asked for by name."""
    for fact in ("risk", "concern.price"):
        leaf = {"fact": fact, "op": "at_least", "value": bound, "reason": "enough"}
        test = compile_tree(_node(leaf), "eligible")
        seen = situation(risk=risk, concern={"price": risk})
        assert (test.refusal(seen) is None) == (risk >= bound)


@pytest.mark.parametrize(
    ("leaf", "problem"),
    [
        ({"op": "equals", "value": 1, "reason": "x"}, "either `fact` or `signal`"),
        ({"fact": "risk", "signal": "a", "op": "equals", "value": 1, "reason": "x"}, "either"),
        ({"fact": "rsik", "op": "equals", "value": 1, "reason": "x"}, "no fact is called 'rsik'"),
        ({"fact": "stage", "op": "above", "value": "cart", "reason": "x"}, "orders numbers"),
        ({"fact": "stage", "op": "equals", "value": 3, "reason": "x"}, "is a text, not 3"),
        ({"fact": "orders_count", "op": "equals", "value": "3", "reason": "x"}, "is a number"),
        ({"fact": "orders_count", "op": "equals", "value": True, "reason": "x"}, "is a number"),
        ({"fact": "is_member", "op": "equals", "value": 1, "reason": "x"}, "is a bool, not 1"),
        ({"fact": "stage", "op": "in", "value": "cart", "reason": "x"}, "needs a list"),
        ({"fact": "stage", "op": "equals", "value": ["cart"], "reason": "x"}, "needs a value"),
        ({"fact": "stage", "op": "equals", "reason": "x"}, "needs a value"),
        ({"fact": "stage", "op": "known", "value": 1, "reason": "x"}, "takes no `value`"),
        ({"signal": "a_count", "op": "known", "reason": "x"}, "asks for a fact"),
        ({"fact": "stage", "op": "equals", "value": "cart"}, "Field required"),
        ({"fact": "stage", "op": "equals", "value": "cart", "reason": "Not a code"}, "pattern"),
        ({"fact": "stage", "op": "eval", "value": "cart", "reason": "x"}, "Input should be"),
        ({"all": []}, "at least 1"),
        ({"all": [], "any": []}, "not permitted"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(leaf: dict[str, Any], problem: str) -> None:
    """Wrong names, types and forms are found when policies are read, not when a shopper waits."""
    with pytest.raises(ValidationError, match=problem):
        _node(leaf)
