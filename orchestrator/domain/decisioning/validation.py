"""Plain documents to typed ones, and what they owe one another. Errors name file and way out."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from orchestrator.domain.decisioning.action import Action
from orchestrator.domain.decisioning.conditions import DEPTH_MAX, Node, depth, leaves
from orchestrator.domain.decisioning.documents import Parsed
from orchestrator.domain.decisioning.guard import zone
from orchestrator.domain.decisioning.kinds import (
    Arbitration,
    ContactPolicy,
    Document,
    EngagementPolicy,
    Experiment,
    Journey,
    Reward,
    SignalSet,
)
from orchestrator.domain.decisioning.texts import Rendered
from orchestrator.errors import InvalidPolicy

AnyDocument: TypeAlias = Annotated[
    SignalSet
    | Action
    | EngagementPolicy
    | ContactPolicy
    | Arbitration
    | Reward
    | Experiment
    | Journey,
    Field(discriminator="kind"),
]
ADAPTER: TypeAdapter[Any] = TypeAdapter(AnyDocument)
REQUIRED = ("SignalSet", "EngagementPolicy", "ContactPolicy")
SINGLE = (*REQUIRED, "Arbitration", "Reward", "Experiment")
"""Kinds of which one at most is in force."""
FLOORS_MAX = 0.5
VALUE_MAX = 60
CHECK = "`orchestrator policy check` tells when it is right; docs/policies.md has the reference."


ADAPTER_KINDS = frozenset((*SINGLE, "Action", "Journey"))
"""Kinds; pydantic puts the tag of a union into the path of an error."""


class Placed:
    """A validated document with the place it came from, for errors."""

    __slots__ = ("document", "parsed")

    def __init__(self, parsed: Parsed, document: Document) -> None:
        self.parsed = parsed
        self.document = document

    @property
    def kind(self) -> str:
        return type(self.document).__name__

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.document.name}"

    def error(self, path: Sequence[str | int], problem: str, way_out: str) -> InvalidPolicy:
        """What is wrong at a path of this document."""
        return _error(self.parsed, path, f"{self.key}: ", problem, way_out)


def _error(
    parsed: Parsed, path: Sequence[str | int], subject: str, problem: str, way_out: str
) -> InvalidPolicy:
    steps, value = _walk(parsed.data, path)
    told = f" (is {_short(value)})" if value is not None else ""
    at = f"`{steps}`: " if steps else ""
    return InvalidPolicy(
        f"{parsed.where(path)}: {subject}{at}{problem}{told}.", way_out=f"{way_out} {CHECK}"
    )


def _walk(data: Any, path: Sequence[str | int]) -> tuple[str, Any]:
    """The path as a person writes it, without the tags of unions, and the value there."""
    text, value = "", data
    for at, step in enumerate(path):
        if isinstance(step, int) and isinstance(value, Sequence) and step < len(value):
            text, value = f"{text}[{step}]", value[step]
        elif isinstance(value, Mapping) and step in value:
            text, value = f"{text}.{step}", value[step]
        elif at == len(path) - 1 and isinstance(value, Mapping) and step != "leaf":
            text, value = f"{text}.{step}", None
    return text.removeprefix("."), value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= VALUE_MAX else text[:VALUE_MAX] + "..."


def validate(parsed: Iterable[Parsed], signals: Collection[str] | None) -> list[Placed]:
    """Typed documents that fit together.

    Args:
        parsed: Plain documents.
        signals: Names of the signals there are; None: signals are not checked.

    Raises:
        InvalidPolicy: One is not right, or together they are no valid set.
    """
    placed = [Placed(one, typed(one)) for one in parsed]
    _check_distinct(placed)
    for one in placed:
        _check_conditions(one, signals)
    _check_numbers(placed)
    actions = {
        one.document.name: one.document for one in placed if isinstance(one.document, Action)
    }
    for one in placed:
        _check_document(one, actions)
    _check_together(placed)
    return placed


def _check_distinct(placed: Iterable[Placed]) -> None:
    by_key: dict[str, Placed] = {}
    for one in placed:
        if one.key in by_key:
            raise one.error(
                ("name",),
                f"stands in {by_key[one.key].parsed.where(())} already",
                "Rename or remove one of them.",
            )
        by_key[one.key] = one


def _check_document(one: Placed, actions: Mapping[str, Action]) -> None:
    document = one.document
    if isinstance(document, Action):
        _check_texts(one, document)
    elif isinstance(document, EngagementPolicy):
        for index, name in enumerate(document.actions):
            _check_name(one, ("actions", index), name, actions, "action")
    elif isinstance(document, Journey):
        _check_journey(one, document, actions)
    elif isinstance(document, Experiment):
        _check_experiment(one, document, actions)
    elif isinstance(document, ContactPolicy):
        _check_contact(one, document, actions.values())


def typed(parsed: Parsed) -> Document:
    """One document by itself; raises `InvalidPolicy` where a field is wrong."""
    data = parsed.data
    name = f"{data.get('kind')}/{data.get('name')}: " if isinstance(data, Mapping) else ""
    try:
        # As JSON: strict about types, where a list may still become a tuple.
        document: Document = ADAPTER.validate_json(json.dumps(data))
    except ValidationError as error:
        found = error.errors(include_url=False)
        first = found[0]
        path = [step for step in first["loc"] if step not in ADAPTER_KINDS]
        problem = first["msg"].removeprefix("Value error, ")
        more = f" ({len(found) - 1} more below)" if len(found) > 1 else ""
        raise _error(
            parsed, path, name, problem[:1].lower() + problem[1:] + more, "Correct it there."
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise _error(
            parsed, (), name, f"holds what JSON does not have ({error})", "Use plain values."
        ) from error
    return document


def trees(document: Document) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    """Every condition of a document with its path."""
    for gate in ("eligible", "applicable", "suitable"):
        tree: Node | None = getattr(document, gate, None)
        if tree is not None:
            yield (gate,), tree
    for field in ("conditions", "treatments", "suppressions"):
        for index, part in enumerate(getattr(document, field, ())):
            if part.when is not None:
                yield (field, index, "when"), part.when


def _check_conditions(one: Placed, signals: Collection[str] | None) -> None:
    for path, tree in trees(one.document):
        if depth(tree) > DEPTH_MAX:
            raise one.error(path, f"nested deeper than {DEPTH_MAX} levels", "Flatten it.")
        for leaf in leaves(tree):
            if leaf.signal is None and isinstance(one.document, SignalSet):
                raise one.error(
                    path,
                    f"asks for the fact `{leaf.fact}`",
                    "A SignalSet may ask for signals only.",
                )
            if leaf.signal is not None and signals is not None:
                _check_name(one, path, leaf.signal, signals, "signal")


def _check_name(
    one: Placed, path: tuple[str | int, ...], name: str, known: Collection[str], what: str
) -> None:
    if name in known:
        return
    close = get_close_matches(name, list(known), n=1)
    hint = f"Did you mean `{close[0]}`?" if close else f"Known: {', '.join(sorted(known)[:40])}."
    raise one.error(path, f"no {what} is called `{name}`", hint)


def _check_numbers(placed: Sequence[Placed]) -> None:
    for kind in SINGLE:
        found = [one for one in placed if one.kind == kind]
        if len(found) > 1:
            raise found[1].error(
                ("name",),
                f"a second {kind}; {found[0].key} stands in {found[0].parsed.where(())}",
                "One of a kind is in force: remove one.",
            )
        if not found and kind in REQUIRED:
            sources = ", ".join(sorted({one.parsed.source for one in placed})) or "nothing"
            raise InvalidPolicy(
                f"No {kind} among the policies read ({sources}).",
                way_out="Add one, or start from the shipped files in `orchestrator/policies`.",
            )


def _check_texts(one: Placed, action: Action) -> None:
    offered = set(offer_values(action))
    last = len(action.treatments) - 1
    for index, treatment in enumerate(action.treatments):
        for language, text in treatment.content.items():
            path = ("treatments", index, "content", language)
            try:
                rendered = Rendered(text.headline, text.body, text.cta)
            except ValueError as error:
                raise one.error(path, str(error), "Use a name of the list.") from error
            for name in rendered.names:
                if name.startswith("offer_") and name not in offered:
                    raise one.error(
                        path, f"names `{name}`, which this offer has not", "Change text or offer."
                    )
            if index == last and rendered.needs:
                raise one.error(
                    path,
                    f"the last treatment needs {', '.join(sorted(rendered.needs))}",
                    "Facts may be unknown: add a treatment after it that names none.",
                )


def offer_values(action: Action) -> dict[str, float]:
    """Values of the offer that texts may name; the amount depends on the cart and is 0 here."""
    offer = action.offer
    if offer is None:
        return {}
    values: dict[str, float] = {
        "offer_minutes": offer.expires_after_ms // 60_000,
        "offer_hours": offer.expires_after_ms // 3_600_000,
    }
    if offer.share is not None:
        values["offer_share"] = offer.share
    if offer.share is not None or offer.amount_cents:
        values["offer_amount"] = 0
    return values


def _check_journey(one: Placed, journey: Journey, actions: Mapping[str, Action]) -> None:
    for index, follow_up in enumerate(journey.follow_ups):
        for name in follow_up.actions:
            path = ("follow_ups", index, "actions")
            _check_name(one, path, name, actions, "action")
            if "follow_up" not in actions[name].triggers:
                raise one.error(
                    path,
                    f"`{name}` takes no part in follow-ups",
                    "Add `follow_up` to its `triggers`.",
                )


def _check_experiment(one: Placed, experiment: Experiment, actions: Mapping[str, Action]) -> None:
    for index, arm in enumerate(experiment.arms):
        for name in arm.without:
            _check_name(one, ("arms", index, "without"), name, actions, "action")
        for name, wanted in arm.treatments.items():
            path = ("arms", index, "treatments", name)
            _check_name(one, path, name, actions, "action")
            names = [treatment.name for treatment in actions[name].treatments]
            _check_name(one, path, wanted, names, f"treatment of `{name}`")


def _check_contact(one: Placed, policy: ContactPolicy, actions: Iterable[Action]) -> None:
    groups = {action.group for action in actions}
    for group in policy.cooldowns_ms:
        _check_name(one, ("cooldowns_ms", group), group, groups, "action's group")
    for field in ("caps", "suppressions"):
        for index, rule in enumerate(getattr(policy, field)):
            for group in rule.groups or ():
                _check_name(one, (field, index, "groups"), group, groups, "action's group")
    if zone(policy.time_zone_default) is None:
        raise one.error(
            ("time_zone_default",), "no such time zone", "Use an IANA name, e.g. Europe/Berlin."
        )


def _check_together(placed: Sequence[Placed]) -> None:
    contact = next(one.document for one in placed if isinstance(one.document, ContactPolicy))
    engagement = next(one.document for one in placed if isinstance(one.document, EngagementPolicy))
    for one in placed:
        document = one.document
        if isinstance(document, Action) and document.offer is not None:
            budget = document.offer.budget
            if budget is not None:
                path = ("offer", "budget")
                _check_name(one, path, budget, contact.daily_budgets_cents, "daily budget")
        if isinstance(document, Arbitration):
            floors = document.floor_share * (len(engagement.actions) + 1)
            if floors > FLOORS_MAX:
                raise one.error(
                    ("floor_share",),
                    f"the floors of all candidates add up to {floors:.2f}",
                    f"Keep their sum at {FLOORS_MAX} at most.",
                )
